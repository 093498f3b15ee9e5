"""`./playpen play`: serves the page until Ctrl-C."""

from __future__ import annotations

import contextlib
import secrets
import signal
import socket
import threading
import webbrowser
from pathlib import Path

import uvicorn

from actors.launch import check_launch
from cluster import systems
from cluster.command.result_line import print_result
from cluster.play.access import PARAMETER
from cluster.play.config import PlayConfig, is_loopback
from cluster.play.core import Mode
from cluster.play.server import make_app
from cluster.play.sessions import Sessions
from common.errors import UsageError

MOST_BYTES = 2**22
"""A websocket closes at a message beyond this; sessions answer to shorter ones that are too long."""
SHUTDOWN_S = 20
"""Seconds within which sessions end after Ctrl-C."""


def run(config: PlayConfig, folder: Path) -> int:
    """Runs the command and returns its exit code; `folder` stays empty."""
    check_launch(config.simulator)
    return serve(config, [mode_of(name, config) for name in config.modes])


def mode_of(system: str, config: PlayConfig) -> Mode:
    """A system's tab.

    Raises:
        UsageError: there is no such system, or it has no tab.
    """
    make = getattr(systems.commands_of(system), "play_mode", None)
    if make is None:
        raise UsageError(f"modes.{system}: the system {system} cannot be played on the page")
    mode: Mode = make(config)
    return mode


def serve(config: PlayConfig, modes: list[Mode]) -> int:
    """Serves a page with these modes until a signal ends it."""
    token = config.token or (None if is_loopback(config.host) else secrets.token_urlsafe(24))
    with listening(config.host, config.port) as listener:
        sessions = Sessions(config.max_sessions, 60 * config.idle_minutes)
        app = make_app(modes, sessions, config.host, token)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,  # it would show the token
                ws="websockets-sansio",
                ws_max_size=MOST_BYTES,
                timeout_graceful_shutdown=SHUTDOWN_S,
                server_header=False,
            )
        )
        address = page_address(config.host, listener.getsockname()[1], token)
        print(f"PAGE {address}", flush=True)
        print("Open it in a browser; Ctrl-C ends the page and all its simulators.", flush=True)
        if config.open_browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        before = signal.signal(signal.SIGHUP, server.handle_exit)
        # The server raises the signal again that ended it. For a server that is the usual end.
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
        signal.signal(signal.SIGHUP, before)
    print_result({"command": "play", "sessions": sessions.total})
    return 0


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens on an address.

    Raises:
        UsageError: the address is not this machine's, or the port is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise UsageError(f"host must be an address or a name of this machine, not '{host}': {error.strerror}") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise UsageError(
            f"port={port} of host={host} cannot be listened on: {error.strerror}; choose another, or port=0 for a free "
            "one"
        ) from None
    return listener


def page_address(host: str, port: int, token: str | None) -> str:
    """The address to open; for an address that means all of this machine's, the machine's name stands in it."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{port}/" + ("" if token is None else f"?{PARAMETER}={token}")

"""A mode without a simulator, whose sessions do as they are told, and a server in a thread."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from actors.controller import SimulatorError
from cluster.play.core import BadMessage, Mode, text, whole
from cluster.play.server import PAGE, make_app
from cluster.play.sessions import Sessions


class FakeMode:
    """A `cluster.play.core.Mode`."""

    name = "fake"
    title = "Fake"
    scripts: tuple[Path, ...] = (PAGE / "kit.js",)

    def __init__(self) -> None:
        self.sessions: list[FakeSession] = []

    def about(self) -> dict[str, Any]:
        return {"colour": "blue"}

    def open(self) -> FakeSession:
        self.sessions.append(FakeSession())
        return self.sessions[-1]


class FakeSession:
    """A `cluster.play.core.Session`."""

    def __init__(self) -> None:
        self.count = 0
        self.restarts = 0
        self.dead = False
        self.closed = threading.Event()
        self.entered = threading.Event()

    def handle(self, message: Mapping[str, Any]) -> dict[str, Any]:
        match text(message, "do"):
            case "count":
                self.count += whole(message, "by", 1, 9, default=1)
                return {"count": self.count}
            case "hang":  # like a simulator that works until it is stopped
                self.entered.set()
                assert self.closed.wait(20)
                raise SimulatorError("simulator 'fake' was stopped during Pass")
            case "die":
                self.dead = bool(message.get("for_good"))
                raise SimulatorError("simulator 'fake' was killed by signal SIGKILL during Pass")
            case "break":
                raise KeyError("a defect")
            case "refuse":
                raise BadMessage("that is not possible")
        raise BadMessage("unknown")

    def restart(self) -> dict[str, Any]:
        self.restarts += 1
        if self.dead:
            raise SimulatorError("simulator 'fake' did not start")
        self.count = 0
        return {"count": 0}

    def close(self) -> None:
        self.closed.set()


def app_of(
    *modes: Mode, most: int = 4, idle_s: float = 60.0, token: str | None = None, host: str = "127.0.0.1"
) -> FastAPI:
    return make_app(modes, Sessions(most, idle_s), host, token)


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serves an application in a thread; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_level="error", ws="websockets-sansio", timeout_graceful_shutdown=10)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()


HOST = "127.0.0.1:8300"
"""Name under which the test client's browser knows the server."""


def client_of(app: FastAPI, **headers: str) -> TestClient:
    """A client of an application. Its websockets need the header Host, as they ignore the client's base address."""
    return TestClient(app, base_url=f"http://{HOST}", headers={"host": HOST, **headers}, follow_redirects=False)

"""What a machine needs to join a Ray cluster: the cluster's answer, an own address, free ports, and the token."""

from __future__ import annotations

import errno
import json
import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from cluster.machines.ray_process import TOKEN_REFUSED
from cluster.machines.resources import check_address, token_source, use_ray_token
from common.errors import RunError, UsageError

QUERY_TIMEOUT_S = 60.0
"""Maximum wait for a cluster's answer."""


def query_nodes(address: str) -> list[dict[str, Any]]:
    """The nodes of a cluster, as ray_process.py describes them.

    Raises:
        UsageError: nothing listens at the address, or the cluster refuses the token.
        RunError: what listens there is not a Ray cluster.
    """
    check_address(address)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "cluster.machines.ray_process", "nodes", address],
            capture_output=True,
            text=True,
            timeout=QUERY_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise RunError(f"{address} does not answer as a Ray cluster does") from None
    if done.returncode == TOKEN_REFUSED:
        raise UsageError(
            f"the cluster at {address} does not accept {token_source() or 'a node without a token'}; "
            "copy the head's token file here and name it with --token-file"
        )
    if done.returncode:
        raise RunError(f"{address} does not answer as a Ray cluster does")
    return list(json.loads(done.stdout.splitlines()[-1]))


def own_address(other: str) -> str:
    """This machine's address on the route to another machine; nothing is sent.

    Raises:
        UsageError: there is no route.
    """
    try:
        family = socket.getaddrinfo(other, 1, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family[0], socket.SOCK_DGRAM) as probe:
            probe.connect(family[4])
            return str(probe.getsockname()[0])
    except OSError as error:
        raise UsageError(
            f"found no address of this machine on the route to {other} ({error}); name the address"
        ) from error


def check_port(option: str, address: str, port: int | None) -> None:
    """Tries to listen at an address.

    Args:
        option: of the command line, for messages.
        address: of this machine.
        port: to try; None: any free port.

    Raises:
        UsageError: the address is not this machine's, or the port is in use.
    """
    if port is not None and not 1024 <= port <= 65535:
        raise UsageError(f"{option} must be between 1024 and 65535, not {port}")
    if address in ("", "0.0.0.0", "::"):
        raise UsageError(
            f"{address or 'an empty --address'} is no address that other machines can reach; name this machine's own"
        )
    try:
        with socket.create_server((address, port or 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET):
            pass
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"{option}={port} is in use by another program on {address}; choose a free port") from None
        raise UsageError(f"{address} is not an address of this machine ({error.strerror})") from None


def use_token(file: Path | None, make: bool) -> str | None:
    """Sets the environment variables through which Ray's processes find the token.

    Args:
        file: the token file; None: given by RAY_AUTH_MODE, RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH, else
            ~/.ray/auth_token.
        make: whether a missing file is created (on the head).

    Returns:
        the token file; None: RAY_AUTH_MODE=disabled, or the token is in RAY_AUTH_TOKEN.

    Raises:
        UsageError: the file is missing or empty.
    """
    if file is None:
        if os.environ.get("RAY_AUTH_MODE", "").lower() == "disabled":
            return None
        if os.environ.get("RAY_AUTH_TOKEN"):
            use_ray_token()
            return None
        named = os.environ.get("RAY_AUTH_TOKEN_PATH")
        file = Path(named) if named else Path.home() / ".ray" / "auth_token"
        if not named and not make and not file.is_file():
            return None  # the cluster may require no token; if it does, it refuses this node
    else:
        os.environ.pop("RAY_AUTH_TOKEN", None)  # otherwise Ray would prefer it to the file
    file = file.expanduser().absolute()
    if not file.exists() and make:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
            output.write(secrets.token_hex(32))
    if not file.is_file() or not file.read_text(errors="replace").strip():
        raise UsageError(f"--token-file: {file} does not hold a token; copy the head's token file there")
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(file)}
    return str(file)

"""A client that can send arbitrary bytes, which the real one cannot."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO

import msgpack

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "simulator", "--rooms", "tests.simulator.box_room"]


class RawClient:
    """Starts a simulator on two pipes in a folder and reads its first message."""

    def __init__(self, folder: Path, launcher: list[str] | None = None) -> None:
        paths = [str(folder / name) for name in ("server.pipe", "client.pipe")]
        for path in paths:
            os.mkfifo(path)
        environment = os.environ | {
            "AI2THOR_FIFO_SERVER_PIPE_PATH": paths[0],
            "AI2THOR_FIFO_CLIENT_PIPE_PATH": paths[1],
            "AI2THOR_CLIENT_TOKEN": "token",
        }
        self.process = subprocess.Popen(
            [*(launcher or []), *COMMAND], env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.replies: BinaryIO = open(paths[0], "rb")  # noqa: SIM115 - closed by stop
        self.first = self.read()
        self.requests: BinaryIO = open(paths[1], "wb", buffering=0)  # noqa: SIM115 - closed by stop

    def read(self) -> dict[int, Any]:
        """Reads one message: field type -> body, the metadata unpacked."""
        fields: dict[int, Any] = {}
        while True:
            kind, length = struct.unpack("!BI", self.replies.read(5))
            if kind == 255:
                return fields
            body = self.replies.read(length)
            fields[kind] = msgpack.loads(body) if kind == 1 else body

    def send(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self.requests.write(data)

    def step(self, body: bytes | dict[str, Any], kind: int = 2) -> dict[int, Any]:
        """Sends one well-framed message and reads the reply."""
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        self.send(struct.pack("!BI", kind, len(content)) + content + struct.pack("!BI", 255, 0))
        return self.read()

    def stop(self) -> None:
        """Closes the pipes and ends the process."""
        for stream in (self.requests, self.replies):
            stream.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

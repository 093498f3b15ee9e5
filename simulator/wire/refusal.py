"""Answers to the client of a simulator that cannot start.

AI2-THOR's client waits for ever for a process that ends before it opens its pipe. So this process still opens the pipes
and answers every action with the reason, which the client raises as ValueError. This module must not import MuJoCo,
whose import fails with a wrong MUJOCO_GL.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import Any

from simulator.wire.protocol import MalformedAction, event_metadata, read_action, write_reply


def exit_with_parent(seconds: float = 1.0) -> None:
    """Ends this process within `seconds` after its parent has ended, even while a pipe is being opened.

    The kernel's own signal for this is bound to the parent's thread that started the process, which may end earlier.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(seconds)
        os._exit(0)

    threading.Thread(target=watch, daemon=True, name="parent watch").start()


def refuse_client(reason: str, server_pipe: str, client_pipe: str, token: str) -> None:
    """Answers all actions of a client with the reason until the client disconnects.

    Args:
        reason: one sentence, the errorMessage of every reply.
        server_pipe: path of the named pipe that replies go to.
        client_pipe: path of the named pipe that actions come from.
        token: the client's token.
    """

    def reply(request: dict[str, Any]) -> None:
        agent = {
            "screenWidth": 300,
            "screenHeight": 300,
            "thirdPartyCameras": [],
            "sceneName": "",
            "colors": None,
            "lastAction": str(request.get("action")),
            "lastActionSuccess": False,
            "actionReturn": None,
            "errorCode": "InvalidAction",
            "errorMessage": reason,
        }
        write_reply(replies, event_metadata(agent, request.get("sequenceId", 0), token), [])

    with contextlib.suppress(EOFError, OSError), open(server_pipe, "wb") as replies:
        reply({"action": "Initialize"})
        with open(client_pipe, "rb") as requests:
            while True:
                try:
                    reply(read_action(requests))
                except MalformedAction:
                    reply({})

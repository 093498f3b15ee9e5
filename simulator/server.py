"""The simulator's side of the two pipes: opens them in the order that the client expects and answers until they end.

The server pipe is opened for writing and the first message sent before the client pipe is opened for reading; the other
way round both sides wait for each other. The end of the client's pipe, or its reader gone, ends the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
import time
from typing import Any, BinaryIO

from simulator.actions import perform
from simulator.environment import ActionFailed, Environment
from simulator.protocol import FramingLost, MalformedAction, read_action, write_reply

PIPE_BYTES = 1024 * 1024
"""Size asked for the pipe that carries images; three 300x300 ones have 0.99 MB."""
LOG = logging.getLogger("simulator")


def exit_with_parent(seconds: float = 1.0) -> None:
    """Ends this process soon after the one that started it has ended, even while a pipe is being opened.

    The kernel's own signal for this is bound to the thread that started the process, which may end much earlier.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(seconds)
        os._exit(0)

    threading.Thread(target=watch, daemon=True, name="parent watch").start()


class Session:
    """One client's messages: keeps the sequence number and turns failures into replies.

    Args:
        environment: what the actions act on.
        token: the client's token, sent back in every reply.
    """

    def __init__(self, environment: Environment, token: str) -> None:
        self._environment = environment
        self._token = token
        self._sequence = 0

    def greet(self, pipe: BinaryIO) -> None:
        """Sends the first, unsolicited message."""
        self._reply(pipe, "Initialize", None, "", "", drawn=False)

    def answer(self, pipe: BinaryIO, request: dict[str, Any]) -> None:
        """Performs one action and sends the reply, whatever happens."""
        sequence = request.get("sequenceId")
        if isinstance(sequence, int):
            self._sequence = sequence
        drawn = request.get("renderImage") is not False
        name = request.get("action")
        result: Any = None
        code = message = ""
        try:
            result, has_images = perform(self._environment, request)
            drawn = drawn and has_images
        except ActionFailed as error:
            message, code = str(error), error.code
            LOG.info("%s failed: %s", name, message)
        except Exception as error:
            # A mistake in one action must not take down the process that other actions could still use.
            message, code = f"{type(error).__name__}: {error}", "UnhandledException"
            LOG.exception("%s raised an exception", name)
        self._reply(pipe, name if isinstance(name, str) else "", result, code, message, drawn)

    def refuse(self, pipe: BinaryIO, message: str) -> None:
        """Answers a message that holds no action."""
        LOG.warning("%s", message)
        self._reply(pipe, "", None, "InvalidAction", message, drawn=False)

    def _reply(self, pipe: BinaryIO, action: str, result: Any, code: str, message: str, drawn: bool) -> None:
        agent = self._environment.describe()
        agent |= {
            "lastAction": action,
            "lastActionSuccess": not message,
            "actionReturn": result,
            "errorCode": code,
            "errorMessage": message,
        }
        metadata = {
            "sequenceId": self._sequence,
            "activeAgentId": 0,
            "clientToken": self._token,
            "agents": [agent],
            "thirdPartyCameras": [],
        }
        write_reply(pipe, metadata, self._environment.images(drawn))


def serve(environment: Environment, server_pipe: str, client_pipe: str, token: str = "") -> int:
    """Answers a client until it goes away; returns the process's exit code.

    Args:
        environment: what the actions act on.
        server_pipe: path of the named pipe that replies go to.
        client_pipe: path of the named pipe that actions come from.
        token: the client's token.
    """
    session = Session(environment, token)
    try:
        with open(server_pipe, "wb") as replies:
            with contextlib.suppress(OSError):
                fcntl.fcntl(replies.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
            session.greet(replies)
            with open(client_pipe, "rb") as requests:
                while True:
                    try:
                        request = read_action(requests)
                    except MalformedAction as error:
                        session.refuse(replies, str(error))
                        continue
                    session.answer(replies, request)
    except (EOFError, BrokenPipeError):
        return 0
    except FramingLost as error:
        LOG.error("The client's messages cannot be read any more: %s.", error)
        return 1

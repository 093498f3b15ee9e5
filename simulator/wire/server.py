"""The simulator's side of the two pipes: opens them in the order that the client expects and answers its messages.

The server pipe is opened for writing and the first message is sent before the client pipe is opened for reading. In the
other order both sides would wait for each other. The process ends when the client closes either pipe.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
from collections.abc import Iterable
from typing import Any, BinaryIO

from numpy.typing import NDArray

from simulator.wire.actions import perform
from simulator.wire.environment import ActionFailed, Environment
from simulator.wire.protocol import Field, MalformedAction, ReplyPipe, event_metadata, read_action, write_reply

PIPE_BYTES = 1024 * 1024
"""Requested size of the pipe that carries images; three 300x300 images have 0.99 MB."""
UNHANDLED = "UnhandledException"
"""AI2-THOR's errorCode for an exception inside the simulator."""
MAX_TEXT = 1000
"""Largest number of characters of a message or of an action's name that are sent back."""
LOG = logging.getLogger("simulator")


def _sendable(text: object) -> str:
    """Shortens and escapes a text from the client for the reply: JSON allows lone surrogates, which UTF-8 does not."""
    return str(text)[:MAX_TEXT].encode("utf-8", "backslashreplace").decode()


class Session:
    """Answers one client's messages; keeps the sequence number and turns failures into replies.

    Args:
        environment: the state that the actions act on.
        token: the client's token, sent back in every reply.
    """

    def __init__(self, environment: Environment, token: str) -> None:
        self._environment = environment
        self._token = token
        self._sequence = 0

    def greet(self, pipe: BinaryIO) -> None:
        """Sends the first, unsolicited message."""
        self._reply(pipe, "Initialize", None, "", "", [])

    def answer(self, pipe: BinaryIO, request: dict[str, Any]) -> None:
        """Performs one action and sends the reply, whatever happens."""
        sequence = request.get("sequenceId")
        # Only 64-bit numbers can be sent back.
        if type(sequence) is int and -(2**63) <= sequence < 2**63:
            self._sequence = sequence
        name = request.get("action")
        result, code, message, images = None, "", "", []
        try:
            result, has_images = perform(self._environment, request)
        except ActionFailed as error:
            message, code, has_images = str(error), error.code, True
            LOG.info("%s failed: %s", _sendable(name), _sendable(message))
        except Exception as error:
            # An error in one action must not end the process, which can still serve other actions.
            message, code, has_images = f"{type(error).__name__}: {error}", UNHANDLED, True
            LOG.exception("%s raised an exception", _sendable(name))
        try:
            images = self._environment.images(has_images and request.get("renderImage") is not False)
        except Exception as error:
            # For example images that do not fit into the memory of the graphics card.
            message, code = f"The images could not be drawn: {type(error).__name__}: {error}", UNHANDLED
            LOG.exception("drawing after %s raised an exception", _sendable(name))
        self._reply(pipe, name if isinstance(name, str) else "", result, code, message, images)

    def refuse(self, pipe: BinaryIO, message: str) -> None:
        """Answers a message that holds no action."""
        LOG.warning("%s", message)
        self._reply(pipe, "", None, "InvalidAction", message, [])

    def _reply(
        self,
        pipe: BinaryIO,
        action: str,
        result: Any,
        code: str,
        message: str,
        images: Iterable[tuple[Field, NDArray[Any]]],
    ) -> None:
        agent = self._environment.describe(packed=True)
        agent |= {
            "lastAction": _sendable(action),
            "lastActionSuccess": not message,
            "actionReturn": result,
            "errorCode": code,
            "errorMessage": _sendable(message),
        }
        write_reply(pipe, event_metadata(agent, self._sequence, self._token), images)


def serve(environment: Environment, server_pipe: str, client_pipe: str, token: str = "") -> int:
    """Answers a client until it disconnects; returns the process's exit code.

    Args:
        environment: the state that the actions act on.
        server_pipe: path of the named pipe that replies go to.
        client_pipe: path of the named pipe that actions come from.
        token: the client's token.
    """
    session = Session(environment, token)
    try:
        with ReplyPipe(server_pipe) as replies:
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

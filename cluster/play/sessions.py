"""One session over one websocket: messages in, replies out, one at a time, until the tab or the server closes.

A task reads messages into a short queue, and a task works on them in a thread, since the simulator blocks. So the end
of the connection is noticed also while the simulator works, and then ends the simulator at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from actors.controller import SimulatorError
from actors.core import TaskError
from cluster.play.core import BadMessage, Mode, Session, shown

MOST_CHARACTERS = 65536
"""Maximum length of a message."""
MOST_WAITING = 16
"""Maximum number of messages that wait while another is worked on."""
TRY_AGAIN = 1013
"""Code with which a websocket closes if all sessions are taken."""


class Sessions:
    """Counts the sessions and runs them.

    Args:
        most: maximum number at a time.
        idle_s: seconds without a message after which a session ends.
    """

    def __init__(self, most: int, idle_s: float) -> None:
        self.most = most
        self.idle_s = idle_s
        self.open = 0
        self.total = 0
        """Number of sessions so far."""

    async def run(self, socket: WebSocket, mode: Mode) -> None:
        """Runs a session of a mode over a websocket until either ends."""
        await socket.accept()
        if self.open >= self.most:
            sessions = "1 session is" if self.most == 1 else f"{self.most} sessions are"
            await _send(socket, {"ended": f"{sessions} open, as many as max_sessions allows: close another tab first."})
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await socket.close(TRY_AGAIN)
            return
        self.open += 1
        self.total += 1
        try:
            await _Connection(socket, mode.open(), self.idle_s).run()
        finally:
            self.open -= 1


class _Connection:
    def __init__(self, socket: WebSocket, session: Session, idle_s: float) -> None:
        self._socket = socket
        self._session = session
        self._idle_s = idle_s
        self._waiting: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="session")

    async def run(self) -> None:
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._work())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            # A task of its own, which goes on if this one is cancelled: no simulator may survive its session.
            ending = asyncio.create_task(self._end(tasks))
            await asyncio.shield(ending)

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        # In a thread, since ending a process takes a moment; not in the session's, which may be waiting for it.
        await asyncio.to_thread(self._session.close)
        await asyncio.gather(*tasks, return_exceptions=True)
        self._thread.shutdown(wait=False)
        with contextlib.suppress(Exception):  # the connection may have ended in any way
            await self._socket.close()

    async def _read(self) -> None:
        """Queues messages until the connection ends."""
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                return
            text = received.get("text")
            if text is None:
                await _send(self._socket, {"error": "a message must be text, not binary."})
            elif len(text) > MOST_CHARACTERS:
                error = f"a message must have at most {MOST_CHARACTERS} characters, not {len(text)}."
                await _send(self._socket, {"error": error})
            elif self._waiting.full():
                error = f"{MOST_WAITING} messages are waiting already; this one was dropped."
                await _send(self._socket, {"error": error})
            else:
                self._waiting.put_nowait(text)

    async def _work(self) -> None:
        """Answers messages until none came for too long."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                # Not wait_for, which Python 3.11 lets swallow the cancellation by `run`.
                async with asyncio.timeout(self._idle_s):
                    text = await self._waiting.get()
            except TimeoutError:
                minutes = f"{self._idle_s / 60:.3g}"
                await _send(self._socket, {"ended": f"The session ended after {minutes} minutes without a message."})
                return
            await _send(self._socket, await loop.run_in_executor(self._thread, answer, self._session, text))


def answer(session: Session, text: str) -> dict[str, Any]:
    """Lets a session handle a message and returns the reply; whatever goes wrong becomes a sentence in it.

    Args:
        session: the session, which goes on in any case.
        text: the message as it came.
    """
    head: dict[str, Any] = {}
    try:
        message = parsed(text)
        if isinstance(number := message.get("id"), int):
            head["id"] = number
        return head | session.handle(message)
    except SimulatorError as error:
        return head | _restarted(session, error)
    except (BadMessage, TaskError) as error:
        return head | {"error": sentence(error)}
    except Exception as error:
        return head | _defect(error)


def _restarted(session: Session, death: SimulatorError) -> dict[str, Any]:
    try:
        reply = session.restart()
    except (SimulatorError, BadMessage, TaskError) as error:
        return {"error": f"{sentence(death)} It could not be started again: {sentence(error)}"}
    except Exception as error:
        return _defect(error)
    return reply | {"notice": f"{sentence(death)} A new simulator was started, and this begins again."}


def _defect(error: Exception) -> dict[str, Any]:
    traceback.print_exception(error, file=sys.stderr)
    return {"error": f"A defect of the program: {type(error).__name__}: {sentence(error)}"}


def parsed(text: str) -> Mapping[str, Any]:
    """A message from its text.

    Raises:
        BadMessage: it is not a JSON object with the text "do".
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise BadMessage(f"a message must be JSON, not {shown(text)}") from None
    if not isinstance(message, dict) or not isinstance(message.get("do"), str):
        raise BadMessage(f'a message must be a JSON object with the text "do", not {shown(text)}')
    return message


def sentence(error: Exception) -> str:
    """An error's message as a sentence: it ends with a full stop, and begins with a capital, a path or a field."""
    words = " ".join(str(error).split()) or type(error).__name__
    first = words.split(" ")[0].rstrip(".,:;!?")
    if "/" not in first and "." not in first:
        words = f"{words[:1].upper()}{words[1:]}"
    return words + ("" if words.endswith((".", "!", "?")) else ".")


async def _send(socket: WebSocket, reply: Mapping[str, Any]) -> None:
    """Sends a reply; one that no longer arrives is dropped."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await socket.send_text(json.dumps(reply))

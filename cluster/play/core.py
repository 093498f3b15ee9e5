"""The interface between the page's server and a system: modes of the page, and their sessions.

The server knows no system. A system gives it a `Mode`; each browser tab that opens the mode gets a `Session` of its
own, with its own simulator. Messages are JSON objects. A message names what to do in "do"; the reply's keys are the
mode's own, except for `RESERVED`.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from actors.controller import SimulatorError, SimulatorProcess

RESERVED = ("id", "error", "notice", "ended")
"""Keys of a reply that the server sets: the message's "id"; why the message failed; what else happened; why the session
is over."""


class BadMessage(ValueError):
    """A message asks for something that is not possible now; the sentence is shown in the page."""


class Session(Protocol):
    """What one tab plays. The server calls it from one thread at a time, except for `close`."""

    def handle(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Does what a message asks for and returns the reply, which can be written as JSON.

        Raises:
            BadMessage: the message is wrong; the session goes on as if it had not come.
            SimulatorError: the simulator died; `restart` follows.
        """
        ...

    def restart(self) -> dict[str, Any]:
        """Begins anew what was played when the simulator died, in a new simulator; returns a reply.

        Raises:
            SimulatorError: that simulator failed as well.
        """
        ...

    def close(self) -> None:
        """Ends the session's simulator. May be called from another thread, also during `handle`."""
        ...


class Mode(Protocol):
    """One tab of the page."""

    name: str
    """Part of addresses, such as "interaction"."""
    title: str
    """Shown in the page."""
    scripts: tuple[Path, ...]
    """JavaScript modules, served as /modes/NAME/FILE; the first exports `mount`, see page/page.js."""

    def about(self) -> dict[str, Any]:
        """What the page needs to know before a session begins, such as the names of scenes."""
        ...

    def open(self) -> Session:
        """A new session; it starts its simulator when a message needs it."""
        ...


class SimulatorSlot:
    """Holds a session's simulator: starts it when it is needed, and ends it at any time.

    Args:
        start: starts a simulator.
    """

    def __init__(self, start: Callable[[], SimulatorProcess]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._process: SimulatorProcess | None = None
        self._closed = False

    def get(self) -> SimulatorProcess:
        """The running simulator; a new one if there is none or the last one died.

        Raises:
            SimulatorError: it does not start, or the slot was closed.
        """
        with self._lock:
            if self._closed:
                raise SimulatorError("the session was closed")
        if self._process is None or not self._process.alive:
            self.drop()
            process = self._start()
            with self._lock:
                closed = self._closed
                if not closed:
                    self._process = process
            if closed:
                process.stop()
                raise SimulatorError("the session was closed while its simulator started")
        assert self._process is not None
        return self._process

    @property
    def running(self) -> SimulatorProcess:
        """The simulator that was started before.

        Raises:
            BadMessage: none was started.
            SimulatorError: it died.
        """
        process = self._process
        if process is None:
            raise BadMessage("nothing is being played yet: start first")
        if not process.alive:
            raise SimulatorError(f"simulator '{process.config.name}' died")
        return process

    def drop(self) -> None:
        """Ends the simulator if there is one; `get` may start another."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.stop()

    def close(self) -> None:
        """Ends the simulator for good; a call that waits for it raises SimulatorError."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is not None:
            process.stop()


def text(message: Mapping[str, Any], name: str, among: Mapping[str, Any] | tuple[str, ...] | None = None) -> str:
    """A message's text field.

    Raises:
        BadMessage: it is missing, no text, or none of `among`.
    """
    value = message.get(name)
    if not isinstance(value, str) or (among is not None and value not in among):
        wanted = "a text" if among is None else f"one of {', '.join(among)}"
        raise BadMessage(f'"{name}" must be {wanted}, not {shown(value)}')
    return value


def whole(message: Mapping[str, Any], name: str, least: int, most: int, default: int | None = None) -> int:
    """A message's field with a whole number from `least` to `most`.

    Raises:
        BadMessage: it is missing without a default, no whole number, or out of range.
    """
    value = message.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise BadMessage(f'"{name}" must be a whole number from {least} to {most}, not {shown(value)}')
    return value


def shown(value: object) -> str:
    """A value as it appears in an error's sentence, cut to a readable length."""
    whole = repr(value) if not isinstance(value, str) else f'"{value}"'
    return whole if len(whole) <= 60 else f"{whole[:57]}..."


def png(image: NDArray[np.uint8]) -> str:
    """A data address, which pages show as an image, of (H, W, 3) RGB or (H, W) grey."""
    pixels = image[..., ::-1] if image.ndim == 3 else image
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(pixels), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert done, "OpenCV encodes every 8-bit image"
    return "data:image/png;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")

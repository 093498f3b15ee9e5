"""Ctrl-C: a flag that long work looks at, so that what was trained is saved and every process is ended in order."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.exceptions import GetTimeoutError

from common.errors import NothingSaved
from common.output import say
from common.signals import handled_by

SAME_REQUEST_S = 1.0
"""A second signal so soon after the first belongs to it: shells and `timeout` signal a process and then its group."""
LOOK_EVERY_S = 0.2
"""Seconds between two looks at the flag."""


@contextmanager
def interrupt_flag() -> Iterator[threading.Event]:
    """Ctrl-C, SIGTERM and a closed terminal set an event; a second Ctrl-C or SIGTERM interrupts at once."""
    event = threading.Event()

    first = 0.0

    def handler(number: int, frame: Any) -> None:
        nonlocal first
        if event.is_set():
            if number != signal.SIGHUP and time.monotonic() - first > SAME_REQUEST_S:
                raise KeyboardInterrupt
            return
        event.set()
        first = time.monotonic()
        say("stopping; what was trained is saved (again to stop at once)")

    with handled_by(handler):
        yield event


def stop_if(interrupted: threading.Event) -> None:
    """Leaves, where there is nothing to save yet.

    Raises:
        NothingSaved: Ctrl-C.
    """
    if interrupted.is_set():
        raise NothingSaved("nothing was trained yet")


def awaited(
    reference: Any,
    interrupted: threading.Event,
    timeout_s: float = float("inf"),
    look: Callable[[], object] = lambda: None,
) -> Any:
    """`ray.get` of one reference that Ctrl-C ends; meanwhile `look` is called now and then.

    Raises:
        NothingSaved: Ctrl-C.
        GetTimeoutError: it is not there after so many seconds.
    """
    deadline = time.monotonic() + timeout_s
    while not ray.wait([reference], timeout=LOOK_EVERY_S)[0]:
        stop_if(interrupted)
        look()
        if time.monotonic() > deadline:
            raise GetTimeoutError(f"no answer within {timeout_s:g} s")
    return ray.get(reference)

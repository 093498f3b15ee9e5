"""Ctrl-C as a flag that long work polls, so that progress is saved and every process is stopped in order."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import ray
from ray import ObjectRef
from ray.exceptions import GetTimeoutError

from common.errors import NothingSaved
from common.output import print_message
from common.signals import handled_by

Result = TypeVar("Result")

SAME_REQUEST_S = 1.0
"""Signals within this time count as one: shells and `timeout` signal a process and then its group."""
POLL_INTERVAL_S = 0.2
"""Seconds between checks of the flag."""


@contextmanager
def interrupt_flag() -> Iterator[threading.Event]:
    """An event that Ctrl-C, SIGTERM or a closed terminal sets; a second Ctrl-C or SIGTERM raises KeyboardInterrupt."""
    event = threading.Event()
    first = 0.0

    def handler(number: int, frame: object) -> None:
        nonlocal first
        if event.is_set():
            if number != signal.SIGHUP and time.monotonic() - first > SAME_REQUEST_S:
                raise KeyboardInterrupt
            return
        event.set()
        first = time.monotonic()
        print_message("stopping and saving progress (again to stop at once)")

    with handled_by(handler):
        yield event


def stop_if(interrupted: threading.Event) -> None:
    """Raises NothingSaved after Ctrl-C; for the time before there is anything to save."""
    if interrupted.is_set():
        raise NothingSaved("nothing was trained yet")


def wait_for_result(
    reference: ObjectRef[Result],
    interrupted: threading.Event,
    timeout_s: float = float("inf"),
    check: Callable[[], object] = lambda: None,
) -> Result:
    """`ray.get` of one reference that Ctrl-C interrupts.

    Args:
        reference: of the result.
        interrupted: set by Ctrl-C.
        timeout_s: maximum wait.
        check: called every `POLL_INTERVAL_S` meanwhile; may raise.

    Raises:
        NothingSaved: Ctrl-C.
        GetTimeoutError: there was no result in time.
    """
    deadline = time.monotonic() + timeout_s
    while not ray.wait([reference], timeout=POLL_INTERVAL_S)[0]:
        stop_if(interrupted)
        check()
        if time.monotonic() > deadline:
            raise GetTimeoutError(f"no answer within {timeout_s:g} s")
    return ray.get(reference)

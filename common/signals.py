"""Signals that ask a command to stop: Ctrl-C, SIGTERM of batch systems, SIGHUP of a closed terminal."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def stopping() -> list[signal.Signals]:
    """Signals that stop this command; without SIGHUP if it is ignored, as under nohup."""
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM] + ([] if ignored else [signal.SIGHUP])


@contextmanager
def handled_by(handler: Any) -> Iterator[None]:
    """Handles all stopping signals with `handler` within the block."""
    before = {number: signal.signal(number, handler) for number in stopping()}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def restored() -> Iterator[None]:
    """Restores the handlers after the block, as Ray replaces that of SIGTERM when it starts."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

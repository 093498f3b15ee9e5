"""The signals that ask a command to stop: Ctrl-C, SIGTERM of batch systems, SIGHUP of a terminal that closes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def stopping() -> list[signal.Signals]:
    """The signals that stop a command here; SIGHUP is not among them under nohup, which ignores it."""
    ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM] + ([] if ignored else [signal.SIGHUP])


@contextmanager
def handled_by(handler: Any) -> Iterator[None]:
    """Installs `handler` for all stopping signals within the block."""
    before = {number: signal.signal(number, handler) for number in stopping()}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def restored() -> Iterator[None]:
    """Restores their handlers after the block: Ray takes SIGTERM for itself when it starts."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

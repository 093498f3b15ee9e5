"""A progress bar on a terminal, and now and then a line where the output is not one."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from tqdm import tqdm

LINE_EVERY_S = 10.0
"""Seconds between lines if the output is no terminal."""


class Progress:
    """Counts steps of a known total on stderr; a context manager.

    Args:
        what: what is being done, e.g. "evaluation".
        total: number of steps.
        unit: of a step, e.g. "image".
    """

    def __init__(self, what: str, total: int, unit: str) -> None:
        self.what, self.total, self.unit = what, total, unit
        self.done = 0
        self.started = self.written = time.monotonic()
        self.bar = tqdm(total=total, desc=what, unit=unit, file=sys.stderr) if sys.stderr.isatty() else None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.close()
        elif self.done:
            self._line()

    def step(self, steps: int = 1) -> None:
        """Counts steps done."""
        self.done += steps
        if self.bar is not None:
            self.bar.update(steps)
        elif time.monotonic() - self.written > LINE_EVERY_S:
            self._line()

    def _line(self) -> None:
        self.written = time.monotonic()
        seconds = max(self.written - self.started, 1e-9)
        rate = self.done / seconds
        left = (self.total - self.done) / rate if self.done else 0.0
        print(
            f"{self.what}: {self.done}/{self.total} {self.unit}s in {seconds:.0f} s, {rate:.1f}/s, {left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )

"""Progress on the terminal: a bar where there is one, a line now and then where output goes to a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TextIO

from tqdm import tqdm

LINE_SECONDS = 15.0
"""Seconds between two lines when the output is not a terminal."""


class Progress:
    """One stage of a run: done of total, rate, remaining time, and a few figures."""

    def __init__(self, stage: str, total: int, unit: str, stream: TextIO | None = None) -> None:
        """Starts the stage.

        Args:
            stage: its name, e.g. "segmentation: prefill".
            total: how many units make it complete.
            unit: what is counted, e.g. "location".
            stream: where to; default standard error.
        """
        self.stage, self.total, self.unit = stage, total, unit
        self.done = 0
        self.stream = stream or sys.stderr
        self.started = time.monotonic()
        self.last_line = self.started
        self.figures = ""
        self.bar: tqdm | None = None
        if self.stream.isatty():
            self.bar = tqdm(total=total, desc=stage, unit=unit, file=self.stream, dynamic_ncols=True, mininterval=0.3)

    def update(self, done: int, figures: Mapping[str, float | str] | None = None) -> None:
        """Sets how much is done and the figures beside it."""
        self.done = min(done, self.total)
        if figures is not None:
            self.figures = ", ".join(f"{name} {format_figure(value)}" for name, value in figures.items())
        if self.bar is not None:
            self.bar.set_postfix_str(self.figures, refresh=False)
            self.bar.update(self.done - self.bar.n)
        elif time.monotonic() - self.last_line >= LINE_SECONDS:
            self.print_line()

    def print_line(self) -> None:
        """Writes the state as one whole line."""
        self.last_line = time.monotonic()
        elapsed = self.last_line - self.started
        meter = tqdm.format_meter(self.done, self.total, elapsed, ncols=0, prefix=self.stage, unit=self.unit)
        print(f"{meter} {self.figures}".rstrip(), file=self.stream, flush=True)

    def close(self) -> None:
        """Ends the stage, leaving its last state on the screen."""
        if self.bar is not None:
            self.bar.close()
        else:
            self.print_line()


def format_figure(value: float | str) -> str:
    """A figure in at most four characters or so: 0.012, 1.23, 45.6, 1234."""
    if isinstance(value, str):
        return value
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"

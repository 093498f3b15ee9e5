"""Progress of long work: a bar on a terminal, and a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TextIO

from tqdm import tqdm

LINE_EVERY_S = 15.0
"""Seconds between lines if the output is not a terminal."""


def plural(unit: str) -> str:
    """Plural of a countable word: image -> images, touch -> touches."""
    return unit + ("es" if unit.endswith(("s", "x", "z", "ch", "sh")) else "s")


class Progress:
    """Shows how many steps of a known total are done; a context manager.

    Args:
        what: name of the work, e.g. "evaluation".
        total: number of steps.
        unit: name of a step, e.g. "image".
        stream: output; standard error unless given.
        done: steps done earlier, which do not count towards the rate.
    """

    def __init__(self, what: str, total: int, unit: str, stream: TextIO | None = None, done: int = 0) -> None:
        self.what, self.total, self.unit = what, total, unit
        self.stream = stream or sys.stderr
        self.before = self.done = self.shown = done
        self.figures = ""
        self.started = self.written = time.monotonic()
        self.bar: tqdm | None = None
        if self.stream.isatty():
            self.bar = tqdm(total=total, initial=done, desc=what, unit=unit, file=self.stream, dynamic_ncols=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def step(self, steps: int = 1) -> None:
        """Counts steps done."""
        self.update(self.done + steps)

    def update(self, done: int, figures: Mapping[str, float] | None = None) -> None:
        """Sets the number of steps done, and the values shown beside it."""
        self.done = min(done, self.total)
        if figures is not None:
            self.figures = ", ".join(f"{name} {value:.3g}" for name, value in figures.items() if value == value)
        if self.bar is not None:
            self.bar.set_postfix_str(self.figures, refresh=False)
            self.bar.update(self.done - self.bar.n)
        elif time.monotonic() - self.written > LINE_EVERY_S:
            self._line()

    def note(self, text: str) -> None:
        """Writes a line of text above the bar."""
        if self.bar is not None:
            self.bar.write(text, file=self.stream)
        else:
            print(text, file=self.stream, flush=True)

    def close(self) -> None:
        """Ends the display; its last state stays visible."""
        if self.bar is not None:
            self.bar.close()
        elif self.done != self.shown:
            self._line()

    def _line(self) -> None:
        self.written = time.monotonic()
        self.shown = self.done
        seconds = max(self.written - self.started, 1e-9)
        rate = (self.done - self.before) / seconds
        left = ""
        if rate and self.done < self.total:
            left = f", {tqdm.format_interval((self.total - self.done) / rate)} left"
        figures = f", {self.figures}" if self.figures else ""
        took = tqdm.format_interval(seconds)
        print(
            f"{self.what}: {self.done}/{self.total} {plural(self.unit)} in {took}, {rate:.3g}/s{left}{figures}",
            file=self.stream,
            flush=True,
        )

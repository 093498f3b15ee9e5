"""Progress of long work: a bar on a terminal, and a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

from tqdm import tqdm

LINE_EVERY_S = 15.0
"""Seconds between lines if the output is not a terminal."""
BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{left}, {rate_fmt}{postfix}]"
"""tqdm's own format, with our remaining time."""


def plural(unit: str) -> str:
    """Plural of a countable word: image -> images, touch -> touches."""
    return unit + ("es" if unit.endswith(("s", "x", "z", "ch", "sh")) else "s")


def _remaining(steps: int, rate: float | None, elapsed_s: float, limit_s: float | None) -> str:
    """The time for the remaining steps at this rate (1/s), or until the limit if that is sooner; "" if not known."""
    times = [steps / rate] if rate else []
    if limit_s is not None:
        times.append(max(0.0, limit_s - elapsed_s))
    return tqdm.format_interval(min(times)) if times else ""


class _Bar(tqdm):
    """A bar whose remaining time knows of a limit."""

    limit_s: float | None = None

    @property
    def format_dict(self) -> dict[str, Any]:
        """See tqdm; with `left`, the remaining time."""
        values: dict[str, Any] = super().format_dict
        elapsed = values["elapsed"]
        rate = values["rate"]
        if rate is None and elapsed:
            rate = (values["n"] - values["initial"]) / elapsed
        left = _remaining(values["total"] - values["n"], rate, elapsed, self.limit_s)
        return values | {"left": left or "?"}


class Progress:
    """Shows how many steps of a known total are done; a context manager.

    Args:
        what: name of the work, e.g. "evaluation".
        total: number of steps.
        unit: name of a step, e.g. "image".
        stream: output; standard error unless given.
        done: steps done earlier, which do not count towards the rate.
        limit_s: seconds after which the work ends, however much of it is done; None: it ends with the last step.
    """

    def __init__(
        self,
        what: str,
        total: int,
        unit: str,
        stream: TextIO | None = None,
        done: int = 0,
        limit_s: float | None = None,
    ) -> None:
        self.what, self.total, self.unit, self.limit_s = what, total, unit, limit_s
        self.stream = stream or sys.stderr
        self.before = self.done = self.shown = done
        self.figures = ""
        self.started = self.written = time.monotonic()
        self.bar: _Bar | None = None
        if self.stream.isatty():
            self.bar = _Bar(
                total=total, initial=done, desc=what, unit=unit, file=self.stream, dynamic_ncols=True, bar_format=BAR
            )
            self.bar.limit_s = limit_s

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
        remaining = _remaining(self.total - self.done, rate, seconds, self.limit_s)
        left = f", {remaining} left" if remaining and self.done < self.total else ""
        figures = f", {self.figures}" if self.figures else ""
        took = tqdm.format_interval(seconds)
        print(
            f"{self.what}: {self.done}/{self.total} {plural(self.unit)} in {took}, {rate:.3g}/s{left}{figures}",
            file=self.stream,
            flush=True,
        )

"""The results table: a row for each method and a column for each figure, as text, Markdown and CSV (paper, Table 1)."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.markup import escape
from rich.table import Table

from common.files import write_text


@dataclass(frozen=True)
class Column:
    """One figure of a table."""

    heading: str
    digits: int = 1
    """Digits after the decimal point."""
    best: bool = True
    """Whether the highest value is marked; costs of a run have no best value."""
    interval: bool = False
    """Whether the figure has a 95 % interval, which then stands in CSV files, too."""


Columns = Mapping[str, Column]
"""A table's figures by the keys of results.json, in their order."""
ABSENT = "–"
MARKED = (
    "Bold: the best, and all whose difference from it is within the noise (95 % interval of the paired difference "
    "contains 0)."
)
"""Says what is marked in a table with intervals."""


def interval_of(resampled: NDArray[np.float64]) -> tuple[float, float]:
    """The 95 % percentile interval of (n,) resampled values, of which some may be NaN."""
    low, high = np.nanquantile(resampled, (0.025, 0.975))
    return float(low), float(high)


@dataclass(frozen=True)
class Row:
    """One method."""

    name: str
    runs: Sequence[Mapping[str, float]]
    """Figures (0-100) of each run or seed, without those that the method does not have."""
    reported: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    """Published means and deviations, instead of `runs`; they are shown but never marked as best."""
    resamples: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """(n,) resampled values of each figure that has an interval. The n-th resample of all rows of a table has the same
    test images, so that differences between rows are paired."""

    def statistic(self, key: str) -> tuple[float, float | None] | None:
        """Returns mean and deviation of a figure; None if the method, or any of its runs, lacks it."""
        if key in self.reported:
            return self.reported[key]
        values = [run[key] for run in self.runs if key in run]
        return mean_and_deviation(values) if values and len(values) == len(self.runs) else None

    def interval(self, key: str) -> tuple[float, float] | None:
        """Returns the 95 % interval of a figure; None if it has none."""
        return interval_of(self.resamples[key]) if key in self.resamples else None


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation (n - 1) over seeds; the latter is None for a single one."""
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, None
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def cells(row: Row, columns: Columns) -> list[str]:
    """Returns a method's figures as text, or a dash if any run lacks the figure.

    A figure with an interval is "24.2 [22.1, 26.0]", without one "24.2", or over several runs "23.8 ± 0.8".
    """
    texts: list[str] = []
    for key, column in columns.items():
        found, interval = row.statistic(key), row.interval(key)
        digits = column.digits
        if found is None:
            texts.append(ABSENT)
        elif interval is not None:
            texts.append(f"{found[0]:.{digits}f} [{interval[0]:.{digits}f}, {interval[1]:.{digits}f}]")
        elif found[1] is None:
            texts.append(f"{found[0]:.{digits}f}")
        else:
            texts.append(f"{found[0]:.{digits}f} ± {found[1]:.{digits}f}")
    return texts


MOST_COLUMNS = 8
"""A table on a terminal with more figures has a line for each of them; with intervals, half as many fit."""


def terminal_table(title: str, rows: Sequence[Row], columns: Columns) -> Table:
    """A table for `rich.console.Console.print`; the best methods of each figure are bold.

    It leaves out figures that no method has. If more than `MOST_COLUMNS` are left, figures are lines and methods
    columns.
    """
    columns = {key: one for key, one in columns.items() if any(row.statistic(key) is not None for row in rows)}
    best = _best(rows, columns)
    lines = [[f"[bold]{text}[/bold]" if number in best[i] else text for i, text in enumerate(cells(row, columns))]
             for number, row in enumerate(rows)]  # fmt: skip
    figures, methods = [column.heading for column in columns.values()], [escape(row.name) for row in rows]
    intervals = _have_intervals(rows)
    if len(columns) > (MOST_COLUMNS // 2 if intervals else MOST_COLUMNS):
        lines, figures, methods = [list(line) for line in zip(*lines, strict=True)], methods, figures
    table = Table(title=title, title_justify="left", caption=MARKED if intervals else None, caption_justify="left")
    table.add_column("")
    for heading in figures:
        table.add_column(heading, justify="right")
    for name, texts in zip(methods, lines, strict=True):
        table.add_row(name, *texts)
    return table


def markdown_table(rows: Sequence[Row], columns: Columns) -> str:
    """The table in Markdown; the best methods of each figure are bold, and with intervals a sentence says so."""
    best = _best(rows, columns)
    lines = [
        "| | " + " | ".join(column.heading for column in columns.values()) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for number, row in enumerate(rows):
        texts = [f"**{text}**" if number in best[i] else text for i, text in enumerate(cells(row, columns))]
        name = row.name.replace("|", "\\|")
        lines.append(f"| {name} | " + " | ".join(texts) + " |")
    if _have_intervals(rows):
        lines += ["", MARKED]
    return "\n".join(lines) + "\n"


def csv_head(columns: Columns) -> list[str]:
    """The headings of `csv_line`."""
    head = ["method", "runs"]
    for key, column in columns.items():
        head += [key, f"{key}_std", *([f"{key}_low", f"{key}_high"] if column.interval else [])]
    return head


def csv_line(row: Row, columns: Columns) -> list[str | int | float | None]:
    """Returns name and number of runs, and mean, deviation over the runs and interval of each figure, or None."""
    line: list[str | int | float | None] = [row.name, len(row.runs)]
    for key, column in columns.items():
        line += row.statistic(key) or (None, None)
        if column.interval:
            line += row.interval(key) or (None, None)
    return line


def csv_text(lines: Sequence[Sequence[str | int | float | None]]) -> str:
    """Lines of a table as CSV: four decimals, empty for None."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([f"{cell:.4f}" if isinstance(cell, float) else cell for cell in line] for line in lines)
    return text.getvalue()


def csv_table(rows: Sequence[Row], columns: Columns) -> str:
    """The table as CSV."""
    return csv_text([csv_head(columns), *(csv_line(row, columns) for row in rows)])


def write_tables(folder: Path, rows: Sequence[Row], columns: Columns) -> None:
    """Writes `results.md` and `results.csv` into a folder, atomically."""
    write_text(folder / "results.md", markdown_table(rows, columns))
    write_text(folder / "results.csv", csv_table(rows, columns))


def _have_intervals(rows: Sequence[Row]) -> bool:
    return any(row.resamples for row in rows)


def _best(rows: Sequence[Row], columns: Columns) -> list[set[int]]:
    """Returns, for each figure, the rows with the highest mean and those that do not differ from it reliably.

    None is returned if all rows that have the figure are equal.
    """
    best: list[set[int]] = []
    for key, column in columns.items():
        means = {
            number: found[0]
            for number, row in enumerate(rows)
            if not row.reported and (found := row.statistic(key)) is not None
        }
        highest = {number for number, mean in means.items() if mean == max(means.values())}
        if len(highest) == len(means) or not column.best:
            best.append(set())
            continue
        first = rows[min(highest)]
        best.append(highest | {number for number in means if within_noise(first, rows[number], key)})
    return best


def within_noise(one: Row, other: Row, key: str) -> bool:
    """Whether the 95 % interval of the paired difference of a figure contains 0; False without intervals."""
    if key not in one.resamples or key not in other.resamples:
        return False
    low, high = interval_of(one.resamples[key] - other.resamples[key])
    return low <= 0 <= high

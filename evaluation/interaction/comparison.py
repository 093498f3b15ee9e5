"""The comparison of methods over several seeds: one table for a data set, from what was measured of each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.interaction.coco import Metrics
from evaluation.interaction.columns import COLUMNS, COUNTS, DETECTION_COLUMNS
from evaluation.tables import Row, csv_head, csv_line, markdown_table


@dataclass(frozen=True)
class MeasuredRun:
    """One run, measured on one data set."""

    seed: int
    folder: Path
    """With what else `write_measured` wrote."""
    metrics: Metrics
    knows_mass: bool
    """Whether the model tells mass classes apart."""
    touches: int
    steps: int
    minutes: float
    curve: Sequence[tuple[int, float]]
    """(touches so far, mask AP50 on the locations evaluated on the way), in the order of time."""


@dataclass(frozen=True)
class Method:
    """A row: a method with the runs of it that are there."""

    name: str
    runs: Sequence[MeasuredRun]
    note: str
    """Why runs are missing, in a sentence; empty if none is."""

    def row(self) -> Row:
        """For the table."""
        runs = []
        for run in self.runs:
            figures = run.metrics.figures()
            known = {key: figures[key] for key in (COLUMNS if run.knows_mass else DETECTION_COLUMNS)}
            runs.append(known | {"touches": run.touches, "steps": run.steps, "minutes": run.minutes})
        return Row(self.name, runs)


@dataclass(frozen=True)
class Reported:
    """What others report of theirs."""

    name: str
    figures: Mapping[str, tuple[float, float | None]]
    """0-100: mean and deviation."""
    confusion: NDArray[np.float64] | None
    """(3, 3) percent of each row."""


@dataclass(frozen=True)
class Comparison:
    """The methods of one table on one data set."""

    title: str
    data_set: str
    methods: Sequence[Method]
    reported: Sequence[Reported]
    """Beside the first method."""
    baselines: Mapping[str, Metrics]
    """What needs no training."""

    def rows(self) -> list[Row]:
        """The first method, what is reported of it, the other methods, the baselines."""
        first, *others = (method.row() for method in self.methods)
        reported = [Row(report.name, [], report.figures) for report in self.reported]
        baselines = [
            Row(name, [{key: metrics.figures()[key] for key in DETECTION_COLUMNS}])
            for name, metrics in self.baselines.items()
        ]
        return [first, *reported, *others, *baselines]


def markdown(comparisons: Sequence[Comparison], conditions: str) -> str:
    """The whole table in Markdown: a part for each data set, and notes on what is missing.

    Args:
        comparisons: at least one.
        conditions: a sentence on the budget and on what is compared.
    """
    parts = [f"# {comparisons[0].title}\n", f"{conditions}\n"]
    for comparison in comparisons:
        rows = comparison.rows()
        parts.append(f"## {comparison.data_set}\n")
        named = [Row(heading(row), row.runs, row.reported) for row in rows]
        parts.append(markdown_table(named, COLUMNS | COUNTS))
    notes = {f"{method.name}: {method.note}" for method in comparisons[0].methods if method.note}
    if notes:
        parts += ["## Missing\n", *(f"- {note}" for note in sorted(notes)), ""]
    return "\n".join(parts)


def heading(row: Row) -> str:
    """The name of a row with the number of its seeds."""
    return f"{row.name} ({len(row.runs)} seeds)" if len(row.runs) > 1 else row.name


def table_lines(name: str, comparisons: Sequence[Comparison]) -> list[list[str | int | float | None]]:
    """The table as lines of cells, headings first: table, data set, method, runs, mean and deviation of each figure."""
    columns = COLUMNS | COUNTS
    lines: list[list[str | int | float | None]] = [["table", "data_set", *csv_head(columns)]]
    for comparison in comparisons:
        lines += [[name, comparison.data_set, *csv_line(row, columns)] for row in comparison.rows()]
    return lines

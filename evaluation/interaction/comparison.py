"""The comparison of methods over several seeds: one table for each data set, from the measurements of each run."""

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
    """Folder with the files of `write_measured`."""
    metrics: Metrics
    knows_mass: bool
    """Whether the model predicts mass classes."""
    touches: int
    steps: int
    minutes: float
    curve: Sequence[tuple[int, float]]
    """(touches so far, mask AP50) of the evaluations during training, in the order of time."""


@dataclass(frozen=True)
class Method:
    """A row: a method with its finished runs."""

    name: str
    runs: Sequence[MeasuredRun]
    note: str
    """Why runs are missing, in one sentence; empty if none is missing."""

    def row(self) -> Row:
        """Returns the method's row of the table."""
        runs = []
        for run in self.runs:
            figures = run.metrics.figures()
            known = {key: figures[key] for key in (COLUMNS if run.knows_mass else DETECTION_COLUMNS)}
            runs.append(known | {"touches": run.touches, "steps": run.steps, "minutes": run.minutes})
        return Row(self.name, runs)


@dataclass(frozen=True)
class Reported:
    """Published results."""

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
    """Published results of the first method."""
    baselines: Mapping[str, Metrics]
    """Methods without training."""

    def rows(self) -> list[Row]:
        """Returns rows: the first method, its published results, the other methods, the baselines."""
        first, *others = (method.row() for method in self.methods)
        reported = [Row(report.name, [], report.figures) for report in self.reported]
        baselines = [
            Row(name, [{key: metrics.figures()[key] for key in DETECTION_COLUMNS}])
            for name, metrics in self.baselines.items()
        ]
        return [first, *reported, *others, *baselines]


def markdown(comparisons: Sequence[Comparison], conditions: str) -> str:
    """Returns the whole table in Markdown: a part for each data set, and notes on missing runs.

    Args:
        comparisons: at least one.
        conditions: one sentence about the budget and the comparison.
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
    """Returns the name of a row with the number of its seeds."""
    return f"{row.name} ({len(row.runs)} seeds)" if len(row.runs) > 1 else row.name


def table_lines(name: str, comparisons: Sequence[Comparison]) -> list[list[str | int | float | None]]:
    """The table as lines of cells, headings first: table, data set, method, runs, mean and deviation of each figure."""
    columns = COLUMNS | COUNTS
    lines: list[list[str | int | float | None]] = [["table", "data_set", *csv_head(columns)]]
    for comparison in comparisons:
        lines += [[name, comparison.data_set, *csv_line(row, columns)] for row in comparison.rows()]
    return lines

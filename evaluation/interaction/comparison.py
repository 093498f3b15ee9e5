"""The comparison of methods over several seeds: one table for each data set, from the measurements of each run.

Source of the intervals: docs/interaction.md, Evaluation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.interaction.coco import Metrics
from evaluation.interaction.columns import COLUMNS, COUNTS, DETECTION_COLUMNS
from evaluation.interaction.final import row_of
from evaluation.interaction.intervals import SEED
from evaluation.tables import Row, csv_head, csv_line, markdown_table

IMAGES_ALONE = (
    "95 % intervals are over rooms and images alone: no row has several runs, so the noise of runs is unknown."
)
RUNS_POOLED = (
    "95 % intervals are over runs, rooms and images; a row of one run takes the noise of runs from other rows."
)
"""What the intervals of a table hold."""


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

    def values(self, key: str) -> list[float]:
        """The values of a figure of all runs; empty if a run lacks it."""
        runs = self.row().runs
        return [run[key] for run in runs] if all(key in run for run in runs) else []

    def resamples(self, deviations: Mapping[str, float], random: np.random.Generator) -> dict[str, NDArray[np.float64]]:
        """Resampled means over runs, see `over_runs`; `deviations` between runs of the table's figures."""
        resampled = [run.metrics.resampled() for run in self.runs]
        return {
            key: over_runs(np.array([one[key] for one in resampled]), deviations[key], random)
            for key in COLUMNS
            if self.values(key) and all(resampled)
        }


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
        deviations = {key: pooled_deviation([method.values(key) for method in self.methods]) for key in COLUMNS}
        first, *others = (
            # A generator for each row: the runs of two rows are drawn independently, their images are the same.
            replace(
                method.row(),
                resamples=method.resamples(deviations, np.random.default_rng([SEED, number])),
            )
            for number, method in enumerate(self.methods)
        )
        reported = [Row(report.name, [], report.figures) for report in self.reported]
        baselines = [row_of(name, metrics, DETECTION_COLUMNS) for name, metrics in self.baselines.items()]
        return [first, *reported, *others, *baselines]

    def noise(self) -> str:
        """Says in one sentence what the intervals hold."""
        return RUNS_POOLED if any(len(method.runs) > 1 for method in self.methods) else IMAGES_ALONE


def pooled_deviation(groups: Sequence[Sequence[float]]) -> float:
    """Standard deviation within groups of values, pooled; 0 if no group has several values."""
    groups = [values for values in groups if len(values) > 1]
    freedom = sum(len(values) - 1 for values in groups)
    return math.sqrt(sum(float(np.var(values)) * len(values) for values in groups) / freedom) if freedom else 0.0


def over_runs(runs: NDArray[np.float64], deviation: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Resamples the mean over runs of a method.

    Of several runs, as many are drawn with replacement. The mean of n drawn runs varies by too little, by a factor
    (n - 1) / n of the variance, so its deviations from the mean of all runs are enlarged. One run tells nothing about
    others, so it gets normal noise.

    Args:
        runs: (runs, resamples) percentages.
        deviation: standard deviation between runs, as the table's other rows show it.
        random: the generator.

    Returns:
        (resamples,) percentages.
    """
    count, size = runs.shape
    if count == 1:
        resampled = runs[0] + deviation * random.standard_normal(size)
    else:
        mean = runs.mean(axis=0)
        drawn = np.take_along_axis(runs, random.integers(count, size=(count, size)), axis=0).mean(axis=0)
        resampled = mean + math.sqrt(count / (count - 1)) * (drawn - mean)
    return np.clip(resampled, 0.0, 100.0)


def markdown(comparisons: Sequence[Comparison], conditions: str) -> str:
    """Returns the whole table in Markdown: a part for each data set, and notes on missing runs.

    Args:
        comparisons: at least one.
        conditions: one sentence about the budget and the comparison.
    """
    parts = [f"# {comparisons[0].title}\n", f"{conditions}\n"]
    for comparison in comparisons:
        parts.append(f"## {comparison.data_set}\n")
        named = [replace(row, name=heading(row)) for row in comparison.rows()]
        parts.append(markdown_table(named, COLUMNS | COUNTS))
        parts.append(f"{comparison.noise()}\n")
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

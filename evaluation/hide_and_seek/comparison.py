"""The comparison of ways to train agents of hide and seek, from the results of finished runs.

Differences are judged against the noise: with several seeds by the spread between them, else by the episodes of the
evaluation alone, which says nothing about another seed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import colormaps
from matplotlib.figure import Figure
from scipy.stats import ttest_ind

from actors.hide_and_seek.metrics import Estimate
from evaluation.hide_and_seek.columns import COLUMNS
from evaluation.hide_and_seek.learned_report import BARS, NAMES, RANDOM, TRAINED, UNTRAINED
from evaluation.pictures import save
from evaluation.tables import ABSENT, Column, Row, markdown_table, mean_and_deviation

COSTS = {
    "env_steps": Column("steps of the game", 0, best=False),
    "steps": Column("optimiser steps", 0, best=False),
    "minutes": Column("minutes", 1, best=False),
}
"""What a run cost."""
DRAWN = (*BARS, "vdr_inverse_accuracy", "vdr_success_auc")
"""Figures that the bars show; all are between 0 and 1."""
WITHIN_NOISE, UNKNOWN = "≈", "?"
"""Marks of a difference whose interval holds 0, and of one without an interval."""


@dataclass(frozen=True)
class FinishedRun:
    """One finished run."""

    seed: int
    results: Mapping[str, Any]
    """Of results.json."""

    def figures(self) -> dict[str, float]:
        """The trained agent's figures and the run's costs; those without a value are left out."""
        values = {key: self.results.get(key) for key in COLUMNS}
        costs = {"env_steps": self.results["env_steps"], "steps": self.results["steps"],
                 "minutes": self.results["wall_s"] / 60}  # fmt: skip
        return {key: float(value) for key, value in (values | costs).items() if value is not None and value == value}

    def estimates(self, player: str) -> dict[str, Estimate]:
        """Figures of a player of `learned_report.NAMES` with intervals; those without a value are left out."""
        found = (self.results.get("intervals") or {}).get(player) or {}
        return {key: Estimate(**one) for key, one in found.items() if math.isfinite(one["value"])}


@dataclass(frozen=True)
class Variant:
    """A row: a way to train, with its finished runs."""

    name: str
    runs: Sequence[FinishedRun]
    note: str
    """Why runs are missing; empty if none is."""

    def row(self) -> Row:
        """The variant's row of the table."""
        return Row(self.name, [run.figures() for run in self.runs])

    def known(self, key: str) -> list[float]:
        """The values of a figure, one for each run that has it."""
        return [figures[key] for run in self.runs if key in (figures := run.figures())]


@dataclass(frozen=True)
class Comparison:
    """The variants of one table; the first is the one that the others are compared with."""

    title: str
    variants: Sequence[Variant]

    def rows(self) -> list[Row]:
        """The variants, the untrained network of the first variant's runs, and uniform actions."""
        first = self.variants[0]
        rows = [variant.row() for variant in self.variants]
        for player in (UNTRAINED, RANDOM):
            found = [run.estimates(player) for run in first.runs]
            if any(found):
                runs = [{key: one.value for key, one in run.items() if key in COLUMNS} for run in found]
                rows.append(Row(NAMES[player], runs))
        return rows


def difference(ours: Variant, theirs: Variant, key: str) -> Estimate | None:
    """How much larger a figure is in one variant than in another, with a 95 % interval.

    With two or more runs of each variant the interval is Welch's, over runs. With one run of each it comes from the
    intervals of the two evaluations, as if those were independent and normal; it leaves out that another seed would
    have learned something else.

    Returns:
        None if a variant has no value.
    """
    first, second = ours.known(key), theirs.known(key)
    if not first or not second:
        return None
    value = mean_and_deviation(first)[0] - mean_and_deviation(second)[0]
    size = len(first) + len(second)
    if min(len(first), len(second)) > 1:
        if len({*first}) == len({*second}) == 1:
            return Estimate(value, value, value, size)
        interval = ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
        return Estimate(value, float(interval.low), float(interval.high), size)
    single = [variant.runs[0].estimates(TRAINED).get(key) for variant in (ours, theirs) if len(variant.runs) == 1]
    halves = [(one.high - one.low) / 2 for one in single if one and one.low is not None and one.high is not None]
    if len(halves) < 2:
        return Estimate(value, None, None, size)
    half = math.hypot(*halves)
    return Estimate(value, value - half, value + half, size)


def mark(one: Estimate) -> str:
    """Says whether a difference is within the noise: `WITHIN_NOISE`, `UNKNOWN`, or nothing."""
    if one.low is None or one.high is None:
        return UNKNOWN
    return WITHIN_NOISE if one.low <= 0 <= one.high else ""


def difference_text(one: Estimate | None, digits: int) -> str:
    """A difference as a cell, such as "+0.12 [0.02, 0.22]", with its `mark`."""
    if one is None:
        return ABSENT
    interval = "" if one.low is None or one.high is None else f" [{one.low:.{digits}f}, {one.high:.{digits}f}]"
    return f"{one.value:+.{digits}f}{interval} {mark(one)}".rstrip()


def markdown(comparison: Comparison, conditions: str) -> str:
    """The whole table in Markdown: figures and costs, differences from the first variant, notes on missing runs."""
    columns = {**COLUMNS, **COSTS}
    parts = [f"# {comparison.title}\n", f"{conditions}\n", markdown_table(named(comparison), columns)]
    first, *others = comparison.variants
    if first.runs and any(variant.runs for variant in others):
        shown = {key: column for key, column in COLUMNS.items() if first.known(key)}
        lines = [
            "| | " + " | ".join(column.heading for column in shown.values()) + " |",
            "|---" * (len(shown) + 1) + "|",
        ]
        for variant in others:
            found = [difference_text(difference(variant, first, key), column.digits) for key, column in shown.items()]
            lines.append(f"| {variant.name} | " + " | ".join(found) + " |")
        parts += [
            f"## Difference from: {first.name}\n",
            f"95 % intervals. {WITHIN_NOISE}: the interval holds 0, so the difference is within the noise. {UNKNOWN}: "
            "no interval is known. The intervals are over seeds; for rows of a single run they are over the episodes "
            "of the evaluation, and another seed may differ more.\n",
            "\n".join(lines) + "\n",
        ]
    notes = sorted(f"{variant.name}: {variant.note}" for variant in comparison.variants if variant.note)
    if notes:
        parts += ["## Missing\n", *(f"- {note}" for note in notes), ""]
    return "\n".join(parts)


def named(comparison: Comparison) -> list[Row]:
    """The rows, whose names tell the number of seeds if there are several."""
    rows = comparison.rows()
    return [Row(f"{row.name} ({len(row.runs)} seeds)" if len(row.runs) > 1 else row.name, row.runs) for row in rows]


def draw(path: Path, comparison: Comparison) -> bool:
    """Draws the variants' figures as bars, with a point for each run and a line for the untrained network's mean.

    Returns:
        whether any variant has runs.
    """
    variants = [variant for variant in comparison.variants if variant.runs]
    shown = [key for key in DRAWN if any(variant.known(key) for variant in variants)]
    if not variants or not shown:
        return False
    untrained = next((row for row in comparison.rows() if row.name == NAMES[UNTRAINED]), None)
    figure = Figure(figsize=(1.3 * len(shown) + 1.6, 3.8), layout="constrained")
    axis = figure.subplots()
    width = 0.8 / len(variants)
    for number, variant in enumerate(variants):
        color = colormaps["tab10"](number)
        for at, key in enumerate(shown):
            if not (values := variant.known(key)):
                continue
            x = at + (number - (len(variants) - 1) / 2) * width
            mean, _ = mean_and_deviation(values)
            axis.bar(x, mean, 0.92 * width, color=color, alpha=0.75)
            axis.plot([x] * len(values), values, ".", color="0.15", markersize=4)
            one = variant.runs[0].estimates(TRAINED).get(key) if len(variant.runs) == 1 else None
            if one is not None and one.low is not None and one.high is not None:
                axis.plot([x, x], [one.low, one.high], color="0.15", lw=1.1)
            axis.text(x, 0.01, f"{mean:.2f}", ha="center", va="bottom", fontsize=7, color="white")
        axis.bar(0, 0, color=color, alpha=0.75, label=variant.name)
    for at, key in enumerate(shown):
        if untrained is not None and (found := untrained.statistic(key)):
            label = NAMES[UNTRAINED] if at == 0 else None
            axis.plot([at - 0.42, at + 0.42], [found[0]] * 2, color="0.3", lw=1, ls="--", label=label)
    axis.set_xticks(range(len(shown)), [COLUMNS[key].heading.replace(" ", "\n", 1) for key in shown], fontsize=8)
    axis.set_ylim(0, 1.15)
    axis.grid(axis="y", alpha=0.3)
    axis.set_axisbelow(True)
    axis.legend(fontsize=8, frameon=False, ncols=4, loc="upper left")
    axis.set_title(f"{comparison.title}: mean of the runs (points)", fontsize=10, loc="left")
    save(figure, path, 120)
    return True

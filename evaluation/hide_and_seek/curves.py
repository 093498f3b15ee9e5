"""Learning curves of agents of hide and seek, from the rows of metrics.jsonl."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evaluation.pictures import save

COLUMNS = 3
"""Panels in a row."""


FEW = "first episodes"
"""Name of a line of evaluations during training, which play the first of the final ones' episodes."""


@dataclass(frozen=True)
class Panel:
    """One panel: all metrics whose keys match."""

    title: str
    keys: str
    """Regular expression of whole keys; its group names a line. Without a group there is one line, of the evaluations
    during training."""
    reference: str = ""
    """Key of the final results that is drawn as a dashed line, such as what random actions reach."""
    final: str = ""
    """Key of the final results that is drawn at the end."""
    marked: bool = False
    """Whether each value is marked by a dot, for metrics that are measured seldom."""


PANELS = (
    Panel("coverage of exploration", r"evaluation/coverage", "coverage_random", "coverage", True),
    Panel("OnTop hits of manipulation", r"evaluation/om_hit", "om_hit_random", "om_hit", True),
    Panel("found at easy places", r"evaluation/found", "found_random", "found", True),
    Panel("VDR, held-out rooms", r"evaluation/vdr_(inverse_accuracy|forward_gain|success_auc)", "", "", True),
    Panel("mean reward of a step", r"actors/(\w+)/return_per_step"),
    Panel("entropy of the policy, nats", r"actors/(\w+)/entropy"),
    Panel("VDR, training", r"learner/dynamics/(inverse|forward|changed_pixels|confidence|success)"),
)
"""The panels; one without a metric is left out."""


def draw_curves(
    path: Path,
    rows: Sequence[Mapping[str, Any]],
    result: Mapping[str, Any],
    minutes: float,
) -> bool:
    """Draws the learning curves.

    Args:
        path: the PNG file.
        rows: of metrics.jsonl, each with "seconds" since the run began; an evaluation has "evaluation/minutes".
        result: keys of the final results; absent ones are not drawn.
        minutes: duration of training.

    Returns:
        Whether there was anything to draw; else no file is written.
    """
    shown = [(panel, lines) for panel in PANELS if (lines := lines_of(panel, rows)) or panel.final in result]
    if not shown:
        return False
    columns = min(COLUMNS, len(shown))
    height = -(-len(shown) // columns)
    figure = Figure(figsize=(4.4 * columns, 3.1 * height), layout="constrained")
    axes = figure.subplots(height, columns, squeeze=False).ravel()
    for axis in axes[len(shown) :]:
        axis.set_axis_off()
    for axis, (panel, lines) in zip(axes, shown, strict=False):
        _draw(axis, panel, lines, result, minutes)
    save(figure, path, 120)
    return True


def lines_of(panel: Panel, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """Points (minutes, value) of each line of a panel, by its name, in the order of time; rows may lack any key."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        for key, value in row.items():
            found = re.fullmatch(panel.keys, key)
            if found is None or isinstance(value, bool) or not isinstance(value, (int, float)):
                continue
            names = [name for name in found.groups() if name]
            minutes = row.get("evaluation/minutes") if key.startswith("evaluation/") else None
            if minutes is None and "seconds" in row:
                minutes = row["seconds"] / 60
            if minutes is not None:
                lines.setdefault(names[0] if names else FEW, []).append((float(minutes), float(value)))
    return {name: sorted(points) for name, points in sorted(lines.items())}


def _draw(
    axis: Axes,
    panel: Panel,
    lines: Mapping[str, Sequence[tuple[float, float]]],
    result: Mapping[str, Any],
    minutes: float,
) -> None:
    for name, points in lines.items():
        axis.plot(*zip(*points, strict=True), marker="o" if panel.marked else None, ms=3.5, lw=1.3,
                  label=name.replace("_", " "))  # fmt: skip
    if isinstance(result.get(panel.final), (int, float)):
        axis.plot(minutes, result[panel.final], "*", ms=12, color="tab:red", label="final, all episodes")
    if isinstance(result.get(panel.reference), (int, float)):
        axis.axhline(result[panel.reference], ls="--", lw=1.2, color="0.4", label="random actions")
    axis.set_title(panel.title, fontsize=10)
    axis.set_xlabel("minutes", fontsize=8)
    axis.set_xlim(left=0)
    axis.tick_params(labelsize=8)
    axis.grid(alpha=0.3)
    if panel.reference:
        axis.set_ylim(bottom=0)
    axis.legend(fontsize=7, frameon=False)

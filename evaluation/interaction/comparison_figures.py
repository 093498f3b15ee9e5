"""Figures of a comparison: AP against touches, precision-recall curves, confusion matrices, six panels side by side."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray

from evaluation.interaction.coco import SCALARS, Metrics
from evaluation.interaction.comparison import Comparison, MeasuredRun
from evaluation.interaction.figures import contact_sheet, draw_confusion, precision_recall_figure
from evaluation.interaction.measured import read_panels
from evaluation.pictures import save


def comparison_figures(folder: Path, comparison: Comparison) -> list[Path]:
    """Draws all figures of a table on one data set; methods without runs are left out. Returns the files."""
    present = {method.name: method.runs for method in comparison.methods if method.runs}
    if not present:
        return []
    name = comparison.data_set
    pooled = {method: pool([run.metrics for run in runs]) for method, runs in present.items()}
    paths = [folder / f"{kind}_{name}.png" for kind in ("ap_over_touches", "precision_recall", "confusion")]
    touches_figure(
        paths[0],
        {method: [run.curve for run in runs] for method, runs in present.items()},
        {
            method: (float(np.mean([run.touches for run in runs])), pooled[method].mask_ap50)
            for method, runs in present.items()
        },
    )
    precision_recall_figure(paths[1], pooled | dict(comparison.baselines))
    matrices: dict[str, tuple[NDArray[np.float64], NDArray[np.int64] | None]] = {
        method: (metrics.confusion_percent(), metrics.confusion)
        for method, metrics in pooled.items()
        if any(run.knows_mass for run in present[method])
    }
    matrices |= {line.name: (line.confusion, None) for line in comparison.reported if line.confusion is not None}
    if matrices:
        confusion_figures(paths[2], matrices, f"{comparison.title}, {name}")
    else:
        paths.pop()
    return paths + side_by_side(folder, name, present)


def pool(metrics: Sequence[Metrics]) -> Metrics:
    """Combines several runs: mean figures, resamples and curves, sum of confusion matrices."""
    first = metrics[0]
    means = {
        name: np.mean([getattr(one, name) for one in metrics], axis=0)
        for name in (*SCALARS, "mask_precision", "box_precision", "resamples")
    }
    return replace(first, confusion=np.sum([one.confusion for one in metrics], axis=0), **means)


def side_by_side(folder: Path, data_set: str, methods: Mapping[str, Sequence[MeasuredRun]]) -> list[Path]:
    """Six panels of each method's first run, a file for each image. Returns the files."""
    panels = {name: read_panels(runs[0].folder) for name, runs in methods.items()}
    count = min(len(images) for images in panels.values())
    paths = []
    for index in range(count):
        paths.append(folder / f"six_panels_{data_set}_{index}.png")
        contact_sheet(paths[-1], [images[index] for images in panels.values()], list(panels))
    return paths


def confusion_figures(
    path: Path, matrices: Mapping[str, tuple[NDArray[np.float64], NDArray[np.int64] | None]], title: str
) -> None:
    """Writes several confusion matrices of mass classes side by side.

    Args:
        path: the PNG file.
        matrices: by name: (3, 3) percent of each row, NaN in rows without any; and the (3, 3) counts, if known.
        title: title of the figure.
    """
    columns = min(4, len(matrices))
    rows = math.ceil(len(matrices) / columns)
    figure = Figure(figsize=(2.9 * columns + 0.3, 3.0 * rows + 0.4), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (name, (percent, counts)) in zip(axes, matrices.items(), strict=False):
        draw_confusion(axis, percent, counts)
        axis.set_title(textwrap.fill(name, 30), fontsize=9)
    for axis in axes[len(matrices) :]:
        axis.set_axis_off()
    figure.suptitle(f"{title}: true mass class (rows), predicted one (columns)", fontsize=10)
    save(figure, path, dpi=100)


def touches_figure(
    path: Path, curves: Mapping[str, Sequence[Sequence[tuple[int, float]]]], finals: Mapping[str, tuple[float, float]]
) -> None:
    """Writes mask AP50 against the touches made so far: for each method the mean over its runs and their range.

    Args:
        path: the PNG file.
        curves: by method: of each run (touches, mask AP50) of the evaluations during training, in the order of time.
        finals: by method: mean touches and mask AP50 at the end, on all test locations; drawn as a star.
    """
    figure = Figure(figsize=(7.6, 4.2), layout="constrained")
    axis = figure.subplots()
    for number, name in enumerate(finals):
        color = colormaps["tab10"](number % 10)
        runs = [np.array(run, dtype=np.float64) for run in curves.get(name, ()) if len(run)]
        for run in runs:
            axis.plot(run[:, 0], run[:, 1], ".", color=color, markersize=3, alpha=0.6)
        if runs and max(run[0, 0] for run in runs) < min(run[-1, 0] for run in runs):
            # The range where all runs have values, since their evaluations are at different numbers of touches.
            grid = np.linspace(max(run[0, 0] for run in runs), min(run[-1, 0] for run in runs), 25)
            values = np.array([np.interp(grid, run[:, 0], run[:, 1]) for run in runs])
            axis.plot(grid, values.mean(axis=0), color=color, linewidth=1.6)
            axis.fill_between(grid, values.min(axis=0), values.max(axis=0), color=color, alpha=0.15, linewidth=0)
        axis.plot(*finals[name], "*", color=color, markersize=10, label=name)
    axis.set(xlabel="touches", ylabel="mask AP50", ylim=(0, None))
    where = "During training (line: mean, band: range over seeds) and on" if any(map(any, curves.values())) else "On"
    axis.set_title(f"{where} all test locations (star)", fontsize=9)
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=8)
    save(figure, path, dpi=110)

"""Figures of the model's predictions for an image (docs/interaction.md, Evaluation), and of learning.

All functions draw with matplotlib's Agg canvas, without pyplot's global state, and write PNG files atomically.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from evaluation.interaction.coco import MASS_CLASSES, RECALLS, Detections, Metrics
from evaluation.interaction.masks import upsample
from evaluation.pictures import save
from replay.interaction.record import GRID_STRIDE

MASS_COLORS = np.array([[0.86, 0.16, 0.16], [0.13, 0.63, 0.22], [0.12, 0.36, 0.86]])
"""Red light, green medium, blue heavy."""
PANEL_TITLES = (
    "Observation",
    "Interaction score",
    "Mass",
    "Instances",
    "Ground truth",
    "Self-supervised ground truth",
)
SHOWN_INSTANCES = 12
"""Maximum number of instances in one panel, since more would hide each other."""


@dataclass(frozen=True)
class Panels:
    """Content of a six-panel figure of one image."""

    image: NDArray[np.uint8]
    """(300, 300, 3)."""
    score_map: NDArray[np.floating]
    """(100, 100) in [0, 1]."""
    force_map: NDArray[np.floating]
    """(3, 100, 100) force logits."""
    detections: Detections
    """Instances, best first; the first `shown` of them are drawn."""
    truth_masks: NDArray[np.bool_]
    """(objects, 300, 300)."""
    truth_classes: Sequence[int]
    """Mass class of each object."""
    touch_masks: NDArray[np.bool_] | None
    """(touches, 100, 100) B+ of each successful touch at the location; None if none were made."""
    touch_points: NDArray[np.integer] | None
    """(touches, 2) cell (row, column) of each of them."""
    shown: int
    """Number of drawn instances: usually those with a score above one half, but at least a few."""
    knows_mass: bool = True
    """Whether the model predicts mass classes; otherwise none is shown."""


def instance_colors(count: int) -> NDArray[np.float64]:
    """Returns (count, 3) RGB colours in [0, 1]; neighbours differ strongly in hue."""
    return np.array([colormaps["hsv"]((i * 0.618034) % 1.0)[:3] for i in range(count)]).reshape(-1, 3)


def overlay(
    image: NDArray[np.uint8], masks: NDArray[np.bool_], colors: NDArray[np.float64], strength: float = 0.5
) -> NDArray[np.float64]:
    """Tints and outlines (n, 300, 300) masks in (n, 3) colours on the greyed image; returns (300, 300, 3)."""
    canvas = _grey(image)
    # Draw large masks first, so that small ones stay visible on top.
    for i in sorted(range(len(masks)), key=lambda i: -int(masks[i].sum())):
        mask = masks[i]
        canvas[mask] = (1 - strength) * canvas[mask] + strength * colors[i]
        inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=2).astype(bool)
        canvas[mask & ~inner] = colors[i]
    return canvas


def instances_image(image: NDArray[np.uint8], detections: Detections, shown: int) -> NDArray[np.float64]:
    """(300, 300, 3) overlay of the first `shown` instances."""
    masks = np.asarray(detections.masks[:shown], dtype=bool)
    return overlay(image, upsample(masks), instance_colors(len(masks)))


def draw_panels(axes: Sequence[Axes], panels: Panels, titles: bool) -> None:
    """Draws the six panels of one image into six axes."""
    shown = min(panels.shown, SHOWN_INSTANCES)
    for axis, title in zip(axes, PANEL_TITLES, strict=True):
        axis.set_axis_off()
        if titles:
            axis.set_title(title, fontsize=8)
    observation, score, mass, instances, truth, touches = axes
    observation.imshow(panels.image)

    # A higher score gives brighter green on the greyed image.
    heat = upsample(panels.score_map[None])[0][..., None]
    score.imshow(np.clip(0.55 * _grey(panels.image) * (1 - heat) + heat * np.array([0.1, 0.95, 0.2]), 0, 1))

    # The class's colour is stronger where the model would touch, since the class has no meaning elsewhere.
    classes = upsample(np.argmax(panels.force_map, axis=0)[None])[0]
    weight = 0.25 + 0.55 * heat
    if panels.knows_mass:
        mass.imshow((1 - weight) * _grey(panels.image) + weight * MASS_COLORS[classes])
    else:
        _placeholder(mass, panels.image, "no mass is predicted")

    instances.imshow(instances_image(panels.image, panels.detections, shown))
    seeds = np.asarray(panels.detections.seeds[:shown])
    if len(seeds):
        known = MASS_COLORS[np.asarray(panels.detections.force[:shown])]
        _points(instances, seeds, known if panels.knows_mass else np.full_like(known, 0.5))

    truth.imshow(overlay(panels.image, panels.truth_masks, MASS_COLORS[np.asarray(panels.truth_classes, dtype=int)]))
    if panels.touch_masks is None or panels.touch_points is None:
        _placeholder(touches, panels.image, "no touches made")
    else:
        colors = instance_colors(len(panels.touch_masks))
        touches.imshow(overlay(panels.image, upsample(panels.touch_masks), colors, strength=0.4))
        if len(panels.touch_points):
            _points(touches, panels.touch_points, colors)


def six_panels(path: Path, panels: Panels) -> None:
    """Writes the figure of one image: two rows of three panels and a key to the mass colours."""
    figure = Figure(figsize=(7.2, 5.3), layout="constrained")
    axes = figure.subplots(2, 3)
    draw_panels(list(axes.ravel()), panels, titles=True)
    _mass_key(figure)
    save(figure, path, dpi=110)


def contact_sheet(path: Path, images: Sequence[Panels], names: Sequence[str] = ()) -> None:
    """Writes one row of six panels for each image, named at its side if there are names.

    Raises:
        ValueError: no images, or another number of names.
    """
    if not images:
        raise ValueError("a contact sheet needs at least one image.")
    figure = Figure(figsize=(11, 1.86 * len(images) + 0.55), layout="constrained")
    axes = figure.subplots(len(images), 6, squeeze=False)
    for row, panels in enumerate(images):
        draw_panels(list(axes[row]), panels, titles=row == 0)
    for axis, name in zip(axes[:, 0], names, strict=True) if names else ():
        axis.text(-0.06, 0.5, textwrap.fill(name, 26), transform=axis.transAxes, rotation=90, ha="right", va="center")
    _mass_key(figure)
    save(figure, path, dpi=100)


def detections_figure(path: Path, image: NDArray[np.uint8], detections: Detections) -> None:
    """Writes an image next to its instances: the best `SHOWN_INSTANCES`, with seeds in the colours of mass classes."""
    shown = min(len(detections.scores), SHOWN_INSTANCES)
    figure = Figure(figsize=(7.2, 4.1), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axis, title in ((left, "Observation"), (right, "Instances and scores")):
        axis.set_axis_off()
        axis.set_title(title, fontsize=9)
    left.imshow(image)
    right.imshow(instances_image(image, detections, shown))
    seeds = np.asarray(detections.seeds[:shown])
    if shown:
        _points(right, seeds, MASS_COLORS[np.asarray(detections.force[:shown])])
    for (row, column), score in zip(seeds, detections.scores, strict=False):
        right.annotate(
            f"{float(score):.2f}",
            (column * GRID_STRIDE, row * GRID_STRIDE),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=6,
            color="white",
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "0.1", "edgecolor": "none", "alpha": 0.7},
        )
    _mass_key(figure)
    save(figure, path, dpi=110)


@dataclass(frozen=True)
class LearningPoint:
    """One evaluation during a run, or the state of collection at that time."""

    minutes: float
    """Minutes since training began."""
    images: int
    """Images learned from so far: optimiser steps times batch size."""
    touches: int
    """Touches made so far."""
    mask_ap50: float | None
    """0-100, None if nothing was evaluated at this point."""
    box_ap50: float | None
    greedy_success: float | None
    """Share 0-1 of greedy touches that moved something, over the last rounds; None without touches."""
    random_success: float | None
    """The same of random touches."""
    intervals: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """95 % intervals of mask_ap50 and box_ap50, if known."""


LEARNING_COLORS = {"mask_ap50": "#1f5fbf", "box_ap50": "#d1741c"}


def learning_curve(path: Path, points: Sequence[LearningPoint], baselines: Mapping[str, Mapping[str, float]]) -> None:
    """Writes AP50 against minutes, images learned from and touches, and the success of touches.

    Args:
        path: the PNG file.
        points: points in the order of time; those with intervals get error bars.
        baselines: mask_ap50 and box_ap50 of each baseline, drawn as horizontal lines.
    """
    figure = Figure(figsize=(9.2, 6.6), layout="constrained")
    axes = figure.subplots(2, 2)
    evaluated = [p for p in points if p.mask_ap50 is not None and p.box_ap50 is not None]
    for axis, name in zip(axes.flat, ("minutes", "images", "touches"), strict=False):
        # The bar of masks is wide and pale, so that both are seen where they overlap.
        for key, marker, bar in (("mask_ap50", "o-", {"lw": 6, "alpha": 0.4}), ("box_ap50", "s--", {"lw": 1.2})):
            color, label = LEARNING_COLORS[key], key.replace("_ap50", " AP50")
            x, y = [getattr(p, name) for p in evaluated], [getattr(p, key) for p in evaluated]
            axis.plot(x, y, marker, ms=3.5, color=color, label=label)
            for point in evaluated:
                if key in point.intervals:
                    at = getattr(point, name)
                    axis.plot([at, at], point.intervals[key], color=color, solid_capstyle="butt", **bar)
            for (baseline, values), style in zip(baselines.items(), (":", "-.") * len(baselines), strict=False):
                axis.axhline(values[key], color=color, ls=style, lw=1, alpha=0.8, label=f"{baseline}, {label}")
        axis.set(ylabel="AP50 on unseen locations", ylim=(0, None))
    for key, color in (("greedy_success", "#208a3c"), ("random_success", "0.45")):
        known = [p for p in points if getattr(p, key) is not None]
        shares = [100 * getattr(p, key) for p in known]
        axes[1, 1].plot([p.touches for p in known], shares, color=color, label=key.replace("_success", " touches"))
    axes[1, 1].set(ylabel="successful touches, %", ylim=(0, None))
    axes[1, 1].legend(frameon=False, fontsize=8)
    labels = ("minutes of training", "images learned from", "touches", "touches")
    for axis, label in zip(axes.flat, labels, strict=True):
        axis.set(xlabel=label, xlim=(0, None))
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    if any(p.intervals for p in evaluated):
        title = "Last points: final weights on all test locations, with 95 % intervals; others may be on fewer"
        figure.suptitle(title, fontsize=9)
    save(figure, path, dpi=110)


def confusion_figure(path: Path, metrics: Metrics) -> None:
    """Writes the row-normalised confusion matrix of the mass classes of found objects, with the counts."""
    figure = Figure(figsize=(4.2, 3.7), layout="constrained")
    axis = figure.subplots()
    picture = draw_confusion(axis, metrics.confusion_percent(), metrics.confusion)
    axis.set(xlabel="predicted mass class", ylabel="true mass class")
    figure.suptitle(f"Mass of found objects: {metrics.mass_accuracy:.1f} % right (mean per class)", fontsize=10)
    figure.colorbar(picture, ax=axis, shrink=0.85, label="% of the true class")
    save(figure, path, dpi=110)


def draw_confusion(axis: Axes, percent: NDArray[np.float64], counts: NDArray[np.int64] | None) -> AxesImage:
    """Draws a matrix of (3, 3) percentages with its counts; returns the picture."""
    picture = axis.imshow(np.nan_to_num(percent), cmap="Blues", vmin=0, vmax=100)
    for row in range(len(MASS_CLASSES)):
        for column in range(len(MASS_CLASSES)):
            value = percent[row, column]
            count = "" if counts is None else f"\n({counts[row, column]})"
            text = "–" if np.isnan(value) else f"{value:.1f} %{count}"
            axis.text(column, row, text, ha="center", va="center", color="white" if value > 55 else "0.15", fontsize=9)
    axis.set_xticks(range(len(MASS_CLASSES)), MASS_CLASSES)
    axis.set_yticks(range(len(MASS_CLASSES)), MASS_CLASSES)
    return picture


def precision_recall_figure(path: Path, curves: Mapping[str, Metrics]) -> None:
    """Writes precision against recall at IoU 0.5 for masks and boxes, one line for each named method."""
    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    for axis, kind, title in zip(figure.subplots(1, 2, sharey=True), ("mask", "box"), ("Masks", "Boxes"), strict=True):
        for name, metrics in curves.items():
            precision = metrics.mask_precision if kind == "mask" else metrics.box_precision
            ap = metrics.mask_ap50 if kind == "mask" else metrics.box_ap50
            axis.plot(RECALLS, precision, linewidth=1.6, label=f"{name} ({ap:.1f})")
        axis.set(xlabel="recall", xlim=(0, 1), ylim=(0, 1.02), title=f"{title} at IoU 0.5")
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8, title="AP50", title_fontsize=8)
        if kind == "mask":
            axis.set_ylabel("precision")
    save(figure, path, dpi=110)


def _grey(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(H, W, 3) luminance in [0, 1], as a background for colours."""
    luminance = image.astype(np.float64) @ np.array([0.299, 0.587, 0.114]) / 255
    return np.repeat(luminance[..., None], 3, axis=2)


def _points(axis: Axes, cells: NDArray[np.integer], colors: NDArray[np.float64]) -> None:
    """Marks the centres of grid cells."""
    centres = (cells + 0.5) * GRID_STRIDE - 0.5
    axis.scatter(centres[:, 1], centres[:, 0], s=26, c=colors, edgecolors="white", linewidths=0.9, zorder=3)


def _placeholder(axis: Axes, image: NDArray[np.uint8], why: str) -> None:
    """Draws the greyed image with a text about what is missing."""
    axis.imshow(_grey(image))
    axis.text(0.5, 0.5, why, transform=axis.transAxes, ha="center", va="center", color="white")


def _mass_key(figure: Figure) -> None:
    """Names the colours of the mass classes below the panels."""
    marks = [
        figure.axes[0].plot([], [], "s", color=color, label=name)[0]
        for name, color in zip(MASS_CLASSES, MASS_COLORS, strict=True)
    ]
    figure.legend(
        handles=marks, loc="outside lower center", ncols=3, frameon=False, fontsize=8,
        title="mass class (also of instances, by their points)", title_fontsize=8,
    )  # fmt: skip

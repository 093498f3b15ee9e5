"""Contact sheets of rooms and of touches, as PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from actors.interaction.self_supervision import changed_cells, hsv
from evaluation.interaction.figures import overlay
from evaluation.interaction.masks import upsample
from evaluation.interaction.rooms import StudiedTouch, View
from evaluation.pictures import save
from replay.interaction.record import GRID_STRIDE

FARTHEST = 4.0
"""Depth shown in black, metres."""
TOUCH_TITLES = ("before, and the touch", "after", "changed cells", "mask B⁺", "true mask")
MASK_COLOR = np.array([[0.95, 0.3, 0.1]])


def views_sheet(path: Path, rooms: Sequence[Sequence[View]]) -> None:
    """Draws one row for each room: colour, depth and instances of its views, side by side.

    Args:
        path: the PNG file.
        rooms: views of each room; rooms may have fewer views than others.
    """
    columns = max(len(views) for views in rooms)
    figure = Figure(figsize=(3 * 1.35 * columns, 1.5 * len(rooms)), layout="constrained")
    axes = figure.subplots(len(rooms), 3 * columns, squeeze=False)
    for row, views in zip(axes, rooms, strict=True):
        for axis in row:
            axis.set_axis_off()
        for index, view in enumerate(views):
            colour, depth, instances = row[3 * index : 3 * index + 3]
            colour.imshow(view.image)
            colour.set_title(f"{view.location.scene}, {view.objects} objects", fontsize=7)
            depth.imshow(view.depth, cmap="gray_r", vmin=0, vmax=FARTHEST)
            instances.imshow(view.instances)
    save(figure, path, 110)


def touches_sheet(path: Path, touches: Sequence[StudiedTouch], threshold: float) -> None:
    """Draws one row for each touch: before, after, changed cells, B⁺ and the touched object's true mask.

    Args:
        path: the PNG file.
        touches: touches to draw.
        threshold: mean squared difference above which a cell counts as changed.
    """
    figure = Figure(figsize=(1.9 * len(TOUCH_TITLES), 1.95 * len(touches)), layout="constrained")
    axes = figure.subplots(len(touches), len(TOUCH_TITLES), squeeze=False)
    for row, touch in zip(axes, touches, strict=True):
        before, after, changed, mask, truth = row
        before.imshow(marked(touch))
        after.imshow(touch.after)
        cells = changed_cells(hsv(touch.before), hsv(touch.after), threshold)
        for axis, shown in ((changed, cells), (mask, touch.mask), (truth, touch.truth)):
            axis.imshow(overlay(touch.before, upsample(shown[None]), MASK_COLOR))
        label(mask, "successful" if touch.successful else "not successful", f"IoU {touch.iou:.2f}")
        label(truth, "moved" if touch.moved else "not moved", f"{touch.mass:.2f} kg" if touch.mass else "no object")
        for axis in row:
            axis.set_axis_off()
    for axis, title in zip(axes[0], TOUCH_TITLES, strict=True):
        axis.set_title(title, fontsize=8)
    save(figure, path, 110)


def label(axis: Axes, *words: str) -> None:
    """Writes words into the lower left corner."""
    text = ", ".join(word for word in words if "nan" not in word)
    axis.text(4, 294, text, fontsize=6, color="black", bbox={"facecolor": "white", "alpha": 0.8, "pad": 1.5})


def marked(touch: StudiedTouch) -> NDArray[np.uint8]:
    """The observation before a touch, with a ring around the touched cell."""
    centre = tuple(GRID_STRIDE * cell + GRID_STRIDE // 2 for cell in (touch.column, touch.row))
    ringed = cv2.circle(touch.before.copy(), centre, 9, (255, 255, 255), 4, cv2.LINE_AA)
    return np.asarray(cv2.circle(ringed, centre, 9, (220, 30, 30), 2, cv2.LINE_AA))

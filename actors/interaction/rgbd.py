"""Masks from the changes of colour and depth that a touch makes (docs/interaction.md, Colour and depth).

It uses no ground truth: only the observations before and after a touch.

1. A grid cell has *changed* if its colour did, as for the module, or if its depth changed by more than 2 cm and by more
   than 4 standard deviations of the noise. Where depth grew, something has *gone*; where it shrank, something *came*.
2. Superpixels of colour and depth split the image before the touch. One of which more than half of the cells have
   changed moved as a whole, unless more came than went: then it is only hidden. The touched one moved if more than a
   quarter of it changed.
3. What *moved* is the part of both, changed cells and whole superpixels, that is connected with the touched cell. The
   touch is successful if enough of this part lies around the cell, by the module's rule.
4. B+ is the part's whole superpixels and the cells where something has gone. If the touched superpixel is none of them,
   B+ is all of the part but the cells where something came, or all of it if there are no others.
5. The touch is *outdated*, so that nothing is learned from it, if too many cells of B+, or without success its cell,
   have changed since the first image, which is what the network sees.
6. It is a *nudge* if the object moved less than 4 cm, by the cells that it vacated. Where several forces are tried,
   that of a nudge does not suffice.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from actors.interaction.config import RgbdConfig, SelfSupervisionConfig
from actors.interaction.self_supervision import Outcome, changed_cells, hsv, neighbourhood, succeeds
from actors.observation import Observation
from models.interaction.superpixels import rgbd_superpixels
from replay.interaction.record import GRID_SIZE, GRID_STRIDE, centres

MAD_TO_DEVIATION = 1.4826
"""Standard deviation of a normal distribution for a median absolute deviation of 1."""

CELL_WIDTH = 2 / GRID_SIZE
"""Metres that a cell spans at a distance of 1 m, with a field of view of 90 degrees."""


def cell_depth(depth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the (H/3, W/3) median of each cell of an (H, W) depth map.

    Unlike a mean, it belongs to one side of an object's border, and it still reduces noise to less than half.
    """
    return np.ascontiguousarray(centres(cv2.medianBlur(depth, GRID_STRIDE)))


def noise_of(shift: NDArray[np.float32]) -> float:
    """Returns the standard deviation of the noise in changes of depth, of which few are of things that moved, m.

    It follows from the median absolute deviation, which a minority of large changes hardly raises.
    """
    return MAD_TO_DEVIATION * float(np.median(np.abs(shift - np.median(shift)))) if shift.size else 0.0


def connected_part(cells: NDArray[np.bool_], row: int, column: int) -> NDArray[np.bool_]:
    """Returns the part of (h, w) cells that is connected, across edges or corners, with those near a cell.

    Near means within the kernel's reach, in which the success rule looks: the touched cell itself may look as before.
    """
    _, labels = cv2.connectedComponents(cells.astype(np.uint8), connectivity=8)
    near = labels[neighbourhood(row, column)]
    return np.isin(labels, near[near > 0])


class RgbdSupervision:
    """A `Supervision` that compares colour and depth.

    Args:
        first: the location's first observation.
        config: the module's settings: changes of colour, success rule, whether there are superpixels, and the fraction
            of the touched one.
        rgbd: the settings of this source.
    """

    def __init__(self, first: Observation, config: SelfSupervisionConfig, rgbd: RgbdConfig) -> None:
        self._config = config
        self._rgbd = rgbd
        self._image, self._hsv, self._depth = first.image, hsv(first.image), cell_depth(first.depth)
        self._first = self._hsv, self._depth

    def judge(self, after: Observation, row: int, column: int) -> Outcome:
        """See `actors.interaction.self_supervision.Supervision`."""
        image, colours, depth = self._image, self._hsv, self._depth
        self._image, self._hsv, self._depth = after.image, hsv(after.image), cell_depth(after.depth)
        recoloured, gone, came = self._changes(colours, depth, self._hsv, self._depth)
        changed = recoloured | gone | came
        whole = touched = np.zeros_like(changed)
        if self._config.superpixels and changed.any():
            labels = rgbd_superpixels(
                centres(image),
                depth,
                self._rgbd.depth_weight,
                self._rgbd.superpixel_scale,
                self._rgbd.superpixel_min_size,
            )
            whole = self._moved_whole(labels, changed, came, int(labels[row, column]))
            touched = labels == labels[row, column]
        moved = connected_part(changed | whole, row, column)
        mask = moved & (whole | gone) if whole[row, column] else moved & ~came
        if not mask.any():  # all of it came closer: it was there before, too
            mask = moved
        successful = succeeds(moved, row, column, self._config)
        outdated = False
        if self._rgbd.outdated_fraction < 1:
            since_first = np.logical_or.reduce(self._changes(*self._first, colours, depth))
            fraction = float(since_first[mask].mean() if successful else since_first[row, column])
            outdated = fraction > self._rgbd.outdated_fraction
        nudged = False
        if successful:
            vacated = mask & (gone if (mask & gone).any() else recoloured)  # flat objects leave no depth behind
            # Where no superpixel moved as a whole, the mask is but the strip that the touched object vacated.
            extent = mask if (mask & whole).any() else mask | touched
            nudged = motion(vacated, extent, depth) < self._rgbd.least_motion
        return Outcome(mask, successful, outdated, nudged)

    def _changes(
        self,
        colours: NDArray[np.float32],
        depth: NDArray[np.float32],
        new_colours: NDArray[np.float32],
        new_depth: NDArray[np.float32],
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Returns the (h, w) cells whose colour changed, where something has gone, and where something came."""
        recoloured = changed_cells(colours, new_colours, self._config.change_threshold)
        shift = new_depth - depth
        least = max(self._rgbd.depth_change, self._rgbd.noise_factor * noise_of(shift[~recoloured]))
        return recoloured, shift > least, shift < -least

    def _moved_whole(
        self, labels: NDArray[np.int64], changed: NDArray[np.bool_], came: NDArray[np.bool_], touched: int
    ) -> NDArray[np.bool_]:
        """Returns the (h, w) cells of superpixels that moved as a whole."""
        cells = np.bincount(labels.ravel())
        changes = np.bincount(labels.ravel(), weights=changed.ravel())
        arrivals = np.bincount(labels.ravel(), weights=came.ravel())
        joined = (changes > self._rgbd.superpixel_fraction * cells) & (2 * arrivals <= changes)
        joined[touched] = changes[touched] > self._config.superpixel_fraction * cells[touched]
        return joined[labels]


def motion(vacated: NDArray[np.bool_], extent: NDArray[np.bool_], depth: NDArray[np.float32]) -> float:
    """Estimates how far an object moved, in metres, from the cells that it vacated.

    An object that moves across the view vacates a strip along one of its sides. Its width is the number of vacated
    cells divided by the side, for which the root of the number of all cells stands. An object that moves away from the
    camera vacates all its cells.

    Args:
        vacated: (h, w) cells where the object was and is no longer.
        extent: (h, w) cells where it was, at least one.
        depth: (h, w) metres before it moved.
    """
    cells = np.count_nonzero(vacated) / math.sqrt(np.count_nonzero(extent))
    return cells * CELL_WIDTH * float(np.median(depth[extent]))

"""Masks from the changes of colour and depth that a touch makes (docs/interaction.md, Colour and depth).

It uses no ground truth: only the observations before and after a touch.

1. A grid cell has *changed* if its colour did, as for the module, or if its mean depth over 3x3 pixels changed by more
   than 2 cm and by more than 4 standard deviations of the noise. Where depth shrank, something *came*.
2. Superpixels of colour and depth split the image before the touch. One of which more than half of the cells have
   changed moved as a whole; for the touched one a quarter suffices.
3. What moved is the part of both, changed cells and whole superpixels, that is connected with the touched cell. The
   touch is successful if enough of this part lies around the cell, by the module's rule.
4. B+ is that part without cells where something came, unless their superpixel moved as a whole: there the image before
   the touch shows what is now hidden.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from actors.interaction.config import RgbdConfig, SelfSupervisionConfig
from actors.interaction.self_supervision import Outcome, changed_cells, hsv, join_superpixels, succeeds
from actors.observation import Observation
from models.interaction.superpixels import rgbd_superpixels
from replay.interaction.kernels import KERNEL_SIZE
from replay.interaction.record import GRID_STRIDE

MAD_TO_SIGMA = 1.4826
"""Standard deviation of a normal distribution per median absolute deviation."""


def depth_shift(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the (H/3, W/3) mean change of depth (m) in each cell of two (H, W) depth maps; positive is farther."""
    height, width = before.shape
    difference = cv2.subtract(after, before)
    # For a whole-number factor, INTER_AREA is the mean over each cell.
    return np.asarray(
        cv2.resize(difference, (width // GRID_STRIDE, height // GRID_STRIDE), interpolation=cv2.INTER_AREA)
    )


def noise_of(shift: NDArray[np.float32]) -> float:
    """Returns the standard deviation of the noise in an (h, w) change of depth, m.

    The median absolute deviation: cells that moved hardly count as long as they are a minority.
    """
    return MAD_TO_SIGMA * float(np.median(np.abs(shift - np.median(shift))))


def connected_part(cells: NDArray[np.bool_], row: int, column: int) -> NDArray[np.bool_]:
    """Returns the part of (h, w) cells that is connected with those near a cell, across edges or corners.

    Near means within the kernel's reach, in which the success rule looks: the touched cell itself may look the same as
    before.
    """
    _, labels = cv2.connectedComponents(cells.astype(np.uint8), connectivity=8)
    reach = KERNEL_SIZE // 2
    near = labels[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
    return np.isin(labels, near[near > 0])


class RgbdSupervision:
    """A `Supervision` that compares colour and depth.

    Args:
        first: the location's first observation.
        config: the module's settings: changes of colour, the success rule, and whether superpixels are used.
        rgbd: the settings of this source.
    """

    def __init__(self, first: Observation, config: SelfSupervisionConfig, rgbd: RgbdConfig) -> None:
        self._config = config
        self._rgbd = rgbd
        self._before = first
        self._colours = hsv(first.image)

    def judge(self, after: Observation, row: int, column: int) -> Outcome:
        """See `actors.interaction.self_supervision.Supervision`."""
        before, self._before = self._before, after
        colours, self._colours = self._colours, hsv(after.image)
        shift = depth_shift(before.depth, after.depth)
        least = max(self._rgbd.depth_change, self._rgbd.noise_factor * noise_of(shift))
        came = shift < -least
        changed = changed_cells(colours, self._colours, self._config.change_threshold) | came | (shift > least)
        if not changed.any():
            return Outcome(changed, False)
        whole = np.zeros_like(changed)
        if self._config.superpixels:
            whole = self._whole(before, changed, row, column)
        moved = connected_part(changed | whole, row, column)
        successful = succeeds(moved, row, column, self._config)
        return Outcome(moved & (whole | ~came), successful)

    def _whole(self, before: Observation, changed: NDArray[np.bool_], row: int, column: int) -> NDArray[np.bool_]:
        """The (h, w) cells of superpixels that moved as a whole."""
        config = self._rgbd
        labels = rgbd_superpixels(
            before.image, before.depth, config.depth_weight, config.superpixel_scale, config.superpixel_min_size
        )
        whole = join_superpixels(changed, labels, config.superpixel_fraction)
        touched = labels == labels[row, column]
        if changed[touched].mean() > self._config.superpixel_fraction:
            whole |= touched
        return whole

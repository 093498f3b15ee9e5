"""The self-supervision module: what moved, and did the touch move it (docs/interaction.md, Self-supervision).

It uses no ground truth: a mask comes only from the images before and after a touch. Other mask sources
(`actors.interaction.mask_sources`) replace step 1; steps 2 and 3 are the same for all.

1. A grid cell is *changed* if the squared difference of the images' HSV values, averaged over its 3x3 pixels and the
   three channels, is greater than 0.01. Hue, saturation and value are in [0, 1]; hue is not treated as an angle.
2. Felzenszwalb superpixels of the location's first image, read off at the cells' centre pixels ([1::3, 1::3]); a
   superpixel joins the mask B+ if more than 25 % of its cells have changed.
3. A touch is successful if the sum of kernel * B+ over the 5x5 cells around it, cut off at the border, is at least 1.5.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from actors.interaction.config import SelfSupervisionConfig
from actors.observation import Observation
from models.interaction.superpixels import superpixel_grid
from replay.interaction.kernels import KERNEL_SIZE, kernel
from replay.interaction.record import GRID_STRIDE

_EXECUTOR = ThreadPoolExecutor(max_workers=1, thread_name_prefix="superpixels")
"""Computes superpixels in the background; Felzenszwalb's algorithm holds the interpreter's lock only briefly."""
_HSV_SCALE = np.array([1 / 360, 1, 1 / 255, 0])
"""Factor of each channel; OpenCV requires four float64 values."""


def hsv(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Converts (H, W, 3) uint8 RGB to float32 HSV in [0, 1]; equals skimage's rgb2hsv within 1e-6, 20 times as fast."""
    # With values in 0..255, OpenCV's guard against division by zero is below float32 rounding; with 0..1 it is not.
    converted = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2HSV)
    return np.asarray(cv2.multiply(converted, _HSV_SCALE), dtype=np.float32)


def changed_cells(before: NDArray[np.float32], after: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Returns (H/3, W/3) bool: whether the mean squared difference of (H, W, 3) HSV images over a cell > threshold."""
    height, width, channels = before.shape
    difference = cv2.subtract(before, after)
    squares = cv2.multiply(difference, difference)
    # For a whole-number factor, INTER_AREA is the mean over each cell.
    cells = cv2.resize(squares, (width // GRID_STRIDE, height // GRID_STRIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cells).sum(axis=2) > threshold * channels


def join_superpixels(changed: NDArray[np.bool_], labels: NDArray[np.int64], fraction: float) -> NDArray[np.bool_]:
    """Returns the mask B+: all superpixels of which more than a fraction of the cells has changed; (h, w) each."""
    cells = np.bincount(labels.ravel())
    hits = np.bincount(labels.ravel(), weights=changed.ravel())
    # Labels without cells have 0 > 0, which is false.
    return (hits > fraction * cells)[labels]


def neighbourhood(row: int, column: int) -> tuple[slice, slice]:
    """Returns the rows and columns of the 5x5 cells around a cell, cut off at the upper and left border."""
    reach = KERNEL_SIZE // 2
    return slice(max(row - reach, 0), row + reach + 1), slice(max(column - reach, 0), column + reach + 1)


def kernel_sum(mask: NDArray[np.bool_], row: int, column: int, weights: NDArray[np.float64]) -> float:
    """Returns the sum of (5, 5) weights * mask over the neighbourhood of a cell, cut off at the mask's border."""
    reach = KERNEL_SIZE // 2
    rows, columns = neighbourhood(row, column)
    window = mask[rows, columns]
    first_row, first_column = rows.start - row + reach, columns.start - column + reach
    return float(
        weights[first_row : first_row + window.shape[0], first_column : first_column + window.shape[1]][window].sum()
    )


def succeeds(mask: NDArray[np.bool_], row: int, column: int, config: SelfSupervisionConfig) -> bool:
    """Applies the success rule: does enough of an (h, w) mask lie around the touched cell (supplement, Eq. 1)?"""
    found = kernel_sum(mask, row, column, kernel(config.kernel))
    return found > config.success_threshold if config.success_strictly_above else found >= config.success_threshold


class Outcome(NamedTuple):
    """What a touch did, as the observations show it."""

    mask: NDArray[np.bool_]
    """(H/3, W/3) B+: where the image before the touch shows what moved, whether or not the touch was successful."""
    successful: bool
    outdated: bool = False
    """Whether an earlier touch had changed what this one touched, so that it says nothing about the first image."""
    nudged: bool = False
    """Whether a successful touch moved the object so little that a larger force counts as the sufficient one."""


class Supervision(Protocol):
    """Judges a location's touches, one after the other; the observation after a touch is the one before the next."""

    def judge(self, after: Observation, row: int, column: int) -> Outcome:
        """Returns the outcome of a touch of cell (row, column), given the observation after it."""


class Changes(Protocol):
    """Finds the cells that a location's touches change, one touch after the other."""

    def after(self, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Returns the (H/3, W/3) cells that the latest touch changed, given the (H, W, 3) image after it."""


class ImageDifference:
    """Finds changed cells by the difference of colours between the images before and after.

    Args:
        first: (H, W, 3) uint8 RGB, the location's first image.
        threshold: threshold of the mean squared HSV difference.
    """

    def __init__(self, first: NDArray[np.uint8], threshold: float) -> None:
        self._before = hsv(first)
        self._threshold = threshold

    def after(self, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """See `Changes`."""
        before, self._before = self._before, hsv(image)
        return changed_cells(before, self._before, self._threshold)


class SelfSupervision:
    """A `Supervision` that compares images.

    The superpixels are the costly part; they are computed once, in a thread during inference and the first touches,
    when the actor and the simulator leave a core idle.

    Args:
        first: (H, W, 3) uint8 RGB, the location's first image.
        config: superpixels, kernel and threshold.
        changes: finds changed cells; `ImageDifference` by default.
    """

    def __init__(self, first: NDArray[np.uint8], config: SelfSupervisionConfig, changes: Changes | None = None) -> None:
        self._config = config
        self.changes = changes or ImageDifference(first, config.change_threshold)
        self._labels: Future[NDArray[np.int64]] | None = None
        if config.superpixels:
            self._labels = _EXECUTOR.submit(
                superpixel_grid,
                first,
                config.superpixel_scale,
                config.superpixel_sigma,
                config.superpixel_min_size,
            )

    def _mask(self, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Returns B+ of the latest touch, (H/3, W/3), given the image after it."""
        changed = self.changes.after(image)
        if self._labels is None or not changed.any():
            return changed
        return join_superpixels(changed, self._labels.result(), self._config.superpixel_fraction)

    def judge(self, after: Observation, row: int, column: int) -> Outcome:
        """See `Supervision`; the depth is not used."""
        mask = self._mask(after.image)
        return Outcome(mask, succeeds(mask, row, column, self._config))

"""Where a dropped object appears in the picture: its pixels by modality and cell of a 7 x 7 grid.

The sets are those of Weihs et al., appendix B.4. Two pictures of the dropped object decide: one of the room as it is,
and one in which everything else is hidden. A pixel of the object is

- OnTop, if it is visible in the room as it is;
- Behind, if it is visible only when everything else is hidden;
- ContainedIn, if it is either of these and a container holds the object.

Along the object's border a renderer may show a visible pixel that is missing when everything else is hidden. Such a
pixel counts as visible, so it is OnTop.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

GRID = 7
"""Rows and columns of the grid of cells (paper)."""
LOST_PIXELS = 10
"""An object with at most this many pixels, visible and hidden, is lost (paper)."""
HIT_PERCENT = 95
"""A cell is hit if it holds at least this share of the fullest cell's pixels, percent (paper)."""


class Modality(IntEnum):
    """How an object lies at a place; the numbers are indices into `Landing.counts`."""

    ON_TOP = 0
    CONTAINED_IN = 1
    BEHIND = 2


TIE_ORDER = (Modality.CONTAINED_IN, Modality.BEHIND, Modality.ON_TOP)
"""Which modality describes an object best if several have equally many pixels (ours).

All pixels of an object in an open container can be visible. OnTop and ContainedIn are then equal, and ContainedIn says
more.
"""


@dataclass(frozen=True, eq=False)
class Landing:
    """Where an object landed, as the agent that dropped it sees it."""

    counts: NDArray[np.int64]
    """(3, 7, 7): the object's pixels by `Modality`, row and column. Row 0 is the top of the picture."""
    lost_pixels: int = LOST_PIXELS
    """The object is lost if it has at most this many pixels."""

    @property
    def total(self) -> int:
        """Pixels of the object, visible and hidden: |OnTop| + |Behind|."""
        return int(self.counts[Modality.ON_TOP].sum() + self.counts[Modality.BEHIND].sum())

    @property
    def lost(self) -> bool:
        """Whether the object has so few pixels that every target is missed."""
        return self.total <= self.lost_pixels

    @property
    def most(self) -> int:
        """Largest number of pixels in any cell and modality; the paper's M."""
        return int(self.counts.max())

    @property
    def best(self) -> tuple[Modality, int, int] | None:
        """Modality, row and column with most pixels: the target that this drop would have hit; None if it is lost.

        The first of several equal entries counts: by `TIE_ORDER`, then from the top, then from the left.
        """
        if self.lost:
            return None
        order, row, column = np.unravel_index(int(self.counts[list(TIE_ORDER)].argmax()), self.counts.shape)
        return TIE_ORDER[order], int(row), int(column)

    def hits(self) -> list[tuple[Modality, int, int]]:
        """Returns each (modality, row, column) that holds at least 95 % of `most`, in ascending order.

        A lost object hits nothing.
        """
        hit = self._hit()
        return [(Modality(modality), int(row), int(column)) for modality, row, column in np.argwhere(hit)]

    def hit(self, modality: Modality, row: int, column: int, neighbours: bool = False) -> bool:
        """Returns whether the object landed at a target.

        Args:
            modality: the target's modality.
            row: the target's row, 0 to 6.
            column: the target's column, 0 to 6.
            neighbours: whether the cells one row above and one row below count as well. This is how the hiding stage
                judges ContainedIn and Behind (appendix B.3); it changes nothing for OnTop.

        Raises:
            ValueError: if the cell is outside the grid.
        """
        if not (0 <= row < GRID and 0 <= column < GRID):
            raise ValueError(f"row and column must be in 0 to {GRID - 1}, not {row} and {column}")
        reach = 1 if neighbours and modality != Modality.ON_TOP else 0
        return bool(self._hit()[modality, max(row - reach, 0) : row + reach + 1, column].any())

    def _hit(self) -> NDArray[np.bool_]:
        """Returns (3, 7, 7) whether each entry holds at least 95 % of `most`; all false for a lost object."""
        if self.lost:
            return np.zeros(self.counts.shape, dtype=bool)
        # Whole numbers, because 0.95 * M may be rounded to either side of a whole number.
        return 100 * self.counts >= HIT_PERCENT * self.most


def landing(
    on_top: NDArray[np.bool_], alone: NDArray[np.bool_], contained: bool, lost_pixels: int = LOST_PIXELS
) -> Landing:
    """Counts the pixels of a dropped object.

    Args:
        on_top: (H, W) bool: where the object is visible in the room as it is.
        alone: (H, W) bool: where it is visible when everything else is hidden.
        contained: whether a container holds the object.
        lost_pixels: the object is lost if it has at most this many pixels.

    Returns:
        The counts. Image row v belongs to grid row v // (H / 7), and image column u to grid column u // (W / 7).

    Raises:
        ValueError: if the masks are not bool, differ in shape, or cannot be divided into 7 x 7 equal cells.
    """
    for name, mask in (("on_top", on_top), ("alone", alone)):
        if mask.dtype != np.bool_:
            raise ValueError(f"{name} must be bool, not {mask.dtype}")
        if mask.ndim != 2 or any(side == 0 or side % GRID for side in mask.shape):
            raise ValueError(f"{name} must have two sides that are multiples of {GRID}, not shape {mask.shape}")
    if on_top.shape != alone.shape:
        raise ValueError(f"on_top and alone must have the same shape, not {on_top.shape} and {alone.shape}")
    visible, hidden = _by_cell(on_top), _by_cell(alone & ~on_top)
    inside = visible + hidden if contained else np.zeros_like(visible)
    counts = np.zeros((len(Modality), GRID, GRID), dtype=np.int64)
    counts[Modality.ON_TOP], counts[Modality.CONTAINED_IN], counts[Modality.BEHIND] = visible, inside, hidden
    return Landing(counts, lost_pixels)


def _by_cell(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Returns (7, 7) the number of true pixels of an (H, W) mask in each cell."""
    height, width = mask.shape
    cells = mask.reshape(GRID, height // GRID, GRID, width // GRID)  # grid row, its rows, grid column, its columns
    return cells.sum(axis=(1, 3), dtype=np.int64)

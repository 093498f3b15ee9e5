"""Triplets of visual dynamics replay: an image, an action with its success, and the image after it.

Source: Weihs et al., appendix C.2. Ours: those of seeking also tell where in the first image the goal is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from replay.core import Fields, RecordFormat, Sample

TRIPLETS = "triplets"
"""Name of the table of triplets."""
SIGHT_GRID = 14
"""Rows and columns of the cells in which a triplet tells where the goal is seen."""


def triplet_fields(image_size: int) -> Fields:
    """Shape and dtype of each field of a triplet."""
    return {
        "key": ((), np.dtype(np.int64)),  # `replay.hide_and_seek.unroll.record_key`
        "before": ((image_size, image_size, 3), np.dtype(np.uint8)),  # RGB, with the game's augmentation
        "after": ((image_size, image_size, 3), np.dtype(np.uint8)),
        "action": ((), np.dtype(np.int64)),
        "succeeded": ((), np.dtype(np.bool_)),
        "goal": ((), np.dtype(np.int64)),  # index into the game's GOALS
        "claimable": ((), np.dtype(np.int8)),  # seek: whether ClaimVisible would succeed at `before`; -1: not known
        # If so, pixels of the goal in each cell of `before`, at most 255; else zeros.
        "goal_cells": ((SIGHT_GRID, SIGHT_GRID), np.dtype(np.uint8)),
        "group": ((), np.dtype(np.int64)),  # kind of what happened, see `actors`: batches are balanced over it
        "version": ((), np.dtype(np.int64)),
    }


@dataclass(frozen=True)
class TripletBatch:
    """B triplets."""

    before: NDArray[np.uint8]
    """(B, S, S, 3)"""
    after: NDArray[np.uint8]
    """(B, S, S, 3)"""
    action: NDArray[np.int64]
    """(B,)"""
    succeeded: NDArray[np.bool_]
    """(B,)"""
    goal: NDArray[np.int64]
    """(B,)"""
    claimable: NDArray[np.int8]
    """(B,)"""
    goal_cells: NDArray[np.uint8]
    """(B, 14, 14)"""
    slots: NDArray[np.int64]
    insertion_ids: NDArray[np.int64]

    @property
    def weights_version(self) -> NDArray[np.int64]:
        """Empty: what an action does to a picture does not depend on the policy."""
        return np.empty(0, np.int64)


def to_triplet_batch(sample: Sample) -> TripletBatch:
    """See `RecordFormat.to_batch`."""
    columns = sample.columns
    return TripletBatch(
        columns["before"],
        columns["after"],
        columns["action"],
        columns["succeeded"],
        columns["goal"],
        columns["claimable"],
        columns["goal_cells"],
        sample.slots,
        sample.insertion_ids,
    )


def triplet_format(image_size: int) -> RecordFormat:
    """Triplets as records of a table; a triplet is a dictionary of arrays."""
    return RecordFormat(triplet_fields(image_size), "key", "version", dict, to_triplet_batch, group_field="group")

"""Records that actors send to the replay buffer, and batches that the learner gets from it.

One `LocationRecord` is one visit to a location: the first observation, every touch and what it did. One `Batch` is a
stack of records in the shape that the learner consumes. Both hold numpy arrays only.

Everything on the *grid* has 100x100 cells of 3x3 pixels of the 300x300 image (paper section 2;
docs/interaction.md, Observations and touches).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value", bound=np.generic)

IMAGE_SIZE = 300
"""Height and width of observations, pixels."""
GRID_STRIDE = 3
"""Height and width of a grid cell, pixels."""
GRID_SIZE = IMAGE_SIZE // GRID_STRIDE
"""Height and width of predictions, masks and interaction points, cells."""
MAX_TOUCHES = 20
"""Largest number of touches planned at a location (10 greedy + 10 random in the paper): rows of an ordinary record."""
MAX_OBJECTS = 80
"""Largest number of objects that oracles touch or label in an image; an embedded room has about 60 moveable ones."""
ORACLE_TOUCHES = MAX_TOUCHES + MAX_OBJECTS
"""Rows of a record where the interaction oracle adds touches to the planned ones."""
PACKED_MASK_BYTES = (GRID_SIZE * GRID_SIZE + 7) // 8
"""Bytes of one grid mask packed with `numpy.packbits`."""
MAGNITUDES = 3
"""Number of force magnitudes, light to heavy (docs/interaction.md, Observations and touches)."""


class Feedback(IntEnum):
    """The self-supervision module's answer for one touch."""

    UNSUCCESSFUL = 0
    """Nothing moved at the point: background of the score loss."""
    JUST_RIGHT = 1
    """Moved, and the predicted magnitude was the smallest sufficient one."""
    TOO_SMALL = 2
    """Moved, but only with a larger magnitude than predicted."""
    TOO_LARGE = 3
    """Moved already with a smaller magnitude than predicted."""
    MOVED = 4
    """Moved with the largest magnitude; smaller ones were not tried (segmentation-only phase): no force target."""
    DROPPED = 5
    """Neither foreground nor background: unsuccessful on a cell of an earlier mask of the same location, or a touch of
    what an earlier one had moved."""


class Choice(IntEnum):
    """Who chose a touched point."""

    GREEDY = 0
    RANDOM = 1
    ORACLE = 2


def is_success(feedback: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """True where a touch moved something: feedback 1 to 4. Any shape."""
    return (feedback >= Feedback.JUST_RIGHT) & (feedback <= Feedback.MOVED)


@dataclass(frozen=True)
class LocationRecord:
    """One visited location.

    T = MAX_TOUCHES, or ORACLE_TOUCHES where the interaction oracle adds touches; rows from `touches` on are padding and
    all zero.
    """

    image: NDArray[np.uint8]
    """(300, 300, 3) RGB, the first observation."""
    depth: NDArray[np.float16]
    """(300, 300) metres along the pixel's ray, minus the near plane."""
    touches: NDArray[np.uint8]
    """() number of touches made."""
    points: NDArray[np.uint8]
    """(T, 2) touched grid cell (row, column)."""
    magnitudes: NDArray[np.uint8]
    """(T,) predicted (or drawn) magnitude index 0, 1, 2."""
    feedback: NDArray[np.uint8]
    """(T,) a `Feedback` each."""
    choices: NDArray[np.uint8]
    """(T,) a `Choice` each."""
    masks: NDArray[np.uint8]
    """(T, 1250) B+ of each successful touch, (100, 100) packed by `pack_masks`; zero where the touch failed."""
    location: NDArray[np.int64]
    """() running number of the location in the run: the coordinator's counter, unique in a run."""
    entry: NDArray[np.int32]
    """() index of the location in its data set file."""
    weights_version: NDArray[np.int64]
    """() optimiser steps done when the weights that chose the points were published."""
    actor: NDArray[np.int32]
    """() number of the actor that played."""


@dataclass(frozen=True)
class LabelledRecord(LocationRecord):
    """A location with the true masks of its objects at full resolution (actors.supervision: full)."""

    instances: NDArray[np.uint8]
    """(300, 300) 0, or 1 + the index of the object that a pixel shows."""
    objects: NDArray[np.uint8]
    """() number of objects, at most MAX_OBJECTS."""
    classes: NDArray[np.uint8]
    """(MAX_OBJECTS,) mass class of each object, 0 light to 2 heavy; zero from `objects` on."""


@dataclass(frozen=True)
class SoftMaskRecord(LocationRecord):
    """A location whose touches were filmed (`actors.interaction.video_pca`)."""

    soft_mask: NDArray[np.uint8]
    """(100, 100) foreground of the first observation by all touches together, 0 to 255 for 0 to 1."""


Fields = dict[str, tuple[tuple[int, ...], np.dtype]]
"""Shape and dtype of each field of a record: the columns of a table's ring."""


def record_fields(touches: int = MAX_TOUCHES, soft_mask: bool = False, labels: bool = False) -> Fields:
    """The fields of a record.

    Args:
        touches: T, its rows.
        soft_mask: whether it is a `SoftMaskRecord`.
        labels: whether it is a `LabelledRecord`; not both.
    """
    uint8 = np.dtype(np.uint8)
    fields: Fields = {
        "image": ((IMAGE_SIZE, IMAGE_SIZE, 3), uint8),
        "depth": ((IMAGE_SIZE, IMAGE_SIZE), np.dtype(np.float16)),
        "touches": ((), uint8),
        "points": ((touches, 2), uint8),
        "magnitudes": ((touches,), uint8),
        "feedback": ((touches,), uint8),
        "choices": ((touches,), uint8),
        "masks": ((touches, PACKED_MASK_BYTES), uint8),
        "location": ((), np.dtype(np.int64)),
        "entry": ((), np.dtype(np.int32)),
        "weights_version": ((), np.dtype(np.int64)),
        "actor": ((), np.dtype(np.int32)),
    }
    if soft_mask:
        fields["soft_mask"] = ((GRID_SIZE, GRID_SIZE), uint8)
    if labels:
        fields |= {"instances": ((IMAGE_SIZE, IMAGE_SIZE), uint8), "objects": ((), uint8)}
        fields["classes"] = ((MAX_OBJECTS,), uint8)
    return fields


RECORD_FIELDS = record_fields()
"""Bytes of an ordinary record."""

RECORD_BYTES = sum(int(np.prod(shape)) * dtype.itemsize for shape, dtype in RECORD_FIELDS.values())
"""Bytes of the fields of an ordinary record (475 125)."""


@dataclass(frozen=True)
class Batch:
    """A batch of B sampled records: each field of `LocationRecord` with a leading axis B, and where they came from."""

    image: NDArray[np.uint8]
    depth: NDArray[np.float16]
    touches: NDArray[np.uint8]
    points: NDArray[np.uint8]
    magnitudes: NDArray[np.uint8]
    feedback: NDArray[np.uint8]
    choices: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    location: NDArray[np.int64]
    entry: NDArray[np.int32]
    weights_version: NDArray[np.int64]
    actor: NDArray[np.int32]
    slots: NDArray[np.int64]
    """(B,) slot of each record in the ring; with `insertion_ids` the address for returning priorities."""
    insertion_ids: NDArray[np.int64]
    """(B,) insertion id of each record: a returned priority is ignored if its slot was overwritten since."""
    number: int
    """Number of batches sampled before this one in the run."""


@dataclass(frozen=True)
class SoftMaskBatch(Batch):
    """A batch of B sampled `SoftMaskRecord`s."""

    soft_mask: NDArray[np.uint8]


@dataclass(frozen=True)
class LabelledBatch(Batch):
    """A batch of B sampled `LabelledRecord`s."""

    instances: NDArray[np.uint8]
    objects: NDArray[np.uint8]
    classes: NDArray[np.uint8]


def centres(image: NDArray[Value]) -> NDArray[Value]:
    """(H/3, W/3, ...) values of an (H, W, ...) image at the centre pixels of the grid's cells: where touches go."""
    return image[GRID_STRIDE // 2 :: GRID_STRIDE, GRID_STRIDE // 2 :: GRID_STRIDE]


def pack_masks(masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Packs (..., 100, 100) bool masks into (..., 1250) bytes, row-major, big bit order."""
    return np.packbits(masks.reshape(*masks.shape[:-2], GRID_SIZE * GRID_SIZE), axis=-1)


def unpack_masks(packed: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Unpacks (..., 1250) bytes into (..., 100, 100) bool masks: the inverse of `pack_masks`."""
    flat = np.unpackbits(packed, axis=-1, count=GRID_SIZE * GRID_SIZE)
    return flat.reshape(*packed.shape[:-1], GRID_SIZE, GRID_SIZE).astype(bool)


def make_record(columns: dict[str, NDArray[Any]]) -> LocationRecord:
    """The record of these fields, of whichever kind they are."""
    if "soft_mask" in columns:
        return SoftMaskRecord(**columns)
    return LabelledRecord(**columns) if "instances" in columns else LocationRecord(**columns)


def check_record(record: LocationRecord) -> None:
    """Raises ValueError naming the first field whose shape or dtype is not that of `record_fields`."""
    rows = len(record.points) if isinstance(record.points, np.ndarray) and record.points.ndim else 0
    touches = ORACLE_TOUCHES if rows == ORACLE_TOUCHES else MAX_TOUCHES
    expected = record_fields(touches, isinstance(record, SoftMaskRecord), isinstance(record, LabelledRecord))
    for name, (shape, dtype) in expected.items():
        value = getattr(record, name)
        if not isinstance(value, np.ndarray) or value.shape != shape or value.dtype != dtype:
            found = f"{value.dtype}{value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
            raise ValueError(f"record field '{name}' must be {dtype}{shape}, not {found}")

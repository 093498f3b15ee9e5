"""Memories of whole games, from which perspective simulation learns.

Source: Weihs et al., appendix C.3. A memory holds the hider's map after exploration, where and how it hid the object,
and what the seeker did. It is data: no gradient flows into the network that made the map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from replay.core import Fields, RecordFormat, Sample
from replay.hide_and_seek.unroll import ACTIONS, UnrollShape

MEMORIES = "memories"
"""Name of the table of memories."""
NO_OUTCOME = 2 * 3 * 7 * 7
"""Number of the outcome "none" (no PlaceAt succeeded); others: 147 standing + 49 modality + 7 row + column."""


def memory_fields(shape: UnrollShape, trajectory: int) -> Fields:
    """Shape and dtype of each field of a memory.

    Args:
        shape: of the model's map.
        trajectory: L, number of the seeker's steps that are kept, from its first.
    """
    p = shape.max_places
    f4, i8, i4, i2, i1, b1 = (np.dtype(kind) for kind in (np.float32, np.int64, np.int32, np.int16, np.int8, np.bool_))
    return {
        "key": ((), i8),  # `replay.hide_and_seek.unroll.record_key`
        "version": ((), i8),
        "number": ((), i8),
        "map_values": ((p, shape.map_size), f4),
        "map_keys": ((p, 4), i2),  # x, z in steps, rotation / 90 degrees, standing; relative to the first pose
        "map_written": ((p,), i4),  # -1: free
        "origin": ((4,), i2),  # location at the end of exploration
        "goal": ((), i1),
        "chosen": ((4,), i2),  # location from which the object was hidden, relative to the first pose
        "outcome": ((), i2),  # 0 to NO_OUTCOME
        "found": ((), b1),
        "seeker_steps": ((), i4),
        "length": ((), i4),  # steps of the seeker that are kept, at most L; 0: no seeker played
        "locations": ((trajectory, 4), i2),  # before each step
        "actions": ((trajectory,), i2),
        "succeeded": ((trajectory,), b1),
        "claimable": ((trajectory,), i1),  # whether ClaimVisible would succeed before the step; -1: not known
        "policy": ((trajectory, ACTIONS), f4),  # probabilities of the seeker's actions
    }


@dataclass(frozen=True)
class MemoryBatch:
    """B memories."""

    fields: dict[str, NDArray[Any]]
    """Each field of `memory_fields` with a leading axis B."""
    slots: NDArray[np.int64]
    insertion_ids: NDArray[np.int64]

    @property
    def weights_version(self) -> NDArray[np.int64]:
        """Empty: memories are old on purpose."""
        return np.empty(0, np.int64)


def to_memory_batch(sample: Sample) -> MemoryBatch:
    """See `RecordFormat.to_batch`."""
    return MemoryBatch(sample.columns, sample.slots, sample.insertion_ids)


def memory_format(shape: UnrollShape, trajectory: int) -> RecordFormat:
    """Memories as records of a table; a memory is a dictionary of arrays."""
    return RecordFormat(memory_fields(shape, trajectory), "key", "version", dict, to_memory_batch)

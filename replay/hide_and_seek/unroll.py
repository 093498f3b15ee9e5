"""Unrolls: fixed numbers of consecutive steps of one stage, with everything that the learner needs of them.

An actor keeps one stream of steps for each stage and cuts it into unrolls of `length` steps, so an unroll may hold the
end of one episode and the beginning of the next. docs/hide_and_seek.md, Training, describes the stages' fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from replay.core import Fields, RecordFormat, Sample

UNROLLS = "unrolls"
"""Name of the table of unrolls."""
STAGES = ("explore", "hide", "manipulate", "seek")
"""Stages that are learned by reinforcement; the field `stage` is an index into them."""
ACTIONS = 219
"""Number of actions of the game."""
UNKNOWN = -1
"""Stands for "none" or "not known" in the integer fields."""


def record_key(number: int, share: int, index: int) -> int:
    """The key of a record, unique in its table: a task that is played again stores nothing twice.

    Args:
        number: of the task in the run.
        share: of the task, below 256.
        index: of the record among those of this table in the share, below 65 536.
    """
    return (number << 24) + (share << 16) + index


@dataclass(frozen=True)
class UnrollShape:
    """Sizes of an unroll; those after `length` are the model's (`models.hide_and_seek.config.AgentConfig`)."""

    length: int
    """T, steps."""
    image_size: int
    """S, width and height of the images, pixels."""
    grid_channels: int
    """G, channels of the convolutional GRU's state, with the change map."""
    core_size: int
    """H, size of the LSTM."""
    max_places: int
    """P, location tuples that the metric map holds."""
    map_size: int
    """V, numbers that the metric map keeps for each of them."""


def unroll_fields(shape: UnrollShape) -> Fields:
    """Shape and dtype of each field of an unroll.

    Fields with T + 1 entries describe observations: those before each step, and the one after the last step, which
    gives the value to bootstrap from. It belongs to the next episode where the last step ended one.
    """
    t, s, p = shape.length, shape.image_size, shape.max_places
    f4, i8, i4, i2, i1, u1, b1 = (
        np.dtype(kind) for kind in (np.float32, np.int64, np.int32, np.int16, np.int8, np.uint8, np.bool_)
    )
    return {
        "key": ((), i8),  # `record_key`
        "stage": ((), i1),  # index into STAGES
        "version": ((), i8),  # of the weights that chose the actions
        "number": ((), i8),  # of the task in the run
        # Observations
        "images": ((t + 1, s, s, 3), u1),  # RGB, with the game's augmentation
        "last_actions": ((t + 1,), i2),  # 0: none; 1 + 2 a + success: action a of the episode's last step
        "standing": ((t + 1,), b1),
        "goals": ((t + 1,), i1),  # index into the game's GOALS
        "locations": ((t + 1, 4), i2),  # x, z in steps, rotation / 90 degrees, standing; relative to the first pose
        "targets": ((t + 1,), i2),  # manipulate: 49 modality + 7 row + column; else UNKNOWN
        "landed": ((t + 1,), i2),  # hide: where the last PlaceAt put the object, as in targets; else UNKNOWN
        "firsts": ((t + 1,), b1),  # whether an episode begins here: the recurrent states are zero before it
        "new_maps": ((t + 1,), b1),  # whether the metric map is empty before it
        # Steps
        "actions": ((t,), i2),
        "logits": ((t, ACTIONS), f4),  # of the behaviour policy; -inf where the stage forbids the action
        "rewards": ((t,), f4),
        "ended": ((t,), b1),  # whether the step ended its episode
        "succeeded": ((t,), b1),
        "episode_steps": (
            (t,),
            i2,
        ),  # steps of the episode before this one; UNKNOWN: a repeated step
        # Labels, known once the episode has ended; UNKNOWN where they do not apply
        "hindsight": ((t,), i2),  # manipulate: where the episode's object landed, as in targets
        "hits": ((t,), i1),  # manipulate: whether the episode hit its target (0 or 1)
        "tried": ((t,), i2),  # hide: target of the latest PlaceAt before this step, as in targets
        "tried_landed": ((t,), i2),  # hide: where that PlaceAt's object landed, as in targets; UNKNOWN: lost, no drop
        "contained": ((t,), i1),  # hide: whether the object lies ContainedIn before this step (0 or 1)
        "feasible": ((t, 3 * 49), f4),  # hide: the manipulator's predicted probability of each PlaceAt; NaN: none
        "experts": ((t,), i2),  # seek: the next action of a shortest way to a place that sees the goal
        "claimable": ((t,), i1),  # seek: whether ClaimVisible would succeed before this step (0 or 1)
        # Recurrent state before the first step
        "grid": ((shape.grid_channels, 7, 7), f4),
        "hidden": ((shape.core_size,), f4),
        "cell": ((shape.core_size,), f4),
        "map_values": ((p, shape.map_size), f4),
        "map_keys": ((p, 4), i2),  # as locations
        "map_written": ((p,), i4),  # number of the latest write into the slot; -1: free
    }


@dataclass(frozen=True)
class UnrollBatch:
    """B unrolls."""

    fields: dict[str, NDArray[Any]]
    """Each field of `unroll_fields` with a leading axis B."""
    slots: NDArray[np.int64]
    insertion_ids: NDArray[np.int64]

    @property
    def weights_version(self) -> NDArray[np.int64]:
        """(B,) version of the weights that chose the actions."""
        versions: NDArray[np.int64] = self.fields["version"]
        return versions


def to_unroll_batch(sample: Sample) -> UnrollBatch:
    """See `RecordFormat.to_batch`."""
    return UnrollBatch(sample.columns, sample.slots, sample.insertion_ids)


def unroll_format(shape: UnrollShape) -> RecordFormat:
    """Unrolls as records of a table; an unroll is a dictionary of arrays."""
    return RecordFormat(unroll_fields(shape), "key", "version", dict, to_unroll_batch)

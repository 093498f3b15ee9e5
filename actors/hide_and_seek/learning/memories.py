"""Memories of whole games, see `replay.hide_and_seek.memory`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek.learning.observed import location_key, target_index
from actors.hide_and_seek.learning.policy import Decision
from actors.hide_and_seek.learning.unrolls import Recorded, Recurrent
from actors.hide_and_seek.locations import Location
from actors.hide_and_seek.pixels import GRID, Modality
from actors.hide_and_seek.stages.hide import Hiding
from replay.hide_and_seek.memory import NO_OUTCOME, memory_fields
from replay.hide_and_seek.unroll import UNKNOWN, UnrollShape

Memory = dict[str, NDArray[Any]]


def outcome_of(hiding: Hiding) -> int:
    """How the object was hidden: the posture and the target of the PlaceAt that succeeded; NO_OUTCOME if none did."""
    for attempt in hiding.attempts:
        if attempt.succeeded:
            standing = hiding.episode.steps[attempt.step].location.standing
            return len(Modality) * GRID**2 * int(standing) + target_index(attempt.target)
    return NO_OUTCOME


def memory(
    shape: UnrollShape,
    trajectory: int,
    *,
    version: int,
    number: int,
    hider: Recurrent,
    origin: Location,
    goal: int,
    chosen: Location,
    hiding: Hiding,
    found: bool,
    seeker: Sequence[tuple[Recorded, Decision]],
) -> Memory:
    """Makes the memory of a game.

    Args:
        shape: of the model's map.
        trajectory: L, steps of the seeker that are kept.
        version: of the weights.
        number: of the task.
        hider: state after exploration, with the map.
        origin: where exploration ended.
        goal: index into GOALS.
        chosen: from where the object was hidden.
        hiding: the ended stage.
        found: whether the seeker found the object.
        seeker: all of its steps.
    """
    kept = seeker[:trajectory]
    values: dict[str, Any] = {
        "version": version,
        "number": number,
        "map_values": hider.map_values,
        "map_keys": hider.map_keys,
        "map_written": hider.map_written,
        "origin": location_key(origin),
        "goal": goal,
        "chosen": location_key(chosen),
        "outcome": outcome_of(hiding),
        "found": found,
        "seeker_steps": len(seeker),
        "length": len(kept),
        "locations": [step.observed.location for step, _ in kept],
        "actions": [step.action for step, _ in kept],
        "succeeded": [step.succeeded for step, _ in kept],
        "claimable": [step.claimable for step, _ in kept],
        "policy": [decision.probabilities for _, decision in kept],
    }
    record: Memory = {}
    for name, (size, dtype) in memory_fields(shape, trajectory).items():
        if name == "key":  # the player numbers the records of a task when it pushes them
            continue
        if size and size[0] == trajectory and name in ("locations", "actions", "succeeded", "claimable", "policy"):
            record[name] = np.full(size, UNKNOWN if name == "claimable" else 0, dtype)
            record[name][: len(kept)] = np.asarray(values[name], dtype).reshape(len(kept), *size[1:])
        else:
            record[name] = np.asarray(values[name], dtype)
    return record

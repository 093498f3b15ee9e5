"""Cuts a stage's stream of steps into unrolls of T steps.

A stream strings the episodes of one stage together: the first step of an episode follows the last one of the episode
before. Every T steps make an unroll, whose recurrent state is that before its first step.

An unroll holds one metric map, that before its first step. Explorations and seeks begin with an empty one, so an unroll
may lead from one game to the next. Object hiding and manipulation begin with what the hider has explored, so their
streams end with each game: its last unroll is filled by repeating the game's steps of the stage from the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek.learning.observed import Observed
from replay.hide_and_seek.unroll import UNKNOWN, UnrollShape, unroll_fields

Unroll = dict[str, NDArray[Any]]
"""The fields of `replay.hide_and_seek.unroll.unroll_fields` without the key."""


@dataclass(frozen=True)
class Recurrent:
    """The recurrent state before a step, under the names of an unroll's fields, without the axis of the batch."""

    grid: NDArray[np.float32]
    hidden: NDArray[np.float32]
    cell: NDArray[np.float32]
    map_values: NDArray[np.float32]
    map_keys: NDArray[np.int16]
    map_written: NDArray[np.int32]


@dataclass(slots=True)
class Recorded:
    """One step. Labels that are not known are UNKNOWN; they may be filled in until the step is added to a stream."""

    observed: Observed
    """Before the step."""
    action: int
    logits: NDArray[np.float32]
    """(219,) of the behaviour policy."""
    reward: float
    ended: bool
    succeeded: bool
    episode_step: int
    """Number of the episode's steps before this one."""
    state: Recurrent | None
    """Before the step; needed where `UnrollBuilder.keeps_state` says so."""
    hindsight: int = UNKNOWN
    hit: int = UNKNOWN
    tried: int = UNKNOWN
    tried_landed: int = UNKNOWN
    contained: int = UNKNOWN
    feasible: NDArray[np.float32] | None = None
    """(147,)"""
    expert: int = UNKNOWN
    claimable: int = UNKNOWN


class UnrollBuilder:
    """The stream of one stage.

    Args:
        shape: T and the sizes of the fields.
        stage: index into `replay.hide_and_seek.unroll.STAGES`.
        version: of the weights that choose the actions.
        number: of the task in the run.
    """

    def __init__(self, shape: UnrollShape, stage: int, version: int, number: int) -> None:
        self._length, self._stage, self._version, self._number = shape.length, stage, version, number
        # The player numbers the records of a task when it pushes them.
        self._types = {name: dtype for name, (_, dtype) in unroll_fields(shape).items() if name != "key"}
        self._steps: list[Recorded] = []
        self._opening: list[Recorded] = []
        """The first T steps of the stream."""

    @property
    def left(self) -> int:
        """Number of steps that wait for their unroll to be complete; at most T."""
        return len(self._steps)

    def keeps_state(self, ahead: int) -> bool:
        """Whether a step begins an unroll, so that the state before it is needed.

        Args:
            ahead: number of steps that come before it and were not added yet.
        """
        return (self.left + ahead) % self._length == 0

    def add(self, steps: Iterable[Recorded]) -> list[Unroll]:
        """Adds the next steps of the stream, whose labels are final.

        Returns:
            the unrolls that are complete now. An unroll needs the observation after its last step, which is that of
            the stream's next step.

        Raises:
            ValueError: a step that begins an unroll has no state.
        """
        done = []
        for step in steps:
            done += self.close(step.observed)
            if not self._steps and step.state is None:
                raise ValueError("the first step of an unroll needs the recurrent state before it")
            self._steps.append(step)
            if len(self._opening) < self._length:
                self._opening.append(step)
        return done

    def fill(self) -> list[Unroll]:
        """Ends the stream by repeating it from its first step until its last unroll is complete; begins a new one."""
        opening, self._opening = self._opening, []
        if not self._steps:
            return []
        *repeated, after = islice(cycle(opening), self._length + 1 - len(self._steps))
        self._steps += [replace(step, episode_step=UNKNOWN) for step in repeated]
        return self.close(after.observed)

    def close(self, after: Observed) -> list[Unroll]:
        """Makes the unroll that only waits for the observation after its last step; none if steps are missing.

        Args:
            after: that observation. Where the stream ends, it is what was seen last, even if the episode has ended.
        """
        if len(self._steps) < self._length:
            return []
        steps, self._steps = self._steps, []
        return [self._unroll(steps, after)]

    def _unroll(self, steps: list[Recorded], after: Observed) -> Unroll:
        seen = [*(step.observed for step in steps), after]
        state, unknown = steps[0].state, np.full(3 * 49, np.nan, np.float32)
        assert state is not None
        values: dict[str, Any] = {
            "stage": self._stage,
            "version": self._version,
            "number": self._number,
            "images": np.stack([one.image for one in seen]),
            "last_actions": [one.last_action for one in seen],
            "standing": [one.standing for one in seen],
            "goals": [one.goal for one in seen],
            "locations": [one.location for one in seen],
            "targets": [one.target for one in seen],
            "landed": [one.landed for one in seen],
            "firsts": [one.first for one in seen],
            "new_maps": [one.new_map for one in seen],
            "actions": [step.action for step in steps],
            "logits": np.stack([step.logits for step in steps]),
            "rewards": [step.reward for step in steps],
            "ended": [step.ended for step in steps],
            "succeeded": [step.succeeded for step in steps],
            "episode_steps": [step.episode_step for step in steps],
            "hindsight": [step.hindsight for step in steps],
            "hits": [step.hit for step in steps],
            "tried": [step.tried for step in steps],
            "tried_landed": [step.tried_landed for step in steps],
            "contained": [step.contained for step in steps],
            "feasible": np.stack([unknown if step.feasible is None else step.feasible for step in steps]),
            "experts": [step.expert for step in steps],
            "claimable": [step.claimable for step in steps],
            **vars(state),
        }
        return {name: np.asarray(values[name], dtype=dtype) for name, dtype in self._types.items()}

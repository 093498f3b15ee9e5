"""Records the steps of episodes: the streams of their stages, triplets, and sums for the statistics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek.actions import Stage
from actors.hide_and_seek.episode import Episode, Step
from actors.hide_and_seek.learning.mind import Mind
from actors.hide_and_seek.learning.observed import STAGE_INDEX, Observed
from actors.hide_and_seek.learning.policy import Decision, to_recurrent
from actors.hide_and_seek.learning.statistics import LearningStatistics
from actors.hide_and_seek.learning.triplets import Reservoir, Triplet
from actors.hide_and_seek.learning.unrolls import Recorded, Unroll, UnrollBuilder
from replay.hide_and_seek.unroll import UNKNOWN, UnrollShape


@dataclass
class Collector:
    """Takes the steps of a task.

    Args:
        shape: of the unrolls.
        number: of the task in the run.
        triplets: chooses the task's triplets.
        statistics: of the task; it names the version of the weights.
        emit: takes each unroll as soon as it is complete.
    """

    shape: UnrollShape
    number: int
    triplets: Reservoir
    statistics: LearningStatistics
    emit: Callable[[Unroll], None]
    streams: dict[Stage, UnrollBuilder] = field(init=False)
    latest: dict[Stage, Observed] = field(default_factory=dict)
    """What was seen last in each stage."""

    def __post_init__(self) -> None:
        version = self.statistics.weights_version
        self.streams = {
            stage: UnrollBuilder(self.shape, index, version, self.number) for stage, index in STAGE_INDEX.items()
        }

    def end_game(self) -> None:
        """Ends the streams that use the map of a game's exploration, see `unrolls`."""
        for stage in (Stage.HIDE, Stage.MANIPULATE):
            for unroll in self.streams[stage].fill():
                self.emit(unroll)

    def close(self) -> None:
        """Ends the streams with what was seen last; unrolls that lack steps are dropped."""
        for stage, seen in self.latest.items():
            for unroll in self.streams[stage].close(seen):
                self.emit(unroll)


class Recording:
    """One episode of a stage as the network plays it.

    Each step takes `decide`, the stage's own step, and `note`. `flush` hands over the steps whose labels are final.

    Args:
        mind: plays.
        books: of the episode, which has no steps yet.
        collector: takes the steps.
        learns: whether the steps become unrolls; triplets are taken in any case.
        target: of a manipulation.
    """

    def __init__(
        self, mind: Mind, books: Episode, collector: Collector, learns: bool = True, target: int = UNKNOWN
    ) -> None:
        self.mind, self.steps = mind, list[Recorded]()
        """Steps that wait for their labels."""
        self._books, self._collector, self._learns, self._target = books, collector, learns, target
        self._stream = collector.streams[books.stage]
        self._statistics = collector.statistics
        self.seen = mind.see(books, target)
        """Before the next step."""

    def decide(self) -> Decision:
        """What the network does next."""
        keeps = self._learns and self._stream.keeps_state(len(self.steps))
        self._state = to_recurrent(self.mind.state) if keeps else None
        with self._statistics.clock("policy"):
            return self.mind.act(self.seen, STAGE_INDEX[self._books.stage])

    def note(
        self,
        decision: Decision,
        step: Step,
        landed: int = UNKNOWN,
        claimable: int = UNKNOWN,
        goal_cells: NDArray[np.uint8] | None = None,
    ) -> Recorded:
        """Records what the decision led to.

        Args:
            decision: of `decide`.
            step: what it did.
            landed: see `Mind.see`.
            claimable: whether ClaimVisible would have succeeded before the step, 0 or 1.
            goal_cells: see `seeking.Expert.sees`.

        Returns:
            the record, whose labels and reward may be changed until `flush`.
        """
        recorded = Recorded(
            self.seen, decision.action, decision.logits, step.reward, step.ended, step.succeeded,
            len(self._books.steps) - 1, self._state, claimable=claimable,
        )  # fmt: skip
        if self._learns:
            self.steps.append(recorded)
        before, self.seen = self.seen, self.mind.see(self._books, self._target, landed)
        if self._learns:
            self._collector.latest[self._books.stage] = self.seen
        self._collector.triplets.add(
            Triplet(before.image, self.seen.image, decision.action, step.succeeded, before.goal, claimable, goal_cells)
        )
        self._statistics.steps += 1
        self._statistics.add(self._books.stage.value, steps=1, entropy=decision.entropy, **{"return": step.reward})
        if step.ended:
            self._statistics.add(self._books.stage.value, episodes=1)
        return recorded

    def reward(self, recorded: Recorded, reward: float) -> None:
        """Changes the reward of a step."""
        self._statistics.add(self._books.stage.value, **{"return": reward - recorded.reward})
        recorded.reward = reward

    def flush(self) -> None:
        """Adds the steps, whose labels are final, to their stream."""
        done, self.steps = self.steps, []
        for unroll in self._stream.add(done):
            self._collector.emit(unroll)

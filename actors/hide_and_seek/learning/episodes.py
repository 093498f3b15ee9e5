"""Plays one episode of each stage with the network, and gives its steps their labels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek import rewards
from actors.hide_and_seek.actions import ACTIONS, Kind, Stage
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import Game
from actors.hide_and_seek.learning.choosing import value_of
from actors.hide_and_seek.learning.collecting import Collector, Recording
from actors.hide_and_seek.learning.mind import Mind, landed_at
from actors.hide_and_seek.learning.observed import STAGE_INDEX, from_key, target_index
from actors.hide_and_seek.learning.policy import Decision
from actors.hide_and_seek.learning.seeking import Expert
from actors.hide_and_seek.learning.unrolls import Recorded
from actors.hide_and_seek.stages import explore as exploring
from actors.hide_and_seek.stages.explore import Exploration
from actors.hide_and_seek.stages.hide import Attempt, Hiding
from actors.hide_and_seek.stages.manipulate import Manipulation
from actors.hide_and_seek.stages.seek import Seeking
from models.hide_and_seek.metric_map import MapState
from models.hide_and_seek.perspective import PerspectiveSimulation
from replay.hide_and_seek.unroll import UNKNOWN

Full = Callable[[], bool]
"""Whether enough steps were made, so that the episode is cut off."""


def never() -> bool:
    """Episodes end by themselves."""
    return False


class _HideBonus:
    """r_hide of an exploration. A location's value is asked for once the map knows it, one step after it is reached."""

    def __init__(self, perspective: PerspectiveSimulation, recording: Recording) -> None:
        self._perspective, self._recording = perspective, recording
        self._values: list[float] = []
        self._last: tuple[Recorded, Step] | None = None

    def decided(self, recording_map: MapState) -> None:
        """The map knows the present location now: the step that led here gets its reward."""
        last, self._last = self._last, None
        if last is not None and not (last[1].succeeded and (last[1].opened or last[1].new_location)):
            return
        value = value_of(self._perspective, recording_map, from_key(self._recording.seen.location))
        if last is not None:
            recorded, step = last
            self._recording.reward(recorded, exploring.reward(step, rewards.hide_bonus(value, self._values)))
        self._values.append(value)

    def noted(self, recorded: Recorded, step: Step) -> None:
        """A step was made."""
        self._last = recorded, step


def explore(
    mind: Mind,
    exploration: Exploration,
    collector: Collector,
    perspective: PerspectiveSimulation | None = None,
    learns: bool = True,
    full: Full = never,
) -> Recording:
    """Plays exploration and mapping.

    Args:
        perspective: values the places for r_hide; None: no r_hide.
    """
    recording = Recording(mind, exploration.episode, collector, learns)
    bonus = _HideBonus(perspective, recording) if perspective is not None and learns else None
    while not exploration.episode.ended and not full():
        decision = recording.decide()
        if bonus is not None:
            bonus.decided(mind.state.map)
        recording.flush()
        step = _simulate(collector, exploration.step, decision)
        recorded = recording.note(decision, step)
        if bonus is not None:
            bonus.noted(recorded, step)
    if bonus is not None:
        _, after = mind.policy.look(recording.seen, mind.state, STAGE_INDEX[Stage.EXPLORE])
        bonus.decided(after.map)
    recording.flush()
    return recording


def manipulate(
    mind: Mind, manipulation: Manipulation, collector: Collector, learns: bool = True, full: Full = never
) -> tuple[Recording, float]:
    """Plays object manipulation.

    Returns:
        the recording, and the probability of success that the manipulator predicted at its first step.
    """
    target = target_index(manipulation.target)
    recording = Recording(mind, manipulation.episode, collector, learns, target)
    probability: float | None = None
    while not manipulation.episode.ended and not full():
        decision = recording.decide()
        if probability is None:
            probability = float(decision.hittable[target])
        recording.note(decision, _simulate(collector, manipulation.step, decision))
    if manipulation.episode.ended:
        for recorded in recording.steps:
            recorded.hindsight, recorded.hit = landed_at(manipulation.landing), int(manipulation.hit)
        name = manipulation.target[0].name.lower()
        hit = float(manipulation.hit)
        collector.statistics.add(Stage.MANIPULATE, **{f"attempts_{name}": 1.0, f"hits_{name}": hit})
    recording.flush()
    return recording, 0.0 if probability is None else probability


def hide(mind: Mind, game: Game, hiding: Hiding, collector: Collector, learns: bool = True) -> Recording:
    """Plays object hiding with its manipulations.

    Returns:
        the recording, whose steps wait for the final bonus.
    """
    recording, world = Recording(mind, hiding.episode, collector, learns), game.world
    while not hiding.episode.ended:
        tried = hiding.attempts[-1] if hiding.attempts else None
        contained = int(hiding.placed and bool(world.container()))
        feasible = None
        if learns:
            with collector.statistics.clock("labels"):
                feasible = mind.feasible(recording.seen)
        decision = recording.decide()
        manipulation = hiding.place(decision.action)
        landed = UNKNOWN
        if manipulation is None:
            step = _simulate(collector, hiding.step, decision)
        else:
            aside = mind.set_aside()
            _, probability = manipulate(mind, manipulation, collector, learns)
            mind.take_up(aside)
            with collector.statistics.clock("simulator"):
                game.end_placing(probability)
            step, landed = hiding.episode.steps[-1], target_index(hiding.attempts[-1].landed)
        recorded = recording.note(decision, step, landed)
        recorded.contained, recorded.feasible = contained, feasible
        _label_attempt(recorded, tried)
    collector.statistics.add(Stage.HIDE, placed=float(hiding.placed), manipulations=float(len(hiding.attempts)))
    return recording


def seek(
    mind: Mind,
    seeking: Seeking,
    collector: Collector,
    expert: Expert,
    learns: bool = True,
    full: Full = never,
    led: bool = False,
) -> tuple[Recording, list[tuple[Recorded, Decision]]]:
    """Plays seeking.

    Args:
        led: whether the expert acts, where it knows a way. The behaviour policy is then certain of its action, so that
            corrections of the policy gradient stay right.

    Returns:
        the recording, and all steps with their decisions.
    """
    recording, steps = Recording(mind, seeking.episode, collector, learns), list[tuple[Recorded, Decision]]()
    here = seeking.episode.start
    while not seeking.episode.ended and not full():
        with collector.statistics.clock("labels"):
            cells = expert.sees(here)
            claimable = cells is not None
            label = expert.label(here, claimable)
        decision = recording.decide()
        if led and label != UNKNOWN:
            decision = decision._replace(action=label, logits=_certain(label))
        step = _simulate(collector, seeking.step, decision)
        expert.learn(here, step)
        recorded = recording.note(decision, step, claimable=int(claimable), goal_cells=cells)
        recorded.expert = label
        steps.append((recorded, decision))
        recording.flush()
        here = step.location
        if step.action.kind is Kind.CLAIM and not led:
            collector.statistics.add(Stage.SEEK, claims=1.0, true_claims=float(step.succeeded))
    if not led:
        # Episodes that the end of the task cuts off count as well, or else only short ones would.
        collector.statistics.add(Stage.SEEK, sought=1.0, found=float(seeking.found))
    if seeking.episode.ended and not led:
        length = len(seeking.episode.steps) if seeking.found else seeking.episode.max_steps
        collector.statistics.add(Stage.SEEK, ended=1.0, seek_steps=float(length))
    return recording, steps


def _certain(action: int) -> NDArray[np.float32]:
    """(219,) logits of a policy that always takes an action."""
    logits = np.full(len(ACTIONS), -np.inf, np.float32)
    logits[action] = 0
    return logits


def _simulate(collector: Collector, perform: Callable[[int], Step], decision: Decision) -> Step:
    with collector.statistics.clock("simulator"):
        return perform(decision.action)


def _label_attempt(recorded: Recorded, tried: Attempt | None) -> None:
    if tried is not None:
        recorded.tried, recorded.tried_landed = target_index(tried.target), target_index(tried.landed)

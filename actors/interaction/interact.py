"""Plays one location: observes it, chooses points, touches them one by one, and records the outcomes.

Source: docs/interaction.md, Observations and touches; docs/interaction.md, Self-supervision. This module does not need
Ray; `player.py` connects it to the Ray actor.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.controller import SimulatorProcess
from actors.interaction.choose import Touch, TouchPlan, choose_touches
from actors.interaction.config import ActorConfig
from actors.interaction.geometry import hand_distance, reach_mask
from actors.interaction.locations import Location, set_up, verify
from actors.interaction.mask_sources import make_supervision, perform_touch, video_of
from actors.interaction.oracles import Truth, labels, one_touch_each, true_objects, truth_of, with_true_forces
from actors.interaction.self_supervision import Outcome, Supervision
from actors.interaction.statistics import PlayStatistics
from actors.observation import Observation
from models.interaction.inference import InstancePredictor
from replay.interaction.record import (
    GRID_SIZE,
    IMAGE_SIZE,
    MAGNITUDES,
    Choice,
    Feedback,
    LocationRecord,
    is_success,
    make_record,
    pack_masks,
)


class Visitor:
    """Plays locations in one simulator.

    Args:
        simulator: a running simulator, started with `simulator_keywords`; `play` leaves it as the last touch did.
        predictor: the actor's copy of the model; None is enough where no touch is greedy.
        config: reach, forces, supervision.
        seed: the run's seed.
        actor: the actor's number, for the records.
        supervise: makes the `Supervision` of a location from its first observation; the one that
            `config.mask_source` names by default.
        choose: chooses a location's touches; `choose_touches` by default.
    """

    def __init__(
        self,
        simulator: SimulatorProcess,
        predictor: InstancePredictor | None,
        config: ActorConfig,
        seed: int,
        actor: int = 0,
        supervise: Callable[[Observation], Supervision] | None = None,
        choose: Callable[..., list[Touch]] = choose_touches,
    ) -> None:
        self.simulator = simulator
        self.predictor = predictor
        self.config = config
        self.seed = seed
        self.actor = actor
        self._supervise = supervise or (lambda first: make_supervision(first, config))
        self._choose = choose

    def play(
        self, location: Location, number: int, plan: TouchPlan, weights_version: int
    ) -> tuple[LocationRecord, PlayStatistics]:
        """Visits a location and returns its record and statistics.

        Args:
            location: the location to visit.
            number: running number of the location in the run; it and the run's seed determine all random draws.
            plan: number of touches, and whether several forces are tried.
            weights_version: version of the predictor's weights, for the record.

        Raises:
            LocationError, SimulatorError: see `set_up`.
        """
        statistics = PlayStatistics(number, self.actor, weights_version, entry=location.entry)
        rng = np.random.default_rng([self.seed, number])
        with statistics.clock("set_up"):
            asked = self.config.oracles.asked
            first = set_up(self.simulator, location, self.config.placement_attempts, describe_objects=asked)
        if first.image.shape != (IMAGE_SIZE, IMAGE_SIZE, 3):
            height, width = first.image.shape[:2]
            raise ValueError(f"simulator.width and simulator.height must be {IMAGE_SIZE}, not {width} and {height}")
        # Before inference, so that superpixels are computed meanwhile on the simulator's core.
        with statistics.clock("masks"):
            supervision = self._supervise(first) if self.config.oracles.touching else None
        with statistics.clock("inference"):
            touches = self._choose(first, plan, self.predictor, rng, self.config.cluster_distance)
        with statistics.clock("masks"):
            reachable = self._reachable(first, location)
            touches, truth, labelled = self._consult(touches, first, location, rng)

        fields = self.config.record_fields
        columns = {name: np.zeros(shape, dtype) for name, (shape, dtype) in fields.items()}
        moved = np.zeros((GRID_SIZE, GRID_SIZE), dtype=bool)
        for index, touch in enumerate(touches):
            # The simulator is not asked for touches out of reach: it would touch nothing. They still count as
            # unsuccessful, so that the model learns to expect nothing there.
            magnitude, feedback, mask = touch.magnitude, Feedback.UNSUCCESSFUL, None
            if supervision is None:
                feedback = Feedback.JUST_RIGHT  # unless the mask oracle knows no object there
            elif reachable[touch.row, touch.column]:
                magnitude, feedback, outcome, observation = self._attempt(
                    touch, location, plan, supervision, statistics
                )
                reachable = self._reachable(observation, location)
                if outcome.outdated and truth is None:
                    feedback = Feedback.DROPPED
                elif outcome.successful:
                    mask = outcome.mask
            else:
                statistics.out_of_reach += 1
            if truth is not None:
                feedback, mask = truth.outcome(touch, feedback, self.config.self_supervision)
            if mask is not None:
                moved |= mask
                columns["masks"][index] = pack_masks(mask)
            elif self.config.drop_on_earlier_mask and moved[touch.row, touch.column]:
                feedback = Feedback.DROPPED
            columns["points"][index] = touch.row, touch.column
            columns["magnitudes"][index] = magnitude
            columns["feedback"][index] = feedback
            columns["choices"][index] = touch.choice

        columns["image"], columns["depth"] = first.image, first.depth.astype(np.float16)
        for name, value in {
            "touches": len(touches),
            "location": number,
            "entry": location.entry,
            "weights_version": weights_version,
            "actor": self.actor,
        }.items():
            columns[name] = np.array(value, dtype=fields[name][1])
        columns |= labelled
        if (video := video_of(supervision)) is not None:
            columns["soft_mask"] = np.round(255 * video.soft_mask()).astype(np.uint8)
        record = make_record(columns)
        count(record, statistics, self.config.oracles.touching)
        return record, statistics

    def _consult(
        self, touches: list[Touch], first: Observation, location: Location, rng: np.random.Generator
    ) -> tuple[list[Touch], Truth | None, dict[str, NDArray[np.uint8]]]:
        """Applies the oracles to an observation.

        Returns:
            the touches after the interaction oracle, the mask oracle's truth (None without it), and the labels of full
            supervision by the names of the record's fields.
        """
        oracles = self.config.oracles
        if not oracles.asked:
            return touches, None, {}
        view = (self.simulator.last_event, first, location.horizon, self.simulator.config.field_of_view, self.config)
        truth = truth_of(*view)
        if oracles.points:
            touches = one_touch_each(touches, truth, rng)
        labelled = {}
        if not oracles.touching:
            touches = with_true_forces(touches, truth)
            labelled = labels(true_objects(*view))
        return touches, truth if oracles.masks else None, labelled

    def _attempt(
        self, touch: Touch, location: Location, plan: TouchPlan, supervision: Supervision, statistics: PlayStatistics
    ) -> tuple[int, Feedback, Outcome, Observation]:
        """Tries one touch.

        Returns:
            the magnitude that the feedback is about, the feedback, the outcome that counts, and the observation after
            the last trial.

        Where several forces are tried, one that only nudges the object is not sufficient. If no larger one moves it
        farther, its mask still counts, but the touch says nothing about forces.
        """
        nudge: Outcome | None = None
        ascending = plan.force_trials and self.config.force_search == "ascending"
        for magnitude, feedback in trials(touch.magnitude, plan.force_trials, self.config.force_search):
            statistics.trials += 1
            with statistics.clock("simulator"):
                observation = self._touch(touch, location, self.config.forces[magnitude], supervision)
            with statistics.clock("masks"):
                outcome = supervision.judge(observation, touch.row, touch.column)
            if outcome.successful and not (plan.force_trials and outcome.nudged):
                return magnitude if ascending else touch.magnitude, feedback, outcome, observation
            if outcome.successful:
                nudge = nudge or outcome
        if nudge is not None:
            return touch.magnitude, Feedback.MOVED, nudge, observation
        return touch.magnitude, Feedback.UNSUCCESSFUL, outcome, observation

    def _touch(self, touch: Touch, location: Location, force: float, supervision: Supervision) -> Observation:
        arguments: dict[str, Any] = {
            "x": (touch.column + 0.5) / GRID_SIZE,
            "y": (touch.row + 0.5) / GRID_SIZE,
            "direction": dict(zip("xyz", touch.direction, strict=True)),
            "moveMagnitude": force,
            "handDistance": hand_distance(self.config.reach, self.simulator.config),
        }
        # The success that the action reports is ignored: only the next observation counts.
        event = perform_touch(self.simulator, arguments, supervision)
        verify(event, location)
        return self.simulator.observe(event)

    def _reachable(self, observation: Observation, location: Location) -> NDArray[np.bool_]:
        field_of_view = self.simulator.config.field_of_view
        return reach_mask(observation.depth, location.horizon, self.config.reach, field_of_view)


def trials(predicted: int, force_trials: bool, search: str) -> list[tuple[int, Feedback]]:
    """Returns the magnitudes to try at a point, each with the feedback that its success gives (docs/interaction.md).

    The order is: the magnitude below the predicted one, the predicted one, the largest; none is tried twice. If the
    smallest magnitude is predicted, there is none below it, and its success gives "just right".

    Args:
        predicted: predicted or drawn magnitude.
        force_trials: false: only the largest is tried.
        search: "predicted" as above (the paper), or "ascending": all magnitudes from the smallest on. The first that
            suffices is "just right" for the point, whatever was predicted.
    """
    largest = MAGNITUDES - 1
    if not force_trials:
        return [(largest, Feedback.MOVED)]
    if search == "ascending":
        return [(magnitude, Feedback.JUST_RIGHT) for magnitude in range(MAGNITUDES)]
    attempts = []
    if predicted > 0:
        attempts.append((predicted - 1, Feedback.TOO_LARGE))
    attempts.append((predicted, Feedback.JUST_RIGHT))
    if predicted < largest:
        attempts.append((largest, Feedback.TOO_SMALL))
    return attempts


def count(record: LocationRecord, statistics: PlayStatistics, touching: bool) -> None:
    """Fills in the statistics' counts of touches from a record; they are 0 if nothing was touched."""
    made = int(record.touches) if touching else 0
    choices, feedback = record.choices[:made], record.feedback[:made]
    statistics.touches = made
    statistics.touches_by_choice = _names(choices, Choice)
    statistics.successes_by_choice = _names(choices[is_success(feedback)], Choice)
    statistics.feedback = _names(feedback, Feedback)


def _names(values: NDArray[np.uint8], kind: type[Choice] | type[Feedback]) -> dict[str, int]:
    return {kind(value).name.lower(): times for value, times in sorted(Counter(values.tolist()).items())}

"""Builds and checks the phases of a run, without torch and Ray so that errors appear at once."""

from __future__ import annotations

from cluster.interaction.config import TrainConfig
from common.errors import UsageError
from learner.interaction.mask_rcnn.config import MaskRcnnLearnerConfig
from learner.interaction.schedule import phase_of, total_batches, total_locations
from learner.schedule import Phase
from replay.interaction.batch import LOCATIONS
from replay.limiter import RateLimiter


def phases(config: TrainConfig) -> list[Phase]:
    """The schedule for the coordinator, without phases that have no rounds."""
    found = []
    for phase in config.learner.phases.values():
        if phase.rounds:
            greedy, random = config.actors.touches(phase.greedy, phase.random)
            orders = {"greedy": greedy, "random": random, "force_trials": phase.force_trials}
            found.append(phase_of(phase, config.learner.batch_size, orders))
    return found


def check_schedule(config: TrainConfig) -> None:
    """Refuses schedules that would train nothing or deadlock, from the configuration alone.

    Raises:
        UsageError: the schedule is empty, or does not fit the replay buffer.
    """
    phases = [phase for phase in config.learner.phases.values() if phase.rounds]
    if not phases:
        raise UsageError("learner.phases has no phase with rounds above 0: nothing would be trained")
    own = config.learner.mask_rcnn.steps if isinstance(config.learner, MaskRcnnLearnerConfig) else 0
    if own is None and not sum(map(total_batches, phases)):
        raise UsageError("learner.mask_rcnn.steps must be given where learner.phases have no batches")
    present = 0
    for phase in phases:
        present = 0 if phase.fresh_bank else present
        try:
            RateLimiter(
                phase_of(phase, config.learner.batch_size, {}).limits[LOCATIONS],
                capacity=config.replay.capacity,
                present=present,
                strict=config.replay.strict,
                locations_ahead=config.replay.locations_ahead,
                batches_ahead=config.replay.batches_ahead,
                once_a_round=config.replay.without_replacement == "round",
            )
        except ValueError as error:
            raise UsageError(f"learner.phases.{phase.name}: {error}") from error
        present = min(config.replay.capacity, present + total_locations(phase))

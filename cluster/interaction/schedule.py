"""Builds and checks the phases of a run, without torch and Ray so that errors appear at once."""

from __future__ import annotations

from cluster.interaction.config import TrainConfig
from cluster.interaction.records import find_records
from common.errors import UsageError
from learner.interaction.schedule import phase_of, total_batches, total_locations
from learner.schedule import Phase
from replay import limiter
from replay.interaction.batch import LOCATIONS
from replay.limiter import RateLimiter


def phases(config: TrainConfig, tasks: int) -> list[Phase]:
    """The schedule for the coordinator, without phases that have no rounds.

    Args:
        config: The run's configuration.
        tasks: Number of locations in the training file.
    """
    if config.learner.mask_rcnn is not None:
        return collect_then_train(config, tasks)
    found = []
    for phase in config.learner.phases.values():
        if phase.rounds:
            greedy, random = config.actors.touches(phase.greedy, phase.random)
            orders = {"greedy": greedy, "random": random, "force_trials": phase.force_trials}
            found.append(phase_of(phase, config.learner.batch_size, orders))
    return found


def collect_then_train(config: TrainConfig, tasks: int) -> list[Phase]:
    """Mask R-CNN's schedule: one visit to each location, then all steps.

    Source: the paper's supplement, "Training details - Mask-RCNN": data collection "is done prior to training". Unless
    its own settings limit its training, it gets the steps and minutes of the other models' phases.

    Raises:
        UsageError: there are fewer locations than records in a batch.
    """
    own = config.learner.mask_rcnn
    assert own is not None
    collected = min(tasks, config.replay.capacity)
    if own.batch_size > collected:
        raise UsageError(
            f"learner.mask_rcnn.batch_size must be at most {collected}, the number of records, not {own.batch_size}"
        )
    budget = [phase for phase in config.learner.phases.values() if phase.rounds]
    steps = own.steps if own.steps is not None else sum(map(total_batches, budget))
    limited = [phase.minutes for phase in budget if phase.minutes is not None]
    whole = sum(limited) if own.steps is None and limited and len(limited) == len(budget) else None
    minutes = own.minutes if own.minutes is not None else whole
    # Where the interaction oracle chooses the points, one random touch of each location remains.
    touches = 1 if config.actors.oracles.points else own.touches
    orders = {"greedy": 0, "random": touches, "force_trials": False}

    def limits(records: int, batches: tuple[int, ...]) -> dict[str, limiter.Phase]:
        return {LOCATIONS: limiter.Phase(records, 0, batches, own.batch_size)}

    return [
        Phase("collect", collected, 0, (), None, True, limits(collected, ()), orders, ()),
        Phase("train", 0, 0, (steps,), minutes, False, limits(0, (steps,)), orders, ({},)),
    ]


def check_schedule(config: TrainConfig) -> None:
    """Refuses schedules that would train nothing or deadlock, from the configuration alone.

    Raises:
        UsageError: the schedule is empty, or does not fit the replay buffer.
    """
    phases = [phase for phase in config.learner.phases.values() if phase.rounds]
    if not phases:
        raise UsageError("learner.phases has no phase with rounds above 0: nothing would be trained")
    if (own := config.learner.mask_rcnn) is not None:
        if own.steps is None and not sum(map(total_batches, phases)):
            raise UsageError("learner.mask_rcnn.steps must be given where learner.phases have no batches")
        if own.batch_size > config.replay.capacity:
            raise UsageError(
                f"replay.capacity must be at least learner.mask_rcnn.batch_size, {own.batch_size}, "
                f"not {config.replay.capacity}"
            )
        if config.uses_records:
            find_records(config)
        return
    present = 0
    for phase in phases:
        present = 0 if phase.fresh_bank else present
        try:
            RateLimiter(
                phase_of(phase, config.learner.batch_size, {}).limits[LOCATIONS],
                capacity=config.replay.capacity,
                present=present,
                strict=config.replay.strict,
                records_ahead=config.replay.locations_ahead,
                batches_ahead=config.replay.batches_ahead,
                once_a_round=config.replay.without_replacement == "round",
            )
        except ValueError as error:
            raise UsageError(f"learner.phases.{phase.name}: {error}") from error
        present = min(config.replay.capacity, present + total_locations(phase))

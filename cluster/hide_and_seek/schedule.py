"""Builds and checks the phases and tables of a run of hide and seek, without torch and Ray, so errors come at once."""

from __future__ import annotations

from cluster.hide_and_seek.train_config import GameTrainConfig
from common.errors import UsageError
from learner.hide_and_seek.schedule import PhaseConfig, phase_of
from learner.schedule import Phase
from replay.core import LimiterSettings, SelectorSettings, TableSpec
from replay.hide_and_seek.memory import MEMORIES, memory_format
from replay.hide_and_seek.triplet import TRIPLETS, triplet_format
from replay.hide_and_seek.unroll import UNROLLS, unroll_format
from replay.limiter import make_limiter


def played(config: GameTrainConfig) -> list[PhaseConfig]:
    """The phases with rounds."""
    return [phase for phase in config.learner.phases.values() if phase.rounds]


def tables(config: GameTrainConfig) -> dict[str, TableSpec]:
    """The tables that a phase puts records into."""
    replay, phases = config.replay, played(config)
    shape = config.models.unroll_shape(config.actors.learning.unroll_length)

    # A task gives its unrolls first and its triplets last. Each actor must be able to finish its task while the learner
    # waits for triplets, or all would wait for each other.
    ahead = config.cluster.actors + replay.tasks_ahead

    def limiter(largest: int) -> LimiterSettings:
        """Slack of a table to which a task gives at most `largest` records."""
        return LimiterSettings(replay.strict, max(1, ahead * largest), replay.batches_ahead)

    most = {name: max((getattr(phase, name) for phase in phases), default=0) for name in (UNROLLS, TRIPLETS, MEMORIES)}
    unrolls = SelectorSettings("queue" if config.learner.unroll_reuse == 1 else "uniform")
    grouped = SelectorSettings("grouped", max_age=replay.triplets_max_age, mixed=True)
    specs = {
        UNROLLS: TableSpec(unroll_format(shape), unrolls, replay.unrolls, limiter(most[UNROLLS])),
        TRIPLETS: TableSpec(
            triplet_format(config.models.image_size), grouped, replay.triplets, limiter(most[TRIPLETS])
        ),
        MEMORIES: TableSpec(
            memory_format(shape, config.actors.learning.memory_steps),
            SelectorSettings("uniform"),
            replay.memories,
            limiter(most[MEMORIES]),
        ),
    }
    return {name: spec for name, spec in specs.items() if most[name]}


def phases(config: GameTrainConfig) -> list[Phase]:
    """The schedule for the coordinator."""
    names = tuple(tables(config))
    return [phase_of(phase, config.learner.batch_sizes, names) for phase in played(config)]


def check_queue(config: GameTrainConfig) -> None:
    """Refuses a queue of unrolls that the actors could fill while the learner waits for their triplets."""
    if config.learner.unroll_reuse > 1:
        return  # the latest unrolls replace the oldest
    ahead = config.cluster.actors + config.replay.tasks_ahead
    for phase in played(config):
        least = (phase.prefill + ahead + 1) * phase.unrolls
        if config.replay.unrolls < least:
            raise UsageError(
                f"replay.unrolls must be at least {least} for learner.phases.{phase.name} with "
                f"cluster.actors={config.cluster.actors}, not {config.replay.unrolls}: "
                "(prefill + actors + tasks_ahead + 1) x unrolls"
            )


def check_schedule(config: GameTrainConfig) -> None:
    """Refuses schedules that would train nothing or deadlock, from the configuration alone.

    Raises:
        UsageError: the schedule is empty, or does not fit the replay buffer.
    """
    if not played(config):
        raise UsageError("learner.phases has no phase with rounds above 0: nothing would be trained")
    specs = tables(config)
    check_queue(config)
    present = dict.fromkeys(specs, 0)
    for phase in played(config):
        try:
            found = phase_of(phase, config.learner.batch_sizes, tuple(specs))
        except ValueError as error:
            raise UsageError(str(error)) from error
        for name, limits in found.limits.items():
            spec = specs[name]
            try:
                make_limiter(spec, limits, present[name])
            except ValueError as error:
                sentence = str(error).replace("replay.locations_ahead", "replay.tasks_ahead")
                sentence = sentence.replace("replay.capacity", f"replay.{name}")
                raise UsageError(f"learner.phases.{phase.name}, table {name}: {sentence}") from error
            left = limits.records
            if spec.selector.kind == "queue":
                left -= limits.batches * limits.batch_size
            present[name] = min(spec.capacity, present[name] + left)

"""`./playpen train`: data set, Ray, replay, learner, actors, phases, evaluation, table, figures."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import ray
from omegaconf import OmegaConf

from actors.launch import check_launch
from cluster.actor_pool import cause_of
from cluster.checkpoints import find_checkpoint
from cluster.config import TrainConfig
from cluster.coordinator import Coordinator, Parts, limiter_phase
from cluster.errors import Interrupted, RunError, UsageError
from cluster.interrupt import awaited, interrupt_flag, stop_if
from cluster.reporting import Reporter
from cluster.resources import Resources, check_before_start, ray_session
from cluster.results import finish, print_result
from cluster.run_state import Resumed, find_resumable
from cluster.tracking import Tracker
from evaluation.locations import locations_for
from learner.schedule import total_locations
from replay.interaction.record import RECORD_BYTES
from replay.limiter import RateLimiter
from replay.ring import in_use

CHECKPOINT_BYTES = 30_000_000
"""Room for one checkpoint: weights, two moments and an average of 1.4 million parameters, rounded up."""


def run(config: TrainConfig, folder: Path) -> int:
    """The whole command. Returns the exit code."""
    started = time.monotonic()
    resumed = find_resumable(folder) if config.resume is not None else None
    check(config, folder, resumed)
    OmegaConf.save(OmegaConf.structured(config), folder / "config.yaml")
    print(f"RUN {folder}", flush=True)
    with interrupt_flag() as interrupted:
        try:
            training, test = locations_for(config.evaluation, config.simulator, interrupted)
        except ValueError as error:
            raise UsageError(str(error)) from error
        stop_if(interrupted)
        container = OmegaConf.to_container(OmegaConf.structured(config))
        assert isinstance(container, dict)
        tracker = Tracker(config.tracking, folder, {str(key): value for key, value in container.items()}, folder.name)
        reporter = Reporter(tracker, folder, config.tracking.log_every_s)
        if resumed is not None:
            reporter.set_state(resumed.state.report, resumed.steps)
            tracker.started_before(reporter.seconds())
            started -= reporter.seconds()
            reporter.note(f"resumed from {resumed.checkpoint.name} in phase {resumed.state.phase}")
        unsynced: str | None = None
        try:
            stop_if(interrupted)
            with ray_session(config.cluster) as resources:
                stop_if(interrupted)
                parts = build(config, folder, resources, test, interrupted, resumed)
                evaluator = parts.evaluator.prepare.remote()
                coordinator = Coordinator(config, folder, parts, training, reporter, interrupted, resumed)
                try:
                    weights = coordinator.run()
                finally:
                    coordinator.stop()
                try:
                    awaited(evaluator, interrupted)
                    result = finish(
                        config, folder, parts.evaluator, weights, reporter, time.monotonic() - started, interrupted
                    )
                except Interrupted:
                    kept = find_checkpoint(str(folder))
                    raise Interrupted(f"checkpoint saved in {kept}; ./playpen evaluate measures it") from None
                except ray.exceptions.RayError as error:
                    kept = find_checkpoint(str(folder))
                    raise RunError(f"the evaluation failed: {cause_of(error)}; the weights are in {kept}") from error
        finally:
            reporter.close()
            unsynced = tracker.close()
        if not config.keep_bank:
            shutil.rmtree(folder / "bank")
        print(f"figures: {folder / 'figures'}, table: {folder / 'results.md'}", file=sys.stderr)
        if unsynced:
            print(f"W&B run kept offline; to send it: wandb sync '{unsynced}'", file=sys.stderr)
    print_result(result)
    return 0


def check(config: TrainConfig, folder: Path, resumed: Resumed | None = None) -> None:
    """What can be known before any process starts.

    Raises:
        UsageError: the schedule, the bank and the disk do not fit together, or the run to resume still goes on.
    """
    check_before_start(config.cluster)
    check_schedule(config)
    if config.cluster.address is None:
        check_launch(config.simulator)
    bank = config.replay.capacity * RECORD_BYTES if resumed is None else 0
    if resumed is not None and in_use(folder / "bank"):
        raise UsageError(f"resume={folder}: that run still goes on; stop it first")
    needed = bank + CHECKPOINT_BYTES * (config.checkpoints_kept + 1)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UsageError(
            f"{folder} has {free / 1e6:.0f} MB free, and the memory bank of replay.capacity={config.replay.capacity} "
            f"locations and the checkpoints need {needed / 1e6:.0f} MB; lower replay.capacity or choose another disk"
        )


def check_schedule(config: TrainConfig) -> None:
    """Whether the phases can be run; looks at the configuration alone, so that each run of a sweep is checked first.

    Raises:
        UsageError: the schedule and the bank do not fit together.
    """
    phases = [phase for phase in config.learner.phases.values() if phase.rounds]
    if not phases:
        raise UsageError("learner.phases has no phase with rounds above 0: nothing would be trained")
    present = 0
    for phase in phases:
        present = 0 if phase.fresh_bank else present
        try:
            RateLimiter(
                limiter_phase(phase, config.learner.batch_size),
                capacity=config.replay.capacity,
                present=present,
                strict=config.replay.strict,
                locations_ahead=config.replay.locations_ahead,
                batches_ahead=config.replay.batches_ahead,
            )
        except ValueError as error:
            raise UsageError(f"learner.phases.{phase.name}: {error}") from error
        present = min(config.replay.capacity, present + total_locations(phase))


def build(
    config: TrainConfig,
    folder: Path,
    resources: Resources,
    test: Any,
    interrupted: threading.Event,
    resumed: Resumed | None = None,
) -> Parts:
    """Starts the replay, the learner and the evaluator; actors are started by the coordinator's pool.

    Raises:
        Interrupted: Ctrl-C.
        RunError: the replay or the learner does not start.
    """
    from actors.shell import InteractionActor
    from evaluation.shell import EvaluationActor
    from learner.shell import LearnerActor
    from replay.interaction.batch import LOCATION_RECORDS
    from replay.shell import start_replay

    try:
        replay = start_replay(
            config.replay,
            LOCATION_RECORDS,
            folder / "bank",
            seed=config.seed,
            actors=config.cluster.actors,
            restore_from=resumed.checkpoint if resumed else None,
            options=dict(resources.light),
        )
    except ray.exceptions.RayError as error:
        raise RunError(f"the replay did not start: {cause_of(error)}") from error
    stop_if(interrupted)
    learner = LearnerActor.options(**resources.learner).remote(
        config.models, config.learner, replay, config.seed, config.replay.mode
    )
    evaluator = EvaluationActor.options(**resources.light).remote(
        config.evaluation, config.simulator, config.actors, config.models, test, config.seed
    )
    try:
        if resumed is not None:
            awaited(learner.load.remote(str(resumed.checkpoint)), interrupted)
        awaited(learner.health.remote(), interrupted)
    except ray.exceptions.RayError as error:
        raise RunError(f"the learner did not start: {cause_of(error)}") from error

    def make_actor(index: int) -> Any:
        return InteractionActor.options(**resources.actor).remote(
            index, config.simulator, config.actors, config.models, replay, config.seed
        )

    return Parts(replay, learner, evaluator, make_actor)

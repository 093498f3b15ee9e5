"""`./playpen train`: data set, Ray, replay, learner, actors, phases, evaluation, table, figures."""

from __future__ import annotations

import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from omegaconf import OmegaConf

from actors.launch import check_launch
from cluster.actor_pool import cause_of
from cluster.config import TrainConfig
from cluster.coordinator import Coordinator, Parts, limiter_phase
from cluster.errors import Interrupted, RunError, UsageError
from cluster.reporting import Reporter
from cluster.resources import Resources, check_before_start, ray_session
from cluster.results import finish, print_result
from cluster.tracking import Tracker
from evaluation.locations import locations_for
from learner.schedule import total_locations
from replay.interaction.record import RECORD_BYTES
from replay.limiter import RateLimiter

CHECKPOINT_BYTES = 30_000_000
"""Room for one checkpoint: weights, two moments and an average of 1.4 million parameters, rounded up."""


def run(config: TrainConfig, folder: Path) -> int:
    """The whole command. Returns the exit code."""
    started = time.monotonic()
    check(config, folder)
    OmegaConf.save(OmegaConf.structured(config), folder / "config.yaml")
    print(f"RUN {folder}", flush=True)
    with interrupt_flag() as interrupted:
        try:
            training, test = locations_for(config.evaluation, config.simulator, interrupted)
        except ValueError as error:
            raise UsageError(str(error)) from error
        if interrupted.is_set():
            raise Interrupted("nothing was trained yet")
        container = OmegaConf.to_container(OmegaConf.structured(config))
        assert isinstance(container, dict)
        tracker = Tracker(config.tracking, folder, {str(key): value for key, value in container.items()}, folder.name)
        reporter = Reporter(tracker, folder, config.tracking.log_every_s)
        unsynced: str | None = None
        try:
            with ray_session(config.cluster) as resources:
                parts = build(config, folder, resources, test)
                evaluator = parts.evaluator.prepare.remote()
                coordinator = Coordinator(config, folder, parts, training, reporter, interrupted)
                try:
                    weights = coordinator.run()
                finally:
                    coordinator.stop()
                ray.get(evaluator)
                result = finish(config, folder, parts.evaluator, weights, reporter, time.monotonic() - started)
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


def check(config: TrainConfig, folder: Path) -> None:
    """What can be known before any process starts.

    Raises:
        UsageError: the schedule, the bank and the disk do not fit together.
    """
    check_before_start(config.cluster)
    phases = [phase for phase in config.learner.phases.values() if phase.rounds]
    if not phases:
        raise UsageError("learner.phases has no phase with rounds above 0: nothing would be trained")
    if config.cluster.address is None:
        check_launch(config.simulator)
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
    needed = config.replay.capacity * RECORD_BYTES + CHECKPOINT_BYTES * (config.checkpoints_kept + 1)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UsageError(
            f"{folder} has {free / 1e9:.1f} GB free, and the memory bank of replay.capacity={config.replay.capacity} "
            f"locations and the checkpoints need {needed / 1e9:.1f} GB; lower replay.capacity or choose another disk"
        )


def build(config: TrainConfig, folder: Path, resources: Resources, test: Any) -> Parts:
    """Starts the replay, the learner and the evaluator; actors are started by the coordinator's pool."""
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
            options=dict(resources.light),
        )
    except ray.exceptions.RayError as error:
        raise RunError(f"the replay did not start: {cause_of(error)}") from error
    learner = LearnerActor.options(**resources.learner).remote(
        config.models, config.learner, replay, config.seed, config.replay.mode
    )
    evaluator = EvaluationActor.options(**resources.light).remote(
        config.evaluation, config.simulator, config.actors, config.models, test, config.seed
    )
    try:
        ray.get(learner.health.remote())
    except ray.exceptions.RayError as error:
        raise RunError(f"the learner did not start: {cause_of(error)}") from error

    def make_actor(index: int) -> Any:
        return InteractionActor.options(**resources.actor).remote(
            index, config.simulator, config.actors, config.models, replay, config.seed
        )

    return Parts(replay, learner, evaluator, make_actor)


@contextmanager
def interrupt_flag() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM set an event; the second one interrupts at once."""
    event = threading.Event()

    def handler(number: int, frame: Any) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()
        print("playpen: stopping; a checkpoint is being saved (again to stop at once)", file=sys.stderr, flush=True)

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, old in before.items():
            signal.signal(number, old)

"""`./playpen train`: data set, Ray, replay, learner, actors, phases, evaluation, table, figures."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from omegaconf import OmegaConf

from actors.config import ActorConfig
from actors.interaction.locations import Location
from actors.launch import check_launch, end_abandoned
from cluster.checkpoints import DISK_ERRORS, find_checkpoint, whole_checkpoints
from cluster.config import TrainConfig, plain_values
from cluster.coordinator import Coordinator, Parts, not_started
from cluster.dataset import find_locations
from cluster.errors import Interrupted, PartLost, RunError, UsageError
from cluster.evaluator import RunEvaluator
from cluster.health import cause_of
from cluster.interrupt import awaited, interrupt_flag, stop_if
from cluster.reporting import Reporter
from cluster.resources import Resources, check_before_start, ray_session
from cluster.results import finish, print_result
from cluster.run_state import Resumed, find_resumable
from cluster.schedule import check_schedule
from cluster.status import is_running
from cluster.tracking import Tracker
from evaluation.locations import TestSet
from learner.shell import Weights
from models.mask_rcnn.config import MaskRcnnConfig
from replay.bank import RecordFormat
from replay.interaction.batch import LOCATION_RECORDS, SOFT_MASK_RECORDS
from replay.ring import bytes_per_record, in_use

BANK_FREE_S = 30.0
"""Longest wait for the files of a memory bank whose process was ended."""
CHECKPOINT_BYTES = 30_000_000
"""Room for one checkpoint: weights, two moments and an average of 1.4 million parameters, rounded up."""


def run(config: TrainConfig, folder: Path) -> int:
    """The whole command. Returns the exit code."""
    if isinstance(config.models, MaskRcnnConfig):
        from cluster import mask_rcnn

        return mask_rcnn.run(config, folder)
    started = time.monotonic()
    resumed = find_resumable(folder) if config.resume is not None else None
    check(config, folder, resumed)
    OmegaConf.save(OmegaConf.structured(config), folder / "config.yaml")
    print(f"RUN {folder}", flush=True)
    with interrupt_flag() as interrupted:
        training, test = find_locations(config.evaluation, config.simulator, interrupted)
        stop_if(interrupted)
        tracker = Tracker(config.tracking, folder, plain_values(config), folder.name)
        reporter = Reporter(tracker, folder, config.tracking.log_every_s)
        if resumed is not None:
            reporter.set_state(resumed.state.report, resumed.steps)
            tracker.started_before(reporter.seconds())
            started -= reporter.seconds()
            reporter.note(f"resumed from {resumed.checkpoint.name} in phase {resumed.state.phase}")
        reporter.status.update(experiment=config.experiment_name)
        unsynced: str | None = None
        try:
            stop_if(interrupted)
            with ray_session(config.cluster) as resources:
                stop_if(interrupted)
                evaluator = make_evaluator(config, resources, test, reporter)
                weights = train(config, folder, resources, training, reporter, interrupted, evaluator, resumed)
                if evaluator.given_up or not evaluator.begun:
                    evaluator.begin()  # the final weights are worth another attempt
                result = None
                while result is None:
                    try:
                        awaited(evaluator.prepared, interrupted, look=evaluator.look)
                        before = time.monotonic() - started
                        result = finish(config, folder, evaluator, weights, reporter, before, interrupted)
                    except Interrupted:
                        kept = find_checkpoint(str(folder))
                        raise Interrupted(f"checkpoint saved in {kept}; ./playpen evaluate measures it") from None
                    except (ray.exceptions.RayError, PartLost) as error:
                        died = isinstance(error, ray.exceptions.RayActorError)
                        sentence = f"the evaluator died ({cause_of(error)})" if died else cause_of(error)
                        if died or isinstance(error, PartLost):
                            evaluator.restart(sentence)
                            if not evaluator.given_up:
                                continue
                        kept = find_checkpoint(str(folder))
                        raise RunError(f"the evaluation failed: {sentence}; the weights are in {kept}") from error
            reporter.status.update(state="finished", seconds=reporter.seconds())
        except Interrupted as error:
            reporter.status.update(state="interrupted", sentence=str(error))
            raise
        except OSError as error:
            if error.errno not in DISK_ERRORS:
                raise
            sentence = f"{error.filename or folder}: {error.strerror}{how_to_resume(folder)}"
            reporter.status.update(state="failed", sentence=sentence)
            raise RunError(sentence) from error
        except Exception as error:
            reporter.status.update(state="failed", sentence=" ".join(str(error).split()))
            raise
        finally:
            reporter.close()
            try:
                unsynced = tracker.close()
            except OSError as error:
                print(f"playpen: metrics.csv could not be written: {error.strerror}", file=sys.stderr)
            end_abandoned()
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
    record_bytes = bytes_per_record(record_format(config.actors).fields)
    bank = config.replay.capacity * record_bytes if resumed is None else 0
    if resumed is not None and is_running(folder):
        raise UsageError(f"resume={folder}: that run still goes on; stop it first")
    needed = bank + CHECKPOINT_BYTES * (config.checkpoints_kept + 1)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UsageError(
            f"{folder} has {free / 1e6:.0f} MB free, and the memory bank of replay.capacity={config.replay.capacity} "
            f"locations and the checkpoints need {needed / 1e6:.0f} MB; lower replay.capacity or choose another disk"
        )


def record_format(actors: ActorConfig) -> RecordFormat:
    """The records that such actors send."""
    return SOFT_MASK_RECORDS if actors.mask_source == "video_pca" else LOCATION_RECORDS


def make_evaluator(config: TrainConfig, resources: Resources, test: TestSet, reporter: Reporter) -> RunEvaluator:
    """The evaluator, not begun."""
    from evaluation.shell import EvaluationActor

    def start() -> Any:
        return EvaluationActor.options(**resources.light).remote(
            config.evaluation, config.simulator, config.actors, config.models, test, config.seed
        )

    return RunEvaluator(start, config.cluster, reporter)


def train(
    config: TrainConfig,
    folder: Path,
    resources: Resources,
    training: Sequence[Location],
    reporter: Reporter,
    interrupted: threading.Event,
    evaluator: RunEvaluator,
    resumed: Resumed | None,
) -> Weights:
    """All phases. If the learner or the memory bank is lost, both start again from the last checkpoint.

    Returns:
        the final weights.

    Raises:
        Interrupted: Ctrl-C.
        RunError: see `Coordinator.run`, or these parts were lost too often without progress; says how to resume.
    """
    losses = 0
    best = (-1, -1)
    while True:
        parts: Parts | None = None
        coordinator: Coordinator | None = None
        try:
            parts = build(config, folder, resources, evaluator, resumed)
            coordinator = Coordinator(config, folder, parts, training, reporter, interrupted, resumed)
            return coordinator.run()
        except PartLost as error:
            if parts is not None:
                end(parts)
            if interrupted.is_set():
                raise Interrupted(f"{error}{how_to_resume(folder)}") from error
            resumed = find_resumable(folder) if whole_checkpoints(folder) else None
            reached = (resumed.steps, resumed.state.report["locations"]) if resumed else (-1, -1)
            losses = 1 if reached > best else losses + 1
            best = max(best, reached)
            if losses > config.cluster.part_restarts:
                raise RunError(f"{error}, for the {losses}th time without progress{how_to_resume(folder)}") from error
            begin = f"from {resumed.checkpoint.name}" if resumed else "from the beginning"
            reporter.note(f"{error}; the learner and the memory bank start again {begin}")
            reporter.fault("part_lost")
            if resumed is not None:
                reporter.go_back(resumed.state.report, resumed.steps)
        except RunError as error:
            raise RunError(f"{error}{how_to_resume(folder)}") from error
        finally:
            if coordinator is not None:
                coordinator.stop()


def how_to_resume(folder: Path) -> str:
    """The end of a sentence about a run that stopped; empty if it has no checkpoint."""
    if not whole_checkpoints(folder):
        return ""
    return f"; to go on from the last checkpoint: ./playpen train resume='{folder}'"


def end(parts: Parts) -> None:
    """Ends the learner and the memory bank, whatever state they are in."""
    for handle in (parts.replay, parts.learner):
        ray.kill(handle)


def build(
    config: TrainConfig,
    folder: Path,
    resources: Resources,
    evaluator: RunEvaluator,
    resumed: Resumed | None,
) -> Parts:
    """Starts the replay, and the learner without waiting for it; actors are started by the coordinator's pool.

    Raises:
        PartLost: the replay died while it started.
        RunError: the replay does not start.
    """
    from actors.shell import InteractionActor
    from learner.shell import LearnerActor
    from replay.shell import start_replay

    bank = folder / "bank"
    deadline = time.monotonic() + BANK_FREE_S
    while bank.is_dir() and in_use(bank) and time.monotonic() < deadline:
        time.sleep(0.1)  # the process that had it is just being ended
    try:
        replay = start_replay(
            config.replay,
            record_format(config.actors),
            bank,
            seed=config.seed,
            actors=config.cluster.actors,
            restore_from=resumed.checkpoint if resumed else None,
            timeout_s=config.cluster.start_timeout_s,
            options=dict(resources.light),
        )
    except ray.exceptions.RayError as error:
        raise not_started("the memory bank", error) from error
    learner = LearnerActor.options(**resources.learner).remote(
        config.models, config.learner, replay, config.seed, config.replay.mode
    )

    def make_actor(index: int, avoided: frozenset[str]) -> Any:
        options: dict[str, Any] = dict(resources.actor)
        if avoided:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(sorted(avoided))})"}
        return InteractionActor.options(**options).remote(
            index, config.simulator, config.actors, config.models, replay, config.seed
        )

    return Parts(replay, learner, evaluator, make_actor)

"""A run within its Ray session: its parts started, trained through all phases, and started again when they are lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray

from actors.actor import RemotePlayerActor
from actors.core import Task
from cluster.machines.resources import Resources
from cluster.run.checkpoints import find_checkpoint, how_to_resume, kept_in, whole_checkpoints
from cluster.run.config import RunConfig
from cluster.run.coordinator import Coordinator, Parts
from cluster.run.evaluator import RunEvaluator
from cluster.run.interrupt import awaited
from cluster.run.reporting import Reporter
from cluster.run.results import finish
from cluster.run.run_state import Resumed, find_resumable
from cluster.run.system import Data, System
from cluster.workers.health import cause_of
from common.errors import Interrupted, PartLost, RunError
from evaluation.actor import RemoteEvaluatorActor
from learner.actor import RemoteLearnerActor, Weights
from replay.actor import begin_replay
from replay.layout import REPLAY_FOLDER, is_used

BANK_FREE_S = 30.0
"""Longest wait for the files of a memory bank whose process was ended."""


def run_training(
    system: System,
    config: RunConfig,
    folder: Path,
    resources: Resources,
    data: Data,
    reporter: Reporter,
    interrupted: threading.Event,
    resumed: Resumed | None,
    started: float,
) -> dict[str, Any]:
    """Trains, evaluates the final weights, and writes the results.

    Args:
        system: what is trained.
        config: the whole configuration.
        folder: the run's.
        resources: who gets which CPUs and GPUs.
        data: what the actors play and the evaluator measures on.
        reporter: takes everything that happens.
        interrupted: set by Ctrl-C.
        resumed: the checkpoint to go on from; None: a new run.
        started: monotonic seconds when the command began, less what a resumed run had taken before.

    Returns:
        what the RESULT line holds.

    Raises:
        Interrupted: Ctrl-C; says what is saved.
        RunError: see `train`, or the evaluation failed.
    """
    evaluator = make_evaluator(system, config, resources, data.test, reporter)
    weights = train(system, config, folder, resources, data.tasks, reporter, interrupted, evaluator, resumed)
    if evaluator.given_up or not evaluator.begun:
        evaluator.begin()  # the final weights are worth another attempt
    while True:
        try:
            awaited(evaluator.prepared, interrupted, look=evaluator.look)
            before = time.monotonic() - started
            return finish(system, config, folder, evaluator, weights, reporter, before, interrupted)
        except Interrupted:
            kept = find_checkpoint(str(folder))
            raise Interrupted(kept_in(kept)) from None
        except (ray.exceptions.RayError, PartLost) as error:
            died = isinstance(error, ray.exceptions.RayActorError)
            sentence = f"the evaluator died ({cause_of(error)})" if died else cause_of(error)
            if died or isinstance(error, PartLost):
                evaluator.restart(sentence)
                if not evaluator.given_up:
                    continue
            kept = find_checkpoint(str(folder))
            raise RunError(f"the evaluation failed: {sentence}; the weights are in {kept}") from error


def make_evaluator(
    system: System, config: RunConfig, resources: Resources, test: Any, reporter: Reporter
) -> RunEvaluator:
    """The evaluator, not begun."""

    def start() -> Any:
        return RemoteEvaluatorActor.options(**resources.light).remote(system.evaluator(config, test))

    return RunEvaluator(start, config.cluster, reporter)


def train(
    system: System,
    config: RunConfig,
    folder: Path,
    resources: Resources,
    tasks: Sequence[Task],
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
    phases = system.phases(config, len(tasks))
    losses = 0
    best = (-1, -1)
    while True:
        parts: Parts | None = None
        coordinator: Coordinator | None = None
        try:
            parts = build(system, config, len(tasks), folder, resources, evaluator, resumed)
            coordinator = Coordinator(config, folder, parts, phases, tasks, reporter, interrupted, resumed)
            return coordinator.run()
        except PartLost as error:
            if parts is not None:
                end(parts)
            if interrupted.is_set():
                raise Interrupted(f"{error}{how_to_resume(folder)}") from error
            resumed = find_resumable(folder, config.seed) if whole_checkpoints(folder) else None
            reached = (resumed.steps, resumed.state.report["newest_number"]) if resumed else (-1, -1)
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


def end(parts: Parts) -> None:
    """Ends the learner and the memory bank, whatever state they are in."""
    for handle in (parts.replay, parts.learner):
        ray.kill(handle)


def build(
    system: System,
    config: RunConfig,
    tasks: int,
    folder: Path,
    resources: Resources,
    evaluator: RunEvaluator,
    resumed: Resumed | None,
) -> Parts:
    """Starts the replay and the learner without waiting for them; actors are started by the coordinator's pool."""
    deadline = time.monotonic() + BANK_FREE_S
    while is_used(folder) and time.monotonic() < deadline:
        time.sleep(0.1)  # the process that had it is just being ended
    replay, opened = begin_replay(
        system.tables(config, tasks),
        folder / REPLAY_FOLDER,
        seed=config.seed,
        actors=config.cluster.actors,
        restore_from=resumed.checkpoint if resumed else None,
        options=dict(resources.light),
    )
    learner = RemoteLearnerActor.options(**resources.learner).remote(
        system.learner(config), replay, config.learner.threads
    )

    make_player = system.player(config)

    def make_actor(index: int, avoided: frozenset[str]) -> Any:
        options: dict[str, Any] = dict(resources.actor)
        if avoided:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(sorted(avoided))})"}
        return RemotePlayerActor.options(**options).remote(index, config.simulator, make_player, replay)

    return Parts(replay, opened, learner, evaluator, make_actor)

"""A run within its Ray session: starts the Ray actors, trains all phases, and restarts actors that are lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray

from actors.actor import PlayerHandle, start_player
from actors.core import Task
from cluster.machines.resources import Resources
from cluster.run.checkpoints import find_checkpoint, how_to_resume, kept_in, whole_checkpoints
from cluster.run.config import RunConfig
from cluster.run.coordinator import Coordinator, Parts
from cluster.run.evaluator import RunEvaluator
from cluster.run.interrupt import wait_for_result
from cluster.run.reporting import Reporter
from cluster.run.results import finish
from cluster.run.run_state import Resumed, find_resumable
from cluster.run.system import Data, System
from cluster.workers.health import cause_of
from common.errors import Interrupted, PartLost, RunError
from common.remote import kill
from evaluation.actor import EvaluatorHandle, start_evaluator
from learner.actor import Weights, start_learner
from learner.schedule import Phase
from replay.actor import begin_replay
from replay.layout import REPLAY_FOLDER, is_used

BUFFER_FREE_S = 30.0
"""Maximum wait for the replay buffer's files after its process was killed."""


def run_training(
    system: System,
    config: RunConfig,
    folder: Path,
    resources: Resources,
    phases: Sequence[Phase],
    data: Data,
    reporter: Reporter,
    interrupted: threading.Event,
    resumed: Resumed | None,
    started: float,
) -> dict[str, Any]:
    """Trains, evaluates the final weights, and writes the results.

    Args:
        system: the system to train.
        config: the whole configuration.
        folder: the run's.
        resources: CPUs and GPUs of each part.
        phases: the schedule.
        data: tasks of the actors, and test data of the evaluator.
        reporter: told about every event.
        interrupted: set by Ctrl-C.
        resumed: the checkpoint to continue from; None: a new run.
        started: monotonic time when the command began, minus the earlier duration of a resumed run, seconds.

    Returns:
        the values of the RESULT line.

    Raises:
        Interrupted: Ctrl-C; the message names the checkpoint.
        RunError: see `train`, or the evaluation failed.
    """
    evaluator = make_evaluator(system, config, resources, data.test, reporter)
    weights = train(system, config, folder, resources, phases, data.tasks, reporter, interrupted, evaluator, resumed)
    if evaluator.given_up or not evaluator.started:
        evaluator.begin()  # one more attempt, for the final weights
    while True:
        try:
            wait_for_result(evaluator.prepared, interrupted, check=evaluator.check)
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
    """The run's evaluator, not started yet."""

    def start() -> EvaluatorHandle:
        return start_evaluator(system.evaluator(config, test), resources.light)

    return RunEvaluator(start, config.cluster, reporter)


def train(
    system: System,
    config: RunConfig,
    folder: Path,
    resources: Resources,
    phases: Sequence[Phase],
    tasks: Sequence[Task],
    reporter: Reporter,
    interrupted: threading.Event,
    evaluator: RunEvaluator,
    resumed: Resumed | None,
) -> Weights:
    """Trains all phases. If the learner or the replay buffer is lost, both restart from the last checkpoint.

    Returns:
        the final weights.

    Raises:
        Interrupted: Ctrl-C.
        RunError: see `Coordinator.run`; or parts were lost too often without progress. The message says how to resume.
    """
    losses = 0
    best = (-1, -1)
    while True:
        parts: Parts | None = None
        coordinator: Coordinator | None = None
        try:
            parts = build(system, config, folder, resources, evaluator, resumed)
            coordinator = Coordinator(config, folder, parts, phases, tasks, reporter, interrupted, resumed)
            return coordinator.run()
        except PartLost as error:
            if parts is not None:
                kill_parts(parts)
            if interrupted.is_set():
                raise Interrupted(f"{error}{how_to_resume(folder)}") from error
            resumed = find_resumable(folder, config.seed) if whole_checkpoints(folder) else None
            reached = (resumed.steps, resumed.state.report["newest_number"]) if resumed else (-1, -1)
            losses = 1 if reached > best else losses + 1
            best = max(best, reached)
            if losses > config.cluster.part_restarts:
                raise RunError(f"{error}, time {losses} in a row without progress{how_to_resume(folder)}") from error
            start = f"from {resumed.checkpoint.name}" if resumed else "from the beginning"
            reporter.note(f"{error}; the learner and the replay buffer start again {start}")
            reporter.fault("part_lost")
            if resumed is not None:
                reporter.roll_back(resumed.state.report, resumed.steps)
        except RunError as error:
            raise RunError(f"{error}{how_to_resume(folder)}") from error
        finally:
            if coordinator is not None:
                coordinator.stop()


def kill_parts(parts: Parts) -> None:
    """Kills the learner and the replay buffer, whatever their state."""
    kill(parts.replay)
    kill(parts.learner)


def build(
    system: System,
    config: RunConfig,
    folder: Path,
    resources: Resources,
    evaluator: RunEvaluator,
    resumed: Resumed | None,
) -> Parts:
    """Starts the replay and the learner without waiting for them; actors are started by the coordinator's pool."""
    deadline = time.monotonic() + BUFFER_FREE_S
    while is_used(folder) and time.monotonic() < deadline:
        time.sleep(0.1)  # the process that had it is just being ended
    replay, opened = begin_replay(
        system.tables(config),
        folder / REPLAY_FOLDER,
        seed=config.seed,
        actors=config.cluster.actors,
        restore_from=resumed.checkpoint if resumed else None,
        options=dict(resources.light),
    )
    learner = start_learner(system.learner(config), replay, config.learner.threads, resources.learner)

    make_player = system.player(config)

    def make_actor(index: int, excluded_nodes: frozenset[str]) -> PlayerHandle:
        options: dict[str, Any] = dict(resources.actor)
        if excluded_nodes:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(sorted(excluded_nodes))})"}
        return start_player(index, config.simulator, make_player, replay, options)

    return Parts(replay, opened, learner, evaluator, make_actor)

"""The main loop of a run: phases in which collecting and training overlap, checkpoints, evaluations during training.

The coordinator only handles small data: it sends tasks and weight references to actors and batch counts to the learner,
and passes statistics to the reporter. Images go from the actors to the replay buffer and from there to the learner. The
rate limiter (replay/limiter.py) bounds how far collecting and training may run apart; with strict alternation the
coordinator also assigns a round's tasks only after the weights of the previous round have arrived.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import ray
from ray import ObjectRef
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from actors.actor import PlayerHandle
from actors.core import Task
from cluster.run.checkpointing import Checkpointer
from cluster.run.checkpoints import resume_command
from cluster.run.config import RunConfig
from cluster.run.evaluator import RunEvaluator
from cluster.run.interrupt import POLL_INTERVAL_S, wait_for_result
from cluster.run.reporting import Reporter
from cluster.run.run_state import Resumed, RunState
from cluster.workers.actor_pool import ActorPool, Assignment
from cluster.workers.health import HealthMonitor, cause_of, is_process_loss, lost_part_name
from common.errors import Interrupted, PartLost, RunError
from learner.actor import LearnerHandle, TrainReport, Weights, available_cores
from learner.schedule import Phase
from replay.actor import ReplayHandle

Result = TypeVar("Result")

STOP_TIMEOUT_S = 3.0
"""Maximum wait for the actors to stop their simulators."""


@dataclass
class Parts:
    """Handles of the run's Ray actors, and a function that starts player actors."""

    replay: ReplayHandle
    opened: ObjectRef[Any]
    """Reference that is ready once the replay buffer is."""
    learner: LearnerHandle
    evaluator: RunEvaluator | None
    """None: no evaluation during training."""
    make_actor: Callable[[int, frozenset[str]], PlayerHandle]
    """Starts player actor i outside the given nodes."""


class Coordinator:
    """Runs the phases of one training run."""

    def __init__(
        self,
        config: RunConfig,
        folder: Path,
        parts: Parts,
        phases: Sequence[Phase],
        tasks: Sequence[Task],
        reporter: Reporter,
        interrupted: threading.Event,
        resumed: Resumed | None = None,
    ) -> None:
        """Starts the actors while it waits for the replay buffer and the learner.

        Args:
            config: the whole configuration.
            folder: the run's folder.
            parts: the Ray actors.
            phases: the schedule.
            tasks: assigned to the actors.
            reporter: told about every event.
            interrupted: set by Ctrl-C.
            resumed: the checkpoint that the replay buffer was loaded from and the learner will be; None: a new run.

        Raises:
            Interrupted: Ctrl-C before anything was collected.
            PartLost: the replay buffer or the learner died while it started.
            RunError: one of them does not start.
        """
        self.config, self.folder, self.parts, self.reporter = config, folder, parts, reporter
        self.phases, self.tasks = phases, tasks
        self.interrupted = interrupted
        self.health = HealthMonitor(
            {"the learner": parts.learner.health.remote, "the replay buffer": parts.replay.pid.remote}, config.cluster
        )
        self.pool = ActorPool(
            parts.make_actor,
            config.cluster,
            reporter.note,
            reporter.fault,
            reporter.handed_out,
            # On a single machine one core is left for the learner's start.
            max_starting=None if config.cluster.address else max(1, available_cores() - 1),
        )
        learner = parts.learner
        what = "the replay buffer"

        def started(reference: ObjectRef[Result]) -> Result:
            limit_s = config.cluster.start_timeout_s
            return wait_for_result(reference, interrupted, limit_s, check=lambda: self.pool.collect([]))

        try:
            started(parts.opened)
            what = "the learner"
            if resumed is not None:
                started(learner.load.remote(str(resumed.checkpoint)))
            self.weights = started(learner.publish.remote())
        except BaseException as error:
            self.stop()
            if isinstance(error, RayError):
                raise not_started(what, error) from error
            raise
        self.resumed = resumed
        self.state = resumed.state if resumed else RunState()
        reporter.quarantined = self.state.quarantined
        self.steps = resumed.steps if resumed else 0
        self.phase_started = self.last_evaluation = time.monotonic()
        self.checkpointer = Checkpointer(config, folder, learner, parts.replay, reporter, self.get)
        self.training: ObjectRef[TrainReport] | None = None
        """Reference of the learner's current call; None if it is idle."""

    def run(self) -> Weights:
        """Runs the phases that are left and returns the final weights.

        Raises:
            Interrupted: Ctrl-C; a checkpoint was saved.
            PartLost: the learner or the replay buffer died or fell silent.
            RunError: one of them raised an error, an actor failed repeatedly on the only node, too many tasks could not
                be played, or the disk refused the last checkpoint.
        """
        phases = self.phases
        totals = [phase.total_batches for phase in phases]
        first = self.state.phase + self.state.phase_over
        try:
            for index in range(first, len(phases)):
                self.run_phase(index, phases[index], sum(totals[:index]), sum(totals))
            self.checkpointer.save(self.current_state(), self.training)
            # The evaluation needs the weights after the learner has ended, and objects end with their owner.
            return Weights([ray.put(self.get(self.weights.reference[0]))], self.weights.version)
        except RayError as error:
            raise lost_or_failed(error) from error
        finally:
            self.reporter.close_progress()

    def begin_phase(self, index: int, phase: Phase) -> None:
        """Starts a phase, or continues in the middle of one."""
        state = self.state
        resumed = self.resumed is not None and index == state.phase and not state.phase_over
        self.get(self.parts.learner.start_phase.remote(phase.name))
        if resumed:
            first, steps = state.phase_steps_before, self.steps - state.phase_steps_before
            taken = self.get(self.parts.learner.batches_taken.remote(first, steps))
            limits = {table: (taken.get(table, 0), limit) for table, limit in phase.limits.items()}
            self.get(self.parts.replay.continue_phase.remote(limits))
            self.phase_started = time.monotonic() - state.phase_seconds
            for number in state.open_numbers:
                self.pool.submit(self.assignment(phase, number))
        else:
            self.get(self.parts.replay.start_phase.remote(phase.limits, set(phase.limits) if phase.fresh else set()))
            self.phase_started = time.monotonic()
            state.phase, state.phase_over = index, False
            state.phase_steps_before, state.tasks = self.steps, 0
            new_run = index == 0 and self.resumed is None
            after_collecting = index > 0 and not self.phases[index - 1].total_batches
            # From the first phase on, the run can always be resumed, and what a phase only collected is kept.
            if new_run or after_collecting:
                self.checkpointer.save_or_retry(self.current_state(), self.training)
        self.reporter.start_phase(phase)

    def run_phase(self, index: int, phase: Phase, steps_before: int, steps_in_all: int) -> None:
        """Runs one phase: prefill, then rounds.

        Args:
            index: of the phase.
            phase: its schedule.
            steps_before: scheduled steps of earlier phases.
            steps_in_all: scheduled steps of all phases.
        """
        self.begin_phase(index, phase)
        state, pool, strict = self.state, self.pool, self.config.replay.strict
        cumulative = phase.batches_before_round
        tasks_wanted, batches_wanted = phase.total_tasks, phase.total_batches
        batches = self.steps - state.phase_steps_before
        while state.tasks < tasks_wanted or batches < batches_wanted:
            self.check_health()
            elapsed = time.monotonic() - self.phase_started
            if phase.minutes is not None and elapsed > 60 * phase.minutes:
                self.reporter.note(f"phase {phase.name}: its {phase.minutes:g} minutes are over")
                break

            while pool.in_flight < self.config.cluster.actors:
                submitted = state.tasks + pool.in_flight
                round_index = max(0, submitted - phase.prefill) // max(1, phase.tasks_per_round)
                if submitted >= tasks_wanted or (strict and batches < cumulative[min(round_index, phase.rounds)]):
                    break
                while self.task(state.next_number).key in state.quarantined:
                    state.next_number += 1
                pool.submit(self.assignment(phase, state.next_number))
                state.next_number += 1
            pool.dispatch()

            if self.training is None and batches < batches_wanted:
                round_index = int(np.searchsorted(cumulative, batches, side="right")) - 1
                # A resumed run must split the steps into the same calls: the learning rate is constant within a call.
                begun = cumulative[round_index]
                begun += (batches - begun) // self.config.learner.publish_every * self.config.learner.publish_every
                share = (steps_before + begun) / max(1, steps_in_all)
                if phase.minutes is not None:
                    share = max(share, (steps_before + batches_wanted * elapsed / (60 * phase.minutes)) / steps_in_all)
                self.training = self.parts.learner.train.remote(
                    min(cumulative[round_index + 1], begun + self.config.learner.publish_every) - batches,
                    batches_wanted - batches,
                    min(1.0, share),
                    phase.learner_orders[round_index],
                    0 if strict else self.config.learner.prefetch,
                )

            waiting_for: list[ObjectRef[Any]] = [*pool.futures, *([self.training] if self.training is not None else [])]
            if self.parts.evaluator is not None and self.parts.evaluator.running is not None:
                waiting_for.append(self.parts.evaluator.running)
            ready, _ = ray.wait(waiting_for, num_returns=1, timeout=0.5)
            self.collect_finished(ready)
            if self.training is not None and self.training in ready:
                self.take_report(self.training)
            batches = self.steps - state.phase_steps_before
            self.reporter.tick(
                state.tasks,
                batches,
                pool,
                lambda: self.get(self.parts.replay.statistics.remote(self.weights.version)),
            )
            self.run_evaluations()
            # To resume bit for bit, strict alternation saves only between two calls of the learner.
            if self.checkpointer.due and not (strict and self.training is not None):
                self.checkpointer.save_or_retry(self.current_state(), self.training)
        self.finish_phase()

    def collect_finished(self, ready: list[ObjectRef[Any]]) -> None:
        """Collects the actors' results, and quarantines tasks that could not be played."""
        for finished in self.pool.collect(ready):
            if finished.statistics is None:
                task = self.task(finished.number)
                named = str(task) in finished.error
                error = finished.error if named else f"{task}: {finished.error}"
                self.reporter.task_given_up(finished.number, error)
                max_quarantined = min(self.config.cluster.quarantined_locations, len(self.tasks) - 1)
                self.state.quarantine(task.key, error, max_quarantined)
            else:
                self.state.tasks += finished.statistics.stored
                self.reporter.played(finished.statistics)

    def check_health(self) -> None:
        """Saves and leaves after Ctrl-C, and raises PartLost if the learner or the replay buffer died or hangs."""
        self.check_interrupt()
        if failure := self.health.failure():
            raise PartLost(failure)

    def get(self, reference: ObjectRef[Result], timeout_s: float | None = None) -> Result:
        """`ray.get` of a call that the learner or the replay buffer answers at once.

        Args:
            reference: of the answer.
            timeout_s: maximum wait; None: `cluster.silent_after_s`.

        Raises:
            PartLost: there was no answer in time.
        """
        timeout_s = timeout_s or self.config.cluster.silent_after_s
        try:
            return ray.get(reference, timeout=timeout_s)
        except GetTimeoutError as error:
            if isinstance(error, RayTaskError):
                raise
            raise PartLost(
                self.health.failure() or f"{self.health.slowest()} has been silent for {timeout_s:g} s"
            ) from error

    def take_report(self, training: ObjectRef[TrainReport]) -> None:
        """Waits for the learner's current call, `training`, and reports what it did."""
        self.wait_for([training])
        report = ray.get(training)
        self.training = None
        self.steps += report.batches
        self.weights = report.weights or self.weights
        self.reporter.trained(report, self.steps)

    def finish_phase(self) -> None:
        """Waits for everything in flight; the rate limiter is opened so that neither side waits for the other."""
        self.get(self.parts.replay.end_phase.remote())
        self.state.phase_over = True
        if self.training is not None:
            self.parts.learner.stop.remote()
            self.take_report(self.training)
        self.pool.drain()
        while self.pool.in_flight:
            self.check_health()
            ready, _ = ray.wait(self.pool.futures, num_returns=1, timeout=POLL_INTERVAL_S)
            self.collect_finished(ready)
        self.pool.reopen()
        self.reporter.end_phase()

    def wait_for(self, references: list[ObjectRef[Any]]) -> None:
        """Waits until all references are ready.

        Raises:
            PartLost: the learner or the replay buffer died or hangs.
        """
        while references:
            if failure := self.health.failure():
                raise PartLost(failure)
            _, references = ray.wait(references, num_returns=len(references), timeout=POLL_INTERVAL_S)

    def task(self, number: int) -> Task:
        """The task with a running number; each pass through the tasks has its own random order."""
        passes, position = divmod(number, len(self.tasks))
        order = np.random.default_rng([self.config.seed, passes]).permutation(len(self.tasks))
        return self.tasks[int(order[position])]

    def assignment(self, phase: Phase, number: int) -> Assignment:
        """An assignment of a task, with the newest weights."""
        weights = self.weights.reference, self.weights.version
        return Assignment(number, (self.task(number), number, phase.player_orders, *weights))

    def run_evaluations(self) -> None:
        """Starts evaluations when they are due, reports finished ones, and restarts a lost evaluator."""
        evaluator = self.parts.evaluator
        if evaluator is None or evaluator.given_up:
            return
        if not evaluator.started:
            if self.state.tasks and self.pool.complete:  # until then the starting actors need the CPU
                evaluator.begin()
            return
        if (figures := evaluator.take_result()) is not None:
            self.reporter.evaluated(figures, self.folder)
        if failure := evaluator.failure():
            evaluator.restart(failure)
            if evaluator.given_up:
                self.reporter.note(
                    f"{failure}, time {evaluator.losses} in a row without a result; the run continues without it"
                )
                return
        minutes = self.config.evaluation.every_minutes
        due = minutes is not None and time.monotonic() - self.last_evaluation > 60 * minutes
        if (due or evaluator.pending) and evaluator.running is None and self.steps:
            self.last_evaluation = time.monotonic()
            evaluator.measure(self.weights.reference, self.weights.version)

    def current_state(self) -> RunState:
        """The run's state, brought up to date for a checkpoint."""
        self.state.phase_seconds = time.monotonic() - self.phase_started
        self.state.open_numbers = self.pool.open_numbers
        self.state.report = self.reporter.get_state()
        return self.state

    def check_interrupt(self) -> None:
        """Saves a checkpoint and raises Interrupted after Ctrl-C."""
        if self.interrupted.is_set():
            if self.training is not None:
                # The learner finishes its current step, so that all its work is saved.
                self.parts.learner.stop.remote()
                self.take_report(self.training)
            path = self.checkpointer.save(self.current_state(), self.training)
            raise Interrupted(f"checkpoint saved in {path}; to resume: {resume_command(self.folder)}")

    def stop(self) -> None:
        """Stops actors and simulators; the replay buffer is closed so that no actor waits in it."""
        self.parts.replay.close.remote()
        self.parts.learner.stop.remote()
        self.pool.stop(STOP_TIMEOUT_S)


def lost_or_failed(error: RayError) -> RunError:
    """PartLost if an error means that the learner or the replay buffer is gone, else RunError."""
    if is_process_loss(error):
        return PartLost(f"{lost_part_name(error)} was lost: {cause_of(error)}")
    return RunError(f"a part of the run failed: {cause_of(error)}")


def not_started(what: str, error: RayError) -> RunError:
    """PartLost if a part was killed while it started, as it may start the next time, else RunError."""
    sentence = f"{what} did not start: {cause_of(error)}"
    return PartLost(sentence) if is_process_loss(error) else RunError(sentence)

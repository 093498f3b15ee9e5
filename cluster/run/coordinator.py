"""The run's main loop: phases of collecting and training that overlap, checkpoints, evaluation on the way.

The coordinator moves small things only: tasks and weight references to actors, numbers of batches to the learner,
statistics to the tracker. Images go from actors to the replay buffer and from there to the learner. The rate limiter
(replay/limiter.py) bounds how far collecting and training may run apart; in strict alternation the coordinator also
hands a round's tasks out only when the weights of the round before are there.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from actors.core import Task
from cluster.run.checkpoints import (
    CheckpointFailed,
    Saved,
    is_disk_error,
    keep_newest,
    publish,
    resume_command,
    staging_folder,
    whole_checkpoints,
)
from cluster.run.config import RunConfig
from cluster.run.evaluator import RunEvaluator
from cluster.run.interrupt import LOOK_EVERY_S, awaited
from cluster.run.reporting import Reporter
from cluster.run.run_folder import RUN_ID, run_id
from cluster.run.run_state import KEY, Resumed, RunState
from cluster.workers.actor_pool import ActorPool, Assignment
from cluster.workers.health import Vigil, cause_of, is_loss, lost_part
from common.errors import Interrupted, PartLost, RunError
from learner.actor import TrainReport, Weights, available_cores
from learner.schedule import Phase

SAVE_TIMEOUT_S = 120.0
"""A part that has not written its share of a checkpoint by then is taken for hung."""
STOP_TIMEOUT_S = 3.0
"""Longest wait for the actors to end their simulators."""
RETRY_MINUTES = 1.0
"""After a checkpoint that the disk did not take, the next one is tried so soon."""


@dataclass
class Parts:
    """Handles of the run's Ray actors, and how to make another actor."""

    replay: Any
    opened: Any
    """Reference of the replay's preparation."""
    learner: Any
    evaluator: RunEvaluator | None
    """None: nothing is measured on the way."""
    make_actor: Callable[[int, frozenset[str]], Any]
    """Starts actor i on none of the given nodes."""


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
        """Starts the actors, and meanwhile waits for the memory bank and the learner.

        Args:
            config: the whole configuration.
            folder: the run's folder.
            parts: the Ray actors.
            phases: the schedule.
            tasks: what actors are given.
            reporter: takes everything that happens.
            interrupted: set by Ctrl-C.
            resumed: the checkpoint that the memory bank was loaded from, and the learner shall be; None: a new run.

        Raises:
            Interrupted: Ctrl-C, before anything was collected.
            PartLost: one of them died while it started.
            RunError: one of them does not start.
        """
        self.config, self.folder, self.parts, self.reporter = config, folder, parts, reporter
        self.phases, self.tasks = phases, tasks
        self.interrupted = interrupted
        self.vigil = Vigil(
            {"the learner": parts.learner.health.remote, "the memory bank": parts.replay.pid.remote}, config.cluster
        )
        self.pool = ActorPool(
            parts.make_actor,
            config.cluster,
            reporter.note,
            reporter.fault,
            reporter.handed_out,
            # Where all parts share one machine, the learner starts on one of its cores.
            starting_at_once=None if config.cluster.address else max(1, available_cores() - 1),
        )
        learner = parts.learner
        what = "the memory bank"

        def started(reference: Any) -> Any:
            limit_s = config.cluster.start_timeout_s
            return awaited(reference, interrupted, limit_s, look=lambda: self.pool.collect([]))

        try:
            started(parts.opened)
            what = "the learner"
            if resumed is not None:
                started(learner.load.remote(str(resumed.checkpoint)))
            self.weights: Weights = started(learner.publish.remote())
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
        self.next_checkpoint = self.phase_started + 60 * config.checkpoint_minutes
        self.training: Any = None
        self.idle_since: float | None = None
        """When the learner's call ended while a checkpoint was written."""

    def run(self) -> Weights:
        """All phases, or what is left of them; returns the final weights.

        Raises:
            Interrupted: Ctrl-C; a checkpoint was saved.
            PartLost: the learner or the memory bank died or fell silent.
            RunError: an error in one of them, an actor that failed again and again on the only node, too many locations
                that cannot be played, or a last checkpoint that the disk did not take.
        """
        phases = self.phases
        totals = [phase.total_batches for phase in phases]
        first = self.state.phase + self.state.phase_over
        try:
            for index in range(first, len(phases)):
                self.run_phase(index, phases[index], sum(totals[:index]), sum(totals))
            self.checkpoint()
            # The learner's own object would die with it: the evaluation is to outlive it.
            return Weights([ray.put(self.ask(self.weights.reference[0]))], self.weights.version)
        except RayError as error:
            raise lost_or_failed(error) from error
        finally:
            self.reporter.close_progress()

    def begin_phase(self, index: int, phase: Phase) -> None:
        """Starts a phase, or goes on in the middle of one."""
        state = self.state
        resumed = self.resumed is not None and index == state.phase and not state.phase_over
        self.ask(self.parts.learner.start_phase.remote(phase.name))
        if resumed:
            steps = self.steps - state.phase_steps_before
            limits = {table: (steps, limit) for table, limit in phase.limits.items()}
            self.ask(self.parts.replay.continue_phase.remote(limits))
            self.phase_started = time.monotonic() - state.phase_seconds
            for number in state.open_numbers:
                self.pool.submit(self.assignment(phase, number))
        else:
            self.ask(self.parts.replay.start_phase.remote(phase.limits, set(phase.limits) if phase.fresh else set()))
            self.phase_started = time.monotonic()
            state.phase, state.phase_over = index, False
            state.phase_steps_before, state.tasks = self.steps, 0
            if self.resumed is None and index == 0:
                self.checkpoint_on_the_way()  # from here on the run can be resumed whatever happens
        self.reporter.start_phase(phase)

    def run_phase(self, index: int, phase: Phase, steps_before: int, steps_in_all: int) -> None:
        """One phase: prefill, then rounds.

        Args:
            index: of the phase.
            phase: its schedule.
            steps_before: steps that the schedule has in the phases before.
            steps_in_all: steps that it has in all phases.
        """
        self.begin_phase(index, phase)
        state, pool, strict = self.state, self.pool, self.config.replay.strict
        cumulative = phase.batches_before_round
        tasks_wanted, batches_wanted = phase.total_tasks, phase.total_batches
        batches = self.steps - state.phase_steps_before
        while state.tasks < tasks_wanted or batches < batches_wanted:
            self.look()
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
                # Calls begin at the same steps whether or not the run was stopped in between: each has its own rate.
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

            waiting_for = [*pool.futures, *([self.training] if self.training is not None else [])]
            if self.parts.evaluator is not None and self.parts.evaluator.running is not None:
                waiting_for.append(self.parts.evaluator.running)
            ready, _ = ray.wait(waiting_for, num_returns=1, timeout=0.5)
            self.take_in(ready)
            if self.training in ready:
                self.take_report()
            batches = self.steps - state.phase_steps_before
            self.reporter.tick(
                state.tasks,
                batches,
                pool,
                lambda: self.ask(self.parts.replay.statistics.remote(self.weights.version)),
            )
            self.evaluate_on_the_way()
            due = time.monotonic() > self.next_checkpoint
            # Strict alternation goes on bit for bit: its checkpoints fall between two calls of the learner.
            if due and not (strict and self.training is not None):
                self.checkpoint_on_the_way()
        self.finish_phase()

    def take_in(self, ready: list[Any]) -> None:
        """Takes in what the actors have done; a location that cannot be played is left out from now on."""
        for finished in self.pool.collect(ready):
            if finished.statistics is None:  # another task takes its place
                task = self.task(finished.number)
                named = str(task) in finished.error
                error = finished.error if named else f"{task}: {finished.error}"
                self.reporter.task_given_up(finished.number, error)
                at_most = min(self.config.cluster.quarantined_locations, len(self.tasks) - 1)
                self.state.quarantine(task.key, error, at_most)
            else:
                self.state.tasks += finished.statistics.stored
                self.reporter.played(finished.statistics)

    def look(self) -> None:
        """Notices Ctrl-C, and a learner or a memory bank that is gone or hangs."""
        self.check_interrupt()
        if lost := self.vigil.lost():
            raise PartLost(lost)

    def ask(self, reference: Any, timeout_s: float | None = None) -> Any:
        """`ray.get` of what the learner or the memory bank answers without waiting for anybody else.

        Raises:
            PartLost: there was no answer within `cluster.silent_after_s`, or within the time given.
        """
        timeout_s = timeout_s or self.config.cluster.silent_after_s
        try:
            return ray.get(reference, timeout=timeout_s)
        except GetTimeoutError as error:
            if isinstance(error, RayTaskError):
                raise
            raise PartLost(
                self.vigil.lost() or f"{self.vigil.suspect()} has been silent for {timeout_s:g} s"
            ) from error

    def take_report(self) -> None:
        """Takes in what the learner has done; waits for it if need be."""
        self.wait_for([self.training])
        report: TrainReport = ray.get(self.training)
        self.training = None
        self.steps += report.batches
        self.weights = report.weights or self.weights
        self.reporter.trained(report, self.steps)

    def finish_phase(self) -> None:
        """Lets what is in flight end: gates open, so that nobody waits for the other side."""
        self.ask(self.parts.replay.end_phase.remote())
        self.state.phase_over = True
        if self.training is not None:
            self.parts.learner.stop.remote()
            self.take_report()
        self.pool.finish()
        while self.pool.in_flight:
            self.look()
            ready, _ = ray.wait(self.pool.futures, num_returns=1, timeout=LOOK_EVERY_S)
            self.take_in(ready)
        self.pool.begin()
        self.reporter.end_phase()

    def wait_for(self, references: list[Any]) -> None:
        """Waits until all of them are there.

        Raises:
            PartLost: the learner or the memory bank is gone or hangs.
        """
        while references:
            if lost := self.vigil.lost():
                raise PartLost(lost)
            _, references = ray.wait(references, num_returns=len(references), timeout=LOOK_EVERY_S)

    def task(self, number: int) -> Task:
        """The task of a running number: the order of the tasks is shuffled anew for each pass through them."""
        passes, position = divmod(number, len(self.tasks))
        order = np.random.default_rng([self.config.seed, passes]).permutation(len(self.tasks))
        return self.tasks[int(order[position])]

    def assignment(self, phase: Phase, number: int) -> Assignment:
        """A task on its way, with the newest weights."""
        weights = self.weights.reference, self.weights.version
        return Assignment(number, (self.task(number), number, phase.player_orders, *weights))

    def evaluate_on_the_way(self) -> None:
        """Starts an evaluation now and then, takes in the one that is done, and replaces an evaluator that is lost."""
        evaluator = self.parts.evaluator
        if evaluator is None or evaluator.given_up:
            return
        if not evaluator.begun:
            if self.state.tasks and self.pool.complete:  # until then the actors need the machine for their start
                evaluator.begin()
            return
        if (figures := evaluator.take()) is not None:
            self.reporter.evaluated(figures, self.folder)
        if lost := evaluator.lost():
            evaluator.restart(lost)
            if evaluator.given_up:
                self.reporter.note(
                    f"{lost}, for the {evaluator.losses}th time without a result: the run goes on without it"
                )
                return
        minutes = self.config.evaluation.every_minutes
        due = minutes is not None and time.monotonic() - self.last_evaluation > 60 * minutes
        if (due or evaluator.owes) and evaluator.running is None and self.steps:
            self.last_evaluation = time.monotonic()
            evaluator.measure(self.weights.reference, self.weights.version)

    def checkpoint_on_the_way(self) -> None:
        """Saves; if the disk does not take it the run goes on and tries again soon."""
        minutes = self.config.checkpoint_minutes
        try:
            self.checkpoint()
        except CheckpointFailed as error:
            minutes = min(minutes, RETRY_MINUTES)
            self.reporter.note(f"{error}; the run goes on and tries again in {minutes:g} minutes")
            self.reporter.fault("checkpoint_failed")
        self.next_checkpoint = time.monotonic() + 60 * minutes

    def checkpoint(self) -> Path:
        """Saves the learner, the memory bank's state and the run's, in this order; keeps the newest few.

        The learner may be in the middle of a call: its own count of steps names the checkpoint. The bank's state is the
        later one, so it knows every batch that the weights have seen; what it counts beyond them is drawn again.

        Raises:
            CheckpointFailed: the disk does not take it; the earlier ones are whole.
        """
        started = time.monotonic()
        self.idle_since = started if self.training is None else None
        state = self.state
        state.phase_seconds = started - self.phase_started
        state.open_numbers = self.pool.open_numbers
        state.report = self.reporter.get_state()
        steps = self.ask(self.parts.learner.health.remote())["steps"]
        facts = {
            KEY: state.as_json(),
            RUN_ID: run_id(self.folder),
            "experiment": self.config.experiment_name,
            "seed": self.config.seed,
            **self.reporter.meter.results(),
        }
        staging: Path | None = None
        try:
            staging = staging_folder(self.folder, steps)
            learner_bytes = self.saved(self.parts.learner.save.remote(str(staging), facts))
            bank = self.saved(self.parts.replay.save.remote(str(staging)))
            target = publish(staging, steps)
        except (RayError, OSError) as error:
            reason = cause_of(error) if isinstance(error, RayError) else f"{error.filename}: {error.strerror}"
            if is_loss(error) or not is_disk_error(reason):
                raise
            if staging is not None:
                shutil.rmtree(staging, ignore_errors=True)
            kept = whole_checkpoints(self.folder)
            before = f"the one before, {kept[-1].name}, is whole" if kept else "there is none yet"
            raise CheckpointFailed(f"no checkpoint could be written at step {steps} ({reason}); {before}") from error
        keep_newest(target.parent, self.config.checkpoints_kept)
        ended = time.monotonic()
        pause = ended - self.idle_since if self.idle_since is not None else 0.0
        self.reporter.checkpointed(
            Saved(target, ended - started, pause, learner_bytes, bank.state_bytes, bank.record_bytes)
        )
        return target

    def saved(self, reference: Any) -> Any:
        """Waits for one part of a checkpoint; notes if the learner's call ends meanwhile, for it then idles.

        Raises:
            PartLost: it takes longer than `SAVE_TIMEOUT_S`.
        """
        if self.training is not None and self.idle_since is None:
            ready, _ = ray.wait([reference, self.training], num_returns=1, timeout=SAVE_TIMEOUT_S)
            if self.training in ready:
                self.idle_since = time.monotonic()
        return self.ask(reference, SAVE_TIMEOUT_S)

    def check_interrupt(self) -> None:
        """Ctrl-C: saves and leaves."""
        if self.interrupted.is_set():
            if self.training is not None:
                # The learner ends with the step that it is in: all that it did is saved.
                self.parts.learner.stop.remote()
                self.take_report()
            path = self.checkpoint()
            raise Interrupted(f"checkpoint saved in {path}; to go on: {resume_command(self.folder)}")

    def stop(self) -> None:
        """Ends actors and simulators; gates open so that none is stuck in the replay."""
        self.parts.replay.close.remote()
        self.parts.learner.stop.remote()
        self.pool.stop(STOP_TIMEOUT_S)


def lost_or_failed(error: RayError) -> RunError:
    """What an error of the learner or the memory bank means for the run."""
    if is_loss(error):
        return PartLost(f"{lost_part(error)} was lost: {cause_of(error)}")
    return RunError(f"a part of the run failed: {cause_of(error)}")


def not_started(what: str, error: RayError) -> RunError:
    """What it means that a part did not start: one that was killed may start the next time."""
    sentence = f"{what} did not start: {cause_of(error)}"
    return PartLost(sentence) if is_loss(error) else RunError(sentence)

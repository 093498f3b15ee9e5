"""The run's main loop: phases of collecting and training that overlap, checkpoints, evaluation on the way.

The coordinator moves small things only: locations and weight references to actors, numbers of batches to the learner,
statistics to the tracker. Images go from actors to the replay and from there to the learner. How far collecting and
training may run apart is the replay's law (replay/limiter.py); in strict alternation the coordinator also hands a
round's locations out only when the weights of the round before are there.
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
from ray.exceptions import RayError

from actors.interaction.locations import Location
from cluster.actor_pool import ActorPool, Assignment, cause_of
from cluster.config import TrainConfig
from cluster.errors import Interrupted, RunError
from cluster.interrupt import LOOK_EVERY_S, awaited
from cluster.reporting import Reporter
from cluster.run_state import KEY, Resumed, RunState
from learner.schedule import PhaseConfig, batches_before_round, batches_in_round, total_batches, total_locations
from learner.shell import TrainReport, Weights
from replay.limiter import Phase

SAVE_TIMEOUT_S = 60


@dataclass
class Parts:
    """Handles of the run's Ray actors, and how to make another actor."""

    replay: Any
    learner: Any
    evaluator: Any
    make_actor: Callable[[int], Any]


class Coordinator:
    """Runs the phases of one training run."""

    def __init__(
        self,
        config: TrainConfig,
        folder: Path,
        parts: Parts,
        locations: Sequence[Location],
        reporter: Reporter,
        interrupted: threading.Event,
        resumed: Resumed | None = None,
    ) -> None:
        """Starts the actors.

        Args:
            config: the whole configuration.
            folder: the run's folder.
            parts: the Ray actors.
            locations: the training file's locations.
            reporter: takes everything that happens.
            interrupted: set by Ctrl-C.
            resumed: the checkpoint that the learner and the memory bank were loaded from; None: a new run.

        Raises:
            Interrupted: Ctrl-C, before anything was collected.
        """
        self.config, self.folder, self.parts, self.reporter = config, folder, parts, reporter
        self.locations = locations
        self.interrupted = interrupted
        self.pool = ActorPool(parts.make_actor, config.cluster, reporter.note)
        self.weights: Weights = awaited(parts.learner.publish.remote(), interrupted)
        self.resumed = resumed
        self.state = resumed.state if resumed else RunState()
        self.steps = resumed.steps if resumed else 0
        self.phase_started = self.last_checkpoint = self.last_evaluation = time.monotonic()
        self.training: Any = None
        self.evaluation: Any = None

    def run(self) -> Weights:
        """All phases, or what is left of them; returns the final weights.

        Raises:
            Interrupted: Ctrl-C; a checkpoint was saved.
            RunError: a part died that the run cannot do without, or an actor failed again and again.
        """
        phases = [phase for phase in self.config.learner.phases.values() if phase.rounds]
        totals = [total_batches(phase) for phase in phases]
        first = self.state.phase + self.state.phase_over
        try:
            for index in range(first, len(phases)):
                self.run_phase(index, phases[index], sum(totals[:index]), sum(totals))
            self.checkpoint()
        except RayError as error:
            raise RunError(
                f"a part of the run failed: {cause_of(error)}; to go on from the last checkpoint: "
                f"./playpen train resume='{self.folder}'"
            ) from error
        finally:
            self.reporter.close_progress()
        return self.weights

    def begin_phase(self, index: int, phase: PhaseConfig) -> None:
        """Starts a phase, or goes on in the middle of one."""
        state = self.state
        resumed = self.resumed is not None and index == state.phase and not state.phase_over
        ray.get(self.parts.learner.start_phase.remote(phase.name))
        if resumed:
            ray.get(self.parts.replay.continue_phase.remote(self.steps - state.phase_steps_before))
            self.phase_started = time.monotonic() - state.phase_seconds
            for number in state.open_numbers:
                self.pool.submit(self.assignment(phase, number))
        else:
            law = limiter_phase(phase, self.config.learner.batch_size)
            ray.get(self.parts.replay.start_phase.remote(law, phase.fresh_bank))
            self.phase_started = time.monotonic()
            state.phase, state.phase_over = index, False
            state.phase_steps_before, state.locations = self.steps, 0
        self.reporter.start_phase(phase, total_locations(phase), total_batches(phase))

    def run_phase(self, index: int, phase: PhaseConfig, steps_before: int, steps_in_all: int) -> None:
        """One phase: prefill, then rounds.

        Args:
            index: of the phase.
            phase: its schedule.
            steps_before: steps that the schedule has in the phases before.
            steps_in_all: steps that it has in all phases.
        """
        self.begin_phase(index, phase)
        state, pool, strict = self.state, self.pool, self.config.replay.strict
        cumulative = batches_before_round(phase)
        locations_wanted, batches_wanted = total_locations(phase), total_batches(phase)
        batches = self.steps - state.phase_steps_before
        while state.locations < locations_wanted or batches < batches_wanted:
            self.check_interrupt()
            elapsed = time.monotonic() - self.phase_started
            if phase.minutes is not None and elapsed > 60 * phase.minutes:
                self.reporter.note(f"phase {phase.name}: its {phase.minutes:g} minutes are over")
                break

            while pool.in_flight < self.config.cluster.actors:
                submitted = state.locations + pool.in_flight
                round_index = max(0, submitted - phase.prefill) // phase.locations_per_round
                if submitted >= locations_wanted or (strict and batches < cumulative[min(round_index, phase.rounds)]):
                    break
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
                    round_index < phase.force_head_only_rounds,
                    0 if strict else self.config.learner.prefetch,
                )

            waiting_for = [*pool.futures, *([self.training] if self.training is not None else [])]
            if self.evaluation is not None:
                waiting_for.append(self.evaluation)
            ready, _ = ray.wait(waiting_for, num_returns=1, timeout=0.5)
            for finished in pool.collect(ready):
                if finished.statistics is None:  # another location takes its place
                    self.reporter.location_given_up(finished.number, finished.error)
                else:
                    state.locations += finished.statistics.stored
                    self.reporter.location(finished.statistics)
            if self.training in ready:
                self.take_report()
            batches = self.steps - state.phase_steps_before
            self.reporter.tick(state.locations, batches, pool, self.parts.replay, self.weights.version)
            self.evaluate_on_the_way()
            due = time.monotonic() - self.last_checkpoint > 60 * self.config.checkpoint_minutes
            # Strict alternation goes on bit for bit: its checkpoints fall between two calls of the learner.
            if due and not (strict and self.training is not None):
                self.checkpoint()
        self.finish_phase()

    def take_report(self) -> None:
        """Takes in what the learner has done; waits for it if need be."""
        report: TrainReport = ray.get(self.training)
        self.training = None
        self.steps += report.batches
        self.weights = report.weights or self.weights
        self.reporter.trained(report, self.steps)

    def finish_phase(self) -> None:
        """Lets what is in flight end: gates open, so that nobody waits for the other side."""
        ray.get(self.parts.replay.end_phase.remote())
        self.state.phase_over = True
        if self.training is not None:
            self.parts.learner.stop.remote()
            self.wait_for([self.training])
            self.take_report()
        self.wait_for(self.pool.futures, self.config.cluster.location_timeout_s)
        for statistics in self.pool.drain():
            self.reporter.location(statistics)
        self.reporter.end_phase()

    def wait_for(self, references: list[Any], timeout_s: float = float("inf")) -> None:
        """Waits until all of them are there or the time is over; Ctrl-C saves and leaves."""
        deadline = time.monotonic() + timeout_s
        while references and time.monotonic() < deadline:
            self.check_interrupt()
            _, references = ray.wait(references, num_returns=len(references), timeout=LOOK_EVERY_S)

    def assignment(self, phase: PhaseConfig, number: int) -> Assignment:
        """The location of a running number: the data set's order is shuffled anew for each pass through it."""
        passes, position = divmod(number, len(self.locations))
        order = np.random.default_rng([self.config.seed, passes]).permutation(len(self.locations))
        location = self.locations[int(order[position])]
        weights = self.weights
        return Assignment(
            number,
            (location, number, phase.greedy, phase.random, phase.force_trials, weights.reference, weights.version),
        )

    def evaluate_on_the_way(self) -> None:
        """Starts an evaluation now and then, and takes in the one that is done."""
        if self.evaluation is not None:
            ready, _ = ray.wait([self.evaluation], timeout=0)
            if ready:
                self.reporter.evaluated(ray.get(self.evaluation), self.folder)
                self.evaluation = None
        minutes = self.config.evaluation.every_minutes
        due = minutes is not None and time.monotonic() - self.last_evaluation > 60 * minutes
        if due and self.evaluation is None and self.steps:
            self.last_evaluation = time.monotonic()
            self.evaluation = self.parts.evaluator.on_the_way.remote(
                self.weights.reference, self.weights.version, self.reporter.seconds()
            )

    def checkpoint(self) -> Path:
        """Saves the learner, the memory bank's state and the run's, in this order; keeps the newest few.

        The learner may be in the middle of a call: its own count of steps names the checkpoint. The bank's state is the
        later one, so it knows every batch that the weights have seen; what it counts beyond them is drawn again.
        """
        started = time.monotonic()
        state = self.state
        state.phase_seconds = started - self.phase_started
        state.open_numbers = self.pool.open_numbers
        state.report = self.reporter.get_state()
        steps = ray.get(self.parts.learner.health.remote())["steps"]
        target = self.folder / "checkpoints" / f"step_{steps:07d}"
        facts = {
            KEY: state.as_json(),
            "experiment": self.config.experiment_name,
            "seed": self.config.seed,
            "touches": self.reporter.touches,
        }
        ray.get(self.parts.learner.save.remote(str(target), facts), timeout=SAVE_TIMEOUT_S)
        ray.get(self.parts.replay.save.remote(str(target)), timeout=SAVE_TIMEOUT_S)
        keep_newest(self.folder / "checkpoints", self.config.checkpoints_kept)
        self.last_checkpoint = time.monotonic()
        self.reporter.checkpointed(target, self.last_checkpoint - started)
        return target

    def check_interrupt(self) -> None:
        """Ctrl-C: saves and leaves."""
        if self.interrupted.is_set():
            if self.training is not None:
                # The learner ends with the step that it is in: all that it did is saved.
                self.parts.learner.stop.remote()
                self.take_report()
            path = self.checkpoint()
            raise Interrupted(f"checkpoint saved in {path}; to go on: ./playpen train resume='{self.folder}'")

    def stop(self, timeout_s: float = 3.0) -> None:
        """Ends actors and simulators; gates open so that none is stuck in the replay."""
        self.parts.replay.close.remote()
        self.parts.learner.stop.remote()
        self.pool.stop(timeout_s)


def limiter_phase(phase: PhaseConfig, batch_size: int) -> Phase:
    """What the schedule asks of the memory bank."""
    rounds = tuple(batches_in_round(phase, index) for index in range(phase.rounds))
    return Phase(phase.prefill, phase.locations_per_round, rounds, batch_size)


def keep_newest(folder: Path, count: int) -> None:
    """Removes all but the newest `count` checkpoints of a folder; their names sort by step."""
    for old in sorted(path for path in folder.glob("step_*") if path.is_dir())[:-count]:
        shutil.rmtree(old)

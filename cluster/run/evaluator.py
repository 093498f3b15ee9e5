"""The run's evaluator: a Ray actor next to the learner that is restarted when it is lost.

Training does not depend on it. If it dies or hangs during training, the evaluation that it was running is repeated. The
run waits only for the evaluation of the final weights.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import ray
from ray import ObjectRef
from ray.exceptions import RayActorError, RayError

from cluster.run.config import ClusterConfig
from cluster.run.reporting import Reporter
from cluster.workers.health import Heartbeat, cause_of, one_line, poll_heartbeats
from common.errors import PartLost
from common.remote import WeightsReference, kill
from evaluation.actor import EvaluatorHandle


class RunEvaluator:
    """Starts the evaluator's Ray actor with `begin`, watches it, and restarts it.

    Args:
        start: starts the Ray actor and returns its handle.
        config: heartbeat interval, maximum silence, and maximum restarts without a result in between.
        reporter: told about losses and results.
    """

    handle: EvaluatorHandle
    """Handle of the Ray actor; `begin` sets this and the next two attributes."""
    prepared: ObjectRef[None]
    """Reference that is ready once the evaluator is prepared."""
    heartbeat: Heartbeat[int]
    """Its answers come from `EvaluatorActor.pid`."""

    def __init__(self, start: Callable[[], EvaluatorHandle], config: ClusterConfig, reporter: Reporter) -> None:
        self.start, self.config, self.reporter = start, config, reporter
        self.losses = 0
        """Losses since the last result."""
        self.started = False
        """Whether the Ray actor was ever started."""
        self.pending = False
        """Whether an evaluation was asked for and has no result yet."""
        self.running: ObjectRef[dict[str, float]] | None = None
        """Reference of the evaluation in progress."""

    def begin(self) -> None:
        """Starts the Ray actor, which loads its observations in the background."""
        self.handle = self.start()
        self.started = True
        self.prepared = self.handle.prepare.remote()
        self.heartbeat = Heartbeat(self.handle.pid.remote)

    @property
    def given_up(self) -> bool:
        """Whether it was lost too often."""
        return self.losses > self.config.part_restarts

    def failure(self) -> str:
        """A sentence about the evaluator if it died or is silent; empty while it answers."""
        now = time.monotonic()
        poll_heartbeats([self.heartbeat], self.config.heartbeat_s, now)
        if self.heartbeat.error is not None:
            return f"the evaluator died ({one_line(self.heartbeat.error)})"
        longest = self.config.silent_after_s if self.heartbeat.started else self.config.start_timeout_s
        if self.heartbeat.waited_s(now) > longest:
            return f"the evaluator has been silent for {longest:g} s"
        return ""

    def check(self) -> None:
        """Raises PartLost if it died or is silent."""
        if failure := self.failure():
            raise PartLost(failure)

    def restart(self, why: str) -> None:
        """Kills the Ray actor, whatever its state, and starts another unless it is now `given_up`."""
        self.losses += 1
        self.reporter.fault("evaluator_lost")
        self.running = None
        kill(self.handle)
        if not self.given_up:
            self.reporter.note(f"{why}; it is restarted")
            self.begin()

    def measure(self, weights: WeightsReference, version: int) -> None:
        """Starts an evaluation during training.

        Args:
            weights: list of one reference, to the flat weight vector.
            version: of these weights.
        """
        self.pending = True
        self.running = self.handle.evaluate_quickly.remote(weights, version, self.reporter.seconds())

    def take_result(self) -> dict[str, float] | None:
        """Metrics of the evaluation in progress if it is finished, else None; an error goes to the log."""
        if self.running is None or not ray.wait([self.running], timeout=0)[0]:
            return None
        reference, self.running = self.running, None
        try:
            metrics = ray.get(reference)
        except RayActorError:
            return None  # `failure` will report it; the evaluation stays pending
        except RayError as error:
            self.pending = False
            self.reporter.note(f"an evaluation during training failed: {cause_of(error)}")
            return None
        self.pending, self.losses = False, 0
        return metrics

"""The run's evaluator: a Ray actor beside the learner that is started anew when it is lost.

No training depends on it: while the run trains, an evaluator that dies or falls silent costs the evaluation that it was
at, which is done again. Only the evaluation of the final weights is waited for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError

from cluster.run.config import ClusterConfig
from cluster.run.reporting import Reporter
from cluster.workers.health import Heartbeat, cause_of, listen, one_line
from common.errors import PartLost


class RunEvaluator:
    """Starts the `EvaluationActor` when told to `begin`, watches it, and starts it anew.

    Args:
        start: starts one and returns its handle.
        config: how often it is asked whether it is there, how long it may be silent, and how often it is started anew
            without a result in between.
        reporter: is told of losses and results.
    """

    def __init__(self, start: Callable[[], Any], config: ClusterConfig, reporter: Reporter) -> None:
        self.start, self.config, self.reporter = start, config, reporter
        self.losses = 0
        """In a row, without a result in between."""
        self.handle: Any = None
        self.prepared: Any = None
        """Reference of its preparation."""
        self.owes = False
        """Whether an evaluation was begun and is not done."""
        self.running: Any = None
        """Its reference while the evaluator is at it."""

    @property
    def begun(self) -> bool:
        """Whether it was started."""
        return self.handle is not None

    def begin(self) -> None:
        """Starts it; it loads its looks beside whatever goes on."""
        self.handle = self.start()
        self.prepared = self.handle.prepare.remote()
        self.beat = Heartbeat(self.handle.pid.remote)

    @property
    def given_up(self) -> bool:
        """Whether it was lost too often."""
        return self.losses > self.config.part_restarts

    def lost(self) -> str:
        """What happened to it if it is dead or silent, as a sentence; empty while it answers."""
        now = time.monotonic()
        listen([self.beat], self.config.heartbeat_s, now)
        if self.beat.error is not None:
            return f"the evaluator died ({one_line(self.beat.error)})"
        longest = self.config.silent_after_s if self.beat.started else self.config.start_timeout_s
        if self.beat.waited_s(now) > longest:
            return f"the evaluator has been silent for {longest:g} s"
        return ""

    def look(self) -> None:
        """Raises PartLost if it is dead or silent."""
        if lost := self.lost():
            raise PartLost(lost)

    def restart(self, why: str) -> None:
        """Ends it, whatever state it is in, and starts another unless it is `given_up` now."""
        self.losses += 1
        self.reporter.fault("evaluator_lost")
        self.running = None
        ray.kill(self.handle)
        if not self.given_up:
            self.reporter.note(f"{why}; it starts anew")
            self.begin()

    def measure(self, weights: list[Any], version: int) -> None:
        """Starts an evaluation on the way.

        Args:
            weights: a list with one reference to the flat vector.
            version: of these weights.
        """
        self.owes = True
        self.running = self.handle.evaluate_quickly.remote(weights, version, self.reporter.seconds())

    def take(self) -> dict[str, float] | None:
        """The figures of the evaluation on the way if it is done; says what went wrong if it failed."""
        if self.running is None or not ray.wait([self.running], timeout=0)[0]:
            return None
        reference, self.running = self.running, None
        try:
            figures: dict[str, float] = ray.get(reference)
        except RayActorError:
            return None  # `lost` will tell, and the evaluation is still owed
        except RayError as error:
            self.owes = False
            self.reporter.note(f"an evaluation on the way failed: {cause_of(error)}")
            return None
        self.owes, self.losses = False, 0
        return figures

"""The actors of a run: hands out locations, takes in results, replaces what died.

One location is in flight per actor. A location whose actor or simulator failed is handed out again, to whichever
actor is free; one that failed `location_attempts` times is left out. Images never pass through here: actors push
their records straight to the replay.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

from actors.interaction.locations import LocationError
from cluster.config import ClusterConfig
from cluster.errors import RunError

GIVEN_UP_IN_A_ROW = 10
"""So many locations left out one after the other, none played in between, end the run: the data set does not fit."""


@dataclass
class Assignment:
    """A location on its way."""

    number: int
    """Running number in the run: it seeds the location's touches."""
    arguments: tuple[Any, ...]
    """What the actor's `play` gets."""
    attempts: int = 0
    started: float = 0.0
    """Monotonic seconds when it was last handed out."""


@dataclass
class Finished:
    """A location that was played, or given up."""

    number: int
    statistics: Any
    """What the actor returned; None if the location was given up."""
    error: str = ""


@dataclass
class Member:
    """One actor and what it is doing."""

    handle: Any
    assignment: Assignment | None = None
    future: Any = None
    failures_in_a_row: int = 0
    restarts: int = 0
    locations: int = 0


@dataclass
class ActorPool:
    """See the module."""

    make: Callable[[int], Any]
    """Starts actor i and returns its handle."""
    config: ClusterConfig
    log: Callable[[str], None]
    """Takes one line for the run's log."""
    members: list[Member] = field(default_factory=list)
    waiting: deque[Assignment] = field(default_factory=deque)
    """Locations to be handed out."""
    given_up_in_a_row: int = 0

    def __post_init__(self) -> None:
        self.members = [Member(self.make(index)) for index in range(self.config.actors)]

    @property
    def in_flight(self) -> int:
        """Locations handed out or waiting to be handed out again."""
        return sum(member.assignment is not None for member in self.members) + len(self.waiting)

    @property
    def open_numbers(self) -> list[int]:
        """Running numbers of these, in order."""
        handed_out = [member.assignment for member in self.members if member.assignment is not None]
        return sorted(assignment.number for assignment in [*handed_out, *self.waiting])

    @property
    def idle(self) -> int:
        """Actors without a location."""
        return sum(member.assignment is None for member in self.members)

    @property
    def futures(self) -> list[Any]:
        """What to wait on."""
        return [member.future for member in self.members if member.future is not None]

    @property
    def restarts(self) -> int:
        """Actors replaced so far."""
        return sum(member.restarts for member in self.members)

    def submit(self, assignment: Assignment) -> None:
        """Queues a location; `dispatch` hands it out."""
        self.waiting.append(assignment)

    def dispatch(self) -> None:
        """Gives waiting locations to idle actors."""
        for member in self.members:
            if not self.waiting:
                return
            if member.assignment is None:
                member.assignment = self.waiting.popleft()
                member.assignment.attempts += 1
                member.assignment.started = time.monotonic()
                member.future = member.handle.play.remote(*member.assignment.arguments)

    def collect(self, ready: list[Any]) -> list[Finished]:
        """Takes in the futures that are ready, and those whose actor has been silent for too long.

        Raises:
            RunError: an actor failed `actor_restarts` times in a row; the sentence holds its last error.
        """
        finished = []
        now = time.monotonic()
        done = set(ready)
        for index, member in enumerate(self.members):
            assignment = member.assignment
            if assignment is None:
                continue
            if member.future in done:
                outcome = self.take(index, member, assignment)
            elif now - assignment.started > self.config.location_timeout_s:
                if is_pushing(member.handle):
                    assignment.started = now
                    continue
                outcome = self.failed(index, member, assignment, "silent for too long", replace=True)
            else:
                continue
            if outcome is not None:
                finished.append(outcome)
        return finished

    def take(self, index: int, member: Member, assignment: Assignment) -> Finished | None:
        """The outcome of a ready future; None if the location goes round again."""
        try:
            statistics = ray.get(member.future)
        except RayTaskError as error:
            # A location that the simulator refuses is not the actor's fault.
            blame = not isinstance(error, LocationError)
            return self.failed(index, member, assignment, cause_of(error), replace=False, blame=blame)
        except RayActorError as error:
            return self.failed(index, member, assignment, f"the actor died ({one_line(error)})", replace=True)
        except RayError as error:
            return self.failed(index, member, assignment, one_line(error), replace=True)
        member.assignment = member.future = None
        member.failures_in_a_row = self.given_up_in_a_row = 0
        member.locations += 1
        return Finished(assignment.number, statistics)

    def failed(
        self, index: int, member: Member, assignment: Assignment, why: str, replace: bool, blame: bool = True
    ) -> Finished | None:
        """Puts the location back or gives it up; replaces a lost actor; `blame` counts it against the actor."""
        self.log(f"actor {index}, location {assignment.number}, attempt {assignment.attempts}: {why}")
        member.assignment = member.future = None
        member.failures_in_a_row += blame
        if member.failures_in_a_row > self.config.actor_restarts:
            raise RunError(f"actor {index} failed {member.failures_in_a_row} times in a row; last: {why}")
        if replace:
            ray.kill(member.handle)
            member.handle = self.make(index)
            member.restarts += 1
        if assignment.attempts >= self.config.location_attempts:
            self.given_up_in_a_row += 1
            if self.given_up_in_a_row >= GIVEN_UP_IN_A_ROW:
                raise RunError(f"{GIVEN_UP_IN_A_ROW} locations in a row could not be played; last: {why}")
            return Finished(assignment.number, None, why)
        self.waiting.appendleft(assignment)
        return None

    def drain(self) -> list[Any]:
        """Waits for what is in flight and hands nothing out again; returns the statistics of what ended well."""
        self.waiting.clear()
        statistics = []
        for member in self.members:
            if member.future is None:
                continue
            try:
                statistics.append(ray.get(member.future, timeout=self.config.location_timeout_s))
            except RayError as error:
                self.log(f"a location at the end of the phase was not stored: {cause_of(error)}")
            member.assignment = member.future = None
        return statistics

    def stop(self, timeout_s: float) -> None:
        """Ends the simulators and the actors; an actor that does not answer is killed."""
        ray.wait(
            [member.handle.stop.remote() for member in self.members], num_returns=len(self.members), timeout=timeout_s
        )
        for member in self.members:
            ray.kill(member.handle)


def is_pushing(handle: Any) -> bool:
    """Whether an actor has done its location and waits for the replay to take the record: the learner lags."""
    try:
        return bool(ray.get(handle.health.remote(), timeout=5)["pushing"])
    except RayError:
        return False


def one_line(error: BaseException) -> str:
    """The last non-empty line of an error's text, which is where Ray puts the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def cause_of(error: BaseException) -> str:
    """The error that was raised in the actor, as one line with its type; for other errors their own last line."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException):
        return f"{type(cause).__name__}: {one_line(cause)}"
    return one_line(error)

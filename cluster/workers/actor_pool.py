"""The actors of a run: hands out locations, takes in results, replaces what died or fell silent.

One location is in flight per actor. A location whose actor or simulator failed is handed out again, to whichever
actor is free; one that failed `location_attempts` times is given back as not playable. An actor gets its first location
when it has answered for the first time: one that waits for a place in the cluster holds none. Images never pass through
here: actors push their records straight to the replay.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from actors.core import TaskError
from cluster.machines.resources import LEARNER, SIMULATION
from cluster.run.config import ClusterConfig
from cluster.workers.health import Heartbeat, cause_of, is_loss, listen, one_line
from common.errors import RunError

SLOW_START_S = 30.0
"""An actor that takes longer to start does not keep others from starting meanwhile."""


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
    beat: Heartbeat
    """Its answers are `PlayerActor.health`'s."""
    made: float = field(default_factory=time.monotonic)
    """Monotonic seconds when it was started."""
    assignment: Assignment | None = None
    future: Any = None
    failures_in_a_row: int = 0
    failed_on: str = ""
    """Node of these failures."""
    restarts: int = 0
    last_restart: str = ""
    """Why it was replaced the last time."""
    locations: int = 0

    @property
    def node(self) -> str:
        """Ray's id of its node; empty until it has answered."""
        return str(self.beat.answer["node"]) if self.beat.started else ""

    def find_node(self) -> str:
        """The same also of an actor that never answered; empty if it never had a node."""
        from ray._private.state import actors

        return self.node or str(actors(self.handle._actor_id.hex()).get("Address", {}).get("NodeID", ""))


def nodes_for_actors() -> set[str]:
    """Ids of the living nodes that take actors: by their role, or because they have processors."""
    nodes = [(node["NodeID"], node["Resources"]) for node in ray.nodes() if node["Alive"]]
    roles = any(LEARNER in resources or SIMULATION in resources for _, resources in nodes)
    return {node for node, resources in nodes if resources.get(SIMULATION if roles else "CPU")}


@dataclass
class ActorPool:
    """See the module."""

    make: Callable[[int, frozenset[str]], Any]
    """Starts actor i on none of the given nodes and returns its handle."""
    config: ClusterConfig
    log: Callable[[str], None]
    """Takes one line for the run's log."""
    count: Callable[[str], None]
    """Takes a word for each fault: actor_died, actor_silent, actor_not_started, location_timeout, location_failed,
    part_missing, node_out_of_use."""
    handed_out: Callable[[int], None]
    """Takes the running number of each location that is handed out."""
    starting_at_once: int | None = None
    """How many actors start at a time; None: all. A start is seconds of computing: with more at a time than cores, the
    first actor plays only when the last one is nearly there."""
    members: list[Member] = field(default_factory=list)
    """The actors that were started, in their order."""
    waiting: deque[Assignment] = field(default_factory=deque)
    """Locations to be handed out."""
    avoided: dict[str, str] = field(default_factory=dict)
    """Nodes that are out of use, and why."""
    closing: bool = False
    """Whether what fails is not handed out again: the phase is over."""

    def __post_init__(self) -> None:
        self.grow()

    def grow(self) -> None:
        """Starts the actors that are still to be started, as many as may be starting at a time."""
        most = self.starting_at_once or self.config.actors
        since = time.monotonic() - SLOW_START_S
        starting = sum(not member.beat.started and member.made > since for member in self.members)
        for index in range(len(self.members), min(self.config.actors, len(self.members) + most - starting)):
            self.members.append(self.new_member(index))

    def new_member(self, index: int) -> Member:
        """Starts actor `index`."""
        handle = self.make(index, frozenset(self.avoided))
        return Member(handle, Heartbeat(handle.health.remote))

    @property
    def in_flight(self) -> int:
        """Locations handed out or waiting to be handed out again."""
        return self.busy + len(self.waiting)

    @property
    def open_numbers(self) -> list[int]:
        """Running numbers of these, in order."""
        handed_out = [member.assignment for member in self.members if member.assignment is not None]
        return sorted(assignment.number for assignment in [*handed_out, *self.waiting])

    @property
    def complete(self) -> bool:
        """Whether all actors were started at least once."""
        return len(self.members) == self.config.actors

    @property
    def busy(self) -> int:
        """Actors with a location."""
        return sum(member.assignment is not None for member in self.members)

    @property
    def alive(self) -> int:
        """Actors that have started and are not known to be lost."""
        return sum(member.beat.started for member in self.members)

    @property
    def futures(self) -> list[Any]:
        """What to wait on: locations that are played, and actors that start."""
        playing = [member.future for member in self.members if member.future is not None]
        starting = [member.beat.future for member in self.members if not member.beat.started and member.beat.future]
        return playing + starting

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
            if member.assignment is None and member.beat.started:
                member.assignment = self.waiting.popleft()
                member.assignment.attempts += 1
                member.assignment.started = time.monotonic()
                self.handed_out(member.assignment.number)
                member.future = member.handle.play.remote(*member.assignment.arguments)

    def collect(self, ready: list[Any]) -> list[Finished]:
        """Takes in the futures that are ready, and finds the actors that died, fell silent or are stuck.

        Raises:
            RunError: an actor failed again and again on the only node; the sentence holds its last error.
        """
        finished = []
        done = set(ready)
        now = time.monotonic()
        listen([member.beat for member in self.members], self.config.heartbeat_s, now)
        for index, member in enumerate(list(self.members)):
            if self.members[index] is not member:
                continue  # replaced with its node
            outcome = self.look(index, member, member.future in done, now)
            if outcome is not None:
                finished.append(outcome)
        self.grow()
        return finished

    def look(self, index: int, member: Member, done: bool, now: float) -> Finished | None:
        """What there is to do about one actor; a location that was played or given up, if any."""
        config, beat, assignment = self.config, member.beat, member.assignment
        if assignment is not None and done:
            return self.take(index, member, assignment)
        if beat.error is not None:
            return self.failed(index, member, "actor_died", f"the actor died ({one_line(beat.error)})", replace=True)
        if beat.started and beat.waited_s(now) > config.silent_after_s:
            why = f"the actor has been silent for {config.silent_after_s:g} s"
            return self.failed(index, member, "actor_silent", why, replace=True)
        if not beat.started and now - member.made > config.start_timeout_s:
            why = f"the actor did not start within {config.start_timeout_s:g} s"
            return self.failed(index, member, "actor_not_started", why, replace=True, blame=False)
        if assignment is not None and now - assignment.started > config.location_timeout_s:
            if beat.answer["pushing"]:  # it waits for the replay to take the record: the learner lags
                assignment.started = now
                return None
            why = f"the actor was busy for {config.location_timeout_s:g} s"
            return self.failed(index, member, "location_timeout", why, replace=True)
        return None

    def take(self, index: int, member: Member, assignment: Assignment) -> Finished | None:
        """The outcome of a ready future; None if the location goes round again."""
        try:
            statistics = ray.get(member.future)
        except RayTaskError as error:
            if is_loss(error):
                # The replay or the learner is gone, which is neither the actor's fault nor the location's.
                assignment.attempts -= 1
                return self.failed(index, member, "part_missing", cause_of(error), replace=False, blame=False)
            # A location that the simulator refuses is not the actor's fault.
            blame = not isinstance(error, TaskError)
            return self.failed(index, member, "location_failed", cause_of(error), replace=False, blame=blame)
        except RayError as error:
            return self.failed(index, member, "actor_died", f"the actor died ({one_line(error)})", replace=True)
        member.assignment = member.future = None
        member.failures_in_a_row = 0
        member.locations += 1
        return Finished(assignment.number, statistics)

    def failed(
        self, index: int, member: Member, kind: str, why: str, replace: bool, blame: bool = True
    ) -> Finished | None:
        """Puts the location back or gives it up; replaces a lost actor; `blame` counts it against the actor."""
        assignment = member.assignment
        member.assignment = member.future = None
        what = f"actor {index}"
        if assignment is not None:
            what += f", location {assignment.number}, attempt {assignment.attempts}"
        self.log(f"{what}: {why}")
        self.count(kind)
        if blame:
            node = member.find_node()
            if node != member.failed_on:
                member.failed_on, member.failures_in_a_row = node, 0
            member.failures_in_a_row += 1
        outcome = None
        if assignment is not None and not self.closing:
            if assignment.attempts >= self.config.location_attempts:
                outcome = Finished(assignment.number, None, why)
            else:
                self.waiting.appendleft(assignment)
        if member.failures_in_a_row > self.config.actor_restarts:
            self.avoid(member.failed_on, f"actor {index} failed {member.failures_in_a_row} times in a row; last: {why}")
        if replace and self.members[index] is member:
            self.replace(index, why)
        return outcome

    def replace(self, index: int, why: str) -> None:
        """Ends an actor, whatever state it is in, and starts another in its place."""
        old = self.members[index]
        ray.kill(old.handle)
        new = self.members[index] = self.new_member(index)
        new.restarts, new.last_restart, new.locations = old.restarts + 1, why, old.locations
        new.failures_in_a_row, new.failed_on = old.failures_in_a_row, old.failed_on

    def avoid(self, node: str, why: str) -> None:
        """Takes a node out of use: its actors start anew on the others, and their locations go round again.

        Raises:
            RunError: no other node is left.
        """
        if not node or not nodes_for_actors() - {node} - set(self.avoided):
            raise RunError(why)
        self.avoided[node] = why
        self.log(f"node {node[:12]} is out of use for this run: {why}")
        self.count("node_out_of_use")
        for index, member in enumerate(self.members):
            # One that is still starting may have its place there already.
            if not member.beat.started or node in (member.node, member.failed_on):
                if member.assignment is not None and not self.closing:
                    member.assignment.attempts -= 1
                    self.waiting.appendleft(member.assignment)
                self.replace(index, f"its node was taken out of use: {why}")
                self.members[index].failures_in_a_row = 0

    def finish(self) -> None:
        """Hands nothing out from now on, and nothing again."""
        self.waiting.clear()
        self.closing = True

    def begin(self) -> None:
        """Ends `finish`."""
        self.closing = False

    def stop(self, timeout_s: float) -> None:
        """Ends the simulators and the actors; an actor that does not answer is killed."""
        started = [member for member in self.members if member.beat.started]
        if started:
            ray.wait([member.handle.stop.remote() for member in started], num_returns=len(started), timeout=timeout_s)
        for member in self.members:
            ray.kill(member.handle)

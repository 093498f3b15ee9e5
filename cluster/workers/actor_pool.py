"""The actors of a run: assigns tasks, collects results, and replaces actors that died, hang or are stuck.

Each actor has at most one task in flight. If the actor or its simulator fails, the task is assigned again, to any idle
actor; after `location_attempts` failures it is given up. An actor gets no task before it has answered its first
heartbeat, so an unscheduled actor holds no task. Actors push their records directly to the replay buffer; images never
pass through this process.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ray
from ray import ObjectRef
from ray.exceptions import RayError, RayTaskError

from actors.core import Statistics, Task, TaskError
from cluster.machines.resources import LEARNER, SIMULATION
from cluster.run.config import ClusterConfig
from cluster.workers.health import Heartbeat, cause_of, is_process_loss, one_line, poll_heartbeats
from common.errors import RunError
from common.remote import WeightsReference, kill

if TYPE_CHECKING:  # the command starts sooner without what a player imports
    from actors.actor import PlayerHandle

SLOW_START_S = 30.0
"""An actor that has been starting for longer than this no longer counts against `max_starting`."""


@dataclass
class Assignment:
    """A task to be played, and how often it was tried."""

    number: int
    """The task's running number in the run; it seeds the player."""
    arguments: tuple[Task, int, Mapping[str, Any], WeightsReference, int]
    """Arguments of the Ray actor's `play`: task, number, orders, weights and their version."""
    attempts: int = 0
    started: float = 0.0
    """Monotonic time of the latest attempt, seconds."""


@dataclass
class Finished:
    """A task that was played or given up."""

    number: int
    statistics: Statistics | None
    """The actor's return value; None if the task was given up."""
    error: str = ""


@dataclass
class PooledActor:
    """One Ray actor and its state."""

    handle: PlayerHandle
    heartbeat: Heartbeat[dict[str, Any]]
    """Its answers come from `PlayerActor.health`."""
    created: float = field(default_factory=time.monotonic)
    """Monotonic time when it was started, seconds."""
    assignment: Assignment | None = None
    future: ObjectRef[Statistics] | None = None
    """Reference of the result of `play`; None while idle."""
    failures_in_a_row: int = 0
    failed_on: str = ""
    """Id of the node where these failures happened."""
    restarts: int = 0
    last_restart: str = ""
    """Reason of the last restart."""
    tasks_done: int = 0

    @property
    def node(self) -> str:
        """Ray's id of the actor's node; empty before its first answer."""
        answer = self.heartbeat.answer
        return "" if answer is None else str(answer["node"])

    def find_node(self) -> str:
        """Like `node`, but also for an actor that never answered; empty if Ray never placed it."""
        from ray._private.state import actors

        return self.node or str(actors(self.handle._actor_id.hex()).get("Address", {}).get("NodeID", ""))


def nodes_for_actors() -> set[str]:
    """Ids of living nodes that can run actors: those with the simulation role, or without roles all with CPUs."""
    nodes = [(node["NodeID"], node["Resources"]) for node in ray.nodes() if node["Alive"]]
    roles = any(LEARNER in resources or SIMULATION in resources for _, resources in nodes)
    return {node for node, resources in nodes if resources.get(SIMULATION if roles else "CPU")}


@dataclass
class ActorPool:
    """Assigns tasks to a fixed number of Ray actors and replaces failed ones."""

    make: Callable[[int, frozenset[str]], PlayerHandle]
    """Starts actor i outside the given nodes and returns its handle."""
    config: ClusterConfig
    log: Callable[[str], None]
    """Receives one line for the run's log."""
    count: Callable[[str], None]
    """Receives the kind of each fault: actor_died, actor_silent, actor_not_started, location_timeout, location_failed,
    part_missing, node_out_of_use."""
    handed_out: Callable[[int], None]
    """Receives the running number of each task that is assigned."""
    max_starting: int | None = None
    """Maximum number of actors that start at the same time; None: no maximum. Starting takes seconds of CPU time: if
    more actors start than there are cores, the first one is ready only when the last one nearly is."""
    actors: list[PooledActor] = field(default_factory=list)
    """The actors started so far, by index."""
    waiting: deque[Assignment] = field(default_factory=deque)
    """Tasks that wait for an idle actor."""
    excluded_nodes: dict[str, str] = field(default_factory=dict)
    """Nodes that this run no longer uses -> reason."""
    draining: bool = False
    """Whether failed tasks are dropped instead of assigned again, because the phase is over."""

    def __post_init__(self) -> None:
        self.start_missing_actors()

    def start_missing_actors(self) -> None:
        """Starts actors up to the configured number, at most `max_starting` at the same time."""
        max_starting = self.max_starting or self.config.actors
        since = time.monotonic() - SLOW_START_S
        starting = sum(not actor.heartbeat.started and actor.created > since for actor in self.actors)
        for index in range(len(self.actors), min(self.config.actors, len(self.actors) + max_starting - starting)):
            self.actors.append(self.start_actor(index))

    def start_actor(self, index: int) -> PooledActor:
        """Starts actor `index`."""
        handle = self.make(index, frozenset(self.excluded_nodes))
        return PooledActor(handle, Heartbeat(handle.health.remote))

    @property
    def in_flight(self) -> int:
        """Number of tasks that are assigned or waiting."""
        return self.busy + len(self.waiting)

    @property
    def open_numbers(self) -> list[int]:
        """Running numbers of the tasks in flight, sorted."""
        assigned = [actor.assignment for actor in self.actors if actor.assignment is not None]
        return sorted(assignment.number for assignment in [*assigned, *self.waiting])

    @property
    def complete(self) -> bool:
        """Whether every actor was started at least once."""
        return len(self.actors) == self.config.actors

    @property
    def busy(self) -> int:
        """Number of actors with a task."""
        return sum(actor.assignment is not None for actor in self.actors)

    @property
    def alive(self) -> int:
        """Number of actors that have answered and are not known to be lost."""
        return sum(actor.heartbeat.started for actor in self.actors)

    @property
    def futures(self) -> list[ObjectRef[Any]]:
        """References to wait on: results of tasks, and first answers of actors that are starting."""
        playing: list[ObjectRef[Any]] = [actor.future for actor in self.actors if actor.future is not None]
        heartbeats = [actor.heartbeat for actor in self.actors]
        return playing + [beat.future for beat in heartbeats if not beat.started and beat.future is not None]

    @property
    def restarts(self) -> int:
        """Number of actors replaced so far."""
        return sum(actor.restarts for actor in self.actors)

    def submit(self, assignment: Assignment) -> None:
        """Queues a task; `dispatch` assigns it."""
        self.waiting.append(assignment)

    def dispatch(self) -> None:
        """Assigns waiting tasks to idle actors."""
        for actor in self.actors:
            if not self.waiting:
                return
            if actor.assignment is None and actor.heartbeat.started:
                actor.assignment = self.waiting.popleft()
                actor.assignment.attempts += 1
                actor.assignment.started = time.monotonic()
                self.handed_out(actor.assignment.number)
                actor.future = actor.handle.play.remote(*actor.assignment.arguments)

    def collect(self, ready: list[ObjectRef[Any]]) -> list[Finished]:
        """Collects results that are ready, and handles actors that died, hang or are stuck.

        Args:
            ready: references of `futures` that are ready.

        Returns:
            tasks that were played or given up.

        Raises:
            RunError: an actor failed repeatedly on the only node; the message holds its last error.
        """
        finished = []
        done = set(ready)
        now = time.monotonic()
        poll_heartbeats([actor.heartbeat for actor in self.actors], self.config.heartbeat_s, now)
        for index, actor in enumerate(list(self.actors)):
            if self.actors[index] is not actor:
                continue  # replaced meanwhile because its node was excluded
            outcome = self.check_actor(index, actor, actor.future in done, now)
            if outcome is not None:
                finished.append(outcome)
        self.start_missing_actors()
        return finished

    def check_actor(self, index: int, actor: PooledActor, done: bool, now: float) -> Finished | None:
        """Takes an actor's result or handles its failure.

        Args:
            index: of the actor.
            actor: to check.
            done: whether its result is ready.
            now: monotonic time, seconds.

        Returns:
            its task if it was played or given up.
        """
        config, heartbeat, assignment = self.config, actor.heartbeat, actor.assignment
        if assignment is not None and actor.future is not None and done:
            return self.take_result(index, actor, assignment, actor.future)
        if heartbeat.error is not None:
            why = f"the actor died ({one_line(heartbeat.error)})"
            return self.handle_failure(index, actor, "actor_died", why, replace=True)
        if heartbeat.started and heartbeat.waited_s(now) > config.silent_after_s:
            why = f"the actor has been silent for {config.silent_after_s:g} s"
            return self.handle_failure(index, actor, "actor_silent", why, replace=True)
        if not heartbeat.started and now - actor.created > config.start_timeout_s:
            why = f"the actor did not start within {config.start_timeout_s:g} s"
            return self.handle_failure(index, actor, "actor_not_started", why, replace=True, blame=False)
        if assignment is not None and now - assignment.started > config.location_timeout_s:
            # The replay buffer holds a pushing actor back because the learner lags.
            if heartbeat.answer is not None and heartbeat.answer["pushing"]:
                assignment.started = now
                return None
            why = f"the actor was busy for {config.location_timeout_s:g} s"
            return self.handle_failure(index, actor, "location_timeout", why, replace=True)
        return None

    def take_result(
        self, index: int, actor: PooledActor, assignment: Assignment, future: ObjectRef[Statistics]
    ) -> Finished | None:
        """The result of an actor's task; None if the task is assigned again."""
        try:
            statistics = ray.get(future)
        except RayTaskError as error:
            if is_process_loss(error):
                # The replay buffer or the learner is gone: neither the actor nor the task is to blame.
                assignment.attempts -= 1
                return self.handle_failure(index, actor, "part_missing", cause_of(error), replace=False, blame=False)
            # The actor is not to blame for a task that the simulator refuses.
            blame = not isinstance(error, TaskError)
            return self.handle_failure(index, actor, "location_failed", cause_of(error), replace=False, blame=blame)
        except RayError as error:
            why = f"the actor died ({one_line(error)})"
            return self.handle_failure(index, actor, "actor_died", why, replace=True)
        actor.assignment = actor.future = None
        actor.failures_in_a_row = 0
        actor.tasks_done += 1
        return Finished(assignment.number, statistics)

    def handle_failure(
        self, index: int, actor: PooledActor, kind: str, why: str, replace: bool, blame: bool = True
    ) -> Finished | None:
        """Queues the actor's task again or gives it up, and replaces the actor if asked.

        Args:
            index: of the actor.
            actor: that failed.
            kind: of the fault, for `count`.
            why: for the log.
            replace: whether the actor is replaced.
            blame: whether the failure counts towards `actor_restarts`.

        Returns:
            the task if it was given up.
        """
        assignment = actor.assignment
        actor.assignment = actor.future = None
        what = f"actor {index}"
        if assignment is not None:
            what += f", task {assignment.number}, attempt {assignment.attempts}"
        self.log(f"{what}: {why}")
        self.count(kind)
        if blame:
            node = actor.find_node()
            if node != actor.failed_on:
                actor.failed_on, actor.failures_in_a_row = node, 0
            actor.failures_in_a_row += 1
        outcome = None
        if assignment is not None and not self.draining:
            if assignment.attempts >= self.config.location_attempts:
                outcome = Finished(assignment.number, None, why)
            else:
                self.waiting.appendleft(assignment)
        if actor.failures_in_a_row > self.config.actor_restarts:
            times = actor.failures_in_a_row
            self.exclude_node(actor.failed_on, f"actor {index} failed {times} times in a row; last: {why}")
        if replace and self.actors[index] is actor:
            self.replace(index, why)
        return outcome

    def replace(self, index: int, why: str) -> None:
        """Kills an actor, whatever its state, and starts another in its place."""
        old = self.actors[index]
        kill(old.handle)
        new = self.actors[index] = self.start_actor(index)
        new.restarts, new.last_restart, new.tasks_done = old.restarts + 1, why, old.tasks_done
        new.failures_in_a_row, new.failed_on = old.failures_in_a_row, old.failed_on

    def exclude_node(self, node: str, why: str) -> None:
        """Stops using a node: its actors start again on other nodes, and their tasks are queued again.

        Raises:
            RunError: no other node is left.
        """
        if not node or not nodes_for_actors() - {node} - set(self.excluded_nodes):
            raise RunError(why)
        self.excluded_nodes[node] = why
        self.log(f"node {node[:12]} is out of use for this run: {why}")
        self.count("node_out_of_use")
        for index, actor in enumerate(self.actors):
            # Ray may already have placed an actor there that is still starting.
            if not actor.heartbeat.started or node in (actor.node, actor.failed_on):
                if actor.assignment is not None and not self.draining:
                    actor.assignment.attempts -= 1
                    self.waiting.appendleft(actor.assignment)
                self.replace(index, f"its node was taken out of use: {why}")
                self.actors[index].failures_in_a_row = 0

    def drain(self) -> None:
        """Drops waiting tasks; from now on failed tasks are dropped, too."""
        self.waiting.clear()
        self.draining = True

    def reopen(self) -> None:
        """Ends `drain`: failed tasks are assigned again."""
        self.draining = False

    def stop(self, timeout_s: float) -> None:
        """Stops the simulators and kills the actors.

        Args:
            timeout_s: maximum wait for the simulators to stop.
        """
        started = [actor for actor in self.actors if actor.heartbeat.started]
        if started:
            ray.wait([actor.handle.stop.remote() for actor in started], num_returns=len(started), timeout=timeout_s)
        for actor in self.actors:
            kill(actor.handle)

"""Heartbeats of a run's Ray actors, what their errors mean, and the bytes in Ray's object store.

Ray reports a process that died, but not one that is stopped or hangs, and by default it takes minutes to notice a node
whose network link is cut. So the run calls each Ray actor regularly; a call without an answer means that it hangs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import ray
from ray import ObjectRef
from ray.exceptions import GetTimeoutError, ObjectLostError, RayActorError, RayError, RayTaskError

from cluster.run.config import ClusterConfig

Answer = TypeVar("Answer")

STORE_TIMEOUT_S = 2.0
"""Maximum wait for a node's answer about its object store."""
PART_NAMES = {"ReplayActor": "the replay buffer", "LearnerActor": "the learner"}
"""Class of the Ray actor -> name in messages. The replay buffer comes first: a learner's error may quote its error."""


@dataclass
class Heartbeat(Generic[Answer]):
    """Regular calls to one Ray actor, and its latest answer."""

    send: Callable[[], ObjectRef[Answer]]
    """Calls the actor; returns the reference of its answer."""
    sent: float = field(default_factory=time.monotonic)
    """Monotonic time of the latest call, seconds."""
    answer: Answer | None = None
    """The latest answer; None while the actor is starting."""
    error: RayError | None = None
    """The error that came instead of an answer: the actor is dead."""
    future: ObjectRef[Answer] | None = None
    """Reference of the latest answer until it is taken."""

    def __post_init__(self) -> None:
        self.future = self.send()

    @property
    def started(self) -> bool:
        """Whether the actor has ever answered."""
        return self.answer is not None

    def waited_s(self, now: float) -> float:
        """Seconds that the latest call has been waiting for its answer; 0 if it was answered."""
        return 0.0 if self.future is None else now - self.sent


def poll_heartbeats(heartbeats: Iterable[Heartbeat[Any]], every_s: float, now: float) -> None:
    """Takes answers that have arrived, and calls actors whose last call is older than `every_s`.

    Args:
        heartbeats: of the actors.
        every_s: seconds between calls.
        now: monotonic time, seconds.
    """
    waiting = {heartbeat.future: heartbeat for heartbeat in heartbeats if heartbeat.future is not None}
    if waiting:
        ready, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=0)
        for future in ready:
            heartbeat = waiting[future]
            heartbeat.future = None
            try:
                heartbeat.answer = ray.get(future)
            except RayError as error:
                heartbeat.error = error
    for heartbeat in heartbeats:
        if heartbeat.future is None and heartbeat.error is None and now - heartbeat.sent >= every_s:
            heartbeat.sent, heartbeat.future = now, heartbeat.send()


class HealthMonitor:
    """Watches the Ray actors that a run cannot do without.

    Args:
        parts: name in messages -> function that calls the Ray actor and returns the reference of its answer.
        config: interval of the calls, and maximum silence.
    """

    def __init__(self, parts: dict[str, Callable[[], ObjectRef[Any]]], config: ClusterConfig) -> None:
        self.config = config
        self.heartbeats: dict[str, Heartbeat[Any]] = {name: Heartbeat(send) for name, send in parts.items()}

    def failure(self) -> str:
        """A sentence about an actor that died or is silent; empty while all answer."""
        now = time.monotonic()
        poll_heartbeats(self.heartbeats.values(), self.config.heartbeat_s, now)
        for name, heartbeat in self.heartbeats.items():
            if heartbeat.error is not None:
                return f"{name} died: {one_line(heartbeat.error)}"
            if heartbeat.waited_s(now) > self.config.silent_after_s:
                return f"{name} has been silent for {self.config.silent_after_s:g} s"
        return ""

    def slowest(self) -> str:
        """Name of the actor whose answer has been missing for the longest time."""
        now = time.monotonic()
        return max(self.heartbeats, key=lambda name: self.heartbeats[name].waited_s(now))


def is_process_loss(error: BaseException) -> bool:
    """Whether an error means that a process or its objects are gone, rather than that its code raised an error."""
    if isinstance(error, RayTaskError):
        return isinstance(error.cause, RayError) and is_process_loss(error.cause)
    return isinstance(error, RayActorError | ObjectLostError | GetTimeoutError)


def lost_part_name(error: BaseException) -> str:
    """Name of the part that an error of `is_process_loss` is about; Ray's text holds the class of a dead actor."""
    text = str(error)
    return next((name for kind, name in PART_NAMES.items() if kind in text), "a part of the run")


def one_line(error: BaseException) -> str:
    """The last non-empty line of an error's text, where Ray puts the cause; Ray's guesses at common causes are cut."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].split(" Some common causes")[0] if lines else type(error).__name__


def cause_of(error: BaseException) -> str:
    """Type and last line of the error that the actor raised; for other errors only their last line."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException):
        return f"{type(cause).__name__}: {one_line(cause)}"
    return one_line(error)


def object_store_bytes() -> float:
    """Bytes in use in the object stores of all nodes; NaN if a node does not answer. Uses a private function of Ray."""
    import grpc
    from ray._private import internal_api

    here = ray.get_runtime_context().get_node_id()
    node = next(node for node in ray.nodes() if node["NodeID"] == here)
    try:
        reply = internal_api.get_memory_info_reply(
            None, node["NodeManagerAddress"], node["NodeManagerPort"], timeout_seconds=STORE_TIMEOUT_S
        )
    except grpc.RpcError:
        return float("nan")
    return float(reply.store_stats.object_store_bytes_used)

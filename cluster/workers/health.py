"""Heartbeats: who of a run's Ray actors still answers, and what lies in Ray's object store.

Ray tells of a process that died, but not of one that is stopped or hangs, and its own checks of a node whose link is
cut take minutes by default. So each part is asked now and then; a question that stays unanswered is a silence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, ObjectLostError, RayActorError, RayError, RayTaskError

from cluster.run.config import ClusterConfig

STORE_TIMEOUT_S = 2.0
PARTS = {"ReplayActor": "the memory bank", "LearnerActor": "the learner"}
"""Names of Ray actors' classes, for messages. A learner's error may quote the bank's: the bank comes first."""


@dataclass
class Heartbeat:
    """Questions to one Ray actor, and its answers."""

    ask: Callable[[], Any]
    """Puts the question; returns the reference of the answer."""
    asked: float = field(default_factory=time.monotonic)
    """Monotonic seconds of the newest question."""
    answer: Any = None
    """The newest answer; None: none yet, so the actor is still starting."""
    error: RayError | None = None
    """What came instead of an answer: the actor is dead."""
    future: Any = None

    def __post_init__(self) -> None:
        self.future = self.ask()

    @property
    def started(self) -> bool:
        """Whether the actor has ever answered."""
        return self.answer is not None

    def waited_s(self, now: float) -> float:
        """How long the newest question has waited for an answer; 0 if it is answered."""
        return 0.0 if self.future is None else now - self.asked


def listen(heartbeats: Iterable[Heartbeat], every_s: float, now: float) -> None:
    """Takes in the answers that are there and asks those again whose answer is older than `every_s`."""
    waiting = {beat.future: beat for beat in heartbeats if beat.future is not None}
    if waiting:
        ready, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=0)
        for future in ready:
            beat = waiting[future]
            beat.future = None
            try:
                beat.answer = ray.get(future)
            except RayError as error:
                beat.error = error
    for beat in heartbeats:
        if beat.future is None and beat.error is None and now - beat.asked >= every_s:
            beat.asked, beat.future = now, beat.ask()


class Vigil:
    """Watches the parts that a run cannot do without.

    Args:
        parts: by their name in messages, the question to each.
        config: how often they are asked, and how long they may be silent.
    """

    def __init__(self, parts: dict[str, Callable[[], Any]], config: ClusterConfig) -> None:
        self.config = config
        self.beats = {name: Heartbeat(ask) for name, ask in parts.items()}

    def lost(self) -> str:
        """What happened to a part that is dead or silent, as a sentence; empty while all answer."""
        now = time.monotonic()
        listen(self.beats.values(), self.config.heartbeat_s, now)
        for name, beat in self.beats.items():
            if beat.error is not None:
                return f"{name} died: {one_line(beat.error)}"
            if beat.waited_s(now) > self.config.silent_after_s:
                return f"{name} has been silent for {self.config.silent_after_s:g} s"
        return ""

    def suspect(self) -> str:
        """The part that has left a question open for the longest."""
        now = time.monotonic()
        return max(self.beats, key=lambda name: self.beats[name].waited_s(now))


def is_loss(error: BaseException) -> bool:
    """Whether an error says that a process or what it held is gone, as against an error that was raised in it."""
    if isinstance(error, RayTaskError):
        return isinstance(error.cause, RayError) and is_loss(error.cause)
    return isinstance(error, RayActorError | ObjectLostError | GetTimeoutError)


def lost_part(error: BaseException) -> str:
    """Which part an error of `is_loss` tells of, for a sentence: Ray's text names the class of a dead actor."""
    text = str(error)
    return next((name for kind, name in PARTS.items() if kind in text), "a part of the run")


def one_line(error: BaseException) -> str:
    """The last non-empty line of an error's text, which is where Ray puts the cause, without Ray's guesses."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].split(" Some common causes")[0] if lines else type(error).__name__


def cause_of(error: BaseException) -> str:
    """The error that was raised in the actor, as one line with its type; for other errors their own last line."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException):
        return f"{type(cause).__name__}: {one_line(cause)}"
    return one_line(error)


def object_store_bytes() -> float:
    """Bytes in use in the object stores of all nodes, NaN if a node does not answer; Ray has no public word for it."""
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

"""Settings of making training data, and the orders of a phase to its players."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

KINDS = ("explore", "manipulate", "seek", "play")
"""Kinds of tasks: episodes of one stage, or whole games."""


@dataclass
class LearningConfig:
    """How actors make training data."""

    unroll_length: int
    """T, steps of an unroll."""
    memory_steps: int
    """L, steps of the seeker that a memory keeps."""
    simulators: int
    """Simulators of one actor; with more than 1 their steps run through the network as one batch."""
    batch_wait_s: float
    """Seconds that a batch of several simulators' steps waits for the slowest of them."""
    room_tries: int
    """Seeds of a room that are tried until it can be played."""
    manipulations_per_room: int
    """Episodes of object manipulation between two set-ups of the room."""
    resting_candidates: int
    """Places at which an object could rest that are drawn at once."""
    target_near_m: float
    """Least distance between the agent and the place that gives a manipulation its target, metres."""
    target_far_m: float
    """Largest such distance, metres."""
    facing_degrees: float
    """Largest angle between the agent's view and the way to what it faces, for targets and for experts."""
    seek_candidates: int
    """Hiding places among which an easy seek task takes the one that is seen most."""
    seek_sample: int
    """Places of the room from which that is counted."""
    expert_margin_m: float
    """How much nearer to the goal than `GameConfig.claim_distance` the expert seeker goes, metres."""
    searches_per_place: int
    """Episodes of seeking, each from another start, between two set-ups of the room."""
    near_share: float
    """Share of the seek tasks' episodes that begin near the goal."""
    near_m: float
    """Largest distance of such a beginning, metres."""
    near_steps: int
    """Steps after which such an episode ends, if the rules allow more."""
    led_share: float
    """Share of the seek tasks' episodes in which the expert acts instead of the network."""
    glimpse_places: int
    """Hiding places of each set-up of a room that are only glimpsed at: no episode of seeking is played there."""
    glimpses: int
    """Single steps at each of them, from random locations that face the goal. Only triplets are made of them."""
    games_per_task: int
    """Least number of whole games in a task of games."""

    def __post_init__(self) -> None:
        for name in (
            "unroll_length", "memory_steps", "simulators", "room_tries", "manipulations_per_room",
            "resting_candidates", "seek_candidates", "seek_sample", "searches_per_place", "near_steps",
            "glimpses", "games_per_task",
        ):  # fmt: skip
            if getattr(self, name) < 1:
                raise ValueError(f"learning.{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.target_near_m < self.target_far_m:
            raise ValueError(f"learning.target_near_m must be from 0 to below target_far_m, not {self.target_near_m}")
        if not 0 < self.facing_degrees <= 45:
            raise ValueError(f"learning.facing_degrees must be in (0, 45], not {self.facing_degrees}")
        if self.glimpse_places < 0:
            raise ValueError(f"learning.glimpse_places must be at least 0, not {self.glimpse_places}")
        for name in ("near_share", "led_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"learning.{name} must be in [0, 1], not {getattr(self, name)}")
        for name in ("batch_wait_s", "expert_margin_m", "near_m"):
            if getattr(self, name) < 0:
                raise ValueError(f"learning.{name} must be at least 0, not {getattr(self, name)}")


@dataclass(frozen=True)
class Orders:
    """What the tasks of a phase are, see `learner.schedule.Phase.player_orders`."""

    mixture: Mapping[str, float]
    """Weight of each kind of task."""
    unrolls_per_task: int
    """U, exact."""
    triplets_per_task: int
    """N, exact; 0: none."""
    memories_per_task: int
    """M, exact; 0: none. Only whole games have memories."""
    hide_bonus: bool
    """Whether exploration gets r_hide."""
    past_share: float
    """Share of the games in which one side plays with past weights."""
    curriculum: float
    """Share of the seek tasks that take the easiest of several places."""

    @classmethod
    def parse(cls, orders: Mapping[str, Any]) -> Orders:
        """Checks a phase's orders.

        Raises:
            ValueError: an order is missing, unknown or impossible.
        """
        names = {field.name for field in fields(cls)}
        if set(orders) != names:
            raise ValueError(f"orders must be {', '.join(sorted(names))}, not {', '.join(sorted(orders))}")
        return cls(**orders)

    def __post_init__(self) -> None:
        weights = self.mixture
        if not set(weights) <= set(KINDS) or min(weights.values(), default=0) < 0 or not sum(weights.values()) > 0:
            raise ValueError(f"mixture must give {', '.join(KINDS)} weights, some above 0, not {dict(weights)}")
        for name in ("unrolls_per_task", "triplets_per_task", "memories_per_task"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")
        for name in ("past_share", "curriculum"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], not {getattr(self, name)}")
        if self.unrolls_per_task + self.triplets_per_task + self.memories_per_task == 0:
            raise ValueError("a task must make unrolls, triplets or memories")
        others = [kind for kind, weight in weights.items() if weight > 0 and kind != "play"]
        if self.memories_per_task and others:
            raise ValueError(f"memories_per_task must be 0 with tasks of {', '.join(others)}: only games have memories")

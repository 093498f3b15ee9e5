"""Settings of hide and seek's replay buffer. Values and comments: `conf/replay/hide_and_seek.yaml`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class GameReplayConfig:
    """Three tables: unrolls (a queue, or uniform), triplets (grouped, with a greatest age), and memories of games
    (uniform)."""

    unrolls: int
    """Unrolls that are kept."""
    triplets: int
    """Triplets that are kept."""
    triplets_max_age: int
    """A triplet is used only while at most so many came after it."""
    memories: int
    """Memories of whole games that are kept."""
    strict: bool
    """Strict alternation: tasks and batches take turns in whole rounds; else they overlap."""
    tasks_ahead: int
    """Overlap only: tasks whose records may come beyond those that the batches taken so far have earned."""
    batches_ahead: int
    """Overlap only: batches of each table that may be taken beyond those that its records allow."""

    def __post_init__(self) -> None:
        for name in ("unrolls", "triplets", "memories"):
            if getattr(self, name) < 1:
                raise ValueError(f"replay.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("triplets_max_age", "tasks_ahead", "batches_ahead"):
            if getattr(self, name) < 0:
                raise ValueError(f"replay.{name} must be 0 or more, not {getattr(self, name)}")

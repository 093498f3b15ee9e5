"""Settings of the memory bank. Values and comments: `conf/replay/bank.yaml`."""

from __future__ import annotations

from dataclasses import dataclass

from replay.priorities import PRIORITY_MODES


@dataclass
class ReplayConfig:
    """Settings of the memory bank that hold for all phases of a run; `replay.limiter.Phase` has a phase's own."""

    capacity: int
    """Records that the ring holds (paper: 20 000). Disk used: `replay.ring.bytes_per_record` times this, reserved."""
    initial_priority: float
    """Priority of a record that no batch has used yet (paper: 0.5)."""
    mode: str
    """How records are preferred: a key of `replay.priorities.PRIORITY_MODES`."""
    strict: bool
    """Strict alternation: locations and batches take turns in whole rounds (the paper's loop); else they overlap."""
    locations_ahead: int
    """Overlap only: locations that may be inserted beyond those that the batches taken so far have earned."""
    batches_ahead: int
    """Overlap only: batches that may be taken beyond those that the inserted locations allow."""

    def __post_init__(self) -> None:
        if self.capacity < 1:
            raise ValueError(f"replay.capacity must be at least 1 record, not {self.capacity}")
        if not 0 < self.initial_priority < float("inf"):
            raise ValueError(f"replay.initial_priority must be a finite number above 0, not {self.initial_priority}")
        if self.mode not in PRIORITY_MODES:
            raise ValueError(f"replay.mode must be one of {', '.join(PRIORITY_MODES)}, not '{self.mode}'")
        if self.locations_ahead < 0:
            raise ValueError(f"replay.locations_ahead must not be negative, not {self.locations_ahead}")
        if self.batches_ahead < 0:
            raise ValueError(f"replay.batches_ahead must not be negative, not {self.batches_ahead}")

"""Settings of the replay buffer that users see. Values and comments: `conf/replay/bank.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, field

MODES = ("priority", "low_iou", "high_iou", "uniform")
"""Which records are preferred; `replay.interaction.priorities` has the formulas."""
IMAGE_SCORES = ("min", "mean")
SAMPLED_ONCE = ("batch", "round")


@dataclass
class ReplayConfig:
    """Settings of a table that hold for all phases of a run; `replay.limiter.Phase` has a phase's own."""

    capacity: int
    """Records that the ring holds (paper: 20 000). Disk used: `replay.ring.bytes_per_record` times this, reserved."""
    initial_priority: float
    """Priority of a record that no batch has used yet (paper: 0.5)."""
    mode: str
    """Which records are preferred: one of MODES."""
    # Defaults are those of runs from before these two values existed.
    image_score: str = field(default="min", kw_only=True)
    """How the IoUs of an image's masks give its score, and so its priority: min (Eq. 7) or mean."""
    without_replacement: str = field(default="batch", kw_only=True)
    """Span in which no record is sampled twice: a batch, or a round, which needs strict alternation."""
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
        if self.mode not in MODES:
            raise ValueError(f"replay.mode must be one of {', '.join(MODES)}, not '{self.mode}'")
        for name, choices in (("image_score", IMAGE_SCORES), ("without_replacement", SAMPLED_ONCE)):
            if getattr(self, name) not in choices:
                raise ValueError(f"replay.{name} must be {' or '.join(choices)}, not '{getattr(self, name)}'")
        if self.image_score != "min" and self.mode == "uniform":
            raise ValueError(
                f"replay.image_score must be min with replay.mode=uniform, which uses no scores, not {self.image_score}"
            )
        if self.without_replacement == "round" and not self.strict:
            raise ValueError(
                "replay.without_replacement=round needs replay.strict=true: only then are all locations of a round in "
                "the replay buffer before its batches are sampled"
            )
        if self.locations_ahead < 0:
            raise ValueError(f"replay.locations_ahead must be at least 0, not {self.locations_ahead}")
        if self.batches_ahead < 0:
            raise ValueError(f"replay.batches_ahead must be at least 0, not {self.batches_ahead}")

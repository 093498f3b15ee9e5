"""Settings of Mask R-CNN's training. Values and comments: `conf/learner/mask_rcnn.yaml`. Without torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from replay.interaction.record import MAX_TOUCHES


@dataclass
class MaskRcnnTrainingConfig:
    """Stochastic gradient descent with momentum on data collected beforehand."""

    steps: int | None
    """Optimiser steps; null: as many as the experiment's phases give our network."""
    minutes: float | None
    """Longest training; null: the sum of the phases' if each has one, else no limit. The rate's schedule then follows
    the time, if that is farther on than the steps are."""
    batch_size: int
    """Images a step."""
    lr: float
    """Base learning rate."""
    drops: list[float]
    """Shares of the run after each of which the rate falls to a tenth."""
    warmup: float
    """Share of the run, at its beginning, over which the rate rises linearly from a thousandth of itself."""
    momentum: float
    """SGD's momentum."""
    weight_decay: float
    """L2 penalty, added to the gradient."""
    max_gradient_norm: float
    """Gradients of a larger norm are scaled down to it; 0 switches this off."""
    flip_probability: float
    """Probability that an observation and its masks are mirrored left to right."""
    records: list[str]
    """Folders of replay buffers, or of runs that kept theirs, with the data. []: the actors collect it first, with one
    visit to each training location under `actors.supervision`."""
    touches: int
    """Random touches of a visit; the interaction oracle replaces them by its own."""
    duplicate_iou: float
    """A mask whose IoU with an earlier one of the record is at least this shows the same object, and is left out."""

    def __post_init__(self) -> None:
        # The run may be resumed from another folder.
        self.records = [str(Path(name).resolve()) for name in self.records]
        if self.batch_size < 1:
            raise ValueError(f"learner.mask_rcnn.batch_size must be at least 1, not {self.batch_size}")
        if self.steps is not None and self.steps < 1:
            raise ValueError(f"learner.mask_rcnn.steps must be at least 1 or null, not {self.steps}")
        if self.minutes is not None and self.minutes <= 0:
            raise ValueError(f"learner.mask_rcnn.minutes must be above 0 or null, not {self.minutes}")
        if not 1 <= self.touches <= MAX_TOUCHES:
            raise ValueError(f"learner.mask_rcnn.touches must be 1 to {MAX_TOUCHES}, not {self.touches}")
        if self.lr <= 0:
            raise ValueError(f"learner.mask_rcnn.lr must be above 0, not {self.lr}")
        for name in ("weight_decay", "max_gradient_norm"):
            if getattr(self, name) < 0:
                raise ValueError(f"learner.mask_rcnn.{name} must be 0 or more, not {getattr(self, name)}")
        for name in ("momentum", "warmup", "flip_probability", "duplicate_iou"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"learner.mask_rcnn.{name} must be in [0, 1], not {getattr(self, name)}")
        if list(self.drops) != sorted(self.drops) or not all(0 < drop < 1 for drop in self.drops):
            raise ValueError(f"learner.mask_rcnn.drops must be rising shares in (0, 1), not {list(self.drops)}")

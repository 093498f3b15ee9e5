"""What a system gives the learner: an object that turns batches into weights, priorities and metrics.

`learner.actor.LearnerActor` adds transport and timing to it and knows nothing else of a system.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray


@dataclass(frozen=True)
class Source:
    """Where a step's batch comes from."""

    table: str
    """Table of the replay buffer."""
    batch_size: int
    """Records of the batch."""


class StepOutcome(Protocol):
    """What the learner actor reads of a finished step."""

    @property
    def metrics(self) -> dict[str, float]:
        """Figures to log; those that this batch does not define are left out."""
        ...

    @property
    def priorities(self) -> NDArray[np.float64] | None:
        """(B,) new priorities of the batch's records; None where the table has none."""
        ...


class LearnerCore(Protocol):
    """Trains the models of one system.

    One thread calls `prepare`, `begin` and `finish` and the methods that steer; any other thread may call `weights` and
    `save` meanwhile.
    """

    version: int
    """Optimiser steps done."""
    device: torch.device
    """Where it computes."""

    def start_phase(self, name: str) -> None:
        """Begins a phase of the schedule."""
        ...

    def steer(self, progress: float, orders: Mapping[str, Any]) -> None:
        """Sets what holds for the next steps.

        Args:
            progress: share of the run done, in [0, 1], for the learning rate.
            orders: the round's, see `learner.schedule.Phase.learner_orders`.
        """
        ...

    def source(self, step: int) -> Source:
        """Where the batch of optimiser step `step` (from 0) comes from; a pure function of `step` and the phase."""
        ...

    def prepare(self, batch: Any, ahead: int = 0) -> Any:
        """Moves a batch to the device and augments it for the step after `ahead` others."""
        ...

    def begin(self, prepared: Any) -> Any:
        """Starts the forward and backward pass; a GPU goes on computing after this returns."""
        ...

    def finish(self, begun: Any) -> StepOutcome:
        """Updates the weights and returns what the step measured.

        Raises:
            FloatingPointError: the gradients are not finite; the weights are left as they were.
        """
        ...

    def weights(self) -> tuple[NDArray[np.float32], int]:
        """The flat vector of weights to publish, and its version."""
        ...

    def save(self, folder: Path, extra: dict[str, Any]) -> int:
        """Writes a checkpoint atomically, with JSON-able facts in `extra`; returns the bytes written."""
        ...

    def load(self, folder: Path) -> None:
        """Continues from a checkpoint."""
        ...


MakeLearner = Callable[[torch.device], LearnerCore]
"""Makes the learner in the process and on the device where it trains."""

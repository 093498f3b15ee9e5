"""The interface between the learner and a system: it turns batches into weights, priorities and metrics.

`learner.actor.LearnerActor` adds transport and timing to it and uses nothing else of a system.
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
    """Table and size of a step's batch."""

    table: str
    """Table of the replay buffer."""
    batch_size: int
    """Number of records in the batch."""


class SampledBatch(Protocol):
    """What the learner actor reads of a batch, which a table's `RecordFormat.to_batch` makes."""

    @property
    def slots(self) -> NDArray[np.int64]:
        """(B,) slot of each record."""
        ...

    @property
    def insertion_ids(self) -> NDArray[np.int64]:
        """(B,) insertion id of each record; with the slots the address for new priorities."""
        ...

    @property
    def weights_version(self) -> NDArray[np.int64]:
        """(B,) version of the weights that made each record, for the policy lag; empty where the lag has no meaning."""
        ...


class StepOutcome(Protocol):
    """Result of a finished step, as the learner actor reads it."""

    @property
    def metrics(self) -> dict[str, float]:
        """Figures to log, without those that this batch does not define."""
        ...

    @property
    def priorities(self) -> NDArray[np.float64] | None:
        """(B,) new priorities of the batch's records; None if the table has no priorities."""
        ...


class LearnerCore(Protocol):
    """Trains the models of one system.

    One thread calls `prepare`, `begin`, `finish`, `start_phase` and `steer`; other threads may call `weights` and
    `save` at the same time.
    """

    version: int
    """Optimiser steps done."""
    device: torch.device
    """Device of the computations."""

    def start_phase(self, name: str) -> None:
        """Begins a phase of the schedule."""
        ...

    def steer(self, progress: float, orders: Mapping[str, Any]) -> None:
        """Sets the learning rate and the orders of the next steps.

        Args:
            progress: share of the run done, in [0, 1], for the learning rate.
            orders: the round's, see `learner.schedule.Phase.learner_orders`.
        """
        ...

    def source(self, step: int) -> Source:
        """Returns the source of the batch of step `step` (from 0); a pure function of `step` and the phase."""
        ...

    def prepare(self, batch: Any, ahead: int = 0) -> Any:
        """Moves a batch to the device and augments it; `ahead` steps come before its own."""
        ...

    def begin(self, prepared: Any) -> Any:
        """Starts the forward and backward pass; a GPU still computes after this returns."""
        ...

    def finish(self, begun: Any) -> StepOutcome:
        """Updates the weights and returns the step's result.

        Raises:
            FloatingPointError: the gradients are not finite; the weights did not change.
        """
        ...

    def weights(self) -> tuple[NDArray[np.float32], int]:
        """Returns the flat vector of weights to publish, and its version."""
        ...

    def save(self, folder: Path, extra: dict[str, Any]) -> int:
        """Writes a checkpoint atomically, with JSON-able facts in `extra`; returns the bytes written."""
        ...

    def load(self, folder: Path) -> None:
        """Continues from a checkpoint."""
        ...


MakeLearner = Callable[[torch.device], LearnerCore]
"""Makes the learner on a device, in the process where it trains."""

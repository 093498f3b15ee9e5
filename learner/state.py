"""The learner's state between two steps, which a checkpoint stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass
class LearnerState:
    """A copy of everything that the next step depends on besides its batch; tensors on the CPU.

    It holds no random generator: augmentation is keyed by seed and version.
    """

    weights: dict[str, Tensor]
    """Name -> float32 tensor: `models.weights.float_state` of the network."""
    average: dict[str, Tensor] | None
    """The same tensors of the moving average; None if it is off."""
    moments: dict[str, Tensor]
    """Adam's state: "exp_avg.NAME", "exp_avg_sq.NAME" and "step.NAME" of each parameter that was ever trained."""
    version: int
    """Optimiser steps done."""
    phase: str
    """Name of the current phase, "" before the first."""
    orders: dict[str, Any]
    """The latest orders, see `learner.core.LearnerCore.steer`; JSON-able."""
    progress: float
    """Share of the run done, for the learning rate."""
    seed: int
    """Key of the augmentation."""
    network_config: dict
    """The model's settings as a dictionary."""
    learner_config: dict
    """The learner's settings as a dictionary, for the record."""


def cpu_copy(tensor: Tensor) -> Tensor:
    """A contiguous copy on the CPU."""
    return torch.clone(tensor.detach(), memory_format=torch.contiguous_format).cpu()

"""Weights as one flat vector, and signatures of architectures and weights.

One vector broadcasts faster than a hundred arrays (docs/stack.md, Ray). It holds every floating point parameter and
persistent buffer (BatchNorm's running statistics included) in the order of the module's state dict.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def float_state(module: nn.Module) -> dict[str, Tensor]:
    """Returns name -> tensor (not a copy) of every floating point parameter and persistent buffer, in a fixed order.

    Integer buffers are left out: BatchNorm's counter of batches has no effect while its momentum is a number.
    """
    return {name: value for name, value in module.state_dict().items() if value.is_floating_point()}


def flat_weights(module: nn.Module) -> NDArray[np.float32]:
    """Returns a (W,) float32 copy of all of `float_state`, row-major, one after the other."""
    return flatten_state(float_state(module))


def flatten_state(state: dict[str, Tensor]) -> NDArray[np.float32]:
    """Returns a (W,) float32 copy of the tensors of a state, in its order."""
    return torch.cat([value.detach().reshape(-1).float().cpu() for value in state.values()]).numpy()


def load_flat_weights(module: nn.Module, vector: NDArray[np.float32]) -> None:
    """Copies a vector made by `flat_weights` of a module of the same architecture into `module`, on its device.

    Raises:
        ValueError: the vector's length, dtype or rank does not fit.
    """
    state = float_state(module)
    expected = sum(value.numel() for value in state.values())
    if vector.ndim != 1 or vector.dtype != np.float32 or len(vector) != expected:
        raise ValueError(
            f"weights must be a float32 vector of {expected} numbers for this architecture, "
            f"not {vector.dtype} of shape {vector.shape}"
        )
    # Copy: vectors from Ray's object store are read-only and must not stay pinned.
    source = torch.from_numpy(np.array(vector))
    start = 0
    with torch.no_grad():
        for value in state.values():
            value.copy_(source[start : start + value.numel()].view(value.shape))
            start += value.numel()


def architecture(module: nn.Module) -> dict[str, list[int]]:
    """Returns name -> shape of every tensor of `float_state`; checkpoints must match it."""
    return {name: list(value.shape) for name, value in float_state(module).items()}


def architecture_signature(shapes: dict[str, list[int]]) -> str:
    """Returns 16 hexadecimal digits that differ between architectures; `shapes` from `architecture`."""
    return hashlib.sha256(json.dumps(list(shapes.items())).encode()).hexdigest()[:16]

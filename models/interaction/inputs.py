"""Turns an observation (colour image and depth) into the network's input (docs/interaction.md, Network).

Colour is scaled to [-2, 2]. Depth is clipped at `NetworkConfig.max_depth` and centred on the agent's reach. So all four
channels have mean near 0 and deviation near 1. With models.normalize_input=false colour stays in [0, 1] and depth in
metres, as in the authors' release.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from replay.interaction.record import IMAGE_SIZE

MAX_DEPTH = 5.0
"""Metres; default maximum depth, so that far walls and sky do not dominate the channel."""
DEPTH_CENTER = 1.5
"""Metres: the paper's radius of interaction."""


def observation_input(
    image: NDArray[np.uint8],
    depth: NDArray[np.floating],
    device: torch.device,
    max_depth: float = MAX_DEPTH,
    normalize: bool = True,
) -> Tensor:
    """`network_input` of observations in numpy, (B, 300, 300, 3) uint8 and (B, 300, 300) metres, on a device."""
    pixels = torch.from_numpy(np.ascontiguousarray(image)).to(device)
    metres = torch.from_numpy(np.ascontiguousarray(depth)).to(device)
    return network_input(pixels, metres, max_depth, normalize)


def network_input(image: Tensor, depth: Tensor, max_depth: float = MAX_DEPTH, normalize: bool = True) -> Tensor:
    """Makes the network's input of a batch of observations.

    Args:
        image: (B, 300, 300, 3) RGB, uint8 in 0..255, or float in [0, 1] (after colour jitter).
        depth: (B, 300, 300) float, metres along the pixel's ray minus the near plane; infinite where nothing is hit.
        max_depth: maximum depth, metres.
        normalize: `models.normalize_input`.

    Returns:
        (B, 4, 300, 300) float32 in channels_last memory format: colour 4 * (c - 0.5) with c in [0, 1]; depth
        clip(d, 0, max_depth) - 1.5. Without normalisation colour c and depth clip(d, 0, max_depth).

    Raises:
        ValueError: shapes or dtypes other than the above.
    """
    side = (IMAGE_SIZE, IMAGE_SIZE)
    if image.ndim != 4 or image.shape[1:] != (*side, 3):
        raise ValueError(f"image must have shape (B, 300, 300, 3), not {tuple(image.shape)}")
    if depth.shape != (len(image), *side):
        raise ValueError(f"depth must have shape ({len(image)}, 300, 300), not {tuple(depth.shape)}")
    if not depth.is_floating_point():
        raise ValueError(f"depth must be floating point metres, not {depth.dtype}")
    if image.dtype != torch.uint8 and not image.is_floating_point():
        raise ValueError(f"image must be uint8 or float, not {image.dtype}")
    span, offset, center = (4.0, 2.0, DEPTH_CENTER) if normalize else (1.0, 0.0, 0.0)
    scale = span / 255 if image.dtype == torch.uint8 else span
    planes = torch.empty((len(image), 4, *side), device=image.device)
    torch.mul(image.permute(0, 3, 1, 2), scale, out=planes[:, :3]).sub_(offset)
    torch.clamp(depth.float(), 0.0, max_depth, out=planes[:, 3]).sub_(center)
    # Filling planes and converting at the end takes a third of the time of joining a jittered image's planes on a CPU.
    return planes.contiguous(memory_format=torch.channels_last)

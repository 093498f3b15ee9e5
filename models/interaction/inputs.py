"""Turns an observation (colour image and depth) into the network's input (docs/interaction.md, Network).

Colour is scaled to [-2, 2]. Depth is clipped at `NetworkConfig.max_depth` and centred on the agent's reach. So all four
channels have mean near 0 and deviation near 1. With models.normalize_input=false colour stays in [0, 1] and depth in
metres, as in the authors' release.

With models.depth_edges two more channels show how sharply depth folds along columns and along rows. Where a cup meets
the table, depth changes by a centimetre or two, a hundredth of the depth channel's deviation, and a network takes long
to notice that. Inverse depth along the camera's axis is an affine function of the pixel on every plane. So its
difference from the mean of two opposite neighbours is 0 inside of flat surfaces, positive where a surface folds away
from the camera or ends, and negative where it folds towards the camera or begins behind another one.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from actors.observation import NEAR_PLANE, ray_factor
from replay.interaction.record import IMAGE_SIZE

MAX_DEPTH = 5.0
"""Metres; default maximum depth, so that far walls and sky do not dominate the channel."""
DEPTH_CENTER = 1.5
"""Metres: the paper's radius of interaction."""
EDGE_STEP = 2
"""Pixels between a pixel and the two neighbours that its depth is compared with."""
EDGE_SCALE = 0.008
"""Relative difference of inverse depth that becomes 1 in the input; twice the threshold of the depth-edge baseline."""
EDGE_LIMIT = 2.0
"""Maximum absolute value of the two channels: jumps are hundreds of times as large as folds."""
FIELD_OF_VIEW = 90.0
"""Degrees (docs/interaction.md, Observations and touches)."""


def input_channels(depth_edges: bool) -> int:
    """Returns the number of channels that `network_input` makes: colour, depth and perhaps the edges of depth."""
    return 6 if depth_edges else 4


def observation_input(
    image: NDArray[np.uint8],
    depth: NDArray[np.floating],
    device: torch.device,
    max_depth: float = MAX_DEPTH,
    normalize: bool = True,
    depth_edges: bool = False,
) -> Tensor:
    """`network_input` of observations in numpy, (B, 300, 300, 3) uint8 and (B, 300, 300) metres, on a device."""
    pixels = torch.from_numpy(np.ascontiguousarray(image)).to(device)
    metres = torch.from_numpy(np.ascontiguousarray(depth)).to(device)
    return network_input(pixels, metres, max_depth, normalize, depth_edges)


def network_input(
    image: Tensor, depth: Tensor, max_depth: float = MAX_DEPTH, normalize: bool = True, depth_edges: bool = False
) -> Tensor:
    """Makes the network's input of a batch of observations.

    Args:
        image: (B, 300, 300, 3) RGB, uint8 in 0..255, or float in [0, 1] (after colour jitter).
        depth: (B, 300, 300) float, metres along the pixel's ray minus the near plane; infinite where nothing is hit.
        max_depth: maximum depth, metres.
        normalize: `models.normalize_input`.
        depth_edges: `models.depth_edges`.

    Returns:
        (B, 4 or 6, 300, 300) float32 in channels_last memory format: colour 4 * (c - 0.5) with c in [0, 1]; depth
        clip(d, 0, max_depth) - 1.5. Without normalisation colour c and depth clip(d, 0, max_depth).
        The last two channels are those of `write_edges`.

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
    planes = torch.empty((len(image), input_channels(depth_edges), *side), device=image.device)
    torch.mul(image.permute(0, 3, 1, 2), scale, out=planes[:, :3]).sub_(offset)
    metres = torch.clamp(depth.float(), 0.0, max_depth, out=planes[:, 3])
    if depth_edges:
        write_edges(metres, planes[:, 4:])
    metres.sub_(center)
    # Filling planes and converting at the end takes a third of the time of joining a jittered image's planes on a CPU.
    return planes.contiguous(memory_format=torch.channels_last)


def write_edges(depth: Tensor, edges: Tensor) -> None:
    """Writes how sharply depth folds at each pixel, along its column and along its row.

    Args:
        depth: (B, 300, 300) float32, metres along the pixel's ray minus the near plane, finite and not negative.
        edges: (B, 2, 300, 300) float32, gets (i - (i1 + i2) / 2) / i / EDGE_SCALE, cut off at EDGE_LIMIT. i is inverse
            depth along the camera's axis, i1 and i2 are those of the pixels EDGE_STEP before and after. The channels
            are 0 at the border, where one of the two is missing.
    """
    factor = torch.tensor(ray_factor(IMAGE_SIZE, FIELD_OF_VIEW), dtype=depth.dtype, device=depth.device)
    inverse = factor / (depth + NEAR_PLANE)
    edges.zero_()
    for channel, axis in enumerate((1, 2)):
        span = IMAGE_SIZE - 2 * EDGE_STEP
        before, middle, after = (inverse.narrow(axis, EDGE_STEP * number, span) for number in range(3))
        fold = (before + after).div_(middle).mul_(-0.5).add_(1.0).div_(EDGE_SCALE).clamp_(-EDGE_LIMIT, EDGE_LIMIT)
        edges[:, channel].narrow(axis, EDGE_STEP, span).copy_(fold)

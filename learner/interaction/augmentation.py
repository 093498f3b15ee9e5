"""Random mirroring and colour jitter of sampled observations (docs/interaction.md, Priorities and augmentation).

The colour operations are those of torchvision's ColorJitter on float images, batched: each image has its own factors
and its own order of the four operations. (The project does not depend on torchvision's compiled operators.) All draws
come from a generator keyed by (seed, step), so a resumed run repeats them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from learner.interaction.config import AugmentationConfig
from replay.interaction.record import GRID_SIZE

GRAY = (0.2989, 0.587, 0.114)
"""Weights of red, green and blue in a grey value (ITU-R BT.601, as torchvision rounds them)."""


@dataclass(frozen=True)
class Draws:
    """Random changes of each image of a batch, on the CPU."""

    flip: Tensor
    """(B,) bool: whether the image is mirrored left to right."""
    jitter: Tensor
    """(B,) bool: whether the colours change."""
    order: Tensor
    """(B, 4) int64: for each image, a permutation of the indices in `OPERATIONS`."""
    factors: Tensor
    """(B, 4) float32: arguments of the four `OPERATIONS`."""


def draw(config: AugmentationConfig, batch: int, seed: int, step: int) -> Draws:
    """Draws the changes of a batch; the same arguments give the same draws."""
    key = int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0] >> np.uint64(1))
    generator = torch.Generator().manual_seed(key)
    flip, jitter = torch.rand((2, batch), generator=generator)
    strengths = torch.tensor([config.brightness, config.contrast, config.saturation, config.hue])
    spread = (2 * torch.rand((batch, 4), generator=generator) - 1) * strengths  # (B, 4) in [-strength, strength]
    return Draws(
        flip < config.flip_probability,
        jitter < config.jitter_probability,
        torch.rand((batch, 4), generator=generator).argsort(dim=1),
        spread + torch.tensor([1.0, 1.0, 1.0, 0.0]),
    )


def flip_columns(maps: Tensor, flip: Tensor) -> Tensor:
    """Mirrors maps (B, H, W, ...) left to right where `flip` (B,) is true, and copies the others."""
    chosen = flip.nonzero()[:, 0].to(maps.device)
    mirrored = maps.clone()
    mirrored[chosen] = maps[chosen].flip(2)
    return mirrored


def flip_points(points: Tensor, flip: Tensor) -> Tensor:
    """Mirrors grid cells (B, T, 2), (row, column), where `flip` (B,) is true."""
    flip = flip.to(points.device)
    columns = torch.where(flip[:, None], GRID_SIZE - 1 - points[..., 1], points[..., 1])
    return torch.stack([points[..., 0], columns], dim=-1)


def color_jitter(image: Tensor, draws: Draws) -> Tensor:
    """Applies each image's operations in its own order.

    Args:
        image: (B, H, W, 3) uint8 RGB.
        draws: of B images.

    Returns:
        (B, H, W, 3) float32 in [0, 1], planar in memory (a permuted view of (B, 3, H, W)).
    """
    planes = image.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format).div_(255)
    flat = planes.flatten(2)  # (B, 3, P), a view
    # A GPU processes all images at once; a CPU one after the other, so that each stays in its cache.
    at_once = len(flat) if flat.is_cuda else 1
    for start in range(0, len(flat), at_once):
        some = slice(start, start + at_once)
        _jitter(flat[some], draws.jitter[some], draws.order[some], draws.factors[some])
    return planes.permute(0, 2, 3, 1)


def _jitter(flat: Tensor, jitter: Tensor, order: Tensor, factors: Tensor) -> None:
    """Changes images (n, 3, P) in place; the rest are rows of `Draws`."""
    orders = order.tolist()
    jittered = [row for row, wanted in enumerate(jitter.tolist()) if wanted]
    for turn in range(len(OPERATIONS)):
        for number, operation in enumerate(OPERATIONS):
            chosen = [row for row in jittered if orders[row][turn] == number]
            if len(chosen) == len(flat):
                operation(flat, factors[:, number].to(flat.device))
            elif chosen:
                index = torch.tensor(chosen, device=flat.device)
                factor = factors[chosen, number].to(flat.device)
                flat.index_copy_(0, index, operation(flat.index_select(0, index), factor))


def adjust_brightness(x: Tensor, factor: Tensor) -> Tensor:
    """Multiplies x (n, 3, P) in [0, 1] by factor (n,), clipped at 1; in place, like the other operations."""
    return x.mul_(factor[:, None, None]).clamp_(0, 1)


def adjust_contrast(x: Tensor, factor: Tensor) -> Tensor:
    """Blends x with the mean grey value of its image; factor 1 changes nothing, 0 leaves grey."""
    gray = (x.mean(dim=2) * x.new_tensor(GRAY)).sum(dim=1)  # (n,)
    return x.mul_(factor[:, None, None]).add_(((1 - factor) * gray)[:, None, None]).clamp_(0, 1)


def adjust_saturation(x: Tensor, factor: Tensor) -> Tensor:
    """Blends each pixel of x with its grey value; factor 1 changes nothing, 0 leaves grey."""
    gray = _gray(x) * (1 - factor)[:, None]
    return x.mul_(factor[:, None, None]).add_(gray[:, None]).clamp_(0, 1)


def adjust_hue(x: Tensor, shift: Tensor) -> Tensor:
    """Turns the hue of x by shift (n,) of the colour circle; saturation and value (HSV) stay.

    With value V, chroma C and hue h in turns, channel c of an HSV colour is V - C clamp(2 - 6 |u|, 0, 1), where u is
    h's distance on the circle from the hue opposite to c: 1/2 for red, 5/6 for green, 1/6 for blue.

    In the sector where red >= green >= blue, h = (green - blue) / 6C. Swapping green and blue makes it -h, then
    swapping red and the larger of the two 1/3 - h; so a = [green < blue] and b = [red < max(green, blue)] give
    h = |(middle - smallest) / 6C - a + b (2a - 1/3)|. The brackets are computed, since masks are slow on a CPU.
    """
    red, green, blue = x.unbind(dim=1)
    larger, smaller = torch.maximum(green, blue), torch.minimum(green, blue)
    value = torch.maximum(red, larger)
    chroma = value - torch.minimum(red, smaller)
    blue_is_larger, red_is_smaller = _is_positive(blue - green), _is_positive(larger - red)
    hue = torch.minimum(red, larger).sub_(smaller)
    hue.div_(torch.mul(chroma, 6).clamp_min_(torch.finfo(x.dtype).tiny))  # grey: 0 / tiny = 0
    hue.sub_(blue_is_larger).add_(blue_is_larger.mul_(2).sub_(1 / 3).mul_(red_is_smaller)).abs_()
    hue.add_(shift[:, None])
    for channel, opposite in enumerate((1 / 2, 5 / 6, 1 / 6)):
        distance = hue - opposite
        distance.sub_(distance.round()).abs_()
        x[:, channel] = value - distance.mul_(-6).add_(2).clamp_(0, 1).mul_(chroma)
    return x


def _is_positive(x: Tensor) -> Tensor:
    """1 where x, at most 1 in size, is above 0 (and not negligible), else 0; in place."""
    return x.mul_(1e38).clamp_(0, 1)


def _gray(x: Tensor) -> Tensor:
    """(n, 3, P) -> (n, P) grey values."""
    gray = x[:, 0] * GRAY[0]
    return gray.add_(x[:, 1], alpha=GRAY[1]).add_(x[:, 2], alpha=GRAY[2])


OPERATIONS = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)
"""In the order of the columns of `Draws.factors`."""

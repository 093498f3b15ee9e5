"""What the agent observes, as tensors."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

MEAN = (0.485, 0.456, 0.406)
"""Mean of ImageNet's pictures, red, green and blue in [0, 1]."""
DEVIATION = (0.229, 0.224, 0.225)
"""Their standard deviation."""


class Observations(NamedTuple):
    """Observations with leading dimensions (T, B); the fields are those of `replay.hide_and_seek.unroll`."""

    images: Tensor
    """(T, B, S, S, 3) uint8, RGB"""
    last_actions: Tensor
    """(T, B) long, 0: none; 1 + 2 a + success: action a"""
    standing: Tensor
    """(T, B) bool"""
    goals: Tensor
    """(T, B) long"""
    locations: Tensor
    """(T, B, 4) long: x and z in steps right of and ahead of the first pose, rotation / 90 degrees, standing"""
    targets: Tensor
    """(T, B) long: 49 modality + 7 row + column; -1: none"""
    landed: Tensor
    """(T, B) long, as targets: where the last PlaceAt put the object"""
    firsts: Tensor
    """(T, B) bool: an episode begins here"""
    new_maps: Tensor
    """(T, B) bool: the metric map is empty before it"""


def normalised_images(images: Tensor) -> Tensor:
    """(N, S, S, 3) uint8 RGB -> (N, 3, S, S) float32, with ImageNet's mean 0 and deviation 1, channels last."""
    scale, offset = _statistics(images.device)
    return torch.addcmul(offset, images.float(), scale).permute(0, 3, 1, 2)


@cache
def _statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    """Factor and summand of each colour."""
    with torch.inference_mode(False):
        deviation = torch.tensor(DEVIATION, device=device)
        return 1 / (255 * deviation), -torch.tensor(MEAN, device=device) / deviation

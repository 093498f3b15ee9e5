"""An agent's observation: colour, and the distance of each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

NEAR_PLANE = 0.1
"""Metres from the camera to its near plane; distances exclude it, as in the authors' released code."""


@dataclass(frozen=True)
class Observation:
    """One frame of the agent's camera."""

    image: NDArray[np.uint8]
    """(H, W, 3) RGB, contiguous."""
    depth: NDArray[np.float32]
    """(H, W) metres along the pixel's ray, minus the near plane (docs/ai2thor.md)."""


@cache
def pixel_offsets(size: int, field_of_view: float) -> NDArray[np.float64]:
    """Returns (size,) x/z of each column's rays, which equals y/z of each row's."""
    focal = size / 2 / np.tan(np.radians(field_of_view) / 2)
    return (np.arange(size) - (size - 1) / 2) / focal


@cache
def ray_factor(size: int, field_of_view: float) -> NDArray[np.float64]:
    """Returns (size, size) metres along each pixel's ray per metre along the camera's axis, for a square image."""
    offsets = pixel_offsets(size, field_of_view)
    factor = np.sqrt(1 + offsets[None, :] ** 2 + offsets[:, None] ** 2)
    factor.setflags(write=False)
    return factor


@cache
def _ray_factor32(size: int, field_of_view: float) -> NDArray[np.float32]:
    return ray_factor(size, field_of_view).astype(np.float32)


def ray_distance(axis_depth: NDArray[np.float32], field_of_view: float) -> NDArray[np.float32]:
    """Converts (H, H) depth along the camera's axis to metres along each pixel's ray, minus the near plane.

    Raises ValueError if the image is not square.
    """
    height, width = axis_depth.shape
    if height != width:
        raise ValueError(f"depth must be square, not {height}x{width}")
    # float32 is precise enough for metres, and every frame passes here.
    distance = np.multiply(axis_depth, _ray_factor32(height, field_of_view), dtype=np.float32)
    distance -= np.float32(NEAR_PLANE)
    return distance

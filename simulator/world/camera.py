"""The agent's camera: its pose, its frustum and the rays through its pixels.

Positions are in MuJoCo's frame (x east, y north, z up, metres). Angles are AI2-THOR's, degrees: yaw 0 faces north and
grows clockwise seen from above; horizon 0 is level and grows downwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

NEAR = 0.1
"""Distance of the near plane, metres."""
FAR = 20.0
"""Distance of the far plane, metres."""
MAX_IMAGE_SIDE = 4096
"""Largest width and height of an image, pixels."""
MAX_IMAGE_SAMPLES = 4096 * 4096
"""Largest number of pixels times samples of each; drawing takes about 20 bytes for each sample."""


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without roll."""

    position: tuple[float, float, float]
    yaw: float
    horizon: float
    field_of_view: float
    """Vertical, degrees."""
    width: int
    height: int

    def axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Unit vectors (right, up, forward), each (3,)."""
        return self._axes

    @cached_property
    def _axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        yaw, pitch = math.radians(self.yaw), math.radians(-self.horizon)
        sin_yaw, cos_yaw, sin_pitch, cos_pitch = math.sin(yaw), math.cos(yaw), math.sin(pitch), math.cos(pitch)
        right = np.array([cos_yaw, -sin_yaw, 0.0])
        up = np.array([-sin_yaw * sin_pitch, -cos_yaw * sin_pitch, cos_pitch])
        forward = np.array([sin_yaw * cos_pitch, cos_yaw * cos_pitch, sin_pitch])
        return right, up, forward

    def half_size(self) -> tuple[float, float]:
        """Half width and half height of the image plane at distance 1."""
        half_height = math.tan(math.radians(self.field_of_view) / 2)
        return half_height * self.width / self.height, half_height

    def ray(self, x: float, y: float) -> NDArray[np.float64]:
        """(3,) unit vector from the camera through the image point (x, y) in [0, 1] from the top left."""
        right, up, forward = self.axes()
        half_width, half_height = self.half_size()
        direction = forward + (2 * x - 1) * half_width * right + (1 - 2 * y) * half_height * up
        return direction / np.linalg.norm(direction)

    def points(self, depth: NDArray[np.float32]) -> NDArray[np.float64]:
        """(height, width, 3) points in the middle of each pixel of a depth image, top row first; metres."""
        right, up, forward = self.axes()
        half_width, half_height = self.half_size()
        across = (2 * (np.arange(self.width) + 0.5) / self.width - 1) * half_width
        upwards = (1 - 2 * (np.arange(self.height) + 0.5) / self.height) * half_height
        rays = forward + across[:, None] * right + upwards[:, None, None] * up
        return np.asarray(self.position) + depth[..., None] * rays

    def sees(self, points: NDArray[np.float64], radii: NDArray[np.float64] | float = 0.0) -> NDArray[np.bool_]:
        """(n,) whether balls around points (n, 3) with radii (n,) may reach into the camera's frustum, occluded or not.

        The answer is exact for points (radius 0). Near the frustum's edges it is also true for some balls that miss it.
        """
        inside = self._inwards @ (points - np.asarray(self.position)).T
        inside[4] -= NEAR
        inside[5] += FAR
        reaching: NDArray[np.bool_] = (inside >= np.negative(radii)).all(axis=0)
        return reaching

    @cached_property
    def _inwards(self) -> NDArray[np.float64]:
        """(6, 3) inward unit normals of the frustum's four sides, which meet in the camera, and of its two ends."""
        right, up, forward = self.axes()
        half_width, half_height = self.half_size()
        inwards = np.array(
            [half_width * forward - right, half_width * forward + right, half_height * forward - up,
             half_height * forward + up, forward, -forward]
        )  # fmt: skip
        normals: NDArray[np.float64] = inwards / np.linalg.norm(inwards, axis=1, keepdims=True)
        return normals

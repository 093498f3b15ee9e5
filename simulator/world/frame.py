"""The client's frame: the world turned about the vertical, as RotateUniverseAroundAgent makes the client see it.

The room itself never turns, because most of it is fixed in the compiled model. Instead, everything that the client
sends or receives is in the client's frame: poses of the agent, of its hand and of objects, and the grid. The axes are
MuJoCo's in both frames (x east, y north, z up, metres).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

_QUARTERS = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))
"""Exact cosine and sine of multiples of 90 degrees."""


@dataclass(frozen=True)
class Frame:
    """The client's frame: one point that it shares with the world, and the angle by which it sees the world turned."""

    angle: int = 0
    """Whole degrees in [0, 360), clockwise seen from above, as yaws."""
    client: tuple[float, float] = (0.0, 0.0)
    """(x, y) of the common point in the client's frame."""
    world: tuple[float, float] = (0.0, 0.0)
    """(x, y) of the same point in the world."""

    @cached_property
    def same(self) -> bool:
        """Whether the frame is the world's."""
        return self.angle == 0 and self.client == self.world

    @cached_property
    def rotation(self) -> NDArray[np.float64]:
        """(3, 3) matrix that turns a direction in the world into the client's."""
        if self.angle % 90 == 0:
            cosine, sine = _QUARTERS[self.angle // 90]
        else:
            cosine, sine = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        return np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])

    def to_client(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Converts points in the world (..., 2 or 3) to the client's frame."""
        return points if self.same else self._moved(points, self.world, self.rotation, self.client)

    def from_client(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Converts points in the client's frame (..., 2 or 3) to the world."""
        return points if self.same else self._moved(points, self.client, self.rotation.T, self.world)

    def turned(self, angle: int, client: tuple[float, float]) -> Frame:
        """The frame after the world has turned by `angle` degrees about a point in the client's frame."""
        x, y = self.from_client(np.array(client)).tolist()
        return Frame((self.angle + angle) % 360, client, (x, y))

    @staticmethod
    def _moved(
        points: NDArray[np.float64],
        before: tuple[float, float],
        rotation: NDArray[np.float64],
        after: tuple[float, float],
    ) -> NDArray[np.float64]:
        size = points.shape[-1]
        height = (0.0,) * (size - 2)
        # Adding the products one by one rounds in the same way for one point as for many, unlike a matrix product.
        offset = points - np.array([*before, *height])
        return np.array([*after, *height]) + (offset[..., None, :] * rotation[:size, :size]).sum(-1)


WORLD = Frame()
"""The world's own frame."""

"""Where in the room the things are that the 7x7 cells of the picture show.

Points are (right, up, ahead): metres in the agent's frame, with the origin on the floor below the camera. Points of the
room are (x, z): metres in the frame of the agent's first pose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek.locations import AHEAD, HORIZON, STEP, Location, Place
from actors.hide_and_seek.pixels import GRID
from actors.hide_and_seek.world import SIZE, Look

EYES = {True: 1.5765, False: 0.9015}
"""Height of the camera above the floor, standing and crouching, metres (paper)."""
REACH = 1.5
"""Horizontal metres from the agent within which it opens things and claims the goal (paper)."""
_COS, _SIN = math.cos(math.radians(HORIZON)), math.sin(math.radians(HORIZON))

Point = tuple[float, float]


def ray(row: float, column: float) -> tuple[float, float, float]:
    """Unit vector (right, up, ahead) through a point of the picture; (0, 0) is its top left corner."""
    right, up = 2 * column / GRID - 1, 1 - 2 * row / GRID  # the field of view is 90 degrees
    vector = right, up * _COS - _SIN, up * _SIN + _COS
    length = math.sqrt(1 + right * right + up * up)
    return vector[0] / length, vector[1] / length, vector[2] / length


_RAYS = np.array([[ray(row + 0.5, column + 0.5) for column in range(GRID)] for row in range(GRID)])  # (7, 7, 3)


def points(look: Look, standing: bool) -> NDArray[np.float64]:
    """(7, 7, 3) the point that each cell's centre shows, in the agent's frame; infinite or NaN where nothing is hit."""
    with np.errstate(invalid="ignore"):
        found: NDArray[np.float64] = look.distances[..., None] * _RAYS
    found[..., 1] += EYES[standing]
    return found


def cell_of(right: float, up: float, ahead: float, standing: bool) -> tuple[int, int] | None:
    """Row and column (from 0) of the cell that shows a point of the agent's frame; None outside the picture."""
    up -= EYES[standing]
    depth = ahead * _COS - up * _SIN
    if depth <= 0:
        return None
    row, column = (1 - (up * _COS + ahead * _SIN) / depth) * GRID / 2, (1 + right / depth) * GRID / 2
    if not (0 <= row < GRID and 0 <= column < GRID):
        return None
    return int(row), int(column)


def to_room(location: Location, right: float, ahead: float) -> Point:
    """(x, z) of a point of the agent's frame."""
    x, z = AHEAD[location.rotation]
    return location.x * STEP + ahead * x + right * z, location.z * STEP + ahead * z - right * x


def place_at(point: Point) -> Place:
    """The place nearest to a point of the room."""
    return Place(round(point[0] / STEP), round(point[1] / STEP))


def goal_ray(mask: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Unit vector (right, up, ahead) from the camera to the middle of the goal's pixels, a mask (224, 224)."""
    rows, columns = np.nonzero(mask)
    return ray((rows.mean() + 0.5) * GRID / SIZE, (columns.mean() + 0.5) * GRID / SIZE)


def goal_distance(mask: NDArray[np.bool_], look: Look, goal: str) -> float:
    """Metres from the camera to what the picture shows near the middle of the goal's pixels, at most 20.

    It is the goal's distance only if the centre of a cell shows the goal.

    Args:
        mask: (224, 224) the goal's pixels, at least one.
        look: at the same view.
        goal: its type.
    """
    shown = [
        look.distances[row, column]
        for row, names in enumerate(look.objects)
        for column, name in enumerate(names)
        if name.split("|")[0] == goal
    ]
    if not shown:
        middle = [int(index.mean()) * GRID // SIZE for index in np.nonzero(mask)]
        shown = [look.distances[middle[0], middle[1]]]
    return min(float(np.mean(shown)), 20.0)


def crossing(origins: Sequence[Point], directions: Sequence[Point]) -> Point | None:
    """The point of the room nearest to several rays, by least squares; None if they are nearly parallel.

    Args:
        origins: where each ray begins.
        directions: unit vectors.
    """
    across = np.eye(2) - np.array([np.outer(one, one) for one in directions])  # (n, 2, 2) projections off each ray
    total = across.sum(axis=0)
    if np.linalg.eigvalsh(total)[0] < 0.02:  # two rays that differ by 11 degrees
        return None
    x, z = np.linalg.solve(total, (across @ np.array(origins)[..., None]).sum(axis=0))[:, 0].tolist()
    ahead = [(x - one[0]) * way[0] + (z - one[1]) * way[1] for one, way in zip(origins, directions, strict=True)]
    return (x, z) if min(ahead) > 0 else None

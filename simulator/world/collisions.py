"""Overlaps of some geoms with the rest of a room or with the agent, without a step of the physics.

The physics ignores contacts between geoms that forces cannot move, such as a door and a wall, so these are tested here.
"""

from __future__ import annotations

from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.world.navigation import Footprints
from simulator.world.room import Room

TOLERANCE = 2e-3
"""Depth up to which an overlap counts as touching, metres."""
CAPSULE_RADIUS = 0.175
"""Radius of the agent's body for doors and held objects, metres; walking keeps `AGENT_RADIUS` free."""
STANDING_HEIGHT, CROUCHING_HEIGHT = 1.8, 0.9
"""Height of the agent's body in each posture, metres."""


class Body(NamedTuple):
    """The agent's body, which doors and held objects must not enter."""

    x: float
    y: float
    standing: bool

    @property
    def height(self) -> float:
        """Metres."""
        return STANDING_HEIGHT if self.standing else CROUCHING_HEIGHT


def overlaps(
    room: Room, geoms: NDArray[np.intp], others: NDArray[np.bool_], tolerance: float = TOLERANCE
) -> list[tuple[int, int]]:
    """Pairs (geom, other) that overlap by more than `tolerance` metres.

    Args:
        room: the poses in its data must be up to date.
        geoms: numbers of the geoms to test.
        others: (ngeom,) the geoms that they may meet.
        tolerance: metres.
    """
    model, data = room.model, room.data
    candidates = np.flatnonzero(others)
    found = []
    fromto = np.zeros(6)
    planes = np.isinf(room.geom_radii[candidates])
    centers, radii = data.geom_xpos[candidates], room.geom_radii[candidates]
    for geom in geoms.tolist():
        gaps = np.linalg.norm(centers - data.geom_xpos[geom], axis=1) - radii - room.geom_radii[geom]
        for other in candidates[planes | (gaps < 0.0)].tolist():
            if mujoco.mj_geomDistance(model, data, geom, other, tolerance, fromto) < -tolerance:
                found.append((geom, other))
    return found


def meets_agent(room: Room, geoms: NDArray[np.intp], body: Body) -> bool:
    """Whether any of the geoms reaches into the agent's body."""
    distance = Footprints(room.model, geoms).distance(room.data, np.array([body.x, body.y]), body.height)
    return distance < CAPSULE_RADIUS - TOLERANCE

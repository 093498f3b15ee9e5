"""Where an object lies as the agent sees it from above, in the frame of its first pose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from actors.hide_and_seek.locations import AHEAD, ROTATIONS, STEP, Frame, Location, Place

Point = tuple[float, float]
"""x and z relative to the agent's first pose, metres."""
Tuple = tuple[int, int, int]
"""x and z in steps, and rotation in degrees: a location without its posture."""


def to_point(frame: Frame, position: Mapping[str, float]) -> Point:
    """A world position in the frame of the first pose."""
    x, z = position["x"] - frame.x, position["z"] - frame.z
    ahead_x, ahead_z = AHEAD[frame.yaw]
    return x * ahead_z - z * ahead_x, x * ahead_x + z * ahead_z


def distance_and_bearing(x: int, z: int, rotation: int, point: Point) -> tuple[float, float]:
    """Metres to a point, and the absolute angle between the view's middle and it, degrees."""
    right, ahead = point[0] - x * STEP, point[1] - z * STEP
    ahead_x, ahead_z = AHEAD[rotation]
    along, aside = right * ahead_x + ahead * ahead_z, abs(right * ahead_z - ahead * ahead_x)
    return math.hypot(along, aside), math.degrees(math.atan2(aside, along))


def facing(places: Iterable[Place], point: Point, near: float, far: float, degrees: float) -> list[Tuple]:
    """The tuples at these places from which a point is near metres to far metres away and in view, sorted."""
    found = []
    for place in sorted(places):
        if abs(place.x * STEP - point[0]) > far or abs(place.z * STEP - point[1]) > far:
            continue
        for rotation in ROTATIONS:
            distance, bearing = distance_and_bearing(place.x, place.z, rotation, point)
            if near <= distance <= far and bearing <= degrees:
                found.append((place.x, place.z, rotation))
    return found


def with_posture(at: Tuple, standing: bool) -> Location:
    """A tuple as a location."""
    return Location(*at, standing)

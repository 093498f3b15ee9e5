"""Surfaces while objects are put on them, and how readily each object goes where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from simulator.rooms.footprints import Footprint, footprint
from simulator.rooms.scene import Obstacle, SceneObject, Surface
from simulator.things.categories import CATEGORIES

LIKE: dict[str, tuple[str, float]] = {"basin": ("top", 0.08), "under": ("floor", 0.7), "inside": ("top", 8.0)}
"""Place that no category names -> (the place it is treated like, a factor on the readiness). The factor of containers
("inside") is large because readiness is multiplied by area and containers are small."""
CARELESS = 0.02
"""Readiness of pickupable objects for the floor if their category does not name it."""


@dataclass(frozen=True)
class Pose:
    """Position of an object's foot (metres) and its yaw about +z (radians), world frame."""

    x: float
    y: float
    z: float
    yaw: float


@dataclass
class Spot:
    """A surface while it is being filled."""

    surface: Surface
    taken: list[Footprint]
    """Footprints of the objects on it, and of fixtures that rise from it or hang over it."""
    free_area: float
    x: float
    y: float
    z: float
    yaw: float
    holder: str = field(default="")
    """Name of the dynamic object that carries it, if any."""


def readiness(obj: SceneObject, place: str) -> float:
    """Relative weight with which an object is put on surfaces of a place; 0 means never."""
    like, factor = LIKE.get(place, (place, 1.0))
    default = CARELESS if like == "floor" and obj.pickupable else 0.0
    return factor * CATEGORIES[obj.category].places.get(like, default)


def spot_of(surface: Surface, obstacles: Sequence[Obstacle], pose: Pose | None = None) -> Spot:
    """An empty surface, with what rises from it or hangs over it; `pose` is that of the dynamic object under it."""
    x, y, z = surface.center
    yaw = surface.yaw
    if pose is not None:
        cos, sin = math.cos(pose.yaw), math.sin(pose.yaw)
        x, y, z = pose.x + cos * x - sin * y, pose.y + sin * x + cos * y, pose.z + z
        yaw += pose.yaw
    # Surfaces of fixtures are parallel to the walls; for the others a circle around them is close enough.
    half_x, half_y = surface.half_size if pose is None else (sum(surface.half_size),) * 2
    taken = [
        footprint(
            (obstacle.low[0] + obstacle.high[0]) / 2,
            (obstacle.low[1] + obstacle.high[1]) / 2,
            (obstacle.high[0] - obstacle.low[0]) / 2,
            (obstacle.high[1] - obstacle.low[1]) / 2,
            0.0,
            max(0.0, obstacle.low[2] - z),
        )
        for obstacle in obstacles
        if obstacle.low[0] < x + half_x
        and obstacle.high[0] > x - half_x
        and obstacle.low[1] < y + half_y
        and obstacle.high[1] > y - half_y
        and not (obstacle.owner and obstacle.owner == surface.support)
        and obstacle.low[2] < z + surface.clearance
        and obstacle.high[2] > z + 0.005
    ]
    area = 4 * surface.half_size[0] * surface.half_size[1]
    return Spot(surface, taken, area, x, y, z, yaw, surface.support if pose is not None else "")


def could_hold(spot: Spot, obj: SceneObject) -> bool:
    """Whether the surface is large enough for the object if it were empty, and not the object's own."""
    smaller, larger = sorted(obj.half_extents[:2])
    half = spot.surface.half_size
    return (
        spot.surface.clearance > 2 * obj.half_extents[2] + 0.01
        and spot.holder != obj.name
        and min(half) > smaller
        and max(half) > larger
    )

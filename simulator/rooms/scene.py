"""Data classes of a scene: the compiled MuJoCo model and what the simulator must know about it.

Coordinates in this package are MuJoCo's: right-handed, x east, y north, z up, metres, floor at z = 0. AI2-THOR uses
Unity's: left-handed, x east, y up, z north. `to_unity` and `from_unity` swap the last two axes, which also changes the
handedness. A Unity yaw of t degrees faces (sin t, cos t, 0) here.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco


@dataclass(frozen=True)
class SceneObject:
    """An object with an AI2-THOR object id. Its MuJoCo body has a free joint if and only if it is `dynamic`."""

    name: str
    """MuJoCo body name, unique in the room, e.g. "Mug_1a2b3c4d"."""
    category: str
    """AI2-THOR objectType, e.g. "Mug"."""
    mass: float
    """kg."""
    moveable: bool
    """Whether it is too large to carry but can be pushed."""
    pickupable: bool
    """Whether it is small enough to carry. AI2-THOR marks an object as moveable or pickupable, never both."""
    half_extents: tuple[float, float, float]
    """Half the sides of its bounding box in the upright rest pose, metres."""
    center_offset: tuple[float, float, float]
    """From the body's origin to the box's centre in the rest pose, metres."""
    split: str
    """"train" or "test": which half of the NovelObjects partition of categories it belongs to."""

    @property
    def dynamic(self) -> bool:
        """Whether it has a free joint: a touch can push it."""
        return self.moveable or self.pickupable


@dataclass(frozen=True)
class Surface:
    """A horizontal rectangle that InitialRandomSpawn may put objects on: tops, shelves, the floor."""

    name: str
    center: tuple[float, float, float]
    """Metres, in the world; in the frame of `support` if that is a dynamic object."""
    half_size: tuple[float, float]
    yaw: float
    """Radians about +z, in the same frame."""
    clearance: float
    """Free height above it, metres."""
    support: str
    """Body name of the object it belongs to, with which it moves if that is dynamic; "" for the structure."""
    place: str = "top"
    """Kind of surface: "top", "shelf", "soft" (beds, sofas), "basin" (sinks, tubs), "under" (floor below furniture),
    "inside" (of a moveable container) or "floor". Each category of objects names the places it goes to."""


@dataclass(frozen=True)
class Obstacle:
    """The axis-aligned box of a fixture. Nothing is put into it, and the agent does not walk through it."""

    low: tuple[float, float, float]
    """Lower corner, metres."""
    high: tuple[float, float, float]
    """Upper corner, metres."""
    owner: str
    """Body name of the fixture, or "" for the structure."""


@dataclass
class Scene:
    """A compiled room and its objects."""

    name: str
    """"FloorPlan1" ... "FloorPlan430", without the "_physics" suffix."""
    kind: str
    """"kitchen", "living_room", "bedroom" or "bathroom"."""
    model: mujoco.MjModel
    objects: tuple[SceneObject, ...]
    """Moveable, pickupable and fixed objects. Every other body or geom is structure (walls, floor, glued objects)."""
    surfaces: tuple[Surface, ...]
    floor: tuple[float, float, float, float]
    """(x_min, x_max, y_min, y_max) of the walkable rectangle inside the walls, metres."""
    height: float
    """Ceiling height, metres."""
    obstacles: tuple[Obstacle, ...] = ()
    """Boxes of everything fixed that stands in the room or hangs on its walls."""


def to_unity(x: float, y: float, z: float) -> tuple[float, float, float]:
    """MuJoCo (x, y, z) to Unity (x, y, z)."""
    return x, z, y


from_unity = to_unity
"""The swap is its own inverse."""

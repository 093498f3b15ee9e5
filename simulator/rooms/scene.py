"""Data classes of a scene: the compiled MuJoCo model and what the simulator must know about it.

Coordinates in this package are MuJoCo's: right-handed, x east, y north, z up, metres, floor at z = 0. AI2-THOR uses
Unity's: left-handed, x east, y up, z north. `to_unity` and `from_unity` swap the last two axes, which also changes the
handedness. A Unity yaw of t degrees faces (sin t, cos t, 0) here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import mujoco

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class MovingPart:
    """A door, a drawer or a lid, as a MuJoCo body of its own.

    Those of fixed furniture are static bodies. Those of dynamic objects are children of the object's body, to which
    they are fastened. `simulator.world.parts` moves them.
    """

    body: str
    """MuJoCo body name."""
    axis: Vector
    """Unit vector in the frame of the closed body: of the hinge, or the direction in which a drawer opens."""
    travel: float
    """At openness 1: radians about the body's origin, counter-clockwise, or metres."""
    slides: bool


@dataclass(frozen=True)
class Container:
    """A box inside an object: what lies in it is contained."""

    body: str
    """MuJoCo body in whose frame it is given: of the fixture, the drawer or the dynamic object."""
    center: Vector
    """Metres."""
    half: Vector
    """Half the sides, metres."""
    closed: bool
    """Whether the object must be open to reach into it."""


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
    moving: tuple[MovingPart, ...] = ()
    """Its doors, drawers and lids, which open together; empty if it does not open."""
    containers: tuple[Container, ...] = ()
    """The boxes inside it that hold objects."""
    receptacle: bool = False
    """Whether objects can be put on it or into it."""
    parked: bool = False
    """Whether it waits outside the room until an action brings it in."""

    @property
    def openable(self) -> bool:
        """Whether it opens."""
        return bool(self.moving)

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
    "inside" (of a container) or "floor". Each category of objects names the places it goes to."""
    behind: str = ""
    """Name of the object that must be opened to reach it; "" if it is open to all."""


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
    """"FloorPlan1" ... "FloorPlan530", without the "_physics" suffix."""
    kind: str
    """"kitchen", "living_room", "bedroom", "bathroom" or "foyer"."""
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
    hidden: Mapping[str, str] = field(default_factory=dict)
    """Geom name -> name of the object that hides the geom while it is closed."""


def to_unity(x: float, y: float, z: float) -> tuple[float, float, float]:
    """MuJoCo (x, y, z) to Unity (x, y, z)."""
    return x, z, y


from_unity = to_unity
"""The swap is its own inverse."""

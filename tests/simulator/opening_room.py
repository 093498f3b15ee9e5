"""A hand-made room for tests of doors and drawers: a base cabinet against the north wall and boxes around it.

The cabinet's drawer fills z = 0.68 to 0.85 and comes out to the south by 0.43 m, from its front at y = 1.42. The door
below it is hinged on its west side, at x = -0.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import mujoco
import numpy as np

from simulator.rooms.bodies import add_fixture, add_object, fixed_objects
from simulator.rooms.scene import Scene, SceneObject, Surface
from simulator.things.cupboards import Look, Openings, boards, carcass, cupboard, drawer
from simulator.things.fixtures import Fixture
from simulator.things.materials import FINISHES, add_materials
from simulator.things.openings import Motion, Space, Top
from simulator.things.shapes import Part, bounds, box, hidden_box
from simulator.things.vessels import crate_walls
from simulator.world.parts import Part as MovingPart
from simulator.world.room import Room

FRONT = 1.42
"""y of the cabinet's front, metres."""
DRAWER, DOOR = "CounterTop_1|Drawer|1", "CounterTop_1|Cabinet|1"
Thing = tuple[str, list[Part], tuple[float, float, float], float]
"""Name ("Category_number"), parts, place of the foot (metres) and mass (kg) of an object that can move."""


def cube(name: str, x: float, y: float, z: float, side: float = 0.1, mass: float = 0.3) -> Thing:
    """A cube that stands at (x, y, z)."""
    return name, [box((side, side, side), (0, 0, 0), (0.7, 0.3, 0.2))], (x, y, z), mass


def block(name: str, x: float, y: float, sides: tuple[float, float, float], mass: float = 3.0) -> Thing:
    """A box that stands on the floor."""
    return name, [box(sides, (0, 0, 0), (0.2, 0.3, 0.7))], (x, y, 0.0), mass


def lidded(x: float, y: float, z: float) -> Thing:
    """An open crate of 0.3 m with a lid on a hinge at its back, which opens by 90 degrees."""
    motion = Motion((0.0, 0.15, 0.2), (-1.0, 0.0, 0.0), np.pi / 2)
    lid = replace(hidden_box((0.3, 0.3, 0.01), (0, 0, 0.2)), seen=True, motion=motion)
    walls = [replace(wall, seen=True) for wall in crate_walls(0.3, 0.3, 0.2, 0.01, 0.01)]
    return "Box_1", [*walls, lid], (x, y, z), 1.0


def base_cabinet() -> Fixture:
    """A cabinet 0.6 m wide: a drawer above a door that is hinged on its left side."""
    look, front = Look((0.8, 0.7, 0.6), "plain", (0.5, 0.5, 0.5)), -0.28
    made = Openings()
    made.add(
        drawer(look, "Drawer|1", 0.6, 0.54, 0.17, (0, front, 0.68)),
        cupboard(look, "Cabinet|1", 0.6, 0.54, 0.6, (0, front, 0.08), doors=1, hinge=-1),
    )
    walls = boards(look.front, "plain", carcass(0.6, 0.562, 0.78, (0, 0.019, 0.08)))
    parts = [*walls, box((0.6, 0.6, 0.04), (0, 0, 0.86), (0.3, 0.3, 0.3)), *made.parts]
    top = Top(0, 0, 0.9, (0.29, 0.28))
    return Fixture("CounterTop", parts, (0.6, 0.6, 0.9), (top, *made.tops), 0.6, tuple(made.spaces))


def make_room(things: Sequence[Thing] = (), fixed: Sequence[Part] = (), opposite: bool = False) -> Room:
    """Builds the room.

    Args:
        things: objects that can move; those lighter than 2 kg are pickupable.
        fixed: parts of a fixed object "SideTable_1".
        opposite: whether a second cabinet, CounterTop_2, faces the first one 0.7 m in front of it.
    """
    spec = mujoco.MjSpec()
    add_materials(spec, FINISHES)
    world = spec.worldbody
    world.add_geom(name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=(3, 3, 0.1))
    for name, x in (("wall_east", 2.1), ("wall_west", -2.1)):
        world.add_geom(name=name, type=mujoco.mjtGeom.mjGEOM_BOX, size=(0.1, 2.0, 1.25), pos=(x, 0, 1.25))
    made = base_cabinet()
    objects: list[SceneObject] = []
    hidden: dict[str, str] = {}
    surfaces = [Surface("floor", (0, 0, 0), (2.0, 2.0), 0.0, 2.5, "", "floor")]
    places = {"CounterTop_1": (1.7, 0.0)} | ({"CounterTop_2": (FRONT - 1.0, np.pi)} if opposite else {})
    for name, (y, yaw) in places.items():
        built = add_fixture(spec, name, made.parts, (0.0, y, 0.0), yaw)
        objects += fixed_objects(name, made.category, made.parts, made.spaces, True, built)
        hidden |= built.hidden
        surfaces.append(Surface(f"{name}|0", (0.0, y, 0.9), (0.29, 0.28), 0.0, 1.2, name, "top"))
    if fixed:
        built = add_fixture(spec, "SideTable_1", fixed, (0.0, 0.0, 0.0), 0.0)
        objects += fixed_objects("SideTable_1", "SideTable", fixed, (), False, built)
    for name, parts, place, mass in things:
        low, high = bounds(parts)
        half, middle = (high - low) / 2, (high + low) / 2
        built = add_object(
            spec, name, parts, place, 0.0, mass=mass, half_extents=tuple(half), friction=(0.5, 0.01, 0.001), rolls=False
        )  # fmt: skip
        lid = next((part.motion for part in parts if part.motion), None)
        spaces = [Space((0, 0, 0.1), (0.14, 0.14, 0.09), lid)] if lid else []
        if name.startswith("Bowl"):
            spaces = [Space((0, 0, 0.03), (0.06, 0.06, 0.025))]
        objects.append(
            SceneObject(
                name, name.split("_")[0], mass, mass >= 2.0, mass < 2.0, tuple(half), tuple(middle), "train",
                moving=tuple(built.moving.get(name, ())), containers=built.containers(name, spaces, name),
                receptacle=bool(spaces),
            )
        )  # fmt: skip
        hidden |= built.hidden
    scene = Scene(
        "FloorPlan1", "kitchen", spec.compile(), tuple(objects), tuple(surfaces), (-2, 2, -2, 2), 2.5, (), hidden
    )
    return Room(scene, 0.008, 4.0)


def bowl(name: str, x: float, y: float, z: float) -> Thing:
    """A square bowl 6 cm high."""
    walls = [replace(wall, seen=True) for wall in crate_walls(0.14, 0.14, 0.06, 0.008, 0.008)]
    return name, walls, (x, y, z), 0.4


def number(room: Room, name: str) -> int:
    """The number of an object."""
    return [obj.name for obj in room.scene.objects].index(name)


def place_of(room: Room, name: str) -> np.ndarray:
    """(3,) position of an object's body."""
    return room.data.xpos[room.object_bodies[number(room, name)]].copy()


def parts_of(room: Room, name: str) -> tuple[MovingPart, ...]:
    """The moving parts of an object."""
    return room.parts.of_object[number(room, name)]


def hold(room: Room, name: str = "") -> None:
    """Lets the room take an object, where it is, for the one in the agent's hand; none without a name."""
    room.hold((number(room, name),) if name else ())

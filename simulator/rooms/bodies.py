"""MuJoCo bodies of fixtures and objects, with one body more for each door, drawer and lid.

The doors and drawers of fixed furniture are static bodies: they are moved by us (`simulator.world.parts`), and nothing
else moves them. The lids of dynamic objects are bodies without joints inside the object's body, so they add no degree
of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import mujoco

from simulator.rooms.scene import Container, MovingPart, SceneObject
from simulator.things.openings import Motion, Space, Vector
from simulator.things.shapes import ABSENT_BITS, FREE_BITS, MOVING_BITS, Part, about_z, add_parts, bounds

FIXED_MASS = 100.0
"""Mass that is reported for fixed objects, kg."""
PARK_DEPTH = -50.0
"""Height at which parked objects wait, metres."""
WEIGHTY = 1e-300
"""Compensation of gravity that is not 0 and yet has no effect."""
PARK_SPACING = 3.0
"""Distance between parked objects, metres."""


def part_owner(name: str, motion: Motion) -> str:
    """Name of the object that a moving part of the fixture or object `name` belongs to."""
    return f"{name}|{motion.owner}" if motion.owner else name


def park_place(number: int) -> Vector:
    """Where the `number`-th parked object waits, metres."""
    return PARK_SPACING * (number % 16), PARK_SPACING * (number // 16), PARK_DEPTH


@dataclass
class Built:
    """What the bodies of a fixture or an object hold."""

    moving: dict[str, list[MovingPart]] = field(default_factory=dict)
    """Name of the object -> its moving parts."""
    bodies: dict[Motion, str] = field(default_factory=dict)
    """Motion -> the body that it moves."""
    hidden: dict[str, str] = field(default_factory=dict)
    """Geom name -> name of the object that hides it while closed."""

    def containers(self, name: str, spaces: Sequence[Space], owner: str) -> tuple[Container, ...]:
        """The spaces of the fixture or object `name` that belong to the object `owner`."""
        found = []
        for space in spaces:
            if (part_owner(name, space.behind) if space.behind else name) != owner:
                continue
            body, center = name, space.center
            if space.behind is not None and space.behind.slides:
                body = self.bodies[space.behind]
                center = _minus(center, space.behind.origin)
            found.append(Container(body, center, space.half, space.behind is not None))
        return tuple(found)


def _minus(one: Vector, other: Vector) -> Vector:
    return one[0] - other[0], one[1] - other[1], one[2] - other[2]


def _motions(parts: Sequence[Part]) -> list[Motion]:
    """The motions of the parts in order, each once."""
    return list(dict.fromkeys(part.motion for part in parts if part.motion is not None))


def _enter(built: Built, name: str, motion: Motion, body: str) -> None:
    built.bodies[motion] = body
    moving = MovingPart(body, motion.axis, motion.travel, motion.slides)
    built.moving.setdefault(part_owner(name, motion), []).append(moving)


def _hide(built: Built, name: str, body: str, parts: Sequence[Part]) -> None:
    for index, part in enumerate(parts):
        if part.behind is not None:
            built.hidden[f"{body}|{index}"] = part_owner(name, part.behind)


def add_fixture(spec: mujoco.MjSpec, name: str, parts: Sequence[Part], place: Vector, yaw: float) -> Built:
    """Adds a fixture at `place` (metres), turned by `yaw` (radians), with its doors and drawers."""
    built = Built()
    still = [part for part in parts if part.motion is None]
    body = spec.worldbody.add_body(name=name, pos=place, quat=about_z(yaw))
    add_parts(spec, body, still)
    _hide(built, name, name, still)
    cos, sin = math.cos(yaw), math.sin(yaw)
    numbers: dict[str, int] = {}
    for motion in _motions(parts):
        owner = part_owner(name, motion)
        numbers[owner] = numbers.get(owner, 0) + 1
        # The first body of an object with parts of its own carries the object's name.
        label = owner if motion.owner and numbers[owner] == 1 else f"{owner}|part{numbers[owner]}"
        x, y, z = motion.origin
        at = (place[0] + cos * x - sin * y, place[1] + sin * x + cos * y, place[2] + z)
        moved = [part for part in parts if part.motion == motion]
        child = spec.worldbody.add_body(name=label, pos=at, quat=about_z(yaw))
        add_parts(spec, child, moved, bits=MOVING_BITS, origin=motion.origin)
        _enter(built, name, motion, label)
        _hide(built, name, label, moved)
    return built


def add_object(
    spec: mujoco.MjSpec,
    name: str,
    parts: Sequence[Part],
    place: Vector,
    yaw: float,
    *,
    mass: float,
    half_extents: Vector,
    friction: tuple[float, float, float],
    rolls: bool,
    parked: bool = False,
) -> Built:
    """Adds a dynamic object with its foot at `place` (metres), turned by `yaw` (radians), with its lids."""
    built = Built()
    body = spec.worldbody.add_body(name=name, pos=place, quat=about_z(yaw))
    # MuJoCo looks at this only in models in which some body has it from the start, as held objects must later on.
    body.gravcomp = 1.0 if parked else WEIGHTY
    joint = body.add_freejoint(name=name)
    joint.damping = [2.0 * mass * sum(half * half for half in half_extents) / 5, 0, 0]
    settings = {
        "friction": friction,
        "condim": 6 if rolls else 4,
        "priority": 1,
        "bits": ABSENT_BITS if parked else FREE_BITS,
    }
    motions = _motions(parts)
    still = [part for part in parts if part.motion is None]
    # The lids share the mass by volume, too.
    share = LID_MASS if motions else 0.0
    add_parts(spec, body, still, mass=mass * (1 - share), **settings)  # type: ignore[arg-type]
    _hide(built, name, name, still)
    for number, motion in enumerate(motions, 1):
        label = f"{name}|part{number}"
        moved = [part for part in parts if part.motion == motion]
        child = body.add_body(name=label, pos=motion.origin)
        child.gravcomp = body.gravcomp
        add_parts(
            spec, child, moved, mass=mass * share / len(motions), origin=motion.origin, **settings,  # type: ignore[arg-type]
        )  # fmt: skip
        _enter(built, name, motion, label)
        _hide(built, name, label, moved)
    return built


LID_MASS = 0.15
"""Share of a dynamic object's mass that its lids have."""


def fixed_objects(
    name: str, category: str, parts: Sequence[Part], spaces: Sequence[Space], tops: bool, built: Built
) -> list[SceneObject]:
    """The objects of a fixture: itself, if it has a category, and each cupboard and drawer in it.

    Args:
        name: the fixture's body name.
        category: its objectType; "" for structure.
        parts: all of its parts.
        spaces: all of its spaces.
        tops: whether objects can be put on it.
        built: its bodies.
    """
    found = []
    owners = {owner: tuple(moving) for owner, moving in built.moving.items() if owner != name}
    if category:
        own = built.containers(name, spaces, name)
        whole = _fixed(name, category, parts, (0.0, 0.0, 0.0))
        moving = tuple(built.moving.get(name, ()))
        found.append(replace(whole, moving=moving, containers=own, receptacle=tops or bool(own)))
    for owner, moving in owners.items():
        motions = [motion for motion in built.bodies if part_owner(name, motion) == owner]
        inside = built.containers(name, spaces, owner)
        moved = [part for part in parts if part.motion in motions]
        kind = motions[0].owner.split("|")[0]
        found.append(
            replace(
                _fixed(owner, kind, moved, motions[0].origin),
                moving=moving,
                containers=inside,
                receptacle=bool(inside),
            )
        )
    return found


def _fixed(name: str, category: str, parts: Sequence[Part], origin: Vector) -> SceneObject:
    low, high = bounds(parts)
    half, middle = (high - low) / 2, (high + low) / 2
    return SceneObject(
        name=name,
        category=category,
        mass=FIXED_MASS,
        moveable=False,
        pickupable=False,
        half_extents=(float(half[0]), float(half[1]), float(half[2])),
        center_offset=_minus((float(middle[0]), float(middle[1]), float(middle[2])), origin),
        split="train",
    )

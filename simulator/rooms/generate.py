"""Generates the 150 rooms as compiled MuJoCo models. A room depends on nothing but its name."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import mujoco
import numpy as np

from simulator.rooms.bodies import add_fixture, add_object, fixed_objects, park_place
from simulator.rooms.furnish import furnish
from simulator.rooms.layout import Layout
from simulator.rooms.scene import Scene, SceneObject, Surface
from simulator.rooms.spawn import MIN_POSITIONS, generator_of, plan
from simulator.things.categories import (
    CATEGORIES,
    GOALS,
    KINDS,
    LETTERS,
    PROBE_RECEPTACLES,
    PROBE_TABLES,
    Category,
    parse_scene_name,
    room_role,
)
from simulator.things.materials import FINISHES, Draw, add_materials
from simulator.things.openings import Space, Vector
from simulator.things.shapes import UPRIGHT, Part, Quaternion, bounds, flat_top, tilt
from simulator.things.vessels import floor_of, spaces_of

SCENE_NAMES: tuple[str, ...] = tuple(f"FloorPlan{base + number}" for base in KINDS.values() for number in range(1, 31))
"""All scenes: 30 kitchens, living rooms, bedrooms, bathrooms and foyers each."""


@dataclass(frozen=True)
class _Instance:
    """A dynamic object whose shape, mass and friction have been drawn."""

    obj: SceneObject
    category: Category
    parts: list[Part]
    friction: tuple[float, float, float]
    """MuJoCo's coefficients: sliding, torsional (m) and rolling (m)."""
    tops: tuple[Surface, ...] = ()
    """What objects may be put on or into."""
    spaces: tuple[Space, ...] = ()


PARKED_COPIES = 2
"""Number of parked objects of each goal category; there is one of every other category."""
_REDRAWS = 30
"""Number of times that a parked object which must be open is drawn again if it is not."""
_PARKED_SEED = 2**40
"""Seed of the parked objects, which no client's spawn has."""
_ON_FLOOR = {"kitchen": (4, 6), "living_room": (5, 8), "bedroom": (2, 4), "bathroom": (2, 3), "foyer": (2, 4)}
"""Range of the number of objects that belong on the floor only, by kind of room."""
_ELSEWHERE = {
    "kitchen": (58, 68),
    "living_room": (70, 82),
    "bedroom": (60, 70),
    "bathroom": (54, 64),
    "foyer": (18, 25),
}
"""Range of the number of other objects, if the tops have room for them."""
_ROOMY = 0.05
"""Half the side, metres, that a container's floor must have for objects to be put into it."""
_LARGE = 0.05
"""Square metres: objects for tops that cover more are drawn less often."""
_COVER = 0.5
"""Largest share of the tops' area that objects may cover; more of them would not fit."""


_FLOORS = {"kitchen": ["tile", "planks"], "bathroom": ["tile"], "foyer": ["tile", "planks"]}
"""Finishes of floors, by kind of room; the others have planks or carpet."""
_WARM, _NEUTRAL, _COOL = (1.04, 1.0, 0.9), (1.0, 1.0, 0.98), (0.95, 0.99, 1.04)
_LIGHT = {
    "kitchen": ((0.95, 1.08), (_NEUTRAL, _NEUTRAL, _COOL)),
    "living_room": ((0.85, 1.05), (_WARM, _WARM, _NEUTRAL)),
    "bedroom": ((0.8, 1.0), (_WARM, _NEUTRAL)),
    "bathroom": ((0.95, 1.1), (_NEUTRAL, _COOL, _COOL)),
    "foyer": ((0.85, 1.05), (_WARM, _NEUTRAL)),
}
"""Range of brightness and possible tints of the light, by kind of room."""


def _draw_instances(kind: str, split: str, area: float, draw: Draw) -> list[_Instance]:
    """Draws a room's dynamic objects; `area` is that of the tops, square metres."""
    letter = next(short for short, full in LETTERS.items() if full == kind)
    fitting = [category for category in CATEGORIES.values() if category.split == split and letter in category.kinds]
    instances: list[_Instance] = []
    for group, count, limit in (
        ([category for category in fitting if set(category.places) == {"floor"}], _ON_FLOOR[kind], math.inf),
        ([category for category in fitting if set(category.places) != {"floor"}], _ELSEWHERE[kind], _COVER * area),
    ):
        weights = np.array([category.kinds[letter] for category in group])
        counts = np.zeros(len(group), dtype=int)
        wanted, covered = draw.integer(*count) + len(instances), 0.0
        for _ in range(3 * wanted):
            if len(instances) == wanted:
                break
            index = int(draw.generator.choice(len(group), p=weights / weights.sum()))
            instance = _instance(group[index], int(counts[index]) + 1, draw)
            half_x, half_y, _ = instance.obj.half_extents
            footprint = 4 * half_x * half_y
            # Large objects would leave no room on the tops for the many small ones of a home.
            if covered + footprint <= limit and (limit == math.inf or draw.chance(_LARGE / footprint)):
                covered += footprint
                counts[index] += 1
                weights[index] *= 0.45  # makes a second one of a category likely and a fifth one unlikely
                instances.append(_with_insides(instance))
    return instances


def _draw_parked(name: str) -> list[_Instance]:
    """Draws the room's parked objects: of every category at least one, which actions can bring in.

    The objects that hide and seek plays with look different in each room. The others are the same everywhere, so that
    a process draws them only once.
    """
    draw = Draw(generator_of(name, _PARKED_SEED))
    return [
        instance
        for category in CATEGORIES.values()
        for instance in (
            [_parked(category, number, draw) for number in range(1, 1 + PARKED_COPIES)]
            if category.name in GOALS
            else [_common_spare(category.name)]
        )
    ]


@cache
def _common_spare(category: str) -> _Instance:
    """The parked object of a category that all rooms share."""
    return _parked(CATEGORIES[category], 1, Draw(generator_of(category, _PARKED_SEED)))


def _parked(category: Category, number: int, draw: Draw) -> _Instance:
    """Draws a parked object."""
    instance = _with_insides(_instance(category, number, draw, "_parked"))
    for _ in range(_REDRAWS):
        if _serves(instance):
            break
        instance = _with_insides(_instance(category, number, draw, "_parked"))
    return replace(instance, obj=replace(instance.obj, parked=True))


def _serves(instance: _Instance) -> bool:
    """Whether a parked instance can do what the probes need: hold objects in it, or on a flat top."""
    name = instance.category.name
    return (name not in PROBE_RECEPTACLES or any(not space.behind for space in instance.spaces)) and (
        name not in PROBE_TABLES or bool(instance.tops)
    )


def _instance(category: Category, number: int, draw: Draw, label: str = "") -> _Instance:
    """Draws the `number`-th object of a category in a room."""
    parts = category.make(draw)
    low, high = bounds(parts)
    half = (high - low) / 2
    offset = (high + low) / 2
    name = f"{category.name}{label}_{number}"
    obj = SceneObject(
        name=name,
        category=category.name,
        mass=draw.uniform(*category.mass),
        moveable=not category.pickupable,
        pickupable=category.pickupable,
        half_extents=_vector(half),
        center_offset=_vector(offset),
        split=category.split,
    )
    return _Instance(obj, category, parts, category.draw_friction(draw))


def _with_insides(instance: _Instance) -> _Instance:
    """The instance with what objects may be put on or into."""
    category, parts, name = instance.category, instance.parts, instance.obj.name
    spaces = spaces_of(parts) if category.contains else ()
    tops = []
    flat = flat_top(parts) if category.top > 0 else None
    if flat is not None:
        center, (half_x, half_y) = flat
        tops.append(Surface(f"{name}|0", center, (half_x - category.top, half_y - category.top), 0.0, 0.45, name))
    else:
        inside = floor_of(parts)
        if inside is not None and min(inside.half) >= _ROOMY:
            place, behind = (inside.x, inside.y, inside.z), name if inside.behind else ""
            tops.append(Surface(f"{name}|0", place, inside.half, 0.0, inside.clearance, name, "inside", behind))
    return replace(instance, tops=tuple(tops), spaces=spaces)


def _vector(values: np.ndarray) -> Vector:
    return float(values[0]), float(values[1]), float(values[2])


def build_scene(name: str, spares: bool = True) -> Scene:
    """Generates and compiles a room.

    Args:
        name: a scene name, with or without the suffix "_physics".
        spares: whether it has parked objects. All else is the same without them, and made in two thirds of the time.

    Returns:
        The compiled room. Its reference configuration (`model.qpos0`) has all objects in their first places.

    Raises:
        ValueError: there is no scene of this name.
    """
    kind, number = parse_scene_name(name)
    name = f"FloorPlan{KINDS[kind] + number}"
    generator = generator_of(name)
    draw = Draw(generator)
    layout = furnish(kind, draw)
    split = "test" if room_role(name) == "novel_objects" else "train"
    instances = _draw_instances(kind, split, layout.top_area(), draw)
    x_min, x_max, y_min, y_max = layout.floor
    ground = Surface(
        "Floor|0",
        ((x_min + x_max) / 2, (y_min + y_max) / 2, 0.0),
        ((x_max - x_min) / 2, (y_max - y_min) / 2),
        0.0,
        layout.height,
        "",
        "floor",
    )
    surfaces = (ground, *layout.surfaces, *(top for instance in instances for top in instance.tops))
    objects = [instance.obj for instance in instances]
    poses = plan(
        objects,
        surfaces,
        layout.obstacles,
        layout.floor,
        generator_of(name, 0),
        min_positions=MIN_POSITIONS[kind],
    )
    spec = _start_spec(name)
    _add_walls(spec, kind, layout, draw)
    fixed: list[SceneObject] = []
    hidden: dict[str, str] = {}
    finishes = set()
    for placed in layout.placed:
        fixture = placed.fixture
        built = add_fixture(spec, placed.name, fixture.parts, (placed.x, placed.y, placed.z), placed.yaw)
        fixed += fixed_objects(placed.name, fixture.category, fixture.parts, fixture.spaces, bool(fixture.tops), built)
        hidden |= built.hidden
        finishes |= {part.finish for part in fixture.parts}
    parked = _draw_parked(name) if spares else []
    dynamic = []
    for number, instance in enumerate([*instances, *parked]):
        obj = instance.obj
        pose = poses.get(obj.name)
        place = park_place(number) if pose is None else (pose.x, pose.y, pose.z)
        built = add_object(
            spec,
            obj.name,
            instance.parts,
            place,
            0.0 if pose is None else pose.yaw,
            mass=obj.mass,
            half_extents=obj.half_extents,
            friction=instance.friction,
            rolls=instance.category.rolls,
            parked=obj.parked,
        )
        inside = built.containers(obj.name, instance.spaces, obj.name)
        dynamic.append(
            replace(
                obj,
                moving=tuple(built.moving.get(obj.name, ())),
                containers=inside,
                receptacle=bool(inside) or bool(instance.tops),
            )
        )
        hidden |= built.hidden
        finishes |= {part.finish for part in instance.parts}
    add_materials(spec, (finishes | {geom.material for geom in spec.worldbody.geoms}) & set(FINISHES))
    return Scene(
        name=name,
        kind=kind,
        model=spec.compile(),
        objects=(*dynamic[: len(objects)], *fixed, *dynamic[len(objects) :]),
        surfaces=(*surfaces, *(top for instance in parked for top in instance.tops)),
        floor=layout.floor,
        height=layout.height,
        obstacles=tuple(layout.obstacles),
        hidden=hidden,
    )


def _start_spec(name: str) -> mujoco.MjSpec:
    spec = mujoco.MjSpec()
    spec.modelname = name
    spec.visual.global_.offwidth = spec.visual.global_.offheight = 300
    spec.visual.quality.shadowsize = 1024
    spec.visual.quality.offsamples = 0
    spec.visual.map.znear = 0.01
    spec.stat.extent = 8.0
    spec.stat.center = [0.0, 0.0, 1.2]
    return spec


def _add_walls(spec: mujoco.MjSpec, kind: str, layout: Layout, draw: Draw) -> None:
    """Adds floor, walls and ceiling (planes that face the room) and the lights."""
    x_min, x_max, y_min, y_max = layout.floor
    half_x, half_y, height = (x_max - x_min) / 2, (y_max - y_min) / 2, layout.height
    world = spec.worldbody
    wet = kind == "bathroom"
    floor_finish = draw.pick(_FLOORS.get(kind, ["planks", "carpet"]))
    palette = {"tile": "floor_tile", "planks": "floor_wood", "carpet": "carpet"}[floor_finish]
    wall = layout.style.wall
    plane = mujoco.mjtGeom.mjGEOM_PLANE

    def add(label: str, pos: Vector, quat: Quaternion, size: Vector, rgb: Vector, finish: str) -> None:
        geom = world.add_geom(name=label, type=plane, pos=pos, quat=quat, size=size, rgba=(*rgb, 1.0), material=finish)
        geom.friction = [0.4, 0.005, 0.0002]

    right = math.pi / 2
    middle = height / 2
    add("Floor", (0, 0, 0), UPRIGHT, (half_x, half_y, 0.1), draw.plain_color(palette), floor_finish)
    add("Ceiling", (0, 0, height), tilt("x", math.pi), (half_x, half_y, 0.1), (0.93, 0.93, 0.91), "plain")
    finish = "tile" if wet and draw.chance(0.4) else "plain"
    add("WallNorth", (0, y_max, middle), tilt("x", right), (half_x, middle, 0.1), wall, finish)
    add("WallSouth", (0, y_min, middle), tilt("x", -right), (half_x, middle, 0.1), wall, finish)
    add("WallEast", (x_max, 0, middle), tilt("y", -right), (middle, half_y, 0.1), wall, finish)
    add("WallWest", (x_min, 0, middle), tilt("y", right), (middle, half_y, 0.1), wall, finish)
    _add_light(spec, kind, height, draw)


def _add_light(spec: mujoco.MjSpec, kind: str, height: float, draw: Draw) -> None:
    """Adds ambient light and one directional lamp, with brightness and tint that suit the kind of room."""
    (low, high), tints = _LIGHT[kind]
    bright, tint = draw.uniform(low, high), np.array(draw.pick(tints))
    slant = draw.uniform(0.2, 0.6)
    headlight = spec.visual.headlight
    headlight.ambient = 0.55 * bright * tint
    headlight.diffuse = (0.36 - 0.2 * slant) * bright * tint
    headlight.specular = [0.1, 0.1, 0.1]
    angle = draw.uniform(0, 2 * math.pi)
    direction = (slant * math.cos(angle), slant * math.sin(angle), -1.0)
    lamp = spec.worldbody.add_light(pos=(0.0, 0.0, height - 0.05), dir=direction)
    lamp.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
    lamp.diffuse = (0.26 + 0.25 * slant) * bright * tint
    lamp.specular = [0.15, 0.15, 0.15]
    lamp.castshadow = False

"""A closed room with some objects on its floor, for tests of how objects stand, hold others and move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.things.categories import CATEGORIES, Category
from simulator.things.materials import FINISHES, Draw, add_materials
from simulator.things.shapes import Part, add_parts, bounds, box
from simulator.world.physics import Physics

DROP = 0.002
"""Height above its support at which an object starts, as in InitialRandomSpawn, metres."""


@dataclass
class Staged:
    """An object to be put into the room."""

    category: str
    parts: list[Part]
    mass: float
    friction: tuple[float, float, float]
    place: tuple[float, float, float]
    """Start of its foot, metres."""
    rolls: bool


def draw_object(name: str, seed: int, place: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Staged:
    """Draws an instance of a category by a seed."""
    category: Category = CATEGORIES[name]
    draw = Draw(np.random.default_rng(seed))
    parts = category.make(draw)
    return Staged(name, parts, draw.uniform(*category.mass), category.draw_friction(draw), place, category.rolls)


def ball(radius: float, mass: float, place: tuple[float, float, float]) -> Staged:
    """A ball to be dropped; `place` is its lowest point."""
    part = Part("sphere", (radius, 0.0, 0.0), (0.0, 0.0, radius))
    return Staged("ball", [part], mass, (0.5, 0.02, 0.004), place, rolls=True)


def height(obj: Staged) -> float:
    """Height of an object from foot to top, metres."""
    low, high = bounds(obj.parts)
    return float(high[2] - low[2])


def stage(objects: Sequence[Staged], half: float = 500.0, tall: float = 50.0) -> tuple[Physics, NDArray[np.int32]]:
    """Builds a closed room of half width `half` with the objects in it; returns its physics and their bodies."""
    spec = mujoco.MjSpec()
    add_materials(spec, FINISHES)
    walls = [((half + 0.1) * x, (half + 0.1) * y, tall / 2) for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    world = spec.worldbody.add_body(name="room")
    shell = [
        box((2 * half, 2 * half, 0.2), (0, 0, -0.2), (0.5, 0.5, 0.5)),
        box((2 * half, 2 * half, 0.2), (0, 0, tall), (0.5, 0.5, 0.5)),
    ]
    shell += [
        box((0.2 if x else 2 * half, 0.2 if y else 2 * half, tall), (x, y, 0), (0.5, 0.5, 0.5)) for x, y, _ in walls
    ]
    add_parts(spec, world, shell)
    for number, obj in enumerate(objects):
        x, y, z = obj.place
        body = spec.worldbody.add_body(name=f"thing_{number}", pos=(x, y, z + DROP))
        joint = body.add_freejoint()
        low, high = bounds(obj.parts)
        joint.damping = [2.0 * obj.mass * float(((high - low) ** 2).sum()) / 4 / 5, 0, 0]
        condim = 6 if obj.rolls else 4
        add_parts(spec, body, obj.parts, mass=obj.mass, friction=obj.friction, condim=condim, priority=1)
    model = spec.compile()
    physics = Physics(model, mujoco.MjData(model), time_step=0.005, rest_timeout=4.0)
    physics.place(model.qpos0)
    bodies = np.array([model.body(f"thing_{number}").id for number in range(len(objects))], dtype=np.int32)
    return physics, bodies

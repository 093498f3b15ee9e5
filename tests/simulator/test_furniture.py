"""Fixed furniture: doors and drawers open freely, closed fronts hide what is inside, large rooms have blind corners."""

from __future__ import annotations

from itertools import pairwise

import mujoco
import numpy as np
import pytest

from simulator.rooms.generate import SCENE_NAMES, build_scene
from simulator.rooms.scene import Scene
from simulator.rooms.spawn import spawn
from simulator.world.parts import Parts
from simulator.world.rendering import VISIBLE_GROUPS
from simulator.world.room import Room

NAMES = ("FloorPlan4", "FloorPlan17", "FloorPlan203", "FloorPlan221", "FloorPlan305", "FloorPlan318", "FloorPlan406",
         "FloorPlan424", "FloorPlan502", "FloorPlan526")  # fmt: skip
DEEP = 0.003
"""Depth from which bodies cut through each other, metres."""
EYES = 1.5765
"""Height of the eyes of an agent, metres."""


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [build_scene(name) for name in NAMES]


class Openings:
    """The fixed furniture of one room and what its doors and drawers meet."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.model = scene, scene.model
        self.data = mujoco.MjData(scene.model)
        mujoco.mj_forward(self.model, self.data)
        self.parts = Parts(scene, self.data)
        model = self.model
        self.solid = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
        loose = model.body_dofnum[model.body_rootid[model.geom_bodyid]] > 0
        self.fixed = np.flatnonzero(self.solid & ~loose)

    def met(self, number: int, openness: float) -> set[str]:
        """Names of the fixed bodies that an object's parts cut through at an openness, all else being closed."""
        self.parts.set(number, openness)
        mujoco.mj_kinematics(self.model, self.data)
        model, data = self.model, self.data
        own = {part.body for part in self.parts.of_object[number]}
        found = set()
        for part in self.parts.of_object[number]:
            for geom in part.geoms[self.solid[part.geoms]].tolist():
                for other in self.fixed.tolist():
                    if model.geom_bodyid[other] in own:
                        continue
                    apart = float(np.linalg.norm(data.geom_xpos[geom] - data.geom_xpos[other]))
                    reach = float(model.geom_rbound[geom] + model.geom_rbound[other])
                    if model.geom_type[other] != mujoco.mjtGeom.mjGEOM_PLANE and apart > reach:
                        continue
                    if mujoco.mj_geomDistance(model, data, geom, other, 0.01, None) < -DEEP:
                        found.add(model.body(model.geom_bodyid[other]).name or model.geom(other).name)
        self.parts.set(number, 0.0)
        return found


def test_doors_and_drawers_open_fully_and_cut_through_nothing(scenes: list[Scene]) -> None:
    free = blocked = 0
    for scene in scenes:
        openings = Openings(scene)
        for number, obj in enumerate(scene.objects):
            if not obj.openable or obj.dynamic:
                continue
            met = {name for openness in (0.0, 0.25, 0.5, 0.75, 1.0) for name in openings.met(number, openness)}
            carcass = obj.name.split("|")[0]
            assert not {name for name in met if name.split("|")[0] == carcass}, (scene.name, obj.name, met)
            blocked += bool(met)
            free += not met
    assert free > 100 and free >= 0.95 * (free + blocked)


def test_fronts_leave_no_gaps(scenes: list[Scene]) -> None:
    """Rays from in front of closed furniture never meet what only shows when it is open."""
    generator = np.random.default_rng(0)
    hit = np.full(1, -1, np.int32)
    for scene in scenes:
        room = Room(scene, 0.008, 4.0)
        model, data = room.model, room.data
        hidden = room.hidden_geoms()
        count = 0
        for obj in scene.objects:
            if not obj.openable or obj.dynamic:
                continue
            body = data.body(obj.name)
            turn = body.xmat.reshape(3, 3)
            center = body.xpos + turn @ np.array(obj.center_offset)
            start = center - turn[:, 1] * (obj.half_extents[1] + 0.4)
            for _ in range(40):
                spread = generator.uniform(-1, 1, 3) * np.array(obj.half_extents)
                ray = center + turn @ spread - start
                mujoco.mj_ray(model, data, start, ray, VISIBLE_GROUPS, 1, -1, hit)
                count += 1
                assert hit[0] < 0 or not hidden[hit[0]], (scene.name, obj.name, model.geom(int(hit[0])).name)
        assert count >= 80


def reachable(name: str) -> tuple[Room, np.ndarray]:
    room = Room(build_scene(name), 0.008, 4.0)
    spawn(room.scene, room.data, 1)
    return room, room.obstacles().reachable(*room.start, 0.25)


@pytest.mark.parametrize("first", [1, 201])
def test_large_rooms_have_corners_that_cannot_be_seen_from_the_door(first: int) -> None:
    names = SCENE_NAMES[first // 200 * 30 :][:30:2]
    assert names[0] == f"FloorPlan{first}"
    sizes, blind = [], 0
    for name in names:
        room, places = reachable(name)
        sizes.append(len(places))
        door = next(each for each in room.scene.obstacles if each.owner == "Door_1")
        entrance = (np.array(door.low[:2]) + door.high[:2]) / 2
        start = places[((places - entrance) ** 2).sum(1).argmin()]
        hit = np.full(1, -1, np.int32)
        for place in places[(places != start).any(axis=1)]:
            way = np.array([*(place - start), 0.0])
            far = mujoco.mj_ray(room.model, room.data, np.array([*start, EYES]), way, VISIBLE_GROUPS, 1, -1, hit)
            if 0 <= far < 1:
                blind += 1
                break
    assert np.median(sizes) >= 80, sizes
    assert blind >= 0.6 * len(names)


def test_shelves_inside_stack_without_meeting(scenes: list[Scene]) -> None:
    """The spaces of one object do not overlap, and each holds a thing of 5 cm."""
    for scene in scenes:
        for obj in scene.objects:
            inside = [each for each in obj.containers if each.closed and not obj.dynamic]
            assert all(min(each.half) > 0.025 for each in inside), (scene.name, obj.name)
            levels = sorted((each.center[2] - each.half[2], each.center[2] + each.half[2]) for each in inside)
            if obj.category in ("Cabinet", "Fridge", "Oven"):
                assert all(low[1] <= high[0] + 1e-9 for low, high in pairwise(levels)), (scene.name, obj.name)

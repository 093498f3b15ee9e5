"""Rooms in use: the owners of geoms, changes that are undone, and the cache."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from simulator.world.navigation import Footprints
from simulator.world.physics import make_push
from simulator.world.room import Room, RoomCache
from simulator.world.sources import RoomSource, generated_rooms, rooms_of_module

SOURCE = rooms_of_module("tests.simulator.box_room")


def test_geoms_belong_to_objects_or_to_structure():
    room = Room(SOURCE.build("FloorPlan3"), 0.008, 4.0)
    for index, obj in enumerate(room.scene.objects):
        geoms = np.flatnonzero(room.model.geom_bodyid == room.model.body(obj.name).id)
        assert [room.object_of_geom(int(geom)) for geom in geoms] == [index] * len(geoms)
    wall = room.model.geom("low_wall").id
    assert room.object_of_geom(wall) is None
    assert room.structure_names[room.geom_instances[wall] - len(room.scene.objects)] == "low_wall"


def test_parts_of_an_object_are_the_object():
    scene = SOURCE.build("FloorPlan1")
    spec = mujoco.MjSpec.from_string("""
    <mujoco><worldbody><body name="Cup_a"><geom size="0.1"/><body name="handle"><geom size="0.05"/></body></body>
    <body name="shelf"><geom size="0.1"/><geom size="0.2"/></body><geom size="0.1"/></worldbody></mujoco>""")
    scene.model, scene.objects = spec.compile(), scene.objects[:1]
    room = Room(scene, 0.005, 4.0)
    by_body = {
        (room.model.body(int(body)).name): int(instance)
        for body, instance in zip(room.model.geom_bodyid, room.geom_instances, strict=True)
    }
    assert by_body["Cup_a"] == by_body["handle"] == 0
    assert room.structure_names[by_body["shelf"] - 1] == "shelf"
    assert len(room.structure_names) == 2


def test_restoring_undoes_everything():
    room = Room(SOURCE.build("FloorPlan1"), 0.008, 4.0)
    model, data = room.model, room.data
    positions = data.qpos.copy()
    constants = {name: getattr(model, name).copy() for name in ("body_mass", "body_inertia", "dof_damping",
                                                                "body_invweight0", "dof_M0")}  # fmt: skip
    room.set_mass(0, 5.0, 1.0, 1.0)
    assert model.body_mass[room.object_bodies[0]] == 5.0
    np.testing.assert_array_equal(data.qpos, positions)
    assert any((getattr(model, name) != value).any() for name, value in constants.items())
    data.qpos[0] += 0.1
    data.qvel[:] = 1.0
    room.restore()
    for name, value in constants.items():
        np.testing.assert_array_equal(getattr(model, name), value, err_msg=name)
    np.testing.assert_array_equal(data.qpos, positions)
    assert room.physics.at_rest


def test_obstacles_are_those_of_the_moment():
    room = Room(SOURCE.build("FloorPlan1"), 0.008, 4.0)
    before = room.obstacles()
    room.set_mass(0, 5.0, 1.0, 1.0)
    assert room.obstacles() is before  # nothing has moved
    chair = int(room.object_bodies[[obj.category for obj in room.scene.objects].index("Chair")])
    x, y, _ = room.data.xpos[chair]
    geom = before.hit(x, y)
    assert geom is not None and room.object_of_geom(geom) is not None
    point, direction = room.data.xpos[chair].copy(), np.array([0.0, 1.0, 0.0])

    def push() -> None:
        room.physics.push(make_push(room.data, chair, point, direction, 200.0))

    def push_for_a_while() -> None:
        push()
        room.physics.run(0.05)

    def push_to_rest() -> None:
        push()
        room.physics.run_to_rest()

    def spawn() -> None:
        SOURCE.spawn(room.scene, room.data, 3)
        room.physics.place(room.data.qpos.copy())

    for move in (push_for_a_while, push_to_rest, spawn, room.restore):
        move()
        after = room.obstacles()
        assert after is not before and room.obstacles() is after
        fresh = Footprints(room.model, np.arange(room.model.ngeom)).at(room.data)
        assert {geom for geom, _ in after.prints} == {geom for geom, _ in fresh}
        now = dict(after.prints)
        for geom, hull in fresh:
            np.testing.assert_array_equal(now[geom], hull)
        before = after


def test_the_cache_keeps_the_latest_rooms():
    built = []

    def build(name):
        built.append(name)
        return SOURCE.build(name)

    cache = RoomCache(RoomSource(SOURCE.names, build, SOURCE.spawn), 2, 0.005, 4.0)
    first = cache.get("FloorPlan1")
    cache.get("FloorPlan2")
    assert cache.get("FloorPlan1") is first
    cache.get("FloorPlan3")  # evicts FloorPlan2
    assert cache.get("FloorPlan1") is first
    cache.get("FloorPlan2")
    assert built == ["FloorPlan1", "FloorPlan2", "FloorPlan3", "FloorPlan2"]
    cache.clear()
    assert cache.get("FloorPlan1") is not first


def test_sources_of_rooms():
    assert len(generated_rooms().names) == 150
    with pytest.raises(ValueError, match="'json' has not"):
        rooms_of_module("json")
    with pytest.raises(ValueError, match="no_such_module"):
        rooms_of_module("no_such_module")

"""Metadata against rotations and rooms worked by hand."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.wire.metadata import (
    ObjectDescriptions,
    describe_colors,
    euler_angles,
    object_ids,
    vector,
    visible_objects,
)
from simulator.world.camera import Camera
from simulator.world.room import Room
from simulator.world.sources import rooms_of_module


@pytest.fixture
def room():
    return Room(rooms_of_module("tests.simulator.box_room").build("FloorPlan1"), 0.008, 4.0)


def rotation(axis: str, degrees: float) -> np.ndarray:
    quaternion, matrix = np.zeros(4), np.zeros(9)
    mujoco.mju_axisAngle2Quat(quaternion, np.eye(3)["xyz".index(axis)], np.radians(degrees))
    mujoco.mju_quat2Mat(matrix, quaternion)
    return matrix.reshape(3, 3)


def unity_rotation(x: float, y: float, z: float) -> np.ndarray:
    """R_y R_x R_z in Unity's left-handed frame."""
    x, y, z = np.radians([x, y, z])
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


def test_vectors_swap_north_and_up():
    assert vector(1.0, 2.0, 3.0) == {"x": 1.0, "y": 3.0, "z": 2.0}


def test_a_turn_to_the_east_is_a_positive_yaw():
    # Clockwise seen from above is negative about MuJoCo's z.
    np.testing.assert_allclose(euler_angles(rotation("z", -90)[None]), [[0, 90, 0]], atol=1e-6)
    np.testing.assert_allclose(euler_angles(rotation("x", -30)[None]), [[30, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(euler_angles(rotation("y", 350)[None]), [[0, 0, 10]], atol=1e-6)


@given(st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180))
def test_euler_angles_give_the_rotation_back(yaw, pitch, roll):
    swap = np.eye(3)[[0, 2, 1]]
    matrix = unity_rotation(pitch, yaw, roll)
    x, y, z = euler_angles((swap @ matrix @ swap)[None])[0]
    np.testing.assert_allclose(unity_rotation(x, y, z), matrix, atol=1e-4)


def test_ids_hold_the_unity_position_and_are_unique(room):
    ids = object_ids(room)
    assert ids[0] == "Cup|-00.90|+00.85|+01.45"
    assert ids[-1] == "CounterTop|+00.00|+00.00|+01.60"
    # The second object gets the place and the category of the first one.
    cup, mug = (int(room.model.jnt_qposadr[room.model.body(name).jntadr[0]]) for name in ("Cup_a", "Mug_a"))
    room.data.qpos[mug : mug + 3] = room.data.qpos[cup : cup + 3]
    mujoco.mj_kinematics(room.model, room.data)
    object.__setattr__(room.scene.objects[1], "category", "Cup")
    ids = object_ids(room)
    assert ids[1] == ids[0] + "|2"
    there = [name for name in ids if name]  # those outside the room have none
    assert len(set(there)) == len(there) == room.present.sum()


def test_visible_is_in_view_in_reach_and_not_hidden(room):
    def seen(camera: Camera, reach: float) -> set[str]:
        found = visible_objects(room, camera, reach)
        return {obj.category for obj, visible in zip(room.scene.objects, found, strict=True) if visible}

    north = Camera((0.0, 0.6, 1.575), 0.0, 30.0, 90.0, 300, 300)
    assert seen(north, 1.5) >= {"Bowl", "Pot", "CounterTop"}
    assert "Chair" not in seen(north, 1.5)
    assert seen(north, 0.3) == set()
    south = Camera((0.0, 0.6, 1.575), 180.0, 30.0, 90.0, 300, 300)
    assert seen(south, 5.0) == {"Box", "Chair"}
    low = Camera((0.0, 0.6, 0.4), 0.0, 0.0, 90.0, 300, 300)  # the table hides the objects on it
    assert seen(low, 5.0) == {"CounterTop"}


def test_every_instance_has_a_name_and_a_colour(room):
    ids = [name for name in object_ids(room) if name]
    colors = describe_colors(room, object_ids(room))
    names = [entry["name"] for entry in colors]
    assert names[: len(ids)] == ids
    assert {"floor", "ceiling", "wall_north"} <= set(names[len(ids) :])
    assert len({tuple(entry["color"]) for entry in colors}) == len(colors)
    assert all("|" not in name for name in names[len(ids) :])


def test_descriptions_follow_whatever_changes(room):
    camera = Camera((0.0, 0.6, 1.575), 0.0, 30.0, 90.0, 300, 300)
    kept, ids = ObjectDescriptions(room), object_ids(room)
    body = int(room.object_bodies[0])
    start = int(room.model.jnt_qposadr[room.model.body_jntadr[body]])

    def move():
        room.data.qpos[start] += 0.1
        mujoco.mj_kinematics(room.model, room.data)

    def turn():
        room.data.qpos[start + 3 : start + 7] = [0.0, 1.0, 0.0, 0.0]
        mujoco.mj_kinematics(room.model, room.data)

    def fling():
        room.data.qvel[room.model.body_dofadr[body]] = 1.0

    def fatten():
        room.set_mass(0, float(room.model.body_mass[body]) + 1.0, 0.0, 0.0)

    def rename():
        ids[0] = "Cup|other"

    for change, field in (
        (move, "position"),
        (turn, "rotation"),
        (fling, "isMoving"),
        (fatten, "mass"),
        (rename, "objectId"),
    ):
        before = kept.seen(ids, camera, 1.5)
        assert kept.seen(ids, camera, 1.5) == before
        change()
        after = kept.seen(ids, camera, 1.5)
        assert after[0][field] != before[0][field], field
        assert after == ObjectDescriptions(room).seen(ids, camera, 1.5)
    nearer = Camera((0.0, 0.8, 1.575), 0.0, 30.0, 90.0, 300, 300)
    assert kept.seen(ids, nearer, 1.5) == ObjectDescriptions(room).seen(ids, nearer, 1.5) != after

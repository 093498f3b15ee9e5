"""Poses of doors and drawers, and where they can be seen."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from tests.simulator.opening_room import DOOR, DRAWER, FRONT, lidded, make_room, number, parts_of


@pytest.mark.parametrize("name", [DRAWER, DOOR, "Box_1"])
def test_one_pose_and_many_are_the_same(name):
    room = make_room([lidded(1.0, 0.0, 0.0)])
    values = np.linspace(0, 1, 5)
    for part in parts_of(room, name):
        places, turns = part.poses(values)
        for value, place, turn in zip(values, places, turns, strict=True):
            position, quaternion = part.pose(float(value))
            matrix = np.empty(9)
            mujoco.mju_quat2Mat(matrix, quaternion)
            np.testing.assert_allclose(place, position, atol=1e-12)
            np.testing.assert_allclose(turn, matrix.reshape(3, 3), atol=1e-9)


def test_parts_know_the_body_around_them():
    room = make_room([lidded(1.0, 0.0, 0.0)])
    for name, carrier in ((DRAWER, "CounterTop_1"), (DOOR, "CounterTop_1"), ("Box_1", "Box_1")):
        assert {room.model.body(part.carrier).name for part in parts_of(room, name)} == {carrier}
        assert all(part.fixed == (name != "Box_1") for part in parts_of(room, name))


def test_setting_a_part_moves_it_at_once_and_for_good():
    room = make_room()
    room.parts.set(number(room, DRAWER), 0.5)
    shown = [room.data.xpos, room.data.xmat, room.data.xipos, room.data.ximat, room.data.geom_xpos, room.data.geom_xmat]
    before = [array.copy() for array in shown]
    room.physics.run(0.1)
    for old, new in zip(before, shown, strict=True):
        np.testing.assert_array_equal(new, old)
    room.physics.place(room.data.qpos.copy())  # MuJoCo computes the same poses
    for old, new in zip(before, shown, strict=True):
        np.testing.assert_allclose(new, old, atol=1e-12)


def test_restoring_puts_parts_back():
    room = make_room([lidded(1.0, 0.0, 0.0)])
    fresh = room.state()
    before = room.data.geom_xpos.copy()
    for name in (DRAWER, DOOR, "Box_1"):
        room.parts.set(number(room, name), 0.7)
    opened = room.state()
    mujoco.mj_kinematics(room.model, room.data)
    assert np.abs(room.data.geom_xpos - before).max() > 0.1
    room.set_state(fresh)
    np.testing.assert_allclose(room.data.geom_xpos, before, atol=1e-12)
    room.set_state(opened)
    assert room.parts.openness[number(room, DOOR)] == 0.7


def test_open_parts_are_obstacles_for_the_agent():
    room = make_room()
    assert room.obstacles().hit(0.0, FRONT - 0.3) is None
    room.parts.set(number(room, DRAWER), 1.0)
    geom = room.obstacles().hit(0.0, FRONT - 0.3)
    assert geom is not None
    assert room.object_of_geom(geom) == number(room, DRAWER)
    assert room.obstacles().hit(0.9, FRONT - 0.3) is None


def test_fronts_face_the_eye():
    room = make_room()
    eye = np.array([0.0, 0.0, 1.5])
    points = room.parts.fronts(number(room, DRAWER), eye)
    front = points[np.abs(points[:, 1] - FRONT) < 1e-6]
    assert len(front) == 25
    assert np.ptp(front[:, 0]) == pytest.approx(2 * 0.7 * 0.297)
    assert not (np.abs(points[:, 1] - FRONT - 0.018) < 1e-6).sum() >= 5  # not the face behind it
    behind = room.parts.fronts(number(room, DRAWER), np.array([0.0, 3.0, 0.7]))
    wide = behind[np.abs(behind[:, 0]) > 0.15]  # the handle in the middle has faces of its own
    assert not (np.abs(wide[:, 1] - FRONT) < 1e-6).any()

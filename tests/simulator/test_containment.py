"""What lies in or on what."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from simulator.world.room import Room
from tests.simulator.opening_room import DOOR, DRAWER, FRONT, bowl, cube, hold, lidded, make_room, number

INSIDE = 0.72
TOP = "CounterTop_1"


def parents(room: Room, name: str) -> set[str]:
    found = room.containment.parents(room.present, room.held)[number(room, name)]
    assert list(found) == sorted(set(found))
    return {room.scene.objects[one].name for one in found}


def lift(room: Room, name: str, up: float, east: float = 0.0) -> None:
    start = room.model.jnt_qposadr[room.model.body(name).jntadr[0]]
    room.data.qpos[start : start + 3] += [east, 0.0, up]
    mujoco.mj_kinematics(room.model, room.data)


def test_each_kind_of_place():
    room = make_room(
        [
            cube("Cup_1", 0.0, FRONT + 0.2, INSIDE, 0.08),
            cube("Cup_2", 0.0, FRONT + 0.3, 0.1, 0.08),
            cube("Cup_3", -0.1, FRONT + 0.3, 0.9, 0.08),
            cube("Cup_4", 0.8, 0.0, 0.0, 0.08),
            lidded(1.3, 0.0, 0.0),
            cube("Cup_5", 1.3, 0.0, 0.01, 0.08),
        ]
    )
    assert parents(room, "Cup_1") == {DRAWER}
    assert parents(room, "Cup_2") == {DOOR}
    assert parents(room, "Cup_3") == {TOP}
    assert parents(room, "Cup_4") == set()
    assert parents(room, "Cup_5") == {"Box_1"}
    assert parents(room, "Box_1") == set()


def test_nested_receptacles_are_all_parents():
    room = make_room([bowl("Bowl_1", 0.1, FRONT + 0.3, 0.9), cube("Apple_1", 0.1, FRONT + 0.3, 0.91, 0.05)])
    assert parents(room, "Apple_1") == {"Bowl_1", TOP}
    assert parents(room, "Bowl_1") == {TOP}
    room = make_room([bowl("Bowl_1", 0.1, FRONT + 0.3, INSIDE), cube("Apple_1", 0.1, FRONT + 0.3, INSIDE + 0.01, 0.05)])
    assert parents(room, "Apple_1") == {"Bowl_1", DRAWER}


def test_above_is_not_inside():
    room = make_room([bowl("Bowl_1", 1.0, 0.0, 0.0), cube("Apple_1", 1.0, 0.0, 0.01, 0.05)])
    assert parents(room, "Apple_1") == {"Bowl_1"}
    lift(room, "Apple_1", 0.03)
    assert parents(room, "Apple_1") == {"Bowl_1"}
    lift(room, "Apple_1", 0.02)  # its lowest point is at the rim
    assert parents(room, "Apple_1") == set()
    lift(room, "Apple_1", -0.05, east=0.08)  # beside it
    assert parents(room, "Apple_1") == set()
    room = make_room([cube("Cup_1", 0.0, FRONT + 0.3, 0.9)])
    lift(room, "Cup_1", 0.019)
    assert parents(room, "Cup_1") == {TOP}
    lift(room, "Cup_1", 0.01)
    assert parents(room, "Cup_1") == set()


def test_a_receptacle_is_not_in_what_it_holds():
    room = make_room([bowl("Bowl_1", 1.0, 0.0, 0.0), bowl("Bowl_2", 1.0, 0.0, 0.009)])
    found = room.containment.parents(room.present)
    assert found[number(room, "Bowl_2")] == (number(room, "Bowl_1"),)
    assert found[number(room, "Bowl_1")] == ()


def test_what_is_held_or_absent_is_in_nothing():
    room = make_room([bowl("Bowl_1", 0.1, FRONT + 0.3, INSIDE), cube("Apple_1", 0.1, FRONT + 0.3, INSIDE + 0.01, 0.05)])
    hold(room, "Bowl_1")
    assert parents(room, "Bowl_1") == set()
    assert "Bowl_1" in parents(room, "Apple_1")
    hold(room)
    room.present[number(room, "Bowl_1")] = False
    assert parents(room, "Apple_1") == {DRAWER}
    assert parents(room, "Bowl_1") == set()


def test_an_overturned_box_holds_what_is_in_its_box():
    room = make_room([lidded(1.0, 0.0, 0.0), cube("Cup_1", 1.0, 0.0, 0.05, 0.08)])
    start = room.model.jnt_qposadr[room.model.body("Box_1").jntadr[0]]
    room.data.qpos[start : start + 7] = [1.0, 0.1, 0.15, np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0]
    mujoco.mj_kinematics(room.model, room.data)
    assert parents(room, "Cup_1") == {"Box_1"}
    lift(room, "Cup_1", 0.0, east=0.3)
    assert parents(room, "Cup_1") == set()


@pytest.mark.parametrize("openness", [0.0, 0.6, 1.0])
def test_what_a_drawer_carries(openness):
    things = [
        bowl("Bowl_1", 0.1, FRONT + 0.3, INSIDE),
        cube("Apple_1", 0.1, FRONT + 0.3, INSIDE + 0.01, 0.05),
        cube("Cup_1", 0.0, FRONT + 0.3, 0.1, 0.08),
    ]
    room = make_room(things)
    drawer = number(room, DRAWER)
    body = room.parts.of_object[drawer][0].body
    room.parts.set(drawer, openness)
    shift = openness * 0.432
    for name in ("Bowl_1", "Apple_1"):
        start = room.model.jnt_qposadr[room.model.body(name).jntadr[0]]
        room.data.qpos[start + 1] -= shift
    mujoco.mj_kinematics(room.model, room.data)
    carried = room.containment.carried(drawer, [body], room.present)
    assert carried == [number(room, "Bowl_1"), number(room, "Apple_1")]
    assert room.containment.carried(drawer, [body], room.present, [number(room, "Bowl_1")]) == [number(room, "Apple_1")]
    assert room.containment.carried(number(room, DOOR), [body], room.present) == []

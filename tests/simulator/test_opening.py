"""Doors, drawers and lids that move: what stops them, what they push, what travels with them.

This is one file because all tests share one hand-made room, in which the places of parts are known exactly.
"""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.things.shapes import box
from simulator.wire.actions import perform
from simulator.wire.environment import ActionFailed, Environment, Limits
from simulator.world import opening
from simulator.world.collisions import Body, overlaps
from simulator.world.opening import move_parts
from simulator.world.rendering import Quality
from simulator.world.room import Room
from simulator.world.sources import generated_rooms
from simulator.world.sweep import Blocked
from tests.simulator.opening_room import (
    DOOR,
    DRAWER,
    FRONT,
    block,
    bowl,
    cube,
    hold,
    lidded,
    make_room,
    number,
    parts_of,
    place_of,
)

AWAY = Body(0.0, -1.5, True)
INSIDE = 0.72
"""Height of the drawer's floor, metres."""


def move(room: Room, name: str, openness: float, agent: Body = AWAY, **more: Any) -> None:
    move_parts(room, number(room, name), openness, agent, **more)


def snapshot(room: Room) -> list[np.ndarray]:
    data = room.data
    arrays = (data.qpos, data.qvel, room.parts.openness, data.xpos, data.xmat, data.geom_xpos, data.geom_xmat)
    return [array.copy() for array in arrays]


def refused(room: Room, name: str, openness: float, agent: Body = AWAY, **more: Any) -> str | None:
    """Checks that a motion is stopped and undone; returns the name of what stopped it, None for the agent."""
    before = snapshot(room)
    with pytest.raises(Blocked) as caught:
        move(room, name, openness, agent, **more)
    for old, new in zip(before, snapshot(room), strict=True):
        np.testing.assert_allclose(new, old, rtol=0, atol=1e-12)
    geom = caught.value.geom
    if geom is None:
        return None
    instance = int(room.geom_instances[geom])
    objects = room.scene.objects
    return objects[instance].name if instance < len(objects) else room.structure_names[instance - len(objects)]


def depth(room: Room, name: str, other: str) -> float:
    """How deep the object `other` reaches into the parts of an object, metres."""
    geoms = np.concatenate([part.geoms[room.solid[part.geoms]] for part in parts_of(room, name)])
    theirs = np.flatnonzero((room.geom_instances == number(room, other)) & room.solid)
    fromto = np.zeros(6)
    return -min(
        mujoco.mj_geomDistance(room.model, room.data, int(one), int(two), 1.0, fromto)
        for one in geoms
        for two in theirs
    )


def test_a_drawer_comes_out_and_goes_back():
    room = make_room()
    (part,) = parts_of(room, DRAWER)
    closed = snapshot(room)
    move(room, DRAWER, 0.5)
    np.testing.assert_allclose(room.data.xpos[part.body], [0.0, FRONT - 0.5 * part.moving.travel, 0.68], atol=1e-9)
    move(room, DRAWER, 1.0)
    assert room.parts.openness[number(room, DRAWER)] == 1.0
    np.testing.assert_allclose(room.data.xpos[part.body], [0.0, FRONT - 0.432, 0.68], atol=1e-9)
    # MuJoCo's own computation gives the same poses as the one that moved the part.
    shown = room.data.geom_xpos.copy(), room.data.geom_xmat.copy()
    room.physics.place(room.data.qpos.copy())
    np.testing.assert_allclose(room.data.geom_xpos, shown[0], atol=1e-12)
    np.testing.assert_allclose(room.data.geom_xmat, shown[1], atol=1e-12)
    move(room, DRAWER, 0.0)
    assert room.physics.at_rest
    for old, new in zip(closed, snapshot(room), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-12)


def test_a_door_turns_about_its_hinge():
    room = make_room()
    (part,) = parts_of(room, DOOR)
    move(room, DOOR, 1.0)
    far = room.data.xpos[part.body] + room.data.xmat[part.body].reshape(3, 3) @ [0.5, 0.0, 0.0]
    hinge = room.data.xpos[part.body]
    np.testing.assert_allclose(hinge[:2], [-0.297, FRONT], atol=1e-9)
    angle = math.radians(90)
    np.testing.assert_allclose(far[:2], hinge[:2] + 0.5 * np.array([math.cos(angle), -math.sin(angle)]), atol=1e-9)


@pytest.mark.parametrize("name", [DRAWER, DOOR])
def test_the_agent_stops_it(name):
    room = make_room()
    assert refused(room, name, 1.0, Body(0.0, FRONT - 0.3, True)) is None
    move(room, name, 0.1, Body(0.0, FRONT - 0.3, True))
    assert refused(room, name, 1.0, Body(0.0, FRONT - 0.3, True)) is None
    move(room, name, 1.0, Body(0.9, FRONT - 0.3, True))


def test_a_part_that_was_forced_into_the_agent_can_leave_it():
    beside = Body(-0.3, FRONT - 0.3, True)
    room = make_room()
    move(room, DOOR, 1.0, beside, force=True)
    # It now reaches into the agent, which does not keep it from closing.
    move(room, DOOR, 0.0, beside)
    assert room.parts.openness[number(room, DOOR)] == 0.0


def test_fixed_furniture_and_structure_stop_it():
    room = make_room(fixed=[box((0.1, 0.1, 0.9), (0.0, FRONT - 0.4, 0.0), (0.5, 0.5, 0.5))])
    assert refused(room, DRAWER, 1.0) == "SideTable_1"
    assert refused(room, DOOR, 1.0, push=False) == "SideTable_1"
    move(room, DRAWER, 0.7)
    move(room, DRAWER, 1.0, force=True)
    move(room, DRAWER, 0.0)


def test_a_thin_obstacle_is_not_jumped_over():
    for y in np.linspace(FRONT - 0.3, FRONT - 0.1, 23):
        room = make_room(fixed=[box((0.1, 0.012, 0.3), (0.0, y, 0.6), (0.5, 0.5, 0.5))])
        assert refused(room, DRAWER, 1.0) == "SideTable_1"


def test_another_drawer_stops_it():
    room = make_room(opposite=True)
    move(room, "CounterTop_2|Drawer|1", 1.0)
    assert refused(room, DRAWER, 1.0) == "CounterTop_2|Drawer|1"
    move(room, "CounterTop_2|Drawer|1", 0.0)
    move(room, DRAWER, 1.0)


def test_a_held_object_stops_it():
    room = make_room([cube("Cup_1", 0.0, FRONT - 0.2, 0.0, 0.3)])
    hold(room, "Cup_1")
    assert refused(room, DOOR, 1.0) == "Cup_1"
    move(room, DOOR, 1.0, force=True)
    hold(room)
    move(room, DOOR, 0.0, force=True)


@pytest.mark.parametrize("name", [DRAWER, DOOR])
@pytest.mark.parametrize("side", [0.15, 0.3])
def test_what_can_move_is_pushed(name, side):
    room = make_room([block("Chair_1", 0.0, FRONT - 0.3, (side, side, 0.85), 4.0), cube("Cup_1", 1.0, 0.0, 0.0)])
    before, other = place_of(room, "Chair_1"), place_of(room, "Cup_1")
    assert refused(room, name, 1.0, push=False) == "Chair_1"
    move(room, name, 1.0)
    assert room.physics.at_rest
    assert float(np.linalg.norm(place_of(room, "Chair_1") - before)) > 0.1
    np.testing.assert_array_equal(place_of(room, "Cup_1"), other)
    assert depth(room, name, "Chair_1") < 0.003
    move(room, name, 0.0)
    assert room.parts.openness[number(room, name)] == 0.0


def test_a_sleeping_neighbour_of_the_way_stays_where_it_is():
    room = make_room([cube("Cup_1", 0.0, FRONT - 0.6, 0.0)])
    before = place_of(room, "Cup_1")
    move(room, DRAWER, 1.0)
    np.testing.assert_array_equal(place_of(room, "Cup_1"), before)


def test_a_jammed_object_stops_it():
    wall = [box((1.0, 0.1, 0.9), (0.0, FRONT - 0.55, 0.0), (0.5, 0.5, 0.5))]
    room = make_room([block("Chair_1", 0.0, FRONT - 0.3, (0.3, 0.3, 0.85), 4.0)], fixed=wall)
    assert refused(room, DRAWER, 0.8) == "Chair_1"
    move(room, DRAWER, 0.2)


@pytest.mark.parametrize(
    ("openness", "ignored", "stops"),
    [(0.6, ["SQUEEZED"], True), (0.5, ["JAMMED"], True), (0.5, ["JAMMED", "SQUEEZED"], False)],
)
def test_a_jam_is_noticed_on_the_way_and_at_the_end(monkeypatch, openness, ignored, stops):
    for name in ignored:
        monkeypatch.setattr(opening, name, 1.0)
    wall = [box((1.0, 0.1, 0.9), (0.0, FRONT - 0.55, 0.0), (0.5, 0.5, 0.5))]
    # The chair can give way by 5 cm; the drawer would need 6.6 cm and 10.9 cm.
    room = make_room([block("Chair_1", 0.0, FRONT - 0.3, (0.3, 0.3, 0.85), 4.0)], fixed=wall)
    if stops:
        assert refused(room, DRAWER, openness) == "Chair_1"
    else:
        move(room, DRAWER, openness)


def test_a_row_of_objects_is_jammed_too():
    wall = [box((1.0, 0.1, 0.9), (0.0, FRONT - 0.75, 0.0), (0.5, 0.5, 0.5))]
    row = [block(f"Chair_{index}", 0.0, FRONT - 0.3 - 0.25 * index, (0.2, 0.2, 0.85), 2.0) for index in (0, 1)]
    room = make_room(row, fixed=wall)
    assert refused(room, DRAWER, 1.0) in ("Chair_0", "Chair_1")


def test_force_ignores_everything():
    wall = [box((1.0, 0.1, 0.9), (0.0, FRONT - 0.55, 0.0), (0.5, 0.5, 0.5))]
    room = make_room([block("Chair_1", 0.0, FRONT - 0.3, (0.3, 0.3, 0.85), 4.0)], fixed=wall)
    move(room, DRAWER, 1.0, Body(0.0, FRONT - 0.3, True), force=True)
    assert room.parts.openness[number(room, DRAWER)] == 1.0


def test_contents_travel_with_a_drawer():
    room = make_room(
        [
            bowl("Bowl_1", 0.08, FRONT + 0.2, INSIDE),
            cube("Apple_1", 0.08, FRONT + 0.2, INSIDE + 0.01, 0.05),
            cube("Cup_1", -0.1, FRONT + 0.3, INSIDE, 0.08),
            cube("Mug_1", 0.0, FRONT + 0.2, 0.9),
        ]
    )
    before = {name: place_of(room, name) for name in ("Bowl_1", "Apple_1", "Cup_1", "Mug_1")}
    inside = room.containment.parents(room.present)
    assert inside[number(room, "Apple_1")] == tuple(sorted((number(room, "Bowl_1"), number(room, DRAWER))))
    move(room, DRAWER, 1.0)
    for name in ("Bowl_1", "Apple_1", "Cup_1"):
        np.testing.assert_allclose(place_of(room, name), before[name] - [0.0, 0.432, 0.0], atol=1e-9)
    np.testing.assert_array_equal(place_of(room, "Mug_1"), before["Mug_1"])
    assert room.containment.parents(room.present) == inside
    room.physics.run_to_rest()
    assert room.containment.parents(room.present) == inside
    move(room, DRAWER, 0.0)
    for name in before:
        np.testing.assert_allclose(place_of(room, name), before[name], atol=2e-3)


def test_contents_push_and_stay():
    tall = cube("Cup_1", 0.0, FRONT + 0.06, INSIDE, 0.09)
    room = make_room([tall, block("Chair_1", 0.0, FRONT - 0.25, (0.3, 0.2, 0.84), 4.0)])
    move(room, DRAWER, 1.0)
    assert number(room, DRAWER) in room.containment.parents(room.present)[number(room, "Cup_1")]


def test_what_sticks_out_stops_a_drawer_from_closing():
    room = make_room([cube("Cup_1", 0.0, FRONT + 0.2, INSIDE, 0.08)])
    move(room, DRAWER, 1.0)
    start = room.model.jnt_qposadr[room.model.body("Cup_1").jntadr[0]]
    # On its side wall, too high for the worktop.
    room.data.qpos[start + 2] += 0.09
    mujoco.mj_kinematics(room.model, room.data)
    assert room.containment.parents(room.present)[number(room, "Cup_1")] == (number(room, DRAWER),)
    assert refused(room, DRAWER, 0.0) == "CounterTop_1"


def test_what_sticks_out_of_a_cupboard_keeps_its_door_open():
    room = make_room()
    move(room, DOOR, 1.0)
    long = [("Bread_1", [box((0.3, 0.6, 0.1), (0, 0, 0), (0.5, 0.4, 0.3))], (0.0, FRONT + 0.23, 0.1), 0.5)]
    room = make_room(long)
    assert depth(room, DOOR, "Bread_1") > 0.0
    room.parts.set(number(room, DOOR), 1.0)
    room.physics.place(room.model.qpos0)
    room.physics.run_to_rest()
    assert refused(room, DOOR, 0.0) == "Bread_1"
    assert room.parts.openness[number(room, DOOR)] == 1.0


def test_a_lid_moves_with_its_object_and_on_its_own():
    room = make_room([lidded(1.0, 0.0, 0.0)])
    room.physics.run_to_rest()
    (part,) = parts_of(room, "Box_1")
    before = place_of(room, "Box_1")
    move(room, "Box_1", 1.0)
    np.testing.assert_allclose(place_of(room, "Box_1"), before, atol=1e-6)
    assert room.physics.at_rest
    up = room.data.xmat[part.body].reshape(3, 3) @ [0.0, -1.0, 0.0]
    np.testing.assert_allclose(up, [0.0, 0.0, 1.0], atol=1e-6)
    state = room.state()
    start = room.model.jnt_qposadr[room.model.body("Box_1").jntadr[0]]
    room.data.qpos[start] += 0.3
    mujoco.mj_kinematics(room.model, room.data)
    assert room.data.xpos[part.body][0] == pytest.approx(1.3)
    room.set_state(state)
    move(room, "Box_1", 0.0)
    np.testing.assert_allclose(room.data.xmat[part.body].reshape(3, 3), np.eye(3), atol=1e-6)


def test_a_lid_throws_off_what_stands_on_it():
    room = make_room([lidded(1.0, 0.0, 0.0), cube("Cup_1", 1.0, 0.0, 0.21, 0.08)])
    room.physics.run_to_rest()
    move(room, "Box_1", 1.0)
    assert place_of(room, "Cup_1")[2] < 0.2
    assert depth(room, "Box_1", "Cup_1") < 0.005


# --- Generated rooms


@pytest.fixture(scope="module")
def generated():
    made = Environment(generated_rooms(), Limits(0.008, 4.0, 6), Quality(False, 0), 64, 64)
    yield made
    made.close()


def do(environment: Environment, action: str, **arguments: Any) -> Any:
    return perform(environment, {"action": action, **arguments})[0]


def start(environment: Environment, scene: str) -> None:
    do(environment, "Reset", sceneName=scene)
    do(environment, "Initialize", renderDepthImage=True)


STEPS = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from([0.0, 0.3, 1.0, 1.0]), st.booleans(), st.integers(0, 200)),
    min_size=1, max_size=8,
)  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(scene=st.sampled_from(["FloorPlan1", "FloorPlan2", "FloorPlan4"]), steps=STEPS)
def test_any_openings_keep_the_room_whole(generated, scene, steps):
    start(generated, scene)
    room = generated.room
    openable = np.flatnonzero(room.openable)
    places = do(generated, "GetReachablePositions")
    for which, openness, force, where in steps:
        target = int(openable[which % len(openable)])
        do(generated, "TeleportFull", position=places[where % len(places)], rotation=0, horizon=0, forceAction=True)
        inside = room.containment.parents(room.present)
        carried = [one for one, holders in enumerate(inside) if target in holders]
        before, was = room.data.qpos.copy(), room.parts.openness.copy()
        agent = Body(generated.agent.x, generated.agent.y, True)
        try:
            move_parts(room, target, openness, agent, force=force)
        except Blocked:
            np.testing.assert_allclose(room.data.qpos, before, rtol=0, atol=1e-12)
            np.testing.assert_array_equal(room.parts.openness, was)
            assert not force
        else:
            assert room.parts.openness[target] == openness
        assert ((room.parts.openness >= 0) & (room.parts.openness <= 1)).all()
        assert room.physics.at_rest
        inside = room.containment.parents(room.present)
        assert all(target in inside[one] for one in carried)
        bodies = room.object_bodies[room.present]
        assert (room.data.xpos[bodies, 2] > -0.02).all()
    drawn = generated.images(True)
    first = [(field, image.copy()) for field, image in drawn]
    do(generated, "Pass")
    for (_, one), (_, two) in zip(first, generated.images(True), strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_same_actions_give_the_same_room(generated):
    ends = []
    for _ in range(2):
        start(generated, "FloorPlan2")
        room = generated.room
        for openness in (1.0, 0.0, 0.5):
            for target in np.flatnonzero(room.openable).tolist():
                try:
                    move_parts(room, target, openness, AWAY)
                except Blocked:
                    continue
        ends.append(room.data.qpos.copy())
    np.testing.assert_array_equal(*ends)


def test_pushed_objects_end_in_nothing_fixed(generated):
    for scene in ("FloorPlan1", "FloorPlan2", "FloorPlan5"):
        start(generated, scene)
        room = generated.room
        roots = room.model.body_rootid[room.model.geom_bodyid]
        still = room.solid & (room.model.body_dofnum[roots] == 0)
        loose = np.flatnonzero(
            room.solid & ~still & room.present[np.minimum(room.geom_instances, len(room.present) - 1)]
        )
        for openness in (1.0, 0.0):
            for target in np.flatnonzero(room.openable).tolist():
                try:
                    move_parts(room, target, openness, AWAY)
                except Blocked:
                    continue
        assert not overlaps(room, loose, still, 0.012)


def test_nothing_that_is_touched_opens(generated):
    start(generated, "FloorPlan2")
    room = generated.room
    closed = snapshot(room)
    touched = set()
    for place in do(generated, "GetReachablePositions"):
        for yaw in (0, 90, 180, 270):
            do(generated, "TeleportFull", position=place, rotation=yaw, horizon=30, standing=True)
            for x, y in ((0.5, 0.5), (0.3, 0.7), (0.7, 0.7), (0.5, 0.9)):
                pick = generated.pick(x, y, 1.5)
                if pick is None or pick.object is None or not room.openable[pick.object]:
                    continue
                reply = do(
                    generated, "TouchThenApplyForce", x=x, y=y, direction={"x": 0, "y": 0, "z": -1}, moveMagnitude=200,
                    handDistance=1.5,
                )  # fmt: skip
                assert reply["objectId"] == generated.ids[pick.object]
                touched.add(pick.object)
    assert len(touched) >= 3
    np.testing.assert_array_equal(room.parts.openness, 0.0)
    for old, new in zip(closed, snapshot(room), strict=True):
        np.testing.assert_array_equal(new, old)


def free_steps(environment: Environment) -> bool:
    """Whether the agent can step somewhere from where it is."""
    before = environment.agent
    for step in ("MoveAhead", "MoveRight", "MoveBack", "MoveLeft"):
        try:
            do(environment, step)
        except ActionFailed:
            continue
        environment.agent = before
        return True
    return False


@pytest.mark.parametrize("scene", ["FloorPlan1", "FloorPlan3", "FloorPlan5", "FloorPlan8"])
def test_no_open_part_traps_the_agent(generated, scene):
    start(generated, scene)
    room, opened = generated.room, set()
    for place in do(generated, "GetReachablePositions"):
        for yaw in (0, 90, 180, 270):
            do(generated, "TeleportFull", position=place, rotation=yaw, horizon=30, standing=True)
            seen = [one for one in do_visible(generated) if one not in opened]
            for target in seen:
                name = generated.ids[target]
                try:
                    do(generated, "OpenObject", objectId=name)
                except ActionFailed as failure:
                    assert "collided" in str(failure)
                    continue
                opened.add(target)
                if not free_steps(generated):
                    do(generated, "CloseObject", objectId=name)
                room.restore_positions()
    assert len(opened) >= 4


def do_visible(environment: Environment) -> list[int]:
    """Numbers of the objects that open and that the client is told to be visible."""
    numbers = {name: number for number, name in enumerate(environment.ids)}
    return [numbers[one["objectId"]] for one in environment.describe()["objects"] if one["openable"] and one["visible"]]

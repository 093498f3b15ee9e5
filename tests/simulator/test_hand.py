"""The hand: picking up, carrying, moving, turning, putting and dropping, each with its rules of failure.

This is one file because all actions of the hand are tried in the same staged rooms.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.wire.environment import ActionFailed
from simulator.world.hand import AHEAD, BELOW, REACH, Group, Shift, carried_by
from tests.simulator.player import BOWL, BOX, CUP, MUG, POT, TABLE, Player


def default_place(x: float, y: float, eyes: float, horizon: float) -> list[float]:
    """Where the hand holds an object for an agent that faces north."""
    sine, cosine = math.sin(math.radians(horizon)), math.cos(math.radians(horizon))
    return [x, y + AHEAD * cosine - BELOW * sine, eyes - AHEAD * sine - BELOW * cosine]


def test_a_picked_up_object_is_in_the_hand_and_turned_like_the_agent(play):
    play.start()
    play("PickupObject", objectId=play.name(MUG))
    assert play.room.held == MUG
    np.testing.assert_allclose(play.held_at(), default_place(0.0, 0.75, 1.575, 30.0), atol=1e-9)
    np.testing.assert_allclose(play.rotation(MUG), np.eye(3), atol=1e-9)
    play.room.physics.run(1.0)
    np.testing.assert_allclose(play.held_at(), default_place(0.0, 0.75, 1.575, 30.0), atol=1e-9)
    play("DropHeldObject")
    play("Teleport", rotation=90.0, x=1.0, z=0.0)
    play("PickupObject", objectId=play.name(CUP), forceAction=True)
    np.testing.assert_allclose(play.rotation(CUP) @ [0, 1, 0], [1, 0, 0], atol=1e-9)


def test_an_object_is_picked_up_by_its_image_point(play):
    play.start()
    camera = play.environment.camera
    right, up, forward = camera.axes()
    offset = play.at(BOWL) - camera.position
    x, y = (offset @ right) / (offset @ forward), (offset @ up) / (offset @ forward)
    play("PickupObject", x=(x + 1) / 2, y=(1 - y) / 2)
    assert play.room.held == BOWL
    play.refused("PickupObject", "already holds", x=0.5, y=0.5)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"objectId": "Cup|1"}, "no object"), ({}, "needs 'objectId'"), ({"x": 0.5}, "needs 'objectId'"),
        ({"x": 0.5, "y": 1.5}, "outside the agent's view"), ({"x": 0.5, "y": 0.0}, "no object at the image point"),
        ({"objectId": "Cup|1", "x": 0.5, "y": 0.5}, "not by both"),
    ],
)  # fmt: skip
def test_wrong_choices_are_refused(play, arguments, match):
    play.start().refused("PickupObject", match, **arguments)


def test_what_cannot_be_picked_up(play):
    play.start()
    play.refused("PickupObject", "not pickupable", objectId=play.name(TABLE))
    play.refused("PickupObject", "not visible", objectId=play.name(BOX))
    play("Teleport", x=0.0, z=-1.5)
    play.refused("PickupObject", "not visible", objectId=play.name(MUG))  # too far
    play("PickupObject", objectId=play.name(MUG), forceAction=True)
    play("DropHeldObject")
    play("Teleport", x=0.0, z=1.75, forceAction=True)
    play.refused("CreateObject", "would collide with wall_north", objectType="Tomato")
    play("PickupObject", objectId=play.name(BOWL), forceAction=True)
    play.refused("DropHeldObject", "collides with wall_north")


def test_what_rested_on_a_picked_up_object_falls(play):
    play.start()
    top = {"x": -0.55, "y": 0.97 + 0.01, "z": 1.45}
    play("PlaceObjectAtPoint", objectId=play.name(CUP), position=top)
    assert play.at(CUP)[2] > 0.95
    play("PickupObject", objectId=play.name(MUG))
    assert play.at(CUP)[2] == pytest.approx(0.85, abs=0.01)
    assert play.room.data.ntree_awake <= 1


# --- The held object follows the agent


def test_the_held_object_follows_each_move(play):
    play.start(z=0.0)
    play("CreateObject", objectType="Tomato")
    for action, place in (
        ("MoveAhead", (0.0, 0.25, 1.575, 30)), ("MoveLeft", (-0.25, 0.25, 1.575, 30)),
        ("LookUp", (-0.25, 0.25, 1.575, 0)), ("Crouch", (-0.25, 0.25, None, 0)), ("MoveBack", (-0.25, 0.0, None, 0)),
        ("Stand", (-0.25, 0.0, 1.575, 0)), ("LookDown", (-0.25, 0.0, 1.575, 30)),
    ):  # fmt: skip
        play(action)
        x, y, eyes, horizon = place
        eyes = play.environment.camera.position[2] if eyes is None else eyes
        np.testing.assert_allclose(play.held_at(), default_place(x, y, eyes, horizon), atol=1e-9, err_msg=action)
    distance = play.held_at()[1]
    play("RotateRight")
    np.testing.assert_allclose(play.held_at()[:2], [-0.25 + distance, 0.0], atol=1e-9)
    play("Teleport", x=0.5, z=-1.0, rotation=180.0)
    np.testing.assert_allclose(play.held_at()[:2], [0.5, -1.0 - distance], atol=1e-9)
    play("Reset", sceneName="FloorPlan1")
    assert play.room.held is None and not play.room.present[8:11].any()


def test_a_held_object_in_the_way_stops_the_agent(play):
    play.start(x=-1.75, z=0.4, horizon=0.0)
    play("CreateObject", objectType="Bread")
    play.refused("RotateLeft", "held object would collide with wall_west")
    play("RotateRight")
    play.refused("Teleport", "held object would collide with wall_west", rotation=270.0)
    play.start(z=0.0, horizon=0.0)
    play("CreateObject", objectType="Bread")
    for _ in range(4):
        play("MoveHandForce", y=-0.1)
    play("Crouch")
    play.refused("MoveAhead", "held object would collide with CounterTop", moveMagnitude=0.8)
    play("Stand")
    play("MoveAhead", moveMagnitude=0.8)
    play.refused("Crouch", "held object would collide with CounterTop")


def test_looking_moves_the_held_object_about_the_camera(play):
    play.start(z=-1.0, horizon=0.0)
    play("CreateObject", objectType="Tomato")
    for _ in range(9):
        play("MoveHandForce", z=0.1)
    play("LookUp")
    np.testing.assert_allclose(play.held_at()[1:], _about_camera(1.4, -0.1, 30.0), atol=1e-9)
    play("LookDown")
    play("LookDown")
    play("MoveHandForce", z=0.5)  # at this horizon it reaches farther along the view
    play.refused("LookUp", "farther from the agent than its arm reaches")
    play.start(z=0.0, horizon=30.0)
    play("CreateObject", objectType="Bread")
    play.refused("LookDown", "held object would collide with the agent")


def _about_camera(ahead: float, above: float, up: float) -> list[float]:
    """(y, z) of a point in the frame of a camera at (-1, 1.575) that looks up by `up` degrees."""
    sine, cosine = math.sin(math.radians(up)), math.cos(math.radians(up))
    return [-1.0 + ahead * cosine - above * sine, 1.575 + ahead * sine + above * cosine]


def test_the_held_object_does_not_block_its_agent(play):
    play.start(z=0.0)
    play("CreateObject", objectType="Bread")
    places = play("GetReachablePositions")
    play("MoveAhead")
    play("DropHeldObject")
    assert len(play("GetReachablePositions")) < len(places)


# --- Moving the hand


def test_moves_along_the_cameras_axes(play):
    play.start(z=0.0)
    play("CreateObject", objectType="Tomato")
    right, up, forward = play.environment.camera.axes()
    for action, axis in (
        ("Ahead", forward), ("Right", right), ("Up", up), ("Left", -right), ("Down", -up), ("Back", -forward)
    ):  # fmt: skip
        before = play.held_at()
        play(f"MoveHeldObject{action}", moveMagnitude=0.1)
        np.testing.assert_allclose(play.held_at() - before, 0.1 * axis, atol=1e-9)
    before = play.held_at()
    play("MoveHeldObject", ahead=0.1, right=-0.05)
    np.testing.assert_allclose(play.held_at() - before, 0.1 * forward - 0.05 * right, atol=1e-9)


def test_limits_of_kinematic_moves(play):
    play.start(z=0.0)
    play.refused("MoveHeldObjectAhead", "hand is empty", moveMagnitude=0.1)
    play("CreateObject", objectType="Tomato")
    play.refused("MoveHeldObjectAhead", "more than 1.5 m", moveMagnitude=2.0)
    play.refused("MoveHeldObjectRight", "leave the agent's view", moveMagnitude=0.8)
    play.refused("MoveHeldObjectAhead", "greater than 0", moveMagnitude=0.0)
    play.refused("MoveHeldObjectAhead", "at most 10 m", moveMagnitude=11.0)
    play.refused("MoveHeldObjectBack", "the agent is in the way", moveMagnitude=0.3)
    play.start(z=0.9)
    play("CreateObject", objectType="Tomato")
    play.refused("MoveHandForce", "below 0.001 m", x=0.0005)
    play("MoveHeldObjectAhead", moveMagnitude=0.2)
    play.refused("MoveHeldObject", "CounterTop.* is in the way", ahead=0.35, up=-0.3)


def test_the_hand_moves_up_to_its_reach_and_the_edge_of_the_view(play):
    play.start(z=-1.0, horizon=0.0)
    play("CreateObject", objectType="Tomato")
    for _ in range(9):
        play("MoveHandForce", z=0.1)
    play("MoveHandForce", z=0.5)
    assert play.held_at()[1] == pytest.approx(-1.0 + REACH, abs=1e-3)
    play.refused("MoveHandForce", "more than 1.5 m", z=0.1)
    play("MoveHandForce", z=-0.8)
    play("MoveHandForce", x=2.0)
    assert play.held_at()[0] == pytest.approx(0.7, abs=1e-2)  # the view's edge is at 45 degrees
    play.refused("MoveHandForce", "view|1.5 m", x=0.1)


def test_a_fixed_thing_stops_the_hand(play):
    play.start(z=0.75)
    play("CreateObject", objectType="Tomato")
    for _ in range(20):
        try:
            play("MoveHandForce", z=0.1)
        except ActionFailed as failure:
            assert "view" in str(failure) or "did not move" in str(failure) or "1.5 m" in str(failure)
            break
    for _ in range(20):
        try:
            play("MoveHandForce", y=-0.1)
        except ActionFailed:
            break
    size = play.room.box_halves[play.room.held]
    assert play.held_at()[2] >= 0.8 + size.min() - 0.003
    assert play.held_at()[1] <= 2.0 - size.min() + 0.003
    assert play.room.physics.at_rest


def test_the_hand_pushes_what_moves(play):
    play.start(z=0.75)
    play("PickupObject", objectId=play.name(POT))
    bowl = play.at(BOWL)
    for move in [{"x": -0.1}] * 2 + [{"y": -0.1}] * 4 + [{"z": 0.1}] * 4:
        play("MoveHandForce", **move)
    assert play.at(BOWL)[1] > bowl[1] + 0.02
    overlap = Group(play.room, play.room.carried, 0.01).nearest()[0]
    assert overlap >= 0.0
    before = play.at(BOWL)
    play.room.physics.run(0.5)
    np.testing.assert_allclose(play.at(BOWL), before, atol=2e-3)


def test_the_drift_to_the_side_is_limited(play):
    play.start(z=0.4)
    play("CreateObject", objectType="Tomato")
    play("MoveHandForce", y=-0.43)
    play("RotateHeldObject", pitch=45)
    start = play.held_at()
    assert start[2] - 0.05 * math.sqrt(2) == pytest.approx(0.737, abs=2e-3)
    # The table's edge meets its slanted lower side. To slide over the table it would have to rise by 6 cm.
    play("MoveHandForce", z=0.45)
    moved = play.held_at() - start
    assert moved[1] > 0.3 and abs(moved[2]) <= 0.1 * moved[1] + 0.01


def test_turning_the_held_object(play):
    play.start(z=0.0, rotation=90.0)
    play("CreateObject", objectType="Tomato")
    before = play.rotation(play.room.held)
    place = play.held_at()
    play("RotateHeldObject", pitch=30.0)
    turned = play.rotation(play.room.held) @ before.T
    # The agent faces east; its front goes down.
    np.testing.assert_allclose(turned @ [1, 0, 0], [math.cos(math.pi / 6), 0, -0.5], atol=1e-9)
    np.testing.assert_allclose(play.held_at(), place, atol=1e-9)
    play("RotateHeldObject", pitch=-30.0)
    play("RotateHeldObject", yaw=30.0)
    np.testing.assert_allclose(
        play.rotation(play.room.held) @ before.T @ [1, 0, 0], [math.cos(math.pi / 6), -0.5, 0], atol=1e-9
    )
    play("RotateHeldObject", yaw=-30.0)
    play("RotateHeldObject", roll=30.0)
    turned = play.rotation(play.room.held) @ before.T
    np.testing.assert_allclose(turned @ [0, 0, 1], [0, 0.5, math.cos(math.pi / 6)], atol=1e-9)


def test_turning_needs_space(play):
    play.start(z=0.75)
    play.refused("RotateHeldObject", "hand is empty", pitch=30.0)
    play("CreateObject", objectType="Bread")
    play("MoveHandForce", z=0.3)
    for _ in range(4):
        play("MoveHandForce", y=-0.1)
    play.refused("RotateHeldObject", "CounterTop.* is in the way", pitch=45.0)


# --- Letting go


def test_a_dropped_object_falls_and_rests(play):
    play.start(z=0.75)
    play.refused("DropHeldObject", "hand is empty")
    play("CreateObject", objectType="Tomato")
    number = play.room.held
    play("DropHandObject")
    assert play.room.held is None and play.room.physics.at_rest
    assert play.room.data.ntree_awake == 0
    play("CreateObject", objectType="Tomato")
    assert play.room.held != number
    np.testing.assert_allclose(play.held_at(), default_place(0.0, 0.75, 1.575, 30.0), atol=1e-9)


def test_put_object_finds_a_free_place_near_the_point(play):
    play.start(z=0.75)
    play.refused("PutObject", "hand is empty", objectId=play.name(TABLE))
    play("PickupObject", objectId=play.name(BOWL))
    play.refused("PutObject", "no receptacle", objectId=play.name(MUG))
    play("PutObject", objectId=play.name(TABLE))
    x, y, z = play.at(BOWL)
    assert play.room.held is None and z == pytest.approx(0.86, abs=2e-3) and -1.5 < x < 1.5 and 1.2 < y < 2.0
    assert abs(x) < 0.05 and y == pytest.approx(1.26, abs=0.02)  # nearest to the agent
    first = play.at(BOWL)
    play("PickupObject", objectId=play.name(BOWL))
    play("PutObject", objectId=play.name(TABLE))
    np.testing.assert_array_equal(play.at(BOWL), first)
    play("PickupObject", objectId=play.name(BOWL))
    play("Teleport", x=0.0, z=-1.5)
    play.refused("PutObject", "not visible", objectId=play.name(TABLE))
    play("PutObject", objectId=play.name(TABLE), forceAction=True)


def test_put_object_into_furniture_that_is_open_or_closed(homes):
    homes("Reset", sceneName="FloorPlan1")
    homes("Initialize")
    room = homes.room
    drawer = next(n for n, obj in enumerate(room.scene.objects) if obj.openable and "Drawer" in obj.category)
    homes("CreateObject", objectType="Knife")
    homes.refused("PutObject", "is closed", objectId=homes.name(drawer), forceAction=True)
    cabinet = next(n for n, obj in enumerate(room.scene.objects) if obj.openable and "Cabinet" in obj.category)
    room.parts.set(cabinet, 1.0)
    room.physics.place(room.data.qpos.copy())
    held = room.held
    homes("PutObject", objectId=homes.name(cabinet), forceAction=True)
    assert held is not None and cabinet in room.containment.parents(room.present)[held]


def test_what_is_too_tall_for_a_drawer_is_not_put_into_it(homes):
    homes("Reset", sceneName="FloorPlan3")
    homes("Initialize", gridSize=0.25)
    room = homes.room
    drawers = [number for number, obj in enumerate(room.scene.objects) if obj.category == "Drawer"]
    homes("CreateObject", objectType="Plunger", forceAction=True)
    for drawer in drawers[:4]:
        room.parts.set(drawer, 1.0)
        room.physics.place(room.data.qpos.copy())
        homes.refused("PutObject", "no free place", objectId=homes.name(drawer), forceAction=True)


# --- Contents


def test_what_a_held_container_holds_comes_along(homes):
    homes("Reset", sceneName="FloorPlan201")
    homes("Initialize")
    room = homes.room
    there = max(homes("GetReachablePositions"), key=lambda one: math.hypot(one["x"], one["z"]))
    place = there | {"y": 0.003}
    pot = homes.environment.object_number(homes("CreateObjectAtLocation", objectType="Basket", position=place))
    homes("CreateObject", objectType="Tomato")
    tomato = room.held
    homes("PutObject", objectId=homes.name(pot), forceAction=True)
    homes("PickupObject", objectId=homes.name(pot), forceAction=True)
    assert room.held == pot and tomato in room.carried
    offset = homes.at(tomato) - homes.at(pot)
    for action in ("LookUp", "LookDown"):
        homes(action)
    np.testing.assert_allclose(homes.at(tomato) - homes.at(pot), offset, atol=1e-9)
    room.physics.run(0.5)
    np.testing.assert_allclose(homes.at(tomato) - homes.at(pot), offset, atol=1e-9)


# --- Physics of held objects


def test_a_falling_object_lands_on_the_held_one(play):
    play.start(z=0.0, horizon=0.0)
    play("CreateObject", objectType="Bread")
    place = play.held_at()
    play("PlaceObjectAtPoint", objectId=play.name(POT),
         position={"x": place[0], "y": place[2] + 0.06 + 0.08 + 0.05, "z": place[1]})  # fmt: skip
    np.testing.assert_array_equal(play.held_at(), place)
    assert play.at(POT)[2] == pytest.approx(place[2] + 0.14, abs=0.01)
    assert play.room.data.ntree_awake == 0
    play("MoveBack")  # what lies on it does not come along
    assert play.at(POT)[2] == pytest.approx(0.08, abs=0.01)


def test_a_held_object_lets_the_room_sleep(play):
    play.start()
    play("PickupObject", objectId=play.name(MUG))
    before = play.room.data.time
    play.room.physics.run_to_rest()
    assert play.room.data.ntree_awake == 0 and play.room.data.time < before + 0.5


def test_overlapping_fixed_things_lets_the_room_sleep(play):
    play.start(z=1.62, forceAction=True)
    play("CreateObject", objectType="Tomato", forceAction=True)
    assert Group(play.room, play.room.carried, 0.01).nearest()[0] < -0.02
    before = play.room.data.time
    play.room.physics.run_to_rest()
    assert play.room.data.ntree_awake == 0 and play.room.data.time < before + 0.5


def test_paths_and_clearances_by_hand(play):
    play.start(z=0.0)
    play("CreateObject", objectType="Bread")
    group = Group(play.room, play.room.carried, 5.0)
    slack, geom, _ = group.nearest()
    assert geom is not None and 0 < slack < 2
    # The table's front is at y = 1.2; a box of 6 cm half side that comes from y meets it after 1.2 - 0.06 - y.
    shift = np.array([0.0, 0.0, 0.5 - play.held_at()[2]])
    gap = 1.2 - 0.06 - play.held_at()[1]
    assert group.clear(Shift(np.eye(3), shift + [0, gap - 1e-3, 0])) is None
    found = group.clear(Shift(np.eye(3), shift + [0, gap + 5e-3, 0]))
    assert found is not None and found.away[1] == pytest.approx(-5e-3, abs=1e-4)
    met = group.sweep(lambda share: Shift(np.eye(3), shift + [0, share, 0]), 1.0)
    # The last free sample is at most 1 cm away.
    assert met is not None and met.share == pytest.approx(gap, abs=0.012)
    camera = play.environment.camera
    path = carried_by(camera, camera)
    np.testing.assert_allclose(path(0.5).turn, np.eye(3), atol=1e-12)


# --- Any order

ACTIONS: list[tuple[str, dict[str, Any]]] = [
    *[(name, {}) for name in ("MoveAhead", "MoveBack", "RotateLeft", "RotateRight", "LookUp", "LookDown", "Crouch",
                              "Stand", "DropHeldObject")],
    *[("MoveHandForce", {axis: size}) for axis in "xyz" for size in (0.1, -0.1)],
    *[("RotateHeldObject", {axis: 30.0}) for axis in ("pitch", "yaw", "roll")],
    *[("PickupObject", {"n": number}) for number in range(5)],
    ("PutObject", {"n": -1}), ("CreateObject", {"objectType": "Tomato"}), ("CreateObject", {"objectType": "Bread"}),
    ("RemoveFromScene", {"n": 2}), ("DisableObject", {"n": 3}), ("MoveHeldObjectAhead", {"moveMagnitude": 0.2}),
]  # fmt: skip


def perform_all(play: Player, chosen: list[tuple[str, dict[str, Any]]]) -> bytes:
    """Performs actions and checks what must always hold; returns the final positions."""
    play.start()
    for action, arguments in chosen:
        sent = dict(arguments)
        if "n" in sent:
            sent["objectId"] = play.name(sent.pop("n")) or "gone"
        before = play.state()
        try:
            play(action, **sent)
        except ActionFailed:
            assert play.state() == before
        room = play.room
        assert room.physics.at_rest
        present = np.flatnonzero(room.present)
        assert all(play.at(number)[2] > 0 for number in present.tolist())
        if room.held is not None:
            agent = play.environment.agent
            x, y, _ = play.held_at()
            assert math.hypot(x - agent.x, y - agent.y) <= REACH + 1e-6
            slack = Group(room, room.carried, 0.01).nearest()[0]
            assert slack >= -1e-3, (action, slack)
        if action == "DropHeldObject":
            assert room.held is None or play.state() == before
    return play.room.data.qpos.tobytes()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=15))
def test_any_order_of_actions_keeps_the_room_whole(play, chosen):
    perform_all(play, chosen)


def test_the_same_actions_give_the_same_room(play):
    generator = np.random.default_rng(4)
    chosen = [ACTIONS[index] for index in generator.integers(len(ACTIONS), size=40)]
    assert perform_all(play, chosen) == perform_all(play, chosen)

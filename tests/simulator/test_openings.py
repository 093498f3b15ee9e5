"""OpenObject, CloseObject and their kin as a client sends them, and the metadata that they change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simulator.wire.actions import perform
from simulator.wire.environment import ActionFailed, Environment, Limits
from simulator.wire.metadata import axis_distances, visible_objects
from simulator.world.rendering import Quality
from simulator.world.room import Room
from simulator.world.sources import RoomSource
from tests.simulator.conftest import EXECUTABLE
from tests.simulator.opening_room import DOOR, DRAWER, FRONT, bowl, cube, hold, lidded, make_room, number

BACK, NEAR = FRONT - 1.0, FRONT - 0.3
"""y of an agent that is out of the parts' way, and of one that is in it, metres."""


def source(room: Room) -> RoomSource:
    return RoomSource(("FloorPlan1",), lambda name: room.scene, lambda *_, **__: None)


@pytest.fixture(scope="module")
def environment():
    room = make_room(
        [
            cube("Cup_1", 0.0, FRONT + 0.2, 0.72, 0.08),
            bowl("Bowl_1", 0.1, FRONT + 0.3, 0.9),
            cube("Apple_1", 0.1, FRONT + 0.3, 0.91, 0.05),
            lidded(1.2, 0.8, 0.0),
        ],
        opposite=False,
    )
    made = Environment(source(room), Limits(0.008, 4.0, 1), Quality(False, 0), 120, 120)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def fresh(environment):
    do(environment, "Reset", sceneName="FloorPlan1")
    do(environment, "Initialize", renderInstanceSegmentation=True, snapToGrid=False)
    stand(environment, 0.0, BACK)


def do(environment: Environment, action: str, **arguments: Any) -> Any:
    return perform(environment, {"action": action, **arguments})[0]


def fails(
    environment: Environment,
    action: str,
    message: str,
    code: str = "",
    arguments: dict[str, float] | None = None,
    **more: Any,
) -> None:
    before = environment.room.state(), environment.agent, environment.describe()
    with pytest.raises(ActionFailed, match=message) as caught:
        do(environment, action, **(arguments or {}), **more)
    assert caught.value.code == code
    after = environment.room.state()
    np.testing.assert_allclose(after.positions, before[0].positions, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(after.openness, before[0].openness)
    assert environment.agent == before[1]


def stand(environment: Environment, x: float, y: float, horizon: float = 30.0, yaw: float = 0.0) -> None:
    do(environment, "TeleportFull", position={"x": x, "y": 0.9, "z": y}, rotation=yaw, horizon=horizon, standing=True)


def name_of(environment: Environment, name: str) -> str:
    return environment.ids[number(environment.room, name)]


def described(environment: Environment, name: str) -> dict[str, Any]:
    wanted = name_of(environment, name)
    return next(one for one in environment.describe()["objects"] if one["objectId"] == wanted)


def image_point(environment: Environment, point: list[float]) -> dict[str, float]:
    """The image point that shows a point of the world."""
    camera = environment.camera
    right, up, forward = camera.axes()
    away = np.array(point) - camera.position
    half_width, half_height = camera.half_size()
    depth = away @ forward
    return {
        "x": float((1 + away @ right / depth / half_width) / 2),
        "y": float((1 - away @ up / depth / half_height) / 2),
    }


HANDLE = [0.0, FRONT, 0.76]
"""A point of the drawer's front."""
TABLE = [-0.1, FRONT + 0.1, 0.9]
"""A point of the worktop above it."""


def test_opening_and_closing_by_id(environment):
    drawer = name_of(environment, DRAWER)
    ids = list(environment.ids)
    before = described(environment, DRAWER)
    assert (before["openable"], before["isOpen"], before["openness"], before["visible"]) == (True, False, 0.0, True)
    do(environment, "OpenObject", objectId=drawer)
    after = described(environment, DRAWER)
    assert (after["isOpen"], after["openness"]) == (True, 1.0)
    assert after["position"]["z"] == pytest.approx(before["position"]["z"] - 0.432)
    do(environment, "OpenObject", objectId=drawer)  # opening an open one is no error
    do(environment, "OpenObject", objectId=drawer, openness=0.25)
    assert described(environment, DRAWER)["openness"] == 0.25
    do(environment, "CloseObject", objectId=drawer)
    assert described(environment, DRAWER) == before
    do(environment, "CloseObject", objectId=drawer)
    assert environment.ids == ids


def test_opening_and_closing_by_an_image_point(environment):
    point = image_point(environment, HANDLE)
    do(environment, "OpenObject", **point, openness=0.5)
    assert described(environment, DRAWER)["openness"] == 0.5
    do(environment, "CloseObject", **image_point(environment, [0.0, FRONT - 0.216, 0.76]))
    assert described(environment, DRAWER)["openness"] == 0.0


def test_what_cannot_be_opened(environment):
    drawer = name_of(environment, DRAWER)
    for openness in (-0.1, 1.1):
        fails(environment, "OpenObject", "openness must be between", objectId=drawer, openness=openness)
    fails(environment, "OpenObject", "no object 'Drawer|9'", objectId="Drawer|9")
    fails(environment, "OpenObject", "is not an Openable object", objectId=name_of(environment, "Bowl_1"))
    fails(environment, "OpenObject", "must be named", code="MissingArguments")
    fails(environment, "OpenObject", "must be named", code="MissingArguments", x=0.5)
    fails(environment, "OpenObject", "not by both", code="InvalidArgument", objectId=drawer, x=0.5, y=0.5)
    fails(environment, "OpenObject", "outside the agent's view", x=1.1, y=0.5)
    fails(environment, "CloseObject", "is not an Openable object", arguments=image_point(environment, TABLE))


def test_it_must_be_visible(environment):
    drawer = name_of(environment, DRAWER)
    stand(environment, 0.0, BACK, yaw=180.0)
    for action in ("OpenObject", "CloseObject"):
        fails(environment, action, "is not visible", objectId=drawer)
    do(environment, "OpenObject", objectId=drawer, forceAction=True)
    do(environment, "CloseObject", objectId=drawer, forceAction=True)
    stand(environment, 0.0, FRONT - 1.6, horizon=10.0)  # too far away
    fails(environment, "OpenObject", "is not visible", objectId=drawer)
    fails(environment, "OpenObject", "is not visible", arguments=image_point(environment, HANDLE))
    do(environment, "OpenObject", **image_point(environment, HANDLE), forceAction=True)


def test_the_agent_is_in_the_way(environment):
    stand(environment, 0.0, NEAR, horizon=60.0)
    fails(environment, "OpenObject", "Openable object collided with the agent", objectId=name_of(environment, DRAWER))
    do(environment, "OpenObject", objectId=name_of(environment, DRAWER), forceAction=True)
    assert described(environment, DRAWER)["isOpen"]


def test_stopping_at_what_can_move(environment):
    room = environment.room
    start = room.model.jnt_qposadr[room.model.body("Box_1").jntadr[0]]
    stand(environment, -0.6, BACK)
    room.data.qpos[start : start + 3] = [0.0, FRONT - 0.2, 0.0]
    room.physics.place(room.data.qpos.copy())
    room.physics.run_to_rest()
    door, box = name_of(environment, DOOR), name_of(environment, "Box_1")
    fails(environment, "OpenObject", f"Openable object collided with {box.split('|')[0]}", objectId=door,
          stopAtNonStaticCol=True)  # fmt: skip
    do(environment, "OpenObject", objectId=door)


def test_opening_at_a_location(environment):
    table = image_point(environment, TABLE)
    missing = "no closed openable"
    fails(environment, "OpenObjectAtLocation", missing, arguments=table)
    fails(environment, "OpenObjectAtLocation", missing, arguments=table, z=0.02)
    fails(environment, "OpenObjectAtLocation", missing, x=7.0, y=0.5, z=0.1)
    do(environment, "OpenObjectAtLocation", **table, z=0.3)
    assert described(environment, DRAWER)["openness"] == 1.0
    assert described(environment, DOOR)["openness"] == 0.0
    # It is open now, and it hides the door below.
    fails(environment, "OpenObjectAtLocation", missing, arguments=table, z=0.3)
    do(environment, "CloseObject", objectId=name_of(environment, DRAWER))
    do(environment, "OpenObjectAtLocation", **image_point(environment, [0.1, FRONT, 0.6]))
    assert described(environment, DOOR)["openness"] == 1.0


def test_a_location_ignores_obstacles(environment):
    stand(environment, 0.0, NEAR, horizon=60.0)
    do(environment, "OpenObjectAtLocation", x=0.5, y=0.5, z=0.5)
    assert described(environment, DRAWER)["isOpen"] or described(environment, DOOR)["isOpen"]


def test_closing_all_that_is_visible(environment):
    fails(environment, "CloseVisibleObjects", "no open object that is visible")
    for name in (DRAWER, DOOR):
        do(environment, "OpenObject", objectId=name_of(environment, name), forceAction=True)
    stand(environment, 0.0, BACK, yaw=180.0)
    fails(environment, "CloseVisibleObjects", "no open object that is visible")
    stand(environment, 0.0, BACK)
    do(environment, "CloseVisibleObjects")
    assert not environment.room.parts.openness.any()


def test_closed_containers_hide_their_contents(environment):
    cup = number(environment.room, "Cup_1")
    assert not described(environment, "Cup_1")["visible"]
    closed = environment.images(True)[-1][1].copy()
    do(environment, "OpenObject", objectId=name_of(environment, DRAWER))
    assert described(environment, "Cup_1")["visible"]
    color = np.array(
        next(one["color"] for one in environment.describe()["colors"] if one["name"] == environment.ids[cup])
    )

    def shown(image: np.ndarray) -> bool:
        return bool((image[..., :3] == color).all(-1).any())

    assert not shown(closed)
    assert shown(environment.images(True)[-1][1])


def test_receptacles_in_the_metadata(environment):
    drawer, counter = name_of(environment, DRAWER), name_of(environment, "CounterTop_1")
    cup, apple, dish = (name_of(environment, name) for name in ("Cup_1", "Apple_1", "Bowl_1"))
    assert described(environment, "Cup_1")["parentReceptacles"] == [drawer]
    assert set(described(environment, "Apple_1")["parentReceptacles"]) == {dish, counter}
    assert described(environment, "Box_1")["parentReceptacles"] is None
    assert described(environment, DRAWER)["receptacleObjectIds"] == [cup]
    assert described(environment, DOOR)["receptacleObjectIds"] == []
    assert set(described(environment, "CounterTop_1")["receptacleObjectIds"]) == {apple, dish}
    assert described(environment, "Apple_1")["receptacleObjectIds"] is None
    for name, receptacle in ((DRAWER, True), ("Bowl_1", True), ("Apple_1", False)):
        assert described(environment, name)["receptacle"] is receptacle
    do(environment, "OpenObject", objectId=drawer)
    assert described(environment, "Cup_1")["parentReceptacles"] == [drawer]


def test_the_held_object_in_the_metadata(environment):
    assert environment.describe()["inventoryObjects"] == []
    hold(environment.room, "Apple_1")
    try:
        assert described(environment, "Apple_1")["isPickedUp"] is True
        assert described(environment, "Apple_1")["parentReceptacles"] is None
        assert described(environment, "Cup_1")["isPickedUp"] is False
        assert environment.describe()["inventoryObjects"] == [
            {"objectId": name_of(environment, "Apple_1"), "objectType": "Apple"}
        ]
    finally:
        hold(environment.room)


def test_a_filter_limits_the_metadata(environment):
    everything = environment.describe()["objects"]
    wanted = [name_of(environment, "Cup_1"), name_of(environment, DRAWER)]
    do(environment, "SetObjectFilter", objectIds=[*wanted, "Cup|9"])
    some = environment.describe()["objects"]
    assert some == [one for one in everything if one["objectId"] in wanted]
    assert len(some) == 2
    do(environment, "SetObjectFilter", objectIds=[])
    assert environment.describe()["objects"] == []
    do(environment, "ResetObjectFilter")
    assert environment.describe()["objects"] == everything
    do(environment, "SetObjectFilter", objectIds=wanted)
    do(environment, "Reset", sceneName="FloorPlan1")
    assert len(environment.describe()["objects"]) == len(everything)


def test_visible_means_near_the_agents_axis(environment):
    points = np.array([[0.0, BACK + 1.2, 0.2], [0.0, BACK, 2.0], [0.3, BACK, 1.975]])
    camera = environment.camera  # at a height of 1.575 m
    np.testing.assert_allclose(axis_distances(camera, points), [1.2, 0.425, 0.5], atol=1e-9)
    # The door is 1.0 m away from the agent, and 1.3 m and more from its camera.
    door = number(environment.room, DOOR)
    assert visible_objects(environment.room, camera, 1.05)[door]
    assert not visible_objects(environment.room, camera, 0.95)[door]
    assert not visible_objects(environment.room, camera, 1.05, only=number(environment.room, DRAWER))[door]


def test_through_the_client(start_client):
    client = start_client(EXECUTABLE, scene="FloorPlan2", renderInstanceSegmentation=True)
    found = None
    for place in client.step("GetReachablePositions").metadata["actionReturn"]:
        for yaw in (0, 90, 180, 270):
            event = client.step("TeleportFull", position=place, rotation=yaw, horizon=30, standing=True)
            for one in event.metadata["objects"]:
                if found is None and one["openable"] and one["visible"] and one["objectType"] == "Drawer":
                    opened = client.step("OpenObject", objectId=one["objectId"])
                    found = (event, opened, one["objectId"]) if opened.metadata["lastActionSuccess"] else None
        if found is not None:
            break
    assert found is not None
    before, opened, name = found
    assert opened.get_object(name)["isOpen"]
    assert (before.frame != opened.frame).any()
    assert opened.instance_masks[name].sum() > 0
    idle = client.step("Pass")
    np.testing.assert_array_equal(idle.frame, client.step("Pass").frame)
    assert not client.step("OpenObject", objectId=name, openness=2.0).metadata["lastActionSuccess"]
    with pytest.raises(ValueError, match="must be named"):
        client.step("OpenObject")
    closed = client.step("CloseObject", objectId=name, forceAction=True)
    assert closed.metadata["lastActionSuccess"]
    assert not closed.get_object(name)["isOpen"]
    client.step("SetObjectFilter", objectIds=[name])
    assert [one["objectId"] for one in client.step("Pass").metadata["objects"]] == [name]

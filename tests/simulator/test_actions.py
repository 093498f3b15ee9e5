"""Every action through the real, unmodified client: its own process, real pipes and real images.

It is one file because all tests share one client and its rooms, whose start takes seconds.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simulator.wire.actions import ACTIONS, STRUCTURE
from tests.simulator.conftest import BOX_ROOMS

FORWARD = {"x": 1, "y": 1, "z": 1}


@pytest.fixture(autouse=True)
def fresh(client):
    """Every test starts in the fresh box room, in front of the table."""
    client.reset("FloorPlan1")
    assert stand(client)


def stand(client, x=0.0, z=0.75, yaw=0.0, horizon=30.0, **more):
    return client.step(
        "TeleportFull", position={"x": x, "y": 0.9, "z": z}, rotation={"y": yaw}, horizon=horizon, standing=True, **more
    )


def described(event, category):
    return next(one for one in event.metadata["objects"] if one["objectType"] == category)


def middle(event, category):
    """Image point in the middle of an object's mask."""
    rows, columns = np.nonzero(event.instance_masks[described(event, category)["objectId"]])
    return {"x": (float(np.median(columns)) + 0.5) / 300, "y": (float(np.median(rows)) + 0.5) / 300}


def touch(client, category, magnitude=30.0, reach=1.5, direction=FORWARD):
    point = middle(client.last_event, category)
    return client.step("TouchThenApplyForce", **point, direction=direction, moveMagnitude=magnitude, handDistance=reach)


def moved(before, after, category):
    places = [described(event, category)["position"] for event in (before, after)]
    return math.dist(*(list(place.values()) for place in places))


def test_a_touch_pushes_as_the_command_line_says(start_client):
    def distance(options):
        started = start_client(f"{BOX_ROOMS} {options}", renderDepthImage=True, renderInstanceSegmentation=True)
        stand(started)
        before = started.last_event
        distance = moved(before, touch(started, "Mug"), "Mug")
        started.stop()
        return distance

    # A seventieth of the force does not overcome friction. If the hand lets go at a third of the speed, the mug slides
    # less.
    usual = distance("")
    assert usual > 0.05
    assert distance("--push-force-scale 0.01") < 0.005
    assert 0.005 < distance("--push-hand-speed 0.5") < 0.6 * usual


def test_what_an_observation_holds(client):
    event = client.step("Pass")
    assert event.frame.shape == (300, 300, 3) and event.frame.dtype == np.uint8 and event.frame.std() > 10
    assert event.depth_frame.shape == (300, 300) and event.depth_frame.dtype == np.float32
    assert event.metadata["sceneName"] == "FloorPlan1_physics"
    assert event.metadata["depthFormat"] == "Meters"
    assert event.metadata["fov"] == 90.0
    assert event.metadata["lastAction"] == "Pass" and event.metadata["lastActionSuccess"]
    agent = event.metadata["agent"]
    assert agent["position"] == {"x": 0.0, "y": 0.9, "z": 0.75}
    assert agent["rotation"]["y"] == 0.0 and agent["cameraHorizon"] == 30.0 and agent["isStanding"]
    assert event.metadata["cameraPosition"]["y"] == pytest.approx(1.575)
    pot = described(event, "Pot")
    assert pot["objectId"].startswith("Pot|") and pot["mass"] == 1.0 and pot["pickupable"] and not pot["moveable"]
    assert pot["visible"] and not pot["isMoving"]
    assert pot["position"] == pytest.approx({"x": 0.2, "y": 0.88, "z": 1.45}, abs=0.01)
    assert described(event, "Television")["moveable"]
    assert not described(event, "Chair")["visible"]
    # The client's own masks and detections work, and depth under a mask is that of the object.
    assert event.instance_masks[pot["objectId"]].sum() > 100
    assert event.class_masks["Pot"].sum() == event.instance_masks[pot["objectId"]].sum()
    assert len(event.color_to_object_id) == len(event.metadata["colors"])


def test_the_scenes(client):
    assert client.scenes_in_build == {"FloorPlan1_physics", "FloorPlan2_physics", "FloorPlan3_physics"}
    with pytest.raises(ValueError, match="not contained"):
        client.reset("FloorPlan4")
    with pytest.raises(ValueError, match="no scene 'FloorPlan4'"):
        client.step("Reset", sceneName="FloorPlan4")
    # After a failed reset no room is loaded, not even the previous one.
    event = client.step("Pass")
    assert not event and "no scene 'FloorPlan4'" in event.metadata["errorMessage"]
    assert client.reset("FloorPlan2").metadata["sceneName"] == "FloorPlan2_physics"


def test_a_touch_pushes_an_object_and_returns_its_id(client):
    before = client.last_event
    after = touch(client, "Mug")
    assert after.metadata["lastActionSuccess"]
    result = after.metadata["actionReturn"]
    assert result["didHandTouchSomething"] and result["objectId"] == described(before, "Mug")["objectId"]
    assert 0.5 < result["armsLength"] < 1.5
    assert moved(before, after, "Mug") > 0.05
    assert after.metadata["isSceneAtRest"]
    assert (after.frame != before.frame).any()


def test_the_arm_is_as_long_as_the_ray(client):
    event = client.last_event
    point = middle(event, "Pot")
    row, column = int(point["y"] * 300), int(point["x"] * 300)
    lengthening = math.sqrt(1 + ((column - 149.5) ** 2 + (row - 149.5) ** 2) / 150**2)
    result = touch(client, "Pot", magnitude=0.0).metadata["actionReturn"]
    assert result["armsLength"] == pytest.approx(float(event.depth_frame[row, column]) * lengthening, abs=1e-3)


@pytest.mark.parametrize(("yaw", "direction", "axis", "sign"), [
    (0, {"x": 1, "y": 0, "z": 0}, "x", 1), (0, {"x": 0, "y": 0, "z": -1}, "z", -1),
    (30, {"x": -1, "y": 0, "z": 0}, "x", -1), (30, {"x": 0, "y": 0, "z": -1}, "x", -1),
])  # fmt: skip
def test_directions_are_the_bodys(client, yaw, direction, axis, sign):
    stand(client, yaw=yaw)
    before = client.last_event
    after = touch(client, "Pot", direction=direction)
    change = described(after, "Pot")["position"][axis] - described(before, "Pot")["position"][axis]
    assert change * sign > 0.03


def test_too_small_a_force_moves_nothing(client):
    for magnitude in (0.0, 5.0):
        before = client.last_event
        assert moved(before, touch(client, "Vase", magnitude=magnitude), "Vase") < 0.01


def test_fixed_objects_and_structure_are_touched_but_not_pushed(client):
    before = client.last_event
    event = client.step("TouchThenApplyForce", x=0.5, y=0.95, direction=FORWARD, moveMagnitude=200, handDistance=1.5)
    result = event.metadata["actionReturn"]
    assert event.metadata["lastActionSuccess"] and result["objectId"].startswith("CounterTop|")
    np.testing.assert_array_equal(event.frame, before.frame)
    stand(client, z=0.0, yaw=270, x=-1.2, horizon=0)
    event = client.step("TouchThenApplyForce", x=0.5, y=0.5, direction=FORWARD, moveMagnitude=200, handDistance=1.5)
    result = event.metadata["actionReturn"]
    assert event.metadata["lastActionSuccess"] and result["objectId"] == STRUCTURE
    assert result["armsLength"] == pytest.approx(0.8, abs=1e-3)


def test_nothing_in_reach(client):
    stand(client, z=-1.0, horizon=0)
    event = client.step("TouchThenApplyForce", x=0.5, y=0.5, direction=FORWARD, moveMagnitude=5, handDistance=1.25)
    assert event.metadata["lastActionSuccess"]
    assert event.metadata["actionReturn"] == {
        "didHandTouchSomething": False, "objectId": "", "armsLength": 1.25,
    }  # fmt: skip


def test_beyond_visibility_or_the_view_fails(client):
    far = {"direction": FORWARD, "moveMagnitude": 5, "handDistance": 3.5}
    stand(client, z=-1.0, horizon=0)
    event = client.step("TouchThenApplyForce", x=0.5, y=0.5, **far)
    assert not event and "visibilityDistance" in event.metadata["errorMessage"]
    event = client.step("TouchThenApplyForce", x=0.5, y=0.5, **(far | {"handDistance": 2.5}))  # meets nothing
    assert not event and "visibilityDistance" in event.metadata["errorMessage"]
    event = client.step("TouchThenApplyForce", x=1.2, y=0.5, **far)
    assert not event and "view" in event.metadata["errorMessage"]
    # A near hit of a long arm is fine.
    stand(client)
    assert touch(client, "Pot", reach=5.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"x": "left"}, {"y": None}, {"x": float("nan")}, {"direction": [1, 1, 1]}, {"direction": {"x": float("inf")}},
        {"moveMagnitude": -1}, {"handDistance": -1}, {"handDistance": {}},
    ],
)  # fmt: skip
def test_wrong_touches_raise_and_the_simulator_lives_on(client, wrong):
    right = {"x": 0.5, "y": 0.5, "direction": FORWARD, "moveMagnitude": 5, "handDistance": 1.5}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        client.step("TouchThenApplyForce", **(right | wrong))
    assert client.last_event.metadata["errorCode"] in ("InvalidArgument", "MissingArguments")
    assert client.step("TouchThenApplyForce", **right)


def test_unknown_actions_and_missing_arguments(client):
    with pytest.raises(ValueError, match="no action 'FlyAway'"):
        client.step("FlyAway")
    assert client.last_event.metadata["errorCode"] == "InvalidAction"
    with pytest.raises(ValueError, match="needs the argument 'horizon'"):
        client.step("TeleportFull", position={"x": 0, "y": 0.9, "z": 0}, rotation=0)
    assert client.last_event.metadata["errorCode"] == "MissingArguments"
    with pytest.raises(ValueError, match="no argument 'speed'"):
        client.step("AdvancePhysicsStep", speed=1)
    assert client.last_event.metadata["errorCode"] == "InvalidArgument"
    assert client.step("Done")


def test_a_second_observation_changes_no_pixel(client):
    for category in ("Cup", "Mug", "Pot"):
        touched = touch(client, category, magnitude=200.0, direction={"x": -1, "y": 2, "z": 1})
        observed = client.step("Pass")
        np.testing.assert_array_equal(touched.frame, observed.frame)
        np.testing.assert_array_equal(touched.depth_frame, observed.depth_frame)


def test_teleport_both_forms_and_its_limits(client):
    event = client.step("TeleportFull", x=0.5, y=0.9, z=-0.5, rotation=90, horizon=-10.0)
    assert event.metadata["agent"]["position"] == {"x": 0.5, "y": 0.9, "z": -0.5}
    assert event.metadata["agent"]["rotation"]["y"] == 90.0
    event = stand(client, yaw=-90.0)
    assert event.metadata["agent"]["rotation"]["y"] == 270.0
    crouched = client.step(
        "TeleportFull", position={"x": 0, "y": 0.9, "z": 0}, rotation={"y": 0}, horizon=0, standing=False
    )
    assert crouched.metadata["cameraPosition"]["y"] == pytest.approx(1.355)
    assert not crouched.metadata["agent"]["isStanding"]
    pose = crouched.metadata["agent"]
    for wrong, said in (
        ({"z": 1.5}, "taken by CounterTop"), ({"x": 1.3, "z": -0.8}, "taken by Box"), ({"x": 1.9}, "outside"),
        ({"z": 7.0}, "outside"), ({"horizon": 80.0}, "horizon"),
    ):  # fmt: skip
        event = stand(client, **wrong)
        assert not event and said in event.metadata["errorMessage"]
        assert event.metadata["agent"] == pose
    event = client.step("TeleportFull", x=0, y=1.4, z=0, rotation=0, horizon=0)
    assert not event and "floor" in event.metadata["errorMessage"]
    assert stand(client, z=1.5, forceAction=True)
    with pytest.raises(ValueError, match="position"):
        client.step("TeleportFull", x=0, z=0, rotation=0, horizon=0)


def test_reachable_positions_can_all_be_stood_at(client):
    stand(client, x=0.1, z=0.0)
    points = client.step("GetReachablePositions").metadata["actionReturn"]
    assert len(points) > 50 and {"x": 0.1, "y": 0.9, "z": 0.0} in points
    for point in points[::7]:
        assert client.step("TeleportFull", position=point, rotation=0, horizon=0, renderImage=False)
    client.reset("FloorPlan3")  # a low wall at x = -1
    points = client.step("GetReachablePositions").metadata["actionReturn"]
    assert min(point["x"] for point in points) >= -0.75


def test_spawn_moves_objects_by_the_seed_alone(client):
    before = client.last_event
    first = client.step("InitialRandomSpawn", randomSeed=7, forceVisible=True, numPlacementAttempts=5)
    assert (first.frame != before.frame).any()
    assert described(first, "Pot")["objectId"] != described(before, "Pot")["objectId"]
    np.testing.assert_array_equal(client.step("Pass").frame, first.frame)
    other = client.step("InitialRandomSpawn", randomSeed=8)
    assert (other.frame != first.frame).any()
    again = client.step("InitialRandomSpawn", seed=7)
    np.testing.assert_array_equal(again.frame, first.frame)
    assert [one["objectId"] for one in again.metadata["objects"]] == [
        one["objectId"] for one in first.metadata["objects"]
    ]
    with pytest.raises(ValueError, match="randomSeed"):
        client.step("InitialRandomSpawn", randomSeed=-1)
    with pytest.raises(ValueError, match="'randomSeed' and 'seed'"):
        client.step("InitialRandomSpawn", randomSeed=1, seed=2)
    with pytest.raises(ValueError, match="excludedReceptacles"):
        client.step("InitialRandomSpawn", randomSeed=1, excludedReceptacles=["CounterTop"])


def test_reset_puts_everything_back(client):
    before = client.last_event
    touch(client, "Pot", magnitude=200.0)
    client.step("SetMassProperties", objectId=described(before, "Vase")["objectId"], mass=0.1, drag=0, angularDrag=0.05)
    client.reset("FloorPlan1")
    after = stand(client)
    np.testing.assert_array_equal(after.frame, before.frame)
    assert after.metadata["objects"] == before.metadata["objects"]


def test_mass_decides_what_moves(client):
    before = client.last_event
    name = described(before, "Vase")["objectId"]
    event = client.step("SetMassProperties", objectId=name, mass=0.2, drag=0.0, angularDrag=0.05)
    assert described(event, "Vase")["mass"] == pytest.approx(0.2)
    np.testing.assert_array_equal(event.frame, before.frame)
    assert moved(event, touch(client, "Vase", magnitude=5.0), "Vase") > 0.05
    assert not client.step("SetMassProperties", objectId="Vase|1", mass=1, drag=0, angularDrag=0)
    table = described(before, "CounterTop")["objectId"]
    assert not client.step("SetMassProperties", objectId=table, mass=1, drag=0, angularDrag=0)
    with pytest.raises(ValueError, match="mass"):
        client.step("SetMassProperties", objectId=name, mass=0, drag=0, angularDrag=0)


def test_drag_slows(client):
    name = described(client.last_event, "Mug")["objectId"]
    client.step("SetMassProperties", objectId=name, mass=0.3, drag=20.0, angularDrag=20.0)
    before = client.last_event
    slow = moved(before, touch(client, "Mug"), "Mug")
    client.reset("FloorPlan1")
    stand(client)
    before = client.last_event
    assert 0 < slow < 0.7 * moved(before, touch(client, "Mug"), "Mug")


def test_paused_physics_shows_the_motion_step_by_step(client):
    assert not client.step("AdvancePhysicsStep", timeStep=0.02)
    client.step("PausePhysicsAutoSim")
    before = client.last_event
    touched = touch(client, "Mug", direction={"x": 1, "y": 1, "z": 0})
    np.testing.assert_array_equal(touched.frame, before.frame)
    assert not touched.metadata["isSceneAtRest"]
    travelled, moving = [], []
    for _ in range(60):
        event = client.step("AdvancePhysicsStep", timeStep=0.05)
        travelled.append(moved(before, event, "Mug"))
        moving.append(described(event, "Mug")["isMoving"])
    assert 0 < travelled[0] < travelled[1] < travelled[2]
    assert moving[0] and not moving[-1]
    for wrong in (0.06, 0.0, -0.01):
        assert not client.step("AdvancePhysicsStep", timeStep=wrong)
    event = client.step("UnpausePhysicsAutoSim")
    assert event.metadata["isSceneAtRest"]
    # The same touch without pausing ends at the same place.
    client.reset("FloorPlan1")
    stand(client)
    at_once = moved(client.last_event, touch(client, "Mug", direction={"x": 1, "y": 1, "z": 0}), "Mug")
    assert at_once == pytest.approx(travelled[-1], abs=0.02)  # both stop below 4 cm/s


def test_unpausing_lets_objects_come_to_rest(client):
    client.step("PausePhysicsAutoSim")
    before = client.last_event
    touch(client, "Mug")
    event = client.step("UnpausePhysicsAutoSim")
    assert event.metadata["isSceneAtRest"] and moved(before, event, "Mug") > 0.05


def test_everything_moveable_is_so_already(client):
    before = client.last_event
    after = client.step("MakeAllObjectsMoveable")
    assert after.metadata["lastActionSuccess"]
    np.testing.assert_array_equal(before.frame, after.frame)


def test_images_can_be_left_out(client):
    event = client.step("Pass", renderImage=False)
    assert event.frame is None and event.depth_frame is None
    assert client.step("Pass").frame is not None


def test_initialize_sets_what_is_seen(client):
    event = client.reset("FloorPlan1", renderInstanceSegmentation=False, fieldOfView=60, visibilityDistance=3.0)
    assert event.instance_segmentation_frame is None and event.metadata["fov"] == 60.0
    assert event.metadata["colors"] is None
    assert event.metadata["actionReturn"] == {"cameraNearPlane": 0.1, "cameraFarPlane": 20.0}
    event = client.reset("FloorPlan1", renderInstanceSegmentation=True, fieldOfView=90, visibilityDistance=1.5)
    assert event.instance_segmentation_frame is not None
    for wrong in (
        {"fieldOfView": 0}, {"gridSize": 0}, {"visibilityDistance": -1}, {"agentMode": "drone"},
        {"renderSemanticSegmentation": True}, {"renderDepthImage": "yes"}, {"someKeywordOfUnitys": 3},
        {"agentCount": 2}, {"visibilityScheme": "Distance"}, {"applyActionNoise": True}, {"timeScale": 0.5},
        {"renderNormalsImage": True}, {"simplifyPhysics": True}, {"massThreshold": 1},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=next(iter(wrong))):
            client.step("Initialize", **(client.initialization_parameters | wrong))
    assert client.step("Pass").instance_segmentation_frame is not None


def test_a_controller_with_what_is_not_implemented_does_not_start(start_client):
    with pytest.raises(ValueError, match="'agentCount' must be 1, not 2"):
        start_client(agentCount=2)
    with pytest.raises(ValueError, match="'applyActionNoise' must be false, not True"):
        start_client(applyActionNoise=True)
    started = start_client(agentCount=1, agentMode="default", visibilityScheme="Collider", fastActionEmit=True)
    assert started.step("Pass", agentId=0)


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_no_action_takes_another_agent_or_an_unknown_argument(client, name):
    arguments: dict[str, dict[str, Any]] = {
        "Reset": {"sceneName": "FloorPlan1_physics"},
        "ChangeResolution": {"x": 300, "y": 300},
        "TeleportFull": {"x": 0, "y": 0.9, "z": 0, "rotation": 0, "horizon": 0},
        "TouchThenApplyForce": {"x": 0.5, "y": 0.5, "direction": FORWARD, "moveMagnitude": 5, "handDistance": 1},
        "SetMassProperties": {"objectId": "a", "mass": 1, "drag": 0, "angularDrag": 0},
        "OpenObjectAtLocation": {"x": 0.5, "y": 0.5},
        "SetObjectFilter": {"objectIds": ["a"]},
    }
    right = arguments.get(name, {})
    before = client.step("Pass")
    for wrong in ({"agentId": 1}, {"unheardOf": False}, {"simplifyPhysics": True}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            client.step(name, **right, **wrong)
        assert client.last_event.metadata["errorCode"] == "InvalidArgument"
    after = client.step("Pass")
    assert after.metadata["agent"] == before.metadata["agent"]
    assert after.metadata["objects"] == before.metadata["objects"]


def test_values_of_initialize_may_be_repeated_with_any_action(client):
    assert client.step("Pass", renderInstanceSegmentation=True, visibilityDistance=1.5)
    for wrong in ({"renderInstanceSegmentation": False}, {"visibilityDistance": 3.0}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}.* as Initialize set it"):
            client.step("Pass", **wrong)


def test_the_clients_variable_for_visibility_still_starts(start_client, monkeypatch):
    # The client adds the keyword to every action, also to those before the first Initialize.
    monkeypatch.setenv("AI2THOR_VISIBILITY_DISTANCE", "3.0")
    started = start_client(width=200, height=200)
    assert started.step("Pass")
    assert started.reset("FloorPlan2", width=320, height=300).frame.shape == (300, 320, 3)


def test_a_place_is_sent_once_and_the_agent_does_not_lean(client):
    with pytest.raises(ValueError, match="not as both"):
        client.step("Teleport", position={"x": 0, "y": 0.9, "z": 0}, x=0.5)
    with pytest.raises(ValueError, match="'rotation' must have x and z = 0"):
        client.step("Teleport", rotation={"x": 30, "y": 0, "z": 0})


def test_the_resolution_changes(client):
    event = client.reset("FloorPlan1", width=200, height=100)
    assert event.frame.shape == (100, 200, 3) and event.depth_frame.shape == (100, 200)
    for wrong in (0, 5000, 1.5):
        with pytest.raises(ValueError, match="'x'"):
            client.step("ChangeResolution", x=wrong, y=100)
    assert client.reset("FloorPlan1", width=300, height=300).frame.shape == (300, 300, 3)

"""The world turned about the agent: images, rays, metadata and the grid agree in the client's frame."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.wire.actions import perform
from simulator.wire.environment import ActionFailed, Environment, Limits
from simulator.wire.protocol import Field
from simulator.world.frame import WORLD
from simulator.world.rendering import Quality
from simulator.world.sources import generated_rooms

PLACES = st.tuples(st.floats(-5, 5), st.floats(-5, 5))


@pytest.fixture(scope="module")
def environment():
    made = Environment(generated_rooms(), Limits(0.008, 4.0, 2), Quality(False, 0), 64, 64)
    yield made
    made.close()


def do(environment: Environment, action: str, **arguments: Any) -> Any:
    return perform(environment, {"action": action, **arguments})[0]


def start(environment: Environment, scene: str = "FloorPlan3", **initialize: Any) -> None:
    do(environment, "Reset", sceneName=scene)
    do(environment, "Initialize", renderDepthImage=True, renderInstanceSegmentation=True, **initialize)
    environment.move_agent(horizon=30.0)


def images_of(environment: Environment) -> dict[Field, np.ndarray]:
    return {field: image.copy() for field, image in environment.images(True)}


def differ(one: dict[Field, np.ndarray], other: dict[Field, np.ndarray]) -> float:
    """The largest share of pixels that differ visibly, over the kinds of image."""
    rgb = np.abs(one[Field.RGB].astype(int) - other[Field.RGB]).max(-1) > 2
    depth = np.abs(one[Field.DEPTH] - other[Field.DEPTH]) > 1e-3
    instances = (one[Field.INSTANCES] != other[Field.INSTANCES]).any(-1)
    return float(max(rgb.mean(), depth.mean(), instances.mean()))


@given(turns=st.lists(st.tuples(st.integers(-720, 720), PLACES), max_size=4), point=PLACES)
def test_frames_convert_there_and_back(turns, point):
    frame = WORLD
    for angle, place in turns:
        # The point about which the world turns stays where it is.
        there = frame.from_client(np.array(place))
        frame = frame.turned(angle, place)
        np.testing.assert_allclose(frame.to_client(there), place, atol=1e-9)
    tall = np.array([*point, 0.7])
    np.testing.assert_allclose(frame.from_client(frame.to_client(tall)), tall, atol=1e-9)
    np.testing.assert_allclose(frame.to_client(np.array(point)), frame.to_client(tall)[:2])


def test_a_turn_is_clockwise():
    frame = WORLD.turned(90, (1.0, 0.0))
    # What was north of the agent is now east of it.
    np.testing.assert_allclose(frame.to_client(np.array([1.0, 2.0, 0.5])), [3.0, 0.0, 0.5], atol=1e-12)
    np.testing.assert_allclose(frame.rotation @ [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], atol=1e-12)


def test_four_quarters_restore_everything(environment):
    start(environment)
    before, described = images_of(environment), environment.describe()
    for quarter in range(4):
        do(environment, "RotateUniverseAroundAgent", rotation=90)
        if quarter < 3:
            assert differ(before, images_of(environment)) > 0.3
    assert environment.frame.same and environment.describe() == described
    for field, image in images_of(environment).items():
        np.testing.assert_array_equal(image, before[field])


def test_turning_the_agent_along_with_the_world_keeps_the_image(environment):
    start(environment)
    before = images_of(environment)
    pose = environment.describe()["agent"]
    do(environment, "RotateUniverseAroundAgent", rotation=37)
    assert environment.describe()["agent"] == pose
    assert differ(before, images_of(environment)) > 0.1
    do(environment, "RotateRight", degrees=37)
    assert differ(before, images_of(environment)) < 0.005


@pytest.mark.parametrize("rotation", [0.5, {"x": 90}, {"y": 1, "z": 1}])
def test_other_turns_are_refused(environment, rotation):
    start(environment)
    with pytest.raises(ActionFailed, match="'rotation' must be whole degrees about the vertical"):
        do(environment, "RotateUniverseAroundAgent", rotation=rotation)
    assert environment.frame.same


def test_initialize_sets_the_whole_turn(environment):
    start(environment, startAgentsRotatedBy=37)
    one = images_of(environment)
    do(environment, "Initialize", renderDepthImage=True, renderInstanceSegmentation=True, startAgentsRotatedBy=37)
    assert environment.frame.angle == 37 and differ(one, images_of(environment)) == 0.0
    do(environment, "Initialize", renderDepthImage=True)
    assert environment.frame.angle == 37
    start(environment)
    assert environment.frame.same
    do(environment, "RotateUniverseAroundAgent", rotation=37)
    assert differ(one, images_of(environment)) < 0.005


@pytest.mark.parametrize("angle", [37, 90, 301])
def test_depth_metadata_and_touches_agree(environment, angle):
    start(environment, visibilityDistance=20.0, snapToGrid=False)
    do(environment, "RotateUniverseAroundAgent", rotation=angle)
    described, camera = environment.describe(), environment.camera
    eyes = described["cameraPosition"]
    assert [eyes["x"], eyes["y"], eyes["z"]] == pytest.approx([environment.agent.x, 1.575, environment.agent.y])
    yaw = math.radians(described["agent"]["rotation"]["y"])
    depth = images_of(environment)[Field.DEPTH][::-1]
    right, _, forward = camera.axes()
    in_view = 0
    for row, column in np.random.default_rng(0).integers(64, size=(40, 2)):
        pick = environment.pick((column + 0.5) / 64, (row + 0.5) / 64, 50.0)
        assert pick is not None
        if abs(float((pick.point - camera.position) @ forward) - depth[row, column]) > 5e-3:
            continue  # a silhouette
        in_view += 1
        # The client computes the same point from its own pose and the image.
        side = (2 * (column + 0.5) / 64 - 1) * depth[row, column]
        tall = (1 - 2 * (row + 0.5) / 64) * depth[row, column]
        pitch = math.radians(-30.0)
        ahead = depth[row, column] * math.cos(pitch) - tall * math.sin(pitch)
        expected = [
            environment.agent.x + side * math.cos(yaw) + ahead * math.sin(yaw),
            environment.agent.y - side * math.sin(yaw) + ahead * math.cos(yaw),
            1.575 + depth[row, column] * math.sin(pitch) + tall * math.cos(pitch),
        ]
        np.testing.assert_allclose(environment.to_client(pick.point), expected, atol=0.02)
    assert in_view > 30
    # The hand's directions are the agent's: to its right is to the camera's right.
    np.testing.assert_allclose(environment.to_world(np.array([1.0, 0.0, 0.0])), right, atol=1e-12)


def test_objects_turn_with_the_world(environment):
    start(environment)
    before = environment.describe()
    do(environment, "RotateUniverseAroundAgent", rotation=90)
    after = environment.describe()
    x, y = environment.agent.x, environment.agent.y
    for one, other in zip(before["objects"], after["objects"], strict=True):
        there, here = one["position"], other["position"]
        assert here == pytest.approx({"x": x + there["z"] - y, "y": there["y"], "z": y - (there["x"] - x)}, abs=1e-9)
        assert one["objectId"] == other["objectId"] and one["distance"] == pytest.approx(other["distance"])
    upright = [
        (one["rotation"]["y"], other["rotation"]["y"])
        for one, other in zip(before["objects"], after["objects"], strict=True)
        if abs(math.remainder(one["rotation"]["x"], 360)) + abs(math.remainder(one["rotation"]["z"], 360)) < 1
    ]
    assert len(upright) > 5
    for one, other in upright:
        assert math.remainder(other - one - 90.0, 360.0) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("angle", [0, 37, 90, 180, 211])
def test_reachable_positions_are_free_and_on_the_grid(environment, angle):
    start(environment, startAgentsRotatedBy=angle)
    points = do(environment, "GetReachablePositions")
    places = np.array([[point["x"], point["z"]] for point in points])
    assert len(places) > 10
    np.testing.assert_allclose(places / 0.25, np.round(places / 0.25), atol=1e-6)
    assert environment.room.obstacles().free(environment.from_client(places)).all()
    for point in points:
        do(environment, "Teleport", position=point)
    # A walk ends where metadata says, and never outside what is reachable.
    known = {(round(x, 3), round(y, 3)) for x, y in places.tolist()}
    rng = np.random.default_rng(angle)
    for _ in range(150):
        with np.errstate(all="raise"):
            try:
                do(environment, str(rng.choice(["MoveAhead", "MoveLeft", "MoveRight", "RotateRight"])))
            except ActionFailed:
                continue
        assert (round(environment.agent.x, 3), round(environment.agent.y, 3)) in known


def test_a_quarter_reaches_the_same_places(environment):
    start(environment)
    one = environment.room.obstacles().reachable(environment.agent.x, environment.agent.y, 0.25)
    do(environment, "RotateUniverseAroundAgent", rotation=90)
    turned = do(environment, "GetReachablePositions")
    other = environment.from_client(np.array([[point["x"], point["z"]] for point in turned]))
    assert {tuple(np.round(point, 6) + 0.0) for point in one} == {tuple(np.round(point, 6) + 0.0) for point in other}


def described(environment: Environment, name: str) -> dict[str, Any]:
    return next(one for one in environment.describe()["objects"] if one["objectId"] == name)


def test_hands_and_new_objects_are_in_the_clients_frame(environment):
    start(environment, startAgentsRotatedBy=37, visibilityDistance=3.0)
    agent = environment.agent
    name = do(environment, "CreateObject", objectType="Tomato", forceAction=True)
    held = described(environment, name)["position"]
    # It is straight ahead of the agent, which faces north for the client.
    assert held["x"] == pytest.approx(agent.x, abs=0.02) and 0.2 < held["z"] - agent.y < 0.8
    with pytest.raises(ActionFailed, match="empty hand"):
        do(environment, "RotateUniverseAroundAgent", rotation=10)
    with pytest.raises(ActionFailed, match="empty hand"):
        do(environment, "Initialize", startAgentsRotatedBy=10, fieldOfView=60)
    assert environment.frame.angle == 37 and environment.view.field_of_view == 90.0
    do(environment, "Initialize", startAgentsRotatedBy=37, visibilityDistance=3.0)
    do(environment, "MoveHeldObjectRight", moveMagnitude=0.1)
    moved = described(environment, name)["position"]
    assert moved["x"] - held["x"] == pytest.approx(0.1, abs=1e-6)
    assert moved["z"] == pytest.approx(held["z"], abs=1e-6)
    # The places that the room offers are those at which an object can be placed.
    tables = [obj["objectId"] for obj in environment.describe()["objects"] if obj["objectType"] == "CounterTop"]
    points = do(environment, "GetSpawnCoordinatesAboveReceptacle", objectId=tables[0])
    placed = 0
    for point in points[:: len(points) // 12]:
        try:
            do(environment, "PlaceObjectAtPoint", objectId=name, position=point, rotation={"y": 50.0})
        except ActionFailed:
            continue
        placed += 1
        there = described(environment, name)
        assert math.hypot(there["position"]["x"] - point["x"], there["position"]["z"] - point["z"]) < 0.1
    assert placed > 2
    for place in do(environment, "SpamObjectsInRoom", objectId=name, count=3):
        assert {"x", "y", "z"} == set(place["position"])
        world = environment.from_client(np.array([place["position"]["x"], place["position"]["z"]]))
        x_min, x_max, y_min, y_max = environment.room.scene.floor
        assert x_min <= world[0] <= x_max and y_min <= world[1] <= y_max


def test_a_placed_object_has_the_rotation_that_was_asked_for(environment):
    start(environment, startAgentsRotatedBy=37)
    place = do(environment, "GetReachablePositions")[0]
    position = {"x": place["x"], "y": 0.05, "z": place["z"]}
    name = do(environment, "CreateObjectAtLocation", objectType="Bread", position=position, rotation={"y": 70.0},
              forceAction=True)  # fmt: skip
    there = described(environment, name)
    assert math.remainder(there["rotation"]["y"] - 70.0, 360.0) == pytest.approx(0.0, abs=5.0)
    assert math.hypot(there["position"]["x"] - place["x"], there["position"]["z"] - place["z"]) < 0.1


def test_doors_meet_the_agent_where_it_stands(environment):
    # From the same pose in the room the same doors open, and the same ones meet the agent, with and without the turn.
    start(environment, "FloorPlan3")
    objects = environment.room.scene.objects
    poses = {}
    for number in [number for number, obj in enumerate(objects) if obj.openable and not obj.dynamic]:
        found = do(environment, "GetInteractablePoses", objectId=environment.ids[number], horizons=[30])
        center = environment.room.data.xpos[environment.room.object_bodies[number]]
        if found:
            poses[number] = min(found, key=lambda pose: math.hypot(pose["x"] - center[0], pose["z"] - center[1]))
    outcomes: dict[int, list[str]] = {0: [], 37: []}
    for angle, results in outcomes.items():
        for number, pose in poses.items():
            start(environment, "FloorPlan3", startAgentsRotatedBy=angle)
            x, y = environment.to_client(np.array([pose["x"], pose["z"]])).tolist()
            environment.move_agent(x=x, y=y, yaw=pose["rotation"] + angle, standing=pose["standing"])
            try:
                do(environment, "OpenObject", objectId=environment.ids[number])
                results.append("opened")
            except ActionFailed as failure:
                # Whether a pushed object blocks a way depends on the grid, which the turn changes.
                results.append("opened" if "block the agent's way" in str(failure) else str(failure))
    assert outcomes[0] == outcomes[37]
    assert "opened" in outcomes[0] and "Openable object collided with the agent" in outcomes[0]

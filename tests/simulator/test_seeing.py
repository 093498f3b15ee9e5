"""Hidden and painted objects, moving parts and floors in images; the grid of rays; also through the real client."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import pytest

from simulator.wire.actions import perform
from simulator.wire.environment import ActionFailed, Environment, Limits
from simulator.wire.protocol import Field
from simulator.world.looks import Looks
from simulator.world.rendering import Quality, instance_color
from simulator.world.sources import generated_rooms, rooms_of_module

MAGENTA, RED, GREEN = (255, 0, 255), (255, 0, 0), (0, 255, 0)


@pytest.fixture(scope="module")
def boxes():
    made = Environment(rooms_of_module("tests.simulator.box_room"), Limits(0.008, 4.0, 2), Quality(False, 0), 150, 150)
    yield made
    made.close()


@pytest.fixture(scope="module")
def generated():
    made = Environment(generated_rooms(), Limits(0.008, 4.0, 4), Quality(False, 0), 150, 150)
    yield made
    made.close()


def do(environment: Environment, action: str, **arguments: Any) -> Any:
    return perform(environment, {"action": action, **arguments})[0]


def start(environment: Environment, scene: str = "FloorPlan1", **initialize: Any) -> None:
    do(environment, "Reset", sceneName=scene)
    do(environment, "Initialize", renderDepthImage=True, renderInstanceSegmentation=True, **initialize)


def images_of(environment: Environment) -> dict[Field, np.ndarray]:
    return {field: image.copy() for field, image in environment.images(True)}


def equal(image: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    return (image[..., :3] == color).all(-1)


def same(one: dict[Field, np.ndarray], other: dict[Field, np.ndarray]) -> bool:
    return all(np.array_equal(one[field], other[field]) for field in one)


def pot(environment: Environment) -> tuple[str, int]:
    """Id and number of an object in the middle of the view."""
    environment.move_agent(x=0.0, y=0.6, yaw=0.0, horizon=35.0)
    number = [obj.category for obj in environment.room.scene.objects].index("Pot")
    return environment.ids[number], number


@pytest.mark.parametrize("quality", [Quality(False, 0), Quality(True, 0)])
def test_a_masked_object_has_one_exact_colour_in_all_its_pixels(quality):
    environment = Environment(generated_rooms(), Limits(0.008, 4.0, 2), quality, 150, 150)
    start(environment, "FloorPlan2")
    environment.move_agent(horizon=35.0)
    before = images_of(environment)
    assert not equal(before[Field.RGB], MAGENTA).any()
    tried = 0
    for number in np.flatnonzero(environment.room.present).tolist():
        pixels = equal(before[Field.INSTANCES], instance_color(number))
        if pixels.sum() < 30:
            continue
        do(environment, "MaskObject", objectId=environment.ids[number])
        masked = images_of(environment)
        np.testing.assert_array_equal(equal(masked[Field.RGB], MAGENTA), pixels)
        # What is not painted keeps its colours, and the other images stay.
        np.testing.assert_array_equal(masked[Field.RGB][~pixels], before[Field.RGB][~pixels])
        for field in (Field.DEPTH, Field.INSTANCES):
            np.testing.assert_array_equal(masked[field], before[field])
        do(environment, "UnmaskObject", objectId=environment.ids[number])
        tried += 1
    assert tried > 5 and same(before, images_of(environment))
    environment.close()


def test_masks_shine_in_the_dark(boxes):
    start(boxes)
    name, number = pot(boxes)
    model = boxes.room.model
    lights = [model.vis.headlight.ambient, model.vis.headlight.diffuse, model.light_diffuse]
    before = [light.copy() for light in lights]
    for light in lights:
        light[:] = 0.0
    do(boxes, "MaskObject", objectId=name)
    drawn = images_of(boxes)
    for light, value in zip(lights, before, strict=True):
        light[:] = value
    pixels = equal(drawn[Field.INSTANCES], instance_color(number))
    np.testing.assert_array_equal(equal(drawn[Field.RGB], MAGENTA), pixels)
    assert pixels.any() and not drawn[Field.RGB][~pixels].any()


def test_emphasis_hides_everything_else(boxes):
    start(boxes)
    name, number = pot(boxes)
    before = images_of(boxes)
    do(boxes, "EmphasizeObject", objectId=name)
    after = images_of(boxes)
    pixels = equal(after[Field.INSTANCES], instance_color(number))
    assert pixels.sum() >= equal(before[Field.INSTANCES], instance_color(number)).sum() > 100
    np.testing.assert_array_equal(equal(after[Field.RGB], MAGENTA), pixels)
    assert not after[Field.RGB][~pixels].any()  # black
    assert (after[Field.DEPTH][~pixels] > 19.9).all()
    # Another one takes its place.
    other = boxes.ids[0]
    do(boxes, "EmphasizeObject", objectId=other)
    assert set(map(tuple, images_of(boxes)[Field.INSTANCES].reshape(-1, 4)[:, :3].tolist())) <= {
        (0, 0, 0), instance_color(0),
    }  # fmt: skip
    do(boxes, "UnemphasizeAll")
    assert same(before, images_of(boxes))


def test_hiding_changes_images_alone(boxes):
    start(boxes)
    name, number = pot(boxes)
    before, described = images_of(boxes), boxes.describe()
    touch = {"x": 0.52, "y": 0.47, "direction": {"x": 0}, "moveMagnitude": 0, "handDistance": 1.5}
    touched = do(boxes, "TouchThenApplyForce", **touch)
    do(boxes, "HideObject", objectId=name)
    hidden = images_of(boxes)
    pixels = equal(before[Field.INSTANCES], instance_color(number))
    assert pixels.any() and not equal(hidden[Field.INSTANCES], instance_color(number)).any()
    for field in before:
        np.testing.assert_array_equal(hidden[field][~pixels], before[field][~pixels])
    assert boxes.describe() == described
    assert do(boxes, "TouchThenApplyForce", **touch) == touched
    do(boxes, "HideAllObjectsExcept", objectIds=[boxes.ids[0], name])
    shown = {tuple(color) for color in images_of(boxes)[Field.INSTANCES][..., :3].reshape(-1, 3).tolist()}
    assert instance_color(number) in shown <= {(0, 0, 0), instance_color(0), instance_color(number)}
    do(boxes, "HideObject", objectId=name)
    assert not equal(images_of(boxes)[Field.INSTANCES], instance_color(number)).any()
    do(boxes, "UnhideObject", objectId=name)
    assert equal(images_of(boxes)[Field.INSTANCES], instance_color(number)).any()
    do(boxes, "UnhideAllObjects")
    assert same(before, images_of(boxes))


def test_masks_and_hidden_objects_are_independent(boxes):
    start(boxes)
    name, _ = pot(boxes)
    do(boxes, "MaskObject", objectId=name)
    masked = images_of(boxes)
    do(boxes, "HideObject", objectId=name)
    assert not equal(images_of(boxes)[Field.RGB], MAGENTA).any()
    do(boxes, "UnhideAllObjects")
    assert same(masked, images_of(boxes))
    for action, arguments in (("Reset", {"sceneName": "FloorPlan1"}), ("InitialRandomSpawn", {"randomSeed": 1})):
        do(boxes, "MaskObject", objectId=boxes.ids[0])
        do(boxes, "HideObject", objectId=boxes.ids[1])
        do(boxes, "MaskWalkable")
        do(boxes, action, **arguments)
        assert boxes.looks == Looks()


@pytest.mark.parametrize("action", ["EmphasizeObject", "MaskObject", "UnmaskObject", "HideObject", "UnhideObject"])
def test_unknown_objects_are_refused(boxes, action):
    start(boxes)
    do(boxes, "MaskObject", objectId=boxes.ids[0])
    before = boxes.looks
    with pytest.raises(ActionFailed, match="no object 'Cup"):
        do(boxes, action, objectId="Cup|1|2|3")
    with pytest.raises(ActionFailed, match="no object 'Cup"):
        do(boxes, "HideAllObjectsExcept", objectIds=[boxes.ids[0], "Cup|1|2|3"])
    with pytest.raises(ActionFailed, match="must be a list"):
        do(boxes, "HideAllObjectsExcept", objectIds=boxes.ids[0])
    assert boxes.looks == before


def test_moving_parts_show_whether_they_are_open(generated):
    start(generated, "FloorPlan3")
    room = generated.room
    # Straight ahead of a closed fixture, so that its front fills part of the image.
    openable = [number for number, obj in enumerate(room.scene.objects) if obj.openable and not obj.dynamic]
    assert len(openable) > 5
    found = 0
    for number in openable:
        poses = do(generated, "GetInteractablePoses", objectId=generated.ids[number], horizons=[30], standings=[True])
        if not poses:
            continue
        do(generated, "TeleportFull", **poses[0])
        before = images_of(generated)
        do(generated, "MaskMovingParts")
        closed = images_of(generated)
        own = equal(closed[Field.INSTANCES], instance_color(number))
        assert not equal(closed[Field.RGB], GREEN).any()
        shut = equal(closed[Field.RGB], RED) & own
        if shut.sum() > 20:
            found += 1
            room.parts.set(number, 1.0)
            mujoco.mj_kinematics(room.model, room.data)
            opened = images_of(generated)
            assert not (equal(opened[Field.RGB], RED) & equal(opened[Field.INSTANCES], instance_color(number))).any()
            green = equal(opened[Field.RGB], GREEN)
            assert (equal(opened[Field.INSTANCES], instance_color(number))[green]).all()
            room.parts.set(number, 0.0)
            mujoco.mj_kinematics(room.model, room.data)
        do(generated, "UnmaskMovingParts")
        assert same(before, images_of(generated))
    assert found > 3


@pytest.mark.parametrize("angle", [0, 37])
def test_the_walkable_floor_is_painted(generated, angle):
    start(generated, "FloorPlan205", startAgentsRotatedBy=angle)
    generated.move_agent(horizon=45.0)
    before = images_of(generated)
    do(generated, "MaskWalkable")
    after = images_of(generated)
    painted = equal(after[Field.RGB], MAGENTA)
    assert painted.mean() > 0.05
    np.testing.assert_array_equal(after[Field.RGB][~painted], before[Field.RGB][~painted])
    np.testing.assert_array_equal(after[Field.DEPTH], before[Field.DEPTH])
    # The painted pixels lie on the floor, in the squares around reachable positions.
    points = generated.camera.points(before[Field.DEPTH][::-1])[painted[::-1]]
    assert (points[:, 2] < 0.031).all()
    places = np.array([[one["x"], one["z"]] for one in do(generated, "GetReachablePositions")])
    gaps = np.abs(generated.to_client(points)[:, None, :2] - places).max(-1).min(-1)
    assert (gaps <= 0.1251).all()
    do(generated, "Initialize", renderInstanceSegmentation=True)
    assert Field.DEPTH not in images_of(generated)
    np.testing.assert_array_equal(equal(images_of(generated)[Field.RGB], MAGENTA), painted)
    do(generated, "UnmaskWalkable")
    np.testing.assert_array_equal(images_of(generated)[Field.RGB], before[Field.RGB])


@pytest.mark.parametrize("angle", [0, 37])
def test_the_grid_agrees_with_the_images(generated, angle):
    start(generated, "FloorPlan3", startAgentsRotatedBy=angle, renderNormalsImage=True)
    # A view of furniture that opens and of the floor in front of it.
    openable = [n for n, obj in enumerate(generated.room.scene.objects) if obj.openable and not obj.dynamic]
    for number in openable:
        for pose in do(generated, "GetInteractablePoses", objectId=generated.ids[number], horizons=[30])[:3]:
            do(generated, "TeleportFull", **pose)
            if sum(cell["walkable"] for cell in do(generated, "GetMetadataOnGrid", x=10, y=10)) > 5:
                break
        else:
            continue
        break
    do(generated, "MaskWalkable")
    drawn = {field: image[::-1] for field, image in images_of(generated).items()}
    grid = do(generated, "GetMetadataOnGrid", x=50, y=30)
    assert len(grid) == 1500
    agreeing = []
    for index, cell in enumerate(grid):
        row, column = index // 50 * 5 + 2, index % 50 * 3 + 1  # the pixels in the middle of the cells
        met = generated.ids.index(cell["objectId"]) if cell["objectId"] else None
        normal = [127.5 + 127.5 * cell["normal"][axis] for axis in "xyz"]
        agreeing.append(
            [
                abs(cell["depth"] - drawn[Field.DEPTH][row, column]) < 5e-3,
                np.abs(drawn[Field.NORMALS][row, column] - normal).max() <= 2,
                met is None or tuple(drawn[Field.INSTANCES][row, column, :3]) == instance_color(met),
                cell["walkable"] == bool(equal(drawn[Field.RGB][row, column], MAGENTA)),
            ]
        )
        assert cell["distance"] >= cell["depth"] > 0
        assert cell["openable"] == (met is not None and generated.room.scene.objects[met].openable)
        assert not cell["isOpen"]
    depth, normals, objects, walkable = np.mean(agreeing, axis=0).tolist()
    assert depth > 0.95 and normals > 0.85 and objects > 0.95 and walkable > 0.97
    assert any(cell["openable"] for cell in grid) and any(cell["walkable"] for cell in grid)
    number = next(generated.ids.index(cell["objectId"]) for cell in grid if cell["openable"])
    generated.room.parts.openness[number] = 0.5
    assert any(cell["isOpen"] for cell in do(generated, "GetMetadataOnGrid", x=50, y=30))
    generated.room.parts.openness[number] = 0.0


@pytest.mark.parametrize("size", [(0, 5), (5, 101), (-1, 5)])
def test_grids_have_a_limit(boxes, size):
    start(boxes)
    with pytest.raises(ActionFailed, match="between 1 and 100"):
        do(boxes, "GetMetadataOnGrid", x=size[0], y=size[1])


def test_through_the_client(client):
    client.reset("FloorPlan1")
    event = client.step("TeleportFull", x=0.0, y=0.9, z=0.6, rotation=0.0, horizon=35.0, standing=True)
    name = next(one["objectId"] for one in event.metadata["objects"] if one["objectType"] == "Pot")
    mask = event.instance_masks[name]
    event = client.step("MaskObject", objectId=name)
    np.testing.assert_array_equal(equal(event.frame, MAGENTA), mask)
    event = client.step("EmphasizeObject", objectId=name)
    assert equal(event.frame, MAGENTA).sum() >= mask.sum()
    assert not event.frame[~equal(event.frame, MAGENTA)].any()
    assert client.step("UnemphasizeAll")
    for action in ("MaskMovingParts", "UnmaskMovingParts", "MaskWalkable", "UnmaskWalkable", "UnhideAllObjects"):
        assert client.step(action)
    found = client.step("NumberOfPositionsFromWhichItemIsVisible", objectId=name).metadata["actionReturn"]
    assert 0 < found["count"] == len(found["tuples"]) < found["total"]
    assert client.step("TeleportFull", **found["tuples"][0])
    assert client.last_event.instance_masks[name].any()
    assert client.step("ExhaustiveSearchForItem", objectId=name).metadata["actionReturn"]["objectSeen"]
    pose = client.step("GetInteractablePoses", objectId=name).metadata["actionReturn"][0]
    event = client.step("TeleportFull", **pose)
    assert next(one["visible"] for one in event.metadata["objects"] if one["objectId"] == name)
    assert len(client.step("GetMetadataOnGrid", x=7, y=7).metadata["actionReturn"]) == 49
    before = client.step("Pass")
    event = client.step("RotateUniverseAroundAgent", rotation=120)
    assert event.metadata["agent"] == before.metadata["agent"] and (event.frame != before.frame).any()
    assert client.reset("FloorPlan1", startAgentsRotatedBy=120)

"""Images of normals against the normals that rays find."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from simulator.wire.actions import perform
from simulator.wire.environment import Environment, Limits
from simulator.wire.protocol import Field
from simulator.world.rendering import VISIBLE_GROUPS, Quality
from simulator.world.sources import RoomSource, generated_rooms, rooms_of_module

BOX_ROOMS = rooms_of_module("tests.simulator.box_room")


def environment_of(source: RoomSource, scene: str, quality: Quality = Quality(False, 0), **initialize) -> Environment:  # noqa: B008
    made = Environment(source, Limits(0.008, 4.0, 2), quality, 120, 90)
    perform(made, {"action": "Reset", "sceneName": scene})
    perform(made, {"action": "Initialize", "renderNormalsImage": True, "renderDepthImage": True, **initialize})
    return made


def normals_of(environment: Environment) -> np.ndarray:
    """Top row first."""
    return dict(environment.images(True))[Field.NORMALS][::-1]


def differences(environment: Environment) -> np.ndarray:
    """The largest difference between image and ray, at 400 random pixels."""
    drawn, rng, found = normals_of(environment).astype(float), np.random.default_rng(0), []
    room, camera = environment.room, environment.camera
    for _ in range(400):
        row, column = int(rng.integers(90)), int(rng.integers(120))
        ray, normal, geom = camera.ray((column + 0.5) / 120, (row + 0.5) / 90), np.zeros(3), np.full(1, -1, np.int32)
        mujoco.mj_ray(room.model, room.data, np.array(camera.position), ray, VISIBLE_GROUPS, 1, -1, geom, normal)
        turned = (environment.frame.rotation @ normal)[[0, 2, 1]]
        found.append(np.abs(127.5 + 127.5 * turned - drawn[row, column]).max())
    return np.array(found)


@pytest.mark.parametrize("quality", [Quality(False, 0), Quality(True, 4)])
@pytest.mark.parametrize("angle", [0, 37])
def test_boxes_have_the_normals_that_rays_find(quality, angle):
    environment = environment_of(BOX_ROOMS, "FloorPlan1", quality, startAgentsRotatedBy=angle)
    for yaw, horizon in ((0.0, 30.0), (100.0, 0.0), (200.0, 50.0), (300.0, -30.0)):
        environment.move_agent(yaw=yaw, horizon=horizon)
        # A pixel on an edge may show the next face, and with several samples it mixes both.
        assert np.mean(differences(environment) <= 2.0) > (0.93 if quality.samples else 0.97)
    environment.close()


@pytest.mark.parametrize("scene", ["FloorPlan1", "FloorPlan201", "FloorPlan301", "FloorPlan401"])
def test_generated_rooms(scene):
    environment = environment_of(generated_rooms(), scene)
    environment.move_agent(horizon=30.0)
    off = differences(environment)
    # Round shapes are drawn with few sides.
    assert np.mean(off <= 2.0) > 0.85 and np.mean(off <= 40.0) > 0.9
    environment.close()


def test_channels_are_unitys_axes():
    environment = environment_of(BOX_ROOMS, "FloorPlan1")
    environment.move_agent(x=0.0, y=0.0, yaw=270.0, horizon=0.0)  # the west wall faces east
    assert normals_of(environment)[45, 60].tolist() == pytest.approx([255, 127.5, 127.5], abs=1)
    environment.move_agent(yaw=180.0)  # the south wall faces north
    assert normals_of(environment)[45, 60].tolist() == pytest.approx([127.5, 127.5, 255], abs=1)
    environment.move_agent(horizon=60.0)  # the floor
    assert normals_of(environment)[60, 60].tolist() == pytest.approx([127.5, 255, 127.5], abs=1)
    environment.close()


def test_normals_change_no_other_image():
    environment = environment_of(BOX_ROOMS, "FloorPlan1", renderInstanceSegmentation=True)
    environment.move_agent(horizon=30.0)
    drawn = {field: image.copy() for field, image in environment.images(True)}
    again = dict(environment.images(True))
    perform(environment, {"action": "Initialize", "renderDepthImage": True, "renderInstanceSegmentation": True})
    plain = dict(environment.images(True))
    assert set(drawn) - set(plain) == {Field.NORMALS}
    for field, image in drawn.items():
        np.testing.assert_array_equal(image, again[field])
        if field in plain:
            np.testing.assert_array_equal(image, plain[field])
    environment.close()


def test_the_client_decodes_them(start_client):
    client = start_client(renderNormalsImage=True, width=96, height=64, snapToGrid=False)
    event = client.step("TeleportFull", x=0.0, y=0.9, z=0.0, rotation=270.0, horizon=0.0, standing=True)
    assert event.normals_frame.shape == (64, 96, 3) and event.normals_frame.dtype == np.uint8
    assert event.normals_frame[32, 48].tolist() == pytest.approx([255, 127.5, 127.5], abs=1)
    # Below the middle the floor is in view, so the first row is the top one.
    assert client.step("LookDown").normals_frame[-1, 48].tolist() == pytest.approx([127.5, 255, 127.5], abs=1)
    assert client.step("Pass", renderNormalsImage=True)
    with pytest.raises(ValueError, match="renderNormalsImage"):
        client.step("Pass", renderNormalsImage=False)

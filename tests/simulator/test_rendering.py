"""Images against geometry: depth in metres, rays, instance colours, the camera's pose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simulator.wire.actions import perform
from simulator.wire.environment import ActionFailed, Environment, Limits
from simulator.wire.protocol import Field
from simulator.world.camera import FAR, MAX_IMAGE_SIDE, NEAR
from simulator.world.rendering import Quality, instance_color, linear_depth
from simulator.world.sources import generated_rooms, rooms_of_module

BOX_ROOMS = rooms_of_module("tests.simulator.box_room")


def environment_of(source, name="FloorPlan1", width=300, height=300, quality=None, **initialize) -> Environment:
    made = Environment(source, Limits(0.008, 4.0, 2), quality or Quality(False, 0), width, height)
    perform(made, {"action": "Reset", "sceneName": name})
    settings = {"renderDepthImage": True, "renderInstanceSegmentation": True, "visibilityDistance": 5.0} | initialize
    perform(made, {"action": "Initialize", **settings})
    return made


@pytest.fixture(scope="module")
def environment():
    made = environment_of(BOX_ROOMS)
    yield made
    made.close()


def images_of(environment: Environment) -> dict[Field, np.ndarray]:
    """The images, top row first."""
    return {field: image[::-1].copy() for field, image in environment.images(True)}


def test_the_depth_buffer_becomes_metres():
    metres = np.array([NEAR, 0.5, 3.0, FAR])
    buffer = (1 / metres - 1 / FAR) / (1 / NEAR - 1 / FAR)  # reversed: 1 at the near plane, 0 at the far one
    np.testing.assert_allclose(linear_depth(buffer.astype(np.float32)), metres, rtol=1e-4)


def test_a_wall_straight_ahead_has_its_distance_everywhere(environment):
    environment.move_agent(x=0.0, y=0.0, yaw=270.0, horizon=0.0)
    depth = images_of(environment)[Field.DEPTH]
    assert depth.dtype == np.float32
    # The west wall is 2 m away and fills the middle rows. Depth is measured along the camera's axis, not the ray.
    np.testing.assert_allclose(depth[130:170, 130:170], 2.0, atol=1e-4)


def agree_with_rays(environment: Environment, rng: np.random.Generator, tolerance: float) -> float:
    """Share of random pixels at which the ray through the pixel's middle agrees with the depth image."""
    depth = images_of(environment)[Field.DEPTH]
    camera = environment.camera
    forward = camera.axes()[2]
    good = []
    for _ in range(300):
        row, column = int(rng.integers(camera.height)), int(rng.integers(camera.width))
        x, y = (column + 0.5) / camera.width, (row + 0.5) / camera.height
        pick = environment.pick(x, y, 100.0)
        assert pick is not None
        good.append(abs(pick.distance * float(camera.ray(x, y) @ forward) - depth[row, column]) <= tolerance)
    return float(np.mean(good))


@pytest.mark.parametrize(("yaw", "horizon"), [(0.0, 0.0), (10.0, 30.0), (200.0, 45.0), (-30.0, -20.0)])
def test_rays_agree_with_depth(environment, yaw, horizon):
    environment.move_agent(x=0.3, y=0.4, yaw=yaw, horizon=horizon)
    # A pixel on a silhouette may show the other side of it.
    assert agree_with_rays(environment, np.random.default_rng(0), 1e-3) > 0.99


def test_rays_agree_with_depth_in_wide_images_and_generated_rooms():
    wide = environment_of(BOX_ROOMS, width=200, height=120, fieldOfView=60.0)
    assert agree_with_rays(wide, np.random.default_rng(1), 1e-3) > 0.99
    wide.close()
    generated = environment_of(generated_rooms(), "FloorPlan205")
    generated.move_agent(horizon=25.0)
    # Round shapes are drawn with 16 sides.
    assert agree_with_rays(generated, np.random.default_rng(2), 5e-3) > 0.98
    generated.close()


def test_instances_agree_with_rays(environment):
    environment.move_agent(x=0.0, y=0.6, yaw=0.0, horizon=35.0)
    drawn = images_of(environment)[Field.INSTANCES]
    assert drawn.shape == (300, 300, 4) and (drawn[..., 3] == 255).all()
    room, rng, agreeing = environment.room, np.random.default_rng(3), []
    for _ in range(300):
        row, column = rng.integers(300, size=2)
        pick = environment.pick((column + 0.5) / 300, (row + 0.5) / 300, 100.0)
        agreeing.append(tuple(drawn[row, column, :3]) == instance_color(int(room.geom_instances[pick.geom])))
    assert np.mean(agreeing) > 0.98
    assert len({tuple(color) for color in drawn.reshape(-1, 4)}) >= 7  # boxes, table, structure


def test_instance_colours_are_all_different():
    colors = {instance_color(number) for number in range(100_000)}
    assert len(colors) == 100_000
    assert (0, 0, 0) not in colors


def test_the_camera_is_where_the_agent_looks_from(environment):
    environment.move_agent(x=0.0, y=0.6, yaw=0.0, horizon=0.0)
    room, camera = environment.room, environment.camera
    assert camera.position == (0.0, 0.6, pytest.approx(1.575))
    environment.move_agent(standing=False)
    assert environment.camera.position[2] == pytest.approx(0.9)
    environment.move_agent(standing=True, horizon=35.0)
    # The middle of the Pot's top face, projected by hand, is drawn in the Pot's colour.
    index = [obj.category for obj in room.scene.objects].index("Pot")
    top = room.data.xpos[room.object_bodies[index]] + [0, 0, 0.079]
    camera = environment.camera
    right, up, forward = camera.axes()
    relative = top - np.asarray(camera.position)
    column = int(150 + 150 * (relative @ right) / (relative @ forward))
    row = int(150 - 150 * (relative @ up) / (relative @ forward))
    assert tuple(images_of(environment)[Field.INSTANCES][row, column, :3]) == instance_color(index)


def test_only_what_was_asked_for_is_drawn(environment):
    perform(environment, {"action": "Initialize", "renderDepthImage": True})
    assert [field for field, _ in environment.images(True)] == [Field.RGB, Field.DEPTH]
    assert environment.images(False) == []
    perform(environment, {"action": "Initialize", "renderImage": False, "renderObjectImage": True})
    assert [field for field, _ in environment.images(True)] == [Field.INSTANCES]
    perform(environment, {"action": "Initialize", "renderDepthImage": True, "renderInstanceSegmentation": True})


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "shadows": {"quality": Quality(True, 0)},
    "samples": {"quality": Quality(False, 4)},
    "both": {"quality": Quality(True, 4)},
    "wide": {"width": 400, "height": 150},
    "tall": {"width": 100, "height": 260},
    "narrow view": {"fieldOfView": 40.0},
    "wide view": {"fieldOfView": 120.0},
}
"""Options that change the image."""


@pytest.fixture(scope="module", params=OPTIONS)
def chosen(request):
    """The name of an option and an environment with it."""
    made = environment_of(generated_rooms(), "FloorPlan2", **OPTIONS[request.param])
    made.move_agent(horizon=40.0)
    yield request.param, made
    made.close()


def test_depth_is_right_with_every_option(chosen):
    # A pixel of several samples shows one of them, so more pixels lie on a silhouette.
    least = 0.9 if chosen[1].quality.samples else 0.98
    assert agree_with_rays(chosen[1], np.random.default_rng(4), 5e-3) > least


def test_a_second_observation_changes_no_pixel_with_every_option(chosen):
    environment = chosen[1]
    for request in ({"action": "Pass"}, {"action": "TouchThenApplyForce", "x": 0.5, "y": 0.6, "moveMagnitude": 30,
                     "direction": {"x": 1, "y": 1, "z": 1}, "handDistance": 3}):  # fmt: skip
        perform(environment, request)
        first, again = images_of(environment), images_of(environment)
        for field in first:
            np.testing.assert_array_equal(first[field], again[field], err_msg=field.name)
    environment.room.restore()


def test_every_option_changes_the_image(chosen):
    name, environment = chosen
    if name == "plain":
        return
    plain = environment_of(generated_rooms(), "FloorPlan2")
    plain.move_agent(horizon=40.0)
    before, after = images_of(plain), images_of(environment)
    plain.close()
    assert after[Field.RGB].shape == (environment.height, environment.width, 3)
    if before[Field.RGB].shape != after[Field.RGB].shape:
        return
    assert (after[Field.RGB] != before[Field.RGB]).any(-1).mean() > 0.01
    same = (after[Field.INSTANCES] == before[Field.INSTANCES]).all(-1).mean()
    # Shadows and samples leave objects in place, a field of view does not.
    assert same < 0.9 if "view" in name else same > 0.99


@pytest.mark.parametrize(("width", "height"), [(4096, 512), (64, 4096)])
def test_the_largest_sides(width, height):
    made = environment_of(BOX_ROOMS, width=width, height=height, fieldOfView=20.0)
    shapes = {field: image.shape for field, image in images_of(made).items()}
    assert shapes == {
        Field.RGB: (height, width, 3), Field.DEPTH: (height, width), Field.INSTANCES: (height, width, 4),
    }  # fmt: skip
    assert agree_with_rays(made, np.random.default_rng(5), 1e-3) > 0.98
    made.close()


def test_too_many_samples_are_refused():
    made = environment_of(BOX_ROOMS, width=64, height=64, quality=Quality(False, 4))
    with pytest.raises(ActionFailed, match="16777216 samples"):
        perform(made, {"action": "ChangeResolution", "x": 4096, "y": 4096})
    assert (made.width, made.height) == (64, 64)
    made.close()


@pytest.mark.slow
def test_the_largest_image():
    made = environment_of(BOX_ROOMS, width=MAX_IMAGE_SIDE, height=MAX_IMAGE_SIDE, renderInstanceSegmentation=False)
    assert agree_with_rays(made, np.random.default_rng(6), 1e-3) > 0.99
    made.close()


@pytest.mark.parametrize("shadows", [False, True])
def test_skipping_geoms_out_of_view_changes_no_pixel(monkeypatch, shadows):
    made = environment_of(generated_rooms(), "FloorPlan302", quality=Quality(shadows, 0))
    drawn: dict[bool, list] = {}
    for everything in (False, True):
        if everything:
            monkeypatch.setattr(
                "simulator.world.camera.Camera.sees", lambda camera, points, radii: np.ones(len(points), bool)
            )
        for yaw, horizon in ((0.0, 30.0), (100.0, -10.0), (235.0, 50.0)):
            made.move_agent(yaw=yaw, horizon=horizon)
            drawn.setdefault(everything, []).append(images_of(made))
    for one, other in zip(drawn[False], drawn[True], strict=True):
        for field in one:
            np.testing.assert_array_equal(one[field], other[field], err_msg=field.name)
    made.close()


def test_the_size_can_change_and_rooms_can_be_dropped():
    made = environment_of(BOX_ROOMS)
    for size in (100, 400, 300):
        perform(made, {"action": "ChangeResolution", "x": size, "y": size // 2})
        assert images_of(made)[Field.RGB].shape == (size // 2, size, 3)
    first = images_of(made)
    for name in ("FloorPlan2", "FloorPlan3", "FloorPlan2", "FloorPlan1"):  # the cache holds two
        perform(made, {"action": "Reset", "sceneName": name})
        made.images(True)
    again = images_of(made)
    for field in first:
        np.testing.assert_array_equal(first[field], again[field])
    made.close()

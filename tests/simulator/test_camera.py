"""The camera against directions and angles worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.world.camera import Camera


def camera(yaw: float = 0.0, horizon: float = 0.0, width: int = 300, height: int = 300) -> Camera:
    return Camera((0.0, 0.0, 1.5), yaw, horizon, 90.0, width, height)


@pytest.mark.parametrize(
    ("yaw", "horizon", "forward"),
    [
        (0, 0, (0, 1, 0)),
        (90, 0, (1, 0, 0)),
        (180, 0, (0, -1, 0)),
        (0, 30, (0, np.sqrt(0.75), -0.5)),
        (90, -30, (np.sqrt(0.75), 0, 0.5)),
    ],
)
def test_yaw_turns_east_and_horizon_looks_down(yaw, horizon, forward):
    np.testing.assert_allclose(camera(yaw, horizon).axes()[2], forward, atol=1e-12)


@given(st.floats(-720, 720), st.floats(-89, 89))
def test_axes_are_orthonormal_and_the_right_one_is_level(yaw, horizon):
    axes = np.array(camera(yaw, horizon).axes())
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert axes[0, 2] == 0.0
    np.testing.assert_allclose(np.cross(axes[0], axes[2]), axes[1], atol=1e-12)


def test_rays_through_the_corners_of_a_wide_image():
    wide = camera(width=600)
    top_left = wide.ray(0.0, 0.0)
    np.testing.assert_allclose(top_left / top_left[1], [-2.0, 1.0, 1.0], atol=1e-12)
    bottom_right = wide.ray(1.0, 1.0)
    np.testing.assert_allclose(bottom_right / bottom_right[1], [2.0, 1.0, -1.0], atol=1e-12)
    np.testing.assert_allclose(wide.ray(0.5, 0.5), [0.0, 1.0, 0.0], atol=1e-12)


def test_what_the_camera_sees():
    points = np.array([[0, 1, 1.5], [0.99, 1, 1.5], [1.01, 1, 1.5], [0, -1, 1.5], [0, 0.05, 1.5], [0, 25, 1.5]], float)
    assert camera().sees(points).tolist() == [True, True, False, False, False, False]


@given(st.floats(0, 360), st.floats(-30, 60), st.floats(0, 2), st.integers(0, 2**32 - 1))
def test_a_ball_with_a_point_in_view_is_seen(yaw, horizon, radius, seed):
    wide = camera(yaw, horizon, width=500)
    random = np.random.default_rng(seed)
    middles, directions = random.uniform(-4, 4, (50, 3)), random.normal(size=(50, 3))
    on_balls = middles + radius * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    seen = wide.sees(middles, np.full(50, radius))
    assert not (wide.sees(on_balls, 0.0) & ~seen & ~wide.sees(middles)).any()
    # Nothing behind the camera and farther away than its radius is visible.
    behind = (middles - np.asarray(wide.position)) @ wide.axes()[2] < -radius
    assert not (seen & behind).any()

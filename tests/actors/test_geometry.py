"""Camera geometry against values worked by hand and against points projected in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.interaction.config import ReachConfig
from actors.interaction.geometry import hand_distance, reach_keywords, reach_mask
from actors.observation import NEAR_PLANE, ray_distance, ray_factor
from tests.settings import simulator_settings


def test_ray_factor_by_hand() -> None:
    factor = ray_factor(300, 90.0)
    # f = 150 px, c = 149.5: the four middle pixels are half a pixel off the axis in both directions.
    assert factor[149, 150] == pytest.approx(np.sqrt(1 + 2 * 0.5**2 / 150**2), abs=1e-12)
    assert factor[0, 0] == pytest.approx(np.sqrt(1 + 2 * 149.5**2 / 150**2), abs=1e-12)
    assert factor[149, 0] == pytest.approx(np.sqrt(1 + (149.5**2 + 0.25) / 150**2), abs=1e-12)
    for mirrored in (factor.T, factor[::-1], factor[:, ::-1]):
        np.testing.assert_allclose(factor, mirrored, rtol=1e-14)


def test_narrower_field_of_view() -> None:
    # 2 atan(1/2): a pixel at the edge of the image plane at distance 300 is 150 off the axis.
    angle = float(np.degrees(2 * np.arctan(0.5)))
    assert ray_factor(300, angle)[149, 0] == pytest.approx(np.sqrt(1 + (149.5**2 + 0.25) / 300**2), abs=1e-12)


def test_ray_distance() -> None:
    depth = np.full((300, 300), 3.0, dtype=np.float32)
    distance = ray_distance(depth, 90.0)
    assert distance.dtype == np.float32
    assert distance[0, 0] == pytest.approx(3 * np.sqrt(1 + 2 * 149.5**2 / 150**2) - 0.1, abs=1e-6)
    with pytest.raises(ValueError, match="must be square, not 300x200"):
        ray_distance(depth[:, :200], 90.0)


def looks_at_floor(height: float, horizon: float) -> tuple[np.ndarray, np.ndarray]:
    """(ray distance minus near plane, horizontal distance) of a floor `height` below the camera, (300, 300) each."""
    offsets = (np.arange(300) - 149.5) / 150
    x, y = np.meshgrid(offsets, offsets)
    pitch = np.radians(horizon)
    # World axes: east = image right, up, ahead. The camera's "down" points down and, looking down, back.
    up = -y * np.cos(pitch) - np.sin(pitch)
    ahead = -y * np.sin(pitch) + np.cos(pitch)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.where(up < 0, height / -up, np.inf)
        length = scale * np.sqrt(1 + x**2 + y**2)
        horizontal = scale * np.hypot(x, ahead)
    return length - NEAR_PLANE, horizontal


@pytest.mark.parametrize("horizon", [0.0, 30.0, 60.0])
@pytest.mark.parametrize("radius", [1.5, 1.8])
def test_reach_on_a_floor(horizon: float, radius: float) -> None:
    length, horizontal = looks_at_floor(1.3, horizon)
    near = (length + NEAR_PLANE <= radius)[1::3, 1::3]
    beside = (horizontal <= radius)[1::3, 1::3]
    masks = {
        shape: reach_mask(length, horizon, ReachConfig(shape, radius), 90.0)
        for shape in ("sphere", "cylinder", "intersection", "infinite")
    }
    assert (masks["sphere"] == near).all()
    assert (masks["cylinder"] == beside).all()
    assert (masks["intersection"] == (near & beside)).all()
    assert masks["infinite"].all() and masks["infinite"].shape == (100, 100)
    # The floor's circle of the sphere is smaller than that of the cylinder, and not empty.
    assert beside.sum() > near.sum() and (horizon == 0 or near.any())


def test_reach_is_measured_from_the_camera() -> None:
    # 1.45 m from the near plane is 1.55 m from the camera: out of reach of a sphere of 1.5 m.
    near, far = np.full((300, 300), 1.39), np.full((300, 300), 1.45)
    assert reach_mask(near, 0, ReachConfig("sphere", 1.5), 90.0).all()
    assert not reach_mask(far, 0, ReachConfig("sphere", 1.5), 90.0).any()


def test_reach_is_decided_at_cell_centres() -> None:
    depth = np.full((300, 300), 5.0)
    depth[3 * 7 + 1, 3 * 9 + 1] = 0.5
    depth[3 * 20, 3 * 20] = 0.5
    mask = reach_mask(depth, 0, ReachConfig("sphere", 1.5), 90.0)
    assert mask.sum() == 1 and mask[7, 9]


@given(st.floats(-60, 60), st.floats(0.1, 5), st.floats(0, 6))
def test_horizontal_distance_is_never_longer(horizon: float, radius: float, depth: float) -> None:
    image = np.full((300, 300), depth)
    sphere = reach_mask(image, horizon, ReachConfig("sphere", radius), 90.0)
    cylinder = reach_mask(image, horizon, ReachConfig("cylinder", radius + 1e-9), 90.0)
    assert (cylinder | ~sphere).all()


@pytest.mark.parametrize(
    ("shape", "radius", "hand", "visibility"),
    [
        ("sphere", 1.5, 1.5, 5.0),
        ("sphere", 7.0, 7.0, 7.0),
        ("intersection", 1.5, 1.5, 5.0),
        ("intersection", 7.0, 7.0, 7.0),
        ("cylinder", 1.5, 40.0, 40.0),
        ("infinite", 1.5, 40.0, 40.0),
    ],
)
def test_nothing_but_the_reach_bounds_a_touch(shape: str, radius: float, hand: float, visibility: float) -> None:
    reach, simulator = ReachConfig(shape, radius), simulator_settings(visibility_distance=5.0, unlimited_reach=40.0)
    assert hand_distance(reach, simulator) == hand
    assert reach_keywords(reach, simulator) == {"visibilityDistance": visibility}


@pytest.mark.parametrize(
    ("shape", "radius", "field"), [("cube", 1.0, "actors.reach.shape"), ("sphere", 0.0, "actors.reach.radius")]
)
def test_settings_are_checked(shape: str, radius: float, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        ReachConfig(shape, radius)

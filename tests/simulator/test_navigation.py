"""Where the agent fits, against rooms drawn by hand."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.world.frame import Frame
from simulator.world.navigation import AGENT_RADIUS, Footprints, Obstacles

FLOOR = (-2.0, 2.0, -1.0, 1.0)


def obstacles(geoms: str = "", meshes: str = "") -> Obstacles:
    model = mujoco.MjModel.from_xml_string(
        f'<mujoco><asset>{meshes}</asset><worldbody><geom type="plane" size="5 5 1"/>{geoms}</worldbody></mujoco>'
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return Obstacles(FLOOR, Footprints(model, np.arange(model.ngeom)).at(data))


def test_an_empty_floor_is_free_but_for_its_border():
    empty = obstacles()
    points = empty.reachable(0.0, 0.0, 0.25)
    assert len(points) == 15 * 7  # -1.75 ... 1.75 and -0.75 ... 0.75
    np.testing.assert_array_equal(points.min(0), [-1.75, -0.75])
    np.testing.assert_array_equal(points.max(0), [1.75, 0.75])
    assert empty.start(0.25) == (0.0, 0.0)
    assert [empty.beyond(*point) for point in ((1.9, 0.0), (0.0, -0.85), (1.7, 0.7))] == [True, True, False]


@pytest.mark.parametrize(
    ("geom", "blocks"),
    [
        ('<geom type="box" size="0.1 0.1 0.1" pos="0.35 0 0.1"/>', False),
        ('<geom type="box" size="0.1 0.1 0.1" pos="0.25 0 0.1"/>', True),
        ('<geom type="box" size="0.1 0.1 0.005" pos="0 0 0.005"/>', False),  # a rug
        ('<geom type="box" size="0.1 0.1 0.1" pos="0 0 2.0"/>', False),  # a lamp above the head
        ('<geom type="box" size="0.1 0.1 0.1" pos="0 0 1.85"/>', True),
        ('<geom type="sphere" size="0.1" pos="0.29 0 0.1"/>', True),
        ('<geom type="cylinder" size="0.1 0.5" pos="0 0.31 0.5"/>', False),
        ('<geom type="cylinder" size="0.1 0.5" pos="0 0.29 0.5"/>', True),
        ('<geom type="capsule" size="0.05 0.3" pos="0.5 0 0.4" euler="0 90 0"/>', True),  # reaches x = 0.15
        ('<geom type="box" size="0.1 0.1 0.5" pos="0.33 0 0.5" euler="0 0 45"/>', True),  # corner at x = 0.19
        ('<geom type="box" size="1 0.02 0.5" pos="0 0.23 0.5" contype="0" conaffinity="0"/>', False),
    ],
)
def test_what_stands_in_the_way(geom, blocks):
    there = obstacles(geom)
    assert there.free(np.zeros((1, 2))).tolist() == [not blocks]
    assert (there.hit(0.0, 0.0) is not None) == blocks


def test_a_mesh_counts_with_its_hull():
    tetrahedron = '<mesh name="t" vertex="0 0 0  0.4 0 0  0 0.4 0  0 0 0.4"/>'
    there = obstacles('<geom name="t" type="mesh" mesh="t"/>', tetrahedron)
    model_origin_free = there.free(np.array([[-0.5, 0.0], [0.05, 0.05], [0.5, 0.5]]))
    assert model_origin_free.tolist() == [True, False, True]


def test_a_wall_cuts_the_room_and_the_agent_starts_on_the_larger_side():
    cut = obstacles('<geom type="box" size="0.04 2 0.5" pos="-0.5 0 0.5"/>')
    east = cut.reachable(1.0, 0.0, 0.25)
    assert east[:, 0].min() == -0.25 and len(east) == 9 * 7
    assert cut.reachable(-1.0, 0.0, 0.25)[:, 0].max() == -0.75
    assert cut.start(0.25)[0] == 0.0
    # A thin wall between two grid points is not stepped through.
    thin = obstacles('<geom type="box" size="0.001 2 0.5" pos="0.3 0 0.5"/>')
    assert thin.reachable(0.0, 0.0, 0.5)[:, 0].max() == 0.0


def test_the_grid_goes_through_the_agent():
    points = obstacles().reachable(0.1, -0.05, 0.25)
    np.testing.assert_allclose((points - [0.1, -0.05]) / 0.25, np.round((points - [0.1, -0.05]) / 0.25), atol=1e-9)
    assert (np.abs(points - [0.1, -0.05]).sum(1) < 1e-9).any()


def test_an_agent_that_something_rolled_into_counts_as_in_the_largest_area():
    points = obstacles('<geom type="sphere" size="0.05" pos="0 0 0.05"/>').reachable(0.0, 0.0, 0.25)
    assert len(points) == 15 * 7 - 1
    assert not (np.abs(points).sum(1) < 1e-9).any()
    wall = '<geom type="box" size="0.04 2 0.5" pos="-0.5 0 0.5"/>'
    assert len(obstacles(wall).reachable(-0.5, 0.0, 0.25)) == 9 * 7


def test_no_room_for_an_agent():
    with pytest.raises(ValueError, match="no place"):
        obstacles('<geom type="box" size="2 1 0.5" pos="0 0 0.5"/>').start(0.25)


@given(st.floats(-1.5, 1.5), st.floats(-0.7, 0.7), st.floats(0, 180), st.floats(-1.8, 1.8), st.floats(-0.8, 0.8))
def test_boxes_against_the_distance_worked_in_their_own_frame(x, y, turn, px, py):
    there = obstacles(f'<geom type="box" size="0.3 0.1 0.5" pos="{x} {y} 0.5" euler="0 0 {turn}"/>')
    angle = np.radians(turn)
    u = np.cos(angle) * (px - x) + np.sin(angle) * (py - y)
    v = np.cos(angle) * (py - y) - np.sin(angle) * (px - x)
    distance = np.hypot(max(abs(u) - 0.3, 0), max(abs(v) - 0.1, 0))
    if abs(distance - AGENT_RADIUS) > 1e-5:
        assert there.free(np.array([[px, py]])).tolist() == [distance > AGENT_RADIUS]


@given(st.integers(0, 30), st.integers(0, 30), st.sampled_from([0, 37, 90]))
def test_points_that_are_kept_are_those_that_are_found_anew(first, second, angle):
    """From any point of the same area, on the same grid; another grid or another area is searched anew."""
    cut = obstacles('<geom type="box" size="0.04 2 0.5" pos="-0.5 0 0.5"/>')
    frame = Frame(angle)
    points = cut.reachable(1.0, 0.0, 0.25, frame)
    for x, y in (points[first % len(points)], points[second % len(points)], (-1.0, 0.0), (0.7, 0.1)):
        kept = cut.reachable_in_any_order(x, y, 0.25, frame)
        anew = cut.reachable(x, y, 0.25, frame)
        assert len(kept) == len(anew)
        assert np.abs(np.sort(kept, axis=0) - np.sort(anew, axis=0)).max() < 1e-3

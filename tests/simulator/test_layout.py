"""Floor plans: places along walls, collisions of fixtures, and what is kept free."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulator.rooms.layout import OPEN_POSITIONS, Layout
from simulator.things import fixtures
from simulator.things.fixtures import Fixture, Top
from simulator.things.materials import Draw
from simulator.things.shapes import box


@pytest.fixture
def layout() -> Layout:
    draw = Draw(np.random.default_rng(0))
    return Layout(draw, fixtures.draw_style(draw), (-2.0, 2.0, -1.5, 1.5), 2.5)


def cupboard(width: float = 1.0, depth: float = 0.5, height: float = 0.9, front: float = 0.5) -> Fixture:
    parts = [box((width, depth, height), (0, 0, 0), (0.5, 0.5, 0.5))]
    return Fixture("Cabinet", parts, (width, depth, height), (Top(0.1, 0.05, height, (0.3, 0.2)),), front)


def test_places_along_walls_run_clockwise(layout: Layout) -> None:
    """A metre along and half a metre out; backs (+y of the object) face the wall."""
    expected = [(-1.0, 1.0), (1.5, 0.5), (1.0, -1.0), (-1.5, -0.5)]
    outward = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    for wall in range(4):
        x, y, yaw = layout.at_wall(wall, 1.0, 0.5)
        assert (x, y) == pytest.approx(expected[wall])
        assert (-math.sin(yaw), math.cos(yaw)) == pytest.approx(outward[wall])
    assert [layout.wall_length(wall) for wall in range(4)] == [4.0, 3.0, 4.0, 3.0]


def test_put_turns_boxes_and_tops(layout: Layout) -> None:
    x, y, yaw = layout.at_wall(1, 1.0, 0.25)  # east: the object's x runs south, its y east
    layout.put(cupboard(), x, y, yaw)
    (obstacle,), (top,) = layout.obstacles, layout.surfaces
    assert obstacle.low == pytest.approx((1.5, 0.0, 0.0)) and obstacle.high == pytest.approx((2.0, 1.0, 0.9))
    assert top.center == pytest.approx((1.75 + 0.05, 0.5 - 0.1, 0.9))
    assert top.half_size == (0.2, 0.3)
    assert top.support == "Cabinet_1"


def test_fits(layout: Layout) -> None:
    piece = cupboard()
    assert layout.fits(piece, 0.0, 1.25, 0.0)
    assert not layout.fits(piece, 0.0, 1.3, 0.0)  # through the wall
    layout.put(piece, 0.0, 1.25, 0.0)
    assert not layout.fits(piece, 0.9, 1.25, 0.0)  # into its neighbour
    assert layout.fits(piece, 1.0, 1.25, 0.0)  # beside it
    assert not layout.fits(piece, 0.0, 0.5, 0.0)  # onto the floor in front of it
    assert layout.fits(cupboard(1.0, 0.3, 0.5), 0.0, 1.35, 0.0, z=1.0)  # on the wall above it
    assert not layout.fits(cupboard(1.0, 0.3, 0.5), 0.0, 1.35, 0.0, z=0.6)


def test_people_can_still_walk(layout: Layout) -> None:
    assert len(layout.walkable()) == 15 * 11
    assert not layout.fits(cupboard(3.9, 2.1, 0.9, front=0.0), 0.0, 0.4, 0.0)
    assert len(layout.walkable((-2.0, 2.0, -0.65, 1.5))) < OPEN_POSITIONS


def test_rows_go_round_the_corner(layout: Layout) -> None:
    layout.row(0, [cupboard() for _ in range(5)])
    yaws = [round(placed.yaw / (math.pi / 2)) for placed in layout.placed]
    assert yaws.count(0) >= 3 and yaws.count(-1) >= 1


def test_nothing_hangs_in_mid_air(layout: Layout) -> None:
    layout.put(cupboard(), 0.0, 0.0, 0.0)
    board = cupboard(0.6, 0.3, 0.1, front=0.0)
    assert not layout.hang_over("Cabinet", board, 1.2)
    layout.put(cupboard(), 0.0, 1.25, 0.0)
    assert layout.hang_over("Cabinet", board, 1.2)
    assert layout.placed[-1].y + 0.15 == pytest.approx(1.5)


def test_dividers_stand_out_from_a_wall(layout: Layout) -> None:
    assert layout.stand_out(cupboard(1.0, 0.4, 1.8), 0, 2.0)
    (box_,) = layout.obstacles
    assert box_.high[1] == pytest.approx(1.5) and box_.low[1] == pytest.approx(0.5)
    assert box_.high[0] - box_.low[0] == pytest.approx(0.4)


def test_glued_objects_stand_at_the_back_of_tops(layout: Layout) -> None:
    layout.put(cupboard(), 0.0, 1.25, 0.0)
    vase = Fixture("", [box((0.1, 0.1, 0.2), (0, 0, 0), (0.5, 0.5, 0.5))], (0.1, 0.1, 0.2), front=0.0)
    assert layout.glue_on_top(vase)
    glued = layout.placed[-1]
    assert glued.name == "Structure_1"
    assert glued.z == pytest.approx(0.9)
    assert glued.y + 0.05 == pytest.approx(1.25 + 0.05 + 0.2 - 0.02)

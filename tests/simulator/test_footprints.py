"""Rotated rectangles against sampled points, and the grid of standing positions against plain searches."""

from __future__ import annotations

import itertools
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.rooms.footprints import AGENT_RADIUS, GRID, Footprint, WalkGrid, blocked, footprint, overlap

number = st.floats(-1, 1)
side = st.floats(0.02, 0.5)
angle = st.floats(-7, 7)
footprints = st.builds(footprint, number, number, side, side, angle)


@settings(max_examples=200, deadline=None)
@given(footprints, footprints)
def test_overlap_against_sampled_points(p: Footprint, q: Footprint) -> None:
    """If a sampled point of one lies inside the other, they overlap; if all lie well outside, they do not."""
    grid = np.linspace(-1, 1, 25)
    u, v = np.meshgrid(grid * p.a, grid * p.b)
    x = p.x + p.cos * u - p.sin * v
    y = p.y + p.sin * u + p.cos * v
    along = np.abs((x - q.x) * q.cos + (y - q.y) * q.sin)
    across = np.abs((y - q.y) * q.cos - (x - q.x) * q.sin)
    if ((along < q.a - 1e-6) & (across < q.b - 1e-6)).any():
        assert overlap(p, q, 0.0) and overlap(q, p, 0.0)
    elif ((along > q.a + 0.1) | (across > q.b + 0.1)).all():
        # The samples of p are at most 0.03 apart, so a real overlap would have put one near q.
        assert not overlap(p, q, 0.0)
    assert overlap(p, q, 0.0) == overlap(q, p, 0.0)


@settings(max_examples=100, deadline=None)
@given(number, number, side, side, angle, st.booleans())
def test_covered_positions_against_distances(x: float, y: float, a: float, b: float, yaw: float, square: bool) -> None:
    grid = WalkGrid((-1.7, 1.6, -1.3, 1.9))
    rectangle = footprint(x, y, a, b, 0.0 if square else yaw)
    covered = set(grid.positions(grid.covered(rectangle)))
    for px, py in grid.positions(grid.free):
        u = abs((px - x) * rectangle.cos + (py - y) * rectangle.sin) - a
        v = abs((py - y) * rectangle.cos - (px - x) * rectangle.sin) - b
        distance = math.hypot(max(u, 0.0), max(v, 0.0))
        if abs(distance - AGENT_RADIUS) > 1e-6:
            assert ((px, py) in covered) == (distance < AGENT_RADIUS)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=42, max_size=42))
def test_largest_region_against_a_plain_search(cells: list[bool]) -> None:
    grid = WalkGrid((-0.2, 6 * GRID + 0.2, -0.2, 5 * GRID + 0.2))
    assert (grid.columns, grid.rows) == (7, 6)
    free = sum(1 << (index // 7 * grid.width + index % 7) for index, cell in enumerate(cells) if cell)
    todo = {(index // 7, index % 7) for index, cell in enumerate(cells) if cell}
    best = 0
    while todo:
        stack, size = [todo.pop()], 0
        while stack:
            row, column = stack.pop()
            size += 1
            for near in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if near in todo:
                    todo.remove(near)
                    stack.append(near)
        best = max(best, size)
    assert grid.largest(free).bit_count() == best


def test_positions_keep_the_agent_off_the_walls() -> None:
    grid = WalkGrid((-1.0, 1.0, -0.5, 0.75))
    positions = grid.positions(grid.free)
    assert set(positions) == set(itertools.product([-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75], [-0.25, 0.0, 0.25, 0.5]))


def test_low_objects_fit_below_what_hangs() -> None:
    shelf = footprint(0.0, 0.0, 0.3, 0.1, 0.0, low=0.4)
    mug = footprint(0.1, 0.0, 0.04, 0.04, 1.0)
    assert not blocked(mug, [shelf], height=0.3)
    assert blocked(mug, [shelf], height=0.5)
    assert not blocked(footprint(1.0, 0.0, 0.04, 0.04, 1.0), [shelf], height=0.5)

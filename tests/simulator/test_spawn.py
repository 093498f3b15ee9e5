"""Placement by seed: repeatable, apart, upright, in the room, soon at rest, and the floor stays walkable."""

from __future__ import annotations

import itertools
import math

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.categories import CATEGORIES
from simulator.generate import build_scene
from simulator.scene import Scene
from simulator.spawn import AGENT_RADIUS, GRID, LEAST_POSITIONS, WalkGrid, _overlap, _Rectangle, _rectangle, spawn

NAMES = ("FloorPlan2", "FloorPlan22", "FloorPlan215", "FloorPlan223", "FloorPlan308", "FloorPlan329", "FloorPlan421")


@pytest.fixture(scope="module")
def scenes() -> dict[str, Scene]:
    return {name: build_scene(name) for name in NAMES}


def spawned(scene: Scene, seed: int) -> mujoco.MjData:
    data = mujoco.MjData(scene.model)
    spawn(scene, data, seed)
    return data


def test_same_seed_same_places_whatever_was_before(scenes: dict[str, Scene]) -> None:
    for scene in scenes.values():
        first = spawned(scene, 5)
        again = spawned(scene, 6)
        other = again.qpos.copy()
        again.qvel[:] = 1.0
        for _ in range(20):
            mujoco.mj_step(scene.model, again)
        spawn(scene, again, 5)
        assert np.array_equal(first.qpos, again.qpos)
        assert not again.qvel.any()
        assert not np.array_equal(first.qpos, other)


def test_the_model_is_left_alone(scenes: dict[str, Scene]) -> None:
    scene = scenes["FloorPlan2"]
    before = scene.model.body_pos.copy(), scene.model.qpos0.copy()
    spawned(scene, 3)
    assert np.array_equal(before[0], scene.model.body_pos) and np.array_equal(before[1], scene.model.qpos0)


def test_upright_with_yaws_all_around(scenes: dict[str, Scene]) -> None:
    yaws = []
    for scene in scenes.values():
        data = spawned(scene, 1)
        for thing in scene.objects:
            if thing.dynamic:
                w, x, y, z = data.body(thing.name).xquat
                assert abs(x) < 1e-9 and abs(y) < 1e-9
                yaws.append(2 * math.atan2(z, w) % (2 * math.pi))
    counts, _ = np.histogram(yaws, bins=4, range=(0, 2 * math.pi))
    assert counts.min() > len(yaws) / 8


def test_nothing_meets_anything(scenes: dict[str, Scene]) -> None:
    for scene, seed in itertools.product(scenes.values(), range(3)):
        data = spawned(scene, seed)
        assert all(contact.dist > -1e-3 for contact in data.contact[: data.ncon]), (scene.name, seed)


def test_things_go_to_places_that_suit_them(scenes: dict[str, Scene]) -> None:
    """Furniture stands on the floor; nearly all of what belongs on tops is on them."""
    high = low = 0
    for scene, seed in itertools.product(scenes.values(), range(3)):
        data = spawned(scene, seed)
        for thing in scene.objects:
            if not thing.dynamic:
                continue
            z = float(data.body(thing.name).xpos[2])
            places = CATEGORIES[thing.category].places
            if set(places) == {"floor"}:
                assert z < 0.1, thing.name
            elif "floor" not in places:
                high += z > 0.1
                low += z <= 0.1
    assert low < 0.03 * high


def test_rooms_come_to_rest_where_things_were_put(scenes: dict[str, Scene]) -> None:
    for scene, seed in itertools.product(scenes.values(), range(2)):
        data = spawned(scene, seed)
        start = {thing.name: data.body(thing.name).xpos.copy() for thing in scene.objects if thing.dynamic}
        for _ in range(200):
            mujoco.mj_step(scene.model, data)
        assert np.abs(data.qvel).max() < 0.02, (scene.name, seed)
        for name, place in start.items():
            assert np.linalg.norm(data.body(name).xpos - place) < 0.03, (scene.name, seed, name)


def test_enough_positions_stay_connected(scenes: dict[str, Scene]) -> None:
    for scene, seed in itertools.product(scenes.values(), range(3)):
        data = spawned(scene, seed)
        grid = WalkGrid(scene.floor)
        free = grid.free
        for obstacle in scene.obstacles:
            if obstacle.low[2] < 1.5:
                middle = [(a + b) / 2 for a, b in zip(obstacle.low, obstacle.high, strict=True)]
                half = [(b - a) / 2 for a, b in zip(obstacle.low, obstacle.high, strict=True)]
                free &= ~grid.covered(_rectangle(middle[0], middle[1], half[0], half[1], 0.0))
        for thing in scene.objects:
            body = data.body(thing.name)
            if thing.dynamic and body.xpos[2] < 0.1:
                yaw = 2 * math.atan2(body.xquat[3], body.xquat[0])
                dx, dy, _ = thing.center_offset
                x = body.xpos[0] + math.cos(yaw) * dx - math.sin(yaw) * dy
                y = body.xpos[1] + math.sin(yaw) * dx + math.cos(yaw) * dy
                free &= ~grid.covered(_rectangle(x, y, thing.half_extents[0], thing.half_extents[1], yaw))
        assert grid.largest(free).bit_count() >= LEAST_POSITIONS - 6, (scene.name, seed)


def test_hidden_surfaces_are_used_only_when_allowed(scenes: dict[str, Scene]) -> None:
    """A bathtub's bottom is the low surface of a bathroom."""
    scene = scenes["FloorPlan421"]
    low = {surface.name for surface in scene.surfaces if surface.place != "floor" and surface.center[2] <= 0.3}
    assert low
    data = mujoco.MjData(scene.model)
    spawn(scene, data, 1, force_visible=False)
    assert np.isfinite(data.qpos).all()


def test_attempts_must_be_positive(scenes: dict[str, Scene]) -> None:
    scene = scenes["FloorPlan2"]
    with pytest.raises(ValueError, match="numPlacementAttempts"):
        spawn(scene, mujoco.MjData(scene.model), 0, attempts=0)


number = st.floats(-1, 1)
side = st.floats(0.02, 0.5)
angle = st.floats(-7, 7)
rectangles = st.builds(_rectangle, number, number, side, side, angle)


@settings(max_examples=200, deadline=None)
@given(rectangles, rectangles)
def test_overlap_against_sampled_points(p: _Rectangle, q: _Rectangle) -> None:
    """If a sampled point of one lies inside the other, they overlap; if all lie well outside, they do not."""
    grid = np.linspace(-1, 1, 25)
    u, v = np.meshgrid(grid * p.a, grid * p.b)
    x = p.x + p.cos * u - p.sin * v
    y = p.y + p.sin * u + p.cos * v
    along = np.abs((x - q.x) * q.cos + (y - q.y) * q.sin)
    across = np.abs((y - q.y) * q.cos - (x - q.x) * q.sin)
    if ((along < q.a - 1e-6) & (across < q.b - 1e-6)).any():
        assert _overlap(p, q, 0.0) and _overlap(q, p, 0.0)
    elif ((along > q.a + 0.1) | (across > q.b + 0.1)).all():
        # The samples of p lie at most 0.03 apart, so a real overlap would have put one near q.
        assert not _overlap(p, q, 0.0)
    assert _overlap(p, q, 0.0) == _overlap(q, p, 0.0)


@settings(max_examples=100, deadline=None)
@given(number, number, side, side, angle, st.booleans())
def test_covered_positions_against_distances(x: float, y: float, a: float, b: float, yaw: float, square: bool) -> None:
    grid = WalkGrid((-1.7, 1.6, -1.3, 1.9))
    rectangle = _rectangle(x, y, a, b, 0.0 if square else yaw)
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

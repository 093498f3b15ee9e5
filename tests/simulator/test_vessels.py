"""Hollow objects hold others, also while they slide; closed ones let nothing in."""

from __future__ import annotations

import math

import mujoco
import numpy as np
import pytest
from numpy.typing import NDArray

from simulator.things.categories import CATEGORIES
from simulator.things.shapes import bounds, hidden_box, hidden_cylinder, rotation
from simulator.things.vessels import cavity, crate, floor_of, hollow, spaces_of, vessel_mesh
from simulator.world.physics import Physics, make_push
from simulator.world.push import PushSettings
from simulator.world.rendering import VISIBLE_GROUPS
from tests.simulator.stage import Staged, ball, draw_object, height, stage
from tests.simulator.test_shapes import volume

INSTANCES = 12
ALWAYS_OPEN = ("Mug", "Cup", "Bowl", "Tray", "Pan", "Basket", "Bucket", "Pitcher")
SOMETIMES_OPEN = ("Vase", "Pot", "GarbageCan", "LaundryHamper", "Box", "ToolBox", "DogBed")
CLOSED = ("Jar", "Kettle", "MilkCarton", "Toaster", "Safe", "Microwave", "Speaker", "Ottoman", "Candle", "CerealBox")


def test_walls_stand_on_the_outline() -> None:
    """A cylinder of radius 0.1: the outer faces lie between its inscribed and its circumscribed octagon."""
    _, parts = hollow([(0.1, 0.0), (0.1, 0.2)], 0.01, 0.02, 8)
    bottom, *walls = parts
    assert len(walls) == 8 and bottom.form == "cylinder" and bottom.size[:2] == pytest.approx((0.1, 0.01))
    for wall in walls:
        turn = rotation(wall.quat)
        outer = np.array(wall.pos) + turn @ [wall.size[0], 0, 0]
        assert math.hypot(outer[0], outer[1]) == pytest.approx(0.1 * (1 + math.cos(math.pi / 8)) / 2)
        assert outer[:2] @ turn[:2, 0] > 0, "the thin side points outwards"
        assert wall.pos[2] + wall.size[2] == pytest.approx(0.2)
        assert 0.0 < wall.pos[2] - wall.size[2] < 0.02, "above the support, below the floor inside"
        # Neighbours meet: half a face is at least as wide as half a side of the polygon.
        assert wall.size[1] >= 0.1 * math.sin(math.pi / 8)


def test_leaning_walls_follow_a_cone() -> None:
    """From radius 0.1 to 0.2 over a height of 0.1 the walls lean by 45 degrees and their upper edge is at the rim."""
    _, parts = hollow([(0.1, 0.0), (0.2, 0.1)], 0.01, 0.001, 8)
    for wall in parts[1:]:
        along = rotation(wall.quat) @ [0.0, 0.0, 1.0]
        assert math.degrees(math.acos(along[2])) == pytest.approx(45.0)
        upper = np.array(wall.pos) + along * wall.size[2] + rotation(wall.quat) @ [wall.size[0], 0, 0]
        assert upper[2] == pytest.approx(0.1)


def test_the_floor_inside_lies_within_the_walls() -> None:
    """A cone: at the floor's height, 0.02, the outside has the radius 0.06, so the inside 0.05."""
    vertices, faces = vessel_mesh([(0.05, 0.0), (0.15, 0.2)], 0.01, 0.02, 12)
    floor = vertices[np.isclose(vertices[:, 2], 0.02)]
    assert np.hypot(floor[:, 0], floor[:, 1]).max() == pytest.approx(0.05)
    solid = lambda low, high, tall: 12 * math.sin(math.pi / 6) / 2 * tall * (low**2 + low * high + high**2) / 3  # noqa: E731
    assert volume((vertices, faces)) == pytest.approx(solid(0.05, 0.15, 0.2) - solid(0.05, 0.14, 0.18))


def test_a_crate_is_a_bottom_and_four_sides() -> None:
    arrays, parts = crate(0.4, 0.3, 0.1, 0.02, 0.01)
    expected = 0.4 * 0.3 * 0.1 - 0.36 * 0.26 * 0.09
    assert volume(arrays) == pytest.approx(expected)
    assert sum(8 * np.prod(part.size) for part in parts) == pytest.approx(expected)
    low, high = bounds(parts)
    assert low == pytest.approx([-0.2, -0.15, 0.0]) and high == pytest.approx([0.2, 0.15, 0.1])


def test_the_floor_of_a_container_is_where_objects_lie() -> None:
    """A crate of 0.4 x 0.3 with walls of 0.02: 0.13 to the nearer walls. A round one of radius 0.1: a square in it."""
    _, parts = crate(0.4, 0.3, 0.1, 0.02, 0.01)
    place = cavity(parts)
    assert place is not None
    assert place[0] == pytest.approx((0.0, 0.0, 0.01)) and place[1] == pytest.approx((0.13, 0.13))
    _, parts = hollow([(0.1, 0.0), (0.1, 0.2)], 0.01, 0.02, 8)
    round_place = cavity(parts)
    assert round_place is not None and round_place[0][2] == pytest.approx(0.02)
    assert 0.04 < round_place[1][0] < 0.1 * math.sqrt(0.5)
    assert cavity([hidden_box((0.4, 0.3, 0.1))]) is None, "a block"
    assert cavity([*parts, hidden_cylinder(0.1, 0.01, (0, 0, 0.2))]) is None, "closed by a lid"
    assert cavity(parts[:5]) is None, "open at one side"


def test_a_round_space_is_as_wide_as_the_inside_half_way_up() -> None:
    """A cone from radius 0.1 to 0.2 with a wall of 0.01: about 0.14 half-way up, from its floor to its rim."""
    _, parts = hollow([(0.1, 0.0), (0.2, 0.2)], 0.01, 0.02, 8)
    (space,) = spaces_of(parts)
    assert space.half[0] == space.half[1] == pytest.approx(0.14, abs=0.01)
    assert space.center[2] - space.half[2] == pytest.approx(0.02)
    assert space.center[2] + space.half[2] == pytest.approx(0.2, abs=0.01)
    assert space.behind is None
    _, parts = crate(0.4, 0.3, 0.1, 0.02, 0.01)
    (space,) = spaces_of(parts)
    assert space.half == pytest.approx((0.18, 0.13, 0.045)) and space.center == pytest.approx((0.0, 0.0, 0.055))
    assert not spaces_of(crate(0.4, 0.3, 0.03, 0.02, 0.01)[1]), "too shallow"
    assert not spaces_of([hidden_box((0.4, 0.3, 0.1))])


@pytest.mark.parametrize("name", ["Microwave", "Safe", "Box"])
def test_what_opens_holds_things_behind_its_lid(name: str) -> None:
    count = 0
    for seed in range(12):
        parts = draw_object(name, seed).parts
        lids = {part.motion for part in parts if part.motion is not None}
        if not lids:
            continue
        count += 1
        (space,), top = spaces_of(parts), floor_of(parts)
        assert {space.behind} == lids and min(space.half) > 0.04
        assert top is not None and top.behind == space.behind
        assert top.z == pytest.approx(space.center[2] - space.half[2])
        assert 2 * space.half[2] > top.clearance > 0.05
        low, high = bounds(parts)
        assert (np.array(space.center) - space.half > low).all() and (np.array(space.center) + space.half < high).all()
    assert count >= 2


def look_into(physics: Physics, body: int, obj: Staged) -> tuple[float, float] | None:
    """(height of the floor inside, free radius above it) of an object seen from above, metres; None if it is closed."""
    place, hit = physics.data.xpos[body], np.full(1, -1, np.int32)

    def ray(start: NDArray[np.float64], along: NDArray[np.float64]) -> float:
        distance = mujoco.mj_ray(physics.model, physics.data, start, along, VISIBLE_GROUPS, 1, -1, hit)
        return distance if distance >= 0 and physics.model.geom_bodyid[hit[0]] == body else math.inf

    low, high = bounds(obj.parts)
    reach, top = 0.2 * float((high - low)[:2].min()) / 2, place[2] + height(obj) + 0.1
    # Some of these rays meet a bow or a handle over the opening.
    turns = [np.array([math.cos(turn), math.sin(turn), 0.0]) for turn in np.arange(9) * 0.7 + 0.2]
    floor = float(np.median([top - ray(place + reach * way + [0, 0, top], np.array([0, 0, -1.0])) for way in turns]))
    if not math.isfinite(floor):
        return None
    free = math.inf
    for level in np.arange(floor + 0.012, place[2] + height(obj), 0.02):
        sides = [ray(np.array([place[0], place[1], level]), way) for way in turns]
        if max(sides) == math.inf:  # past the rim
            break
        free = min(free, *sides)
    return (floor, free) if 0.02 < free < math.inf else None


def inside(physics: Physics, vessel: int, content: int, obj: Staged, floor: float) -> bool:
    """Whether a ball lies in a vessel, a little above the floor at most, in the vessel's frame."""
    turn = physics.data.xmat[vessel].reshape(3, 3)
    x, y, z = turn.T @ (physics.data.xpos[content] - physics.data.xpos[vessel])
    low, high = bounds(obj.parts)
    return low[0] < x < high[0] and low[1] < y < high[1] and floor - 0.006 < z < floor + 0.03


@pytest.mark.parametrize("name", [*ALWAYS_OPEN, *SOMETIMES_OPEN])
def test_vessels_hold_what_falls_into_them(name: str) -> None:
    objects = [draw_object(name, seed, (4.0 * seed, 0.0, 0.0)) for seed in range(INSTANCES)]
    physics, bodies = stage(objects)
    physics.run_to_rest()
    views = [look_into(physics, int(body), obj) for body, obj in zip(bodies, objects, strict=True)]
    vessels = [(obj, view) for obj, view in zip(objects, views, strict=True) if view]
    assert len(vessels) >= (INSTANCES - 1 if name in ALWAYS_OPEN else 1)
    balls = []
    for obj, (floor, free) in vessels:
        radius = min(0.45 * free, 0.035)
        start = floor + 0.06
        balls.append(ball(radius, 0.05, (obj.place[0] + 0.1 * free, 0.05 * free, start)))
    physics, bodies = stage([obj for obj, _ in vessels] + balls)
    pairs = list(zip(bodies[: len(vessels)], bodies[len(vessels) :], vessels, strict=True))
    physics.run_to_rest()
    assert physics.data.ntree_awake == 0
    for vessel, content, (obj, (floor, _)) in pairs:
        assert inside(physics, vessel, content, obj, floor), (name, obj.place)
        if CATEGORIES[name].contains and height(obj) - floor > 0.04:
            (space,) = spaces_of(obj.parts)
            place = physics.data.xmat[vessel].reshape(3, 3).T @ (physics.data.xpos[content] - physics.data.xpos[vessel])
            assert (np.abs(place + [0, 0, 0.02] - space.center) < space.half).all(), (name, obj.place, space)
    for vessel, _, (obj, _) in pairs:  # twice the force of friction
        magnitude = 2 * obj.friction[0] * (obj.mass + 0.05) * 9.81 / PushSettings().force_scale
        point = physics.data.xipos[vessel].copy()
        physics.push(make_push(physics.data, int(vessel), point, np.array([1.0, 0.0, 0.0]), magnitude))
        physics.run(0.11)
    physics.run_to_rest()
    standing = [pair for pair in pairs if physics.data.xmat[pair[0]].reshape(3, 3)[2, 2] > 0.9]
    assert len(standing) >= 0.4 * len(pairs), "tall slim ones may topple"
    for vessel, content, (obj, (floor, _)) in standing:
        assert physics.data.xpos[vessel][0] - obj.place[0] > 0.01, "it slid"
        assert inside(physics, vessel, content, obj, floor), (name, obj.place)


def test_a_drawer_takes_its_content_along() -> None:
    """An object in a box that is built like a drawer moves with it when it is pulled at 30 cm/s and more."""
    drawer = draw_object("Tray", 0)
    drawer.parts = crate(0.4, 0.35, 0.08, 0.012, 0.01)[1]
    drawer.mass = 1.0
    content = draw_object("RemoteControl", 3, (0.05, 0.0, 0.01))
    marble = ball(0.02, 0.03, (-0.1, 0.05, 0.01))
    physics, (tray, *others) = stage([drawer, content, marble])
    physics.run_to_rest()
    physics.push(make_push(physics.data, int(tray), physics.data.xipos[tray].copy(), np.array([0.0, -1.0, 0.0]), 20.0))
    physics.run_to_rest()
    assert physics.data.xpos[tray][1] < -0.05
    for other in others:
        x, y, z = physics.data.xpos[other] - physics.data.xpos[tray]
        assert abs(x) < 0.2 and abs(y) < 0.175 and z < 0.04


@pytest.mark.parametrize("name", CLOSED)
def test_nothing_gets_into_closed_objects(name: str) -> None:
    """A ball dropped onto a closed object ends on it or beside it: no part of the object is above the ball."""
    objects = [draw_object(name, seed, (4.0 * seed, 0.0, 0.0)) for seed in range(4)]
    balls = [ball(0.025, 0.05, (obj.place[0] + 0.01, 0.01, height(obj) + 0.1)) for obj in objects]
    physics, bodies = stage([*objects, *balls])
    physics.run_to_rest()
    hit = np.full(1, -1, np.int32)
    for obj, content in zip(bodies[:4], bodies[4:], strict=True):
        center = physics.data.xpos[content] + [0.0, 0.0, 0.025]
        mujoco.mj_ray(physics.model, physics.data, center, np.array([0, 0, 1.0]), VISIBLE_GROUPS, 1, int(content), hit)
        assert hit[0] < 0 or physics.model.geom_bodyid[hit[0]] != obj, name

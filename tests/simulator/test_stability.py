"""Stability: objects stand upright, stay at rest, can be stacked, and the strongest touch leaves them in the room."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.touch import DIRECTIONS
from simulator.things.categories import CATEGORIES
from simulator.things.shapes import bounds, flat_top
from simulator.world.physics import Physics, make_push
from simulator.world.push import PushSettings
from tests.simulator.stage import Staged, draw_object, stage

INSTANCES = 4
APART = 3.0
"""Distance between objects that must not touch, metres."""


@pytest.fixture(scope="module")
def crowd() -> tuple[Physics, np.ndarray, list[Staged]]:
    """Several instances of every category, far apart."""
    names = [name for name in CATEGORIES for _ in range(INSTANCES)]
    objects = [
        draw_object(name, number, (APART * (number % 20 - 10), APART * (number // 20 - 10), 0.0))
        for number, name in enumerate(names)
    ]
    physics, bodies = stage(objects)
    physics.run_to_rest()
    return physics, bodies, objects


def test_every_object_stands_as_it_was_put(crowd: tuple[Physics, np.ndarray, list[Staged]]) -> None:
    physics, bodies, objects = crowd
    assert physics.data.time < 3.0 and physics.data.ntree_awake == 0, "they fell asleep, nothing was frozen"
    assert physics.at_rest
    upright = physics.data.xmat[bodies].reshape(-1, 3, 3)[:, 2, 2]
    places = np.array([obj.place for obj in objects])
    moved = np.linalg.norm(physics.data.xpos[bodies] - places, axis=1)
    wrong = [obj.category for obj, up, far in zip(objects, upright, moved, strict=True) if up < 0.999 or far > 0.01]
    assert not wrong


def test_what_rests_does_not_creep(crowd: tuple[Physics, np.ndarray, list[Staged]]) -> None:
    physics, bodies, _ = crowd
    before = physics.data.qpos.copy()
    physics.run(5.0)
    np.testing.assert_allclose(physics.data.qpos, before, atol=5e-4)


def test_tall_objects_stand_on_a_slope(crowd: tuple[Physics, np.ndarray, list[Staged]]) -> None:
    """Eight degrees to each side: feet must be wide for their height, or a nudge of the table would clear it."""
    physics, bodies, objects = crowd
    before, gravity = physics.data.qpos.copy(), physics.model.opt.gravity.copy()
    sides = [np.ptp(bounds([part for part in obj.parts if part.solid]), axis=0) for obj in objects]
    tall = np.array([side[2] > 1.5 * side[:2].min() for side in sides])
    slope = np.radians(8.0)
    try:
        for ahead, aside in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            physics.place(before)
            physics.model.opt.gravity[:] = 9.81 * np.array(
                [ahead * np.sin(slope), aside * np.sin(slope), -np.cos(slope)]
            )
            physics.run(1.2)
            upright = physics.data.xmat[bodies].reshape(-1, 3, 3)[:, 2, 2]
            fallen = np.flatnonzero(tall & (upright < np.cos(2 * slope)))
            assert not [objects[index].category for index in fallen]
    finally:
        physics.model.opt.gravity[:] = gravity
        physics.place(before)


def test_contacts_have_the_friction_of_the_instance(crowd: tuple[Physics, np.ndarray, list[Staged]]) -> None:
    """Contacts have the drawn friction, neither the floor's nor the larger one."""
    physics, bodies, objects = crowd
    model = physics.model
    drawn = {int(body): obj.friction[0] for body, obj in zip(bodies, objects, strict=True)}
    assert len(set(drawn.values())) == len(objects)
    fresh = Physics(model, type(physics.data)(model), 0.008, 4.0)
    fresh.place(physics.data.qpos)
    seen = {}
    for contact in fresh.data.contact[: fresh.data.ncon]:
        body = int(model.geom_bodyid[contact.geom].max())
        seen[body] = float(contact.friction[0])
    assert len(seen) > 0.9 * len(objects)
    assert all(friction == pytest.approx(drawn[body]) for body, friction in seen.items())


def closed(name: str, seed: int) -> Staged:
    """The first instance with a flat top, from a seed on."""
    return next(obj for number in range(50) if flat_top((obj := draw_object(name, seed + number)).parts))


@pytest.mark.parametrize(
    "names",
    [
        ("Plate", "Plate", "Plate"),
        ("Plate", "Bowl"),
        ("Book", "Book", "Book"),
        ("Box", "Box", "Box"),
        ("SideTable", "Box", "Book"),
        ("CoffeeTable", "Tray", "Mug"),
        ("Bench", "Suitcase"),
        ("Ottoman", "Tray", "Bowl"),
    ],
    ids="-".join,
)
def test_stacks_stand(names: tuple[str, ...]) -> None:
    for seed in (0, 100, 200):
        objects, level = [], 0.0
        for number, name in enumerate(names):
            last = number == len(names) - 1
            # Plates are stacked rim on rim. Other objects go below only if they have a flat top.
            obj = draw_object(name, seed + number) if last or name in ("Plate", "Tray") else closed(name, seed + number)
            low, high = bounds([part for part in obj.parts if part.solid])
            obj.place = (0.0, 0.0, level)
            level += float(high[2]) if name != "Tray" else 0.012
            objects.append(obj)
        physics, bodies = stage(objects)
        physics.run_to_rest()
        assert physics.data.ntree_awake == 0, (names, seed)
        upright = physics.data.xmat[bodies].reshape(-1, 3, 3)[:, 2, 2]
        sunk = physics.data.xpos[bodies][:, 2] - [obj.place[2] for obj in objects]
        assert (upright > 0.998).all() and np.abs(sunk).max() < 0.015, (names, seed, upright, sunk)
        before = physics.data.qpos.copy()
        physics.run(2.0)
        np.testing.assert_allclose(physics.data.qpos, before, atol=5e-4)


ROOM_HALF, ROOM_HEIGHT = 1.3, 2.4


@pytest.fixture(scope="module")
def rooms() -> list[tuple[str, Physics, int]]:
    """Every category alone in a small closed room."""
    found = []
    for seed, name in enumerate(CATEGORIES):
        physics, bodies = stage([draw_object(name, seed)], ROOM_HALF, ROOM_HEIGHT)
        physics.run_to_rest()
        found.append((name, physics, int(bodies[0])))
    return found


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_strongest_touch_leaves_everything_in_the_room(
    rooms: list[tuple[str, Physics, int]], direction: tuple[float, float, float]
) -> None:
    right, up, ahead = direction
    rng = np.random.default_rng(abs(hash(direction)) % 1000)
    for name, physics, body in rooms:
        data = physics.data
        geoms = np.flatnonzero((physics.model.geom_bodyid == body) & (physics.model.geom_contype > 0))
        point = data.geom_xpos[rng.choice(geoms)]
        physics.push(make_push(data, body, point, np.array([right, ahead, up]), 200.0))
        for _ in range(10):
            physics.run(0.02)
            assert np.abs(data.qvel[:3]).max() <= PushSettings().speed_limit, name
            assert np.abs(data.qvel[3:6]).max() <= PushSettings().spin_limit, name
        physics.run_to_rest()
        place = data.xipos[body]
        assert np.abs(place[:2]).max() < ROOM_HALF and 0.0 < place[2] < ROOM_HEIGHT, (name, place)
        assert physics.at_rest

"""Targets of manipulation in a real room, and hiding places of seek tasks."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from actors.hide_and_seek.defaults import rules
from actors.hide_and_seek.learning.config import LearningConfig
from actors.hide_and_seek.learning.seeking import hide_somewhere
from actors.hide_and_seek.learning.targets import TargetMaker
from actors.hide_and_seek.locations import Frame, Place
from actors.hide_and_seek.world import Facts, Pose, Resting, World


def test_targets_are_near_and_the_goal_is_in_the_hand(world: World, learning: LearningConfig) -> None:
    facts = world.set_up("FloorPlan205", 4)
    maker = TargetMaker(world, facts, "Cup", rules(), learning, np.random.default_rng(1))
    targets, locations = set(), set()
    for _ in range(10):
        target = maker.begin()
        if target is None:
            continue
        assert world.holding and world.location.place in facts.places
        targets.add(target)
        locations.add(world.location)
        world.drop()
    assert len(targets) >= 3 and len(locations) >= 5


def test_targets_are_what_the_agent_saw(
    world: World, learning: LearningConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an object was put, from 0.4 to 1.2 m away and within 35 degrees of the view's middle."""
    facts = world.set_up("FloorPlan1", 6)
    put: list[tuple[float, float]] = []
    original = World.put_new

    def put_new(self: World, goal: str, pose: Pose) -> bool:
        agent = self._simulator.last_event.metadata["agent"]
        x, z = pose.position["x"] - agent["position"]["x"], pose.position["z"] - agent["position"]["z"]
        turn = np.degrees(np.arctan2(x, z)) - agent["rotation"]["y"]
        put.append((float(np.hypot(x, z)), float(abs((turn + 180) % 360 - 180))))
        return original(self, goal, pose)

    monkeypatch.setattr(World, "put_new", put_new)
    maker = TargetMaker(world, facts, "Bread", rules(), learning, np.random.default_rng(2))
    assert any(maker.begin() is not None for _ in range(6))
    assert put and all(0.39 < distance < 1.21 and bearing < 35.5 for distance, bearing in put)


class Places:
    """Resting places at x = 0, 1, 2, ...; each is seen from as many locations as `seen` says; None: nothing fits."""

    def __init__(self, seen: list[int | None]) -> None:
        self._seen, self.at, self.sampled = seen, -1, 0

    def resting_places(self, goal: str, seed: int, count: int) -> list[Resting]:
        zero = {"x": 0.0, "y": 0.0, "z": 0.0}
        return [Resting(Pose({**zero, "x": float(number)}, zero), ()) for number in range(len(self._seen))]

    def put_new(self, goal: str, pose: Pose) -> bool:
        number = int(pose.position["x"])
        fits = self._seen[number] is not None
        self.at = number if fits else self.at
        return fits

    def take_out(self) -> None:
        self.at = -1

    def visible_from(self, places: list[Place]) -> tuple[int, int]:
        self.sampled += len(places)
        found = self._seen[self.at]
        assert found is not None
        return found, 8 * len(places)


@pytest.mark.parametrize(
    ("seen", "easy", "at"),
    [([None, 3, 9, 4], True, 2), ([None, 3, 9, 4], False, 1), ([None, None], True, -1), ([None], False, -1)],
)
def test_an_easy_place_is_the_one_that_is_seen_most(
    learning: LearningConfig, seen: list[int | None], easy: bool, at: int
) -> None:
    room: Any = Places(seen)
    facts = Facts(Frame(0, 0, 0, 0), frozenset({Place(x, 0) for x in range(9)}), frozenset(), {})
    found = hide_somewhere(cast(World, room), facts, "Cup", learning, easy, np.random.default_rng(0))
    assert (found, room.at) == (at >= 0, at)
    assert room.sampled == (6 * sum(one is not None for one in seen) if easy else 0)

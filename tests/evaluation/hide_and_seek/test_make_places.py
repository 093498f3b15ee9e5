"""Exhaustive hiding places in real rooms, and their classes and statistics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.controller import SimulatorProcess
from actors.hide_and_seek.defaults import embedded_simulator, rules
from actors.hide_and_seek.game import Game
from actors.hide_and_seek.locations import Location
from actors.hide_and_seek.places import HidingPlace
from actors.hide_and_seek.world import Pose, Unplayable, World, start_simulator
from common.errors import UsageError
from evaluation.hide_and_seek.make_places import MadePlaces, PlaceRules, Spawn, draw, make_places
from evaluation.hide_and_seek.places_sheet import examples, places_sheet, show

SCENE, GOAL = "FloorPlan1", "Cup"
CONFIG = rules(augment_images=False, turn_worlds=False)
FEW = PlaceRules(count=2, candidates=12, spawns=2, inside_share=0.25, seed=1)


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorProcess]:
    process = start_simulator(embedded_simulator())
    yield process
    process.stop()


@pytest.fixture
def world(simulator: SimulatorProcess) -> World:
    return World(simulator)


@pytest.fixture(scope="module")
def made(simulator: SimulatorProcess) -> MadePlaces:
    return make_places(World(simulator), SCENE, GOAL, FEW, CONFIG)


def test_the_same_rules_give_the_same_places(world: World, made: MadePlaces) -> None:
    world.set_up("FloorPlan201", 3)
    steps: list[None] = []
    again = make_places(world, SCENE, GOAL, FEW, CONFIG, lambda: steps.append(None))
    assert again == made
    assert len(steps) == made.statistics["candidates"] == 12


def test_statistics_count_each_candidate_once(made: MadePlaces) -> None:
    numbers = dict(made.statistics)
    assert numbers.pop("candidates") == sum(numbers.values())
    assert numbers["moved"] == 0
    drawn = Counter(str(place.difficulty) for place in made.places)
    assert set(drawn.values()) == {min(2, *(numbers[name] for name in drawn))}
    assert all(place.source == "exhaustive" and place.scene == SCENE and place.goal == GOAL for place in made.places)


def test_hard_places_are_in_closed_furniture_and_seen_from_nowhere(made: MadePlaces) -> None:
    hard = [place for place in made.places if place.difficulty == "hard"]
    assert hard and all(place.visible_from == 0 and place.contained_in for place in hard)
    easy = [place for place in made.places if place.difficulty == "easy"]
    assert easy and all(place.visible_from for place in easy)


def test_games_from_places_find_what_was_measured(world: World, made: MadePlaces) -> None:
    for place in made.places:
        game = Game.from_place(world, place, CONFIG)
        game.measure()
        found = game.place("test")
        assert (found.visible_from, found.tuples) == (place.visible_from, place.tuples)
        assert (found.contained_in, found.opened, found.moved) == (place.contained_in, (), {})
        assert found.start == place.start
        assert all(abs(found.pose.position[axis] - place.pose.position[axis]) < 0.01 for axis in "xyz")


def test_the_sheet_shows_closed_places_opened(world: World, made: MadePlaces, tmp_path: Path) -> None:
    hard = [place for place in examples(made.places, 1) if place.difficulty == "hard"]
    shown = [show(world, place, CONFIG) for place in hard]
    assert shown[0].opened and shown[0].view is not None and shown[0].image is not None
    assert (shown[0].image == (255, 0, 255)).all(axis=2).sum() >= CONFIG.claim_pixels
    assert sum(shown[0].cells.values()) == 0 and 8 * len(shown[0].cells) == hard[0].tuples
    places_sheet(tmp_path / "sheet.png", shown)
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_what_measuring_changes_is_undone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    spawn = Spawn(world, SCENE, GOAL, 5, CONFIG)
    before, seen_from = world.all_poses(), world.seen_from

    def disturbing(*arguments: Any) -> list[Location]:
        assert world.act("DisableObject", objectId=min(before))
        assert world.act("OpenObject", objectId=min(spawn.facts.openable), forceAction=True)
        return seen_from(*arguments)

    monkeypatch.setattr(world, "seen_from", disturbing)
    (candidate,) = spawn.candidates(np.random.default_rng(0), 0, 1)
    assert spawn.measure(candidate, Location(0, 0, 0, True))[1] is not None
    assert not world.goal and not world.open_objects and world.all_poses() == before


def test_rooms_where_nothing_can_be_claimed_are_refused(world: World) -> None:
    one = PlaceRules(candidates=1, spawns=1)
    with pytest.raises(UsageError, match="FloorPlan1 has no feasible place for the Cup: none of 1 could be found"):
        make_places(world, SCENE, GOAL, one, rules(claim_pixels=224 * 224))


def test_goals_that_fit_nowhere_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(World, "resting_places", lambda *arguments: [])
    with pytest.raises(UsageError, match="the Plunger fits nowhere in FloorPlan1"):
        make_places(world, SCENE, "Plunger", PlaceRules(candidates=1, spawns=1), CONFIG)


def test_unknown_scenes_are_refused(world: World) -> None:
    with pytest.raises(Unplayable, match="scene 'FloorPlan999' is not one of"):
        make_places(world, "FloorPlan999", GOAL, FEW, CONFIG)


def some_places(shares: list[int], containers: list[str] | None = None) -> list[HidingPlace]:
    """Places seen from so many of 100 location tuples."""
    zero = {"x": 0.0, "y": 0.0, "z": 0.0}
    return [
        HidingPlace(SCENE, 0, GOAL, {**zero, "yaw": 0.0}, Pose(zero, zero), visible_from=share, tuples=100,
                    contained_in=(containers or [""] * len(shares))[index])
        for index, share in enumerate(shares)
    ]  # fmt: skip


def test_draws_are_equal_in_number() -> None:
    # Shares 0.00 to 0.99: the 5th percentile is 0.04, the 20th 0.19, of which at most 0.15 are medium.
    made = draw(some_places(list(range(100))), {"candidates": 100}, 20, np.random.default_rng(0))
    assert made.statistics == {"candidates": 100, "easy": 84, "medium": 11, "hard": 5}
    seen = {
        name: [one.visible_from or 0 for one in made.places if one.difficulty == name] for name in ("easy", "medium")
    }
    assert [one.visible_from for one in made.places if one.difficulty == "hard"] == [0, 1, 2, 3, 4]
    assert [one.difficulty for one in made.places] == ["easy"] * 5 + ["medium"] * 5 + ["hard"] * 5
    assert all(5 <= share <= 15 for share in seen["medium"]) and all(share > 15 for share in seen["easy"])


def test_a_class_without_places_does_not_stop_the_others() -> None:
    # All hard ones are seen from nowhere; those of the 20th percentile, too.
    made = draw(some_places([0] * 6 + [50] * 4), {}, 3, np.random.default_rng(0))
    assert [one.difficulty for one in made.places] == ["easy"] * 3 + ["hard"] * 3


def test_examples_differ_in_their_containers() -> None:
    places = [
        HidingPlace(**{**vars(place), "difficulty": "hard"})
        for place in some_places([0, 1, 2, 3], ["Drawer|1", "Drawer|2", "Fridge|1", "Drawer|3"])
    ]
    assert [one.visible_from for one in examples(places, 3)] == [0, 2, 1]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("count", 0, "count must be at least 1, not 0"),
        ("candidates", 0, "candidates must be at least 1, not 0"),
        ("spawns", 0, "spawns must be at least 1, not 0"),
        ("spawns", 500, "spawns must be at most candidates, 440, not 500"),
        ("inside_share", 1.5, "inside_share must be between 0 and 1, not 1.5"),
        ("seed", -1, "seed must be at least 0, not -1"),
    ],
)
def test_impossible_rules_are_refused(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        PlaceRules(**{name: value})

"""Records of games: what they hold of a real game, their file, and files that are broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.controller import SimulatorProcess
from actors.hide_and_seek.actions import ACTIONS, Stage
from actors.hide_and_seek.defaults import rules
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import Game, GameObservation, GameTask, Result
from actors.hide_and_seek.locations import ROTATIONS, Frame, Location, Place
from actors.hide_and_seek.pixels import Modality
from actors.hide_and_seek.places import HidingPlace
from actors.hide_and_seek.play import play_game
from actors.hide_and_seek.players.core import Hints
from actors.hide_and_seek.record import (
    SIDE,
    GameRecord,
    GameStep,
    Recorder,
    load_record,
    record_from,
    save_record,
    thumbnail,
    to_plain,
)
from actors.hide_and_seek.stages.hide import Attempt
from actors.hide_and_seek.stages.perspective import Choice
from actors.hide_and_seek.world import Pose, World
from common.errors import UsageError

FRIDGE, DRAWER, TABLE = "Fridge|1", "Drawer|1", "DiningTable|1"


def example(every_picture: bool = True) -> GameRecord:
    """A record made by hand: explored, put into a fridge by the second PlaceAt, found there."""
    at = [Location(0, 0, 0, True), Location(0, 1, 0, True), Location(0, 2, 0, True)]
    target = (Modality.CONTAINED_IN, 3, 4)
    steps = (
        GameStep(Stage.EXPLORE, "MoveAhead", True, 0.19, at[1], False),
        GameStep(Stage.EXPLORE, "OpenAt(3,4)", True, 0.39, at[1], False, (FRIDGE,)),
        GameStep(Stage.EXPLORE, "MoveLeft", False, -0.03, at[1], True),
        GameStep(Stage.MANIPULATE, "DropObject", True, -1.01, at[2], True, attempt=0, hits=()),
        GameStep(Stage.HIDE, "PlaceAt(OnTop,4,5)", False, -0.02, at[2], False),
        GameStep(Stage.MANIPULATE, "MoveHandUp", True, -0.01, at[2], False, attempt=1),
        GameStep(Stage.MANIPULATE, "DropObject", True, 2.99, at[2], True, attempt=1, hits=(target,)),
        GameStep(Stage.HIDE, "PlaceAt(ContainedIn,4,5)", True, 0.02, at[2], False),
        GameStep(Stage.HIDE, "ReadyForSeeker", True, -0.01, at[2], True),
        GameStep(Stage.SEEK, "ClaimVisible", False, -0.06, at[0], False, goal_in_view=False),
        GameStep(Stage.SEEK, "OpenAt(4,4)", True, 0.05, at[0], False, (FRIDGE,)),
        GameStep(Stage.SEEK, "ClaimVisible", True, 0.99, at[0], True, goal_in_view=True),
    )
    pictures = {}
    for number in range(len(steps) if every_picture else 0):
        pictures[number] = thumbnail(np.full((224, 224, 3), (20 * number, 90, 160), np.uint8))
    return GameRecord(
        task=GameTask("FloorPlan1", "Cup", 3),
        rules=rules(),
        hider="greedy",
        seeker="searcher",
        frame=Frame(1.0, 0.9, -0.5, 90),
        turned=0,
        places=tuple(Place(x, z) for x in range(3) for z in range(4)),
        openable=(DRAWER, FRIDGE),
        furniture={FRIDGE: (2.0, -0.25), DRAWER: (1.0, -1.25), TABLE: (0.5, -1.0)},
        choices=(Choice(Location(9, 9, 0, True), False), Choice(at[2], True)),
        chosen=at[2],
        starts={Stage.EXPLORE: at[0], Stage.HIDE: at[2], Stage.SEEK: at[0]},
        steps=steps,
        attempts=(Attempt(0, (Modality.ON_TOP, 3, 4), False, None), Attempt(1, target, True, target)),
        place=HidingPlace(
            "FloorPlan1", 3, "Cup", {"x": 1.0, "y": 0.9, "z": -0.5, "yaw": 90.0},
            Pose({"x": 2.0, "y": 1.0, "z": -0.25}, {"x": 0.0, "y": 30.0, "z": 0.0}), opened=(FRIDGE,),
            contained_in=FRIDGE, source="greedy", visible_from=5, tuples=96,
        ),
        result=Result(True, 3, True, 2, 1, 0.1, 0.2, 0.5, 5, 5 / 96, True, 1, 1 / 12),
        thumbnails=pictures,
    )  # fmt: skip


class Random:
    """Plays both sides by chance, and remembers each step."""

    name = "random"

    def __init__(self) -> None:
        self.seen: list[Step] = []

    def begin(self, seed: int, hints: Hints) -> None:
        self._random = np.random.default_rng(seed)

    def act(self, observation: GameObservation) -> int:
        return int(self._random.choice(np.flatnonzero(observation.mask)))

    def learn(self, step: Step) -> None:
        self.seen.append(step)

    def choose(self, observation: GameObservation) -> Location:
        return Location(0, 0, 90, True)

    def probability(self, observation: GameObservation) -> float:
        return 1.0


@pytest.fixture(scope="module")
def played(rooms: SimulatorProcess) -> tuple[Game, GameRecord, list[Step], GameRecord]:
    """A short game, its record, its steps, and a record of the same game with few pictures."""
    budgets = {"explore_steps": 12, "hide_steps": 4, "manipulate_steps": 6, "seek_steps": 12}
    game = Game(World(rooms), GameTask("FloorPlan2", "Tomato", 4), rules(turn_worlds=False, **budgets))
    full, sparse, player = Recorder("random", "random"), Recorder("random", "random", every=5), Random()

    def watch(game: Game, step: Step) -> None:
        full.watch(game, step)
        sparse.watch(game, step)

    play_game(game, player, player, watch=watch)
    return game, full.finish(game), player.seen, sparse.finish(game)


def test_a_record_holds_the_whole_game(played: tuple[Game, GameRecord, list[Step], GameRecord]) -> None:
    game, record, seen, _ = played
    assert game.hiding is not None and game.seeking is not None and game.perspective is not None
    for noted, step in zip(record.steps, seen, strict=True):
        assert (noted.stage, noted.action, noted.succeeded) == (step.stage, step.action.name, step.succeeded)
        assert (noted.reward, noted.location, noted.opened) == (step.reward, step.location, step.opened)
        assert (noted.hits is None) == (step.landing is None)
    stages = [step.stage for step in record.steps]
    assert stages[:12] == [Stage.EXPLORE] * 12 and stages[-1] is Stage.SEEK
    assert [record.steps[i].action for i in record.of(Stage.SEEK)] == [
        step.action.name for step in game.seeking.episode.steps
    ]
    # Each PlaceAt that starts a manipulation follows its steps.
    attempts = [record.steps[i].attempt for i in record.of(Stage.MANIPULATE)]
    assert attempts == sorted(attempts, key=str) and set(attempts) == set(range(len(record.attempts)))
    assert len(record.attempts) == record.result.manipulations >= 2
    for number, attempt in enumerate(record.attempts):
        last = max(i for i in record.of(Stage.MANIPULATE) if record.steps[i].attempt == number)
        assert record.steps[last + 1].action == game.hiding.episode.steps[attempt.step].action.name
    assert record.result == game.result()
    assert record.chosen == game.perspective.chosen and record.starts[Stage.HIDE] == record.chosen
    assert record.places == tuple(sorted(game.facts.places)) and set(record.openable) == game.facts.openable
    assert set(record.openable) <= set(record.furniture)


def test_a_record_holds_where_the_object_was(played: tuple[Game, GameRecord, list[Step], GameRecord]) -> None:
    game, record, _, _ = played
    assert record.place.pose == game.world.goal_pose()
    assert (record.place.source, record.place.scene) == ("random", "FloorPlan2")
    # Known only after the stage, when the game has measured it.
    assert record.place.visible_from == record.result.visible_from is not None
    assert record.place.visible_share == record.result.visible_share


def test_thumbnails_show_the_view_after_each_step(played: tuple[Game, GameRecord, list[Step], GameRecord]) -> None:
    game, record, _, sparse = played
    assert sorted(record.thumbnails) == list(range(len(record.steps)))
    last = record.thumbnail(len(record.steps) - 1)
    assert last is not None and last.shape == (SIDE, SIDE, 3)
    small = cv2.resize(game.world.image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    assert np.abs(last.astype(int) - small.astype(int)).mean() < 4
    # One of five, and all events.
    kept = sparse.thumbnails
    assert len(kept) < len(record.thumbnails) / 2 or all(step.is_event for step in sparse.steps)
    assert {i for i, step in enumerate(sparse.steps) if step.is_event} <= set(kept)
    assert {0, 5, 10} <= set(kept)
    assert {i for i in range(11) if not sparse.steps[i].is_event} & set(kept) == {
        i for i in (0, 5, 10) if not sparse.steps[i].is_event
    }
    assert sparse.thumbnail(next(i for i in range(12) if i not in kept)) is None


def test_a_real_record_is_read_as_it_was_written(
    played: tuple[Game, GameRecord, list[Step], GameRecord], tmp_path: Path
) -> None:
    record = played[1]
    save_record(tmp_path / "games" / "one.json", record)
    assert load_record(tmp_path / "games" / "one.json") == record
    assert [path.name for path in (tmp_path / "games").iterdir()] == ["one.json"]
    assert (tmp_path / "games" / "one.json").stat().st_size < 12_000 * len(record.steps)


def test_no_thumbnails_if_none_are_wanted() -> None:
    with pytest.raises(ValueError, match="every must be at least 0, not -1"):
        Recorder("a", "b", every=-1)


# --- The file

locations = st.builds(Location, st.integers(-50, 50), st.integers(-50, 50), st.sampled_from(ROTATIONS), st.booleans())
targets = st.tuples(st.sampled_from(list(Modality)), st.integers(0, 6), st.integers(0, 6))
steps = st.builds(
    GameStep,
    st.sampled_from(list(Stage)),
    st.sampled_from([action.name for action in ACTIONS]),
    st.booleans(),
    st.floats(-10, 10),
    locations,
    st.booleans(),
    st.lists(st.text(max_size=8), max_size=3).map(tuple),
    st.none() | st.integers(0, 14),
    st.none() | st.lists(targets, max_size=3).map(tuple),
    st.none() | st.booleans(),
)


@settings(max_examples=40)
@given(st.lists(steps, min_size=1, max_size=6), st.binary(max_size=20), locations | st.none(), st.text(max_size=9))
def test_any_record_survives_json(some: list[GameStep], picture: bytes, at: Location | None, name: str) -> None:
    record = replace(
        example(every_picture=False),
        steps=(*some, example(every_picture=False).steps[-1]),  # the seeker's last one
        thumbnails={len(some): picture},
        chosen=at,
        starts={} if at is None else {Stage.SEEK: at},
        hider=name,
        furniture={name: (0.1, -1e-9)},
    )
    again = record_from(json.loads(json.dumps(to_plain(record))))
    assert again == record
    assert all(type(a.location) is Location and isinstance(a.stage, Stage) for a in again.steps)


def change(*path: Any, to: Any = None) -> Callable[[dict[str, Any]], None]:
    """Sets a value within a record's plain values; `to=KeyError` removes it."""

    def edit(values: Any) -> None:
        for key in path[:-1]:
            values = values[key]
        if to is KeyError:
            del values[path[-1]]
        else:
            values[path[-1]] = to

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (change("schema", to=7), "schema must be 1, as in the record of a game, not 7"),
        (change("result", to=KeyError), "lacks the field 'result'"),
        (change("result", "found", to=KeyError), "result lacks the field 'found'"),
        (change("result", "coverage", to="much"), "result.coverage must be a number, not 'much'"),
        (change("result", "bfs_steps", to=True), "result.bfs_steps must be a whole number, not True"),
        (change("colour", to="red"), "has an unknown field 'colour'"),
        (change("task", "goal", to="Car"), "task: goal must be one of Bread, Cup"),
        (change("rules", "seek_steps", to=0), "seek_steps must be at least 1, not 0"),
        (change("place", "goal", to="Bread"), "place is for Bread in FloorPlan1, but the record is of the game of Cup"),
        (change("place", "seed", to=-1), "place: seed must be a whole number of at least 0"),
        (change("steps", 2, "action", to="Jump"), "steps[2].action must be an action of the game, not 'Jump'"),
        (change("steps", 1, "stage", to="dance"), "steps[1].stage must be one of explore, perspective, hide"),
        (change("steps", 0, "location", to=[1, 2, 0]), "steps[0].location must be a list of 4 values"),
        (change("steps", 0, "location", 3, to=1), "steps[0].location.standing must be true or false, not 1"),
        (change("steps", 6, "hits", 0, 0, to=3), "steps[6].hits[0][0] must be one of 0, 1, 2, not 3"),
        (change("steps", to={}), "steps must be a list, not {}"),
        (change("steps", to=[]), "steps must hold the seeker's; it has none"),
        (
            change("steps", 4, "location", 2, to=45),
            "steps[4].location must have a rotation of 0, 90, 180 or 270, not 45",
        ),
        (change("frame", "yaw", to=45), "frame.yaw must be 0, 90, 180 or 270, not 45"),
        (change("attempts", to=[]), "result.placed must say whether one of the attempts succeeded"),
        (
            change("attempts", 1, "target", 1, to=7),
            "attempts[1].target must have a row and a column from 0 to 6, not 7",
        ),
        (change("starts", "lunch", to=[0, 0, 0, True]), "a name in record.starts must be one of explore"),
        (change("thumbnails", "12", to=""), "thumbnails must be of the 12 steps, not of step 12"),
        (change("thumbnails", "last", to=""), "thumbnails must be by whole numbers, not 'last'"),
        (change("thumbnails", "1", to="#"), "thumbnails['1'] must be base64, not '#'"),
    ],
)
def test_a_broken_record_is_refused_in_one_sentence(edit: Callable[[dict[str, Any]], None], message: str) -> None:
    values = json.loads(json.dumps(to_plain(example())))
    assert record_from(values) == example()
    edit(values)
    with pytest.raises(UsageError) as caught:
        record_from(values)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "schema must be 1"),
        ("null", "schema must be 1"),
    ],
)
def test_a_file_that_is_no_record_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "game.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=message):
        load_record(path)


def test_a_broken_picture_is_told_when_it_is_shown() -> None:
    record = replace(example(), thumbnails={1: b"no picture"})
    assert record.thumbnail(0) is None
    with pytest.raises(UsageError, match="thumbnail 1 of the record of the game of Cup in FloorPlan1"):
        record.thumbnail(1)


def test_events_are_what_a_strip_should_show() -> None:
    events = [number for number, step in enumerate(example().steps) if step.is_event]
    assert events == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]

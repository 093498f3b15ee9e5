"""Sheets of games: which steps are shown, what the words say, and that something is drawn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.lines import Line2D

from actors.hide_and_seek.actions import Stage
from actors.hide_and_seek.defaults import embedded_simulator, rules
from actors.hide_and_seek.locations import Location
from actors.hide_and_seek.pixels import Modality
from actors.hide_and_seek.record import GameRecord, GameStep, save_record
from cluster.hide_and_seek.rooms import run
from cluster.hide_and_seek.rooms_config import GameRoomsConfig
from common.errors import UsageError
from evaluation.hide_and_seek.game_map import HIDER, SEEKER, draw_map
from evaluation.hide_and_seek.game_sheet import game_sheet, hidden, key_steps, outcome
from tests.actors.hide_and_seek.test_record import example

HERE = Location(0, 0, 0, True)


def walk(count: int, *events: GameStep) -> GameRecord:
    """A record of seeking: steps ahead, then events."""
    steps = [GameStep(Stage.SEEK, "MoveAhead", True, 0.0, HERE, False) for _ in range(count)]
    return replace(example(), steps=(*steps, *events), thumbnails={})


def test_a_strip_shows_what_matters_most() -> None:
    opening = GameStep(Stage.SEEK, "OpenAt(1,1)", True, 0.05, HERE, False, ("Drawer|1",))
    missed = GameStep(Stage.SEEK, "ClaimVisible", False, -0.06, HERE, False, goal_in_view=False)
    found = GameStep(Stage.SEEK, "ClaimVisible", True, 0.99, HERE, True, goal_in_view=True)
    few = walk(20, opening, missed, found)
    assert key_steps(few, Stage.SEEK, 3) == [20, 21, 22]
    # Four places are left for 20 steps ahead: the first, the last and two between.
    assert key_steps(few, Stage.SEEK, 7) == [0, 6, 13, 19, 20, 21, 22]
    # Openings are worth more than missed claims, and are spread over time.
    many = walk(0, *[opening] * 9, *[missed] * 9, found)
    assert key_steps(many, Stage.SEEK, 4) == [0, 4, 8, 18]
    assert key_steps(walk(2), Stage.SEEK) == [0, 1]
    assert key_steps(walk(2), Stage.HIDE) == []


def test_a_strip_prefers_steps_with_a_picture() -> None:
    record = example()
    assert key_steps(record, Stage.SEEK) == [9, 10, 11]
    assert key_steps(replace(record, thumbnails={10: record.thumbnails[10]}), Stage.SEEK) == [10]
    # A drop that hit something comes before those that lost the object; the last step always counts.
    lost, hit, up = record.steps[3], record.steps[6], record.steps[5]
    drops = replace(record, steps=(lost, hit, lost, up), thumbnails={})
    assert key_steps(drops, Stage.MANIPULATE, 2) == [1, 3]
    assert key_steps(replace(record, thumbnails={}), Stage.EXPLORE) == [0, 1, 2]


def test_words_say_how_the_game_went() -> None:
    record = example()
    assert outcome(record) == "searcher found it in 3 steps"
    assert outcome(replace(record, result=replace(record.result, seeker_steps=1))) == "searcher found it in 1 step"
    lost = replace(record.result, found=False, seeker_steps=500)
    assert outcome(replace(record, result=lost)) == "searcher did not find it in 500 steps"
    assert hidden(record) == "greedy hid it in a Fridge"
    outside = replace(record, place=replace(record.place, contained_in=""))
    behind = replace(record.attempts[1], target=(Modality.BEHIND, 3, 4))
    assert hidden(replace(outside, attempts=(record.attempts[0], behind))) == "greedy hid it behind something"
    dropped = replace(outside, result=replace(record.result, placed=False))
    assert hidden(dropped) == "greedy could not place it; it was dropped"
    given = replace(record, chosen=None, hider="exhaustive hard")
    assert hidden(given) == "a place of 'exhaustive hard', in a Fridge"


def points_of(line: Line2D) -> list[tuple[float, float]]:
    """The points of a drawn line."""
    return [(float(x), float(y)) for x, y in np.asarray(line.get_xydata())]


def test_the_map_is_in_the_frame_of_the_world() -> None:
    record = example()
    axis = Figure().subplots()
    draw_map(axis, record, Stage.EXPLORE)
    # The first pose looks east from (1, -0.5), so a step ahead is 0.25 m more of x.
    (way,) = [one for one in axis.collections if isinstance(one, LineCollection)]
    points = np.array(way.get_segments())[0]
    np.testing.assert_allclose(points, [(1.0, -0.5), (1.25, -0.5)], atol=0.06)
    squares = {points_of(line)[0]: line.get_color() for line in axis.lines if line.get_marker() == "s"}
    assert squares == {(2.0, -0.25): HIDER, (1.0, -1.25): "white"}
    (star,) = [line for line in axis.lines if line.get_marker() == "*"]
    assert points_of(star) == [(2.0, -0.25)]
    low, high = axis.get_xlim(), axis.get_ylim()
    assert low[0] < 0.5 < 2.0 < low[1] and high[0] < -1.25 < -0.25 < high[1]
    assert {text.get_text() for text in axis.texts} == {"DiningTable", "Fridge"}


def test_the_seekers_map_shows_from_where_it_saw_the_object() -> None:
    record = example()
    axis = Figure().subplots()
    draw_map(axis, record, Stage.SEEK)
    lines = [points_of(line) for line in axis.lines if len(points_of(line)) == 2]
    assert lines == [[(1.0, -0.5), (2.0, -0.25)]]
    assert SEEKER in {line.get_color() for line in axis.lines if line.get_marker() == "s"}
    axis = Figure().subplots()
    draw_map(axis, replace(record, result=replace(record.result, found=False)), Stage.SEEK)
    assert not [line for line in axis.lines if len(points_of(line)) == 2]


def seeking_only() -> GameRecord:
    """A game that began at a given place."""
    record = example()
    steps = tuple(record.steps[index] for index in record.of(Stage.SEEK))
    return replace(record, steps=steps, chosen=None, choices=(), attempts=(), starts={Stage.SEEK: HERE}, thumbnails={})


def test_sheets_are_drawn(tmp_path: Path) -> None:
    pictures = {}
    for name, record in {"whole": example(), "seeking": seeking_only()}.items():
        game_sheet(tmp_path / f"{name}.png", record)
        pictures[name] = imread(tmp_path / f"{name}.png")
    whole, seeking = pictures["whole"], pictures["seeking"]
    assert whole.shape[1] == seeking.shape[1] == 1782 and whole.shape[0] > 1.5 * seeking.shape[0]
    # Maps are on the left, and pictures or their captions on the right.
    for picture in (whole, seeking):
        dark = (picture[..., :3].min(axis=2) < 0.9).mean(axis=0)
        assert (dark[100:500] > 0).mean() > 0.9 and (dark[620:900] > 0).mean() > 0.9


def config(record: Path | None, **changes: object) -> GameRoomsConfig:
    values = {
        "system": "hide_and_seek", "record": None if record is None else str(record), "scenes": ["FloorPlan2"],
        "goals": ["Cup"], "hider": "uniform", "seeker": "uniform", "measure": False, "seed": 1,
        "simulator": embedded_simulator(), "actors": rules(),
    }  # fmt: skip
    return GameRoomsConfig(**{**values, **changes})  # type: ignore[arg-type]


def test_a_saved_record_is_drawn_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_record(tmp_path / "mine.json", example())
    folder = tmp_path / "new"
    folder.mkdir()
    assert run(config(tmp_path / "mine.json"), folder) == 0
    assert [path.name for path in folder.iterdir()] == ["mine.png"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"RUN {folder}"
    (game,) = json.loads(lines[1].removeprefix("RESULT "))["games"]
    assert (game["scene"], game["found"], game["sheet"]) == ("FloorPlan1", True, str(folder / "mine.png"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hider": "nobody"}, "nobody"),
        ({"hider": "searcher"}, "searcher"),
        ({"seeker": "greedy"}, "greedy"),
        ({"scenes": []}, "scenes must name at least one scene"),
        ({"goals": ["Car"]}, "goals must be of Bread, Cup, Knife, Plunger, Tomato, not Car"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
    ],
)
def test_wrong_settings_are_told_before_anything_starts(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises((UsageError, ValueError), match=message):
        run(config(None, **changes), tmp_path)


def test_a_record_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        run(config(tmp_path / "none.json"), tmp_path)


def test_games_are_played_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = rules(explore_steps=4, hide_steps=2, manipulate_steps=2, seek_steps=4)
    assert run(config(None, scenes=["FloorPlan2", "FloorPlan2"], goals=["Cup"], actors=short), tmp_path) == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [name.rpartition(".")[2] for name in names] == ["json", "png", "json", "png"], "no game replaces another"
    captured = capsys.readouterr()
    assert len(json.loads(captured.out.splitlines()[-1].removeprefix("RESULT "))["games"]) == 2


def test_an_unknown_room_is_refused_before_any_game(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="scenes: the simulator has no scene 'FloorPlan999'"):
        run(config(None, scenes=["FloorPlan2", "FloorPlan999"]), tmp_path)
    assert not list(tmp_path.iterdir())

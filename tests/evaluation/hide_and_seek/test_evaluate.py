"""Pairs of players: what they play, and the figures with their intervals."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from actors.hide_and_seek.defaults import embedded_simulator, rules
from actors.hide_and_seek.game import GameTask
from actors.hide_and_seek.metrics import Estimate
from actors.hide_and_seek.players import make_player
from cluster.hide_and_seek import evaluate as command
from cluster.hide_and_seek.config import EvaluateConfig
from evaluation.hide_and_seek import game_sheet
from evaluation.hide_and_seek.evaluate import Match, Outcome, play_all, summarise, tasks
from evaluation.hide_and_seek.report import cell, draw, draw_matrix, write_matrix, write_tables
from tests.actors.hide_and_seek.test_record import example

RULES = rules(explore_steps=10, hide_steps=2, manipulate_steps=4, seek_steps=10)


def result(**changes: Any) -> dict[str, Any]:
    values = {
        "found": False, "seeker_steps": 500, "placed": True, "manipulations": 2, "manipulation_hits": 1,
        "coverage": 0.5, "coverage_plus": 0.75, "open_share": 0.25, "visible_from": 8, "visible_share": 0.125,
        "bfs_found": True, "bfs_steps": 3, "bfs_share": 0.5,
    }  # fmt: skip
    return {**values, **changes}


def outcome(values: dict[str, Any] | None, hider: str = "a", seeker: str = "b") -> Outcome:
    return Outcome(hider, seeker, "FloorPlan1", "Cup", 1, values, "" if values else "no place")


def test_games_are_spread_over_rooms_and_goals() -> None:
    found = tasks(["FloorPlan1", "FloorPlan2"], ["Cup", "Knife"], 5, 10)
    assert [(task.scene, task.goal, task.seed) for task in found] == [
        ("FloorPlan1", "Cup", 10),
        ("FloorPlan2", "Knife", 11),
        ("FloorPlan1", "Knife", 12),
        ("FloorPlan2", "Cup", 13),
        ("FloorPlan1", "Cup", 14),
    ]


def test_figures_by_hand() -> None:
    outcomes = [
        outcome(result()),
        outcome(result(found=True, seeker_steps=100, manipulations=3, manipulation_hits=3, open_share=None)),
        outcome(None),
        outcome(result(found=True, seeker_steps=60, coverage=None, manipulations=0), hider="easy"),
    ]
    found = summarise(outcomes)
    assert list(found) == ["a/b", "easy/b"]
    pair = found["a/b"]
    assert (pair["found"].value, pair["found"].n) == (0.5, 2)
    # Wilson's interval of 1 of 2: (0.5 + z^2/4 -+ z sqrt(1/8 + z^2/16)) / (1 + z^2/2) with z = 1.96.
    assert pair["found"].low == pytest.approx(0.0945, abs=1e-4)
    assert pair["found"].high == pytest.approx(0.9055, abs=1e-4)
    # Student's interval of 500 and 100: 300 -+ 12.706 * 282.84 / sqrt(2).
    assert pair["steps"].value == 300
    assert pair["steps"].high == pytest.approx(300 + 12.7062 * 200, abs=0.1)
    assert pair["steps"].low == 0, "no mean is below 0"
    assert (pair["om_hit"].value, pair["om_hit"].n) == (0.8, 5)
    assert (pair["open_share"].value, pair["open_share"].n, pair["open_share"].low) == (0.25, 1, None)
    assert "om_hit" not in found["easy/b"] and "coverage" not in found["easy/b"]
    assert found["easy/b"]["visible_share"].value == 0.125


def test_cells_of_the_table() -> None:
    assert cell(Estimate(0.438, 0.351, 0.529, 20), "found") == "0.44 [0.35, 0.53]"
    assert cell(Estimate(301.4, 280.2, 320.9, 20), "steps") == "301 [280, 321]"
    assert cell(Estimate(0.5, None, None, 1), "coverage") == "0.50"
    assert cell(None, "coverage") == "–"


def test_tables_and_the_figure_are_written(tmp_path: Path) -> None:
    summary = summarise([outcome(result()), outcome(result(found=True), seeker="c")])
    write_tables(tmp_path, summary)
    draw(tmp_path / "games.png", summary)
    assert (tmp_path / "results.md").read_text().splitlines()[2].startswith("| a/b | 1 | 0.00 [0.00, 0.79] |")
    assert (tmp_path / "results.csv").read_text().splitlines()[1].startswith("a/b,1,0.0000,0.0000,0.7935,1,500")
    assert (tmp_path / "games.png").stat().st_size > 5000


def test_how_often_each_seeker_found_what_each_hider_hid(tmp_path: Path) -> None:
    played = [outcome(result()), outcome(result(found=True), seeker="c"), outcome(result(found=True), hider="lab/x")]
    summary = summarise(played)
    write_matrix(tmp_path / "found.md", summary)
    draw_matrix(tmp_path / "found.png", summary)
    assert (tmp_path / "found.md").read_text().splitlines() == [
        "| hider \\ seeker | b | c |",
        "|---|---|---|",
        "| a | 0.00 [0.00, 0.79] | 1.00 [0.21, 1.00] |",
        "| lab/x | 1.00 [0.21, 1.00] | – |",
    ]
    assert (tmp_path / "found.png").stat().st_size > 3000


def test_two_simulators_share_the_games_and_the_order_does_not_matter() -> None:
    matches = [
        Match("uniform", "uniform", task, kept=task.seed == 3) for task in tasks(["FloorPlan2"], ["Cup"], 3, 3)
    ] + [Match("uniform", "uniform", GameTask("FloorPlan999", "Cup", 1))]
    played = list(play_all(matches, embedded_simulator(), RULES, make_player, workers=2, measure=False))
    outcomes = {one.outcome.seed: one.outcome for one in played}
    assert sorted(outcomes) == [1, 3, 4, 5]
    assert outcomes[1].result is None and "FloorPlan999" in outcomes[1].reason
    (record,) = [one.record for one in played if one.record is not None]
    assert record.task.seed == 3 and asdict(record.result) == outcomes[3].result
    alone = list(play_all(matches[1:2], embedded_simulator(), RULES, make_player, workers=1, measure=False))
    assert alone[0].outcome == outcomes[4]


def test_an_evaluation_that_is_given_up_ends_its_simulators() -> None:
    matches = [Match("uniform", "uniform", task) for task in tasks(["FloorPlan2"], ["Cup"], 20, 1)]
    games = play_all(matches, embedded_simulator(), RULES, make_player, workers=2, measure=False)
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    next(games)
    started = {child.pid for child in psutil.Process().children(recursive=True)} - before
    assert started
    games.close()
    assert not [pid for pid in started if psutil.pid_exists(pid)]


def test_so_many_games_of_each_pair_are_recorded() -> None:
    config = EvaluateConfig(
        system="hide_and_seek", hiders=["uniform"], seekers=["searcher", "uniform"], split="test", kinds=["kitchen"],
        scenes=[], goals=["Cup"], games=3, places=None, workers=1, measure=False, sheets=2, seed=1,
        simulator=embedded_simulator(), actors=RULES,
    )  # fmt: skip
    place = example().place
    places = [replace(place, source="exhaustive", difficulty=name) for name in ("easy", "hard", "easy", "easy")]
    shown = {name: name for name in ("uniform", "searcher")}
    kept = Counter(
        (one.hider, one.seeker) for one in command._matches(config, shown, ["FloorPlan1"], places) if one.kept
    )
    expected = {"uniform": 2, "exhaustive easy": 2, "exhaustive hard": 1}
    assert kept == {(hider, seeker): n for hider, n in expected.items() for seeker in ("searcher", "uniform")}


def test_no_record_replaces_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Places of one arrangement have the same players, room, goal and seed, and their source can have any name."""
    drawn: list[Path] = []
    monkeypatch.setattr(game_sheet, "game_sheet", lambda path, record: drawn.append(path))
    for _ in range(2):
        game_sheet.save_game(tmp_path, replace(example(every_picture=False), hider="lab/agent 1.5 easy"))
    name = "lab-agent-1-5-easy_searcher_FloorPlan1_Cup_3"
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}.json", f"{name}_2.json"]
    assert drawn == [tmp_path / f"{name}.png", tmp_path / f"{name}_2.png"]

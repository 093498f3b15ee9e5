"""Files of hiding places: made once, continued after a kill, refused if other settings made them; the command."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors.controller import SimulatorError
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.defaults import embedded_simulator, rules
from actors.hide_and_seek.places import HidingPlace, load_places, save_places
from actors.hide_and_seek.world import Pose, Unplayable, World
from cluster.command.compose import check_overrides
from cluster.hide_and_seek import places as command
from cluster.hide_and_seek.places_config import PlacesConfig
from cluster.systems import register
from common.errors import UsageError
from evaluation.hide_and_seek import places_job
from evaluation.hide_and_seek.make_places import MadePlaces, PlaceRules, make_places
from evaluation.hide_and_seek.places_folder import find_made, made_from, places_folder, places_path
from evaluation.hide_and_seek.places_job import Finished, make_files

RULES, CONFIG, SIMULATOR = PlaceRules(), rules(), embedded_simulator()
ZERO = {"x": 0.0, "y": 0.0, "z": 0.0}
WANTED = [("FloorPlan1", "Cup"), ("FloorPlan1", "Bread"), ("FloorPlan2", "Cup")]


def one_place(scene: str, goal: str) -> HidingPlace:
    return HidingPlace(scene, 0, goal, {**ZERO, "yaw": 0.0}, Pose(ZERO, ZERO), difficulty="easy")


def fake_make(scene: str, goal: str) -> MadePlaces:
    numbers = {"candidates": 440, "moved": 1, "unseeable": 2, "easy": 437, "medium": 0, "hard": 0}
    return MadePlaces((one_place(scene, goal),), numbers)


class FakeSimulators:
    """Does work without a simulator."""

    def __init__(self, config: object) -> None:
        self.closed = False

    def run(self, work: Callable[[Any], Any]) -> Any:
        return work(None)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[str, str]]]:
    """faked(fault) replaces the search; `fault(scene, goal)` is called before each file and may raise."""

    def replace(fault: Callable[[str, str], None] = lambda scene, goal: None) -> list[tuple[str, str]]:
        calls: list[tuple[str, str]] = []

        def make(
            world: object, scene: str, goal: str, used: PlaceRules, config: GameConfig, step: Callable[[], None]
        ) -> MadePlaces:
            calls.append((scene, goal))
            fault(scene, goal)
            step()
            return fake_make(scene, goal)

        monkeypatch.setattr(places_job, "make_places", make)
        monkeypatch.setattr(places_job, "Simulators", FakeSimulators)
        return calls

    return replace


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def run_job(folder: Path, **changes: Any) -> list[Finished]:
    return make_files(WANTED, folder, dataclasses.replace(RULES, **changes), CONFIG, SIMULATOR)


def test_an_interrupted_command_continues_with_the_same_files(tmp_path: Path, faked: Any) -> None:
    faked()
    run_job(tmp_path / "whole")

    def interrupt(scene: str, goal: str) -> None:
        if scene == "FloorPlan2":
            raise KeyboardInterrupt

    faked(interrupt)
    with pytest.raises(KeyboardInterrupt, match="2 of 3 files in .* are kept; run the same command again to continue"):
        run_job(tmp_path / "cut")
    assert list(contents(tmp_path / "cut")) == ["FloorPlan1/Bread.json", "FloorPlan1/Cup.json"]
    calls = faked()
    finished = run_job(tmp_path / "cut")
    assert calls == WANTED[2:]
    assert [(one.scene, one.goal) for one in finished] == WANTED and finished[0].seconds == 0
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert len(contents(tmp_path / "whole")) == 3


def test_rooms_that_cannot_be_played_end_the_command_with_a_sentence(tmp_path: Path, faked: Any) -> None:
    def refuse(scene: str, goal: str) -> None:
        if scene == "FloorPlan2":
            raise Unplayable("the agent can walk nowhere in FloorPlan2 with seed 5")

    faked(refuse)
    with pytest.raises(UsageError, match="the agent can walk nowhere in FloorPlan2 with seed 5; leave out FloorPlan2"):
        run_job(tmp_path)
    assert len(contents(tmp_path)) == 2


def test_folders_that_cannot_be_written_are_refused(tmp_path: Path, faked: Any) -> None:
    calls = faked()
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="folder=.*file/places must be a writable folder"):
        run_job(tmp_path / "file" / "places")
    assert not calls


def test_a_simulator_that_dies_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first simulator is killed after some candidates; the file is as if it had lived."""
    few = PlaceRules(count=1, candidates=4, spawns=1, inside_share=0.25)
    tries: list[str] = []
    made: list[MadePlaces] = []

    def make(
        world: World, scene: str, goal: str, used: PlaceRules, config: GameConfig, step: Callable[[], None]
    ) -> MadePlaces:
        tries.append("")

        def killing_step() -> None:
            step()
            tries[-1] += "."
            if len(tries) == 1 and len(tries[0]) == 3:
                os.kill(world._simulator.pid, signal.SIGKILL)

        made.append(make_places(world, scene, goal, used, config, killing_step))
        return made[-1]

    monkeypatch.setattr(places_job, "make_places", make)
    (finished,) = make_files(WANTED[:1], tmp_path, few, CONFIG, SIMULATOR)
    assert tries == ["...", "...."] and len(made) == 1
    assert finished.content.places == list(made[0].places) == load_places(finished.path)[0]
    assert list(contents(tmp_path)) == ["FloorPlan1/Cup.json"]


def test_a_simulator_that_keeps_failing_is_reported(tmp_path: Path, faked: Any) -> None:
    def fail(scene: str, goal: str) -> None:
        raise SimulatorError("simulator 'rooms' died")

    faked(fail)
    with pytest.raises(SimulatorError, match="places of the Cup in FloorPlan1 cannot be made: simulator 'rooms' died"):
        run_job(tmp_path)
    assert not contents(tmp_path)


# --- Where files are, and what made them


def test_the_hash_covers_what_decides_the_places() -> None:
    base = made_from(RULES, SIMULATOR, CONFIG)
    assert made_from(RULES, embedded_simulator(options={"cached_rooms": 9}), rules(seek_steps=3)) == base
    others = [
        made_from(PlaceRules(count=3), SIMULATOR, CONFIG),
        made_from(PlaceRules(candidates=39), SIMULATOR, CONFIG),
        made_from(PlaceRules(spawns=3), SIMULATOR, CONFIG),
        made_from(PlaceRules(inside_share=0.1), SIMULATOR, CONFIG),
        made_from(PlaceRules(seed=3), SIMULATOR, CONFIG),
        made_from(RULES, SIMULATOR, rules(claim_pixels=11)),
        made_from(RULES, SIMULATOR, rules(claim_distance=1.0)),
        made_from(RULES, SIMULATOR, rules(seen_by="points")),
        made_from(RULES, embedded_simulator(options={"inside_share": 0.5}), CONFIG),
        made_from(RULES, embedded_simulator(name="other"), CONFIG),
    ]
    assert len({one["hash"] for one in [base, *others]}) == 11
    assert places_folder(None, base) == Path("outputs/places") / base["hash"]
    assert places_folder("here", base) == Path("here")


def test_the_hash_covers_the_source_of_the_rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "imaginary_rooms"
    package.mkdir()
    (package / "__init__.py").write_text("ROOMS = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    simulator = embedded_simulator(command="python -m imaginary_rooms --option")
    before = made_from(RULES, simulator, CONFIG)
    (package / "__init__.py").write_text("ROOMS = 2\n")
    after = made_from(RULES, simulator, CONFIG)
    assert before["rooms"] != after["rooms"] and before["hash"] != after["hash"]


def test_files_of_other_settings_scenes_and_goals_are_refused(tmp_path: Path) -> None:
    settings = made_from(RULES, SIMULATOR, CONFIG)
    path = places_path(tmp_path, "FloorPlan1", "Cup")
    assert find_made(path, "FloorPlan1", "Cup", settings) is None
    save_places(path, [one_place("FloorPlan1", "Cup")], settings)
    found = find_made(path, "FloorPlan1", "Cup", settings)
    assert found is not None and found.places == [one_place("FloorPlan1", "Cup")]
    for changed, sentence in (
        (made_from(PlaceRules(count=3), SIMULATOR, CONFIG), "count was 20 and is 3"),
        (settings | {"rooms": "0"}, "the simulator's rooms are of another version"),
    ):
        with pytest.raises(UsageError) as refused:
            find_made(path, "FloorPlan1", "Cup", changed)
        assert f"Cup.json was made by other settings ({sentence}); choose another folder" in str(refused.value)
    with pytest.raises(UsageError, match=r"Cup\.json: the hiding place is for scene FloorPlan1, but the game has"):
        find_made(path, "FloorPlan2", "Cup", settings)
    with pytest.raises(UsageError, match="for goal Cup, but the game has goal Bread"):
        find_made(path, "FloorPlan1", "Bread", settings)
    path.write_text(path.read_text()[:-9])
    with pytest.raises(UsageError, match=r"Cup\.json: is not JSON"):
        find_made(path, "FloorPlan1", "Cup", settings)


# --- The command


def config(**changes: Any) -> PlacesConfig:
    values: dict[str, Any] = {
        "system": "hide_and_seek", "scenes": ["FloorPlan1"], "goals": ["Cup"], "count": 20, "candidates": 440,
        "spawns": 8, "inside_share": 0.05, "folder": None, "workers": 1, "pictures": 0, "seed": 0,
        "simulator": SIMULATOR, "actors": CONFIG,
    }  # fmt: skip
    return PlacesConfig(**{**values, **changes})


def test_names_of_splits_stand_for_their_rooms() -> None:
    wanted = config(scenes=["FloorPlan26", "test"], goals=["Cup", "Bread", "Cup"]).wanted()
    assert len(wanted) == 10 * 2 and wanted[:2] == [("FloorPlan26", "Cup"), ("FloorPlan26", "Bread")]
    assert wanted[-1] == ("FloorPlan230", "Bread")


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("count=0", "count must be at least 1, not 0"),
        ("goals=[Sofa]", "goals must be of Bread, Cup, Knife, Plunger, Tomato, not Sofa"),
        ("goals=[]", "goals must name at least one of"),
        ("scenes=[]", "scenes must name at least one scene"),
        ("workers=0", "workers must be at least 1, not 0"),
        ("pictures=-1", "pictures must be at least 0, not -1"),
    ],
)
def test_bad_settings_are_refused_before_anything_starts(override: str, sentence: str) -> None:
    register()
    with pytest.raises(UsageError, match=sentence):
        check_overrides("places", ["system=hide_and_seek", override])


def test_the_command_refuses_scenes_that_do_not_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="scenes: the simulator has no scene 'FloorPlan999'"):
        command.run(config(scenes=["FloorPlan1", "FloorPlan999"], folder=str(tmp_path)), tmp_path)
    assert not contents(tmp_path)


def test_the_command_prints_what_it_made(
    tmp_path: Path, faked: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    faked()
    monkeypatch.setattr(command, "check_scenes", lambda simulator, scenes: None)
    used = config(scenes=["FloorPlan1", "FloorPlan2"], folder=str(tmp_path / "places"))
    assert command.run(used, tmp_path) == 0
    printed = capsys.readouterr().out
    assert "Cup.json: 1 places of 440 candidates: 437 easy, 0 medium, 0 hard, 2 that cannot be found" in printed
    result = json.loads(printed.splitlines()[-1].removeprefix("RESULT "))
    assert (result["files"], result["places"], result["easy"], result["hard"]) == (2, 2, 2, 0)
    assert result["unseeable_share"] == round(2 / 440, 4) and result["sheet"] is None

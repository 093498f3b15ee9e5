"""Gymnasium and PettingZoo environments in real rooms: checkers, ends, options, failures, examples.

It is one file because its tests share a simulator, which takes seconds to start.
"""

from __future__ import annotations

import gc
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import psutil
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env, data_equivalence
from pettingzoo.test import api_test

from actors.controller import SimulatorError
from actors.hide_and_seek.actions import ACTIONS, INDEX, MASKS, IllegalAction, Stage
from actors.hide_and_seek.defaults import embedded_simulator, rules
from actors.hide_and_seek.environments import ENVIRONMENTS, register
from actors.hide_and_seek.environments.gymnasium_envs import ExploreEnv, HideEnv, ManipulateEnv, SeekEnv
from actors.hide_and_seek.environments.observations import NO_ACTION
from actors.hide_and_seek.environments.pettingzoo_env import HideAndSeekEnv, env
from actors.hide_and_seek.environments.rooms import Rooms
from actors.hide_and_seek.environments.stage_env import LegalActions, StageEnv
from actors.hide_and_seek.locations import Location
from actors.hide_and_seek.places import HidingPlace, save_places, to_json
from actors.hide_and_seek.play import Simulators
from actors.hide_and_seek.players.core import Side
from actors.hide_and_seek.players.scripted import ScriptedPlayer
from actors.hide_and_seek.world import Pose
from common.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
DOCS = (ROOT / "docs" / "howto" / "environments.md").read_text(encoding="utf-8")
QUICK: dict[str, Any] = {
    "explore_steps": 6, "choices": 3, "hide_steps": 3, "manipulate_steps": 6, "seek_steps": 8,
    "turn_worlds": False, "augment_images": False,
}  # fmt: skip
ROOM = {"scene": "FloorPlan2", "goal": "Cup", "seed": 1}
STAGES = {ExploreEnv: Stage.EXPLORE, ManipulateEnv: Stage.MANIPULATE, HideEnv: Stage.HIDE, SeekEnv: Stage.SEEK}


class Dropper(ScriptedPlayer):
    """Drops the object in view, and hides it where it then lies: it cannot know, so tests choose the target."""

    name = "dropper"
    sides = frozenset({Side.HIDER})

    def choose_action(self, observation: Any) -> int:
        if observation.stage is Stage.HIDE:
            return INDEX["Crouch"]
        return INDEX["MoveHandAhead"] if observation.step < 4 else INDEX["DropObject"]


@pytest.fixture(scope="module")
def simulators() -> Iterator[Simulators]:
    with Simulators(embedded_simulator()) as running:
        yield running


@pytest.fixture
def shared(simulators: Simulators, monkeypatch: pytest.MonkeyPatch) -> None:
    """One simulator serves all environments of a test, one after the other, so that few have to start."""
    monkeypatch.setattr(Rooms, "_running", lambda _: simulators)


def quick(cls: Callable[..., Any], **arguments: Any) -> Any:
    changes = arguments.pop("changes", {})
    return cls(**{"rules": rules(**(QUICK | changes)), "scenes": "FloorPlan2", **arguments})


def _simulator_processes() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "simulator" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def started() -> Callable[[], list[psutil.Process]]:
    """Lists the simulators that run now and did not run when the test began."""
    before = set(_simulator_processes())
    return lambda: [process for process in _simulator_processes() if process not in before]


def play_on(environment: StageEnv, *names: str) -> tuple[Any, ...]:
    """Performs actions; returns the last step."""
    result: tuple[Any, ...] = ()
    for name in names:
        result = environment.step(INDEX[name])
    return result


# --- Registration and checkers


def test_importing_the_package_registers_all(started: Callable[[], list[psutil.Process]]) -> None:
    for name, cls in ENVIRONMENTS.items():
        assert str(gymnasium.spec(name).entry_point).endswith(f":{cls}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        register()  # again, without a warning
    made = gymnasium.make("actors.hide_and_seek.environments:playpen/Hide-v0", scenes="test")
    assert isinstance(made.unwrapped, HideEnv)
    assert started() == []


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_gymnasium_checker(name: str, shared: None) -> None:
    hider: dict[str, Any] = {"hider": Dropper} if "Seek" in name else {}
    made = gymnasium.make(name, rules=rules(**(QUICK | {"augment_images": True})), scenes="FloorPlan2", **hider)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        check_env(made.unwrapped)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_pettingzoo_checkers(shared: None) -> None:
    api_test(quick(env), num_cycles=60)


def test_the_same_seed_gives_the_same_game(shared: None) -> None:
    # PettingZoo's seed_test plays two games at the same time, for which one simulator does not do.
    first, second = _random_game(quick(env)), _random_game(quick(env))
    assert len(first) > 15 and data_equivalence(first, second, exact=True)


def _random_game(game: Any) -> list[Any]:
    """Plays a seeded game by the masks; returns all that agents saw."""
    game.reset(seed=42)
    for agent in game.agents:
        game.action_space(agent).seed(7)
    seen = []
    for agent in game.agent_iter():
        observation, reward, terminated, truncated, info = game.last()
        seen.append([agent, observation, reward, terminated, truncated, info])
        over = terminated or truncated
        game.step(None if over else game.action_space(agent).sample(info["action_mask"]))
    return seen


# --- The stages


def test_masks_and_first_observations(shared: None) -> None:
    for cls, stage in STAGES.items():
        environment = quick(cls)
        observation, info = environment.reset(seed=3, options=dict(ROOM))
        assert info["action_mask"].dtype == np.int8
        assert (info["action_mask"] == MASKS[stage]).all() and (environment.action_masks() == MASKS[stage]).all()
        assert list(Stage)[observation["stage"]] is stage
        assert {name: info[name] for name in ROOM} == ROOM
        assert observation["goal"] == 1 and observation["last_action"] == NO_ACTION and observation["steps_left"] == 1
        assert (observation["target"] > 0).all() == (stage is Stage.MANIPULATE)


def test_explore(shared: None) -> None:
    environment = quick(ExploreEnv)
    environment.reset(options=dict(ROOM))
    observation, reward, terminated, truncated, info = play_on(environment, "RotateRight")
    # A rotation to the right: the step costs 0.01, and the location ahead and its two neighbours are new to the map.
    assert reward == pytest.approx(-0.01 + 0.2)
    assert (observation["rotation"], observation["last_action"]) == (1, INDEX["RotateRight"])
    assert observation["steps_left"] == pytest.approx(5 / 6) and info["step"] == 1 and info["succeeded"]
    _, _, terminated, truncated, info = play_on(environment, *["RotateLeft"] * 5)
    assert (terminated, truncated) == (False, True)
    assert 0 < info["coverage"] < 0.1 and info["open_share"] == 0
    with pytest.raises(ResetNeeded):
        play_on(environment, "RotateLeft")


@pytest.mark.parametrize(
    ("cls", "penalty"), [(ExploreEnv, -0.03), (ManipulateEnv, -0.03), (HideEnv, -0.02), (SeekEnv, -0.03)]
)
def test_an_illegal_action_is_a_failed_step(cls: type[StageEnv], penalty: float, shared: None) -> None:
    environment = quick(cls, hider=Dropper) if cls is SeekEnv else quick(cls)
    before, _ = environment.reset(options=dict(ROOM))
    illegal = "DropObject" if cls is not ManipulateEnv else "MoveAhead"
    after, reward, terminated, truncated, info = play_on(environment, illegal)
    assert reward == pytest.approx(penalty)
    assert (info["legal"], info["succeeded"], info["step"]) == (False, False, 1)
    assert (after["image"] == before["image"]).all() and (after["location"] == before["location"]).all()
    assert after["steps_left"] < 1 and not terminated and not truncated


def test_illegal_actions_use_up_the_clock(shared: None) -> None:
    environment = quick(ManipulateEnv, changes={"manipulate_steps": 2})
    environment.reset(options=dict(ROOM))
    _, reward, terminated, truncated, info = play_on(environment, "ReadyForSeeker", "ReadyForSeeker")
    assert reward == pytest.approx(-1.03) and (terminated, truncated) == (False, True)
    assert (info["dropped"], info["hit"]) == (False, False)


def test_manipulate(shared: None) -> None:
    environment = quick(ManipulateEnv)
    options = {**ROOM, "location": (0, 0, 0, True), "target": "PlaceAt(ContainedIn,2,7)"}
    observation, _ = environment.reset(options=options)
    assert observation["target"].tolist() == [2, 2, 7]
    assert observation["location"].tolist() == [0, 0] and observation["standing"] == 1
    _, reward, terminated, truncated, info = play_on(environment, *["MoveHandAhead"] * 4, "DropObject")
    assert (terminated, truncated, info["dropped"]) == (True, False, True)
    assert -0.01 < reward < 0.25  # it fell near, but outside of anything


def test_hide(shared: None) -> None:
    environment = quick(HideEnv, manipulator=Dropper, changes={"hide_steps": 9})
    options = {**ROOM, "location": (0, 0, 0, True)}
    environment.reset(options=options)
    _, reward, terminated, _, _ = play_on(environment, "ReadyForSeeker")
    assert reward == pytest.approx(-0.11) and not terminated
    _, reward, _, _, info = play_on(environment, "PlaceAt(ContainedIn,1,1)")
    assert reward == pytest.approx(-0.02) and not info["succeeded"]
    landed = environment._game.hiding.attempts[-1].landed
    assert landed is not None
    modality, row, column = landed
    name = f"PlaceAt({('OnTop', 'ContainedIn', 'Behind')[modality]},{row + 1},{column + 1})"
    # The player that moves the object repeats itself, so this time it hits. 0.02, and 0.5 / 100 as it was expected.
    observation, reward, _, _, info = play_on(environment, name)
    assert info["succeeded"] and reward == pytest.approx(-0.01 + 0.02 + 0.005) and observation["placed"] == 1
    _, reward, terminated, truncated, info = play_on(environment, "ReadyForSeeker")
    assert (terminated, truncated) == (True, False) and reward == pytest.approx(-0.01)
    assert (info["placed"], info["manipulations"], info["hits"]) == (True, 2, 1)


def test_hide_is_truncated_by_its_clock(shared: None) -> None:
    environment = quick(HideEnv)
    environment.reset(options=dict(ROOM))
    _, _, terminated, truncated, info = play_on(environment, "Crouch", "Stand", "CloseObjects")
    assert (terminated, truncated, info["placed"]) == (False, True, False)


def test_seek_finds_the_object_of_a_place(tmp_path: Path, shared: None) -> None:
    hiding = quick(SeekEnv, hider=Dropper)
    hiding.reset(options=dict(ROOM))
    game = hiding._game
    game.seeking = None
    place = game.place("test")

    save_places(tmp_path / "places.json", [place])
    from_file = quick(SeekEnv, places=tmp_path / "places.json")
    del hiding, game
    observation, info = from_file.reset(seed=5)
    assert {name: info[name] for name in ROOM} == ROOM
    given, _ = quick(SeekEnv).reset(options={"place": to_json(place)})
    assert (given["image"] == observation["image"]).all()

    environment = quick(SeekEnv)
    environment.reset(options={"place": place})
    _, reward, terminated, truncated, info = play_on(environment, "ClaimVisible")
    assert reward == pytest.approx(-0.06) and not info["succeeded"] and not terminated and not truncated
    world = environment._game.world
    near = [one for one in _around(environment) if world.stand_at(one) and world.goal_pixels().sum() > 10]
    assert world.stand_at(near[0])
    # The turns enter the place in the books: a new place would be all that the claim's reward counts.
    _, reward, terminated, truncated, info = play_on(environment, "RotateLeft", "RotateRight", "ClaimVisible")
    assert (terminated, truncated, info["found"], info["steps"]) == (True, False, True, 4)
    assert reward == pytest.approx(0.99)


def _around(environment: StageEnv) -> list[Location]:
    """Locations within reach of the goal."""
    game = environment._game
    assert game is not None
    goal = game.world.goal_pose().position
    frame = game.facts.frame
    near = []
    for place in sorted(game.facts.places):
        x, z = frame.position(place)
        if np.hypot(goal["x"] - x, goal["z"] - z) < 1.4:
            near += [
                Location(*place, rotation, standing) for rotation in (0, 90, 180, 270) for standing in (True, False)
            ]
    return near


def test_legal_actions(shared: None) -> None:
    reduced: Any = LegalActions(quick(SeekEnv, hider=Dropper))
    _, info = reduced.reset(options=dict(ROOM))
    assert reduced.action_space.n == MASKS[Stage.SEEK].sum() == 58 and info["action_mask"].shape == (58,)
    *_, info = reduced.step(57)
    assert info["action"] == "ClaimVisible" and info["legal"] and info["action_mask"].shape == (58,)


# --- Bad input


@pytest.mark.parametrize(
    ("cls", "arguments", "message"),
    [
        (ExploreEnv, {"scenes": "FloorPlan99"}, "scenes must name rooms such as FloorPlan1.*not 'FloorPlan99'"),
        (ExploreEnv, {"scenes": []}, "scenes must be one of train, validation, test"),
        (ExploreEnv, {"scenes": None}, "scenes must be one of train, validation, test, or names of rooms, not None"),
        (ExploreEnv, {"scenes": 3}, "scenes must be one of .*, not 3"),
        (ExploreEnv, {"scenes": "training"}, "or one of train, validation, test, not 'training'"),
        (ExploreEnv, {"goals": ["Cat"]}, "goals must be some of Bread"),
        (ExploreEnv, {"goals": None}, "goals must be some of Bread.*not None"),
        (ExploreEnv, {"goals": [[]]}, "goals must be some of Bread"),
        (ExploreEnv, {"rules": {"explore_steps": 3}}, "rules must be a GameConfig such as actors.hide"),
        (ExploreEnv, {"rules": {}}, "rules must be a GameConfig"),
        (HideAndSeekEnv, {"rules": 3}, "rules must be a GameConfig.*not 3"),
        (ExploreEnv, {"simulator": "thor"}, "simulator must be a SimulatorConfig.*not 'thor'"),
        (ExploreEnv, {"simulator": 3}, "simulator must be a SimulatorConfig.*not 3"),
        (ExploreEnv, {"max_restarts": -1}, "max_restarts must be a whole number"),
        (ExploreEnv, {"render_mode": "human"}, "render_mode must be None or rgb_array"),
        (HideEnv, {"manipulator": "nobody"}, "manipulator must be one of straight, uniform, .*not 'nobody'"),
        (SeekEnv, {"hider": "searcher"}, "hider must be one of [^:]*greedy, or a function .*not 'searcher'"),
        (HideEnv, {"manipulator": 3}, "manipulator must be a player's name"),
        (SeekEnv, {"places": "missing.json"}, "missing.json: cannot be read"),
        (SeekEnv, {"places": 3}, "places must be a file, a folder or a list of .*not 3"),
        (SeekEnv, {"places": [3]}, "places must be a file, a folder or a list of .*not \\[3\\]"),
        (HideAndSeekEnv, {"reach": 0}, "reach must be a whole number"),
        (HideAndSeekEnv, {"score": 0}, "score must be greater than 0"),
    ],
)
def test_bad_arguments(cls: Callable[..., Any], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        quick(cls, **arguments)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rules(nope=3), "^GameConfig has no value 'nope'; it has explore_steps, .*$"),
        (lambda: rules(explore_steps="a"), "^explore_steps: Value 'a' of type 'str' could not be .*$"),
        (lambda: rules(explore_steps=0), "^actors.explore_steps must be at least 1, not 0$"),
        (lambda: embedded_simulator(push={"nope": 1}), "^push.nope: Key 'nope' not in 'PushConfig'$"),
    ],
)
def test_bad_settings(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_folder_of_places(tmp_path: Path) -> None:
    pose = Pose({"x": 0.0, "y": 1.0, "z": 0.0}, {"x": 0.0, "y": 0.0, "z": 0.0})
    one, two = (HidingPlace("FloorPlan2", seed, "Cup", {"x": 0, "y": 0.9, "z": 0, "yaw": 0}, pose) for seed in (1, 2))
    save_places(tmp_path / "one.json", [one])
    (tmp_path / "more").mkdir()
    save_places(tmp_path / "more" / "two.json", [two])
    for places in (str(tmp_path), tmp_path, [tmp_path / "more", one]):
        assert quick(SeekEnv, places=places)._places == [two, one]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="empty holds no hiding place"):
        quick(SeekEnv, places=tmp_path / "empty")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_wrong_first_reset_spoils_nothing(name: str, shared: None) -> None:
    hider: dict[str, Any] = {"hider": Dropper} if "Seek" in name else {}
    made = gymnasium.make(name, rules=rules(**QUICK), scenes="FloorPlan2", **hider)
    with pytest.raises(UsageError, match="there is no option 'room'"):
        made.reset(options={"room": 1})
    with pytest.raises(ResetNeeded):
        made.step(0)
    made.reset(options=dict(ROOM))
    assert made.step(INDEX["Crouch"])[-1]["step"] == 1


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        (ExploreEnv, {"room": 1}, "there is no option 'room'; the options are scene, goal, seed"),
        (ExploreEnv, {"scene": "Attic"}, "the option scene must name rooms such as FloorPlan1"),
        (ExploreEnv, {"goal": "Cat"}, "the option goal must be one of Bread"),
        (ExploreEnv, {"seed": -1}, "the option seed must be a whole number"),
        (ManipulateEnv, {"target": "OpenAt(1,1)"}, "the option target must name a PlaceAt"),
        (ManipulateEnv, {"location": (0, 0, 45, True)}, "the option location must be"),
        (SeekEnv, {"place": {"scene": "FloorPlan1"}}, "the option place lacks the field 'seed'"),
        (HideAndSeekEnv, {"place": 1}, "there is no option 'place'"),
    ],
)
def test_bad_options_start_nothing(cls: Callable[..., Any], options: dict[str, Any], message: str) -> None:
    environment = quick(cls)
    with pytest.raises(UsageError, match=message):
        environment.reset(options=options)
    assert environment.rooms._simulators is None


def test_an_action_must_exist(shared: None) -> None:
    environment = quick(ExploreEnv)
    environment.reset(options=dict(ROOM))
    for action in (219, -1, 0.5):
        with pytest.raises(UsageError, match="action must be a whole number from 0 to 218"):
            environment.step(action)


# --- The simulator's life


def test_a_dead_simulator_truncates_the_episode_and_is_replaced(started: Callable[[], list[psutil.Process]]) -> None:
    environment = quick(ExploreEnv, max_restarts=1)
    try:
        environment.reset(options=dict(ROOM))
        before, *_ = play_on(environment, "RotateLeft")
        (process,) = started()
        process.kill()
        process.wait(10)
        after, reward, terminated, truncated, info = play_on(environment, "RotateLeft")
        assert (reward, terminated, truncated, info["simulator_failed"]) == (0.0, False, True, True)
        assert data_equivalence(before, after) and "coverage" not in info
        _, info = environment.reset(options=dict(ROOM))
        assert not info["simulator_failed"]
        (process,) = started()
        process.kill()
        process.wait(10)
        with pytest.raises(SimulatorError):  # the second episode in a row
            play_on(environment, "RotateLeft")
    finally:
        environment.close()
    assert started() == []


def test_a_dead_simulator_ends_a_whole_game_without_score(started: Callable[[], list[psutil.Process]]) -> None:
    game = quick(HideAndSeekEnv)
    game.reset(options=dict(ROOM))
    game.step(INDEX["RotateLeft"])
    (process,) = started()
    process.kill()
    process.wait(10)
    game.step(INDEX["RotateLeft"])
    for _ in range(2):
        _, reward, terminated, truncated, info = game.last()
        assert (terminated, truncated, info["simulator_failed"], "result" in info) == (False, True, True, False)
        assert abs(reward) < 0.5  # at most the first step's
        game.step(None)
    assert game.agents == []
    # Nobody calls close: the simulator of a forgotten environment ends, too.
    game.reset(options=dict(ROOM))
    assert len(started()) == 1
    del game
    gc.collect()
    assert started() == []


def test_environments_side_by_side_in_processes_of_their_own(started: Callable[[], list[psutil.Process]]) -> None:
    envs: Any = gymnasium.make_vec(
        "playpen/Explore-v0", num_envs=2, vectorization_mode="async", rules=rules(**QUICK), scenes="FloorPlan2"
    )
    try:
        observations, infos = envs.reset(seed=[1, 1])
        assert observations["image"].shape == (2, 224, 224, 3) and infos["action_mask"].shape == (2, 219)
        assert (observations["image"][0] == observations["image"][1]).all()
        rotations = np.array([INDEX["RotateLeft"], INDEX["RotateRight"]])
        observations, *_ = envs.step(rotations)
        assert observations["rotation"].tolist() == [3, 1]
        assert len(started()) == 2
    finally:
        envs.close()
    assert started() == []


# --- The whole game


def test_numbers_of_choices() -> None:
    game = quick(HideAndSeekEnv, reach=3)
    assert game.action_space("hider").n == 219 + 7 * 7 * 4
    assert game.number_of(Location(-3, -3, 0, True)) == len(ACTIONS)
    for location in (Location(2, -1, 270, True), Location(3, 3, 270, True), Location(0, 0, 90, True)):
        assert game.choice(game.number_of(location)) == location
    for wrong in (218, 219 + 196):
        with pytest.raises(IllegalAction, match="chooses no location"):
            game.choice(wrong)
    with pytest.raises(IllegalAction, match="more than reach = 3 steps away"):
        game.number_of(Location(4, 0, 0, True))


def test_a_game_must_be_under_way(shared: None) -> None:
    game = quick(HideAndSeekEnv)
    for call in (lambda: game.step(0), lambda: game.observe("hider")):
        with pytest.raises(ResetNeeded, match="call reset first"):
            call()
    wrapped = quick(env)
    wrapped.reset(options=dict(ROOM))
    wrapped.close()
    with pytest.raises(ResetNeeded, match="no game is under way; call reset first"):
        wrapped.step(0)


def test_a_whole_game(shared: None) -> None:
    game = quick(HideAndSeekEnv)
    game.reset(options=dict(ROOM))
    with pytest.raises(IllegalAction, match="ClaimVisible is not legal in stage 'explore'"):
        game.step(INDEX["ClaimVisible"])
    with pytest.raises(IllegalAction, match="not legal in stage 'explore', which allows the game's actions"):
        game.step(219)
    waiting = game.observe("seeker")
    assert not waiting["observation"]["image"].any() and not waiting["action_mask"].any()
    for _ in range(6):
        assert game.observe("hider")["action_mask"].sum() == MASKS[Stage.EXPLORE].sum()
        game.step(INDEX["RotateLeft"])
    assert game.infos["hider"]["stage"] == "perspective"
    assert game.observe("hider")["action_mask"].nonzero()[0].min() == 219
    game.step(game.number_of(Location(0, 0, 180, True)))  # six turns left are two: this is the first pose again
    observation = game.observe("hider")["observation"]
    assert game.infos["hider"]["stage"] == "hide" and observation["rotation"] == 0 and game.rewards["hider"] == 0
    game.step(INDEX["PlaceAt(ContainedIn,1,1)"])
    assert game.infos["hider"]["stage"] == "manipulate" and game.rewards["hider"] == 0
    for name in [*["MoveHandAhead"] * 4, "DropObject"]:
        game.step(INDEX[name])
    # The drop: -0.01 and at most 0.25; the PlaceAt, which failed: -0.02.
    assert game.infos["hider"]["stage"] == "hide" and -0.03 < game.rewards["hider"] < 0.22
    game.step(INDEX["Crouch"])
    game.step(INDEX["Stand"])
    assert game.agent_selection == "seeker" and game.infos["seeker"]["stage"] == "seek"
    assert not game.observe("hider")["observation"]["image"].any() and game.observe("seeker")["action_mask"].any()
    for _ in range(8):
        game.step(INDEX["Crouch"])
    # The last step: another posture is no success, so the step and the failure cost the seeker 0.03.
    assert game.terminations == {"hider": True, "seeker": True} and not any(game.truncations.values())
    assert game.rewards == {"hider": 1.0, "seeker": pytest.approx(-1.03)}
    assert game.infos["seeker"]["result"]["found"] is False
    game.step(None)
    game.step(None)
    assert game.agents == []


def test_a_game_without_stage_rewards_is_zero_sum(shared: None) -> None:
    game = quick(HideAndSeekEnv, stage_rewards=False, score=2.0)
    totals = {"hider": 0.0, "seeker": 0.0}
    for agent, _, reward, *_, info in _random_game(game):
        totals[agent] += reward
        result = info.get("result")
    assert result is not None
    assert totals["hider"] == -totals["seeker"] == (-2.0 if result["found"] else 2.0)


# --- The examples of the documentation


@pytest.mark.parametrize("number", range(len(re.findall("```python", DOCS))))
def test_example(number: int, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    example = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)[number]
    assert len([line for line in example.splitlines() if line.strip()]) <= 15
    compile(example, "environments.md", "exec")
    if "sb3_contrib" in example:
        pytest.importorskip("sb3_contrib")
    if "num_envs" not in example:
        request.getfixturevalue("shared")
    exec(example, {"__name__": "example"})
    assert capsys.readouterr().out

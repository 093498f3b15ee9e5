"""Whole games: repeatable, restored from their places, and played anew when the simulator dies in any stage."""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np
import pytest

from actors.controller import SimulatorError
from actors.hide_and_seek.actions import ACTIONS, INDEX, Kind, Stage
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.defaults import embedded_simulator, rules
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import Game, GameObservation, GameTask, Result
from actors.hide_and_seek.locations import ROTATIONS, Location
from actors.hide_and_seek.places import from_json, to_json
from actors.hide_and_seek.play import Simulators, play_game
from actors.hide_and_seek.world import Unplayable, World

RULES = {"explore_steps": 12, "hide_steps": 3, "manipulate_steps": 5, "seek_steps": 12}
TASK = GameTask("FloorPlan205", "Tomato", 3)


class RandomPlayer:
    """Plays at random and notes what happens."""

    name = "random"

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def begin(self, seed: int, hints: Any) -> None:
        self.random = np.random.default_rng(seed)

    def act(self, observation: GameObservation) -> int:
        legal = np.flatnonzero(observation.mask)
        if observation.stage is Stage.HIDE:
            legal = legal[[ACTIONS[number].kind is Kind.PLACE for number in legal]]
        if observation.stage is Stage.MANIPULATE and observation.step == 3:
            return INDEX["DropObject"]
        self.seen.append((observation.stage, observation.location, observation.image.sum()))
        return int(self.random.choice(legal))

    def learn(self, step: Step) -> None:
        self.seen.append((step.action.name, step.succeeded, step.reward, step.location, step.opened))

    def choose(self, observation: GameObservation) -> Location:
        x, z = self.random.integers(-4, 5, 2)
        return Location(int(x), int(z), int(self.random.choice(ROTATIONS)), True)

    def probability(self, observation: GameObservation) -> float:
        return 0.5


def play(world: World, config: GameConfig | None = None, task: GameTask = TASK) -> tuple[Result, list[Any]]:
    player = RandomPlayer()
    game = Game(world, task, config or rules(**RULES))
    play_game(game, player, player)
    return game.result(), player.seen


def test_a_game_is_the_same_in_another_process(world: World) -> None:
    """The same moves give the same pictures, rewards and score, with the room turned and the pictures augmented."""
    first = play(world)
    with Simulators(embedded_simulator()) as other:
        assert other.run(play) == first
    assert first[1] != play(world, task=GameTask("FloorPlan205", "Tomato", 4))[1]


def test_a_game_is_played_anew_if_the_simulator_dies(world: World) -> None:
    """In each stage once: the game that comes through has the score of an undisturbed one; half a game has none."""
    undisturbed, _ = play(world)
    deadly = [stage for stage in Stage if stage is not Stage.PERSPECTIVE]
    games: list[Game] = []

    def work(room: World) -> Result:
        player = RandomPlayer()
        game = Game(room, TASK, rules(**RULES))
        games.append(game)

        def kill(_: Game, step: Step) -> None:
            if len(games) <= len(deadly) and step.stage is deadly[len(games) - 1]:
                os.kill(room._simulator.pid, signal.SIGKILL)

        play_game(game, player, player, watch=kill)
        return game.result()

    with Simulators(embedded_simulator(), attempts=5) as simulators:
        assert simulators.run(work) == undisturbed
        assert (simulators.restarts, len(games)) == (4, 5)
    for game in games[:4]:
        with pytest.raises(RuntimeError):
            game.result()


def test_work_that_kills_every_simulator_ends_with_its_error() -> None:
    def work(room: World) -> None:
        os.kill(room._simulator.pid, signal.SIGKILL)
        room.set_up("FloorPlan1", 1)

    with Simulators(embedded_simulator(), attempts=2) as simulators, pytest.raises(SimulatorError):
        simulators.run(work)
    assert simulators.restarts == 2


@pytest.mark.parametrize("scene", ["FloorPlan3", "FloorPlan205"])
def test_a_hiding_place_is_restored(world: World, scene: str) -> None:
    """Through JSON, with opened doors, moved objects and a turned room: the goal is seen from as many places."""
    for seed in (5, 6, 7):
        player = RandomPlayer()
        game = Game(world, GameTask(scene, "Bread", seed), rules(**{**RULES, "explore_steps": 60}))
        player.begin(seed, world)
        exploration = game.explore()
        while not exploration.episode.ended:
            exploration.step(player.act(game.observe()))
        perspective = game.choose()
        while not perspective.ended:
            perspective.step(player.choose(game.observe()))
        hiding = game.hide()
        while not hiding.episode.ended:
            hiding.step(INDEX["Crouch"])
        game.measure()
        place = game.place("human")
        assert place.opened or seed != 5
        again = Game.from_place(world, from_json(to_json(place)), rules(augment_images=False))
        again.measure()
        restored = again.place("human")
        assert restored.visible_from == place.visible_from and restored.tuples == place.tuples
        assert set(restored.opened) == set(place.opened)
        for axis in "xyz":
            assert restored.pose.position[axis] == pytest.approx(place.pose.position[axis], abs=0.01)


def test_a_place_that_does_not_fit_is_refused(world: World) -> None:
    game = Game(world, GameTask("FloorPlan3", "Cup", 1), rules(turn_worlds=False))
    values = {
        "scene": "FloorPlan3", "seed": 1, "goal": "Cup",
        "start": {"x": game.facts.frame.x, "y": 0.9, "z": game.facts.frame.z, "yaw": 0.0},
        "pose": {"position": {"x": 0.0, "y": -3.0, "z": 0.0}, "rotation": {"x": 0.0, "y": 0.0, "z": 0.0}},
    }  # fmt: skip
    with pytest.raises(Unplayable, match="the Cup finds no room"):
        Game.from_place(world, from_json(values), rules())
    with pytest.raises(Unplayable, match="'Cabinet\\|nowhere' cannot be put as it was"):
        Game.from_place(world, from_json({**values, "opened": ["Cabinet|nowhere"]}), rules())
    far = {**values, "start": {"x": 40.0, "y": 0.9, "z": 0.0, "yaw": 0.0}}
    with pytest.raises(Unplayable, match="start must be a place where the agent can stand"):
        Game.from_place(world, from_json(far), rules())

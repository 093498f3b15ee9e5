"""How many steps a second the game of hide and seek plays on one core, and what it adds to the simulator.

Uniform players play whole games, so stages are mixed as in a game: exploration, hiding with its manipulations, seeking.
Then another simulator repeats all actions without the game, game by game in the same run. The game's time is that of
its stages: observing with the picture's augmentation, actions, books. It is without the players' own time and the
set-up.

ratio_to_simulator compares the game's steps a second with plain simulator actions a second. What a step needs beyond
one action, such as the pictures that count an object's pixels, counts as the game's time. books_share is the part of
the game's time that is not the simulator's: books, checks and augmentation.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from ai2thor.server import Event
from tqdm import tqdm

from actors.controller import SimulatorProcess
from actors.hide_and_seek.actions import Stage
from actors.hide_and_seek.defaults import embedded_simulator, rules
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import Game, GameObservation, GameTask
from actors.hide_and_seek.locations import Location
from actors.hide_and_seek.metrics import estimate_mean
from actors.hide_and_seek.play import play_choose, play_explore, play_hide, play_seek
from actors.hide_and_seek.players import make_player
from actors.hide_and_seek.players.core import GamePlayer, Hints
from actors.hide_and_seek.scenes import GOALS, scenes
from actors.hide_and_seek.world import World, start_simulator
from actors.launch import check_launch
from benchmarks._arguments import whole
from benchmarks._report import conditions, report


@dataclass
class Asked:
    """An action that the game asked of its simulator."""

    action: str
    arguments: dict[str, Any]
    step: int | None
    """Number of the game's step; None outside of steps."""


class LoggedSimulator:
    """A simulator that keeps what it is asked; has what a `World` uses."""

    def __init__(self, simulator: SimulatorProcess) -> None:
        self._simulator = simulator
        self.asked: list[Asked] = []
        self.current: int | None = None

    @property
    def last_event(self) -> Event:
        """See `SimulatorProcess.last_event`."""
        return self._simulator.last_event

    def reset(self, scene: str) -> Event:
        """See `SimulatorProcess.reset`."""
        self.asked.append(Asked("reset", {"scene": scene}, None))
        return self._simulator.reset(scene)

    def step(self, action: str, **arguments: Any) -> Event:
        """See `SimulatorProcess.step`."""
        self.asked.append(Asked(action, arguments, self.current))
        return self._simulator.step(action, **arguments)


class TimedPlayer:
    """A uniform player that measures its own time and counts steps."""

    name = "uniform"

    def __init__(self, simulator: LoggedSimulator) -> None:
        self._player: GamePlayer = make_player("uniform")
        self._simulator = simulator
        self.seconds = 0.0
        self.steps = 0

    def begin(self, seed: int, hints: Hints) -> None:
        """See `GamePlayer.begin`."""
        self._player.begin(seed, hints)

    def act(self, observation: GameObservation) -> int:
        """See `GamePlayer.act`."""
        started = perf_counter()
        number = self._player.act(observation)
        self._simulator.current = self.steps
        self.seconds += perf_counter() - started
        return number

    def learn(self, step: Step) -> None:
        """See `GamePlayer.learn`."""
        started = perf_counter()
        self._player.learn(step)
        # After a manipulation the object may return to the hand, which belongs to the PlaceAt that follows.
        self._simulator.current = self.steps + 1 if step.stage is Stage.MANIPULATE and step.ended else None
        self.steps += 1
        self.seconds += perf_counter() - started

    def choose(self, observation: GameObservation) -> Location:
        """See `GamePlayer.choose`."""
        return self._player.choose(observation)

    def probability(self, observation: GameObservation) -> float:
        """See `GamePlayer.probability`."""
        return 1.0


def play(simulator: SimulatorProcess, task: GameTask) -> tuple[list[Asked], int, float, float]:
    """Plays a game; returns what it asked, its number of steps, and the seconds of its stages and of measuring."""
    logged = LoggedSimulator(simulator)
    player = TimedPlayer(logged)
    game = Game(World(logged), task, rules())  # type: ignore[arg-type]
    player.begin(task.seed, game.world)
    started = perf_counter()
    play_explore(game, player)
    seconds = perf_counter() - started
    play_choose(game, player)
    started = perf_counter()
    play_hide(game, player)
    seconds += perf_counter() - started
    started = perf_counter()
    game.measure()
    measured = perf_counter() - started
    started = perf_counter()
    play_seek(game, player)
    seconds += perf_counter() - started
    return logged.asked, player.steps, seconds - player.seconds, measured


def repeat(simulator: SimulatorProcess, asked: list[Asked]) -> tuple[int, float, float]:
    """Repeats a game's actions without the game.

    Returns:
        the number of steps that asked the simulator for something, the seconds of the first action of each, and those
        of all actions within steps.
    """
    count, first, within, last = 0, 0.0, 0.0, None
    for one in asked:
        started = perf_counter()
        if one.action == "reset":
            simulator.reset(**one.arguments)
        else:
            simulator.step(one.action, **one.arguments)
        seconds = perf_counter() - started
        if one.step is None:
            continue
        within += seconds
        if one.step != last:
            count, first, last = count + 1, first + seconds, one.step
    return count, first, within


def main() -> int:
    """Runs the benchmark and prints its table and RESULT."""
    parser = argparse.ArgumentParser(prog="./playpen bench game", description=__doc__.split("\n\n")[0])
    parser.add_argument("--games", type=whole(1), default=12, help="number of games (12)")
    parser.add_argument("--seed", type=whole(0), default=0, help="seed of the games (0)")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # the simulators inherit it
    config = embedded_simulator()
    check_launch(config)
    rooms = scenes("train")
    played, alone = start_simulator(config), start_simulator(config)
    ratios, books, rates, measures = [], [], [], []
    steps, game_seconds = 0, 0.0
    try:
        for number in tqdm(range(arguments.games), desc="games", disable=None):
            seed = arguments.seed + number
            task = GameTask(rooms[(7 * seed) % len(rooms)], GOALS[seed % len(GOALS)], seed)
            for simulator in (played, alone):
                World(simulator).set_up(task.scene, task.seed)  # makes the room
            asked, count, seconds, measured = play(played, task)
            plain, first, within = repeat(alone, asked)
            rates.append(count / seconds)
            ratios.append((count / seconds) / (plain / first))
            books.append(1 - within / seconds)
            measures.append(measured)
            steps, game_seconds = steps + count, game_seconds + seconds
    finally:
        played.stop()
        alone.stop()
    ratio = estimate_mean(ratios)
    figures = {
        "game_steps_per_s": round(steps / game_seconds, 1),
        "ratio_to_simulator": round(ratio.value, 3),
        "visible_from_s": round(float(np.median(measures)), 3),
        "visible_from_s_max": round(max(measures), 3),
        "ratio_low": ratio.low,
        "ratio_high": ratio.high,
        "books_share": round(float(np.mean(books)), 3),
        "steps": steps,
    }
    report("game", figures, conditions(games=arguments.games, seed=arguments.seed, image="224x224"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

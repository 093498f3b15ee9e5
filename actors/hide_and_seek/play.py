"""Plays whole games with a hider and a seeker, and starts a game anew when its simulator fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from actors.config import SimulatorConfig
from actors.controller import SimulatorError, SimulatorProcess
from actors.hide_and_seek.actions import ACTIONS, Kind
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import Game
from actors.hide_and_seek.players.core import GamePlayer
from actors.hide_and_seek.world import World, start_simulator

Watch = Callable[[Game, Step], None]
"""Called after each step of a game, for records and pages."""
Played = TypeVar("Played")


def play_explore(game: Game, hider: GamePlayer, watch: Watch | None = None) -> None:
    """Plays exploration and mapping."""
    exploration = game.explore()
    while not exploration.episode.ended:
        _note(game, hider, exploration.step(hider.act(game.observe())), watch)


def play_choose(game: Game, hider: GamePlayer) -> None:
    """Plays perspective simulation."""
    perspective = game.choose()
    while not perspective.ended:
        perspective.step(hider.choose(game.observe()))


def play_hide(game: Game, hider: GamePlayer, watch: Watch | None = None) -> None:
    """Plays object hiding with its manipulations."""
    hiding = game.hide()
    while not hiding.episode.ended:
        number = hider.act(game.observe())
        manipulation = hiding.place(number) if ACTIONS[number].kind is Kind.PLACE else None
        if manipulation is None:
            _note(game, hider, hiding.step(number), watch)
            continue
        probability = hider.probability(game.observe())
        while not manipulation.episode.ended:
            _note(game, hider, manipulation.step(hider.act(game.observe())), watch)
        game.end_placing(probability)
        _note(game, hider, hiding.episode.steps[-1], watch)


def play_seek(game: Game, seeker: GamePlayer, watch: Watch | None = None) -> None:
    """Plays seeking."""
    seeking = game.seek()
    while not seeking.episode.ended:
        _note(game, seeker, seeking.step(seeker.act(game.observe())), watch)


def play_game(
    game: Game, hider: GamePlayer, seeker: GamePlayer, measure: bool = True, watch: Watch | None = None
) -> None:
    """Plays all stages of a new game.

    Args:
        game: that no stage has begun of.
        hider: plays E&M, PS, OH and OM.
        seeker: plays S.
        measure: whether the hiding place is measured, see `Game.measure`.
        watch: called after each step.

    Raises:
        SimulatorError: the simulator failed; the game is lost.
        IllegalAction: a player chose an action that its stage does not allow.
    """
    hider.begin(game.task.seed, game.world)
    play_explore(game, hider, watch)
    play_choose(game, hider)
    play_hide(game, hider, watch)
    if measure:
        game.measure()
    seeker.begin(game.task.seed, game.world)
    play_seek(game, seeker, watch)


def _note(game: Game, player: GamePlayer, step: Step, watch: Watch | None) -> None:
    player.learn(step)
    if watch is not None:
        watch(game, step)


class Simulators:
    """Keeps one simulator running, and starts another when it fails.

    Args:
        config: of the simulator; `game_simulator` adds what the game needs.
        attempts: how often a piece of work is tried.
    """

    def __init__(self, config: SimulatorConfig, attempts: int = 3) -> None:
        self._config, self._attempts = config, attempts
        self._simulator: SimulatorProcess | None = None
        self.restarts = 0
        """How often a simulator failed."""

    def __enter__(self) -> Simulators:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends the simulator."""
        if self._simulator is not None:
            self._simulator.stop()
            self._simulator = None

    def run(self, work: Callable[[World], Played]) -> Played:
        """Does a piece of work, such as a whole game, in a room; from its beginning again if the simulator fails.

        Args:
            work: must keep nothing of a try that failed.

        Raises:
            SimulatorError: each attempt failed.
        """
        for attempt in range(1, self._attempts + 1):
            try:
                if self._simulator is None:
                    self._simulator = start_simulator(self._config)
                return work(World(self._simulator))
            except SimulatorError:
                self.stop()
                self.restarts += 1
                if attempt == self._attempts:
                    raise
        raise AssertionError("unreachable")

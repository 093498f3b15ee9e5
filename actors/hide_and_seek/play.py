"""Plays whole games with a hider and a seeker, and starts a game anew when its simulator fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from actors.config import SimulatorConfig
from actors.controller import SimulatorError, SimulatorProcess
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import Game
from actors.hide_and_seek.players.core import GamePlayer
from actors.hide_and_seek.stages.hide import Hiding
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
        hide_step(game, hiding, hider.act(game.observe()), hider, watch)


def hide_step(game: Game, hiding: Hiding, number: int, hider: GamePlayer, watch: Watch | None = None) -> Step:
    """Performs one action of object hiding; the hider plays the manipulation that a PlaceAt starts."""
    manipulation = hiding.place(number)
    if manipulation is None:
        step = hiding.step(number)
    else:
        probability = hider.probability(game.observe())
        while not manipulation.episode.ended:
            _note(game, hider, manipulation.step(hider.act(game.observe())), watch)
        game.end_placing(probability)
        step = hiding.episode.steps[-1]
    _note(game, hider, step, watch)
    return step


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
        self._closed = False
        self.restarts = 0
        """How often a simulator failed."""

    def __enter__(self) -> Simulators:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the simulator, also from another thread than that of `run`, whose work then fails at once."""
        self._closed = True
        self._stop()

    def _stop(self) -> None:
        simulator, self._simulator = self._simulator, None
        if simulator is not None:
            simulator.stop()

    def run(self, work: Callable[[World], Played]) -> Played:
        """Does a piece of work, such as a whole game, in a room; from its beginning again if the simulator fails.

        Args:
            work: must keep nothing of a try that failed.

        Raises:
            SimulatorError: each attempt failed.
        """
        for attempt in range(1, self._attempts + 1):
            try:
                simulator = self._simulator
                if simulator is None:
                    simulator = self._simulator = start_simulator(self._config)
                    if self._closed:  # meanwhile
                        self._stop()
                return work(World(simulator))
            except SimulatorError:
                self._stop()
                self.restarts += 1
                if attempt == self._attempts or self._closed:
                    raise
        raise AssertionError("unreachable")

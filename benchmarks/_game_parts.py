"""The parts of `bench play` that play: the game alone, and acting.

Tasks take turns among the phase's kinds and two rooms. The game alone plays as many steps of the same kinds with
uniform actions: set-ups, observations and actions, but no network, no labels and no records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

import numpy as np
import torch

from actors.controller import SimulatorProcess
from actors.hide_and_seek.actions import MASKS, Stage
from actors.hide_and_seek.augmentation import Augmentation
from actors.hide_and_seek.game import Game, GameTask
from actors.hide_and_seek.learning.config import Orders
from actors.hide_and_seek.learning.player import LearningPlayer, MakePlayer
from actors.hide_and_seek.learning.seeking import hide_somewhere
from actors.hide_and_seek.learning.targets import TargetMaker
from actors.hide_and_seek.learning.tasks import kind_of
from actors.hide_and_seek.learning.work import PlayTask
from actors.hide_and_seek.play import play_game
from actors.hide_and_seek.players import make_player
from actors.hide_and_seek.scenes import GOALS
from actors.hide_and_seek.stages.manipulate import Manipulation
from actors.hide_and_seek.stages.seek import Seeking
from actors.hide_and_seek.world import World, start_simulator
from cluster.hide_and_seek.train_config import GameTrainConfig
from learner.hide_and_seek.schedule import player_orders

ROOMS = ("FloorPlan1", "FloorPlan201")
"""A kitchen and a living room."""


def orders_of(config: GameTrainConfig, phase: str) -> dict[str, Any]:
    """The orders of a phase to its players."""
    return player_orders(config.learner.phases[phase])


def kinds_of(config: GameTrainConfig, phase: str) -> list[str]:
    """The kinds of tasks that a phase mixes."""
    return sorted(kind for kind, weight in asdict(config.learner.phases[phase].mix).items() if weight)


@dataclass(frozen=True)
class Turn:
    """One task: its kind, room, goal, and number in the run."""

    kind: str
    task: PlayTask
    number: int


class Turns:
    """Tasks in which the kinds take turns.

    Args:
        config: of the run.
        phase: whose kinds they are.
        actor: tasks of different actors differ.
    """

    def __init__(self, config: GameTrainConfig, phase: str, actor: int = 0) -> None:
        self._orders, self._seed = Orders.parse(orders_of(config, phase)), config.seed
        self.kinds = kinds_of(config, phase)
        self._numbers = count(10_000 * actor)
        self._made = actor

    def next(self) -> Turn:
        """The next task. Its number is one whose random draw gives the kind."""
        kind = self.kinds[self._made % len(self.kinds)]
        room, goal = ROOMS[self._made // len(self.kinds) % len(ROOMS)], GOALS[self._made % len(GOALS)]
        self._made += 1
        number = next(number for number in self._numbers if kind_of(self._orders, self._seed, number) == kind)
        return Turn(kind, PlayTask(room, goal, number), number)


class Acting:
    """A player with the untrained network.

    Args:
        config: of the run; its number of simulators counts.
        phase: what it plays.
        device: of its network.
        actor: its number.
    """

    def __init__(self, config: GameTrainConfig, phase: str, device: torch.device, actor: int = 0) -> None:
        self.orders = orders_of(config, phase)
        self._config = config
        make = MakePlayer(config.simulator, config.actors, config.models, config.actors.learning, config.seed)
        self.player: LearningPlayer = make(actor)
        self.player._network.to(device)
        self._simulator = start_simulator(config.simulator)

    def warm_up(self, turns: Turns) -> None:
        """Plays little of each kind in each room, so that the simulators have made the rooms."""
        few = self._config.actors.learning.simulators
        small = self.orders | {"unrolls_per_task": few, "triplets_per_task": 0, "memories_per_task": 0}
        for _ in range(len(turns.kinds) * len(ROOMS)):
            self.play(turns.next(), lambda table, record: True, small)

    def play(self, turn: Turn, push: Callable[[str, Any], bool], orders: Mapping[str, Any] | None = None) -> int:
        """Plays a task; returns the number of its steps."""
        played = self.player.play(self._simulator, turn.task, turn.number, orders or self.orders, 0, push)
        return played.steps

    def stop(self) -> None:
        """Ends the simulators."""
        self._simulator.stop()
        for index in range(len(self.player._others)):
            self.player._stop(index)


class GameAlone:
    """The game with uniform actions, in as many simulators as an actor has.

    Args:
        config: of the run.
        phase: whose curriculum decides how objects are hidden.
    """

    def __init__(self, config: GameTrainConfig, phase: str) -> None:
        self._config, self._curriculum = config, config.learner.phases[phase].curriculum
        self._simulators = [start_simulator(config.simulator) for _ in range(config.actors.learning.simulators)]
        for simulator in self._simulators:
            for room in ROOMS:
                World(simulator).set_up(room, 0)

    def play(self, turn: Turn, steps: int) -> int:
        """Plays at least so many steps of the kind of a task; returns how many."""
        each = -(-steps // len(self._simulators))
        with ThreadPoolExecutor(len(self._simulators)) as pool:
            return sum(pool.map(lambda one: self._play(one[1], turn, one[0], each), enumerate(self._simulators)))

    def stop(self) -> None:
        """Ends the simulators."""
        for simulator in self._simulators:
            simulator.stop()

    def _play(self, simulator: SimulatorProcess, turn: Turn, index: int, steps: int) -> int:
        random = np.random.default_rng([turn.number, index])
        world, made = World(simulator), 0
        while made < steps:
            game = Game(world, GameTask(turn.task.scene, turn.task.goal, int(random.integers(2**31))), self._rules)
            if turn.kind == "play":
                made += self._game(game)
            else:
                made += {"explore": self._explore, "manipulate": self._manipulate, "seek": self._seek}[turn.kind](
                    world, game, turn.task.goal, random, steps - made
                )
        return made

    @property
    def _rules(self) -> Any:
        return self._config.actors

    def _game(self, game: Game) -> int:
        made = [0]

        def watch(*_: object) -> None:
            made[0] += 1

        play_game(game, make_player("uniform"), make_player("uniform"), watch=watch)
        return made[0]

    def _explore(self, world: World, game: Game, goal: str, random: np.random.Generator, most: int) -> int:
        exploration = game.explore()
        while not exploration.episode.ended and len(exploration.episode.steps) < most:
            game.observe()
            exploration.step(_uniform(Stage.EXPLORE, random))
        return len(exploration.episode.steps)

    def _manipulate(self, world: World, game: Game, goal: str, random: np.random.Generator, most: int) -> int:
        learning, made = self._config.actors.learning, 0
        maker = TargetMaker(world, game.facts, goal, self._rules, learning, random)
        for _ in range(learning.manipulations_per_room):
            if made >= most:
                break
            if (target := maker.begin()) is None:
                continue
            manipulation = Manipulation(world, self._rules, target)
            while not manipulation.episode.ended and made < most:
                _see(world, game.augmentation)
                manipulation.step(_uniform(Stage.MANIPULATE, random))
                made += 1
        return made

    def _seek(self, world: World, game: Game, goal: str, random: np.random.Generator, most: int) -> int:
        easy = bool(random.random() < self._curriculum)
        if not hide_somewhere(world, game.facts, goal, self._config.actors.learning, easy, random):
            return 0
        seeking = Seeking(world, self._rules)
        while not seeking.episode.ended and len(seeking.episode.steps) < most:
            _see(world, game.augmentation)
            seeking.step(_uniform(Stage.SEEK, random))
        return len(seeking.episode.steps)


def _uniform(stage: Stage, random: np.random.Generator) -> int:
    return int(random.choice(np.flatnonzero(MASKS[stage])))


def _see(world: World, augmentation: Augmentation) -> None:
    augmentation.apply(world.image)

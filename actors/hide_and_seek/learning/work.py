"""What one simulator needs for its share of a task, and the random numbers of the share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from actors.hide_and_seek.augmentation import Augmentation
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.game import Game, GameTask
from actors.hide_and_seek.learning.config import LearningConfig, Orders
from actors.hide_and_seek.learning.mind import Mind
from actors.hide_and_seek.learning.policy import Policy
from actors.hide_and_seek.learning.statistics import LearningStatistics
from actors.hide_and_seek.scenes import GOALS
from actors.hide_and_seek.world import Unplayable, World
from models.hide_and_seek.perspective import PerspectiveSimulation


@dataclass(frozen=True)
class PlayTask:
    """A room and a goal object; the orders and the task's number say what is played there."""

    scene: str
    goal: str
    index: int
    """Number of the task in its list."""

    def __post_init__(self) -> None:
        if self.goal not in GOALS:
            raise ValueError(f"goal must be one of {', '.join(GOALS)}, not {self.goal}")

    @property
    def key(self) -> str:
        """Identifies the task within a run."""
        return f"{self.scene}/{self.goal}/{self.index}"

    def __str__(self) -> str:
        return f"task {self.index} ({self.goal} in {self.scene})"


class Draw(IntEnum):
    """What random numbers are for."""

    KIND = 0
    ROOM = 1
    HIDER = 2
    SEEKER = 3
    PLACE = 4
    TRIPLETS = 5
    CHOICE = 6
    SIDES = 7
    GLIMPSES = 8


@dataclass(frozen=True)
class Work:
    """One simulator's share of a task.

    Args:
        world: of the simulator.
        task: the room and the goal object.
        orders: of the phase.
        config: of making training data.
        rules: of the game.
        image_size: of the network's images.
        seed: entropy of all draws: the run's seed, the task's number, the share's number.
        newest: the agent that learns.
        past: gives an earlier agent by a generator; None: there is none yet.
        perspective: simulates the seeker.
    """

    world: World
    task: PlayTask
    orders: Orders
    config: LearningConfig
    rules: GameConfig
    image_size: int
    seed: tuple[int, ...]
    newest: Policy
    past: Callable[[np.random.Generator], Policy | None]
    perspective: PerspectiveSimulation

    def random(self, draw: Draw, number: int = 0) -> np.random.Generator:
        """The generator of one purpose in one episode."""
        return np.random.default_rng([*self.seed, int(draw), number])

    def game(self, number: int, statistics: LearningStatistics) -> Game:
        """Sets up the room of an episode.

        Raises:
            Unplayable: the room cannot be played with any of `config.room_tries` seeds.
        """
        random = self.random(Draw.ROOM, number)
        with statistics.clock("set_up"):
            for left in reversed(range(self.config.room_tries)):
                try:
                    task = GameTask(self.task.scene, self.task.goal, int(random.integers(2**31)))
                    return Game(self.world, task, self.rules)
                except Unplayable:
                    if not left:
                        raise
        raise AssertionError("unreachable")

    def mind(self, augmentation: Augmentation, draw: Draw, number: int, policy: Policy | None = None) -> Mind:
        """One side of an episode, with an empty map.

        Args:
            augmentation: the game's.
            draw: HIDER or SEEKER.
            number: of the episode.
            policy: None: the newest.
        """
        return Mind(
            policy or self.newest, self.world, augmentation, self.task.goal, self.image_size, self.random(draw, number)
        )


@dataclass(frozen=True)
class Share:
    """How many records a share makes, exactly."""

    unrolls: int
    triplets: int
    memories: int

    def split(self, parts: int) -> list[Share]:
        """Shares that are as equal as they can be."""
        return [
            Share(*(total // parts + (part < total % parts) for total in (self.unrolls, self.triplets, self.memories)))
            for part in range(parts)
        ]

"""Collects triplets of visual dynamics in held-out rooms, by walks that mix exploring with random actions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actors.config import SimulatorConfig
from actors.hide_and_seek.actions import ACTIONS, MASKS, Kind, Stage
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.game import Game, GameTask
from actors.hide_and_seek.learning.observed import shrink
from actors.hide_and_seek.players.explorer import Explorer
from actors.hide_and_seek.world import Unplayable, World
from evaluation.hide_and_seek.dynamics import Triplets, balanced
from evaluation.hide_and_seek.parallel import share

RANDOM_SHARE = 0.5
"""Share of the actions that are random; the explorer chooses the others, which makes it open things (ours)."""


@dataclass(frozen=True)
class _Walk:
    number: int
    before: list[NDArray[np.uint8]]
    after: list[NDArray[np.uint8]]
    actions: list[int]
    succeeded: list[bool]


def collect(
    tasks: Sequence[GameTask],
    simulator: SimulatorConfig,
    rules: GameConfig,
    size: int,
    count: int,
    workers: int,
) -> Triplets:
    """Walks through rooms and keeps triplets, about equally many of each kind of action and success.

    Args:
        tasks: room and seed of each walk.
        simulator: its settings.
        rules: of the game; a walk lasts `explore_steps` steps.
        size: S, width and height of the triplets' pictures.
        count: largest number of triplets.
        workers: number of simulators.

    Raises:
        SimulatorError: a simulator failed several times in the same walk.
    """

    def work(world: World, item: tuple[int, GameTask]) -> _Walk:
        number, task = item
        return _walk(world, number, task, rules, size)

    walks = sorted(share(enumerate(tasks), simulator, workers, work), key=lambda walk: walk.number)
    actions = [action for walk in walks for action in walk.actions]
    succeeded = [done for walk in walks for done in walk.succeeded]
    groups = [(ACTIONS[action].kind.value, done) for action, done in zip(actions, succeeded, strict=True)]
    kept = balanced(groups, count, np.random.default_rng(0))
    # Mixed, so that the first ones are of all kinds.
    kept = np.random.default_rng(1).permutation(kept).tolist()
    before = [image for walk in walks for image in walk.before]
    after = [image for walk in walks for image in walk.after]
    numbers = [walk.number for walk in walks for _ in walk.actions]
    return Triplets(
        np.stack([before[at] for at in kept]) if kept else np.zeros((0, size, size, 3), np.uint8),
        np.stack([after[at] for at in kept]) if kept else np.zeros((0, size, size, 3), np.uint8),
        np.array([actions[at] for at in kept], dtype=np.int64),
        np.array([succeeded[at] for at in kept], dtype=bool),
        np.array([numbers[at] for at in kept], dtype=np.int64),
    )


def _walk(world: World, number: int, task: GameTask, rules: GameConfig, size: int) -> _Walk:
    walk = _Walk(number, [], [], [], [])
    random, explorer = np.random.default_rng([task.seed, number]), Explorer()
    try:
        game = Game(world, task, rules)
    except Unplayable:
        return walk
    explorer.begin(task.seed, world)
    exploration = game.explore()
    view = shrink(world.image, size)
    while not exploration.episode.ended:
        if random.random() < RANDOM_SHARE:  # the explorer learns from its own actions alone
            step = exploration.step(_any_kind(random))
        else:
            step = exploration.step(explorer.act(game.observe()))
            explorer.learn(step)
        walk.before.append(view)
        view = shrink(world.image, size)
        walk.after.append(view)
        walk.actions.append(ACTIONS.index(step.action))
        walk.succeeded.append(step.succeeded)
    return walk


_BY_KIND = {
    kind: [number for number in np.flatnonzero(MASKS[Stage.EXPLORE]).tolist() if ACTIONS[number].kind is kind]
    for kind in (Kind.MOVE, Kind.ROTATE, Kind.POSTURE, Kind.OPEN, Kind.CLOSE)
}


def _any_kind(random: np.random.Generator) -> int:
    """A random action; each kind is equally likely."""
    actions = _BY_KIND[list(_BY_KIND)[int(random.integers(len(_BY_KIND)))]]
    return actions[int(random.integers(len(actions)))]

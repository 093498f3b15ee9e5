"""What all environments share: drawing games, checking options, and the simulator's life."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from actors.config import SimulatorConfig
from actors.controller import SimulatorError
from actors.hide_and_seek import defaults
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.game import GameTask
from actors.hide_and_seek.play import Simulators
from actors.hide_and_seek.scenes import GOALS, KINDS, SPLITS
from actors.hide_and_seek.scenes import scenes as scenes_of
from actors.hide_and_seek.world import Unplayable, World
from common.errors import UsageError

DRAWS = 20
"""How many games a reset draws at most until one can be played (ours)."""
SEEDS = 2**31
"""Seeds of games are below this number."""
TASK_OPTIONS = ("scene", "goal", "seed")
"""Options of `reset` that fix a game; what is not given is drawn."""
SCENES = frozenset(f"FloorPlan{first + number}" for first in KINDS.values() for number in range(1, 31))
"""Names of all rooms."""

Begun = TypeVar("Begun")


class Rooms:
    """Draws games and plays them in one simulator, which starts with the first game.

    Args:
        scenes: of the games: "train", "validation", "test", the name of a room, or names of rooms.
        goals: types of the goal object.
        simulator: settings of the simulator; None: those of `conf/simulator/rooms.yaml`.
        rules: of the game; None: those of `conf/actors/hide_and_seek.yaml`.
        max_restarts: how often a reset starts another simulator after a failure, and how many episodes in a row may be
            lost to failures.

    Raises:
        UsageError: an argument is impossible.
    """

    def __init__(
        self,
        scenes: str | Iterable[str] = "train",
        goals: Iterable[str] = GOALS,
        simulator: SimulatorConfig | None = None,
        rules: GameConfig | None = None,
        max_restarts: int = 2,
    ) -> None:
        self.scenes = _scenes(scenes)
        self.goals = (goals,) if isinstance(goals, str) else tuple(goals) if isinstance(goals, Iterable) else ()
        if not self.goals or not all(goal in GOALS for goal in self.goals):
            raise UsageError(f"goals must be some of {', '.join(GOALS)}, not {goals!r}")
        if not _whole(max_restarts):
            raise UsageError(f"max_restarts must be a whole number of at least 0, not {max_restarts!r}")
        for name, value, cls, right in (
            ("rules", rules, GameConfig, "rules(explore_steps=3)"),
            ("simulator", simulator, SimulatorConfig, "embedded_simulator()"),
        ):
            if value is not None and not isinstance(value, cls):
                raise UsageError(
                    f"{name} must be a {cls.__name__} such as actors.hide_and_seek.defaults.{right}, not {value!r}"
                )
        self.rules = rules or defaults.rules()
        self._max_restarts = max_restarts
        self._simulator = simulator or defaults.embedded_simulator()
        self._lost = 0
        self._simulators: Simulators | None = None
        self._finalizer: weakref.finalize[[Simulators, int], Rooms] | None = None

    def begin(
        self,
        random: np.random.Generator,
        options: Mapping[str, Any],
        start: Callable[[World, GameTask, np.random.Generator], Begun],
    ) -> Begun:
        """Draws a game and starts it. Games that cannot be played are drawn again, unless all options are given.

        Args:
            random: for scene, goal and seed.
            options: scene, goal and seed, as far as they are fixed; see `check_options`.
            start: starts the game; its random numbers depend on the game alone.

        Raises:
            Unplayable: no game could be played.
            SimulatorError: the simulator failed again and again.
        """
        error: Unplayable | None = None
        for _ in range(1 if set(TASK_OPTIONS) <= set(options) else DRAWS):
            # All three are drawn, so that an option does not change the draws that follow.
            scene, goal = str(random.choice(self.scenes)), str(random.choice(self.goals))
            drawn = {"scene": scene, "goal": goal, "seed": int(random.integers(SEEDS))}
            task = GameTask(**{name: options.get(name, value) for name, value in drawn.items()})

            def work(world: World, task: GameTask = task) -> Begun:
                return start(world, task, np.random.default_rng([task.seed, GOALS.index(task.goal), 1]))

            try:
                return self._running().run(work)
            except Unplayable as reason:
                error = reason
        assert error is not None
        raise error

    def ended(self) -> None:
        """Notes that an episode ended without a failure of the simulator."""
        self._lost = 0

    def lost(self, error: SimulatorError) -> None:
        """Stops a simulator that failed within an episode; the next game starts another one.

        Raises:
            SimulatorError: the argument, if more than `max_restarts` episodes in a row were lost.
        """
        self.close()
        self._lost += 1
        if self._lost > self._max_restarts:
            raise error

    def close(self) -> None:
        """Ends the simulator. May be called repeatedly; another game starts another simulator."""
        if self._finalizer is not None:
            self._finalizer()
        self._simulators = self._finalizer = None

    def _running(self) -> Simulators:
        if self._simulators is None:
            self._simulators = Simulators(self._simulator, attempts=self._max_restarts + 1)
            # The simulator also ends if nobody calls close, but not with a process that was forked from this one.
            self._finalizer = weakref.finalize(self, _close, self._simulators, os.getpid())
        return self._simulators


def check_options(options: Mapping[str, Any] | None, known: Iterable[str]) -> dict[str, Any]:
    """Checks the names of a reset's options, and the values of scene, goal and seed.

    Returns:
        the options that are not None.

    Raises:
        UsageError: an option is unknown or impossible.
    """
    if options is not None and not isinstance(options, Mapping):
        raise UsageError(f"options must be a dictionary, not {options!r}")
    given = {name: value for name, value in (options or {}).items() if value is not None}
    for name in given:
        if name not in known:
            raise UsageError(f"there is no option '{name}'; the options are {', '.join(known)}")
    if "scene" in given:
        given["scene"] = _scene(given["scene"], "the option scene")
    if "goal" in given and given["goal"] not in GOALS:
        raise UsageError(f"the option goal must be one of {', '.join(GOALS)}, not {given['goal']!r}")
    if "seed" in given:
        if not _whole(given["seed"]) or given["seed"] >= SEEDS:
            raise UsageError(f"the option seed must be a whole number from 0 to {SEEDS - 1}, not {given['seed']!r}")
        given["seed"] = int(given["seed"])
    return given


def _scenes(scenes: str | Iterable[str]) -> tuple[str, ...]:
    if isinstance(scenes, str) and scenes in SPLITS:
        return tuple(scenes_of(scenes))
    found = (scenes,) if isinstance(scenes, str) else tuple(scenes) if isinstance(scenes, Iterable) else ()
    if not found:
        raise UsageError(f"scenes must be one of {', '.join(SPLITS)}, or names of rooms, not {scenes!r}")
    return tuple(_scene(name, "scenes") for name in found)


def _scene(name: Any, where: str) -> str:
    if not isinstance(name, str) or name not in SCENES:
        splits = f" or one of {', '.join(SPLITS)}," if where == "scenes" else ""
        raise UsageError(f"{where} must name rooms such as FloorPlan1, 1-30 after 0, 200, 300, 400 or 500,{splits} "
                         f"not {name!r}")  # fmt: skip
    return name


def _whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and int(value) >= 0


def _close(simulators: Simulators, owner: int) -> None:
    if os.getpid() == owner:
        simulators.close()

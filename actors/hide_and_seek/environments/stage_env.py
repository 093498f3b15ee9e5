"""Gymnasium environments of the four stages that are learned by reinforcement.

Actions are the game's 219 in all of them, so that one policy can play all stages, and numbers mean the same here, in
the whole game and in its records. `info["action_mask"]` tells which are legal in the stage. An illegal action changes
nothing in the room: it is a failed step with its penalty, so that agents without masks can play, too. `LegalActions`
leaves out illegal actions for libraries that know no masks.

Rewards are those of Algorithms 1 to 4 without the parts that come from networks.

An episode is *terminated* by what the agent does and *truncated* by its clock:

    environment  terminated                        truncated
    Explore      never                             after rules.explore_steps
    Manipulate   the object is dropped             after rules.manipulate_steps
    Hide         ReadyForSeeker succeeds           after rules.hide_steps
    Seek         ClaimVisible succeeds             after rules.seek_steps

If the simulator fails, the episode is truncated with `info["simulator_failed"]`, reward 0 and the last observation; the
next reset starts another simulator.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from actors.config import SimulatorConfig
from actors.controller import SimulatorError
from actors.hide_and_seek import rewards
from actors.hide_and_seek.actions import ACTIONS, MASKS, Action, Kind, Stage
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.environments.observations import Encoded, encode, int8_mask, observation_space
from actors.hide_and_seek.environments.rooms import TASK_OPTIONS, Rooms, check_options
from actors.hide_and_seek.episode import Episode, Step
from actors.hide_and_seek.game import Game, GameTask
from actors.hide_and_seek.pixels import Modality
from actors.hide_and_seek.scenes import GOALS
from actors.hide_and_seek.world import World
from common.errors import UsageError


class StageEnv(gymnasium.Env[Encoded, np.int64]):
    """Base of the environments.

    Observations: see `observations.observation_space`. Actions: index into `actions.ACTIONS`.

    Each info has action_mask, (219,) int8; scene, goal and seed of the game; step, the number of steps so far;
    simulator_failed. Infos of steps also have action, its name; legal; succeeded. The last info of an episode has the
    stage's results besides.

    Args:
        scenes: of the games: "train", "validation", "test", the name of a room, or names of rooms.
        goals: types of the goal object.
        simulator: settings of the simulator; None: those of `conf/simulator/rooms.yaml`. It starts with
            the first reset.
        rules: of the game; None: those of `conf/actors/hide_and_seek.yaml`.
        max_restarts: how often a reset starts another simulator after a failure, and how many episodes in a row may be
            lost to failures.
        render_mode: None or "rgb_array", for which `render` returns the picture without augmentation.

    Raises:
        UsageError: an argument is impossible.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 5}
    stage: ClassVar[Stage]
    options: ClassVar[tuple[str, ...]] = TASK_OPTIONS
    """Names of the options of `reset`."""

    def __init__(
        self,
        scenes: str | Iterable[str] = "train",
        goals: Iterable[str] = GOALS,
        simulator: SimulatorConfig | None = None,
        rules: GameConfig | None = None,
        max_restarts: int = 2,
        render_mode: str | None = None,
    ) -> None:
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise UsageError(f"render_mode must be None or rgb_array, not {render_mode!r}")
        self.render_mode = render_mode
        self.rooms = Rooms(scenes, goals, simulator, rules, max_restarts)
        self.observation_space = observation_space()
        self.action_space = spaces.Discrete(len(ACTIONS))
        self._game: Game | None = None
        self._observation: Encoded | None = None
        self._picture: NDArray[np.uint8] | None = None

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Encoded, dict[str, Any]]:
        """Begins an episode. The same seed, or the same scene, goal and seed in the options, give the same episode.

        Args:
            seed: of the random numbers that draw games.
            options: scene, goal and seed (of the game, from 0) fix the game; the environments have more.

        Raises:
            UsageError: an option is unknown or impossible.
            Unplayable: the room cannot be played as the options say.
            SimulatorError: simulators failed again and again.
        """
        given = self._check(check_options(options, self.options))
        super().reset(seed=seed)
        self._game = None

        def start(world: World, task: GameTask, random: np.random.Generator) -> Game:
            return self._start(world, task, random, given)

        game = self._game = self.rooms.begin(self.np_random, given, start)
        self._observation, self._picture = encode(game.observe()), game.world.image
        return self._observation, self._info(game)

    def step(self, action: np.int64 | int) -> tuple[Encoded, float, bool, bool, dict[str, Any]]:
        """Performs an action.

        Raises:
            ResetNeeded: no episode is under way.
            UsageError: the action is no whole number from 0 to 218.
            SimulatorError: more than `max_restarts` episodes in a row were lost to failures of the simulator.
        """
        game = self._game
        if game is None or self._observation is None:
            raise ResetNeeded("no episode is under way; call reset first")
        if not self.action_space.contains(action):
            raise UsageError(f"action must be a whole number from 0 to {len(ACTIONS) - 1}, not {action!r}")
        number = int(action)
        legal = bool(MASKS[self.stage][number])
        books = self._books(game)
        try:
            step = self._perform(game, number) if legal else _fail(books, ACTIONS[number])
            self._observation, self._picture = encode(game.observe()), game.world.image
        except SimulatorError as error:
            self._game = None
            self.rooms.lost(error)
            # The episode's books may be incomplete, so nothing of them counts.
            info = self._info(game) | {"action": ACTIONS[number].name, "legal": legal, "succeeded": False}
            copied = {name: np.copy(value) if isinstance(value, np.ndarray) else value
                      for name, value in self._observation.items()}  # fmt: skip
            return copied, 0.0, False, True, info | {"simulator_failed": True}
        info = self._info(game) | {"action": step.action.name, "legal": legal, "succeeded": step.succeeded}
        if step.ended:
            info |= self._results(game)
            self._game = None
            self.rooms.ended()
        terminated = step.ended and self._terminates(step)
        return self._observation, step.reward, terminated, step.ended and not terminated, info

    def action_masks(self) -> NDArray[np.bool_]:
        """(219,) legal actions, under the name that sb3-contrib expects."""
        return MASKS[self.stage].copy()

    def render(self) -> NDArray[np.uint8] | None:
        """The agent's present picture, (224, 224, 3) RGB; None without a render mode."""
        if self.render_mode is None:
            return None
        if self._picture is None:
            raise ResetNeeded("there is no picture yet; call reset first")
        return self._picture.copy()

    def close(self) -> None:
        """Ends the simulator. A later reset starts another one."""
        self._game = None
        self.rooms.close()

    def _info(self, game: Game) -> dict[str, Any]:
        task = game.task
        return {
            "action_mask": int8_mask(MASKS[self.stage]),
            "scene": task.scene,
            "goal": task.goal,
            "seed": task.seed,
            "step": len(self._books(game).steps),
            "simulator_failed": False,
        }

    # --- What differs between the stages

    def _check(self, options: dict[str, Any]) -> dict[str, Any]:
        """Checks and converts the options that only this stage has."""
        return options

    @abstractmethod
    def _start(self, world: World, task: GameTask, random: np.random.Generator, options: Mapping[str, Any]) -> Game:
        """Sets up a game at the beginning of the stage."""

    @abstractmethod
    def _books(self, game: Game) -> Episode:
        """The stage's books."""

    @abstractmethod
    def _perform(self, game: Game, number: int) -> Step:
        """Performs a legal action."""

    def _terminates(self, step: Step) -> bool:
        """Whether an episode's last step ended it, rather than the clock."""
        return step.action.kind in (Kind.DROP, Kind.READY, Kind.CLAIM) and step.succeeded

    @abstractmethod
    def _results(self, game: Game) -> dict[str, Any]:
        """What an ended episode achieved."""


class LegalActions(gymnasium.ActionWrapper[Encoded, np.int64, np.int64]):
    """Leaves out the actions that are illegal in an environment's stage, for libraries without masks.

    An action is an index into `numbers`. The mask in `info` has their length, too.
    """

    def __init__(self, env: gymnasium.Env[Encoded, np.int64]) -> None:
        super().__init__(env)
        self.numbers = np.flatnonzero(env.get_wrapper_attr("action_masks")())
        """(n,) numbers of the legal actions among the game's 219."""
        self.action_space = spaces.Discrete(len(self.numbers))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Encoded, dict[str, Any]]:
        """Begins an episode; see `StageEnv.reset`."""
        observation, info = super().reset(seed=seed, options=options)
        return observation, info | {"action_mask": self.action_masks().astype(np.int8)}

    def step(self, action: np.int64) -> tuple[Encoded, Any, bool, bool, dict[str, Any]]:
        """Performs an action."""
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, reward, terminated, truncated, info | {"action_mask": self.action_masks().astype(np.int8)}

    def action(self, action: np.int64) -> np.int64:
        """The number among the game's actions."""
        return np.int64(self.numbers[action])

    def action_masks(self) -> NDArray[np.bool_]:
        """(n,) bool: all actions are legal."""
        return np.ones(len(self.numbers), np.bool_)


def _fail(books: Episode, action: Action) -> Step:
    """The failed step of an illegal action: it counts as a failed move, which changes nothing."""
    last, config = books.is_last, books.config
    match books.stage:
        case Stage.EXPLORE:
            reward = rewards.explore_reward(
                succeeded=False, opens=False, extrapolated_gain=0, newly_opened=False, new_location=False
            )
        case Stage.MANIPULATE:
            reward = rewards.manipulate_reward(
                succeeded=False, newly_opened=False, landing=None, target=(Modality.ON_TOP, 0, 0), last_step=last,
                opens=False, any_last_step=config.punish_every_missing_drop,
            )  # fmt: skip
        case Stage.HIDE:
            reward = rewards.hide_reward(kind=Kind.MOVE, succeeded=False, newly_opened=False, placed_before=False)
        case _:
            reward = rewards.seek_reward(
                succeeded=False, claims=False, goal_in_view=False, new_place=False, newly_opened=False,
                inner_failure=config.punish_far_claims,
            )  # fmt: skip
    return books.finish(Step(books.stage, action, False, reward, books.world.location, last))

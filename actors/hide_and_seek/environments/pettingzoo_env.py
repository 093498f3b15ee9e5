"""The whole game as a PettingZoo environment in which a hider and a seeker take turns (AEC).

game = env(scenes="validation")
game.reset(seed=1)
for agent in game.agent_iter():
    observation, reward, terminated, truncated, info = game.last()
    over = terminated or truncated
    game.step(None if over else game.action_space(agent).sample(info["action_mask"]))
game.close()
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray
from pettingzoo import AECEnv
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from actors.config import SimulatorConfig
from actors.controller import SimulatorError
from actors.hide_and_seek.actions import ACTIONS, MASKS, IllegalAction, Stage, legal_action
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.environments.observations import Encoded, blank, encode, int8_mask, observation_space
from actors.hide_and_seek.environments.rooms import TASK_OPTIONS, Rooms, check_options
from actors.hide_and_seek.game import Game, GameTask
from actors.hide_and_seek.locations import ROTATIONS, Location
from actors.hide_and_seek.players.core import Side
from actors.hide_and_seek.scenes import GOALS
from actors.hide_and_seek.world import Unplayable, World
from common.errors import UsageError

HIDER, SEEKER = Side.HIDER.value, Side.SEEKER.value


def env(**arguments: Any) -> OrderEnforcingWrapper[str, dict[str, Any], int]:
    """The environment, checked for the order of calls.

    Args:
        arguments: see `HideAndSeekEnv`.
    """
    return OrderEnforcingWrapper(HideAndSeekEnv(**arguments))


class HideAndSeekEnv(AECEnv[str, dict[str, Any], int]):
    """All five stages of a game. The hider plays the first four, then the seeker plays the last one.

    An observation has `observation`, see `observations.observation_space`, and `action_mask`, (n,) int8. Who waits
    observes nothing but stage and goal, and its mask is empty.

    Actions 0 to 218 are those of `actions.ACTIONS`. Further ones choose a location in perspective simulation: all
    (x, z, rotation) relative to the pose at the end of exploration with |x|, |z| <= `reach`, see `choice` and
    `number_of`. All are legal; a choice where the agent cannot stand is a step that fails, and the hider chooses again.
    In object hiding a PlaceAt begins a manipulation, which the hider plays, too. An action outside the mask raises
    IllegalAction and changes nothing; PettingZoo's TerminateIllegalWrapper makes it lose the game instead.

    Rewards are those of the stages without the parts that come from networks; a PlaceAt gets its own with the last step
    of its manipulation. At the end the winner gets `score` and the other one `-score`. The hider wins if the seeker
    does not find the object within its clock. The clocks are rules, so a finished game is terminated, not truncated.

    Infos have action_mask, stage, scene, goal, seed and simulator_failed; those of a finished game have
    `result`, with the fields of `game.Result`, besides. If the simulator fails, or the seeker can stand nowhere, both
    agents are truncated without a score.

    Args:
        scenes: of the games: "train", "validation", "test", the name of a room, or names of rooms.
        goals: types of the goal object.
        simulator: settings of the simulator; None: those of `conf/simulator/rooms.yaml`. It starts with
            the first reset.
        rules: of the game; None: those of `conf/actors/hide_and_seek.yaml`.
        max_restarts: how often a reset starts another simulator after a failure, and how many games in a row may be
            lost to failures.
        reach: steps of 0.25 m along each axis within which the hider chooses its location. Embedded rooms are at most
            5 m long.
        stage_rewards: whether agents get the rewards of the stages. Without them the game is zero-sum.
        score: of the winner.
        measure: whether results count from where the goal is seen, which takes some tenths of a second.
        render_mode: None or "rgb_array", for which `render` returns the picture without augmentation.

    Raises:
        UsageError: an argument is impossible.
    """

    metadata: dict[str, Any] = {
        "name": "playpen_hide_and_seek_v0", "render_modes": ["rgb_array"], "render_fps": 5, "is_parallelizable": False
    }  # fmt: skip

    def __init__(
        self,
        scenes: str | Iterable[str] = "train",
        goals: Iterable[str] = GOALS,
        simulator: SimulatorConfig | None = None,
        rules: GameConfig | None = None,
        max_restarts: int = 2,
        reach: int = 20,
        stage_rewards: bool = True,
        score: float = 1.0,
        measure: bool = False,
        render_mode: str | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(reach, int) or isinstance(reach, bool) or reach < 1:
            raise UsageError(f"reach must be a whole number of at least 1, not {reach!r}")
        if not score > 0:
            raise UsageError(f"score must be greater than 0, not {score!r}")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise UsageError(f"render_mode must be None or rgb_array, not {render_mode!r}")
        self.render_mode = render_mode
        self.rooms = Rooms(scenes, goals, simulator, rules, max_restarts)
        self.reach, self._stage_rewards, self._score, self._measure = reach, stage_rewards, score, measure
        self._choices = (2 * reach + 1) ** 2 * len(ROTATIONS)
        actions = len(ACTIONS) + self._choices
        self.possible_agents = [HIDER, SEEKER]
        self.agents: list[str] = []
        self.action_spaces = {agent: spaces.Discrete(actions) for agent in self.possible_agents}
        self.observation_spaces = {
            agent: spaces.Dict(
                {"observation": observation_space(), "action_mask": spaces.Box(0, 1, (actions,), np.int8)}
            )
            for agent in self.possible_agents
        }
        self._random = np.random.default_rng()
        self._game: Game | None = None
        self._seen: Encoded | None = None
        self._picture: NDArray[np.uint8] | None = None

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        """The space of an agent's observations."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Discrete:
        """The space of an agent's actions."""
        return self.action_spaces[agent]

    # --- Choosing a location

    def choice(self, number: int) -> Location:
        """The location of an action that chooses one, relative to the pose at the end of exploration.

        Raises:
            IllegalAction: the action chooses none.
        """
        index, side = number - len(ACTIONS), 2 * self.reach + 1
        if not 0 <= index < self._choices:
            raise IllegalAction(f"action {number} chooses no location; {len(ACTIONS)} and later ones do")
        rest, rotation = divmod(index, len(ROTATIONS))
        x, z = divmod(rest, side)
        return Location(x - self.reach, z - self.reach, ROTATIONS[rotation], True)

    def number_of(self, location: Location) -> int:
        """The inverse of `choice`; the posture does not count.

        Raises:
            IllegalAction: the location is out of reach.
        """
        x, z, side = location.x + self.reach, location.z + self.reach, 2 * self.reach + 1
        if not (0 <= x < side and 0 <= z < side):
            raise IllegalAction(f"location {tuple(location)} is more than reach = {self.reach} steps away")
        return len(ACTIONS) + (x * side + z) * len(ROTATIONS) + ROTATIONS.index(location.rotation)

    # --- PettingZoo's interface

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begins a game. The same seed, or the same scene, goal and seed in the options, give the same game.

        Args:
            seed: of the random numbers that draw games.
            options: scene, goal and seed (of the game, from 0); the rest is drawn. An option named "options",
                which PettingZoo's API test gives, is ignored.

        Raises:
            UsageError: an option is unknown or impossible.
            Unplayable: the room cannot be played.
            SimulatorError: simulators failed again and again.
        """
        given = check_options(
            {name: value for name, value in options.items() if name != "options"} if options else None, TASK_OPTIONS
        )
        if seed is not None:
            self._random = np.random.default_rng(seed)
        self._game = None

        def start(world: World, task: GameTask, _: np.random.Generator) -> Game:
            game = Game(world, task, self.rooms.rules)
            game.explore()
            return game

        self._game = self.rooms.begin(self._random, given, start)
        self._task, self._failed = self._game.task, False
        self._result: dict[str, Any] | None = None
        self._stage = Stage.EXPLORE
        self._seen, self._picture = encode(self._game.observe()), self._game.world.image
        self.agents = list(self.possible_agents)
        self.agent_selection = HIDER
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {agent: self._info(agent) for agent in self.agents}

    def step(self, action: int | None) -> None:
        """Performs an action of the selected agent; None for an agent whose game is over.

        Raises:
            ResetNeeded: no game is under way.
            IllegalAction: the action is outside the mask; nothing was done.
            SimulatorError: more than `max_restarts` games in a row were lost to failures of the simulator.
        """
        if not self.agents:
            raise ResetNeeded("no game is under way; call reset first")
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        game = self._game
        if game is None:
            raise ResetNeeded("no game is under way; call reset first")
        number = self._checked(action)
        self._cumulative_rewards[agent] = 0.0
        self.rewards = dict.fromkeys(self.agents, 0.0)
        try:
            reward = self._play(game, number)
            observed = game.observe()
        except (SimulatorError, Unplayable) as error:
            self._lose(error)
            return
        self._stage, self._seen, self._picture = observed.stage, encode(observed), game.world.image
        if self._stage_rewards:
            self.rewards[agent] = reward
        if self._stage is Stage.SEEK:
            self.agent_selection = SEEKER
        if game.seeking is not None and game.seeking.episode.ended:
            self._finish(game)
        self.infos = {one: self._info(one) for one in self.agents}
        self._accumulate_rewards()

    def observe(self, agent: str) -> dict[str, Any]:
        """What an agent observes now.

        Raises:
            ResetNeeded: there was no game yet.
        """
        if self._seen is None:
            raise ResetNeeded("there is no observation yet; call reset first")
        mask = np.array(self.infos[agent]["action_mask"]) if agent in self.infos else self._mask(agent)
        return {"observation": self._view(agent), "action_mask": mask}

    def render(self) -> NDArray[np.uint8] | None:
        """The present picture of the agent that plays, (224, 224, 3) RGB; None without a render mode."""
        if self.render_mode is None or self._picture is None:
            return None
        return self._picture.copy()

    def close(self) -> None:
        """Ends the simulator. A later reset starts another one."""
        self._game = None
        self.rooms.close()

    # --- The game

    def _checked(self, action: Any) -> int:
        if not isinstance(action, (int, np.integer)) or isinstance(action, bool):
            raise IllegalAction(f"action must be a whole number, not {action!r}")
        number = int(action)
        if not 0 <= number < len(ACTIONS) + self._choices:
            raise IllegalAction(f"action must be from 0 to {len(ACTIONS) + self._choices - 1}, not {number}")
        choosing = self._stage is Stage.PERSPECTIVE
        if choosing != (number >= len(ACTIONS)):
            legal = "choices of a location" if choosing else "the game's actions"
            raise IllegalAction(f"action {number} is not legal in stage '{self._stage.value}', which allows {legal}")
        if not choosing:
            legal_action(number, self._stage)
        return number

    def _play(self, game: Game, number: int) -> float:
        """Performs an action and begins the stages that follow; returns the reward."""
        if game.seeking is not None:
            return game.seeking.step(number).reward
        if game.hiding is not None:
            return self._hide(game, number)
        if game.perspective is not None:
            game.perspective.step(self.choice(number))
            if game.perspective.ended:
                game.hide()
            return 0.0
        assert game.exploration is not None
        step = game.exploration.step(number)
        if step.ended:
            game.choose()
        return step.reward

    def _hide(self, game: Game, number: int) -> float:
        hiding = game.hiding
        assert hiding is not None
        if hiding.manipulation is not None:
            step = hiding.manipulation.step(number)
            if not step.ended:
                return step.reward
            game.end_placing()
            reward = step.reward + hiding.episode.steps[-1].reward
        elif hiding.place(number) is not None:
            return 0.0
        else:
            reward = hiding.step(number).reward
        if hiding.episode.ended:
            if self._measure:
                game.measure()
            game.seek()
        return reward

    def _finish(self, game: Game) -> None:
        result = game.result()
        self._result = asdict(result)
        self._game = None
        self.rooms.ended()
        won = self._score if not result.found else -self._score
        self.rewards[HIDER] += won
        self.rewards[SEEKER] -= won
        self.terminations = dict.fromkeys(self.agents, True)

    def _lose(self, error: SimulatorError | Unplayable) -> None:
        """Ends a game that cannot go on, without a score."""
        self._game, self._failed = None, isinstance(error, SimulatorError)
        self.truncations = dict.fromkeys(self.agents, True)
        self.infos = {agent: self._info(agent) for agent in self.agents}
        if isinstance(error, SimulatorError):
            self.rooms.lost(error)

    def _side(self) -> str:
        return SEEKER if self._stage is Stage.SEEK else HIDER

    def _view(self, agent: str) -> Encoded:
        if agent != self._side():
            return blank(self._stage, self._task.goal)
        assert self._seen is not None
        return {name: np.copy(value) if isinstance(value, np.ndarray) else value for name, value in self._seen.items()}

    def _mask(self, agent: str) -> NDArray[np.int8]:
        mask = np.zeros(len(ACTIONS) + self._choices, np.int8)
        if agent == self._side() and self._game is not None:
            mask[: len(ACTIONS)] = int8_mask(MASKS[self._stage])
            mask[len(ACTIONS) :] = self._stage is Stage.PERSPECTIVE
        return mask

    def _info(self, agent: str) -> dict[str, Any]:
        task = self._task
        info = {
            "action_mask": self._mask(agent),
            "stage": self._stage.value,
            "scene": task.scene,
            "goal": task.goal,
            "seed": task.seed,
            "simulator_failed": self._failed,
        }
        return info if self._result is None else info | {"result": dict(self._result)}

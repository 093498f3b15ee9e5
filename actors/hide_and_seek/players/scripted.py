"""What all scripted players share: their random numbers, their hints, and which side they play."""

from __future__ import annotations

import numpy as np

from actors.hide_and_seek.actions import Stage
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import GameObservation
from actors.hide_and_seek.locations import ROTATIONS, Location
from actors.hide_and_seek.players.core import Hints, Side
from common.errors import UsageError

RANGE = 8
"""Steps of 0.25 m along each axis within which `random_choice` draws, 2 m (ours)."""


class ScriptedPlayer:
    """Base of the scripted players. A subclass chooses actions in `choose_action`."""

    name: str
    sides: frozenset[Side]

    def begin(self, seed: int, hints: Hints) -> None:
        """Prepares for a new game; see `GamePlayer.begin`."""
        self.random = np.random.default_rng(seed)
        self.hints = hints

    def act(self, observation: GameObservation) -> int:
        """The number of a legal action.

        Raises:
            UsageError: the player does not play this side.
        """
        side = Side.SEEKER if observation.stage is Stage.SEEK else Side.HIDER
        if side not in self.sides:
            raise UsageError(f"player '{self.name}' is no {side.value}; it plays only: {', '.join(sorted(self.sides))}")
        return self.choose_action(observation)

    def choose_action(self, observation: GameObservation) -> int:
        """The number of a legal action, uniform over all of them."""
        return int(self.random.choice(np.flatnonzero(observation.mask)))

    def learn(self, step: Step) -> None:
        """Takes note of what an action did."""

    def choose(self, observation: GameObservation) -> Location:
        """A location for hiding, relative to the agent's pose.

        Raises:
            UsageError: the player is no hider.
        """
        if Side.HIDER not in self.sides:
            raise UsageError(f"player '{self.name}' is no hider, so it chooses no location for hiding")
        return self.choose_location(observation)

    def choose_location(self, observation: GameObservation) -> Location:
        """A location within 2 m along each axis, uniform over all of them."""
        x, z = self.random.integers(-RANGE, RANGE + 1, size=2).tolist()
        return Location(x, z, int(self.random.choice(ROTATIONS)), True)

    def probability(self, observation: GameObservation) -> float:
        """Scripted players estimate no probability."""
        return 1.0

"""What a player of hide and seek is: scripted, human or learned, hider or seeker."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import GameObservation
from actors.hide_and_seek.locations import Location
from actors.hide_and_seek.world import Look


class Side(StrEnum):
    """The two sides of a game."""

    HIDER = "hider"
    """Plays exploration, perspective simulation, object hiding and object manipulation."""
    SEEKER = "seeker"
    """Plays seeking."""


class Hints(Protocol):
    """What a scripted player may ask beyond its observation; learned players and humans do not use it.

    A scripted player has no vision network. Hints tell it no more than what is to be seen in the present view.
    """

    def look(self) -> Look:
        """What the centres of the 7x7 cells show."""
        ...

    def goal_pixels(self) -> NDArray[np.bool_]:
        """(224, 224) bool: pixels of the present view that show the goal. These are a scripted seeker's eyes."""
        ...


class GamePlayer(Protocol):
    """Plays the hider's stages, the seeker's, or both. One player plays one game at a time."""

    name: str

    def begin(self, seed: int, hints: Hints) -> None:
        """Prepares for a new game.

        Args:
            seed: of all random draws.
            hints: see there.
        """
        ...

    def act(self, observation: GameObservation) -> int:
        """The number of an action that `observation.mask` allows."""
        ...

    def learn(self, step: Step) -> None:
        """Takes note of what the action did, or a PlaceAt once its manipulation has ended."""
        ...

    def choose(self, observation: GameObservation) -> Location:
        """A location for hiding, relative to the agent's pose at the end of exploration.

        It is asked for again until the agent can stand at one.
        """
        ...

    def probability(self, observation: GameObservation) -> float:
        """Its estimate of the probability that a manipulation that begins now succeeds; 1 if it has none."""
        ...

"""One side of a game as the network plays it: what it sees, its recurrent states and its map, its draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek.augmentation import Augmentation
from actors.hide_and_seek.episode import Episode
from actors.hide_and_seek.learning.observed import (
    Observed,
    last_action_index,
    location_key,
    shrink,
    target_index,
)
from actors.hide_and_seek.learning.policy import Decision, Policy
from actors.hide_and_seek.pixels import Landing
from actors.hide_and_seek.scenes import GOALS
from actors.hide_and_seek.world import World
from models.hide_and_seek.agent import AgentState
from replay.hide_and_seek.unroll import STAGES, UNKNOWN

MANIPULATE = STAGES.index("manipulate")


class Mind:
    """Plays one side of one game; its map begins empty.

    Args:
        policy: the network.
        world: the room.
        augmentation: the game's.
        goal: type of the goal object.
        image_size: of the network's images, pixels.
        random: the side's generator.
    """

    def __init__(
        self,
        policy: Policy,
        world: World,
        augmentation: Augmentation,
        goal: str,
        image_size: int,
        random: np.random.Generator,
    ) -> None:
        self.policy, self.world, self.random = policy, world, random
        self.state: AgentState = policy.fresh()
        """Before the next step."""
        self._augmentation, self._goal, self._size = augmentation, GOALS.index(goal), image_size
        self._new_map = True

    def see(self, episode: Episode, target: int = UNKNOWN, landed: int = UNKNOWN) -> Observed:
        """What it sees before the next step of an episode.

        Args:
            episode: the books of the stage.
            target: of a manipulation, see `target_index`.
            landed: where the PlaceAt that was the last action of object hiding put the object.
        """
        steps = episode.steps
        last = steps[-1] if steps else None
        location = episode.start if last is None else last.location
        return Observed(
            image=shrink(self._augmentation.apply(self.world.image), self._size),
            last_action=last_action_index(last),
            standing=location.standing,
            goal=self._goal,
            location=location_key(location),
            target=target,
            landed=landed,
            first=last is None,
            new_map=self._new_map,
        )

    def act(self, seen: Observed, stage: int) -> Decision:
        """Draws an action and goes on to the state after it."""
        decision, self.state = self.policy.act(seen, self.state, stage, self.random)
        self._new_map = False
        return decision

    def feasible(self, seen: Observed) -> NDArray[np.float32]:
        """(147,) probability with which each manipulation would succeed that began with this view.

        It is what the manipulator says at its first step, asked without a target.
        """
        first = seen._replace(first=True, last_action=0, target=UNKNOWN, landed=UNKNOWN)
        return self.policy.look(first, self.state, MANIPULATE)[0].hittable

    def set_aside(self) -> AgentState:
        """The state in the middle of object hiding, which a manipulation does not touch; see `take_up`."""
        return self.state

    def take_up(self, aside: AgentState) -> None:
        """Goes on with object hiding after a manipulation, with the map as it is now."""
        self.state = aside._replace(map=self.state.map)


def landed_at(landing: Landing | None) -> int:
    """Where an object landed, as unrolls keep it; UNKNOWN if it was not dropped or is lost."""
    return target_index(None if landing is None else landing.best)

"""Plausible targets of object manipulation (Weihs et al., appendix C.6), so that it can be trained by itself.

The paper generated a collection of plausible locations. Ours are made on the fly: an object is put where it can rest
near a location that faces it, and the target is what the agent sees of it there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from actors.hide_and_seek.actions import Target
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.learning.config import LearningConfig
from actors.hide_and_seek.learning.geometry import facing, to_point, with_posture
from actors.hide_and_seek.stages.manipulate import look_at_goal
from actors.hide_and_seek.world import Facts, Resting, World


@dataclass
class TargetMaker:
    """Makes the targets of one room with one goal object.

    Args:
        world: the room as it was set up, without the goal.
        facts: of this room.
        goal: type of the goal object.
        rules: of the game.
        config: of the targets.
        random: draws everything.
    """

    world: World
    facts: Facts
    goal: str
    rules: GameConfig
    config: LearningConfig
    random: np.random.Generator
    _places: list[Resting] = field(default_factory=list)
    """Drawn and not tried yet; drawing several at once is faster."""

    def begin(self) -> Target | None:
        """Puts the agent at a location with the goal in its hand, and gives it a target.

        Returns:
            None if none of the places that were drawn would do; then the agent may be anywhere.
        """
        if self.world.goal:
            self.world.take_out()
        if not self._places:
            seed = int(self.random.integers(2**31))
            self._places = self.world.resting_places(self.goal, seed, self.config.resting_candidates)
        while self._places:
            resting = self._places.pop()
            point = to_point(self.world.frame, resting.pose.position)
            at = facing(
                self.facts.places, point, self.config.target_near_m, self.config.target_far_m,
                self.config.facing_degrees,
            )  # fmt: skip
            if not at:
                continue
            location = with_posture(at[int(self.random.integers(len(at)))], bool(self.random.integers(2)))
            # Doors that earlier episodes opened may stand in the way.
            if not self.world.stand_at(location) or not self.world.put_new(self.goal, resting.pose):
                continue
            target = look_at_goal(self.world, self.rules).best
            self.world.take_out()
            if target is not None:
                self.world.take_new(self.goal)
                return target
        return None

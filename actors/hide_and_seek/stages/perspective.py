"""PS, perspective simulation: the hider chooses the location from which it hides the object (appendix B.2)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from actors.hide_and_seek.actions import Stage
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.episode import EpisodeEnded
from actors.hide_and_seek.locations import Location, Place
from actors.hide_and_seek.world import World


@dataclass(frozen=True)
class Choice:
    """One location that the hider tried."""

    location: Location
    """Relative to the agent's first pose, standing."""
    succeeded: bool
    """Whether the agent can stand there."""


class Perspective:
    """The stage's state machine: the hider names locations until the agent can stand at one of them.

    Args:
        world: the room, with the agent where exploration ended.
        config: the rules; after `config.choices` infeasible choices the hider stays where it is.
        feasible: places to which the agent could walk when the game began.
    """

    stage = Stage.PERSPECTIVE

    def __init__(self, world: World, config: GameConfig, feasible: Collection[Place]) -> None:
        self._world, self._config, self._feasible = world, config, feasible
        self.origin = world.location
        """Where exploration ended; choices are relative to it."""
        self.choices: list[Choice] = []
        self.chosen: Location | None = None
        """From where the hider hides the object, relative to its first pose; None until the stage has ended."""

    @property
    def ended(self) -> bool:
        """Whether a choice has succeeded, or too many have failed."""
        return self.chosen is not None

    def step(self, location: Location) -> Choice:
        """Moves the agent to a location, where it stands.

        Args:
            location: relative to `origin`, the final pose of exploration; its posture does not count.

        Raises:
            EpisodeEnded: the stage has ended.
        """
        if self.ended:
            raise EpisodeEnded("a location has been chosen already")
        wanted = location.from_frame_of(self.origin)._replace(standing=True)
        succeeded = wanted.place in self._feasible and self._world.stand_at(wanted)
        choice = Choice(wanted, succeeded)
        self.choices.append(choice)
        if succeeded:
            self.chosen = wanted
        elif len(self.choices) >= self._config.choices:
            # It stands up if it can. A drawer that it opened may leave it no room to be put where it is already.
            self._world.stand_at(self.origin._replace(standing=True))
            self.chosen = self._world.location
        return choice

"""One environment whose actions are called like functions, for tests of what an agent does with objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from simulator.wire.actions import perform
from simulator.wire.environment import ActionFailed, Environment, Limits
from simulator.world.hand import middle
from simulator.world.rendering import Quality
from simulator.world.sources import RoomSource

CUP, MUG, BOWL, POT, TELEVISION, BOX, TABLE = 0, 1, 2, 3, 5, 6, -1
"""Numbers of objects in the box room."""


class Player:
    """Performs actions in one environment and looks at the result."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    def __call__(self, action: str, **arguments: Any) -> Any:
        return perform(self.environment, {"action": action, **arguments})[0]

    def start(self, scene: str = "FloorPlan1", x: float = 0.0, z: float = 0.75, **pose: Any) -> Player:
        self("Reset", sceneName=scene)
        self("Initialize", snapToGrid=False)
        self("Teleport", x=x, z=z, **({"horizon": 30.0} | pose))
        return self

    @property
    def room(self):
        return self.environment.room

    def held_at(self) -> np.ndarray:
        assert self.room.held is not None
        return middle(self.room, self.room.held)

    def at(self, number: int) -> np.ndarray:
        return middle(self.room, number)

    def name(self, number: int) -> str:
        return self.environment.ids[number]

    def state(self) -> tuple[Any, ...]:
        room, data = self.room, self.room.data
        return (
            self.environment.agent, tuple(self.environment.ids), room.carried, room.held, tuple(room.present),
            data.qpos.tobytes(), data.qvel.tobytes(), data.mocap_pos.tobytes(), room.parts.openness.tobytes(),
            room.model.body_mass.tobytes(), room.model.body_gravcomp.tobytes(), room.model.geom_contype.tobytes(),
            room.model.geom_conaffinity.tobytes(), room.model.body_invweight0.tobytes(),
        )  # fmt: skip

    def refused(self, action: str, match: str, **arguments: Any) -> None:
        before = self.state()
        with pytest.raises(ActionFailed, match=match):
            self(action, **arguments)
        assert self.state() == before

    def rotation(self, number: int) -> np.ndarray:
        return self.room.data.xmat[self.room.object_bodies[number]].reshape(3, 3).copy()


def player_in(source: RoomSource) -> Iterator[Player]:
    """A player in rooms of a source, for a fixture: it closes its environment at the end."""
    made = Environment(source, Limits(0.008, 4.0, 4), Quality(False, 0), 48, 48)
    yield Player(made)
    made.close()

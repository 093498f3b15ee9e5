"""What a client hides and paints: it changes images alone, never what objects collide with or what a hand meets."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulator.world.frame import Frame
from simulator.world.navigation import STEP_HEIGHT
from simulator.world.rendering import UNPAINTED
from simulator.world.room import Room

MASK, CLOSED, OPEN = 0, 1, 2
"""Colours in `PAINTS`: of masked objects and the walkable floor, and of the moving parts of closed and open objects."""


@dataclass(frozen=True)
class Looks:
    """Objects that are hidden and painted, and what else is painted. Objects are numbers in the scene."""

    hidden: frozenset[int] = frozenset()
    structure_hidden: bool = False
    """Whether everything that is no object is hidden: walls, floor, ceiling, glued things."""
    masked: frozenset[int] = frozenset()
    moving_parts: bool = False
    """Whether doors, drawers and lids are painted."""
    walkable: bool = False
    """Whether the floor on which the agent can walk is painted."""

    def hiding_all_except(self, room: Room, shown: frozenset[int]) -> Looks:
        """The same with only the `shown` objects drawn."""
        return replace(self, hidden=frozenset(range(len(room.scene.objects))) - shown, structure_hidden=True)

    def hidden_geoms(self, room: Room) -> NDArray[np.bool_]:
        """(ngeom,) what is not drawn."""
        if not (self.hidden or self.structure_hidden):
            return room.hidden_geoms()
        # Instances after the objects are structure.
        hidden = np.full(len(room.scene.objects) + len(room.structure_names), self.structure_hidden)
        hidden[: len(room.scene.objects)] = False
        hidden[list(self.hidden)] = True
        # Where a door is missing, what is behind it must be there.
        missing: NDArray[np.bool_] = hidden[room.geom_instances] | room.hidden_geoms(insides=True)
        return missing

    def paints(self, room: Room) -> NDArray[np.int8] | None:
        """(ngeom,) the paint of each geom, see `RoomGraphics.draw`; None if nothing is painted."""
        if not (self.masked or self.moving_parts):
            return None
        paints = np.full(room.model.ngeom, UNPAINTED, np.int8)
        if self.moving_parts:
            for part in room.parts.parts:
                paints[part.geoms] = OPEN if room.parts.openness[part.object] > 0.0 else CLOSED
        paints[np.isin(room.geom_instances, list(self.masked))] = MASK
        return paints


class WalkableFloor:
    """The part of the floor on which the agent can walk: the squares of the grid around reachable places.

    Args:
        places: (n, 2) reachable places in the client's frame, metres.
        spacing: of the grid, metres.
        frame: the client's.
    """

    def __init__(self, places: NDArray[np.float64], spacing: float, frame: Frame) -> None:
        self._spacing, self._frame = spacing, frame
        self._low = places.min(axis=0) if len(places) else np.zeros(2)
        cells = np.rint((places - self._low) / spacing).astype(np.intp)
        # A margin of one square, so that every point outside is clipped to a square that is not reachable.
        self._cells = np.zeros(cells.max(axis=0) + 3 if len(places) else (1, 1), dtype=bool)
        self._cells[tuple(cells.T + 1)] = True

    def contains(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(...) whether each point (..., 3) of the world lies on it. What is as low as a rug belongs to the floor."""
        local = (self._frame.to_client(points)[..., :2] - self._low) / self._spacing
        columns, rows = np.moveaxis(np.rint(local).astype(np.intp) + 1, -1, 0)
        columns = np.clip(columns, 0, self._cells.shape[0] - 1)
        rows = np.clip(rows, 0, self._cells.shape[1] - 1)
        inside: NDArray[np.bool_] = (points[..., 2] <= STEP_HEIGHT) & self._cells[columns, rows]
        return inside

"""What lies in or on what, from the poses of a room's objects alone.

An object is contained in another if the centre of its bounding box lies over the floor of one of the other's containers
and its lowest point lies between that floor and clearly below the rim. It stands on another if its centre lies over one
of the other's surfaces and its lowest point is at the surface's height. Whatever contains or carries its receptacle
contains or carries it too: an apple in a bowl in a drawer is in both. Everything is computed for all pairs at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.rooms.scene import Scene

BELOW_FLOOR = 0.01
"""How far an object's lowest point may lie below a container's floor, metres: it may have sunk in a little, or stand in
the round where the container's box is flat."""
BELOW_RIM = 0.01
"""How far its lowest point must lie below the rim, metres."""
DEEPEST = 0.8
"""The same as a share of the container's depth: what lies on the rim of a flat one is not in it."""
ON = 0.02
"""Largest distance of an object's lowest point from the surface that it stands on, and how far its centre may lie
beyond the surface's edge, metres."""
UPRIGHT = 0.7
"""A container whose vertical has a smaller cosine than this lies on its side: what is in its box is in it."""
_SURFACES = ("top", "shelf", "soft", "basin")
"""Places whose surfaces belong to their object. Insides are containers, and what is under a table is not on it."""


@dataclass(frozen=True)
class Survey:
    """What each object of a room is in or on."""

    parents: list[tuple[int, ...]]
    """Numbers of the objects that each is in or on, also indirectly, in their order; empty for fixed objects."""
    containers: list[tuple[int, ...]]
    """Those among them in whose containers it lies."""
    enclosed: NDArray[np.bool_]
    """(n,) whether each object lies in something that is closed."""


class Containment:
    """The containers and surfaces of one room. The poses in `data` must be up to date.

    Args:
        scene: the room.
        data: its state.
        geom_instances: (ngeom,) number of the object that each geom belongs to, or a larger number.
    """

    def __init__(self, scene: Scene, data: mujoco.MjData, geom_instances: NDArray[np.int64]) -> None:
        model = scene.model
        self._model, self._data, self._count = model, data, len(scene.objects)
        bodies = [model.body(obj.name).id for obj in scene.objects]
        numbers = {obj.name: number for number, obj in enumerate(scene.objects)}
        self._dynamic = np.array([number for number, obj in enumerate(scene.objects) if obj.dynamic], dtype=np.intp)
        self._bodies = np.array([bodies[number] for number in self._dynamic], dtype=np.intp)
        self._centers = np.array([scene.objects[number].center_offset for number in self._dynamic]).reshape(-1, 3)
        self._row = np.full(self._count, -1, dtype=np.intp)
        self._row[self._dynamic] = np.arange(len(self._dynamic))

        solid = (model.geom_contype != 0) | (model.geom_conaffinity != 0)
        mine = np.flatnonzero(solid & np.isin(geom_instances, self._dynamic))
        self._geoms = mine[np.argsort(geom_instances[mine], kind="stable")]
        owners, self._starts = np.unique(geom_instances[self._geoms], return_index=True)
        self._solid_rows = self._row[owners]

        spaces = [(number, space) for number, obj in enumerate(scene.objects) for space in obj.containers]
        self._space_owners = np.array([number for number, _ in spaces], dtype=np.intp)
        self._space_closed = np.array([space.closed for _, space in spaces], dtype=bool)
        self._space_bodies = np.array([model.body(space.body).id for _, space in spaces], dtype=np.intp)
        self._space_centers = np.array([space.center for _, space in spaces]).reshape(-1, 3)
        self._space_halves = np.array([space.half for _, space in spaces]).reshape(-1, 3)

        # What lies on the lid or on the rim of a container is not in it.
        tops = [
            one
            for one in scene.surfaces
            if one.place in _SURFACES and one.support in numbers and not scene.objects[numbers[one.support]].containers
        ]
        self._top_owners = np.array([numbers[one.support] for one in tops], dtype=np.intp)
        # Surfaces of fixed furniture are given in the world's frame, which is that of body 0.
        self._top_bodies = np.array(
            [bodies[number] if scene.objects[number].dynamic else 0 for number in self._top_owners], dtype=np.intp
        )
        self._top_centers = np.array([one.center for one in tops]).reshape(-1, 3)
        self._top_halves = np.array([one.half_size for one in tops]).reshape(-1, 2)
        self._top_turns = np.array([[np.cos(one.yaw), np.sin(one.yaw)] for one in tops]).reshape(-1, 2)

    def parents(self, present: NDArray[np.bool_], held: int | None = None) -> list[tuple[int, ...]]:
        """For each object the numbers of the objects that it is in or on, in their order; empty for fixed objects.

        Args:
            present: (n,) whether each object is in the room.
            held: the object in the agent's hand, which is in nothing.
        """
        return self.survey(present, held, np.ones(self._count)).parents

    def survey(self, present: NDArray[np.bool_], held: int | None, openness: NDArray[np.float64]) -> Survey:
        """What each object is in or on, see `Survey`.

        Args:
            present: (n,) whether each object is in the room.
            held: the object in the agent's hand, which is in nothing.
            openness: (n,) of each object, from 0 to 1.
        """
        # Most objects wait outside the room, and most containers with them.
        chosen = present[self._dynamic]
        if held is not None:
            chosen[self._row[held]] = False
        rows, numbers = np.flatnonzero(chosen), self._dynamic[chosen]
        centers, lowest = self._middles()
        heights = np.full(self._count, -np.inf)
        heights[self._dynamic] = lowest
        spaces, tops = np.flatnonzero(present[self._space_owners]), np.flatnonzero(present[self._top_owners])
        inside = self._inside(centers[rows], lowest[rows], spaces)
        shut = self._space_closed[spaces] & (openness[self._space_owners[spaces]] == 0.0)
        enclosed = np.zeros(self._count, dtype=bool)
        enclosed[numbers] = inside[shut].any(axis=0)
        related: set[tuple[int, int]] = set()
        for owners, found in (
            (self._space_owners[spaces], inside),
            (self._top_owners[tops], self._on(centers[rows], lowest[rows], tops)),
        ):
            which, column = np.nonzero(found)
            related.update(zip(numbers[column].tolist(), owners[which].tolist(), strict=True))
        holders_of: dict[int, set[int]] = {}
        for number, holder in related:
            # A cup's box and that of the bowl that it stands in may each hold the other's middle.
            if number != holder and heights[number] > heights[holder] - 1e-3:
                holders_of.setdefault(number, set()).add(holder)
        grown = True
        while grown:
            grown = False
            for number, holders in holders_of.items():
                indirect = set().union(*(holders_of.get(holder, ()) for holder in holders)) - {number}
                grown |= not indirect <= holders
                holders |= indirect
        all_holders = [tuple(sorted(holders_of.get(number, ()))) for number in range(self._count)]
        contained: list[list[int]] = [[] for _ in range(self._count)]
        for which, column in zip(*np.nonzero(inside), strict=True):
            number, holder = int(numbers[column]), int(self._space_owners[spaces[which]])
            if holder in holders_of.get(number, ()):
                contained[number].append(holder)
        return Survey(all_holders, [tuple(sorted(set(one))) for one in contained], enclosed)

    def carried(
        self, owner: int, bodies: Sequence[int], present: NDArray[np.bool_], held: Sequence[int] = ()
    ) -> list[int]:
        """Numbers of the objects in the containers of `owner` that belong to these bodies, and of what is in those.

        Args:
            owner: the object whose containers they are.
            bodies: MuJoCo bodies, of drawers.
            present: (n,) whether each object is in the room.
            held: the object in the agent's hand and what is in it.
        """
        spaces = np.flatnonzero((self._space_owners == owner) & np.isin(self._space_bodies, bodies))
        if not len(spaces):
            return []
        centers, lowest = self._middles()
        free = present[self._dynamic]
        free[self._row[list(held)]] = False
        found = np.zeros(len(self._dynamic), dtype=bool)
        while len(spaces):
            new = self._inside(centers, lowest, spaces).any(axis=0) & free & ~found
            found |= new
            spaces = np.flatnonzero(np.isin(self._space_owners, self._dynamic[new]))
        numbers: list[int] = self._dynamic[found].tolist()
        return numbers

    def _middles(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(d, 3) centres of the dynamic objects' boxes and (d,) their lowest points, metres."""
        data, model = self._data, self._model
        turns = data.xmat[self._bodies].reshape(-1, 3, 3)
        centers = data.xpos[self._bodies] + (turns @ self._centers[..., None])[..., 0]
        rows = data.geom_xmat[self._geoms].reshape(-1, 3, 3)[:, 2]
        boxes = model.geom_aabb[self._geoms]
        low = (
            data.geom_xpos[self._geoms, 2]
            + (rows * boxes[:, :3]).sum(axis=1)
            - (np.abs(rows) * boxes[:, 3:]).sum(axis=1)
        )
        lowest = centers[:, 2].copy()
        if len(self._starts):
            lowest[self._solid_rows] = np.minimum.reduceat(low, self._starts)
        return centers, lowest

    def _inside(
        self, centers: NDArray[np.float64], lowest: NDArray[np.float64], spaces: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """(k, d) whether each dynamic object is in each of the chosen containers."""
        bodies, halves = self._space_bodies[spaces], self._space_halves[spaces]
        turns = self._data.xmat[bodies].reshape(-1, 3, 3)
        origins = self._data.xpos[bodies] + (turns @ self._space_centers[spaces][..., None])[..., 0]
        middles = (centers[None] - origins[:, None]) @ turns
        inside: NDArray[np.bool_] = np.all(np.abs(middles) <= halves[:, None], axis=-1)
        upright = turns[:, 2, 2] > UPRIGHT
        over = np.all(np.abs(middles[..., :2]) <= halves[:, None, :2], axis=-1)
        height = lowest[None] - origins[:, None, 2] + halves[:, None, 2]
        depth = 2 * halves[:, None, 2]
        below = height < np.minimum(DEEPEST * depth, depth - BELOW_RIM)
        return np.where(upright[:, None], over & below & (height > -BELOW_FLOOR), inside)

    def _on(
        self, centers: NDArray[np.float64], lowest: NDArray[np.float64], tops: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """(t, d) whether each dynamic object stands on each of the chosen surfaces."""
        bodies, halves = self._top_bodies[tops], self._top_halves[tops]
        turns = self._data.xmat[bodies].reshape(-1, 3, 3)
        origins = self._data.xpos[bodies] + (turns @ self._top_centers[tops][..., None])[..., 0]
        away = (centers[None] - origins[:, None]) @ turns
        cos, sin = self._top_turns[tops, 0, None], self._top_turns[tops, 1, None]
        along = np.abs(cos * away[..., 0] + sin * away[..., 1])
        across = np.abs(cos * away[..., 1] - sin * away[..., 0])
        over = (along <= halves[:, 0, None] + ON) & (across <= halves[:, 1, None] + ON)
        level = np.abs(lowest[None] - origins[:, None, 2]) <= ON
        return over & level & (turns[:, 2, 2] > UPRIGHT)[:, None]

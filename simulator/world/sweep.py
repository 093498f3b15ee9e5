"""The way of an object's doors, drawers and lids, and what is on it.

The poses on the way are tested: bounding boxes, and where these overlap the geoms. What a part overlaps at the start
does not count, so that it can leave what it was forced into.
"""

from __future__ import annotations

import itertools
import math

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.world.collisions import CAPSULE_RADIUS, TOLERANCE, Body, meets_agent
from simulator.world.parts import Part
from simulator.world.room import Room

TURN, SLIDE = math.radians(5), 0.03
"""Largest distance between poses that are tested, radians and metres."""
NEARBY = 0.02
"""Objects that come this close to a tested pose may be met on the way, metres; it is more than half a step of a door's
edge less its thickness."""
_CORNERS = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))


class Blocked(Exception):
    """A part met something and is back at its start.

    Args:
        geom: number of the geom that it met; None for the agent.
    """

    def __init__(self, geom: int | None) -> None:
        super().__init__(geom)
        self.geom = geom


class Sweep:
    """The poses of an object's parts, and of what they carry, between two values of openness.

    Args:
        room: the room, whose poses must be up to date.
        number: of an object that opens.
        start: its openness now.
        end: its openness in the end.
    """

    def __init__(self, room: Room, number: int, start: float, end: float) -> None:
        self.room, self.number, self.start = room, number, start
        self.parts = room.parts.of_object[number]
        model, data = room.model, room.data
        steps = max(
            abs(end - start) * part.moving.travel / (SLIDE if part.moving.slides else TURN) for part in self.parts
        )
        self.samples = np.linspace(start, end, math.ceil(steps - 1e-9) + 1)
        """(s,) values of openness that are tested; the first is the start."""
        held = room.carried
        self.contents: list[tuple[int, NDArray[np.float64], NDArray[np.float64]]] = []
        """(first position in qpos, (3,) position at the start, (3,) shift for each unit of openness) of what is
        carried."""
        self.path = 0.0
        """Length of the way of the parts' edges for each unit of openness, metres."""
        self._carried_bodies: list[int] = []
        moving: list[NDArray[np.intp]] = []
        positions: list[NDArray[np.float64]] = []
        turns: list[NDArray[np.float64]] = []
        masks: list[NDArray[np.bool_]] = []
        instances = room.geom_instances
        objects = len(room.scene.objects)
        dynamic = np.array([obj.dynamic for obj in room.scene.objects] + [False])
        dynamic[list(held)] = False
        self.yielding = room.solid & dynamic[np.minimum(instances, objects)] & (instances != number)
        """(ngeom,) what can be pushed."""
        fixed = room.solid & ~dynamic[np.minimum(instances, objects)] & (instances != number)
        roots = model.body_rootid[model.geom_bodyid]
        for part in self.parts:
            geoms = part.geoms[room.solid[part.geoms]]
            place, turn = _in_world(room, part, self.samples)
            frame = data.xmat[part.body].reshape(3, 3)
            offsets = (data.geom_xpos[geoms] - data.xpos[part.body]) @ frame
            moving.append(geoms)
            positions.append(place[:, None] + offsets @ turn.transpose(0, 2, 1))
            turns.append(turn[:, None] @ (frame.T @ data.geom_xmat[geoms].reshape(-1, 3, 3)))
            masks.append(fixed & (roots != part.carrier))
            if part.moving.slides:
                self._carry(part, held)
            self.path = max(self.path, _path(room, part, geoms))
        for body, (_, _, shift) in zip(self._carried_bodies, self.contents, strict=True):
            geoms = np.flatnonzero((roots == body) & room.solid)
            self.yielding[geoms] = False
            moving.append(geoms)
            positions.append(data.geom_xpos[geoms] + (self.samples - start)[:, None, None] * shift)
            still = data.geom_xmat[geoms].reshape(-1, 3, 3)
            turns.append(np.broadcast_to(still, (len(self.samples), len(geoms), 3, 3)))
            masks.append(fixed)
        dofs = model.body_dofadr[np.array(self._carried_bodies, dtype=np.intp)]
        self._carried_dofs = (dofs[:, None] + np.arange(6)).ravel()
        self.geoms = np.concatenate(moving)
        """(g,) all geoms that move."""
        self.positions, self.turns = np.concatenate(positions, axis=1), np.concatenate(turns, axis=1)
        """(s, g, 3) and (s, g, 3, 3) their poses."""
        self._before = data.geom_xpos[self.geoms], data.geom_xmat[self.geoms]
        self._fixed = np.stack(masks)
        """(m, ngeom) what must not be in the way of each of the m moving bodies."""
        self._bodies = np.repeat(np.arange(len(masks)), [len(geoms) for geoms in moving])
        """(g,) which of these each geom belongs to."""
        boxes = model.geom_aabb[self.geoms]
        centers = self.positions + (self.turns @ boxes[:, :3, None])[..., 0]
        halves = (np.abs(self.turns) @ boxes[:, 3:, None])[..., 0]
        self.low, self.high = centers - halves, centers + halves
        """(s, g, 3) corners of their bounding boxes."""
        self.close_dofs = np.empty(0, dtype=np.intp)
        """A degree of freedom of each object that is close to the way, see `first_near`."""

    def _carry(self, part: Part, held: tuple[int, ...]) -> None:
        room, model = self.room, self.room.model
        shift = part.axis * part.moving.travel
        for number in room.containment.carried(self.number, [part.body], room.present, held):
            body = int(room.object_bodies[number])
            at = int(model.jnt_qposadr[model.body_jntadr[body]])
            self._carried_bodies.append(body)
            self.contents.append((at, room.data.qpos[at : at + 3].copy(), shift))

    def go(self, openness: float) -> None:
        """Puts the parts and what they carry where they are at an openness."""
        self.room.parts.set(self.number, openness)
        for at, position, shift in self.contents:
            self.room.data.qpos[at : at + 3] = position + (openness - self.start) * shift
        self.room.data.qvel[self._carried_dofs] = 0.0

    def stop(self) -> None:
        """Takes the velocity with which a lid's object was woken."""
        for part in self.parts:
            if not part.fixed:
                self.room.data.qvel[self.room.model.dof_treeid == self.room.model.body_treeid[part.body]] = 0.0

    def undo_tests(self) -> None:
        """Puts the moving geoms back after tests of their poses."""
        self.room.data.geom_xpos[self.geoms], self.room.data.geom_xmat[self.geoms] = self._before

    def check(self, agent: Body) -> None:
        """Tests the way against what does not give way.

        Raises:
            Blocked: by the first thing on the way.
        """
        if not len(self.geoms):
            return
        met = self._agent_meets(agent)
        pairs = self._near(self._fixed, 0.0)
        planes = self._planes()
        ignored: set[tuple[int, int]] = set()
        for sample in range(len(self.samples)):
            found = planes[sample] + self._overlapping(sample, pairs, ignored, TOLERANCE)
            if sample == 0:
                ignored = set(found)
                continue
            fresh = [pair for pair in found if pair not in ignored]
            if fresh:
                raise Blocked(fresh[0][1])
            if met == sample:
                raise Blocked(None)

    def first_near(self) -> int | None:
        """The first sample, from 1 on, at which something that can be pushed is near; None if nothing ever is."""
        if not len(self.geoms):
            return None
        candidates, meets = pairs = self._near(np.broadcast_to(self.yielding, self._fixed.shape), NEARBY)
        model = self.room.model
        close = np.unique(model.body_rootid[model.geom_bodyid[candidates[meets.any(axis=(0, 1))]]])
        self.close_dofs = model.body_dofadr[close]
        for sample in range(len(self.samples)):
            if self._overlapping(sample, pairs, set(), -NEARBY):
                return max(sample, 1)
        return None

    def _near(self, others: NDArray[np.bool_], margin: float) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Geoms (c,) whose bounding boxes are near the way, and (s, g, c) where, at most `margin` metres.

        `others` (m, ngeom) are the geoms that count for each moving body.
        """
        model, data = self.room.model, self.room.data
        reach = np.linalg.norm(self.high.max(axis=(0, 1)) - self.low.min(axis=(0, 1))) / 2 + margin
        middle = (self.high.max(axis=(0, 1)) + self.low.min(axis=(0, 1))) / 2
        away = data.geom_xpos - middle
        # Planes have no bounding box, see `_planes`.
        close = (away * away).sum(axis=1) < (reach + model.geom_rbound) ** 2
        close &= others.any(axis=0) & np.isfinite(self.room.geom_radii)
        candidates = np.flatnonzero(close)
        turns = data.geom_xmat[candidates].reshape(-1, 3, 3)
        boxes = model.geom_aabb[candidates]
        centers = data.geom_xpos[candidates] + (turns @ boxes[:, :3, None])[..., 0]
        halves = (np.abs(turns) @ boxes[:, 3:, None])[..., 0] + margin
        low, high = centers - halves, centers + halves
        near = np.all((low < self.high.max(axis=(0, 1))) & (high > self.low.min(axis=(0, 1))), axis=1)
        candidates, low, high = candidates[near], low[near], high[near]
        meets = others[self._bodies][None, :, candidates]
        for axis in range(3):
            meets = meets & (low[:, axis] < self.high[:, :, None, axis]) & (high[:, axis] > self.low[:, :, None, axis])
        return candidates, meets

    def _overlapping(
        self,
        sample: int,
        pairs: tuple[NDArray[np.intp], NDArray[np.bool_]],
        ignored: set[tuple[int, int]],
        depth: float,
    ) -> list[tuple[int, int]]:
        """Pairs of geoms that overlap by more than `depth` metres at a sample, of those that may."""
        candidates, meets = pairs
        own, others = np.nonzero(meets[sample])
        if not len(own):
            return []
        model, data = self.room.model, self.room.data
        data.geom_xpos[self.geoms] = self.positions[sample]
        data.geom_xmat[self.geoms] = self.turns[sample].reshape(-1, 9)
        fromto = np.zeros(6)
        found = []
        for mine, other in zip(self.geoms[own].tolist(), candidates[others].tolist(), strict=True):
            if (mine, other) not in ignored:
                distance = mujoco.mj_geomDistance(model, data, mine, other, abs(depth), fromto)
                if distance < -depth:
                    found.append((mine, other))
        return found

    def _planes(self) -> list[list[tuple[int, int]]]:
        """For each sample the pairs of geoms and planes in which they overlap: walls, the floor, the ceiling."""
        data = self.room.data
        planes = np.flatnonzero(self.room.solid & np.isinf(self.room.geom_radii))
        found: list[list[tuple[int, int]]] = [[] for _ in self.samples]
        normals = data.geom_xmat[planes].reshape(-1, 3, 3)[:, :, 2].T
        heights = (self.low + self.high) / 2 @ normals - (data.geom_xpos[planes] * normals.T).sum(axis=1)
        reach = (self.high - self.low) / 2 @ np.abs(normals)
        for sample, mine, plane in np.argwhere(heights < reach - TOLERANCE).tolist():
            found[sample].append((int(self.geoms[mine]), int(planes[plane])))
        return found

    def _agent_meets(self, agent: Body) -> int | None:
        """The first sample at which the agent's body is in the way; None if it never is or if it is at the start."""
        place = np.array([agent.x, agent.y])
        low, high = self.low[..., :2] - CAPSULE_RADIUS, self.high[..., :2] + CAPSULE_RADIUS
        close = np.all((low < place) & (high > place), axis=-1)
        data = self.room.data
        for sample in np.flatnonzero(close.any(axis=1)).tolist():
            data.geom_xpos[self.geoms] = self.positions[sample]
            data.geom_xmat[self.geoms] = self.turns[sample].reshape(-1, 9)
            if meets_agent(self.room, self.geoms[close[sample]], agent):
                return sample or None
        return None


def _in_world(room: Room, part: Part, samples: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(s, 3) positions and (s, 3, 3) rotations of a part in the world at s values of openness."""
    places, turns = part.poses(samples)
    if part.fixed:
        return places, turns
    parent = int(room.model.body_parentid[part.body])
    frame = room.data.xmat[parent].reshape(3, 3)
    return room.data.xpos[parent] + places @ frame.T, frame @ turns


def _path(room: Room, part: Part, geoms: NDArray[np.intp]) -> float:
    """How far the part's outermost corner goes at openness 1, metres."""
    if part.moving.slides or not len(geoms):
        return part.moving.travel
    boxes, turns = room.model.geom_aabb[geoms], room.data.geom_xmat[geoms].reshape(-1, 1, 3, 3)
    corners = (turns @ (boxes[:, None, :3] + _CORNERS * boxes[:, None, 3:])[..., None])[..., 0]
    away = (corners + room.data.geom_xpos[geoms, None] - room.data.xpos[part.body]) @ room.data.xmat[part.body].reshape(
        3, 3
    )
    return part.moving.travel * float(np.linalg.norm(np.cross(part.moving.axis, away), axis=-1).max())

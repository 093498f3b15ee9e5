"""Moves an object's doors, drawers and lids from one openness to another, by rules about what is in their way.

The agent, structure, fixed objects, other doors and drawers and a held object stop a part; objects that can move are
pushed, and stop it only when they are jammed. If it is stopped, everything is put back. What lies in a drawer travels
with it, rigidly, and what a part already overlaps does not stop it from leaving.

First the poses on the way are tested: bounding boxes, and where these overlap the geoms. If no object that can move is
near them, the part and what it carries are put to their ends at once. Otherwise the part moves step by step with the
physics, from where it first comes near to one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.world.collisions import TOLERANCE, meets_agent, overlaps
from simulator.world.parts import NUDGE, Part
from simulator.world.physics import Unstable
from simulator.world.room import Room

SECONDS = 0.5
"""Simulated time in which a part opens fully."""
TURN, SLIDE = math.radians(5), 0.03
"""Largest distance between poses that are tested, radians and metres."""
NEARBY = 0.02
"""Objects that come this close to a tested pose may be met on the way, metres; it is more than half a step of a door's
edge less its thickness."""
JAMMED = 0.025
"""Depth to which a part enters an object only if the object cannot give way, metres."""
SQUEEZED = 0.01
"""Largest depth to which a pushed object may reach into something fixed in the end, metres."""


class Person(NamedTuple):
    """The agent's body."""

    x: float
    y: float
    standing: bool


class Blocked(Exception):
    """A part met something and is back at its start.

    Args:
        geom: number of the geom that it met; None for the agent.
    """

    def __init__(self, geom: int | None) -> None:
        super().__init__(geom)
        self.geom = geom


def move_parts(
    room: Room,
    number: int,
    openness: float,
    agent: Person,
    *,
    force: bool = False,
    push: bool = True,
    rest: bool = True,
) -> None:
    """Moves an object's parts to an openness. The poses in the room's data are up to date afterwards.

    Args:
        room: the room, whose poses must be up to date.
        number: of an object that opens.
        openness: from 0 to 1.
        agent: stops the parts.
        force: whether nothing stops them; what can be pushed is still pushed.
        push: whether objects that can move are pushed rather than stop the parts.
        rest: whether objects that were pushed come to rest at the end.

    Raises:
        Blocked: something stopped the parts; everything is as it was.
        Unstable: the physics failed; everything is as it was, at rest.
    """
    start = float(room.parts.openness[number])
    if openness == start:
        return
    way = _Way(room, number, start, openness)
    try:
        if not force:
            way.check(agent)
        near = way.first_near()
    finally:
        way.undo_tests()
    if near is None:
        way.go(openness)
        mujoco.mj_kinematics(room.model, room.data)
        way.stop()
        return
    before, speeds = room.state(), room.data.qvel.copy()
    try:
        way.go(float(way.samples[near - 1]))
        _push_through(way, openness, force, push)
        if rest:
            room.physics.run_to_rest()
        mujoco.mj_kinematics(room.model, room.data)
        if not force:
            way.check_pushed()
    except (Blocked, Unstable):
        room.set_state(before)
        room.data.qvel[:] = speeds
        raise


class _Way:
    """The poses of an object's parts, and of what they carry, between two values of openness."""

    def __init__(self, room: Room, number: int, start: float, end: float) -> None:
        self.room, self.number, self.start = room, number, start
        self.parts = room.parts.of_object[number]
        model, data = room.model, room.data
        steps = max(
            abs(end - start) * part.moving.travel / (SLIDE if part.moving.slides else TURN) for part in self.parts
        )
        self.samples = np.linspace(start, end, math.ceil(steps - 1e-9) + 1)
        held = () if room.held is None else (room.held,)
        self.contents: list[tuple[int, NDArray[np.float64], NDArray[np.float64]]] = []
        """(first position in qpos, (3,) position at the start, (3,) shift for each unit of openness) of what is
        carried."""
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
        self.part_geoms = np.concatenate([part.geoms[room.solid[part.geoms]] for part in self.parts])
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
        for body, (_, _, shift) in zip(self._carried_bodies, self.contents, strict=True):
            geoms = np.flatnonzero((roots == body) & room.solid)
            self.yielding[geoms] = False
            moving.append(geoms)
            positions.append(data.geom_xpos[geoms] + (self.samples - start)[:, None, None] * shift)
            still = data.geom_xmat[geoms].reshape(-1, 3, 3)
            turns.append(np.broadcast_to(still, (len(self.samples), len(geoms), 3, 3)))
            masks.append(fixed)
        dofs = model.body_dofadr[np.array(self._carried_bodies, dtype=np.intp)]
        self.carried_dofs = (dofs[:, None] + np.arange(6)).ravel()
        self.geoms = np.concatenate(moving)
        """(g,) all geoms that move."""
        self.positions, self.turns = np.concatenate(positions, axis=1), np.concatenate(turns, axis=1)
        """(s, g, 3) and (s, g, 3, 3) their poses."""
        self._before = data.geom_xpos[self.geoms], data.geom_xmat[self.geoms]
        self.fixed = np.stack(masks)
        """(m, ngeom) what must not be in the way of each of the m moving bodies."""
        self.bodies = np.repeat(np.arange(len(masks)), [len(geoms) for geoms in moving])
        """(g,) which of these each geom belongs to."""
        boxes = model.geom_aabb[self.geoms]
        centers = self.positions + (self.turns @ boxes[:, :3, None])[..., 0]
        halves = (np.abs(self.turns) @ boxes[:, 3:, None])[..., 0]
        self.low, self.high = centers - halves, centers + halves
        """(s, g, 3) corners of their bounding boxes."""
        self.pushed: set[int] = set()
        """Bodies that the parts have pushed."""
        self.close_dofs = np.empty(0, dtype=np.intp)
        """A degree of freedom of each object that is close to the way, see `first_near`."""

    def _carry(self, part: Part, held: tuple[int, ...]) -> None:
        room, model = self.room, self.room.model
        shift = part.axis * part.moving.travel
        for number in room.containment.carried(self.number, [part.body], room.present, *held):
            body = int(room.object_bodies[number])
            at = int(model.jnt_qposadr[model.body_jntadr[body]])
            self._carried_bodies.append(body)
            self.contents.append((at, room.data.qpos[at : at + 3].copy(), shift))

    def go(self, openness: float) -> None:
        """Puts the parts and what they carry where they are at an openness."""
        self.room.parts.set(self.number, openness)
        for at, position, shift in self.contents:
            self.room.data.qpos[at : at + 3] = position + (openness - self.start) * shift
        self.room.data.qvel[self.carried_dofs] = 0.0

    def stop(self) -> None:
        """Takes the velocity with which a lid's object was woken."""
        for part in self.parts:
            if not part.fixed:
                self.room.data.qvel[self.room.model.dof_treeid == self.room.model.body_treeid[part.body]] = 0.0

    def undo_tests(self) -> None:
        """Puts the moving geoms back after tests of their poses."""
        self.room.data.geom_xpos[self.geoms], self.room.data.geom_xmat[self.geoms] = self._before

    def check(self, agent: Person) -> None:
        """Tests the way against what does not give way.

        Raises:
            Blocked: by the first thing on the way.
        """
        met = self._agent_meets(agent)
        pairs = self._near(self.fixed, 0.0)
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
        candidates, meets = pairs = self._near(np.broadcast_to(self.yielding, self.fixed.shape), NEARBY)
        model = self.room.model
        close = np.unique(model.body_rootid[model.geom_bodyid[candidates[meets.any(axis=(0, 1))]]])
        self.close_dofs = model.body_dofadr[close]
        for sample in range(len(self.samples)):
            if self._overlapping(sample, pairs, set(), -NEARBY):
                return max(sample, 1)
        return None

    def check_pushed(self) -> None:
        """Tests whether what was pushed has ended inside something fixed.

        Raises:
            Blocked: by the first that has.
        """
        if not self.pushed:
            return
        room = self.room
        bodies = room.model.body_rootid[room.model.geom_bodyid]
        geoms = np.flatnonzero(np.isin(bodies, list(self.pushed)) & room.solid)
        others = room.solid & (room.model.body_dofnum[bodies] == 0)
        found = overlaps(room, geoms, others, SQUEEZED)
        if found:
            raise Blocked(found[0][0])

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
        meets = others[self.bodies][None, :, candidates]
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

    def _agent_meets(self, agent: Person) -> int | None:
        """The first sample at which the agent's body is in the way; None if it never is or if it is at the start."""
        margin = np.array([0.25, 0.25])
        place = np.array([agent.x, agent.y])
        close = np.all((self.low[..., :2] < place + margin) & (self.high[..., :2] > place - margin), axis=-1)
        data = self.room.data
        for sample in np.flatnonzero(close.any(axis=1)).tolist():
            data.geom_xpos[self.geoms] = self.positions[sample]
            data.geom_xmat[self.geoms] = self.turns[sample].reshape(-1, 9)
            if meets_agent(self.room, self.geoms[close[sample]], agent.x, agent.y, agent.standing):
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


def _push_through(way: _Way, end: float, force: bool, push: bool) -> None:
    """Moves the parts to their end with the physics.

    Raises:
        Blocked: by an object that is jammed, or by any if `push` is False.
    """
    room = way.room
    model, data = room.model, room.data
    start = float(room.parts.openness[way.number])
    time_step = model.opt.timestep
    steps = max(1, round(abs(end - start) * SECONDS / time_step))
    rate = (end - start) / (steps * time_step)
    roots = model.body_rootid[model.geom_bodyid]
    own = np.zeros(model.ngeom, dtype=bool)
    own[way.geoms] = True
    part_of = {int(geom): part for part in way.parts for geom in part.geoms}
    carried = {int(geom): way.contents[0][2] for geom in way.geoms if int(geom) not in part_of}
    stuck = JAMMED if push else TOLERANCE
    before: set[tuple[int, int]] = set()
    for step in range(1, steps + 1):
        way.go(start + (end - start) * step / steps)
        # Parts are static for MuJoCo, which lets sleeping objects lie where a static body has come.
        data.qvel[way.close_dofs] += NUDGE
        room.physics.step()
        if not data.ncon:
            continue
        contacts = data.contact
        pairs, depths = contacts.geom, -contacts.dist
        for index in np.flatnonzero((own[pairs].sum(axis=1) == 1) & (depths > 0.0)).tolist():
            first, second = pairs[index].tolist()
            mine, other = (first, second) if own[first] else (second, first)
            if not way.yielding[other]:
                continue
            if step == 1 and depths[index] > TOLERANCE:
                before.add((mine, other))
            elif depths[index] > stuck and not force and (mine, other) not in before:
                raise Blocked(other)
            normal = contacts.frame[index, :3] * (1.0 if own[first] else -1.0)
            part = part_of.get(mine)
            speed = carried[mine] * rate if part is None else _surface_speed(room, part, contacts.pos[index], rate)
            _give_way(room, int(roots[other]), normal, float(speed @ normal))
            way.pushed.add(int(roots[other]))
        if way.pushed and not force:
            theirs = np.isin(roots, list(way.pushed))
            deep = np.flatnonzero(theirs[pairs].any(axis=1) & ~own[pairs].any(axis=1) & (depths > JAMMED))
            if len(deep):
                first, second = pairs[deep[0]].tolist()
                raise Blocked(first if theirs[first] else second)
    way.go(end)
    # A hand opens slowly: what it pushes stops with it and does not fly on.
    for body in way.pushed:
        data.qvel[model.body_dofadr[body] : model.body_dofadr[body] + 6] = 0.0


def _surface_speed(room: Room, part: Part, point: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """(3,) velocity, m/s, of a point of a part whose openness changes by `rate` a second."""
    frame = np.eye(3)
    if not part.fixed:
        frame = room.data.xmat[room.model.body_parentid[part.body]].reshape(3, 3)
    axis = frame @ part.axis * part.moving.travel * rate
    return axis if part.moving.slides else np.cross(axis, point - room.data.xpos[part.body])


def _give_way(room: Room, body: int, normal: NDArray[np.float64], speed: float) -> None:
    """Lets a body move at least as fast as the part that pushes it.

    Parts have poses but no velocities for MuJoCo, so the solver would let objects sink into them.
    """
    start = int(room.model.body_dofadr[body])
    velocity = room.data.qvel[start : start + 3]
    missing = speed - float(velocity @ normal)
    if speed > 0.0 and missing > 0.0:
        velocity += missing * normal

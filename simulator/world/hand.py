"""The held object: where it is, what comes along with it, and whether its way is free.

A hand holds at most one object (`Room.held`). What lies in the object is carried along. Both are pinned: no force moves
them, they follow the agent's camera. Their ways are checked without moving anything: geoms are put to samples of the
way and measured against the rest of the room.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.things.shapes import ABSENT_BITS
from simulator.world.camera import Camera
from simulator.world.collisions import CAPSULE_RADIUS, TOLERANCE, Body
from simulator.world.navigation import Footprints
from simulator.world.room import Room

AHEAD, BELOW = 0.5, 0.1
"""Default place of the middle of a held object: metres ahead of and below the camera, in its frame. At a horizon of 30
degrees this is 0.38 m ahead of and 0.34 m below the eyes, in the view's middle, and a loaf keeps clear of the agent."""
REACH = 1.5
"""Largest horizontal distance of a held object's middle from the agent's axis, metres."""
SAMPLE = 0.01
"""Largest distance between two samples of a way, metres."""
FAR = 10.0
"""Distance that counts as nothing near, metres."""
_PLANE = int(mujoco.mjtGeom.mjGEOM_PLANE)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Shift:
    """A rigid motion of points p to `turn` p + `by`, in the world frame."""

    turn: Array
    """(3, 3) rotation."""
    by: Array
    """(3,) metres."""


Path = Callable[[float], Shift]
"""Share of a way, from 0 to 1 -> motion since its start."""


def straight(by: Array) -> Path:
    """The way along a vector (3,), metres."""
    return lambda share: Shift(np.eye(3), share * by)


def rotation_about(axis: Array, angle: float) -> Array:
    """(3, 3) rotation by `angle` radians about a unit vector (3,)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def turning(turn: Callable[[float], Array], center: Array) -> Path:
    """The way of a rotation about a point (3,); `turn` gives the (3, 3) rotation after a share of it."""

    def at(share: float) -> Shift:
        rotation = turn(share)
        return Shift(rotation, center - rotation @ center)

    return at


def carried_by(before: Camera, after: Camera) -> Path:
    """The way of what is fixed to a camera that moves evenly from one pose to another."""
    start, offset = np.array(before.position), np.subtract(after.position, before.position)
    yaw = (after.yaw - before.yaw + 180.0) % 360.0 - 180.0
    base = _orientation(before.yaw, before.horizon).T

    def at(share: float) -> Shift:
        tilt = before.horizon + share * (after.horizon - before.horizon)
        turn = _orientation(before.yaw + share * yaw, tilt) @ base
        return Shift(turn, start + share * offset - turn @ start)

    return at


def _orientation(yaw: float, horizon: float) -> Array:
    """(3, 3) rotation of a camera's frame, (right, ahead, up), to the world."""
    right, up, ahead = Camera((0.0, 0.0, 0.0), yaw, horizon, 90.0, 1, 1).axes()
    return np.stack([right, ahead, up], axis=1)


def middle(room: Room, number: int) -> Array:
    """(3,) the middle of an object's bounding box, world frame, metres."""
    body = int(room.object_bodies[number])
    place: Array = room.data.xpos[body] + room.data.xmat[body].reshape(3, 3) @ room.box_centers[number]
    return place


def middles(room: Room) -> Array:
    """(n, 3) the middles of all objects' bounding boxes, world frame, metres."""
    rotations = room.data.xmat[room.object_bodies].reshape(-1, 3, 3)
    centers: Array = room.data.xpos[room.object_bodies] + (rotations @ room.box_centers[..., None])[..., 0]
    return centers


def with_contents(room: Room, number: int) -> tuple[int, ...]:
    """The number of an object and those of the objects whose middles are inside it or inside one of these."""
    found, centers = [number], middles(room)
    for holder in found:
        for container in room.scene.objects[holder].containers:
            body = room.model.body(container.body).id
            local = (centers - room.data.xpos[body]) @ room.data.xmat[body].reshape(3, 3)
            inside = np.all(np.abs(local - container.center) <= container.half, axis=1) & room.present
            for other in np.flatnonzero(inside).tolist():
                if other not in found and room.scene.objects[other].dynamic:
                    found.append(other)
    return tuple(found)


def default_pose(room: Room, camera: Camera, number: int) -> Shift:
    """The motion that brings an object to the hand's default place, turned like the agent."""
    _, up, forward = camera.axes()
    target = np.asarray(camera.position) + AHEAD * forward - BELOW * up
    turn = rotation_about(np.array([0.0, 0.0, 1.0]), -math.radians(camera.yaw))
    return to_pose(room, number, target - turn @ room.box_centers[number], turn)


def to_pose(room: Room, number: int, position: Array, rotation: Array) -> Shift:
    """The motion that brings an object's body from where it is to a position (3,) and a rotation (3, 3)."""
    body = int(room.object_bodies[number])
    turn = rotation @ room.data.xmat[body].reshape(3, 3).T
    return Shift(turn, position - turn @ room.data.xpos[body])


def move(room: Room, numbers: Sequence[int], shift: Shift) -> None:
    """Moves objects with a free joint, at rest, and brings the poses in the data up to date."""
    model, data = room.model, room.data
    turn = np.empty(4)
    mujoco.mju_mat2Quat(turn, shift.turn.ravel())
    for number in numbers:
        joint = model.body_jntadr[room.object_bodies[number]]
        start, speed = int(model.jnt_qposadr[joint]), int(model.jnt_dofadr[joint])
        data.qpos[start : start + 3] = shift.turn @ data.qpos[start : start + 3] + shift.by
        rotation = np.empty(4)
        mujoco.mju_mulQuat(rotation, turn, data.qpos[start + 3 : start + 7])
        data.qpos[start + 3 : start + 7] = rotation / np.linalg.norm(rotation)
        data.qvel[speed : speed + 6] = 0.0
    mujoco.mj_kinematics(model, data)
    if room.held in numbers:
        room.hold(room.carried)


@dataclass(frozen=True)
class Meeting:
    """What a group of objects meets on a way."""

    share: float
    """Share of the way that is free."""
    geom: int | None
    """The geom in the way; None for the agent."""
    away: Array
    """(3,) by how much and where to the group would have to go to touch it no more, metres; 0 for the agent."""


class Group:
    """Some objects as a rigid whole, to be tried at other places. Nothing is moved.

    Args:
        room: the poses in its data must be up to date.
        numbers: of the objects.
        reach: nothing farther than this from the whole, metres, is looked at: the length of its way.
        around: (3,) middle of the region in which it is tried; by default where it is.
    """

    def __init__(self, room: Room, numbers: Sequence[int], reach: float, around: Array | None = None) -> None:
        model, data = room.model, room.data
        self._room = room
        bodies = room.object_bodies[list(numbers)]
        own = np.isin(model.body_rootid[model.geom_bodyid], bodies)
        self.geoms = np.flatnonzero(own & room.solid)
        self._places = data.geom_xpos[self.geoms].copy()
        self._turns = data.geom_xmat[self.geoms].reshape(-1, 3, 3).copy()
        self._radii = model.geom_rbound[self.geoms]
        center = self._places.mean(axis=0)
        self.radius = float((np.linalg.norm(self._places - center, axis=1) + self._radii).max())
        self.center = center
        absent = (model.geom_contype == ABSENT_BITS[0]) & (model.geom_conaffinity == ABSENT_BITS[1])
        others = np.flatnonzero(room.solid & ~own & ~absent)
        gaps = self._gaps(others, (center if around is None else around)[None])[0]
        self._others = others[gaps <= self.radius + reach]
        self._prints: Footprints | None = None

    def _gaps(self, others: NDArray[np.intp], points: Array) -> Array:
        """(p, o) distances of points (p, 3) from the boxes around geoms, metres; negative below planes."""
        model, data = self._room.model, self._room.data
        turns = data.geom_xmat[others].reshape(-1, 3, 3)
        local = np.einsum("poi,oij->poj", points[:, None] - data.geom_xpos[others], turns)
        boxes = model.geom_aabb[others]
        outside = np.maximum(np.abs(local - boxes[:, :3]) - boxes[:, 3:], 0.0)
        plane = model.geom_type[others] == _PLANE
        gaps: Array = np.where(plane, local[..., 2], np.sqrt((outside**2).sum(-1)))
        return gaps

    def nearest(
        self, shift: Shift | None = None, limits: dict[tuple[int, int], float] | None = None, cap: float = FAR
    ) -> tuple[float, int | None, Array]:
        """How much room is left after a motion: (slack, geom, away).

        Args:
            shift: the motion; none by default.
            limits: signed distance of pairs (own geom, other geom) that counts as slack 0; -TOLERANCE for all others.
            cap: largest slack of interest, metres.

        Returns:
            Smallest signed distance beyond its limit, metres, negative for a collision; its geom; and (3,) the vector
            that would undo the overlap.
        """
        room = self._room
        model, data = room.model, room.data
        places, turns = self._places, self._turns
        if shift is not None:
            places, turns = places @ shift.turn.T + shift.by, shift.turn @ turns
        best, geom, away = cap, None, np.zeros(3)
        if not len(self._others) or not len(self.geoms):
            return best, geom, away
        bounds = self._gaps(self._others, places) - self._radii[:, None]
        order = np.argsort(bounds, axis=None)
        ends = np.zeros(6)
        data.geom_xpos[self.geoms], data.geom_xmat[self.geoms] = places, turns.reshape(-1, 9)
        for flat in order.tolist():
            row, column = divmod(flat, len(self._others))
            if bounds[row, column] >= best:
                break
            own, other = int(self.geoms[row]), int(self._others[column])
            limit = -TOLERANCE if limits is None else limits.get((own, other), -TOLERANCE)
            slack = mujoco.mj_geomDistance(model, data, own, other, max(best, 1e-3), ends) - limit
            if slack < best:
                best, geom, away = slack, other, ends[3:] - ends[:3]
        data.geom_xpos[self.geoms], data.geom_xmat[self.geoms] = self._places, self._turns.reshape(-1, 9)
        return best, geom, away

    def overlaps(self) -> dict[tuple[int, int], float]:
        """Pairs (own geom, other geom) that overlap now -> their signed distances, a little lower."""
        room, found = self._room, {}
        gaps = self._gaps(self._others, self._places) - self._radii[:, None]
        for row, column in np.argwhere(gaps < 0.0).tolist():
            own, other = int(self.geoms[row]), int(self._others[column])
            distance = mujoco.mj_geomDistance(room.model, room.data, own, other, 0.0, np.zeros(6))
            if distance < -TOLERANCE:
                found[own, other] = distance - 1e-3
        return found

    def touched(self, distance: float = 0.005, dynamic: bool = True) -> NDArray[np.intp]:
        """(k,) numbers of the objects nearer than `distance`, metres: those with a free joint, or all."""
        room = self._room
        gaps = self._gaps(self._others, self._places) - self._radii[:, None]
        numbers = {}
        for row, column in np.argwhere(gaps < distance).tolist():
            own, other = int(self.geoms[row]), int(self._others[column])
            number = room.object_of_geom(other)
            if number is None or number in numbers or (dynamic and not room.scene.objects[number].dynamic):
                continue
            if mujoco.mj_geomDistance(room.model, room.data, own, other, distance, np.zeros(6)) < distance:
                numbers[number] = True
        return np.array(list(numbers), dtype=np.intp)

    def agent_distance(self, body: Body, shift: Shift | None = None) -> float:
        """Distance from the agent's axis after a motion, metres; FAR if nothing is at the agent's height."""
        data = self._room.data
        places, turns = self._places, self._turns
        if shift is not None:
            places, turns = places @ shift.turn.T + shift.by, shift.turn @ turns
        axis = np.array([body.x, body.y])
        rough = float((np.linalg.norm(places[:, :2] - axis, axis=1) - self._radii).min())
        if rough > CAPSULE_RADIUS:
            return rough
        if self._prints is None:
            self._prints = Footprints(self._room.model, self.geoms)
        data.geom_xpos[self.geoms], data.geom_xmat[self.geoms] = places, turns.reshape(-1, 9)
        distance = self._prints.distance(data, axis, body.height)
        data.geom_xpos[self.geoms], data.geom_xmat[self.geoms] = self._places, self._turns.reshape(-1, 9)
        return min(distance, FAR)

    def clear(self, shift: Shift, body: Body | None = None) -> Meeting | None:
        """What the whole would overlap after a motion, or None. The agent counts only if its `body` is given."""
        slack, geom, away = self.nearest(shift, cap=1e-3)
        if slack < 0:
            return Meeting(0.0, geom, away)
        if body is not None and self.agent_distance(body, shift) < CAPSULE_RADIUS - TOLERANCE:
            return Meeting(0.0, None, np.zeros(3))
        return None

    def sweep(self, path: Path, length: float, body: Body | None = None) -> Meeting | None:
        """The first thing on a way, or None.

        Pairs that overlap from the start, and the agent if it does, are in the way only if the overlap grows.

        Args:
            path: the way.
            length: no point of the whole moves farther along it, metres.
            body: the agent, if it stays in its place.
        """
        limits = self.overlaps()
        near = CAPSULE_RADIUS - TOLERANCE
        if body is not None:
            near = min(near, self.agent_distance(body) - 1e-3)
        share = done = 0.0
        while True:
            shift = path(share)
            slack, geom, away = self.nearest(shift, limits, length + SAMPLE)
            if slack >= 0 and body is not None:
                from_agent = self.agent_distance(body, shift) - near
                if from_agent < slack:
                    slack, geom, away = from_agent, None, np.zeros(3)
            if slack < 0:
                return Meeting(done, geom, away)
            if share >= 1.0:
                return None
            # Nothing can be met before some point has moved as far as the slack; for rounding, a bit less.
            done = share
            share = min(1.0, share + max(SAMPLE, slack - TOLERANCE / 2) / max(length, 1e-9))

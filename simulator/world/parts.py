"""Doors, drawers and lids of a room: how far each object is open, and the poses that follow from it.

A part turns about its hinge or slides along its axis in proportion to the object's openness, from 0 (closed) to 1.
Their poses are part of the model: parts of fixed furniture are static bodies, and lids are fastened to their object.
MuJoCo computes the poses of static bodies once, so they are also written into the state here. It would update mocap
bodies, but nothing that lies on one can sleep, so the contents of drawers would cost time in each step.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.rooms.scene import MovingPart, Scene

_EDGE = 0.7
"""Where the probes of a face lie besides its middle, in half sides."""
_NORMALS = np.concatenate([np.eye(3), -np.eye(3)])
_PROBES = np.array(
    [
        np.where(
            normal != 0, normal, [u if axis == int((np.argmax(np.abs(normal)) + 1) % 3) else v for axis in range(3)]
        )
        for normal in _NORMALS
        for u, v in itertools.product(np.linspace(-_EDGE, _EDGE, 5), repeat=2)
    ]
).reshape(6, 25, 3)
"""(6, 25, 3) points of the faces of a box, in half sides."""
NUDGE = 1e-12
"""Velocity that wakes an object, m/s. MuJoCo leaves the poses of a sleeping object's bodies as they are."""


def _matrix(quaternion: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.empty(9)
    mujoco.mju_quat2Mat(found, quaternion)
    return found.reshape(3, 3)


@dataclass(frozen=True)
class Part:
    """A moving part in a room."""

    object: int
    """Number of the object that it belongs to."""
    body: int
    fixed: bool
    """Whether it belongs to fixed furniture; False for the lid of a dynamic object."""
    closed_position: NDArray[np.float64]
    """(3,) in the world frame; for a lid in the object's frame."""
    closed_rotation: NDArray[np.float64]
    """(4,) quaternion in the same frame."""
    moving: MovingPart
    geoms: NDArray[np.intp]
    """Numbers of its geoms."""
    carrier: int
    """The body that it is part of: the fixed furniture around it, or the dynamic object that it is the lid of."""

    @property
    def axis(self) -> NDArray[np.float64]:
        """(3,) unit vector along the hinge, or in which a drawer opens, in the frame of `closed_position`."""
        return _matrix(self.closed_rotation) @ np.array(self.moving.axis)

    def poses(self, openness: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(s, 3) positions and (s, 3, 3) rotations at s values of openness, in the frame of its closed pose."""
        closed, amounts = _matrix(self.closed_rotation), openness * self.moving.travel
        if self.moving.slides:
            turns = np.broadcast_to(closed, (len(amounts), 3, 3))
            return self.closed_position + amounts[:, None] * self.axis, turns
        x, y, z = self.moving.axis
        cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        # Rodrigues' formula.
        sines, rest = np.sin(amounts)[:, None, None], (1 - np.cos(amounts))[:, None, None]
        turns = closed @ (np.eye(3) + sines * cross + rest * (cross @ cross))
        return np.broadcast_to(self.closed_position, (len(amounts), 3)), turns

    def pose(self, openness: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(3,) position and (4,) rotation at an openness, in the frame of its closed pose."""
        axis, amount = np.array(self.moving.axis), openness * self.moving.travel
        if self.moving.slides:
            shift = np.empty(3)
            mujoco.mju_rotVecQuat(shift, axis * amount, self.closed_rotation)
            return self.closed_position + shift, self.closed_rotation
        turn, rotation = np.empty(4), np.empty(4)
        mujoco.mju_axisAngle2Quat(turn, axis, amount)
        mujoco.mju_mulQuat(rotation, self.closed_rotation, turn)
        return self.closed_position, rotation


class Parts:
    """The moving parts of one room.

    Args:
        scene: the room.
        data: its state.
    """

    def __init__(self, scene: Scene, data: mujoco.MjData) -> None:
        model = scene.model
        self._model, self._data = model, data
        self.parts = tuple(
            Part(
                number,
                body := model.body(moving.body).id,
                bool(model.body_weldid[body] == 0),
                model.body_pos[body].copy(),
                model.body_quat[body].copy(),
                moving,
                np.flatnonzero(model.geom_bodyid == body),
                self._carrier(obj.name, body),
            )
            for number, obj in enumerate(scene.objects)
            for moving in obj.moving
        )
        hidden = [model.geom(name).id for name in scene.hidden]
        self._geom_turns = np.array([_matrix(quaternion) for quaternion in model.geom_quat])
        """(ngeom, 3, 3) rotations of the geoms in their bodies' frames."""
        self._drawn = ~np.isin(np.arange(model.ngeom), hidden) & (model.geom_rgba[:, 3] > 0)
        self.of_object: dict[int, tuple[Part, ...]] = {}
        for part in self.parts:
            self.of_object[part.object] = (*self.of_object.get(part.object, ()), part)
        self._geoms_of = {
            number: np.concatenate([part.geoms for part in parts]) for number, parts in self.of_object.items()
        }
        self.openness = np.zeros(len(scene.objects))
        """(n,) of each object, from 0 to 1; 0 for those that do not open. Set it with `set`."""

    def geoms_of(self, number: int) -> NDArray[np.intp]:
        """Numbers of the geoms of an object's parts."""
        return self._geoms_of[number]

    def fronts(self, number: int, eye: NDArray[np.float64]) -> NDArray[np.float64]:
        """(p, 3) points on the outsides of an object's parts that face `eye` (3,), world frame, metres."""
        geoms = np.concatenate([part.geoms[self._drawn[part.geoms]] for part in self.of_object[number]])
        boxes, turns = self._model.geom_aabb[geoms], self._data.geom_xmat[geoms].reshape(-1, 1, 1, 3, 3)
        points = boxes[:, None, None, :3] + _PROBES * boxes[:, None, None, 3:]
        points = (turns @ points[..., None])[..., 0] + self._data.geom_xpos[geoms, None, None]
        normals = (turns[:, :, 0] @ _NORMALS[..., None])[..., 0]
        chosen: NDArray[np.float64] = points[((eye - points[:, :, 0]) * normals).sum(-1) > 0].reshape(-1, 3)
        return chosen

    def _carrier(self, name: str, body: int) -> int:
        if self._model.body_weldid[body] != 0:
            return int(self._model.body_rootid[body])
        # A drawer's object is named after its fixture and itself, see `simulator.rooms.bodies`.
        fixture = mujoco.mj_name2id(self._model, mujoco.mjtObj.mjOBJ_BODY, name.split("|")[0])
        return fixture if fixture >= 0 else body

    def set(self, number: int, openness: float) -> None:
        """Puts an object's parts where they are at an openness, whatever is in their way.

        It wakes no other object. The poses of lids must be brought up to date with mj_kinematics.
        """
        model, data = self._model, self._data
        self.openness[number] = openness
        for part in self.of_object.get(number, ()):
            body, geoms = part.body, part.geoms
            position, rotation = part.pose(openness)
            model.body_pos[body], model.body_quat[body] = position, rotation
            if not part.fixed:
                data.qvel[model.dof_treeid == model.body_treeid[body]] = NUDGE
                continue
            turn = _matrix(rotation)
            data.xpos[body], data.xquat[body], data.xmat[body] = position, rotation, turn.ravel()
            data.xipos[body] = position + turn @ model.body_ipos[body]
            data.ximat[body] = (turn @ _matrix(model.body_iquat[body])).ravel()
            data.geom_xpos[geoms] = position + model.geom_pos[geoms] @ turn.T
            data.geom_xmat[geoms] = (turn @ self._geom_turns[geoms]).reshape(-1, 9)

    def restore(self, openness: NDArray[np.float64]) -> None:
        """Puts every object's parts where they are at these values (n,)."""
        for number in np.flatnonzero(self.openness != openness).tolist():
            self.set(number, float(openness[number]))

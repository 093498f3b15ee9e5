"""Doors, drawers and lids of a room: how far each object is open, and the poses that follow from it.

A part turns about its hinge or slides along its axis in proportion to the object's openness, from 0 (closed) to 1.
Parts of fixed furniture are mocap bodies, whose poses are part of the state. Lids of dynamic objects are fastened to
them, and their poses are part of the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.rooms.scene import MovingPart, Scene

NUDGE = 1e-12
"""Velocity that wakes an object, m/s. MuJoCo leaves the poses of a sleeping object's bodies as they are."""


@dataclass(frozen=True)
class Part:
    """A moving part in a room."""

    object: int
    """Number of the object that it belongs to."""
    body: int
    mocap: int
    """Number of its mocap pose; -1 for the lid of a dynamic object."""
    closed_position: NDArray[np.float64]
    """(3,) in the world frame; for a lid in the object's frame."""
    closed_rotation: NDArray[np.float64]
    """(4,) quaternion in the same frame."""
    moving: MovingPart
    geoms: NDArray[np.intp]
    """Numbers of its geoms."""

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
    """The moving parts of one room. The poses in `data` must be brought up to date after every change.

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
                int(model.body_mocapid[body]),
                model.body_pos[body].copy(),
                model.body_quat[body].copy(),
                moving,
                np.flatnonzero(model.geom_bodyid == body),
            )
            for number, obj in enumerate(scene.objects)
            for moving in obj.moving
        )
        self.of_object: dict[int, tuple[Part, ...]] = {}
        for part in self.parts:
            self.of_object[part.object] = (*self.of_object.get(part.object, ()), part)
        self.openness = np.zeros(len(scene.objects))
        """(n,) of each object, from 0 to 1; 0 for those that do not open. Set it with `set`."""

    def set(self, number: int, openness: float) -> None:
        """Puts an object's parts where they are at an openness, whatever is in their way."""
        self.openness[number] = openness
        for part in self.of_object.get(number, ()):
            position, rotation = part.pose(openness)
            if part.mocap >= 0:
                self._data.mocap_pos[part.mocap], self._data.mocap_quat[part.mocap] = position, rotation
            else:
                self._model.body_pos[part.body], self._model.body_quat[part.body] = position, rotation
                self._data.qvel[self._model.dof_treeid == self._model.body_treeid[part.body]] = NUDGE

    def restore(self, openness: NDArray[np.float64]) -> None:
        """Puts every object's parts where they are at these values (n,)."""
        for number in np.flatnonzero(self.openness != openness).tolist():
            self.set(number, float(openness[number]))

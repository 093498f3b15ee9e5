"""Moving the held object by force, where its straight way is not free: it pushes what can move and stops at the rest.

The hand moves what it holds as with an arm of a few kilograms: it accelerates to `SPEED` with a force up to `FORCE`,
without gravity, and turns only as contacts turn it.
"""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.world.hand import Group, Shift, middle, move
from simulator.world.room import Room

SPEED = 1.0
"""Largest speed of the hand, m/s."""
FORCE = 60.0
"""Largest force of the hand, N: enough to slide 10 kg on most floors."""
ARM = 5.0
"""Mass that the held object seems to have, kg, so that a light one pushes as firmly as a heavy one."""
SECONDS = 4.0
"""Longest push, simulated seconds."""
STUCK = 0.2
"""Simulated seconds without progress after which a push ends."""
DRIFT = 0.1
"""Largest drift to the side, as a share of the way."""
BRAKING = 0.03
"""Seconds over which the hand slows down before its goal."""
SPIN_KEPT = 0.8
"""Share of its spin that the held object keeps in a step."""
PUSHES, PUSH_OUT = 5, 0.01
"""How often, and by how many metres at most, the held object is moved out of what it overlaps at the end."""

Array = NDArray[np.float64]


class _Arm:
    """While used as a context, the held object is free, weightless and as heavy as an arm."""

    def __init__(self, room: Room) -> None:
        self._room = room
        model = room.model
        self._body = int(room.object_bodies[room.carried[0]])
        self._factor = ARM / float(model.body_subtreemass[self._body])
        roots = room.object_bodies[list(room.carried)]
        self._weightless = np.flatnonzero(np.isin(model.body_rootid, roots))
        self._whole = np.flatnonzero(model.body_rootid == self._body)
        start = int(model.jnt_dofadr[model.body_jntadr[self._body]])
        self._dofs = slice(start, start + 6)

    def _scale(self, factor: float) -> None:
        model = self._room.model
        for values in (model.body_mass, model.body_subtreemass, model.body_inertia):
            values[self._whole] *= factor
        model.body_invweight0[self._whole] /= factor
        model.dof_invweight0[self._dofs] /= factor

    def __enter__(self) -> None:
        model = self._room.model
        self._before = [
            (values, rows, values[rows].copy())
            for values, rows in (
                (model.body_mass, self._whole), (model.body_subtreemass, self._whole),
                (model.body_inertia, self._whole), (model.body_invweight0, self._whole),
                (model.dof_invweight0, self._dofs),
            )
        ]  # fmt: skip
        self._room.physics.pin(np.empty(0, np.intp))
        model.body_gravcomp[self._weightless] = 1.0
        self._scale(self._factor)

    def __exit__(self, *_: object) -> None:
        for values, rows, old in self._before:
            values[rows] = old
        self._room.data.xfrc_applied[self._body] = 0.0
        self._room.hold(self._room.carried)


def push_held(room: Room, direction: Array, distance: float, allowed: Callable[[], bool]) -> None:
    """Moves the held object by force, up to a distance, and holds it where it ends.

    Args:
        room: it must hold an object.
        direction: (3,) unit vector, world frame.
        distance: metres.
        allowed: whether the held object may be where it is now; the push ends before it is not.

    Raises:
        Unstable: the physics failed.
    """
    model, data = room.model, room.data
    body = int(room.object_bodies[room.carried[0]])
    joints = model.body_jntadr[room.object_bodies[list(room.carried)]]
    positions = (model.jnt_qposadr[joints][:, None] + np.arange(7)).ravel()
    speeds = model.jnt_dofadr[joints]
    linear = slice(int(speeds[0]), int(speeds[0]) + 3)
    angular = slice(int(speeds[0]) + 3, int(speeds[0]) + 6)
    step, start = model.opt.timestep, middle(room, room.carried[0])
    best, stuck = 0.0, 0.0
    with _Arm(room):
        for _ in range(round(SECONDS / step)):
            before = data.qpos[positions]
            gone = middle(room, room.carried[0]) - start
            along = float(gone @ direction)
            wanted = min(SPEED, (distance - along) / BRAKING)
            side = gone - along * direction
            velocity = data.qvel[linear].copy()
            drift = float(np.linalg.norm(side))
            if drift > DRIFT * max(along, 0.01):
                outwards = side / drift
                velocity -= max(0.0, float(velocity @ outwards)) * outwards
            data.qvel[linear] = velocity
            data.qvel[angular] *= SPIN_KEPT
            for other in speeds[1:].tolist():  # the contents come along
                data.qvel[other : other + 3] = velocity
                data.qvel[other + 3 : other + 6] = 0.0
            needed = ARM * (wanted - float(velocity @ direction)) / step
            data.xfrc_applied[body, :3] = float(np.clip(needed, -FORCE, FORCE)) * direction
            room.physics.run(step)
            if not allowed():
                data.qpos[positions] = before
                mujoco.mj_kinematics(model, data)
                break
            reached = float((middle(room, room.carried[0]) - start) @ direction)
            stuck = 0.0 if reached > best + 0.001 else stuck + step
            best = max(best, reached)
            if reached > distance - 0.001 or stuck >= STUCK:
                break


def push_out(room: Room) -> bool:
    """Moves the held object out of what it overlaps, by a few centimetres at most; returns whether it is free then."""
    for attempt in range(PUSHES + 1):
        slack, _, away = Group(room, room.carried, 0.01).nearest(cap=0.001)
        if slack >= 0:
            return True
        length = float(np.linalg.norm(away))
        if attempt == PUSHES or length == 0.0:
            break
        # A little more than the overlap, so that rounding leaves none.
        move(room, room.carried, Shift(np.eye(3), away * min(1.1, PUSH_OUT / length)))
    return False

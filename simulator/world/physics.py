"""Motion of a room's objects: settling, the push of a touch, and coming to rest.

The push. The paper applies a force for 1 ms; docs/simulator.md explains why a hand pushes for longer here. The values
are those of `simulator.world.push.PushSettings`:

- The force is `force_scale` x magnitude x direction. Its vertical component is multiplied by `vertical_share`, because
  lifting would take away the friction that separates the mass classes (the paper's directions all point upwards).
- It acts at the hit point for `seconds`, or until that point moves at `hand_speed` along the force. It is reduced to
  what accelerates the point by `hand_acceleration`, so that a light object slides and tumbles instead of flying.
- No object moves faster than `speed_limit` or turns faster than `spin_limit`, so that none passes through a wall in one
  step.

A block of mass m on a support with friction mu, pushed with the horizontal force F for the time T, has the acceleration
a = F/m - mu g. As long as neither limit of the hand is reached, it slides T^2 a / 2 (1 + a / (mu g)) metres if a > 0
and does not move otherwise. With mu = 0.5 and the default values this is 5 cm for 0.5 kg at magnitude 5, for 3 kg at 30
and for 20 kg at 200 (F = sqrt(2) force_scale magnitude). `python -m benchmarks.touch` measures it in rooms.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.world.parts import NUDGE
from simulator.world.push import PushSettings

SLEEP_TOLERANCE = 4e-2
"""MuJoCo lets a body sleep when its velocities (m/s, and rad/s times its size) stay below this for 10 steps."""
ROLLING_RESISTANCE = 0.05
"""Coefficient of rolling resistance: the resisting torque divided by m g and the object's size. Without it, cups that
lie on their side roll for seconds. With 0.03, 300 touches came to rest after 0.57 s instead of 0.98 s on average."""
PUSH_SUBSTEPS = 2
"""Substeps of each step while a hand pushes. With single steps of 8 ms, a light block that hops under the push slides a
fifth farther than the formula says."""
PINNED_MASS = 1024.0
"""Factor on the masses of held bodies during a step; a power of two, which is undone exactly."""
STEPS_BETWEEN_CHECKS = 4
"""Steps between two checks of rest and speeds."""

LOG = logging.getLogger("simulator")
# By default MuJoCo writes its warnings into a file in the current folder.
mujoco.set_mju_user_warning(LOG.warning)


class Unstable(Exception):
    """The simulation produced positions or velocities that are too large or not finite. The room has been restored."""


@dataclass
class Push:
    """A push at one point of a body."""

    body: int
    point: NDArray[np.float64]
    """(3,) in the body's frame, metres."""
    direction: NDArray[np.float64]
    """(3,) unit vector, world frame."""
    force: float
    """Largest force that the hand applies, N."""
    seconds_left: float


def make_push(
    data: mujoco.MjData,
    body: int,
    point: NDArray[np.float64],
    direction: NDArray[np.float64],
    magnitude: float,
    settings: PushSettings = PushSettings(),  # noqa: B008 - a frozen value
) -> Push | None:
    """The push that a touch starts, or None if its force is 0.

    Args:
        data: the room's state.
        body: the touched body.
        point: (3,) the hit point, world frame, metres.
        direction: (3,) the client's direction (not normalised), world frame.
        magnitude: the client's moveMagnitude.
        settings: how the hand pushes.
    """
    vector = settings.force_scale * magnitude * direction * np.array([1.0, 1.0, settings.vertical_share])
    force = float(np.linalg.norm(vector))
    if force == 0.0:
        return None
    local = data.xmat[body].reshape(3, 3).T @ (point - data.xpos[body])
    return Push(body, local, vector / force, force, settings.seconds)


def _inertial_half_sides(model: mujoco.MjModel, bodies: NDArray[np.int32]) -> NDArray[np.float64]:
    """(n, 3) half sides, metres, of solid boxes with the same masses and inertias as the bodies."""
    inertia = model.body_inertia[bodies]
    # For a box with half sides a, b, c: I_b + I_c - I_a = 2/3 m a^2, and so on.
    squares = 1.5 * (inertia.sum(1, keepdims=True) - 2 * inertia) / model.body_mass[bodies][:, None]
    return np.sqrt(np.maximum(squares, 0.0))


def _cross(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) cross product; NumPy's takes ten times as long for a single pair of vectors."""
    a, b, c = one.tolist()
    x, y, z = other.tolist()
    return np.array([b * z - c * y, c * x - a * z, a * y - b * x])


class _Pins:
    """Bodies with a free joint that are held where they were when this was made: a context for each step."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData, bodies: NDArray[np.intp]) -> None:
        self._model, self._data = model, data
        self._whole = np.flatnonzero(np.isin(model.body_rootid, bodies)) if len(bodies) else bodies
        self._trees = model.body_treeid[bodies]
        joints = model.body_jntadr[bodies]
        self._positions = (model.jnt_qposadr[joints][:, None] + np.arange(7)).ravel()
        self._speeds = (model.jnt_dofadr[joints][:, None] + np.arange(6)).ravel()
        self._targets = data.qpos[self._positions]
        model.body_gravcomp[self._whole] = 1.0
        data.qvel[self._speeds] = 0.0

    def release(self) -> None:
        """Lets the bodies fall from where they are, and wakes them."""
        self._model.body_gravcomp[self._whole] = 0.0
        self._data.qvel[self._speeds] += NUDGE

    def awake(self) -> bool:
        """Whether something may move the bodies."""
        return len(self._trees) > 0 and bool(self._data.tree_awake[self._trees].any())

    def __enter__(self) -> None:
        if not len(self._trees):
            return
        # As heavy bodies they stop what hits them instead of giving way within the step. What they overlap hardly moves
        # them either, so they sleep.
        for values in (self._model.body_mass, self._model.body_subtreemass, self._model.body_inertia):
            values[self._whole] *= PINNED_MASS

    def __exit__(self, *_: object) -> None:
        if not len(self._trees):
            return
        for values in (self._model.body_mass, self._model.body_subtreemass, self._model.body_inertia):
            values[self._whole] /= PINNED_MASS
        self._data.qpos[self._positions] = self._targets
        self._data.qvel[self._speeds] = 0.0


class Physics:
    """The motion of one room.

    Args:
        model: the compiled room; its options for time step and sleeping are overwritten.
        data: its state, stepped in place.
        time_step: seconds.
        rest_timeout: longest simulated time that `run_to_rest` takes, seconds.
        settings: how a hand pushes, and the limits on speeds.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        time_step: float,
        rest_timeout: float,
        settings: PushSettings = PushSettings(),  # noqa: B008 - a frozen value
    ) -> None:
        model.opt.timestep = time_step
        model.opt.enableflags |= mujoco.mjtEnableBit.mjENBL_SLEEP
        model.opt.sleep_tolerance = SLEEP_TOLERANCE
        self.model, self.data = model, data
        self.rest_timeout = rest_timeout
        self.push_settings = settings
        self._push: Push | None = None
        self._owed_seconds = 0.0
        free = model.jnt_type == mujoco.mjtJoint.mjJNT_FREE
        starts, bodies = model.jnt_dofadr[free], model.jnt_bodyid[free]
        weights = model.body_mass[bodies] * np.linalg.norm(model.opt.gravity)
        sizes = _inertial_half_sides(model, bodies)
        for axis in range(3, 6):
            model.dof_frictionloss[starts + axis] = ROLLING_RESISTANCE * weights * np.median(sizes, axis=1)
        self._pinned = _Pins(model, data, np.empty(0, np.intp))
        self._linear = (starts[:, None] + np.arange(3)).ravel()
        self._angular = (starts[:, None] + np.arange(3, 6)).ravel()

    @property
    def at_rest(self) -> bool:
        """Whether nothing moves and nothing is being pushed."""
        return self._push is None and not self.data.qvel.any()

    def place(self, qpos: NDArray[np.float64]) -> None:
        """Sets all positions (nq,), at rest, and ends any push. Doors and drawers stay where they are."""
        data = self.data
        mujoco.mj_resetData(self.model, data)
        data.qpos[:] = qpos
        self._push, self._owed_seconds = None, 0.0
        mujoco.mj_forward(self.model, self.data)

    def pin(self, bodies: NDArray[np.intp]) -> None:
        """Holds bodies with a free joint where they are now, whatever hits them, instead of those held before."""
        self._pinned.release()
        self._pinned = _Pins(self.model, self.data, bodies)

    def push(self, push: Push | None) -> None:
        """Starts a push, which the next steps apply. Ends one that is still under way."""
        self._release()
        self._push = push

    def run_to_rest(self) -> None:
        """Steps until nothing moves, for at most `rest_timeout` seconds, then stops whatever still moves.

        Raises:
            Unstable: the room is restored to where it was before, at rest.
        """
        before = self.data.qpos.copy()
        steps = round(self.rest_timeout / self.model.opt.timestep)
        while steps > 0:
            steps -= self._advance(min(steps, STEPS_BETWEEN_CHECKS))
            if self._push is None and self.data.ntree_awake == 0:
                break
        self._finish(before)
        self.freeze()

    def step(self) -> None:
        """Makes one step, for callers that look at the room after each."""
        self._advance(1)

    def run(self, seconds: float) -> None:
        """Steps for `seconds` without stopping the objects. The rest below one step is carried over to the next call.

        Raises:
            Unstable: the room is restored to where it was before, at rest.
        """
        before = self.data.qpos.copy()
        self._owed_seconds += seconds
        steps = int(self._owed_seconds / self.model.opt.timestep + 1e-9)
        self._owed_seconds -= steps * self.model.opt.timestep
        while steps > 0:
            steps -= self._advance(min(steps, STEPS_BETWEEN_CHECKS))
        self._finish(before)

    def freeze(self) -> None:
        """Stops all motion, so that the next observation shows the same image."""
        self._release()
        self.data.qvel[:] = 0.0
        self.data.qacc_warmstart[:] = 0.0
        mujoco.mj_kinematics(self.model, self.data)

    def _finish(self, before: NDArray[np.float64]) -> None:
        warnings = self.data.warning
        kinds = (mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADQVEL, mujoco.mjtWarning.mjWARN_BADQACC)
        if any(warnings[kind].number for kind in kinds):
            self.place(before)
            raise Unstable("The simulation became unstable; everything was put back to where it was.")
        # A step leaves the poses of bodies as they were at its start.
        mujoco.mj_kinematics(self.model, self.data)

    def _release(self) -> None:
        if self._push is not None:
            self.data.xfrc_applied[self._push.body] = 0.0
            self._push = None

    def _advance(self, steps: int) -> int:
        """Makes `steps` steps, or one if an object is being pushed; returns how many."""
        pinned = self._pinned
        if self._push is None:
            if pinned.awake():
                steps = 1
            with pinned:
                mujoco.mj_step(self.model, self.data, steps)
        else:
            steps, time_step = 1, self.model.opt.timestep
            self.model.opt.timestep = time_step / PUSH_SUBSTEPS
            for _ in range(PUSH_SUBSTEPS):
                if self._push is not None:
                    self._apply(self._push)
                with pinned:
                    mujoco.mj_step(self.model, self.data)
            self.model.opt.timestep = time_step
        velocity = self.data.qvel
        speed, spin = self.push_settings.speed_limit, self.push_settings.spin_limit
        if velocity.any() and np.abs(velocity).max() > min(speed, spin):
            velocity[self._linear] = np.clip(velocity[self._linear], -speed, speed)
            velocity[self._angular] = np.clip(velocity[self._angular], -spin, spin)
        return steps

    def _apply(self, push: Push) -> None:
        """Sets the force for the next step, or ends the push."""
        model, data = self.model, self.data
        step = model.opt.timestep
        rotation = data.xmat[push.body].reshape(3, 3)
        start = model.jnt_dofadr[model.body_jntadr[push.body]]
        lever = rotation @ push.point
        point_velocity = data.qvel[start : start + 3] + _cross(rotation @ data.qvel[start + 3 : start + 6], lever)
        missing = self.push_settings.hand_speed - float(point_velocity @ push.direction)
        if push.seconds_left < step / 2 or missing <= 0.0:
            self._release()
            return
        # Inverse of the effective mass at the point along the push.
        arm = data.xpos[push.body] + lever - data.xipos[push.body]
        torque = _cross(arm, push.direction)
        principal = data.ximat[push.body].reshape(3, 3).T @ torque
        inverse_mass = 1.0 / model.body_mass[push.body] + float(principal**2 @ (1.0 / model.body_inertia[push.body]))
        gain = min(missing / step, self.push_settings.hand_acceleration)
        force = min(push.force, gain / inverse_mass)
        data.xfrc_applied[push.body, :3] = force * push.direction
        data.xfrc_applied[push.body, 3:] = force * torque
        push.seconds_left -= step

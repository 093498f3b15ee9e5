"""Motion of a room's objects: settling, the push of a touch, and rest.

The push. The paper applies a force of magnitude 5, 30 or 200 for 1 ms and lets rigid-body motion run until rest. A
literal 1 ms cannot separate light from heavy objects: 200 N x 1 ms = 0.2 N s gives a 10 kg box 2 cm/s, which friction
stops within a tenth of a millimetre, and in one step of any usable length the same force throws a cup across the room.
What the three magnitudes are for is to tell apart what friction holds, so here a hand pushes the hit point for a short
but finite time:

- the force is `force_scale` x magnitude x direction, its vertical component scaled down to `vertical_share` so that
  lifting does not take away the friction that separates the classes (the paper's directions all point upwards);
- it acts at the hit point and lasts `seconds`, or until that point moves at `hand_speed` along the force, whichever
  comes first; it is reduced to what accelerates the point by `hand_acceleration` and reaches just that speed, so a
  light object slides and tumbles some decimetres instead of flying;
- no object moves faster than `speed_limit` (by default a fall from 1.8 m, so that at 8 ms a step none passes through a
  wall) or turns faster than `spin_limit`.

These values are `simulator.world.push.PushSettings`, the simulator's options --push-... .

For a block of mass m on a support with friction mu and a = F/m - mu g > 0 the slide is T^2 a / 2 (1 + a / (mu g)) as
long as neither limit of the hand is reached, and nothing for a <= 0: with mu = 0.5 and F the horizontal part, sqrt(2)
force_scale magnitude, this is 5 cm for 0.5 kg at magnitude 5, for 3 kg at 30 and for 20 kg at 200.
`python -m benchmarks.touch` shows what that gives in rooms.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.world.push import PushSettings

SLEEP_TOLERANCE = 4e-2
"""MuJoCo's threshold on a resting tree's velocities (m/s and rad/s times the body's size), held for 10 steps."""
ROLLING_RESISTANCE = 0.05
"""Coefficient of rolling resistance: the lever of the resisting torque m g, as a share of the object's size. Without it
cups lying on their side roll on for seconds; with 0.03 300 touches rested after 0.57 s instead of 0.98 s on average."""
PUSH_SUBSTEPS = 2
"""Steps that replace one while a hand pushes: with one of 8 ms a light block that hops under the push slides a fifth
farther than the law says."""
STEPS_BETWEEN_CHECKS = 4
"""Steps that run before rest and speeds are looked at again."""

LOG = logging.getLogger("simulator")
# By default MuJoCo writes its warnings into a file in the current folder.
mujoco.set_mju_user_warning(LOG.warning)


class Unstable(Exception):
    """The simulation produced positions or velocities that are not finite or too large; the room was put back."""


@dataclass
class Push:
    """A hand that pushes one point of a body."""

    body: int
    point: NDArray[np.float64]
    """(3,) in the body's frame, metres."""
    direction: NDArray[np.float64]
    """(3,) unit vector, world frame."""
    force: float
    """N, the most that the hand applies."""
    seconds_left: float


def make_push(
    data: mujoco.MjData,
    body: int,
    point: NDArray[np.float64],
    direction: NDArray[np.float64],
    magnitude: float,
    settings: PushSettings = PushSettings(),  # noqa: B008 - a frozen value
) -> Push | None:
    """The push that a touch starts; None if it has no force.

    Args:
        data: the room's state.
        body: the touched body.
        point: (3,) the hit point, world frame, metres.
        direction: (3,) as the client gives it (not normalised), turned into the world frame.
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
    """(n, 3) half the sides, metres, of the solid boxes that have the bodies' masses and inertias."""
    inertia = model.body_inertia[bodies]
    # For a box with half sides a, b, c the sum of two moments less the third is 2/3 m a^2, and so on.
    squares = 1.5 * (inertia.sum(1, keepdims=True) - 2 * inertia) / model.body_mass[bodies][:, None]
    return np.sqrt(np.maximum(squares, 0.0))


class Physics:
    """The motion of one room.

    Args:
        model: the compiled room; its time step and sleeping are set here.
        data: its state, stepped in place.
        time_step: seconds.
        rest_timeout: longest simulated time that `run_to_rest` takes, seconds.
        settings: how a hand pushes, and how fast objects may become.
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
        self._linear = (starts[:, None] + np.arange(3)).ravel()
        self._angular = (starts[:, None] + np.arange(3, 6)).ravel()

    @property
    def at_rest(self) -> bool:
        """Whether nothing moves and nothing is being pushed."""
        return self._push is None and not self.data.qvel.any()

    def place(self, qpos: NDArray[np.float64]) -> None:
        """Puts everything to (nq,) positions, at rest and without pushes."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = qpos
        self._push, self._owed_seconds = None, 0.0
        mujoco.mj_forward(self.model, self.data)

    def push(self, push: Push | None) -> None:
        """Starts a push; the next steps apply it. Another one still under way ends."""
        self._release()
        self._push = push

    def run_to_rest(self) -> None:
        """Steps until nothing moves, at most `rest_timeout` seconds, then stops what still moves.

        Raises:
            Unstable: the room is as it was before, and at rest.
        """
        before = self.data.qpos.copy()
        steps = round(self.rest_timeout / self.model.opt.timestep)
        while steps > 0:
            steps -= self._advance(min(steps, STEPS_BETWEEN_CHECKS))
            if self._push is None and self.data.ntree_awake == 0:
                break
        self._finish(before)
        self.freeze()

    def run(self, seconds: float) -> None:
        """Steps for `seconds`; what is less than a step is carried over to the next call. Objects go on moving.

        Raises:
            Unstable: the room is as it was before, and at rest.
        """
        before = self.data.qpos.copy()
        self._owed_seconds += seconds
        steps = int(self._owed_seconds / self.model.opt.timestep + 1e-9)
        self._owed_seconds -= steps * self.model.opt.timestep
        while steps > 0:
            steps -= self._advance(min(steps, STEPS_BETWEEN_CHECKS))
        self._finish(before)

    def freeze(self) -> None:
        """Takes all motion away, so that another look shows the same picture."""
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
        # A step leaves the poses of bodies as they were at its beginning.
        mujoco.mj_kinematics(self.model, self.data)

    def _release(self) -> None:
        if self._push is not None:
            self.data.xfrc_applied[self._push.body] = 0.0
            self._push = None

    def _advance(self, steps: int) -> int:
        """Makes up to `steps` steps, one if something is being pushed; returns how many."""
        if self._push is None:
            mujoco.mj_step(self.model, self.data, steps)
        else:
            steps, time_step = 1, self.model.opt.timestep
            self.model.opt.timestep = time_step / PUSH_SUBSTEPS
            for _ in range(PUSH_SUBSTEPS):
                if self._push is not None:
                    self._apply(self._push)
                mujoco.mj_step(self.model, self.data)
            self.model.opt.timestep = time_step
        velocity = self.data.qvel
        speed, spin = self.push_settings.speed_limit, self.push_settings.spin_limit
        if velocity.any() and np.abs(velocity).max() > min(speed, spin):
            velocity[self._linear] = np.clip(velocity[self._linear], -speed, speed)
            velocity[self._angular] = np.clip(velocity[self._angular], -spin, spin)
        return steps

    def _apply(self, push: Push) -> None:
        """Sets the force of the next step, or ends the push."""
        model, data = self.model, self.data
        step = model.opt.timestep
        rotation = data.xmat[push.body].reshape(3, 3)
        start = model.jnt_dofadr[model.body_jntadr[push.body]]
        lever = rotation @ push.point
        point_velocity = data.qvel[start : start + 3] + np.cross(rotation @ data.qvel[start + 3 : start + 6], lever)
        missing = self.push_settings.hand_speed - float(point_velocity @ push.direction)
        if push.seconds_left < step / 2 or missing <= 0.0:
            self._release()
            return
        # Inverse of the mass that the hand feels at the point, in its direction.
        arm = data.xpos[push.body] + lever - data.xipos[push.body]
        torque = np.cross(arm, push.direction)
        principal = data.ximat[push.body].reshape(3, 3).T @ torque
        inverse_mass = 1.0 / model.body_mass[push.body] + float(principal**2 @ (1.0 / model.body_inertia[push.body]))
        gain = min(missing / step, self.push_settings.hand_acceleration)
        force = min(push.force, gain / inverse_mass)
        data.xfrc_applied[push.body, :3] = force * push.direction
        data.xfrc_applied[push.body, 3:] = force * torque
        push.seconds_left -= step

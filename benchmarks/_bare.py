"""Repeats what a client made the embedded simulator do with MuJoCo alone, in this process, and times that.

The same request is performed in an environment of this process first, untimed, while the calls of `mj_step` are
recorded. Then the same steps are made again from the same state, and one image is drawn by MuJoCo's own functions as
its documentation shows, with the same size and quality. What the simulator does besides (rules, metadata, the pipe, the
client) is in the difference, and so is what it saves by drawing only what is in view.
"""

from __future__ import annotations

import benchmarks._graphics  # noqa: F401  # isort: skip
import contextlib
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simulator.wire.actions import perform
from simulator.wire.environment import ActionFailed, Environment, Limits
from simulator.world.camera import Camera
from simulator.world.rendering import HIDDEN_GROUP, VISIBLE_GROUPS, Quality, geom_groups
from simulator.world.room import Room
from simulator.world.sources import generated_rooms


@dataclass(frozen=True)
class _Steps:
    """One call of mj_step: number of steps, their length in seconds, and the forces on bodies."""

    count: int
    time_step: float
    forces: NDArray[np.float64] | None


@dataclass
class _Drawing:
    """What MuJoCo needs to draw one room."""

    scene: mujoco.MjvScene
    context: mujoco.MjrContext
    state: mujoco.MjData
    option: mujoco.MjvOption = field(default_factory=mujoco.MjvOption)
    view: mujoco.MjvCamera = field(default_factory=mujoco.MjvCamera)


class BareMujoco:
    """An environment whose requests are repeated by MuJoCo alone.

    Args:
        width: of the images, pixels.
        height: of the images, pixels.
        depth: whether depth is read, too.
        time_step: of the physics, seconds.
        rest_timeout: see `simulator.world.physics.Physics`.
        spares: whether rooms have spare objects.
        options: of Initialize.
    """

    def __init__(
        self,
        width: int,
        height: int,
        depth: bool,
        time_step: float,
        rest_timeout: float,
        spares: bool,
        **options: Any,
    ) -> None:
        self._environment = Environment(
            generated_rooms(spares), Limits(time_step, rest_timeout, 4), Quality(False, 0), width, height
        )
        self._options = options
        self._rgb = np.empty((height, width, 3), np.uint8)
        self._depth = np.empty((height, width), np.float32) if depth else None
        self._viewport = mujoco.MjrRect(0, 0, width, height)
        self._drawing: _Drawing | None = None
        self._room: Room | None = None

    def follow(self, action: str, **arguments: Any) -> float:
        """Performs a request and returns the seconds that MuJoCo alone takes for its steps and one image."""
        if action == "reset":
            self._perform("Reset", sceneName=arguments["scene"])
            self._perform("Initialize", **self._options)
            return 0.0
        room = self._environment.room
        if room is not self._room or self._drawing is None:
            self._prepare(room)
        drawing = self._drawing
        assert drawing is not None
        before = drawing.state
        mujoco.mj_copyData(before, room.model, room.data)
        calls = self._record(action, arguments)
        time_step = room.model.opt.timestep
        started = perf_counter()
        for steps in calls:
            room.model.opt.timestep = steps.time_step
            before.xfrc_applied[:] = 0.0 if steps.forces is None else steps.forces
            mujoco.mj_step(room.model, before, steps.count)
        seconds = perf_counter() - started
        room.model.opt.timestep = time_step
        hidden = room.hidden_geoms()
        with geom_groups(room.model, np.where(hidden, HIDDEN_GROUP, room.model.geom_group)):
            return seconds + self._draw(room, drawing, self._environment.camera)

    def close(self) -> None:
        """Frees the memory of OpenGL."""
        if self._drawing is not None:
            self._drawing.context.free()
        self._environment.close()

    def _perform(self, action: str, **arguments: Any) -> None:
        with contextlib.suppress(ActionFailed):  # as for the client: a failed action is one step
            perform(self._environment, {"action": action, **arguments})

    def _record(self, action: str, arguments: dict[str, Any]) -> list[_Steps]:
        calls: list[_Steps] = []
        step = mujoco.mj_step

        def recorded(model: mujoco.MjModel, data: mujoco.MjData, nstep: int = 1) -> None:
            forces = data.xfrc_applied.copy() if data.xfrc_applied.any() else None
            calls.append(_Steps(nstep, model.opt.timestep, forces))
            step(model, data, nstep)

        mujoco.mj_step = recorded
        try:
            self._perform(action, **arguments)
        finally:
            mujoco.mj_step = step
        return calls

    def _prepare(self, room: Room) -> None:
        if self._drawing is not None:
            self._drawing.context.free()
        self._environment.images(True)  # sets the model's options of drawing
        self._room = room
        drawing = _Drawing(
            mujoco.MjvScene(room.model, maxgeom=room.model.ngeom + 16),
            mujoco.MjrContext(room.model, mujoco.mjtFontScale.mjFONTSCALE_100),
            mujoco.MjData(room.model),
        )
        drawing.option.geomgroup[:] = VISIBLE_GROUPS
        drawing.view.type = mujoco.mjtCamera.mjCAMERA_FREE
        drawing.scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = False
        drawing.scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        self._drawing = drawing

    def _draw(self, room: Room, drawing: _Drawing, camera: Camera) -> float:
        _, _, forward = camera.axes()
        drawing.view.lookat[:] = np.asarray(camera.position) + forward
        drawing.view.distance = 1.0
        drawing.view.azimuth, drawing.view.elevation = 90.0 - camera.yaw, -camera.horizon
        everything = mujoco.mjtCatBit.mjCAT_ALL
        started = perf_counter()
        mujoco.mjv_updateScene(room.model, room.data, drawing.option, None, drawing.view, everything, drawing.scene)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, drawing.context)
        mujoco.mjr_render(self._viewport, drawing.scene, drawing.context)
        mujoco.mjr_readPixels(self._rgb, self._depth, self._viewport, drawing.context)
        return perf_counter() - started

"""A video of the motion that a touch starts, through AI2-THOR's own actions.

Physics is paused, the touch pushes, and time advances in small steps with a frame each. The last action lets everything
come to rest, as an ordinary touch does, so the final state of the room is the same as after an ordinary touch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from ai2thor.server import Event
from numpy.typing import NDArray

from actors.controller import SimulatorError, SimulatorProcess


def film_touch(
    simulator: SimulatorProcess,
    arguments: dict[str, Any],
    frame_seconds: float,
    max_frames: int,
    watch: Callable[[NDArray[np.uint8]], None],
) -> Event:
    """Performs a touch and passes on the frames of the motion.

    Args:
        simulator: a simulator at the location.
        arguments: arguments of TouchThenApplyForce.
        frame_seconds: simulated seconds between two frames.
        max_frames: maximum number of frames; a longer motion continues without frames.
        watch: called with each (H, W, 3) RGB frame; never if nothing moves.

    Returns:
        the simulator's answer when everything is at rest again.

    Raises:
        SimulatorError: the simulator failed, or refused to pause or to advance time.
    """
    _require(simulator, "PausePhysicsAutoSim", renderImage=False)
    event = simulator.step("TouchThenApplyForce", **arguments)
    for _ in range(max_frames):
        if event.metadata["isSceneAtRest"]:
            break
        event = _require(simulator, "AdvancePhysicsStep", timeStep=frame_seconds)
        watch(simulator.observe(event).image)
    return _require(simulator, "UnpausePhysicsAutoSim")


def _require(simulator: SimulatorProcess, action: str, **arguments: Any) -> Event:
    event = simulator.step(action, **arguments)
    if not event.metadata["lastActionSuccess"]:
        reason = event.metadata.get("errorMessage", "")
        raise SimulatorError(f"simulator '{simulator.config.name}' failed in {action}: {reason}")
    return event

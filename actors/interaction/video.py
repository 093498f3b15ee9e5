"""A video of the motion that a touch starts, through AI2-THOR's own actions.

Physics is paused, the touch pushes, time goes on a little at a time with a picture each, and the last action lets
everything come to rest as an ordinary touch does. So the room afterwards is the one that the touch alone would leave.
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
    most_frames: int,
    watch: Callable[[NDArray[np.uint8]], None],
) -> Event:
    """Touches, and shows the pictures during the motion.

    Args:
        simulator: at the location.
        arguments: of TouchThenApplyForce.
        frame_seconds: simulated seconds between two pictures.
        most_frames: of the motion; a longer one goes on without pictures.
        watch: called with each (H, W, 3) RGB picture in turn; none if nothing begins to move.

    Returns:
        the answer when everything rests again.

    Raises:
        SimulatorError: the simulator failed, or did not pause or let time pass when told to.
    """
    _require(simulator, "PausePhysicsAutoSim", renderImage=False)
    event = simulator.step("TouchThenApplyForce", **arguments)
    for _ in range(most_frames):
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

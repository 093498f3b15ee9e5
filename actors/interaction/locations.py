"""Locations: where the agent stands, and how the scene is set up (docs/interaction.md, Observations and touches)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from ai2thor.server import Event

from actors.controller import SimulatorProcess
from actors.core import TaskError, WrongFrame
from actors.observation import Observation

POSITION_TOLERANCE = 0.05
"""Maximum metres between the requested and the actual position; the Unity build lets the agent settle on the floor."""
ANGLE_TOLERANCE = 0.5
"""Maximum degrees between the requested and the actual angles."""


@dataclass(frozen=True)
class Location:
    """One entry of a data set file: a place in a room and an arrangement of the room's objects."""

    entry: int
    """Index in its data set file."""
    scene: str
    """Scene name, e.g. "FloorPlan28"."""
    position: tuple[float, float, float]
    """Agent's (x, y, z), metres, in Unity's coordinates (y up)."""
    rotation: float
    """Degrees about the vertical, clockwise seen from above."""
    horizon: float
    """Degrees that the camera looks down."""
    seed: int
    """Seed of InitialRandomSpawn."""

    @property
    def key(self) -> str:
        """The entry as text, see `actors.core.Task`."""
        return str(self.entry)

    def __str__(self) -> str:
        x, y, z = self.position
        return (
            f"location {self.entry} ({self.scene}, position {x:g} {y:g} {z:g}, rotation {self.rotation:g}, "
            f"horizon {self.horizon:g}, seed {self.seed})"
        )


class LocationError(TaskError):
    """The simulator refuses a location, but works."""


def set_up(
    simulator: SimulatorProcess, location: Location, placement_attempts: int = 5, describe_objects: bool = True
) -> Observation:
    """Brings the simulator to a location and returns the observation there.

    The actions are reset, InitialRandomSpawn, MakeAllObjectsMoveable and TeleportFull. Then the scene and the pose of
    the answer are verified, since two Unity processes on one X server can return each other's frames. The answer
    stays in `simulator.last_event`.

    Args:
        simulator: a running simulator.
        location: where to go.
        placement_attempts: of each object, in InitialRandomSpawn.
        describe_objects: whether answers describe the room's objects until the next reset. Without, the client reads
            them faster; only ground truth needs them.

    Raises:
        LocationError: the scene is unknown or an action failed; the message names the location and the action.
        WrongFrame: the frame is of another scene or pose.
        SimulatorError: the simulator failed.
    """
    try:
        simulator.reset(location.scene)
    except ValueError as error:
        raise LocationError(f"{location}: {error}") from error
    x, y, z = location.position
    if not describe_objects:
        with contextlib.suppress(ValueError):  # a simulator without this action is only slower
            simulator.step("SetObjectFilter", objectIds=[], renderImage=False)
    _require(
        simulator,
        location,
        "InitialRandomSpawn",
        randomSeed=location.seed,
        forceVisible=True,
        numPlacementAttempts=placement_attempts,
        renderImage=False,  # only the last image is used
    )
    _require(simulator, location, "MakeAllObjectsMoveable", renderImage=False)
    event = _require(
        simulator,
        location,
        "TeleportFull",
        position={"x": x, "y": y, "z": z},
        rotation={"x": 0.0, "y": location.rotation, "z": 0.0},
        horizon=location.horizon,
        standing=True,
    )
    verify(event, location)
    return simulator.observe(event)


def verify(event: Event, location: Location) -> None:
    """Raises WrongFrame if an answer shows another scene or pose than the location's."""
    scene, agent = event.metadata["sceneName"], event.metadata["agent"]
    if scene.removesuffix("_physics") != location.scene.removesuffix("_physics"):
        raise WrongFrame(f"{location}: the simulator's answer is of scene {scene}")
    for axis, wanted in zip("xyz", location.position, strict=True):
        found = agent["position"][axis]
        if abs(found - wanted) > POSITION_TOLERANCE:
            raise WrongFrame(f"{location}: the simulator's answer is of position {axis} = {found:.3f}")
    for name, wanted, found in (
        ("rotation", location.rotation, agent["rotation"]["y"]),
        ("horizon", location.horizon, agent["cameraHorizon"]),
    ):
        if abs((found - wanted + 180) % 360 - 180) > ANGLE_TOLERANCE:
            raise WrongFrame(f"{location}: the simulator's answer is of {name} {found:.2f}")


def _require(simulator: SimulatorProcess, location: Location, action: str, **arguments: Any) -> Event:
    try:
        event = simulator.step(action, **arguments)
    except ValueError as error:
        raise LocationError(f"{location}: {action} was refused: {error}") from error
    if not event.metadata["lastActionSuccess"]:
        message = " ".join(str(event.metadata["errorMessage"]).split()) or "no reason given"
        raise LocationError(f"{location}: {action} failed: {message}")
    return event

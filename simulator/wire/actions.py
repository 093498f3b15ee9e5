"""The actions that a client can send, with AI2-THOR's names, arguments and return values.

Each action is a function of the environment and of keyword arguments (see `simulator.wire.arguments`). It returns the
reply's actionReturn. It raises ActionFailed with an errorCode for a call that can never be right, for which the client
raises ValueError, and without one for what the world does not allow, for which the client's event is false.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from simulator.wire.arguments import INVALID, MISSING, Action, Vector, call, shown
from simulator.wire.environment import SCENE_SUFFIX, ActionFailed, Environment, View
from simulator.wire.hands import HANDS
from simulator.wire.moves import MOVES
from simulator.wire.objects import OBJECTS
from simulator.wire.openings import OPENINGS
from simulator.wire.seeing import SEEING
from simulator.world.camera import FAR, MAX_IMAGE_SAMPLES, MAX_IMAGE_SIDE, NEAR
from simulator.world.physics import Unstable, make_push

MAX_MAGNITUDE, MAX_DIRECTION = 1e6, 1e3
"""Largest values of a touch: far beyond what a hand can do, and far below what overflows."""
MASSES, MAX_DRAG = (1e-3, 1e4), 1e3
"""Range of masses (kg) and largest drag (1/s) of SetMassProperties."""
MAX_PHYSICS_STEP = 0.05
"""Largest timeStep of AdvancePhysicsStep, seconds."""
STRUCTURE = "not a sim object, a structure was touched"
"""The objectId that AI2-THOR returns for a touched structure."""

VIEW = View()
"""The options' defaults."""

ACTIONS: dict[str, Action] = MOVES | OPENINGS | HANDS | OBJECTS | SEEING
"""Name -> action; `python -m simulator --actions` prints them."""


def action(name: str, drawn: bool = True, **only: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a function as an action; see `Action` for the arguments."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        ACTIONS[name] = Action(function, only, drawn)
        return function

    return enter


def perform(environment: Environment, request: dict[str, Any]) -> tuple[Any, bool]:
    """Performs an action; returns its actionReturn and whether the reply should have images.

    Raises:
        ActionFailed: the action did not succeed.
    """
    name = request.get("action")
    if not isinstance(name, str) or not name:
        raise ActionFailed("The message names no action.", MISSING)
    entry = ACTIONS.get(name)
    if entry is None:
        raise ActionFailed(
            f"There is no action {shown(name)}; there are {', '.join(sorted(ACTIONS))}.", "InvalidAction"
        )
    try:
        return call(entry, environment, request), entry.drawn
    except Unstable as error:
        raise ActionFailed(str(error)) from None


# --- The connection: which scene, which images


@action("GetScenesInBuild")
def get_scenes_in_build(environment: Environment) -> list[str]:
    """Returns the names of all scenes."""
    return [name + SCENE_SUFFIX for name in environment.source.names]


# The client sends Initialize right after Reset, so images of the reset alone would never be seen.
@action("Reset", drawn=False)
def reset(environment: Environment, *, sceneName: str) -> None:
    """Loads a scene."""
    environment.reset(sceneName)


@action("ChangeResolution")
def change_resolution(environment: Environment, *, x: int, y: int) -> None:
    """Sets the size of the images in pixels."""
    for name, value in (("x", x), ("y", y)):
        if not 1 <= value <= MAX_IMAGE_SIDE:
            raise ActionFailed(f"The argument '{name}' must be between 1 and {MAX_IMAGE_SIDE}, not {value}.", INVALID)
    if x * y * max(1, environment.quality.samples) > MAX_IMAGE_SAMPLES:
        raise ActionFailed(
            f"The arguments 'x' and 'y' must make at most {MAX_IMAGE_SAMPLES} samples: {x} x {y} pixels of "
            f"{environment.quality.samples} samples are too many.",
            INVALID,
        )
    environment.width, environment.height = x, y


@action(
    "Initialize",
    agentCount=1,
    agentMode="default",
    visibilityScheme="Collider",
    applyActionNoise=False,
    movementGaussianMu=0,
    movementGaussianSigma=0,
    rotateGaussianMu=0,
    rotateGaussianSigma=0,
    makeAgentsVisible=True,
    alwaysReturnVisibleRange=False,
    autoSimulation=True,
    timeScale=1,
    massThreshold=None,
    cameraNearPlane=NEAR,
    cameraFarPlane=FAR,
    continuous=False,
    continuousMode=False,
)
def initialize(
    environment: Environment,
    *,
    gridSize: float = VIEW.grid_size,
    visibilityDistance: float = VIEW.visibility_distance,
    fieldOfView: float = VIEW.field_of_view,
    renderImage: bool = VIEW.rgb,
    renderDepthImage: bool = VIEW.depth,
    renderInstanceSegmentation: bool = VIEW.instances,
    renderObjectImage: bool = VIEW.instances,
    renderNormalsImage: bool = VIEW.normals,
    snapToGrid: bool = VIEW.snap_to_grid,
    rotateStepDegrees: float = VIEW.rotate_step,
    startAgentsRotatedBy: int | None = None,
    width: int | None = None,
    height: int | None = None,
) -> dict[str, float]:
    """Sets the options of the agent and its camera; an option that is not sent gets its default.

    `startAgentsRotatedBy` turns the world about the agent so that it is turned by that angle in all, in whole degrees.
    """
    if gridSize < 0.05:
        raise ActionFailed(f"The argument 'gridSize' must be at least 0.05 m, not {gridSize}.", INVALID)
    if visibilityDistance <= 0:
        raise ActionFailed(f"The argument 'visibilityDistance' must be positive, not {visibilityDistance}.", INVALID)
    if not 1 <= fieldOfView <= 170:
        raise ActionFailed(f"The argument 'fieldOfView' must be 1 to 170 degrees, not {fieldOfView}.", INVALID)
    if rotateStepDegrees <= 0:
        raise ActionFailed(f"The argument 'rotateStepDegrees' must be positive, not {rotateStepDegrees}.", INVALID)
    environment.room  # noqa: B018 - fails without a scene
    frame = environment.frame
    if startAgentsRotatedBy is not None:
        frame = environment.turned(startAgentsRotatedBy - frame.angle)
    if width is not None or height is not None:
        change_resolution(environment, x=width or environment.width, y=height or environment.height)
    environment.frame = frame
    environment.view = View(
        gridSize, visibilityDistance, fieldOfView, snapToGrid, rotateStepDegrees, renderImage, renderDepthImage,
        renderInstanceSegmentation or renderObjectImage, renderNormalsImage,
    )  # fmt: skip
    environment.initialized = True
    return {"cameraNearPlane": NEAR, "cameraFarPlane": FAR}


@action("SetObjectFilter")
def set_object_filter(environment: Environment, *, objectIds: list[str]) -> None:
    """Limits the metadata's `objects` to these until ResetObjectFilter or Reset; ids of no object are ignored.

    The client reads a reply of a few objects in a tenth of the time.
    """
    environment.room  # noqa: B018 - fails without a scene
    wanted = set(objectIds) - {""}
    environment.described = frozenset(number for number, name in enumerate(environment.ids) if name in wanted)


@action("ResetObjectFilter")
def reset_object_filter(environment: Environment) -> None:
    """Ends SetObjectFilter: the metadata describes all objects."""
    environment.room  # noqa: B018 - fails without a scene
    environment.described = None


# --- The agent (simulator.wire.moves has the others)


@action("Pass")
def pass_(environment: Environment) -> None:
    """Does nothing; the reply shows the room."""
    environment.room  # noqa: B018 - fails without a scene


@action("Done")
def done(environment: Environment) -> None:
    """Does nothing; the reply shows the room."""
    environment.room  # noqa: B018 - fails without a scene


@action("TouchThenApplyForce")
def touch_then_apply_force(
    environment: Environment, *, x: float, y: float, direction: Vector, moveMagnitude: float, handDistance: float
) -> dict[str, Any]:
    """Reaches through an image point and pushes the object that the hand meets; returns when everything rests.

    Args:
        environment: the state to act on.
        x: image point, from 0 (left) to 1.
        y: image point, from 0 (top) to 1.
        direction: of the push in the agent's body frame (right, up, ahead); it is not normalised.
        moveMagnitude: of the push, see `simulator.world.physics`.
        handDistance: how far the hand reaches from the camera, metres.
    """
    if not 0 <= moveMagnitude <= MAX_MAGNITUDE:
        raise ActionFailed(
            f"The argument 'moveMagnitude' must be 0 to {MAX_MAGNITUDE:g}, not {moveMagnitude:g}.", INVALID
        )
    if max(abs(direction.x), abs(direction.y), abs(direction.z)) > MAX_DIRECTION:
        raise ActionFailed(f"The argument 'direction' must have parts up to {MAX_DIRECTION:g}.", INVALID)
    if handDistance < 0:
        raise ActionFailed(f"The argument 'handDistance' must be at least 0, not {handDistance}.", INVALID)
    room = environment.room
    if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
        raise ActionFailed("The touched point is outside the agent's view: x and y go from 0 to 1.")
    pick = environment.pick(x, y, handDistance)
    if (handDistance if pick is None else pick.distance) > environment.view.visibility_distance:
        raise ActionFailed("The hand would have to reach beyond the agent's visibilityDistance.")
    if pick is None:
        return {"didHandTouchSomething": False, "objectId": "", "armsLength": handDistance}
    if pick.object is None:
        return {"didHandTouchSomething": True, "objectId": STRUCTURE, "armsLength": pick.distance}
    touched = {"didHandTouchSomething": True, "objectId": environment.ids[pick.object], "armsLength": pick.distance}
    if room.scene.objects[pick.object].dynamic:
        world = environment.to_world(np.array([direction.x, direction.y, direction.z]))
        body = int(room.object_bodies[pick.object])
        room.physics.push(make_push(room.data, body, pick.point, world, moveMagnitude, room.physics.push_settings))
        if not environment.physics_paused:
            room.physics.run_to_rest()
    return touched


# --- The room's objects


@action("InitialRandomSpawn", excludedReceptacles=[], excludedObjectIds=[], numDuplicatesOfType=[])
def initial_random_spawn(
    environment: Environment,
    *,
    randomSeed: int | None = None,
    seed: int | None = None,
    forceVisible: bool = False,
    numPlacementAttempts: int = 5,
    placeStationary: bool = True,
) -> None:
    """Places the room's objects anew by a seed and lets them settle. Their ids change.

    `placeStationary` has no effect: objects always come to rest before the reply.
    """
    if None not in (randomSeed, seed) and randomSeed != seed:
        raise ActionFailed(
            f"The arguments 'randomSeed' and 'seed' mean the same and must not differ: {randomSeed} and {seed}.",
            INVALID,
        )
    chosen = randomSeed if randomSeed is not None else seed if seed is not None else 0
    if chosen < 0:
        raise ActionFailed(f"The argument 'randomSeed' must be at least 0, not {chosen}.", INVALID)
    if not 1 <= numPlacementAttempts <= 1000:
        raise ActionFailed("The argument 'numPlacementAttempts' must be between 1 and 1000.", INVALID)
    environment.spawn(chosen, numPlacementAttempts, forceVisible)


@action("MakeAllObjectsMoveable")
def make_all_objects_moveable(environment: Environment) -> None:
    """Does nothing here; in AI2-THOR it frees objects that are held fixed."""
    environment.room  # noqa: B018 - fails without a scene


@action("SetMassProperties")
def set_mass_properties(
    environment: Environment, *, objectId: str, mass: float, drag: float, angularDrag: float
) -> None:
    """Changes the mass (kg) and the drag (1/s) of a moveable or pickupable object until the next Reset."""
    room = environment.room
    index = environment.object_number(objectId)
    if not room.scene.objects[index].dynamic:
        raise ActionFailed(f"The object '{objectId}' is neither moveable nor pickupable, so it has no mass to set.")
    if not MASSES[0] <= mass <= MASSES[1]:
        raise ActionFailed(f"The argument 'mass' must be {MASSES[0]:g} to {MASSES[1]:g} kg, not {mass:g}.", INVALID)
    for name, value in (("drag", drag), ("angularDrag", angularDrag)):
        if not 0 <= value <= MAX_DRAG:
            raise ActionFailed(f"The argument '{name}' must be 0 to {MAX_DRAG:g} 1/s, not {value:g}.", INVALID)
    room.set_mass(index, mass, drag, angularDrag)


# --- Time


@action("PausePhysicsAutoSim")
def pause_physics_auto_sim(environment: Environment) -> None:
    """Stops time, which then passes only by AdvancePhysicsStep."""
    environment.room  # noqa: B018 - fails without a scene
    environment.physics_paused = True


@action("UnpausePhysicsAutoSim")
def unpause_physics_auto_sim(environment: Environment) -> None:
    """Lets everything come to rest, now and after each later action."""
    room = environment.room
    environment.physics_paused = False
    if not room.physics.at_rest:
        room.physics.run_to_rest()


@action("AdvancePhysicsStep", simSeconds=None, allowAutoSimulation=False)
def advance_physics_step(environment: Environment, *, timeStep: float = 0.02) -> None:
    """Lets `timeStep` seconds pass while physics is paused."""
    room = environment.room
    if not environment.physics_paused:
        raise ActionFailed("AdvancePhysicsStep needs PausePhysicsAutoSim first.")
    if not 0 < timeStep <= MAX_PHYSICS_STEP:
        raise ActionFailed(f"The timeStep must be greater than 0 and at most {MAX_PHYSICS_STEP} s, not {timeStep}.")
    room.physics.run(timeStep)

"""The actions that move the agent: walking on the grid, turning, looking up and down, crouching, teleporting.

Names, arguments, limits and the wording of failures are those of AI2-THOR 5.0 (its public documentation, "Navigation").
A move fails, and the agent stays where it is, if there is an obstacle on the straight way. `simulator.wire.actions`
adds these functions to its table.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from simulator.rooms.scene import from_unity, to_unity
from simulator.wire.arguments import INVALID, MISSING, Action, Angles, Vector
from simulator.wire.carrying import follow
from simulator.wire.environment import AGENT_CENTER, ActionFailed, Environment
from simulator.wire.metadata import vector

HORIZONS = (-30.0, 60.0)
"""Range of the camera's horizon of AI2-THOR's default agent, degrees, positive downwards."""
FLOOR_TOLERANCE = 0.05
"""Largest difference between a teleport's height and that of an agent on the floor, metres."""
MAX_MOVE = 100.0
"""Longest move, metres; no room is that long."""
_DECIMALS = 9
"""Decimals to which poses are rounded after a step or a turn, so that moving there and back ends at the start."""


def _stepping(turned: float) -> Callable[..., None]:
    """The action that steps in the direction `turned` degrees to the right of ahead."""

    def move(environment: Environment, *, moveMagnitude: float | None = None, forceAction: bool = False) -> None:
        """Moves the agent by `moveMagnitude` metres, by default the grid's spacing."""
        room, agent, grid = environment.room, environment.agent, environment.view.grid_size
        length = grid if moveMagnitude is None else moveMagnitude
        if length <= 0:
            raise ActionFailed(f"The argument 'moveMagnitude' must be null or greater than 0, not {length}.", INVALID)
        heading = math.radians(agent.yaw + turned)
        east, north = (min(length, MAX_MOVE) * part for part in (math.sin(heading), math.cos(heading)))
        if environment.view.snap_to_grid:
            east, north = _whole(east / grid) * grid, _whole(north / grid) * grid
        x, y = environment.snapped(agent.x, agent.y)
        x, y = round(x + east, _DECIMALS), round(y + north, _DECIMALS)
        step = (x - agent.x, y - agent.y)
        if not forceAction:
            obstacles = room.obstacles()
            here, there = environment.place, environment.in_world(x, y)
            geom = obstacles.hit(*here, (there[0] - here[0], there[1] - here[1]))
            if geom is not None or obstacles.beyond(*there):
                name = "wall" if geom is None else environment.name_of_geom(geom)
                raise ActionFailed(
                    f"{name} is blocking Agent 0 from moving by ({step[0]:.4f}, {0:.4f}, {step[1]:.4f})."
                )
        follow(environment, True, forceAction, x=x, y=y)

    return move


def _whole(number: float) -> float:
    """The nearest whole number. Halves are rounded away from 0, so that a step and its inverse cancel."""
    return math.copysign(math.floor(abs(number) + 0.5 + 1e-6), number)


def _turning(direction: float) -> Callable[..., None]:
    """The action that turns the agent to the right (1) or left (-1)."""

    def rotate(environment: Environment, *, degrees: float | None = None) -> None:
        """Turns the agent by `degrees`, by default Initialize's rotateStepDegrees."""
        environment.room  # noqa: B018 - fails without a scene
        angle = environment.view.rotate_step if degrees is None else degrees
        if angle <= 0:
            raise ActionFailed(f"The argument 'degrees' must be null or greater than 0, not {angle}.", INVALID)
        yaw = round((environment.agent.yaw + direction * (angle % 360.0)) % 360.0, _DECIMALS)
        follow(environment, False, yaw=yaw % 360.0)

    return rotate


def _looking(direction: float) -> Callable[..., None]:
    """The action that turns the camera down (1) or up (-1)."""

    def look(environment: Environment, *, degrees: float = 30.0) -> None:
        """Turns the camera by `degrees`; fails beyond 30 degrees up or 60 degrees down."""
        environment.room  # noqa: B018 - fails without a scene
        if degrees <= 0:
            raise ActionFailed(f"The argument 'degrees' must be greater than 0, not {degrees}.", INVALID)
        horizon = round(environment.agent.horizon + direction * degrees, _DECIMALS)
        up, down = HORIZONS
        if horizon < up:
            raise ActionFailed(f"can't look up beyond {-up:g} degrees above the forward horizon", "LookUpCantExceedMax")
        if horizon > down:
            raise ActionFailed(
                f"can't look down beyond {down:g} degrees below the forward horizon", "LookDownCantExceedMin"
            )
        follow(environment, True, at_eyes=True, horizon=horizon)

    return look


def crouch(environment: Environment) -> None:
    """Lowers the camera by 0.675 m."""
    _change_height(environment, False)


def stand(environment: Environment) -> None:
    """Raises the camera again after Crouch."""
    _change_height(environment, True)


def _change_height(environment: Environment, standing: bool) -> None:
    environment.room  # noqa: B018 - fails without a scene
    if environment.agent.standing == standing:
        raise ActionFailed(f"Already {'Standing' if standing else 'Crouching'}")
    follow(environment, True, at_eyes=True, standing=standing)


def teleport_full(
    environment: Environment,
    *,
    rotation: Angles,
    horizon: float,
    standing: bool = True,
    position: Vector | None = None,
    x: float | None = None,
    y: float | None = None,
    z: float | None = None,
    forceAction: bool = False,
) -> None:
    """Moves the agent to a pose; fails outside the room, off the floor, or where it would overlap an obstacle.

    The place is `position` or x, y, z in Unity's frame, metres. `forceAction` leaves out the check for obstacles.
    """
    if position is None and None in (x, y, z):
        raise ActionFailed("The action 'TeleportFull' needs the argument 'position' or all of x, y and z.", MISSING)
    teleport(
        environment, rotation=rotation, horizon=horizon, standing=standing, position=position, x=x, y=y, z=z,
        forceAction=forceAction,
    )  # fmt: skip


def teleport(
    environment: Environment,
    *,
    rotation: Angles | None = None,
    horizon: float | None = None,
    standing: bool | None = None,
    position: Vector | None = None,
    x: float | None = None,
    y: float | None = None,
    z: float | None = None,
    forceAction: bool = False,
) -> None:
    """Does the same as TeleportFull; values that are not sent stay as they are."""
    if horizon is not None and not HORIZONS[0] <= horizon <= HORIZONS[1]:
        raise ActionFailed(f"The horizon must be between {HORIZONS[0]:g} and {HORIZONS[1]:g} degrees, not {horizon:g}.")
    if rotation is not None and (rotation.x or rotation.z):
        raise ActionFailed(
            "The argument 'rotation' must have x and z = 0: the agent only turns about the vertical.", INVALID
        )
    if position is not None and (x, y, z) != (None, None, None):
        raise ActionFailed("The place must be sent as 'position' or as x, y and z, not as both.", INVALID)
    room, agent = environment.room, environment.agent
    if position is None and (x, y, z) == (None, None, None):
        east, north = agent.x, agent.y
    else:
        if position is None:
            now = to_unity(agent.x, agent.y, AGENT_CENTER)
            position = Vector(*(old if new is None else new for old, new in zip(now, (x, y, z), strict=True)))
        east, north, up = from_unity(position.x, position.y, position.z)
        if not forceAction and abs(up - AGENT_CENTER) > FLOOR_TOLERANCE:
            raise ActionFailed(f"The agent's position is {AGENT_CENTER} m above the floor; {up:g} m is not possible.")
        east, north = environment.snapped(east, north)
        if not forceAction:
            obstacles = room.obstacles()
            target = environment.in_world(east, north)
            if obstacles.beyond(*target):
                raise ActionFailed("The target position is outside the room.")
            geom = obstacles.hit(*target)
            if geom is not None:
                raise ActionFailed(f"The target position is taken by {environment.name_of_geom(geom)}.")
    follow(
        environment,
        False,
        forceAction,
        x=east,
        y=north,
        yaw=agent.yaw if rotation is None else rotation.y % 360.0,
        horizon=agent.horizon if horizon is None else horizon,
        standing=agent.standing if standing is None else standing,
    )


def get_reachable_positions(environment: Environment) -> list[dict[str, float]]:
    """Returns the grid points where the agent can walk.

    The grid goes through the origin, or without snapToGrid through the agent's position.
    """
    environment.room  # noqa: B018 - fails without a scene
    return [vector(x, y, AGENT_CENTER) for x, y in environment.reachable_places().tolist()]


_TURNS = {"speed": 1, "manualInteract": False, "forceAction": False}
_LOOKS = {"manualInteract": False, "forceAction": False}
MOVES: dict[str, Action] = {
    "MoveAhead": Action(_stepping(0.0), {"noise": 0}),
    "MoveRight": Action(_stepping(90.0), {"noise": 0}),
    "MoveBack": Action(_stepping(180.0), {"noise": 0}),
    "MoveLeft": Action(_stepping(270.0), {"noise": 0}),
    "RotateRight": Action(_turning(1.0), _TURNS),
    "RotateLeft": Action(_turning(-1.0), _TURNS),
    "LookUp": Action(_looking(-1.0), _LOOKS),
    "LookDown": Action(_looking(1.0), _LOOKS),
    "Crouch": Action(crouch),
    "Stand": Action(stand),
    "Teleport": Action(teleport),
    "TeleportFull": Action(teleport_full),
    "GetReachablePositions": Action(get_reachable_positions, {"maxStepCount": None}),
}
"""Name -> action."""

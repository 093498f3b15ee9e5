"""The actions that move the agent: walking on the grid, turning, looking up and down, crouching, teleporting.

Names, arguments, limits and the wording of refusals are AI2-THOR 5.0's (its public documentation, "Navigation"). A move
is refused, and the agent stays where it is, if anything is met on the straight way. `simulator.wire.actions` puts these
functions into its table.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from simulator.rooms.scene import from_unity, to_unity
from simulator.wire.arguments import INVALID, MISSING, Action, Angles, Vector
from simulator.wire.environment import AGENT_CENTER, ActionFailed, Environment
from simulator.wire.metadata import vector

HORIZONS = (-30.0, 60.0)
"""Degrees: how far the default agent looks up and down."""
FLOOR_TOLERANCE = 0.05
"""Metres: how far a teleport's height may be from that of an agent on the floor."""
MAX_MOVE = 100.0
"""Metres: no room is so long."""
_DECIMALS = 9
"""To which poses are rounded after a step or a turn, so that ways there and back end where they began."""


def _stepping(turned: float) -> Callable[..., None]:
    """The action that steps `turned` degrees to the right of ahead."""

    def move(environment: Environment, *, moveMagnitude: float | None = None, forceAction: bool = False) -> None:
        """Steps `moveMagnitude` metres, by default the grid's spacing."""
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
            geom = obstacles.hit(agent.x, agent.y, step)
            if geom is not None or obstacles.beyond(x, y):
                name = "wall" if geom is None else environment.name_of_geom(geom)
                raise ActionFailed(
                    f"{name} is blocking Agent 0 from moving by ({step[0]:.4f}, {0:.4f}, {step[1]:.4f})."
                )
        environment.move_agent(x=x, y=y)

    return move


def _whole(number: float) -> float:
    """The nearest whole number; halves, also inexact ones, away from 0, so that a step and its inverse cancel."""
    return math.copysign(math.floor(abs(number) + 0.5 + 1e-6), number)


def _turning(direction: float) -> Callable[..., None]:
    """The action that turns the body to the right (1) or left (-1)."""

    def rotate(environment: Environment, *, degrees: float | None = None) -> None:
        """Turns by `degrees`, by default Initialize's rotateStepDegrees."""
        environment.room  # noqa: B018 - fails without a scene
        angle = environment.view.rotate_step if degrees is None else degrees
        if angle <= 0:
            raise ActionFailed(f"The argument 'degrees' must be null or greater than 0, not {angle}.", INVALID)
        yaw = round((environment.agent.yaw + direction * (angle % 360.0)) % 360.0, _DECIMALS)
        environment.move_agent(yaw=yaw % 360.0)

    return rotate


def _looking(direction: float) -> Callable[..., None]:
    """The action that turns the camera down (1) or up (-1)."""

    def look(environment: Environment, *, degrees: float = 30.0) -> None:
        """Turns the camera by `degrees`, never beyond HORIZONS."""
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
        environment.move_agent(horizon=horizon)

    return look


def crouch(environment: Environment) -> None:
    """Lowers the camera."""
    _change_height(environment, False)


def stand(environment: Environment) -> None:
    """Raises the camera again."""
    _change_height(environment, True)


def _change_height(environment: Environment, standing: bool) -> None:
    environment.room  # noqa: B018 - fails without a scene
    if environment.agent.standing == standing:
        raise ActionFailed(f"Already {'Standing' if standing else 'Crouching'}")
    environment.move_agent(standing=standing)


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
    """Puts the agent to a pose; fails where it would stand outside, above or below the floor, or in something.

    The place is `position` or x, y, z, in Unity's frame; `forceAction` leaves out the checks for objects in the way.
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
    """As TeleportFull; what is not sent stays as it is."""
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
            if obstacles.beyond(east, north):
                raise ActionFailed("The target position is outside the room.")
            geom = obstacles.hit(east, north)
            if geom is not None:
                raise ActionFailed(f"The target position is taken by {environment.name_of_geom(geom)}.")
    environment.move_agent(
        x=east,
        y=north,
        yaw=agent.yaw if rotation is None else rotation.y % 360.0,
        horizon=agent.horizon if horizon is None else horizon,
        standing=agent.standing if standing is None else standing,
    )


def get_reachable_positions(environment: Environment) -> list[dict[str, float]]:
    """Where the agent can walk on the grid: through the origin with snapToGrid, else through its position."""
    room, agent = environment.room, environment.agent
    x, y = environment.snapped(agent.x, agent.y)
    points = room.obstacles().reachable(x, y, environment.view.grid_size)
    return [vector(x, y, AGENT_CENTER) for x, y in points.tolist()]


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
"""Name → action."""

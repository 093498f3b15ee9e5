"""The actions that change or ask for what can be seen: masks, hidden objects, visibility from many poses.

Hiding and masking change images alone; objects that are hidden still collide, can be touched, and may be `visible`.
Questions about visibility from other poses ignore both. All poses are in the client's frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import mujoco
import numpy as np

from simulator.rooms.scene import from_unity
from simulator.wire.arguments import INVALID, Action, Angles, Vector
from simulator.wire.environment import AGENT_CENTER, ActionFailed, Agent, Environment
from simulator.wire.metadata import vector, visible_objects
from simulator.wire.moves import HORIZONS
from simulator.world.looks import Looks
from simulator.world.rendering import VISIBLE_GROUPS
from simulator.world.visibility import PixelCounter

MAX_GRID = 100
"""Largest number of columns and of rows of GetMetadataOnGrid."""
MAX_POSES = 100_000
"""Largest number of poses that one action tries."""
UNLIMITED = 1e3
"""A distance beyond every object of a room, metres."""

Pose = dict[str, Any]
"""A pose in the protocol's form: x, y, z, rotation, standing, horizon."""


# --- Hiding and masking


def emphasize_object(environment: Environment, *, objectId: str) -> None:
    """Hides everything else and paints the object (255, 0, 255)."""
    number = environment.object_number(objectId)
    looks = environment.looks.hiding_all_except(environment.room, frozenset({number}))
    environment.looks = replace(looks, masked=looks.masked | {number})


def unemphasize_all(environment: Environment) -> None:
    """Draws everything again, and no object painted."""
    environment.room  # noqa: B018 - fails without a scene
    looks = environment.looks
    environment.looks = Looks(moving_parts=looks.moving_parts, walkable=looks.walkable)


def mask_object(environment: Environment, *, objectId: str) -> None:
    """Paints the object (255, 0, 255)."""
    number = environment.object_number(objectId)
    environment.looks = replace(environment.looks, masked=environment.looks.masked | {number})


def unmask_object(environment: Environment, *, objectId: str) -> None:
    """Draws the object in its own colours again."""
    number = environment.object_number(objectId)
    environment.looks = replace(environment.looks, masked=environment.looks.masked - {number})


def hide_object(environment: Environment, *, objectId: str) -> None:
    """Leaves the object out of images; it still collides, can be touched and counts as visible."""
    number = environment.object_number(objectId)
    environment.looks = replace(environment.looks, hidden=environment.looks.hidden | {number})


def unhide_object(environment: Environment, *, objectId: str) -> None:
    """Draws the object again."""
    number = environment.object_number(objectId)
    environment.looks = replace(environment.looks, hidden=environment.looks.hidden - {number})


def hide_all_objects_except(environment: Environment, *, objectIds: list[str]) -> None:
    """Leaves everything out of images, walls and floor too, but for these objects."""
    shown = frozenset(environment.object_number(name) for name in objectIds)
    environment.looks = environment.looks.hiding_all_except(environment.room, shown)


def unhide_all_objects(environment: Environment) -> None:
    """Draws everything again; masks stay."""
    environment.room  # noqa: B018 - fails without a scene
    environment.looks = replace(environment.looks, hidden=frozenset(), structure_hidden=False)


def _setting(summary: str, **changes: Any) -> Callable[[Environment], None]:
    """The action that sets fields of the environment's looks, with `summary` as its docstring."""

    def change(environment: Environment) -> None:
        environment.room  # noqa: B018 - fails without a scene
        environment.looks = replace(environment.looks, **changes)

    change.__doc__ = summary
    return change


# --- The grid of the image


def get_metadata_on_grid(environment: Environment, *, x: int, y: int) -> list[dict[str, Any]]:
    """Returns what rays through the cells of a grid over the image meet: x columns, y rows, row by row from the top.

    Each entry has the distance from the camera and the depth along its axis (metres), the surface's normal, the
    objectId ("" for structure), openable, isOpen, and whether the agent can walk there. Distance, depth and normal are
    null where a ray meets nothing.
    """
    for name, value in (("x", x), ("y", y)):
        if not 1 <= value <= MAX_GRID:
            raise ActionFailed(f"The argument '{name}' must be between 1 and {MAX_GRID}, not {value}.", INVALID)
    room, camera = environment.room, environment.camera
    position, (_, _, forward) = np.asarray(camera.position), camera.axes()
    rays = np.array([camera.ray((column + 0.5) / x, (row + 0.5) / y) for row in range(y) for column in range(x)])
    count = len(rays)
    geoms, distances, normals = np.full(count, -1, np.int32), np.empty(count), np.zeros((count, 3))
    mujoco.mj_multiRay(
        room.model, room.data, position, rays.ravel(), VISIBLE_GROUPS, 1, -1, geoms, distances, normals.ravel(), count,
        UNLIMITED,
    )  # fmt: skip
    walkable = environment.walkable_floor().contains(position + distances[:, None] * rays).tolist()
    turned = (normals @ environment.frame.rotation.T).tolist()
    depths = (distances * (rays @ forward)).tolist()
    found = []
    for index, (geom, distance) in enumerate(zip(geoms.tolist(), distances.tolist(), strict=True)):
        number = room.object_of_geom(geom) if geom >= 0 else None
        found.append(
            {
                "distance": distance if geom >= 0 else None,
                "depth": depths[index] if geom >= 0 else None,
                "normal": vector(*turned[index]) if geom >= 0 else None,
                "objectId": "" if number is None else environment.ids[number],
                "openable": number is not None and room.scene.objects[number].openable,
                "isOpen": number is not None and bool(room.parts.openness[number] > 0.0),
                "walkable": geom >= 0 and walkable[index],
            }
        )
    return found


# --- Visibility from many poses


def _places(environment: Environment, positions: list[Vector] | None) -> list[tuple[float, float]]:
    """(x, y) of the positions, by default of all reachable ones, in the client's frame."""
    if positions is None:
        return [(x, y) for x, y in environment.reachable_places().tolist()]
    return [from_unity(place.x, place.y, place.z)[:2] for place in positions]


def _quarters(environment: Environment) -> list[float]:
    """The four yaws of the agent's grid, degrees, ascending."""
    return [environment.agent.yaw % 90.0 + quarter for quarter in (0.0, 90.0, 180.0, 270.0)]


def _agents(environment: Environment, places: list[tuple[float, float]]) -> list[Agent]:
    """The agent at each place with each rotation and posture, eight for each place."""
    if 8 * len(places) > MAX_POSES:
        raise ActionFailed(f"There are {8 * len(places)} poses to try, more than {MAX_POSES}.", INVALID)
    horizon = environment.agent.horizon
    return [
        Agent(x, y, yaw, horizon, standing)
        for x, y in places
        for yaw in _quarters(environment)
        for standing in (True, False)
    ]


def _pose(agent: Agent) -> Pose:
    return {
        **vector(agent.x, agent.y, AGENT_CENTER),
        "rotation": agent.yaw,
        "standing": agent.standing,
        "horizon": agent.horizon,
    }


def _counts(environment: Environment, agents: list[Agent], number: int, through_parts: bool) -> Iterator[int]:
    """The pixels that each agent sees of an object."""
    counter = PixelCounter(environment.room, environment.graphics(), number, through_parts=through_parts)
    return counter.counts([environment.camera_of(agent) for agent in agents])


def number_of_positions_from_which_item_is_visible(
    environment: Environment, *, objectId: str, positions: list[Vector] | None = None, by: str = "pixels"
) -> dict[str, Any]:
    """Returns from how many of all location tuples an object is seen at any distance: count, total, and the tuples.

    The tuples are all combinations of the positions, the four rotations of the agent's grid and the two postures, at
    the agent's horizon. The positions are by default all reachable ones.

    Args:
        environment: the state to ask.
        objectId: of the object.
        positions: places of the agent; the height is ignored.
        by: "pixels" if one pixel of the agent's image is enough, "points" for the points that decide about `visible`.
    """
    if by not in ("pixels", "points"):
        raise ActionFailed(f"The argument 'by' must be pixels or points, not {by[:40]!r}.", INVALID)
    room, number = environment.room, environment.object_number(objectId)
    agents = _agents(environment, _places(environment, positions))
    if by == "pixels":
        seen = [count > 0 for count in _counts(environment, agents, number, False)]
    else:
        cameras = [environment.camera_of(agent) for agent in agents]
        seen = [bool(visible_objects(room, camera, UNLIMITED, number)[number]) for camera in cameras]
    poses = [_pose(agent) for agent, one in zip(agents, seen, strict=True) if one]
    return {"count": len(poses), "total": len(agents), "tuples": poses}


def exhaustive_search_for_item(
    environment: Environment, *, objectId: str, positions: list[Vector] | None = None, randomSeed: int = 0
) -> dict[str, Any]:
    """Looks for an object from the positions in the order of their distance: {objectSeen, positionsTried}.

    At each position the agent looks in all four rotations and both postures until a pixel of the object is seen. Doors,
    drawers and lids are seen through. The distance is the Manhattan distance from the agent; the seed shuffles ties.
    The agent itself stays.
    """
    if randomSeed < 0:
        raise ActionFailed(f"The argument 'randomSeed' must be at least 0, not {randomSeed}.", INVALID)
    number = environment.object_number(objectId)
    places, agent = _places(environment, positions), environment.agent
    order = np.random.default_rng(randomSeed).permutation(len(places)).tolist()
    # Rounded, because places of a grid that are equally far away differ in their last bits.
    order.sort(key=lambda index: round(abs(places[index][0] - agent.x) + abs(places[index][1] - agent.y), 6))
    agents = _agents(environment, [places[index] for index in order])
    for index, count in enumerate(_counts(environment, agents, number, True)):
        if count > 0:
            return {"objectSeen": True, "positionsTried": index // 8 + 1}
    return {"objectSeen": False, "positionsTried": len(places)}


def get_interactable_poses(
    environment: Environment,
    *,
    objectId: str,
    positions: list[Vector] | None = None,
    rotations: list[float] | None = None,
    horizons: list[float] | None = None,
    standings: list[bool] | None = None,
) -> list[Pose]:
    """Returns the poses from which the object would be `visible`, so that the agent could interact with it.

    The defaults are all reachable positions, the four rotations of the agent's grid, the horizons -30, 0, 30 and 60,
    and both postures.
    """
    room, number = environment.room, environment.object_number(objectId)
    tilts = [-30.0, 0.0, 30.0, 60.0] if horizons is None else horizons
    up, down = HORIZONS
    if any(not up <= horizon <= down for horizon in tilts):
        raise ActionFailed(f"The argument 'horizons' must have angles from {up:g} to {down:g} degrees.", INVALID)
    yaws = _quarters(environment) if rotations is None else [yaw % 360.0 for yaw in rotations]
    postures = [True, False] if standings is None else standings
    places = _places(environment, positions)
    total = len(places) * len(yaws) * len(tilts) * len(postures)
    if total > MAX_POSES:
        raise ActionFailed(f"There are {total} poses to try, more than {MAX_POSES}.", INVALID)
    reach, body = environment.view.visibility_distance, room.data.body(int(room.object_bodies[number]))
    center = body.xpos + body.xmat.reshape(3, 3) @ room.box_centers[number]
    found = []
    for x, y in places:
        away = float(np.hypot(*(np.array(environment.in_world(x, y)) - center[:2])))
        if away > reach + room.box_radii[number]:
            continue
        for yaw in yaws:
            for standing in postures:
                for horizon in tilts:
                    agent = Agent(x, y, yaw, horizon, standing)
                    if visible_objects(room, environment.camera_of(agent), reach, number)[number]:
                        found.append(_pose(agent))
    return found


def rotate_universe_around_agent(environment: Environment, *, rotation: Angles) -> None:
    """Turns the world about the agent by whole degrees, clockwise seen from above; the agent and its grid stay."""
    # The client sends a number under the name "rotation" as the angle about the vertical.
    if rotation.x or rotation.z or rotation.y != int(rotation.y):
        raise ActionFailed("The argument 'rotation' must be whole degrees about the vertical.", INVALID)
    environment.room  # noqa: B018 - fails without a scene
    environment.frame = environment.turned(int(rotation.y))


SEEING: dict[str, Action] = {
    "EmphasizeObject": Action(emphasize_object),
    "UnemphasizeAll": Action(unemphasize_all),
    "MaskObject": Action(mask_object),
    "UnmaskObject": Action(unmask_object),
    "HideObject": Action(hide_object),
    "UnhideObject": Action(unhide_object),
    "HideAllObjectsExcept": Action(hide_all_objects_except),
    "UnhideAllObjects": Action(unhide_all_objects),
    "MaskMovingParts": Action(
        _setting(
            "Paints doors, drawers and lids: (255, 0, 0) if their object is closed, (0, 255, 0) if it is open.",
            moving_parts=True,
        )
    ),
    "UnmaskMovingParts": Action(_setting("Draws doors, drawers and lids in their own colours.", moving_parts=False)),
    "MaskWalkable": Action(_setting("Paints the floor where the agent can walk (255, 0, 255).", walkable=True)),
    "UnmaskWalkable": Action(_setting("Draws the floor in its own colours.", walkable=False)),
    "GetMetadataOnGrid": Action(get_metadata_on_grid),
    "NumberOfPositionsFromWhichItemIsVisible": Action(number_of_positions_from_which_item_is_visible),
    "ExhaustiveSearchForItem": Action(exhaustive_search_for_item),
    "GetInteractablePoses": Action(get_interactable_poses, {"maxPoses": None, "maxDistance": None}),
    "RotateUniverseAroundAgent": Action(rotate_universe_around_agent),
}
"""Name -> action."""

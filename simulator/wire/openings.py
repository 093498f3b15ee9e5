"""The actions that open and close furniture, lids and drawers.

Names, arguments and the wording of failures are those of AI2-THOR. An object is named by its id or by the image point
that shows it. It must be visible (`simulator.wire.metadata`), unless the action is forced. `simulator.world.opening`
moves its parts.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simulator.wire.arguments import INVALID, Action
from simulator.wire.carrying import body_of, check_naming
from simulator.wire.environment import ActionFailed, Environment
from simulator.wire.metadata import axis_distances, rays_within, visible_objects
from simulator.world.navigation import Obstacles
from simulator.world.opening import move_parts
from simulator.world.sweep import Blocked

MOVED = 0.01
"""Metres: an object that is pushed farther may stand in the agent's way."""
MAX_CUT_OFF = 2
"""Number of grid points that a push may cut off from the agent, or the agent from them."""
RINGS = 10
"""Number of rings on which OpenObjectAtLocation searches, the first of which is the point itself."""


def open_object(
    environment: Environment,
    *,
    objectId: str | None = None,
    x: float | None = None,
    y: float | None = None,
    openness: float = 1.0,
    forceAction: bool = False,
    stopAtNonStaticCol: bool = False,
) -> None:
    """Opens an object, named by its id or by an image point, as far as `openness` says (0 to 1).

    The agent, a held object and whatever is fixed stop it; then everything returns to where it was. Objects that can
    move are pushed; with `stopAtNonStaticCol` they stop it too. `forceAction` ignores all obstacles, and it opens also
    what is not visible.
    """
    number = _target(environment, objectId, x, y, forceAction)
    if not 0.0 <= openness <= 1.0:
        raise ActionFailed(f"openness must be between 0 and 1, not {openness:g}.")
    _move(environment, number, openness, forceAction, not stopAtNonStaticCol)


def close_object(
    environment: Environment,
    *,
    objectId: str | None = None,
    x: float | None = None,
    y: float | None = None,
    forceAction: bool = False,
) -> None:
    """Closes an object, named by its id or by an image point, by the rules of OpenObject."""
    _move(environment, _target(environment, objectId, x, y, forceAction), 0.0, forceAction)


def open_object_at_location(environment: Environment, *, x: float, y: float, z: float = 0.0) -> None:
    """Opens the closed object nearest to an image point within the radius `z` (as a share of the image), with force.

    The search goes over 10 rings around (x, y), the i-th of radius z i / 9 with 2 i + 1 points, to the first point that
    shows an object that is closed, opens and is visible. With z = 0 it looks at (x, y) alone.
    """
    if z < 0:
        raise ActionFailed(f"The argument 'z' must be at least 0, not {z:g}.", INVALID)
    room = environment.room
    wanted = _visible(environment) & room.openable & (room.parts.openness == 0.0)
    with rays_within(room, environment.camera, environment.view.visibility_distance):
        found = _first_of(environment, wanted, x, y, z) if wanted.any() else None
    if found is None:
        raise ActionFailed("There is no closed openable object that is visible near this point.")
    _move(environment, found, 1.0, force=True)


def _first_of(environment: Environment, wanted: NDArray[np.bool_], x: float, y: float, z: float) -> int | None:
    """The first of the wanted objects (n,) that a point of the rings shows, see `open_object_at_location`."""
    for ring in range(RINGS if z > 0 else 1):
        radius, count = z * ring / (RINGS - 1), 2 * ring + 1
        for number in range(count):
            angle = 2 * math.pi * number / count
            point = x + radius * math.cos(angle), y + radius * math.sin(angle)
            if not all(0.0 <= one <= 1.0 for one in point):
                continue
            pick = environment.pick(*point, math.inf)
            if pick is not None and pick.object is not None and wanted[pick.object]:
                return pick.object
    return None


def close_visible_objects(environment: Environment) -> None:
    """Closes every open object that is visible; fails if there is none or if none of them can be closed."""
    room = environment.room
    found = np.flatnonzero(_visible(environment) & (room.parts.openness > 0.0)).tolist()
    if not found:
        raise ActionFailed("There is no open object that is visible.")
    failures = []
    for number in found:
        try:
            _move(environment, number, 0.0)
        except ActionFailed as failure:
            failures.append(failure)
    if len(failures) == len(found):
        raise failures[0]


def _target(environment: Environment, object_id: str | None, x: float | None, y: float | None, force: bool) -> int:
    """The number of the openable object that an action names."""
    room = environment.room
    point = check_naming(object_id, x, y)
    near = force
    if object_id is not None:
        number = environment.object_number(object_id)
    else:
        assert point is not None
        pick = environment.pick(*point, math.inf)
        if pick is None or pick.object is None:
            raise ActionFailed("There is no object at this point.")
        number = pick.object
        reach = environment.view.visibility_distance
        near = near or bool(axis_distances(environment.camera, pick.point[None])[0] <= reach)
    name = environment.ids[number]
    if not room.scene.objects[number].openable:
        raise ActionFailed(f"{name} is not an Openable object")
    if not near and not _visible(environment, number)[number]:
        raise ActionFailed(f"{name} is not visible.")
    return number


def _visible(environment: Environment, only: int | None = None) -> np.ndarray:
    return visible_objects(environment.room, environment.camera, environment.view.visibility_distance, only)


def _move(environment: Environment, number: int, openness: float, force: bool = False, push: bool = True) -> None:
    room = environment.room
    before = room.data.xpos[room.object_bodies]
    with room.trial() as restore:
        try:
            move_parts(
                room,
                number,
                openness,
                body_of(environment),
                force=force,
                push=push,
                rest=not environment.physics_paused,
            )
        except Blocked as blocked:
            name = "the agent" if blocked.geom is None else environment.name_of_geom(blocked.geom)
            raise ActionFailed(f"Openable object collided with {name}") from None
        moved = np.linalg.norm(room.data.xpos[room.object_bodies] - before, axis=1) > MOVED
        moved &= [obj.dynamic for obj in room.scene.objects]
        if moved.any():  # less what travels along in a drawer
            moved &= [number not in holders for holders in room.containment.parents(room.present, room.held)]
        if moved.any():
            with room.trial() as proceed:
                restore()
                before_it = _places(environment, number)
                proceed()
            now = _places(environment, number)
            lost = before_it[~_among(before_it, now)]
            if int(_obstacles(environment, number).free(environment.frame.from_client(lost)).sum()) > MAX_CUT_OFF:
                restore()
                largest = int((room.box_radii * moved).argmax())
                raise ActionFailed(f"It would block the agent's way with {environment.ids[largest]}")


def _obstacles(environment: Environment, number: int) -> Obstacles:
    """The obstacles for the agent without the parts of the object `number`."""
    room = environment.room
    parts = set(room.parts.geoms_of(number).tolist())
    return Obstacles(room.scene.floor, [one for one in room.obstacles().prints if one[0] not in parts])


def _places(environment: Environment, number: int) -> NDArray[np.float64]:
    """(n, 2) grid points to which the agent can walk, in the client's frame, if these parts are left out."""
    return environment.reachable_places(_obstacles(environment, number))


def _among(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) whether each of the points (n, 2) is one of the others (m, 2)."""
    apart = np.abs(points[:, None] - others[None]).max(axis=2)
    found: NDArray[np.bool_] = (apart < MOVED).any(axis=1)
    return found


OPENINGS: dict[str, Action] = {
    "OpenObject": Action(open_object, {"moveMagnitude": None}),
    "CloseObject": Action(close_object),
    "OpenObjectAtLocation": Action(open_object_at_location),
    "CloseVisibleObjects": Action(close_visible_objects, {"forceAction": False}),
}
"""Name -> action."""

"""What the actions of the hand and of the agent share: how the held object is chosen, checked and carried along.

A held object is a child of the camera: it follows the agent's moves, turns and looks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.wire.arguments import INVALID, MISSING
from simulator.wire.environment import ActionFailed, Environment
from simulator.wire.metadata import visible_objects
from simulator.world.camera import Camera
from simulator.world.collisions import Body
from simulator.world.hand import (
    REACH,
    Group,
    Meeting,
    Path,
    Shift,
    carried_by,
    default_pose,
    middle,
    move,
    with_contents,
)
from simulator.world.room import Room

ROUNDING = 1e-6
"""Metres by which rounding may take the held object beyond its reach."""

Array = NDArray[np.float64]


def follow(environment: Environment, swept: bool, forced: bool = False, at_eyes: bool = False, **changes: Any) -> None:
    """Changes the agent's pose; the held object goes along.

    Args:
        environment: the state to act on.
        swept: whether its whole way must be free, or only its end.
        forced: whether nothing is checked.
        at_eyes: whether the object moves past the agent's body, which then must not be in its way.
        changes: fields of the agent's pose.

    Raises:
        ActionFailed: the held object is in the way; the agent's pose and everything else stay as they were.
    """
    room, agent = environment.room, environment.agent
    if room.held is None:
        environment.move_agent(**changes)
        return
    before = environment.camera
    environment.move_agent(**changes)
    after = environment.camera
    path = carried_by(before, after)
    carried = with_contents(room, room.held)
    try:
        if not forced:
            _check_way(environment, carried, path, _longest(before, after) if swept else None, at_eyes)
        with undoing(room):
            carry(environment, carried, path(1.0))
    except Exception:
        environment.agent = agent
        raise


def _longest(before: Camera, after: Camera) -> tuple[float, float]:
    """Metres by which a camera is shifted and radians by which it turns at most."""
    turned = abs(after.horizon - before.horizon) + abs((after.yaw - before.yaw + 180.0) % 360.0 - 180.0)
    return float(np.linalg.norm(np.subtract(after.position, before.position))), math.radians(turned)


def _check_way(
    environment: Environment, carried: tuple[int, ...], path: Path, longest: tuple[float, float] | None, at_eyes: bool
) -> None:
    """Refuses a way of the held object on which it would collide, or beyond reach at its end.

    Without `longest` only the end counts. `environment` has the agent's new pose.
    """
    room = environment.room
    held, end = middle(room, carried[0]), path(1.0)
    body = body_of(environment) if at_eyes else None
    if longest is None:
        found = tried(room, carried, end).clear(end, body)
    else:
        # No point of the object is farther from the camera than this, in front of which it is held.
        lever = float(np.linalg.norm(held - environment.camera.position)) + longest[0] + 2 * reach_of(room, carried)
        length = longest[0] + longest[1] * lever
        found = Group(room, carried, length).sweep(path, length, body)
    if found is not None:
        raise ActionFailed(f"The held object would collide with {named(environment, found)}.")
    if math.dist((end.turn @ held + end.by)[:2], environment.place) > REACH + ROUNDING:
        raise ActionFailed("The held object would be farther from the agent than its arm reaches.")


def tried(room: Room, numbers: tuple[int, ...], shift: Shift) -> Group:
    """Objects as a whole that is tried at one place."""
    return Group(room, numbers, 0.0, shift.turn @ Group(room, numbers, 0.0).center + shift.by)


def reach_of(room: Room, numbers: tuple[int, ...]) -> float:
    """Radius of a ball around the middle of the first object that holds all of them, metres."""
    center = middle(room, numbers[0])
    return max(float(np.linalg.norm(middle(room, one) - center) + room.box_radii[one]) for one in numbers)


def carry(environment: Environment, carried: tuple[int, ...], shift: Shift) -> None:
    """Moves the held object with its contents. What leaned on it falls."""
    room = environment.room
    touched = Group(room, carried, 0.01).touched()
    room.carried = carried
    move(room, carried, shift)
    if len(touched):
        room.wake(touched)
        settle(environment)


def settle(environment: Environment) -> None:
    """Lets everything come to rest, unless physics is paused."""
    if not environment.physics_paused:
        environment.room.physics.run_to_rest()


@contextmanager
def undoing(room: Room) -> Iterator[None]:
    """Puts everything back if the action fails."""
    with room.trial() as restore:
        try:
            yield
        except Exception:
            restore()
            raise


def body_of(environment: Environment) -> Body:
    """The agent's body."""
    return Body(*environment.place, environment.agent.standing)


def named(environment: Environment, meeting: Meeting) -> str:
    """The id or name of what is in the way."""
    return "the agent" if meeting.geom is None else environment.name_of_geom(meeting.geom)


def held_object(environment: Environment) -> int:
    """The number of the held object.

    Raises:
        ActionFailed: the hand is empty.
    """
    held = environment.room.held
    if held is None:
        raise ActionFailed("The hand is empty: nothing is held.")
    return held


def check_naming(object_id: str | None, x: float | None, y: float | None) -> tuple[float, float] | None:
    """The image point that names an object, or None if its id does.

    Raises:
        ActionFailed: neither is sent, or both, or the point is outside the image.
    """
    if object_id is not None:
        if x is not None or y is not None:
            raise ActionFailed("The object must be named by 'objectId' or by 'x' and 'y', not by both.", INVALID)
        return None
    if x is None or y is None:
        raise ActionFailed("The object must be named: the action needs 'objectId', or 'x' and 'y'.", MISSING)
    if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
        raise ActionFailed("The image point is outside the agent's view: x and y go from 0 to 1.")
    return x, y


def chosen_object(
    environment: Environment, object_id: str | None, x: float | None, y: float | None, forced: bool
) -> tuple[int, Array | None]:
    """The object that an action names, by its id or an image point, and the hit point (3,) for the latter.

    Raises:
        ActionFailed: there is none, or it is not visible and `forced` is False.
    """
    room, point = environment.room, check_naming(object_id, x, y)
    if object_id is not None:
        number = environment.object_number(object_id)
        reach = environment.view.visibility_distance
        if not forced and not visible_objects(room, environment.camera, reach, only=number)[number]:
            raise ActionFailed(f"The object '{object_id}' is not visible within visibilityDistance.")
        return number, None
    assert point is not None
    pick = environment.pick(*point, math.inf if forced else environment.view.visibility_distance)
    if pick is None or pick.object is None:
        raise ActionFailed("There is no object at the image point within visibilityDistance.")
    return pick.object, pick.point


def into_hand(environment: Environment, number: int, forced: bool) -> None:
    """Holds an object, with its contents, at the hand's default place. Everything that leaned on it falls.

    Raises:
        ActionFailed: it would collide there.
    """
    room = environment.room
    carried = with_contents(room, number)
    shift = default_pose(room, environment.camera, number)
    if not forced:
        found = tried(room, carried, shift).clear(shift)
        if found is not None:
            raise ActionFailed(
                f"'{room.scene.objects[number].category}' cannot be held: at the hand's default place it would collide "
                f"with {named(environment, found)}."
            )
    room.hold(carried)
    carry(environment, carried, shift)


def carry_off(environment: Environment, carried: tuple[int, ...], shift: Shift) -> None:
    """Moves the held object and lets go of it."""
    room = environment.room
    touched = Group(room, carried, 0.01).touched()
    room.hold(())
    move(room, carried, shift)
    room.wake(np.array([*carried, *touched], dtype=np.intp))

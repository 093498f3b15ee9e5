"""The actions of the hand: picking up, carrying, moving, turning, putting and dropping an object.

`simulator.wire.carrying` has what they share with the actions that move the agent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from simulator.wire.arguments import INVALID, Action
from simulator.wire.carrying import (
    body_of,
    carry,
    carry_off,
    chosen_object,
    held_object,
    into_hand,
    named,
    settle,
    undoing,
)
from simulator.wire.environment import ActionFailed, Environment
from simulator.world.collisions import CAPSULE_RADIUS
from simulator.world.hand import (
    REACH,
    SAMPLE,
    Group,
    Shift,
    middle,
    rotation_about,
    straight,
    turning,
    with_contents,
)
from simulator.world.hand_force import push_held, push_out
from simulator.world.physics import Unstable
from simulator.world.placing import free_poses, places_of, shut

MAX_HAND_MOVE = 10.0
"""Largest part of a movement of the hand, metres; it reaches 1.5 m."""
LEAST_MOVE, LEAST_TURN = 1e-3, math.radians(1e-3)
"""Metres and radians below which MoveHandForce counts as not having moved anything."""
PUT_TRIES = 5
"""Places on a receptacle at which PutObject lets the object come to rest before it gives up."""
MAX_SLIP = 0.1
"""How far, metres, an object may move from where it was put until it rests."""

Array = NDArray[np.float64]


# --- Picking up, putting and dropping


def pickup_object(
    environment: Environment,
    *,
    objectId: str | None = None,
    x: float | None = None,
    y: float | None = None,
    forceAction: bool = False,
) -> None:
    """Takes a pickupable object, with what lies in it, into the empty hand, at the hand's default place.

    Args:
        environment: the state to act on.
        objectId: of the object.
        x: image point of the object instead, from 0 (left) to 1.
        y: from 0 (top) to 1.
        forceAction: whether the object may be out of sight and may collide in the hand.
    """
    room = environment.room
    if room.held is not None:
        raise ActionFailed(f"The hand already holds {environment.ids[room.held]}.")
    number, _ = chosen_object(environment, objectId, x, y, forceAction)
    if not room.scene.objects[number].pickupable:
        raise ActionFailed(f"The object '{environment.ids[number]}' is not pickupable.")
    with undoing(room):
        into_hand(environment, number, forceAction)


def put_object(
    environment: Environment,
    *,
    objectId: str | None = None,
    x: float | None = None,
    y: float | None = None,
    forceAction: bool = False,
    placeStationary: bool = True,
) -> None:
    """Puts the held object on the nearest free place of a receptacle, or into it, and lets it come to rest.

    `placeStationary` has no effect: objects always come to rest before the reply.

    Args:
        environment: the state to act on.
        objectId: of the receptacle.
        x: image point of the receptacle instead, from 0 (left) to 1; the object goes as near to it as possible.
        y: from 0 (top) to 1.
        forceAction: whether the receptacle may be out of sight.
        placeStationary: has no effect.
    """
    room = environment.room
    held = held_object(environment)
    number, point = chosen_object(environment, objectId, x, y, forceAction)
    name = environment.ids[number]
    if number in room.carried:
        raise ActionFailed("The held object cannot be put on itself.")
    if not room.scene.objects[number].receptacle:
        raise ActionFailed(f"The object '{name}' is no receptacle.")
    if shut(room, number):
        raise ActionFailed(f"The receptacle '{name}' is closed: open it first.")
    near = np.array(environment.place) if point is None else point
    carried = with_contents(room, held)
    # The places are found before the first try, because the search looks at the room as it is.
    shifts = list(islice(free_poses(room, carried, places_of(room, number), near), PUT_TRIES))
    with room.trial() as restore:
        for shift in shifts:
            carry_off(environment, carried, shift)
            target = middle(room, held)
            try:
                settle(environment)
            except Unstable:
                target += np.inf
            if float(np.linalg.norm(middle(room, held) - target)) <= MAX_SLIP:
                return
            restore()
        raise ActionFailed(
            f"There is no free place on '{name}' at which the held object stays."
            if shifts
            else f"There is no free place for the held object on '{name}'."
        )


def drop_held_object(environment: Environment, *, forceAction: bool = False) -> None:
    """Lets go of the held object, which falls and comes to rest; fails if it overlaps the agent or anything else."""
    room = environment.room
    held = held_object(environment)
    carried = with_contents(room, held)
    if not forceAction:
        found = Group(room, carried, 0.01).clear(Shift(np.eye(3), np.zeros(3)), body_of(environment))
        if found is not None:
            raise ActionFailed(f"The held object cannot be dropped: it collides with {named(environment, found)}.")
    with undoing(room):
        room.hold(())
        room.wake(np.array(carried, dtype=np.intp))
        settle(environment)


# --- Moving the hand


def _within(environment: Environment, place: Array) -> str | None:
    """What forbids that the middle of the held object is at a place (3,), or None."""
    if math.dist(place[:2], environment.place) > REACH:
        return f"The held object would be more than {REACH} m from the agent."
    if not environment.camera.sees(place[None])[0]:
        return "The held object would leave the agent's view."
    return None


def _check_move(**parts: float) -> None:
    for name, value in parts.items():
        if abs(value) > MAX_HAND_MOVE:
            raise ActionFailed(f"The argument '{name}' must be at most {MAX_HAND_MOVE:g} m, not {value:g}.", INVALID)


def _move_held(environment: Environment, by: Array) -> None:
    """Moves the held object along a vector (3,) of the world, if its way is free."""
    room = environment.room
    place = middle(room, held_object(environment)) + by
    forbidden = _within(environment, place)
    if forbidden is not None:
        raise ActionFailed(forbidden)
    carried = with_contents(room, room.carried[0])
    length = float(np.linalg.norm(by))
    found = Group(room, carried, length).sweep(straight(by), length, body_of(environment))
    if found is not None:
        raise ActionFailed(f"The held object cannot be moved: {named(environment, found)} is in the way.")
    with undoing(room):
        carry(environment, carried, Shift(np.eye(3), by))


def _camera_axes(environment: Environment, right: float, up: float, ahead: float) -> Array:
    """(3,) world vector from one along the camera's axes."""
    axes = environment.camera.axes()
    vector: Array = right * axes[0] + up * axes[1] + ahead * axes[2]
    return vector


def _moving(right: float, up: float, ahead: float, direction: str) -> Callable[..., None]:
    def move_held(environment: Environment, *, moveMagnitude: float) -> None:
        if moveMagnitude <= 0:
            raise ActionFailed(f"The argument 'moveMagnitude' must be greater than 0, not {moveMagnitude}.", INVALID)
        _check_move(moveMagnitude=moveMagnitude)
        held_object(environment)
        _move_held(environment, moveMagnitude * _camera_axes(environment, right, up, ahead))

    move_held.__doc__ = (
        f"Moves the held object {direction} in the camera's frame by `moveMagnitude` metres; fails beyond 1.5 m, out "
        "of the view, or with something in the way."
    )
    return move_held


def move_held_object(environment: Environment, *, ahead: float = 0.0, right: float = 0.0, up: float = 0.0) -> None:
    """Moves the held object along a vector of the camera's frame, metres, by the rules of MoveHeldObjectAhead."""
    _check_move(ahead=ahead, right=right, up=up)
    held_object(environment)
    _move_held(environment, _camera_axes(environment, right, up, ahead))


def move_hand_force(environment: Environment, *, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> None:
    """Moves the held object by metres along the agent's axes, right, up and ahead; it pushes what is in its way.

    The movement ends at its distance, 1.5 m from the agent, at the edge of the view or when it is stuck. It fails, and
    everything is put back, if nothing moved or if the object ends inside something.

    Args:
        environment: the state to act on.
        x: to the right.
        y: up.
        z: ahead.
    """
    _check_move(x=x, y=y, z=z)
    room = environment.room
    held = held_object(environment)
    by = environment.to_world(np.array([x, y, z]))
    length = float(np.linalg.norm(by))
    if length < LEAST_MOVE:
        raise ActionFailed("The hand was not moved: the distance is below 0.001 m.")
    start = middle(room, held)
    length = _allowed_length(environment, start, by / length, length)
    if length < LEAST_MOVE:
        raise ActionFailed(_within(environment, start + SAMPLE * by / np.linalg.norm(by)) or "The hand did not move.")
    by *= length / np.linalg.norm(by)
    carried = with_contents(room, held)
    found = Group(room, carried, length).sweep(straight(by), length, body_of(environment))
    with undoing(room):
        if found is None:
            carry(environment, carried, Shift(np.eye(3), by))
            return
        turned = room.data.xmat[room.object_bodies[held]].copy()
        # The free share of the way needs no physics.
        carry(environment, carried, Shift(np.eye(3), found.share * by))
        _push_on(environment, by / length, length - found.share * length)
        change = room.data.xmat[room.object_bodies[held]] @ turned
        turn = math.acos(min(1.0, max(-1.0, (change - 1) / 2)))
        if float(np.linalg.norm(middle(room, held) - start)) < LEAST_MOVE and turn < LEAST_TURN:
            raise ActionFailed(f"The hand did not move: {named(environment, found)} is in the way.")


def _push_on(environment: Environment, direction: Array, distance: float) -> None:
    """Moves the held object by force and checks where it ends."""
    room, body = environment.room, body_of(environment)
    held = held_object(environment)
    limit = Group(room, room.carried, 0.0).agent_distance(body)

    def allowed() -> bool:
        if _within(environment, middle(room, held)) is not None:
            return False
        near = math.hypot(*(middle(room, held)[:2] - (body.x, body.y))) < room.box_radii[held] + 2 * CAPSULE_RADIUS
        return not near or Group(room, room.carried, 0.0).agent_distance(body) >= min(limit - 1e-3, CAPSULE_RADIUS)

    push_held(room, direction, distance, allowed)
    settle(environment)
    if not push_out(room):
        raise ActionFailed("The hand was put back: the held object ended inside something.")


def _allowed_length(environment: Environment, start: Array, direction: Array, length: float) -> float:
    """The length of the part of a way that stays within reach and in the view, metres."""
    if _within(environment, start + length * direction) is None:
        return length
    low, high = 0.0, length  # both regions are convex
    if _within(environment, start) is not None:
        return 0.0
    while high - low > 1e-4:
        half = (low + high) / 2
        low, high = (half, high) if _within(environment, start + half * direction) is None else (low, half)
    return low


def rotate_held_object(environment: Environment, *, pitch: float = 0.0, yaw: float = 0.0, roll: float = 0.0) -> None:
    """Turns the held object about its middle, degrees about the agent's axes; fails if something is in the way.

    Args:
        environment: the state to act on.
        pitch: about the axis to the right; positive tips its front down.
        yaw: about the vertical, clockwise seen from above.
        roll: about the axis ahead; positive is counter-clockwise seen from the agent.
    """
    room = environment.room
    held = held_object(environment)
    angles = [math.radians(math.remainder(angle, 360.0)) for angle in (yaw, pitch, roll)]
    right, ahead = (environment.to_world(np.array(axis)) for axis in ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)))
    up = np.array([0.0, 0.0, 1.0])

    def turn(share: float) -> Array:
        # In Unity's order (z, x, y) and with its left-handed signs.
        first, second, third = (
            rotation_about(axis, -share * angle) for axis, angle in zip((up, right, ahead), angles, strict=True)
        )
        product: Array = first @ second @ third
        return product

    carried = with_contents(room, held)
    group = Group(room, carried, 0.0)
    path = turning(turn, middle(room, held))
    length = sum(map(abs, angles)) * 2 * group.radius
    found = Group(room, carried, 2 * group.radius).sweep(path, length, body_of(environment))
    if found is not None:
        raise ActionFailed(f"The held object cannot be turned: {named(environment, found)} is in the way.")
    with undoing(room):
        carry(environment, carried, path(1.0))


_ABOVE = {"forceVisible": False}
_DIRECTIONS: Sequence[tuple[str, tuple[float, float, float], str]] = (
    ("Ahead", (0.0, 0.0, 1.0), "away from the camera"),
    ("Back", (0.0, 0.0, -1.0), "towards the camera"),
    ("Left", (-1.0, 0.0, 0.0), "to the left"),
    ("Right", (1.0, 0.0, 0.0), "to the right"),
    ("Up", (0.0, 1.0, 0.0), "up"),
    ("Down", (0.0, -1.0, 0.0), "down"),
)
HANDS: dict[str, Action] = {
    "PickupObject": Action(pickup_object, {"manualInteract": False}),
    "PutObject": Action(put_object),
    "DropHeldObject": Action(drop_held_object, {"autoSimulation": True}),
    "DropHandObject": Action(drop_held_object, {"autoSimulation": True}),
    "MoveHeldObject": Action(move_held_object, _ABOVE),
    **{f"MoveHeldObject{name}": Action(_moving(*axes, words), _ABOVE) for name, axes, words in _DIRECTIONS},
    "MoveHandForce": Action(move_hand_force),
    "RotateHeldObject": Action(rotate_held_object),
}
"""Name -> action."""

"""The actions that bring objects into the room, place them and take them out.

A room has spare objects that wait outside (`SceneObject.parked`), so nothing is compiled anew. A new object's id comes
from its place when it is created. What rested on an object that is taken out falls.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.rooms.scene import from_unity
from simulator.rooms.spawn import generator_of
from simulator.things.categories import CATEGORIES
from simulator.things.shapes import rotation as rotation_of
from simulator.wire.arguments import INVALID, MISSING, Action, Angles, Vector, shown
from simulator.wire.carrying import body_of, into_hand, named, settle, tried, undoing
from simulator.wire.environment import ActionFailed, Environment
from simulator.wire.metadata import euler_angles, id_at, vector
from simulator.world.hand import Group, Shift, move, rotation_about, to_pose, with_contents
from simulator.world.placing import spawn_points
from simulator.world.room import Left, Room
from simulator.world.spam import resting_places

Array = NDArray[np.float64]
OUTSIDE = 0.01
"""How far a placed object may reach below the floor, metres."""
MAX_SPAM = 1000
"""Largest number of places that SpamObjectsInRoom looks for."""


# --- Into the room


def _spare(environment: Environment, category: str) -> int:
    """The number of an object of a category that waits outside.

    Raises:
        ActionFailed: the room has none, or all of them are in use.
    """
    room = environment.room
    parked = [number for number, obj in enumerate(room.scene.objects) if obj.parked and obj.category == category]
    if not parked:
        known = ", ".join(sorted({obj.category for obj in room.scene.objects if obj.parked}))
        others = f"it has {known}" if known else "the simulator was started with --no-spare-objects"
        raise ActionFailed(f"This room has no spare object of the type {shown(category)}; {others}.")
    for number in parked:
        if not room.present[number] and number not in room.left:
            return number
    raise ActionFailed(f"All {len(parked)} spare objects of the type '{category}' are in use.")


def new_id(environment: Environment, number: int) -> str:
    """An id for an object by its place, different from those of all others."""
    room = environment.room
    name = id_at(room.scene.objects[number].category, room.data.xpos[room.object_bodies[number]])
    taken = {*environment.ids, *(left.object_id for left in room.left.values())}
    count = 1
    while (name if count == 1 else f"{name}|{count}") in taken:
        count += 1
    return name if count == 1 else f"{name}|{count}"


def _enter(environment: Environment, number: int) -> str:
    """Gives an object that is in the room now its id, and returns it."""
    name = new_id(environment, number)
    environment.ids = [*environment.ids[:number], name, *environment.ids[number + 1 :]]
    return name


def create_object(environment: Environment, *, objectType: str, forceAction: bool = False) -> str:
    """Puts a spare object of a type into the empty hand; returns its id."""
    room = environment.room
    if room.held is not None:
        raise ActionFailed(f"The hand already holds {environment.ids[room.held]}.")
    number = _spare(environment, objectType)
    if not room.scene.objects[number].pickupable:
        raise ActionFailed(f"A '{objectType}' is too large for the hand; use CreateObjectAtLocation.")
    with undoing(room):
        room.set_present(number, True)
        into_hand(environment, number, forceAction)
    return _enter(environment, number)


def create_object_at_location(
    environment: Environment,
    *,
    objectType: str,
    position: Vector,
    rotation: Angles | None = None,
    forceAction: bool = False,
) -> str:
    """Puts a spare object of a type at a place, where it comes to rest; returns its id.

    Args:
        environment: the state to act on.
        objectType: its type.
        position: of its foot.
        rotation: Euler angles, degrees; upright by default.
        forceAction: whether it may overlap other objects or the agent, which then push it away.
    """
    room = environment.room
    number = _spare(environment, objectType)
    with undoing(room):
        room.set_present(number, True)
        _place(environment, number, position, rotation or Angles(0.0, 0.0, 0.0), forceAction)
        settle(environment)
    return _enter(environment, number)


def place_object_at_point(
    environment: Environment,
    *,
    objectId: str,
    position: Vector,
    rotation: Angles | None = None,
    forceKinematic: bool = False,
) -> None:
    """Puts an object, with what lies in it, at a place where it touches nothing; there it comes to rest.

    Args:
        environment: the state to act on.
        objectId: of a moveable or pickupable object; if it is held, the hand is empty afterwards.
        position: of its foot.
        rotation: Euler angles, degrees; by default it keeps its rotation.
        forceKinematic: whether it stays exactly there, until something touches it, instead of falling.
    """
    room = environment.room
    number = environment.object_number(objectId)
    if not room.scene.objects[number].dynamic:
        raise ActionFailed(f"The object '{objectId}' is neither moveable nor pickupable.")
    with undoing(room):
        _place(environment, number, position, rotation, False)
        if not forceKinematic:
            settle(environment)


def _matrix(angles: Angles) -> Array:
    """(3, 3) rotation of Unity's Euler angles, degrees, which apply in the order z, x, y."""
    about_x, about_y, about_z = (-np.radians(angle % 360.0) for angle in (angles.x, angles.y, angles.z))
    east, up, north = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
    turn: Array = rotation_about(up, about_y) @ rotation_about(east, about_x) @ rotation_about(north, about_z)
    return turn


def _place(environment: Environment, number: int, position: Vector, rotation: Angles | None, forced: bool) -> None:
    """Moves an object and its contents to a place. What it left falls.

    Raises:
        ActionFailed: the place is not in the room or not free.
    """
    room = environment.room
    body = room.object_bodies[number]
    target = environment.from_client(np.array(from_unity(position.x, position.y, position.z)))
    turn = room.data.xmat[body].reshape(3, 3)
    if rotation is not None:
        turn = environment.frame.rotation.T @ _matrix(rotation)
    if not _inside(room, number, target, turn, forced):
        raise ActionFailed("The position is out of the room's bounds.")
    numbers = with_contents(room, number)
    shift = to_pose(room, number, target, turn)
    _put(environment, numbers, shift, forced)


def _inside(room: Room, number: int, position: Array, turn: Array, forced: bool) -> bool:
    """Whether the middle of an object is in the room; if it may overlap others, also whether its box is.

    The box of an object that leans on something can reach below the floor where the object itself does not. Without
    force the floor counts as an obstacle anyway.
    """
    center = position + turn @ room.box_centers[number]
    x_min, x_max, y_min, y_max = room.scene.floor
    low = center[2] - (float(np.abs(turn[2]) @ room.box_halves[number]) if forced else 0.0)
    return bool(
        x_min < center[0] < x_max and y_min < center[1] < y_max and center[2] < room.scene.height and low > -OUTSIDE
    )


def _put(environment: Environment, numbers: tuple[int, ...], shift: Shift, forced: bool) -> None:
    room = environment.room
    here = Group(room, numbers, 0.01)
    if not forced:
        found = tried(room, numbers, shift).clear(shift, body_of(environment))
        if found is not None:
            raise ActionFailed(f"The place is not clear: the object would collide with {named(environment, found)}.")
    touched = here.touched()
    _let_go(room, numbers)
    move(room, numbers, shift)
    room.wake(np.array([*numbers, *touched], dtype=np.intp))


def _let_go(room: Room, numbers: tuple[int, ...]) -> None:
    """Takes objects out of the hand. What else it carried in the held object falls with that."""
    if room.held in numbers:
        carried = room.carried
        room.hold(())
        room.wake(np.array(carried, dtype=np.intp))
    elif set(numbers) & set(room.carried):
        room.hold(tuple(number for number in room.carried if number not in numbers))


# --- Out of the room


def _take_out(environment: Environment, number: int, remember: bool) -> None:
    """Takes a dynamic object out of the room; what rested on it or in it is woken."""
    room = environment.room
    touched = Group(room, (number,), 0.01).touched()
    start = room.model.jnt_qposadr[room.model.body_jntadr[room.object_bodies[number]]]
    pose = room.data.qpos[start : start + 7].copy()
    _let_go(room, (number,))
    room.set_present(number, False)
    if remember:
        room.left[number] = Left(environment.ids[number], pose)
    room.wake(touched)


def _removable(environment: Environment, object_id: str) -> int:
    room = environment.room
    number = environment.object_number(object_id)
    if not room.scene.objects[number].dynamic:
        raise ActionFailed(f"The object '{object_id}' is fixed furniture and cannot be taken out of the room.")
    return number


def _forget_ids(environment: Environment, numbers: list[int]) -> None:
    environment.ids = ["" if number in numbers else name for number, name in enumerate(environment.ids)]


def remove_from_scene(environment: Environment, *, objectId: str) -> None:
    """Takes a moveable or pickupable object out of the room for good, also out of the hand."""
    room = environment.room
    number = _removable(environment, objectId)
    with undoing(room):
        _take_out(environment, number, False)
        settle(environment)
    _forget_ids(environment, [number])


def disable_object(environment: Environment, *, objectId: str) -> None:
    """Takes a moveable or pickupable object out of the room until EnableObject; what it holds stays and falls."""
    room = environment.room
    number = _removable(environment, objectId)
    if number in room.carried:
        raise ActionFailed(f"The object '{objectId}' is held; drop it first.")
    with undoing(room):
        _take_out(environment, number, True)
        settle(environment)
    _forget_ids(environment, [number])


def disable_all_objects_of_type(environment: Environment, *, objectId: str) -> None:
    """Does the same as DisableObject with every object of the type `objectId`; there may be none."""
    room = environment.room
    objects = room.scene.objects
    known = {obj.category for obj in objects} | set(CATEGORIES)
    if objectId not in known:
        raise ActionFailed(f"There is no object type {shown(objectId)}.")
    numbers = [number for number, obj in enumerate(objects) if obj.category == objectId and room.present[number]]
    for number in numbers:
        if not objects[number].dynamic:
            raise ActionFailed(f"Objects of the type '{objectId}' are fixed furniture and cannot be taken out.")
        if number in room.carried:
            raise ActionFailed(f"The object '{environment.ids[number]}' is held; drop it first.")
    with undoing(room):
        for number in numbers:
            _take_out(environment, number, True)
        if numbers:
            settle(environment)
    _forget_ids(environment, numbers)


def enable_object(environment: Environment, *, objectId: str, forceAction: bool = False) -> None:
    """Brings a disabled object back to where it was, with its id; fails if the place is taken, unless forced."""
    room = environment.room
    number = next((number for number, left in room.left.items() if left.object_id == objectId), None)
    if number is None:
        if objectId and objectId in environment.ids:
            raise ActionFailed(f"The object '{objectId}' is not disabled.")
        raise ActionFailed(f"There is no disabled object '{objectId}'.")
    pose = room.left[number].pose
    turn = rotation_of(tuple((pose[3:] / np.linalg.norm(pose[3:])).tolist()))
    with undoing(room):
        del room.left[number]
        room.set_present(number, True)
        _put(environment, (number,), to_pose(room, number, pose[:3], turn), forceAction)
        settle(environment)
    environment.ids = [*environment.ids[:number], objectId, *environment.ids[number + 1 :]]


# --- Where objects can go


def get_spawn_coordinates(environment: Environment, *, objectId: str, anywhere: bool = True) -> list[dict[str, float]]:
    """Returns points 3 mm above the tops of a receptacle and the floors of its open containers, on a grid of 4 cm.

    Points inside or just below other objects are left out. `PlaceObjectAtPoint` tells whether an object fits at one.

    Args:
        environment: the state to act on.
        objectId: of the receptacle.
        anywhere: whether points out of the agent's sight count as well.
    """
    room = environment.room
    number = environment.object_number(objectId)
    if not room.scene.objects[number].receptacle:
        raise ActionFailed(f"The object '{objectId}' is no receptacle.")
    points = spawn_points(room, number)
    if not anywhere:
        points = points[environment.camera.sees(points)]
    return [vector(*point) for point in environment.to_client(points).tolist()]


def spam_objects_in_room(
    environment: Environment,
    *,
    objectId: str | None = None,
    objectType: str | None = None,
    randomSeed: int = 0,
    count: int = 100,
) -> list[dict[str, Any]]:
    """Returns up to `count` random places at which one object comes to rest; the room stays as it is.

    The object is put on free places of tops, containers (also closed ones) and the floor, one after the other. The
    result depends on the room as it is and on the seed.

    Args:
        environment: the state to act on.
        objectId: of an object in the room, which may be held.
        objectType: a type of which a spare object is taken instead.
        randomSeed: any whole number from 0.
        count: 1 to 1000.

    Returns:
        A dictionary for each place: position, rotation, and parentReceptacles (ids).
    """
    room = environment.room
    if randomSeed < 0:
        raise ActionFailed(f"The argument 'randomSeed' must be at least 0, not {randomSeed}.", INVALID)
    if not 1 <= count <= MAX_SPAM:
        raise ActionFailed(f"The argument 'count' must be between 1 and {MAX_SPAM}, not {count}.", INVALID)
    if (objectId is None) == (objectType is None):
        raise ActionFailed("The action needs either 'objectId' or 'objectType'.", MISSING)
    number = _spare(environment, objectType) if objectType is not None else _removable(environment, objectId or "")
    found = resting_places(room, number, generator_of(room.scene.name, randomSeed), count)
    turns = environment.frame.rotation @ np.array([one.rotation for one in found]).reshape(-1, 3, 3)
    angles = euler_angles(turns).tolist()
    return [
        {
            "position": vector(*environment.to_client(one.position).tolist()),
            "rotation": {"x": x, "y": y, "z": z},
            "parentReceptacles": [environment.ids[parent] for parent in one.parents],
        }
        for one, (x, y, z) in zip(found, angles, strict=True)
    ]


OBJECTS: dict[str, Action] = {
    "CreateObject": Action(create_object, {"randomizeObjectAppearance": False}),
    "CreateObjectAtLocation": Action(create_object_at_location, {"randomizeObjectAppearance": False}),
    "PlaceObjectAtPoint": Action(place_object_at_point),
    "RemoveFromScene": Action(remove_from_scene),
    "DisableObject": Action(disable_object),
    "EnableObject": Action(enable_object),
    "DisableAllObjectsOfType": Action(disable_all_objects_of_type),
    "GetSpawnCoordinatesAboveReceptacle": Action(get_spawn_coordinates),
    "SpamObjectsInRoom": Action(spam_objects_in_room),
}
"""Name -> action."""

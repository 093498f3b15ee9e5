"""Free places for objects on and in others: rectangles to stand on, and the points of a grid that are free there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.rooms.scene import Surface
from simulator.world.hand import Group, Shift, middle, rotation_about, to_pose
from simulator.world.room import Room

SPACING = 0.04
"""Distance between the points of a rectangle that are tried, metres."""
LIFT = 0.003
"""Height above a surface at which an object is put down, metres."""
MARGIN = 0.02
"""Distance of spawn points from the edges of a place and from other objects, metres."""
LEVEL = 0.95
"""Smallest vertical part of a surface's normal on which something is put."""
UP = np.array([0.0, 0.0, 1.0])

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """A level rectangle on which an object can stand."""

    center: Array
    """(3,) world frame, metres."""
    yaw: float
    """Radians about +z."""
    half: tuple[float, float]
    clearance: float
    """Free height above it, metres."""
    closes: bool = False
    """Whether a door, drawer or lid closes over it, so that nothing may be higher than the clearance."""


def surface_place(room: Room, surface: Surface) -> Place | None:
    """Where a surface is now; None if it is not level."""
    center, yaw = np.array(surface.center), surface.yaw
    if surface.support:
        body = room.model.body(surface.support).id
        if room.model.body_dofnum[body]:
            return _placed(room, body, center, yaw, surface.half_size, surface.clearance)
    return Place(center, yaw, surface.half_size, surface.clearance)


def _placed(
    room: Room, body: int, center: Array, yaw: float, half: tuple[float, float], clearance: float, closes: bool = False
) -> Place | None:
    turn = room.data.xmat[body].reshape(3, 3)
    if turn[2, 2] < LEVEL:
        return None
    yaw += math.atan2(turn[1, 0], turn[0, 0])
    return Place(room.data.xpos[body] + turn @ center, yaw, half, clearance, closes)


def places_of(room: Room, number: int, closed_too: bool = False) -> list[Place]:
    """The rectangles of an object that can be reached now: its tops, and the floors of its open containers.

    With `closed_too` they include the floors of containers that are closed.
    """
    obj, is_open = room.scene.objects[number], closed_too or bool(room.parts.openness[number] > 0.0)
    found: list[Place | None] = [
        surface_place(room, surface)
        for surface in room.scene.surfaces
        if surface.support == obj.name and not surface.behind and surface.place != "under"
    ]
    for container in obj.containers:
        if is_open or not container.closed:
            x, y, z = container.center
            a, b, c = container.half
            body = room.model.body(container.body).id
            found.append(_placed(room, body, np.array([x, y, z - c]), 0.0, (a, b), 2 * c, container.closed))
    return [place for place in found if place is not None]


def shut(room: Room, number: int) -> bool:
    """Whether an object must be opened before anything can be put into it."""
    obj = room.scene.objects[number]
    return obj.openable and not room.parts.openness[number] and not places_of(room, number)


def standing(room: Room, number: int, place: Place, x: float, y: float, yaw: float) -> Shift:
    """The motion that puts an object upright, with the middle of its box at (x, y) of the world, on a place."""
    turn = rotation_about(UP, yaw)
    offset = turn @ room.box_centers[number]
    z = place.center[2] + room.box_halves[number][2] - offset[2] + LIFT
    return to_pose(room, number, np.array([x - offset[0], y - offset[1], z]), turn)


def grid(place: Place, half: tuple[float, float], spacing: float = SPACING) -> Array:
    """(n, 2) points of the world, metres, at which a footprint with half sides `half` lies within the place."""
    room_x, room_y = place.half[0] - half[0], place.half[1] - half[1]
    if room_x < 0 or room_y < 0:
        return np.empty((0, 2))
    counts = [2 * int(free / spacing) + 1 for free in (room_x, room_y)]
    us, vs = (np.linspace(-free, free, count) if count > 1 else np.zeros(1)
              for free, count in zip((room_x, room_y), counts, strict=True))  # fmt: skip
    points = np.stack(np.meshgrid(us, vs, indexing="ij"), -1).reshape(-1, 2)
    cos, sin = math.cos(place.yaw), math.sin(place.yaw)
    placed: Array = place.center[:2] + points @ np.array([[cos, sin], [-sin, cos]])
    return placed


def fits(room: Room, number: int, places: Sequence[Place]) -> list[tuple[Place, float, tuple[float, float]]]:
    """Places that are large enough for an object, with the yaws at which it fits and its half sides there."""
    a, b, c = room.box_halves[number].tolist()
    return [
        (place, place.yaw + yaw, half)
        for place in places
        for yaw, half in ((0.0, (a, b)), (math.pi / 2, (b, a)))
        if half[0] <= place.half[0] and half[1] <= place.half[1] and not (place.closes and 2 * c > place.clearance)
    ]


def free_poses(room: Room, numbers: Sequence[int], places: Sequence[Place], near: Array) -> Iterator[Shift]:
    """Motions that put an object, the first of `numbers`, and its contents on free points of the places.

    They come in the order of their distances from the point `near` (2 or 3,). They are tested only when asked for, so
    nothing may be moved in between.
    """
    chosen = []
    for place, yaw, half in fits(room, numbers[0], places):
        for x, y in grid(place, half).tolist():
            point = np.array([x, y, place.center[2]])[: len(near)]
            chosen.append((float(np.linalg.norm(point - near)), x, y, yaw, place))
    chosen.sort(key=lambda one: one[:4])
    groups: dict[int, Group] = {}
    for _, x, y, yaw, place in chosen:
        group = groups.get(id(place))
        if group is None:
            height = 2 * float(room.box_halves[numbers[0]][2])
            group = groups[id(place)] = Group(room, numbers, math.hypot(*place.half) + height, place.center)
        shift = standing(room, numbers[0], place, x, y, yaw)
        if group.clear(shift) is None:
            yield shift


def spawn_points(room: Room, number: int) -> Array:
    """(n, 3) points of a grid just above the places of an object, world frame, metres, that no object covers."""
    points = [
        np.column_stack([corners := grid(place, (MARGIN, MARGIN)), np.full(len(corners), place.center[2] + LIFT)])
        for place in places_of(room, number)
    ]
    found: Array = np.concatenate([*points, np.empty((0, 3))])
    for other in np.flatnonzero(room.present).tolist():
        if other == number or not room.scene.objects[other].dynamic:
            continue
        body = int(room.object_bodies[other])
        turn, center = room.data.xmat[body].reshape(3, 3), middle(room, other)
        local = np.abs((found + [0.0, 0.0, MARGIN] - center) @ turn)
        found = found[~np.all(local <= room.box_halves[other] + MARGIN, axis=1)]
    return found

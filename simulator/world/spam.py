"""Random places of a room at which an object comes to rest: on tops, in containers and on the floor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.world.hand import Group, middle, move, with_contents
from simulator.world.physics import Unstable
from simulator.world.placing import Place, places_of, standing, surface_place
from simulator.world.room import Room

TRIES = 20
"""Random poses that are tried for each place wanted."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Resting:
    """Where an object came to rest."""

    position: Array
    """(3,) of its body, world frame, metres."""
    rotation: Array
    """(3, 3)."""
    parents: tuple[int, ...]
    """Numbers of the objects that it is in or on."""


def resting_places(room: Room, number: int, generator: np.random.Generator, count: int) -> list[Resting]:
    """Lets an object come to rest at up to `count` random free places, one after the other.

    The room is exactly as before afterwards. Larger places are chosen more often, by the square root of their area, so
    that the floor does not get nearly all.

    Args:
        room: the room.
        number: of a dynamic object; it may be held or outside the room.
        generator: decides everything random.
        count: number of places.
    """
    found: list[Resting] = []
    with room.trial() as restore_all:
        try:
            room.hold(())
            numbers = with_contents(room, number) if room.present[number] else (number,)
            room.set_present(number, True)
            places = _all_places(room, number)
            weights = np.sqrt([place.half[0] * place.half[1] for place in places])
            groups: dict[int, Group] = {}
            with room.trial() as restore:
                for _ in range(TRIES * count):
                    if len(found) == count:
                        break
                    index = int(generator.choice(len(places), p=weights / weights.sum()))
                    place = places[index]
                    pose = _random_pose(room, number, place, generator.random(3))
                    if pose is None:
                        continue
                    if index not in groups:
                        height = 2 * float(room.box_halves[number][2])
                        groups[index] = Group(room, numbers, math.hypot(*place.half) + height, place.center)
                    shift = standing(room, number, place, *pose)
                    if groups[index].clear(shift) is not None:
                        continue
                    move(room, numbers, shift)
                    room.wake(np.array(numbers, dtype=np.intp))
                    try:
                        room.physics.run_to_rest()
                        resting = _resting(room, number)
                    except Unstable:
                        resting = None
                    if resting is not None:
                        found.append(resting)
                    restore()
        finally:
            restore_all()
    return found


def _all_places(room: Room, number: int) -> list[Place]:
    """The rectangles of the whole room, without those of the object itself and those under furniture."""
    floors = [surface_place(room, surface) for surface in room.scene.surfaces if surface.place == "floor"]
    if not floors:  # rooms without a surface for the floor
        x_min, x_max, y_min, y_max = room.scene.floor
        center = np.array([(x_min + x_max) / 2, (y_min + y_max) / 2, 0.0])
        floors = [Place(center, 0.0, ((x_max - x_min) / 2, (y_max - y_min) / 2), room.scene.height)]
    found = [place for place in floors if place is not None]
    for other in np.flatnonzero(room.present).tolist():
        if other != number and room.scene.objects[other].receptacle:
            found += places_of(room, other, closed_too=True)
    return found


def _random_pose(room: Room, number: int, place: Place, draws: Array) -> tuple[float, float, float] | None:
    """(x, y, yaw) of a random pose on a place, by three numbers from [0, 1); None if the object does not fit."""
    u, v, w = draws.tolist()
    a, b, _ = room.box_halves[number].tolist()
    turn = 2 * math.pi * w
    for local in (turn, math.pi / 2 * round(4 * w)):
        cos, sin = abs(math.cos(local)), abs(math.sin(local))
        free_x, free_y = place.half[0] - cos * a - sin * b, place.half[1] - sin * a - cos * b
        if free_x >= 0 and free_y >= 0:
            p, q = (2 * u - 1) * free_x, (2 * v - 1) * free_y
            cos, sin = math.cos(place.yaw), math.sin(place.yaw)
            x, y = place.center[0] + cos * p - sin * q, place.center[1] + sin * p + cos * q
            return float(x), float(y), place.yaw + local
    return None


def _resting(room: Room, number: int) -> Resting | None:
    """Where an object is now; None if it left the room."""
    body = int(room.object_bodies[number])
    x, y, z = middle(room, number).tolist()
    x_min, x_max, y_min, y_max = room.scene.floor
    if not (x_min < x < x_max and y_min < y < y_max and z > 0):
        return None
    held_by = room.containment.parents(room.present)[number]
    return Resting(room.data.xpos[body].copy(), room.data.xmat[body].reshape(3, 3).copy(), held_by)

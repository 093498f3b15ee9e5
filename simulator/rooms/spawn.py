"""Placement by seed (InitialRandomSpawn): puts a room's dynamic objects on its surfaces and leaves the model unchanged.

Every object stands upright with a random yaw. On each surface the footprints are packed as turned rectangles. Large
objects stand on the floor near walls and furniture and keep the floor walkable. The result depends only on the room and
the seed, not on where the objects were before.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import mujoco
import numpy as np

from simulator.rooms.footprints import Footprint, WalkGrid, blocked, footprint
from simulator.rooms.scene import Obstacle, Scene, SceneObject, Surface
from simulator.rooms.spots import Pose, Spot, could_hold, readiness, spot_of
from simulator.things.categories import CATEGORIES

MIN_POSITIONS = {"kitchen": 84, "living_room": 84, "bedroom": 28, "bathroom": 28, "foyer": 70}
"""Number of grid positions that must stay reachable from each other, by kind of room."""
_DROP = 0.002
_FLOOR_TRIES = 40
_CLOSED_TRIES = 4
"""Number of surfaces inside what is closed that are tried for an object."""
_PLANS = 5
_AREA_THAT_COUNTS = 0.8
"""Square metres beyond which a larger area of one kind of place attracts no more objects."""


def generator_of(name: str, *numbers: int) -> np.random.Generator:
    """A random generator seeded by a scene name and further numbers; the same in every process."""
    return np.random.default_rng([zlib.crc32(name.encode()), *(number % 2**64 for number in numbers)])


class Crowded(Exception):
    """No place was found for an object."""


class _Placer:
    """Places the objects of one room one after the other and remembers what is taken."""

    def __init__(
        self,
        objects: Sequence[SceneObject],
        surfaces: Sequence[Surface],
        obstacles: Sequence[Obstacle],
        floor: tuple[float, float, float, float],
        generator: np.random.Generator,
        attempts: int,
        force_visible: bool,
        min_positions: int,
        inside_share: float,
    ) -> None:
        self.generator = generator
        self.obstacles = obstacles
        self.attempts = attempts
        self.min_positions = min_positions
        self.inside_share = 0.0 if force_visible else inside_share
        self.closed: list[Spot] = []
        """Surfaces inside what is closed."""
        self.carried: dict[str, list[Surface]] = {}
        dynamic = {obj.name for obj in objects}
        self.spots: list[Spot] = []
        for surface in surfaces:
            if surface.support in dynamic:
                self.carried.setdefault(surface.support, []).append(surface)
            elif surface.behind:
                if self.inside_share > 0:
                    self.closed.append(spot_of(surface, obstacles))
            elif not force_visible or surface.place in ("floor", "under", "basin") or surface.center[2] > 0.3:
                self.spots.append(spot_of(surface, obstacles))
        self.floor = next(spot for spot in self.spots if spot.surface.place == "floor")
        self.bounds = floor
        self.grid = WalkGrid(floor)
        free = self.grid.free
        for rectangle in self.floor.taken:
            if rectangle.low < 1.5:
                free &= ~self.grid.covered(rectangle)
        self.walkable = self.grid.largest(free)
        self.anchors = [rectangle for rectangle in self.floor.taken if rectangle.low < 0.3]
        self.poses: dict[str, Pose] = {}

    def place(self, obj: SceneObject) -> None:
        """Puts an object on a surface that suits it, or on another one if all of these are full.

        Raises:
            Crowded: no place was found.
        """
        chosen = self.inside_share > 0 and obj.pickupable and self.generator.random() < self.inside_share
        if chosen and self._try_inside(obj):
            return
        height = 2 * obj.half_extents[2]
        open_spots: dict[str, list[Spot]] = {}
        for spot in self.spots:
            if readiness(obj, spot.surface.place) > 0 and could_hold(spot, obj):
                open_spots.setdefault(spot.surface.place, []).append(spot)
        while open_spots:
            places = list(open_spots)
            weights = [
                readiness(obj, place) * min(sum(max(0.01, spot.free_area) for spot in spots), _AREA_THAT_COUNTS)
                for place, spots in open_spots.items()
            ]
            place = places[self._weighted(weights)]
            spots = open_spots[place]
            spot = spots.pop(self._weighted([max(0.01, spot.free_area) for spot in spots]))
            if not spots:
                del open_spots[place]
            tries = self.attempts if spot is not self.floor else max(self.attempts, _FLOOR_TRIES)
            if self._try(obj, spot, tries):
                return
        # All are crowded: try the surfaces that suit it again, more often, then the others, then the floor.
        low = set(CATEGORIES[obj.category].places) == {"floor"}  # furniture does not stand on furniture
        roomy = [
            spot
            for spot in self.spots
            if spot is not self.floor
            and spot.holder != obj.name
            and spot.surface.clearance > height + 0.01
            and (spot.surface.place == "under" or not low)
        ]
        for spot in sorted(roomy, key=lambda spot: readiness(obj, spot.surface.place) <= 0):
            if self._try(obj, spot, _FLOOR_TRIES):
                return
        if self._try(obj, self.floor, 3 * _FLOOR_TRIES):
            return
        # As a last resort anywhere on the floor, also where it narrows the way.
        if not any(
            self._try(obj, self.floor, 20 * _FLOOR_TRIES, min_positions)
            for min_positions in (self.min_positions - 6, 0)
        ):
            raise Crowded(f"no free place for {obj.name} in the room: it holds too many objects")

    def _try_inside(self, obj: SceneObject) -> bool:
        """Tries surfaces inside what is closed, larger ones more often; returns whether the object was put there."""
        spots = [
            spot for spot in self.closed if readiness(obj, spot.surface.place) > 0 and could_hold(spot, obj)
        ]  # fmt: skip
        for _ in range(min(len(spots), _CLOSED_TRIES)):
            spot = spots.pop(self._weighted([max(0.01, spot.free_area) for spot in spots]))
            if self._try(obj, spot, self.attempts):
                return True
        return False

    def _weighted(self, weights: Sequence[float]) -> int:
        target = self.generator.random() * sum(weights)
        for index, weight in enumerate(weights):
            target -= weight
            if target < 0:
                return index
        return len(weights) - 1

    def _try(self, obj: SceneObject, spot: Spot, tries: int, min_positions: int | None = None) -> bool:
        """Tries random poses on a surface; returns whether the object was put there.

        On the floor at least `min_positions` must stay walkable, by default those of the room; with 0 the pose may be
        anywhere on it.
        """
        least = self.min_positions if min_positions is None else min_positions
        a, b, half_height = obj.half_extents
        height = 2 * half_height
        on_floor = spot is self.floor
        cos_spot, sin_spot = math.cos(spot.yaw), math.sin(spot.yaw)
        for u, v, w, choice in self.generator.random((tries, 4)).tolist():
            if on_floor and least:
                x, y, yaw = self._floor_point(a, b, u, v, w, choice)
            elif on_floor:
                x_min, x_max, y_min, y_max = self.bounds
                margin, yaw = math.hypot(a, b), 2 * math.pi * w
                x, y = (
                    x_min + margin + u * (x_max - x_min - 2 * margin),
                    y_min + margin + v * (y_max - y_min - 2 * margin),
                )
            else:
                yaw = 2 * math.pi * w
                cos, sin = abs(math.cos(yaw)), abs(math.sin(yaw))
                room_x = spot.surface.half_size[0] - cos * a - sin * b
                room_y = spot.surface.half_size[1] - sin * a - cos * b
                if room_x < 0 or room_y < 0:  # too long for this turn: lay it along the surface
                    long_side = (spot.surface.half_size[0] > spot.surface.half_size[1]) != (a > b)
                    yaw = math.pi * round(w) + (math.pi / 2 if long_side else 0.0)
                    room_x = spot.surface.half_size[0] - (b if long_side else a)
                    room_y = spot.surface.half_size[1] - (a if long_side else b)
                    if room_x < 0 or room_y < 0:
                        return False
                p, q = (2 * u - 1) * room_x, (2 * v - 1) * room_y
                x, y = spot.x + cos_spot * p - sin_spot * q, spot.y + sin_spot * p + cos_spot * q
                yaw += spot.yaw
            box = footprint(x, y, a, b, yaw)
            if blocked(box, spot.taken, height + 0.01):
                continue
            if on_floor:
                left = self.grid.largest(self.walkable & ~self.grid.covered(box))
                if left.bit_count() < min(least, self.walkable.bit_count()):
                    continue
                self.walkable = left
            self._put(obj, spot, box, yaw)
            return True
        return False

    def _floor_point(
        self, a: float, b: float, u: float, v: float, w: float, choice: float
    ) -> tuple[float, float, float]:
        """(x, y, yaw) of a pose near a wall or a fixture with the back (+y) roughly towards it.

        a and b are half the sides, metres; u, v, w and choice are random numbers in [0, 1).
        """
        x_min, x_max, y_min, y_max = self.bounds
        slack = 0.04 + 0.25 * v * v
        side = int(choice * 4)
        yaw = -side * math.pi / 2 + (w - 0.5) * 0.5
        cos, sin = abs(math.cos(yaw)), abs(math.sin(yaw))
        half_x, half_y = cos * a + sin * b, sin * a + cos * b
        fraction = choice * 4 - side
        anchor = int(fraction * 2 * len(self.anchors))
        if anchor < len(self.anchors):  # half of the time: beside a fixture, on any side of it
            rectangle = self.anchors[anchor]
            x_min, x_max, y_min, y_max = (
                rectangle.x + rectangle.a + 2 * half_x,
                rectangle.x - rectangle.a - 2 * half_x,
                rectangle.y + rectangle.b + 2 * half_y,
                rectangle.y - rectangle.b - 2 * half_y,
            )
            slack = -0.02 - 0.12 * v
        if side % 2 == 0:
            low, high = min(x_min, x_max) + half_x, max(x_min, x_max) - half_x
            x = low + u * (high - low)
            y = y_max - half_y - slack if side == 0 else y_min + half_y + slack
        else:
            low, high = min(y_min, y_max) + half_y, max(y_min, y_max) - half_y
            y = low + u * (high - low)
            x = x_max - half_x - slack if side == 1 else x_min + half_x + slack
        low_x, high_x, low_y, high_y = self.bounds
        x = min(max(x, low_x + half_x + 0.01), high_x - half_x - 0.01)
        y = min(max(y, low_y + half_y + 0.01), high_y - half_y - 0.01)
        return x, y, yaw

    def _put(self, obj: SceneObject, spot: Spot, box: Footprint, yaw: float) -> None:
        spot.taken.append(box)
        spot.free_area -= 4 * box.a * box.b
        cos, sin = math.cos(yaw), math.sin(yaw)
        dx, dy, dz = obj.center_offset
        foot = spot.z + obj.half_extents[2] - dz + _DROP
        pose = Pose(box.x - cos * dx + sin * dy, box.y - sin * dx - cos * dy, foot, yaw)
        self.poses[obj.name] = pose
        for surface in self.carried.get(obj.name, ()):
            if not surface.behind:
                self.spots.append(spot_of(surface, self.obstacles, pose))
            elif self.inside_share > 0:
                self.closed.append(spot_of(surface, self.obstacles, pose))


def plan(
    objects: Sequence[SceneObject],
    surfaces: Sequence[Surface],
    obstacles: Sequence[Obstacle],
    floor: tuple[float, float, float, float],
    generator: np.random.Generator,
    attempts: int = 5,
    force_visible: bool = True,
    min_positions: int = 28,
    inside_share: float = 0.0,
) -> dict[str, Pose]:
    """Plans a pose for every dynamic object. Objects that carry others come first, then larger footprints.

    Args:
        objects: the room's objects; fixed ones are ignored.
        surfaces: where objects may be put.
        obstacles: boxes of everything fixed.
        floor: (x_min, x_max, y_min, y_max), metres.
        generator: decides everything random.
        attempts: tries per surface.
        force_visible: leaves out surfaces lower than 0.3 m that an agent cannot look into, and what is closed.
        min_positions: number of grid positions that must stay reachable from each other.
        inside_share: share of the objects that can be carried which are put into what is closed, if they fit there.

    Returns:
        The pose of each dynamic object by name.

    Raises:
        Crowded: no place was found for some object.
    """
    dynamic = [obj for obj in objects if obj.dynamic and not obj.parked]
    carriers = {surface.support for surface in surfaces}

    def rank(index: int) -> tuple[bool, bool, float]:
        obj = dynamic[index]
        category = CATEGORIES[obj.category]
        return (
            obj.name not in carriers,
            "floor" not in category.places,
            -obj.half_extents[0] * obj.half_extents[1],
        )

    for attempt in range(_PLANS):
        placer = _Placer(
            dynamic, surfaces, obstacles, floor, generator, attempts, force_visible, min_positions, inside_share
        )
        try:
            for index in sorted(generator.permutation(len(dynamic)).tolist(), key=rank):
                placer.place(dynamic[index])
        except Crowded:
            if attempt + 1 == _PLANS:
                raise
        else:
            break
    return placer.poses


def spawn(
    scene: Scene,
    data: mujoco.MjData,
    seed: int,
    attempts: int = 5,
    force_visible: bool = True,
    inside_share: float = 0.0,
) -> None:
    """Moves the dynamic objects of a scene by a seed; writes positions and velocities in `data`, nothing else.

    The objects end 2 mm above their surfaces, so the physics must settle them. Calls `mj_forward` at the end.

    Args:
        scene: the room.
        data: its state, overwritten.
        seed: any integer.
        attempts: tries per surface (numPlacementAttempts), at least 1.
        force_visible: uses only surfaces that an agent can look at (forceVisible).
        inside_share: without `force_visible`, about this share of the objects that can be carried is put into closed
            cupboards, drawers and other containers.

    Raises:
        ValueError: `attempts` is below 1.
        Crowded: no place was found for some object.
    """
    if attempts < 1:
        raise ValueError(f"numPlacementAttempts must be at least 1, not {attempts}.")
    parked = {obj.name for obj in scene.objects if obj.parked}
    poses = plan(
        scene.objects,
        [surface for surface in scene.surfaces if surface.support not in parked],
        scene.obstacles,
        scene.floor,
        generator_of(scene.name, seed),
        attempts,
        force_visible,
        MIN_POSITIONS[scene.kind],
        inside_share,
    )
    mujoco.mj_resetData(scene.model, data)
    for name, pose in poses.items():
        body = scene.model.body(name).id
        start = scene.model.jnt_qposadr[scene.model.body_jntadr[body]]
        data.qpos[start : start + 7] = (
            pose.x,
            pose.y,
            pose.z,
            math.cos(pose.yaw / 2),
            0.0,
            0.0,
            math.sin(pose.yaw / 2),
        )
    mujoco.mj_forward(scene.model, data)

"""Walking through an unknown room: a map of free and blocked steps, and the shortest way to what was not seen yet.

The map knows only what the agent found out: which of its own steps succeeded, and which places it saw to be floor or
not. Places and directions are those of the agent's first pose.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

import numpy as np

from actors.hide_and_seek.actions import INDEX
from actors.hide_and_seek.locations import AHEAD, ROTATIONS, STEP, Location
from actors.hide_and_seek.players.sight import Point, place_at, points, to_room
from actors.hide_and_seek.world import Look

Pose = tuple[int, int, int]
"""x, z and rotation of a location."""
Edge = tuple[int, int, int, int]
"""x and z of a place, and of one of its four neighbours."""

HEAD = 1.8
"""Metres: what is higher does not stop the agent (ours)."""
_MOVES = (
    (INDEX["MoveAhead"], 0),
    (INDEX["MoveLeft"], 270),
    (INDEX["MoveRight"], 90),
)
_TURNS = ((INDEX["RotateLeft"], 270), (INDEX["RotateRight"], 90))
MOVES = frozenset(number for number, _ in _MOVES)
"""Numbers of the actions that change the place."""


class RoomMap:
    """What an agent knows about where it can walk."""

    def __init__(self) -> None:
        self.visited: set[tuple[int, int, bool]] = set()
        """x, z and standing of where the agent was."""
        self.places: set[tuple[int, int]] = set()
        """Where the agent was, in any posture."""
        self.blocked: set[Edge] = set()
        """Steps that failed."""
        self.floor: set[tuple[int, int]] = set()
        """Places that looked as if the agent could walk there."""
        self.doubtful: set[tuple[int, int]] = set()
        """Places that looked as if the agent could not stand there."""

    def arrive(self, location: Location) -> None:
        """Enters where the agent is."""
        self.visited.add(location.unrotated)
        self.places.add((location.x, location.z))
        self.doubtful.discard((location.x, location.z))

    def block(self, location: Location, number: int) -> None:
        """Enters that a move from a location failed."""
        turn = next(turn for move, turn in _MOVES if move == number)
        x, z = AHEAD[(location.rotation + turn) % 360]
        there = location.x + x, location.z + z
        self.blocked.add((location.x, location.z, *there))
        self.blocked.add((*there, location.x, location.z))

    def see(self, location: Location, look: Look) -> None:
        """Enters which places the view shows to be floor, and which not."""
        found = points(look, location.standing)
        low = np.isfinite(look.distances) & (found[..., 1] < HEAD)
        for row, column in np.argwhere(low).tolist():
            right, _, ahead = found[row, column].tolist()
            place = place_at(to_room(location, right, ahead))
            if look.walkable[row, column]:
                self.floor.add(place)
                self.doubtful.discard(place)
            elif place not in self.places:
                self.floor.discard(place)
                self.doubtful.add(place)

    def forget(self, x: int, z: int, distance: int) -> None:
        """Forgets all obstacles within some steps of a place, because something there was closed."""

        def far(other_x: int, other_z: int) -> bool:
            return abs(other_x - x) + abs(other_z - z) > distance

        self.blocked = {edge for edge in self.blocked if far(*edge[:2]) and far(*edge[2:])}
        self.doubtful = {place for place in self.doubtful if far(*place)}

    def way(self, start: Location, goal: Callable[[Pose, bool], bool], careful: bool = True) -> list[int] | None:
        """The shortest way to a pose, as numbers of actions; None if there is none.

        The way leads over places where the agent was or that looked like floor; only its last step may lead elsewhere.

        Args:
            start: where it begins.
            goal: whether a pose is wanted, given whether the agent was at its place. The start itself never is.
            careful: whether doubtful places are avoided.
        """
        first = start.x, start.z, start.rotation
        came: dict[Pose, tuple[Pose, int]] = {first: (first, -1)}
        queue = deque([first])
        while queue:
            pose = queue.popleft()
            x, z, rotation = pose
            for number, other, known in self._next(x, z, rotation, careful):
                if other in came:
                    continue
                came[other] = pose, number
                if goal(other, known):
                    return _actions(came, first, other)
                if known or other[:2] in self.floor:
                    queue.append(other)
        return None

    def _next(self, x: int, z: int, rotation: int, careful: bool) -> Iterable[tuple[int, Pose, bool]]:
        for number, turn in _MOVES:
            by_x, by_z = AHEAD[(rotation + turn) % 360]
            there = x + by_x, z + by_z
            if (x, z, *there) in self.blocked:
                continue
            known = there in self.places
            if known or not careful or there not in self.doubtful:
                yield number, (*there, rotation), known
        for number, turn in _TURNS:
            yield number, (x, z, (rotation + turn) % 360), True


def _actions(came: dict[Pose, tuple[Pose, int]], first: Pose, last: Pose) -> list[int]:
    numbers = []
    while last != first:
        last, number = came[last]
        numbers.append(number)
    return numbers[::-1]


def facing_poses(point: Point, near: float, far: float, angle: float = 40.0) -> set[Pose]:
    """The poses that look at a point of the room.

    Args:
        point: x and z, metres.
        near: least horizontal distance of the place from the point, metres.
        far: largest one.
        angle: largest horizontal angle between the view's middle and the point, degrees; the view ends at 45.
    """
    middle, reach = place_at(point), int(far / STEP) + 1
    slope = float(np.tan(np.radians(angle)))
    found = set()
    for x in range(middle.x - reach, middle.x + reach + 1):
        for z in range(middle.z - reach, middle.z + reach + 1):
            dx, dz = point[0] - x * STEP, point[1] - z * STEP
            if not near**2 <= dx * dx + dz * dz <= far**2:
                continue
            for rotation in ROTATIONS:
                ahead_x, ahead_z = AHEAD[rotation]
                ahead, aside = dx * ahead_x + dz * ahead_z, abs(dx * ahead_z - dz * ahead_x)
                if ahead > 0 and aside <= slope * ahead:
                    found.add((x, z, rotation))
    return found

"""Floor plans: places of fixed furniture, doors, windows and whatever hangs on the walls.

All fixtures stand parallel to a wall. Walls are numbered 0 north (+y), 1 east (+x), 2 south, 3 west; the distance
along a wall runs clockwise, seen from above.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from simulator.rooms.bodies import part_owner
from simulator.rooms.footprints import WalkGrid, footprint
from simulator.rooms.scene import Obstacle, Surface
from simulator.things.categories import CATEGORIES
from simulator.things.fixtures import Fixture, Style
from simulator.things.materials import Draw
from simulator.things.shapes import Part

Rectangle = tuple[float, float, float, float]
"""(x_min, x_max, y_min, y_max), metres."""

OPEN_POSITIONS = 40
"""Number of walkable grid positions that fixed furniture must leave in a small room, so that objects fit on the floor.
"""


@dataclass(frozen=True)
class Placed:
    """A fixture in its place."""

    name: str
    category: str
    """AI2-THOR objectType; empty for structure."""
    x: float
    y: float
    z: float
    yaw: float
    fixture: Fixture

    @property
    def parts(self) -> list[Part]:
        """Its geoms."""
        return self.fixture.parts

    @property
    def size(self) -> tuple[float, float, float]:
        """Width, depth and height, metres."""
        return self.fixture.size


@dataclass
class Layout:
    """A room while it is being furnished."""

    draw: Draw
    style: Style
    floor: Rectangle
    height: float
    placed: list[Placed] = field(default_factory=list)
    surfaces: list[Surface] = field(default_factory=list)
    obstacles: list[Obstacle] = field(default_factory=list)
    kept_free: list[Rectangle] = field(default_factory=list)
    """Floor in front of doors and furniture."""
    open_positions: int = OPEN_POSITIONS
    """Number of walkable grid positions that fixed furniture must leave."""

    def wall_length(self, wall: int) -> float:
        """Length of a wall, metres."""
        x_min, x_max, y_min, y_max = self.floor
        return x_max - x_min if wall % 2 == 0 else y_max - y_min

    def at_wall(self, wall: int, along: float, out: float) -> tuple[float, float, float]:
        """(x, y, yaw) of an object whose centre lies `along` the wall and `out` from it, with its back to the wall."""
        x_min, x_max, y_min, y_max = self.floor
        match wall:
            case 0:
                return x_min + along, y_max - out, 0.0
            case 1:
                return x_max - out, y_max - along, -math.pi / 2
            case 2:
                return x_max - along, y_min + out, math.pi
            case _:
                return x_min + out, y_min + along, math.pi / 2

    def _rectangle(self, x: float, y: float, yaw: float, width: float, depth: float) -> Rectangle:
        if round(yaw / (math.pi / 2)) % 2:
            width, depth = depth, width
        return x - width / 2, x + width / 2, y - depth / 2, y + depth / 2

    def _front(self, x: float, y: float, yaw: float, size: tuple[float, float, float], front: float) -> Rectangle:
        out = size[1] / 2 + front / 2
        return self._rectangle(x + math.sin(yaw) * out, y - math.cos(yaw) * out, yaw, size[0], front)

    def fits(self, fixture: Fixture, x: float, y: float, yaw: float, z: float = 0.0) -> bool:
        """Whether the fixture fits inside the room, meets no other fixture and leaves room to walk."""
        taken = self._rectangle(x, y, yaw, fixture.size[0], fixture.size[1])
        x_min, x_max, y_min, y_max = self.floor
        slack = 1e-6
        if taken[0] < x_min - slack or taken[1] > x_max + slack or taken[2] < y_min - slack or taken[3] > y_max + slack:
            return False
        for other in self.obstacles:
            rectangle = (other.low[0], other.high[0], other.low[1], other.high[1])
            if _meet(taken, rectangle) and other.low[2] < z + fixture.size[2] and other.high[2] > z:
                return False
        if z > 0:
            return True
        if any(_meet(taken, free) for free in self.kept_free):
            return False
        if fixture.front:
            front = self._front(x, y, yaw, fixture.size, fixture.front)
            if (
                front[0] < x_min - slack
                or front[1] > x_max + slack
                or front[2] < y_min - slack
                or front[3] > y_max + slack
            ):
                return False
            if any(
                _meet(front, (other.low[0], other.high[0], other.low[1], other.high[1])) and other.low[2] < 1.0
                for other in self.obstacles
            ):
                return False
        return len(self.walkable(taken)) >= self.open_positions

    def walkable(self, *more: Rectangle) -> list[tuple[float, float]]:
        """(x, y) of the grid positions in the largest connected free area, with `more` rectangles taken too, metres."""
        grid = WalkGrid(self.floor)
        free = grid.free
        taken = [
            (other.low[0], other.high[0], other.low[1], other.high[1]) for other in self.obstacles if other.low[2] < 1.5
        ]
        for low_x, high_x, low_y, high_y in (*taken, *more):
            free &= ~grid.covered(
                footprint((low_x + high_x) / 2, (low_y + high_y) / 2, (high_x - low_x) / 2, (high_y - low_y) / 2, 0.0)
            )
        return grid.positions(grid.largest(free))

    def put(self, fixture: Fixture, x: float, y: float, yaw: float, z: float = 0.0, label: str = "Structure") -> str:
        """Puts a fixture in its place without checking whether it fits; returns its body name."""
        category = fixture.category or label
        # Dynamic objects of the same category must have other names.
        stem = f"{category}_fixed" if category in CATEGORIES else category
        count = sum(other.name.startswith(f"{stem}_") for other in self.placed)
        name = f"{stem}_{count + 1}"
        self.placed.append(Placed(name, fixture.category, x, y, z, yaw, fixture))
        low_x, high_x, low_y, high_y = self._rectangle(x, y, yaw, fixture.size[0], fixture.size[1])
        self.obstacles.append(Obstacle((low_x, low_y, z), (high_x, high_y, z + fixture.size[2]), name))
        cos, sin = math.cos(yaw), math.sin(yaw)
        turned = bool(round(yaw / (math.pi / 2)) % 2)
        for number, top in enumerate(fixture.tops):
            center = (x + cos * top.x - sin * top.y, y + sin * top.x + cos * top.y, z + top.z)
            half = (top.half[1], top.half[0]) if turned else top.half
            behind = part_owner(name, top.behind) if top.behind else ""
            self.surfaces.append(Surface(f"{name}|{number}", center, half, 0.0, top.clearance, name, top.place, behind))
        if fixture.front and z == 0:
            self.kept_free.append(self._front(x, y, yaw, fixture.size, fixture.front))
        return name

    def against_wall(self, fixture: Fixture, walls: Sequence[int] = (0, 1, 2, 3), tries: int = 24) -> bool:
        """Puts the fixture at a random place along one of the walls, often in a corner; False if it fits nowhere."""
        width, depth, _ = fixture.size
        for _ in range(tries):
            wall = self.draw.pick(walls)
            room = self.wall_length(wall) - width
            if room < 0:
                continue
            along = width / 2 + self.draw.pick([0.0, room, self.draw.uniform(0, room), self.draw.uniform(0, room)])
            x, y, yaw = self.at_wall(wall, along, depth / 2)
            if self.fits(fixture, x, y, yaw):
                self.put(fixture, x, y, yaw)
                return True
        return False

    def stand_out(self, fixture: Fixture, wall: int, along: float) -> bool:
        """Puts the fixture with one of its sides against a wall, so that it divides the room; False if it cannot.

        `along` is where its middle lies along the wall, metres. Its front faces either way along the wall.
        """
        width, _, _ = fixture.size
        x, y, yaw = self.at_wall(wall, along, width / 2)
        yaw += self.draw.pick([-1, 1]) * math.pi / 2
        if not self.fits(fixture, x, y, yaw):
            return False
        self.put(fixture, x, y, yaw)
        return True

    def row(self, first_wall: int, pieces: Sequence[Fixture]) -> None:
        """Puts pieces side by side along a wall, from a corner on, then along the next wall."""
        wall, start = first_wall, self.draw.pick([0.0, 0.0, 0.3])
        for piece in pieces:
            for _ in range(2):
                if start + piece.size[0] <= self.wall_length(wall):
                    x, y, yaw = self.at_wall(wall, start + piece.size[0] / 2, piece.size[1] / 2)
                    if self.fits(piece, x, y, yaw):
                        self.put(piece, x, y, yaw)
                        start += piece.size[0]
                        break
                wall, start = (wall + 1) % 4, 1.1  # round the corner; the gap keeps the fronts at both walls free

    def keep_free(self, x: float, y: float, yaw: float, width: float, depth: float) -> None:
        """Keeps a rectangle of the floor free of fixed furniture."""
        self.kept_free.append(self._rectangle(x, y, yaw, width, depth))

    def lay(self, fixture: Fixture, yaw: float) -> None:
        """Lays a flat fixture, such as a rug, in the middle of the floor; it is no obstacle."""
        self.put(fixture, 0.0, 0.0, yaw)
        self.obstacles.pop()

    def in_the_middle(self, fixture: Fixture, tries: int = 16) -> bool:
        """Puts the fixture somewhere away from the walls; False if it fits nowhere."""
        x_min, x_max, y_min, y_max = self.floor
        for _ in range(tries):
            yaw = self.draw.pick([0.0, math.pi / 2])
            x = self.draw.uniform(x_min + 1.0, x_max - 1.0)
            y = self.draw.uniform(y_min + 1.0, y_max - 1.0)
            if self.fits(fixture, x, y, yaw):
                self.put(fixture, x, y, yaw)
                return True
        return False

    def hang(self, fixture: Fixture, z: float, tries: int = 12) -> bool:
        """Fastens the fixture to a free stretch of a wall at height `z` (metres); False if there is none."""
        width, depth, _ = fixture.size
        for _ in range(tries):
            wall = self.draw.integer(0, 3)
            room = self.wall_length(wall) - width
            if room < 0:
                continue
            x, y, yaw = self.at_wall(wall, width / 2 + self.draw.uniform(0, room), depth / 2)
            if self.fits(fixture, x, y, yaw, z):
                self.put(fixture, x, y, yaw, z)
                return True
        return False

    def hang_over(self, category: str, fixture: Fixture, z: float) -> bool:
        """Fastens the fixture above the first one of that category with free wall above it; False if there is none."""
        for below in [placed for placed in self.placed if placed.category == category]:
            back = (below.size[1] - fixture.size[1]) / 2
            x, y = below.x - math.sin(below.yaw) * back, below.y + math.cos(below.yaw) * back
            if self._at_a_wall(fixture, x, y, below.yaw) and self.fits(fixture, x, y, below.yaw, z):
                self.put(fixture, x, y, below.yaw, z)
                return True
        return False

    def _at_a_wall(self, fixture: Fixture, x: float, y: float, yaw: float) -> bool:
        """Whether the fixture's back lies at a wall, not in the middle of the room."""
        x_min, x_max, y_min, y_max = self.floor
        depth = fixture.size[1] / 2
        back_x, back_y = x - math.sin(yaw) * depth, y + math.cos(yaw) * depth
        return min(back_x - x_min, x_max - back_x, back_y - y_min, y_max - back_y) < 0.01

    def glue_on_top(self, fixture: Fixture, tries: int = 8) -> bool:
        """Fastens the fixture near the back edge of a top: it looks moveable and is not. False if it fits nowhere."""
        tops = [surface for surface in self.surfaces if surface.place == "top" and 0.4 < surface.center[2] < 1.1]
        for _ in range(tries):
            if not tops:
                return False
            top = self.draw.pick(tops)
            width, depth, _ = fixture.size
            below = next(placed for placed in self.placed if placed.name == top.support)
            half_x, half_y = top.half_size
            if round(below.yaw / (math.pi / 2)) % 2:
                half_x, half_y = half_y, half_x
            if half_x < width / 2 or half_y < depth / 2:
                continue
            along = self.draw.uniform(-1, 1) * (half_x - width / 2)
            back = half_y - depth / 2 - 0.02
            cos, sin = math.cos(below.yaw), math.sin(below.yaw)
            x, y = top.center[0] + cos * along - sin * back, top.center[1] + sin * along + cos * back
            if self.fits(fixture, x, y, below.yaw, top.center[2]):
                self.put(fixture, x, y, below.yaw, top.center[2])
                return True
        return False

    def openables(self) -> int:
        """Number of objects that open."""
        return len(
            {
                part_owner(placed.name, part.motion)
                for placed in self.placed
                for part in placed.parts
                if part.motion is not None
            }
        )

    def top_area(self) -> float:
        """Square metres of surfaces for objects; those other than tops and shelves count with their readiness."""
        weights = {"top": 1.0, "shelf": 0.8, "soft": 0.3, "basin": 0.3, "under": 0.3}
        return sum(
            weights.get(surface.place, 0.0) * 4 * surface.half_size[0] * surface.half_size[1]
            for surface in self.surfaces
        )


def _meet(one: Rectangle, other: Rectangle) -> bool:
    slack = 1e-6
    return (
        one[0] < other[1] - slack
        and other[0] < one[1] - slack
        and one[2] < other[3] - slack
        and other[2] < one[3] - slack
    )

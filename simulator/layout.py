"""Floor plans: where the fixed furniture, doors, windows and wall things of each kind of room go.

All fixed things stand square to the walls. Walls are numbered 0 north (+y), 1 east (+x), 2 south, 3 west; the distance
along a wall runs clockwise, seen from above.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from simulator import fixtures
from simulator.fixtures import Fixture, Style
from simulator.materials import Draw
from simulator.scene import Obstacle, Surface
from simulator.shapes import Part
from simulator.spawn import WalkGrid, _rectangle

Rectangle = tuple[float, float, float, float]
"""(x_min, x_max, y_min, y_max), metres."""

OPEN_POSITIONS = 55
"""Positions that fixed furniture must leave to walk, so that things on the floor find room."""


@dataclass(frozen=True)
class Placed:
    """A fixed thing in its place."""

    name: str
    category: str
    """Empty for structure."""
    parts: list[Part]
    x: float
    y: float
    z: float
    yaw: float
    size: tuple[float, float, float]


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

    def wall_length(self, wall: int) -> float:
        """Length of a wall, metres."""
        x_min, x_max, y_min, y_max = self.floor
        return x_max - x_min if wall % 2 == 0 else y_max - y_min

    def at_wall(self, wall: int, along: float, out: float) -> tuple[float, float, float]:
        """(x, y, yaw) of a thing whose centre lies `along` the wall and `out` from it, with its back to the wall."""
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
        """Whether the fixture would stand inside the room, clear of others, of what is kept free, and leave room to walk."""
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
        return len(self.walkable(taken)) >= OPEN_POSITIONS

    def walkable(self, *more: Rectangle) -> list[tuple[float, float]]:
        """The positions that can be walked to, with `more` rectangles taken too."""
        grid = WalkGrid(self.floor)
        free = grid.free
        taken = [
            (other.low[0], other.high[0], other.low[1], other.high[1]) for other in self.obstacles if other.low[2] < 1.5
        ]
        for low_x, high_x, low_y, high_y in (*taken, *more):
            free &= ~grid.covered(
                _rectangle((low_x + high_x) / 2, (low_y + high_y) / 2, (high_x - low_x) / 2, (high_y - low_y) / 2, 0.0)
            )
        return grid.positions(grid.largest(free))

    def put(self, fixture: Fixture, x: float, y: float, yaw: float, z: float = 0.0, label: str = "") -> str:
        """Puts a fixture in its place without further questions; returns its body name."""
        category = fixture.category or label or "Structure"
        count = sum(other.name.startswith(f"{category}_") for other in self.placed)
        name = f"{category}_{count + 1}"
        self.placed.append(Placed(name, fixture.category, fixture.parts, x, y, z, yaw, fixture.size))
        low_x, high_x, low_y, high_y = self._rectangle(x, y, yaw, fixture.size[0], fixture.size[1])
        self.obstacles.append(Obstacle((low_x, low_y, z), (high_x, high_y, z + fixture.size[2]), name))
        cos, sin = math.cos(yaw), math.sin(yaw)
        turned = bool(round(yaw / (math.pi / 2)) % 2)
        for number, top in enumerate(fixture.tops):
            center = (x + cos * top.x - sin * top.y, y + sin * top.x + cos * top.y, z + top.z)
            half = (top.half[1], top.half[0]) if turned else top.half
            self.surfaces.append(Surface(f"{name}|{number}", center, half, 0.0, top.clearance, name, top.place))
        if fixture.front and z == 0:
            self.kept_free.append(self._front(x, y, yaw, fixture.size, fixture.front))
        return name

    def against_wall(self, fixture: Fixture, walls: Sequence[int] = (0, 1, 2, 3), tries: int = 24) -> bool:
        """Puts the fixture somewhere at one of the walls, often into a corner; False if it found no place."""
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

    def row(self, wall: int, start: float, pieces: Sequence[Fixture]) -> None:
        """Puts pieces side by side along a wall from `start`, as far as they fit."""
        for piece in pieces:
            x, y, yaw = self.at_wall(wall, start + piece.size[0] / 2, piece.size[1] / 2)
            if self.fits(piece, x, y, yaw):
                self.put(piece, x, y, yaw)
            start += piece.size[0]

    def in_the_middle(self, fixture: Fixture, tries: int = 16) -> bool:
        """Puts the fixture freely into the room, at a distance from the walls that lets people pass or not at all."""
        x_min, x_max, y_min, y_max = self.floor
        for _ in range(tries):
            yaw = self.draw.pick([0.0, math.pi / 2])
            x = self.draw.uniform(x_min + 1.0, x_max - 1.0)
            y = self.draw.uniform(y_min + 1.0, y_max - 1.0)
            if self.fits(fixture, x, y, yaw):
                self.put(fixture, x, y, yaw)
                return True
        return False


def _meet(one: Rectangle, other: Rectangle) -> bool:
    slack = 1e-6
    return (
        one[0] < other[1] - slack
        and other[0] < one[1] - slack
        and one[2] < other[3] - slack
        and other[2] < one[3] - slack
    )


def furnish(kind: str, draw: Draw) -> Layout:
    """A furnished room of one kind: walls' rectangle, fixed things in their places, surfaces."""
    style = fixtures.draw_style(draw)
    low, high = {"kitchen": (3.6, 4.8), "living_room": (4.2, 5.4), "bedroom": (3.8, 4.8), "bathroom": (3.2, 4.0)}[kind]
    width, depth = draw.uniform(low, high), draw.uniform(low, high)
    layout = Layout(draw, style, (-width / 2, width / 2, -depth / 2, depth / 2), draw.uniform(2.4, 2.7))
    door_wall = draw.integer(0, 3)
    x, y, yaw = layout.at_wall(door_wall, draw.uniform(0.6, layout.wall_length(door_wall) - 0.6), 0.4)
    layout.kept_free.append(layout._rectangle(x, y, yaw, 0.9, 0.8))
    {"kitchen": _kitchen, "living_room": _living_room, "bedroom": _bedroom, "bathroom": _bathroom}[kind](layout)
    return layout


def _kitchen(layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    wall = max(range(4), key=lambda side: layout.wall_length(side) + draw.uniform(0, 0.3))
    pieces = [
        fixtures.counter(draw, style, draw.uniform(0.6, 0.9)),
        fixtures.sink(draw, style),
        fixtures.counter(draw, style, draw.uniform(0.7, 1.0)),
        fixtures.stove(draw, style),
        fixtures.counter(draw, style, 0.6),
    ]
    layout.row(wall, 0.0, pieces)
    layout.against_wall(fixtures.fridge(draw, style))
    layout.in_the_middle(fixtures.table(draw, style, "DiningTable", draw.uniform(1.1, 1.4), 0.8, 0.75))
    for _ in range(2):
        layout.against_wall(fixtures.counter(draw, style, draw.uniform(0.9, 1.4)))
    layout.against_wall(fixtures.shelves(draw, style, 0.8, 0.35, (0.5, 0.9, 1.25)))


def _living_room(layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    layout.against_wall(fixtures.sofa(draw, style))
    layout.against_wall(fixtures.chest(draw, style, "TVStand", draw.uniform(1.1, 1.5), 0.42, draw.uniform(0.5, 0.6)))
    layout.against_wall(fixtures.shelves(draw, style, 0.9, 0.35, (0.45, 0.85, 1.2)))
    layout.in_the_middle(fixtures.table(draw, style, "DiningTable", draw.uniform(1.1, 1.4), 0.8, 0.75))
    layout.against_wall(fixtures.table(draw, style, "Desk", draw.uniform(1.0, 1.3), 0.6, 0.75))
    for _ in range(2):
        layout.against_wall(
            fixtures.chest(draw, style, "Cabinet", draw.uniform(0.9, 1.3), 0.45, draw.uniform(0.75, 0.95))
        )


def _bedroom(layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    layout.against_wall(fixtures.bed(draw, style))
    layout.against_wall(fixtures.table(draw, style, "Desk", draw.uniform(1.0, 1.3), 0.6, 0.75))
    for _ in range(2):
        layout.against_wall(
            fixtures.chest(draw, style, "Dresser", draw.uniform(0.8, 1.2), 0.48, draw.uniform(0.75, 1.0))
        )
    layout.against_wall(fixtures.shelves(draw, style, 0.8, 0.33, (0.45, 0.85, 1.2)))
    layout.against_wall(fixtures.wardrobe(draw, style))


def _bathroom(layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    layout.against_wall(fixtures.bathtub(draw, style))
    layout.against_wall(fixtures.vanity(draw, style, draw.uniform(1.0, 1.4)))
    layout.against_wall(fixtures.toilet(draw, style))
    layout.against_wall(fixtures.shelves(draw, style, 0.7, 0.33, (0.45, 0.85, 1.2)))
    layout.against_wall(fixtures.chest(draw, style, "Cabinet", draw.uniform(0.7, 1.0), 0.42, draw.uniform(0.7, 0.9)))

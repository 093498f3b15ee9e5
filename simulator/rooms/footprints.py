"""Rotated rectangles on the floor and on tops, and the grid of positions where an agent can stand.

The grid is AI2-THOR's: multiples of 0.25 m. An agent of 0.2 m radius must not touch anything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

AGENT_RADIUS = 0.2
"""Radius of AI2-THOR's agent, metres."""
GRID = 0.25
"""Spacing of the positions where an agent can stand, metres."""
GAP = 0.008
"""Smallest distance between objects that are put side by side, metres."""


@dataclass(frozen=True)
class Footprint:
    """A rotated rectangle: centre, half sides, cosine and sine of its yaw, and half its diagonal."""

    x: float
    y: float
    a: float
    b: float
    cos: float
    sin: float
    radius: float
    low: float = 0.0
    """Height of its lower side above the surface, metres: small objects fit under a shelf above a table."""


def footprint(x: float, y: float, a: float, b: float, yaw: float, low: float = 0.0) -> Footprint:
    """The rectangle with centre (x, y) and half sides a and b (metres), turned by `yaw` radians."""
    return Footprint(x, y, a, b, math.cos(yaw), math.sin(yaw), math.hypot(a, b), low)


def overlap(p: Footprint, q: Footprint, gap: float) -> bool:
    """Whether two rectangles come closer than `gap` metres to each other (test of separating axes)."""
    dx, dy = q.x - p.x, q.y - p.y
    reach = p.radius + q.radius + gap
    if dx * dx + dy * dy >= reach * reach:
        return False
    cos = abs(p.cos * q.cos + p.sin * q.sin)
    sin = abs(p.cos * q.sin - p.sin * q.cos)
    if abs(dx * p.cos + dy * p.sin) >= p.a + q.a * cos + q.b * sin + gap:
        return False
    if abs(dy * p.cos - dx * p.sin) >= p.b + q.a * sin + q.b * cos + gap:
        return False
    if abs(dx * q.cos + dy * q.sin) >= q.a + p.a * cos + p.b * sin + gap:
        return False
    return abs(dy * q.cos - dx * q.sin) < q.b + p.a * sin + p.b * cos + gap


def blocked(box: Footprint, taken: Sequence[Footprint], height: float) -> bool:
    """Whether an object of that `height` (metres) on `box` would meet one of the rectangles."""
    x, y, radius = box.x, box.y, box.radius + GAP
    for other in taken:
        dx, dy, reach = other.x - x, other.y - y, other.radius + radius
        if dx * dx + dy * dy < reach * reach and other.low < height and overlap(box, other, GAP):
            return True
    return False


class WalkGrid:
    """Grid positions where an agent can stand, as the bits of one integer, so that flood fills take microseconds."""

    def __init__(self, floor: tuple[float, float, float, float]) -> None:
        x_min, x_max, y_min, y_max = (value / GRID for value in floor)
        margin = AGENT_RADIUS / GRID
        self.first_column, self.first_row = math.ceil(x_min + margin), math.ceil(y_min + margin)
        self.columns = math.floor(x_max - margin) - self.first_column + 1
        self.rows = math.floor(y_max - margin) - self.first_row + 1
        self.width = self.columns + 1  # one empty column keeps rows apart when bits are shifted
        row = (1 << self.columns) - 1
        self.free = sum(row << (index * self.width) for index in range(self.rows))

    def covered(self, rectangle: Footprint) -> int:
        """The set of positions at which an agent would touch the rectangle."""
        upright = abs(rectangle.sin) < 1e-9
        reach_y = (rectangle.b if upright else rectangle.radius) + AGENT_RADIUS
        reach_x = rectangle.radius + AGENT_RADIUS
        first = max(0, math.ceil((rectangle.y - reach_y) / GRID) - self.first_row)
        last = min(self.rows - 1, math.floor((rectangle.y + reach_y) / GRID) - self.first_row)
        left = math.ceil((rectangle.x - reach_x) / GRID) - self.first_column
        right = math.floor((rectangle.x + reach_x) / GRID) - self.first_column
        bits = 0
        for row in range(first, last + 1):
            dy = (row + self.first_row) * GRID - rectangle.y
            if upright:  # one stretch of each row, in closed form
                beyond = max(0.0, abs(dy) - rectangle.b)
                reach = rectangle.a + math.sqrt(max(0.0, AGENT_RADIUS * AGENT_RADIUS - beyond * beyond)) - 1e-9
                left = math.ceil((rectangle.x - reach) / GRID) - self.first_column
                right = math.floor((rectangle.x + reach) / GRID) - self.first_column
            for column in range(max(0, left), min(self.columns - 1, right) + 1):
                if not upright:
                    dx = (column + self.first_column) * GRID - rectangle.x
                    u = max(0.0, abs(dx * rectangle.cos + dy * rectangle.sin) - rectangle.a)
                    v = max(0.0, abs(dy * rectangle.cos - dx * rectangle.sin) - rectangle.b)
                    if u * u + v * v >= AGENT_RADIUS * AGENT_RADIUS:
                        continue
                bits |= 1 << (row * self.width + column)
        return bits

    def largest(self, free: int) -> int:
        """The largest set of `free` positions that are connected by steps along the grid."""
        best = 0
        while free:
            region = free & -free
            while True:
                grown = (region | region << 1 | region >> 1 | region << self.width | region >> self.width) & free
                if grown == region:
                    break
                region = grown
            free &= ~region
            if region.bit_count() > best.bit_count():
                best = region
        return best

    def positions(self, bits: int) -> list[tuple[float, float]]:
        """(x, y) of each position in the set, metres."""
        return [
            ((column + self.first_column) * GRID, (row + self.first_row) * GRID)
            for row in range(self.rows)
            for column in range(self.columns)
            if bits >> (row * self.width + column) & 1
        ]

"""Containers: visible walls and a bottom, and the convex pieces that collide in their place.

A convex hull would close the opening. So a round vessel collides as a flat cylinder (its bottom) and a ring of boxes
(its walls), and a crate as five boxes. The walls begin above the support, so a standing vessel touches it only with its
bottom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from simulator.things.meshes import turned
from simulator.things.openings import Space, Top, Vector
from simulator.things.shapes import (
    UPRIGHT,
    MeshArrays,
    Part,
    about_z,
    box_mesh,
    hidden_box,
    hidden_cylinder,
    join_meshes,
    lathe_mesh,
    part_bounds,
    tilt,
)

Outline = Sequence[tuple[float, float]]
"""(radius, height) points of the outside from the foot (at height 0) to the rim, metres."""

BOTTOM_DENSITY = 3.0
"""Density of bottoms relative to walls, so that vessels stand firmly."""
_SHALLOW = 0.03
"""Depth from which a hollow is a container, metres."""


def vessel_mesh(outline: Outline, wall: float, floor: float, segments: int = 14) -> MeshArrays:
    """The surface of a round vessel, outside and inside.

    Args:
        outline: the outside's.
        wall: thickness, metres.
        floor: height of the bottom inside, metres.
        segments: number of vertices around the axis.
    """
    inside = [(max(radius - wall, wall), height) for radius, height in reversed(outline) if height > floor * 1.5]
    heights, radii = [height for _, height in outline], [radius for radius, _ in outline]
    below = max(float(np.interp(floor, heights, radii)) - wall, wall)
    return lathe_mesh([(0, 0), *outline, *inside, (below, floor), (0, floor)], segments)


def ring(outline: Outline, wall: float, sides: int = 8, density: float = 1.0) -> list[Part]:
    """Boxes that stand around the axis like the outline's bands; their outer faces lie on the outline.

    Args:
        outline: bands between consecutive points; few points make few boxes.
        wall: thickness, metres.
        sides: number of boxes in each band.
        density: relative to the object's other parts.
    """
    parts = []
    for (low_radius, low), (high_radius, high) in zip(outline, outline[1:], strict=False):
        along = math.hypot(high_radius - low_radius, high - low)
        lean = math.atan2(high_radius - low_radius, high - low)
        width = 2 * max(low_radius, high_radius) * math.tan(math.pi / sides)
        # A regular polygon between the inscribed and the circumscribed one.
        middle = (low_radius + high_radius) / 2 * (1 + math.cos(math.pi / sides)) / 2
        radius = middle - wall / 2 * math.cos(lean)
        height = (low + high) / 2 + wall / 2 * math.sin(lean)
        board = hidden_box((wall, width, along), density=density)
        for number in range(sides):
            angle = 2 * math.pi * (number + 0.5) / sides
            place = (radius * math.cos(angle), radius * math.sin(angle), height)
            parts.append(replace(board, pos=place, quat=turned(about_z(angle), tilt("y", lean))))
    return parts


def hollow(
    outline: Outline, wall: float, floor: float, sides: int = 8, segments: int = 14, bands: Outline | None = None
) -> tuple[MeshArrays, list[Part]]:
    """A round vessel: its visible mesh and its collision parts.

    Args:
        outline: the outside's.
        wall: thickness, metres; collision walls are at least 6 mm.
        floor: height of the bottom inside, metres.
        sides: number of boxes in each band of the collision walls.
        segments: number of vertices around the visible mesh.
        bands: outline of the collision walls if simpler than `outline`.
    """
    points = list(bands if bands is not None else outline)
    foot, rest = points[0], points[1:]
    thick = max(wall, 0.006)
    bottom = hidden_cylinder(outline[0][0], floor, density=BOTTOM_DENSITY)
    # The walls start where the bottom ends, on the line from the foot to the next point.
    share = min(floor * 0.6 / rest[0][1], 0.9)
    start = (foot[0] + share * (rest[0][0] - foot[0]), share * rest[0][1])
    return vessel_mesh(outline, wall, floor, segments), [bottom, *ring([start, *rest], thick, sides)]


def crate_walls(width: float, depth: float, height: float, wall: float, floor: float) -> list[Part]:
    """Five hidden boxes of a rectangular open container: bottom, left, right, front, back."""
    rise = height - floor
    return [
        hidden_box((width, depth, floor), density=BOTTOM_DENSITY),
        *[hidden_box((wall, depth, rise), (sign * (width - wall) / 2, 0, floor)) for sign in (-1, 1)],
        *[hidden_box((width - 2 * wall, wall, rise), (0, sign * (depth - wall) / 2, floor)) for sign in (-1, 1)],
    ]


def crate(width: float, depth: float, height: float, wall: float, floor: float) -> tuple[MeshArrays, list[Part]]:
    """A rectangular open container: its visible mesh and its collision parts.

    Args:
        width: outside, along x, metres.
        depth: outside, along y.
        height: of the rim.
        wall: thickness of the sides.
        floor: thickness of the bottom.
    """
    rise = height - floor
    pieces = [box_mesh((width, depth, floor), (0, 0, 0))]
    for sign in (-1, 1):
        pieces.append(box_mesh((wall, depth, rise), (sign * (width - wall) / 2, 0, floor)))
        pieces.append(box_mesh((width - 2 * wall, wall, rise), (0, sign * (depth - wall) / 2, floor)))
    return join_meshes(*pieces), crate_walls(width, depth, height, wall, floor)


def cavity(parts: Sequence[Part], depth: float = 0.02) -> tuple[Vector, tuple[float, float]] | None:
    """A square on a container's floor where objects can lie: (centre, half sides), metres; None if there is none.

    Args:
        parts: the container's.
        depth: smallest height of the walls above the floor on all four sides, metres.
    """
    solid = [(part, *part_bounds(part)) for part in parts if part.solid]
    over = [(part, low, high) for part, low, high in solid if (low[:2] < 0).all() and (high[:2] > 0).all()]
    bottom, low, high = max(over, key=lambda entry: entry[2][2], default=(None, None, None))
    if (
        bottom is None
        or low is None
        or high is None
        or bottom.quat != UPRIGHT
        or bottom.form not in ("box", "cylinder")
    ):
        return None
    floor = float(high[2])
    free = {"east": 0.0, "west": 0.0, "north": 0.0, "south": 0.0}
    for _, wall_low, wall_high in solid:
        if wall_high[2] < floor + depth or wall_low[2] > floor + depth:
            continue
        x, y = (wall_low + wall_high)[:2] / 2
        # A wall that leans outwards is closest to the middle at its foot, where the inner side of its box is.
        if abs(x) >= abs(y):
            side, inner = ("east", wall_low[0]) if x > 0 else ("west", -wall_high[0])
        else:
            side, inner = ("north", wall_low[1]) if y > 0 else ("south", -wall_high[1])
        free[side] = min(free[side], inner) if free[side] else max(inner, 1e-6)
    half = min(*free.values(), float((high - low)[:2].min()) / 2)
    if bottom.form == "cylinder":
        half *= math.sqrt(0.5)
    return ((0.0, 0.0, floor), (half, half)) if half > 0 else None


def _compartment(parts: Sequence[Part]) -> tuple[float, float, dict[str, float], Part] | None:
    """The hollow of an object with all lids closed: (floor, ceiling, distances of its walls by side, its bottom).

    It is the tallest gap above the middle: between a bottom and the part above it, or the highest edge of the walls.
    """
    solid = [(part, *part_bounds(part)) for part in parts if part.solid]
    rim = max(float(high[2]) for _, _, high in solid)
    over = [(part, low, high) for part, low, high in solid if (low[:2] < 0).all() and (high[:2] > 0).all()]
    over.sort(key=lambda entry: float(entry[2][2]))
    best: tuple[float, float, Part] | None = None
    for index, (part, _, high) in enumerate(over):
        above = [float(low[2]) for _, low, _ in over[index + 1 :]]
        floor, ceiling = float(high[2]), min(above, default=rim)
        flat = part.quat == UPRIGHT and part.form in ("box", "cylinder")
        if flat and (best is None or ceiling - floor > best[1] - best[0]):
            best = floor, ceiling, part
    if best is None or best[1] - best[0] < _SHALLOW:
        return None
    floor, ceiling, bottom = best
    level = floor + min(0.02, (ceiling - floor) / 2)
    low, high = part_bounds(bottom)
    sides = {"east": float(high[0]), "west": float(-low[0]), "north": float(high[1]), "south": float(-low[1])}
    found = set()
    for part, wall_low, wall_high in solid:
        if part is bottom or wall_high[2] < level or wall_low[2] > level:
            continue
        x, y = (wall_low + wall_high)[:2] / 2
        if abs(x) >= abs(y):
            side, inner = ("east", float(wall_low[0])) if x > 0 else ("west", float(-wall_high[0]))
        else:
            side, inner = ("north", float(wall_low[1])) if y > 0 else ("south", float(-wall_high[1]))
        sides[side] = max(inner, 1e-6) if side not in found else min(sides[side], max(inner, 1e-6))
        found.add(side)
    return (floor, ceiling, sides, bottom) if len(found) == 4 else None


def floor_of(parts: Sequence[Part]) -> Top | None:
    """A rectangle on the floor inside an object where others can lie, behind its lid if it has one; None if none is."""
    hole = _compartment(parts)
    if hole is None:
        return None
    floor, ceiling, sides, bottom = hole
    lid = next((part.motion for part in parts if part.motion is not None), None)
    if lid is None:
        inside = cavity(parts)
        return None if inside is None else Top(0.0, 0.0, inside[0][2], inside[1], 0.45, "inside")
    x, y = (sides["east"] - sides["west"]) / 2, (sides["north"] - sides["south"]) / 2
    half = ((sides["east"] + sides["west"]) / 2 - 0.01, (sides["north"] + sides["south"]) / 2 - 0.01)
    return Top(x, y, floor, half, ceiling - floor - 0.01, "inside", lid)


def spaces_of(parts: Sequence[Part]) -> tuple[Space, ...]:
    """The spaces inside an object: above its floor and between its walls, behind its lid if it has one.

    Those of round vessels are the boxes around them, as wide as the inside half-way up: what is below the rim within
    such a box can only be inside. Objects that are hardly hollow have none.
    """
    hole = _compartment(parts)
    if hole is None:
        return ()
    floor, ceiling, sides, bottom = hole
    if bottom.form == "cylinder":
        middle = (floor + ceiling) / 2
        reaches = [
            math.hypot(part.pos[0], part.pos[1]) - part.size[0]
            for part in parts
            if part.solid and part is not bottom and part_bounds(part)[0][2] < middle < part_bounds(part)[1][2]
        ]
        sides = dict.fromkeys(sides, max([*reaches, *sides.values()]))
    lid = next((part.motion for part in parts if part.motion is not None), None)
    center = ((sides["east"] - sides["west"]) / 2, (sides["north"] - sides["south"]) / 2, (floor + ceiling) / 2)
    half = ((sides["east"] + sides["west"]) / 2, (sides["north"] + sides["south"]) / 2, (ceiling - floor) / 2)
    return (Space(center, half, lid),)

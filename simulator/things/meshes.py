"""Small meshes from which objects are built.

They are cheaper to draw than MuJoCo's built-in round shapes, of which a capsule has 500 triangles, and all pieces of
one colour become one geom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulator.things.openings import Vector
from simulator.things.shapes import (
    Color,
    MeshArrays,
    Part,
    Quaternion,
    box_mesh,
    hidden_box,
    join_meshes,
    lathe_mesh,
    mesh,
    move_mesh,
    rod,
    superquadric_mesh,
    tilt,
    tube_mesh,
)

ORIGIN: Vector = (0.0, 0.0, 0.0)
BLACK: Color = (0.1, 0.1, 0.11)


def paint(color: Color, finish: str, *pieces: MeshArrays) -> Part:
    """One visible part, which does not collide, from pieces of one colour."""
    return mesh(*join_meshes(*pieces), color, finish)


def scaled(parts: Sequence[Part], factor: float) -> list[Part]:
    """The object enlarged or shrunk about the centre of its foot."""
    return [
        replace(
            part,
            size=(factor * part.size[0], factor * part.size[1], factor * part.size[2]),
            pos=(factor * part.pos[0], factor * part.pos[1], factor * part.pos[2]),
            vertices=None if part.vertices is None else factor * part.vertices,
        )
        for part in parts
    ]


def turned(quat: Quaternion, other: Quaternion) -> Quaternion:
    """The rotation `other` followed by `quat`."""
    w, x, y, z = quat
    a, b, c, d = other
    return (
        w * a - x * b - y * c - z * d,
        w * b + x * a + y * d - z * c,
        w * c - x * d + y * a + z * b,
        w * d + x * c - y * b + z * a,
    )


def post(radius: float, height: float, foot: Vector = ORIGIN, top: float | None = None, sides: int = 12) -> MeshArrays:
    """An upright closed cylinder, or a cone's stump with another radius at the `top`."""
    upper = radius if top is None else top
    return move_mesh(lathe_mesh([(0, 0), (radius, 0), (upper, height), (0, height)], sides), shift=foot)


def sleeve(low_radius: float, high_radius: float, low: float, high: float, sides: int = 14) -> MeshArrays:
    """A band around an object, visible only from outside: labels, hoops."""
    return lathe_mesh([(low_radius, low), (high_radius, high)], sides)


def bar(radius: float, start: Vector, end: Vector, sides: int = 6, thin: float | None = None) -> MeshArrays:
    """A closed prism between two points; `thin` is its radius at the end."""
    part = rod(radius, start, end, BLACK)
    return move_mesh(post(radius, 2 * part.size[1], (0, 0, -part.size[1]), thin, sides), part.quat, part.pos)


def disc(radius: float, thickness: float, center: Vector, sides: int = 14) -> MeshArrays:
    """A wheel or dial that faces -y, with its middle at `center`."""
    x, y, z = center
    return bar(radius, (x, y + thickness / 2, z), (x, y - thickness / 2, z), sides)


def ball(half: Vector, center: Vector, rows: int = 7, sides: int = 12) -> MeshArrays:
    """An ellipsoid with semi-axes `half`."""
    return superquadric_mesh(half, center, 1.0, rows, sides)


def pad(sides: Vector, foot: Vector, exponent: float = 0.35, rows: int = 7, segments: int = 14) -> MeshArrays:
    """A box of full `sides` with rounded edges whose bottom's centre is at `foot`."""
    half = (sides[0] / 2, sides[1] / 2, sides[2] / 2)
    return superquadric_mesh(half, (foot[0], foot[1], foot[2] + half[2]), exponent, rows, segments)


def bow(points: Sequence[Vector], radius: float, normal: Vector = (0.0, 1.0, 0.0), sides: int = 5) -> MeshArrays:
    """A bent rod through points in the plane with the given normal."""
    return tube_mesh(np.array(points, dtype=np.float64), radius, normal, sides)


def arch(reach: float, rise: float, foot: Vector, radius: float, steps: int = 7, axis: str = "x") -> MeshArrays:
    """A half ring that stands on the points `reach` to both sides of `foot` along `axis` and rises by `rise`."""
    angles = np.linspace(0, math.pi, steps)
    path = np.zeros((steps, 3))
    path[:, "xy".index(axis)] = reach * np.cos(angles)
    path[:, 2] = rise * np.sin(angles)
    return tube_mesh(path + foot, radius, (0.0, 1.0, 0.0) if axis == "x" else (1.0, 0.0, 0.0), 5)


def hoop(
    radius: float, thickness: float, center: Vector, lean: Quaternion = (1.0, 0.0, 0.0, 0.0), steps: int = 12
) -> MeshArrays:
    """A ring around the z axis, turned by `lean`, its middle at `center`."""
    angles = np.linspace(0, 2 * np.pi, steps + 1)
    path = np.stack([radius * np.cos(angles), radius * np.sin(angles), np.zeros(steps + 1)], axis=1)
    return move_mesh(tube_mesh(path, thickness, (0.0, 0.0, 1.0), 4), lean, center)


def legs(half_x: float, half_y: float, height: float, thickness: float, foot: float = 0.0) -> MeshArrays:
    """Four upright legs whose centres lie at (+-half_x, +-half_y)."""
    return join_meshes(
        *[box_mesh((thickness, thickness, height), (x, y, foot)) for x in (-half_x, half_x) for y in (-half_y, half_y)]
    )


def hidden_legs(half_x: float, half_y: float, height: float, thickness: float, density: float = 1.0) -> list[Part]:
    """Hidden boxes that collide in place of four legs, so that objects can stand and roll between them."""
    sides = (thickness, thickness, height)
    return [hidden_box(sides, (x, y, 0), density) for x in (-half_x, half_x) for y in (-half_y, half_y)]


def splayed_legs(
    reach: float, spread: float, height: float, thickness: float, count: int = 4, sides: int = 6
) -> MeshArrays:
    """Round legs from a circle of radius `spread` on the floor to one of radius `reach` at `height`."""
    angles = [(number + 0.5) * 2 * math.pi / count for number in range(count)]
    return join_meshes(
        *[
            # A leg starts a little above the floor because the prism's end is perpendicular to the leg.
            bar(
                thickness,
                (reach * math.cos(angle), reach * math.sin(angle), height),
                (spread * math.cos(angle), spread * math.sin(angle), thickness * (spread - reach) / height),
                sides,
                thickness * 0.7,
            )
            for angle in angles
        ]
    )


def sheet(sides: Vector, foot: Vector, waves: NDArray[np.float64], height: float, rows: int) -> MeshArrays:
    """A crumpled cloth: a flat pad whose upper side is lifted by up to `height` by an (n, 3) set of waves.

    Args:
        sides: full sides, metres.
        foot: the bottom's centre.
        waves: each row holds two wave numbers over the cloth and a phase.
        height: metres.
        rows: number of rows of vertices from bottom to top.
    """
    vertices, faces = pad(sides, foot, 0.45, rows, 20)
    across = vertices[:, :2] / (np.array(sides[:2]) / 2)
    lift = np.mean([np.sin(a * across[:, 0] + b * across[:, 1] + c) for a, b, c in waves], axis=0)
    fade = np.clip(1.1 - np.abs(across).max(axis=1), 0.1, 1.0)
    rise = np.where(vertices[:, 2] > foot[2] + sides[2] * 0.45, height * (0.5 + 0.5 * lift) * (0.3 + 0.7 * fade), 0.0)
    vertices[:, 2] += rise
    return vertices, faces


def lying(pieces: MeshArrays, radius: float, start: float) -> MeshArrays:
    """An upright mesh laid down along +x from x = `start`, its axis at height `radius`."""
    return move_mesh(pieces, tilt("y", math.pi / 2), (start, 0.0, radius))

"""Shapes of towels and cloths."""

from __future__ import annotations

from simulator.things.materials import Draw, shade
from simulator.things.meshes import (
    lying,
    pad,
    paint,
    post,
    sheet,
)
from simulator.things.shapes import (
    MeshArrays,
    Part,
    box_mesh,
    hidden_box,
    lathe_mesh,
    mesh,
    move_mesh,
    tilt,
)


def _folds(length: float, width: float, height: float, layers: int) -> list[MeshArrays]:
    return [
        pad((length, width, height / layers), (0, 0, height * number / layers), 0.3, 5, 14) for number in range(layers)
    ]


def towel(draw: Draw) -> list[Part]:
    """A large towel: folded in layers, rolled, or a neat pile with a stripe."""
    color, finish = draw.color("towel"), draw.pick(["cloth", "stripes", "cloth"])
    form = draw.integer(0, 2)
    length, width, height = draw.uniform(0.26, 0.36), draw.uniform(0.19, 0.27), draw.uniform(0.07, 0.12)
    if form == 1:
        radius = draw.uniform(0.05, 0.065)
        profile = [(0, 0), (radius, 0), (radius, length), (radius * 0.5, length), (0, length * 0.97)]
        return [
            mesh(*lying(lathe_mesh(profile, 14), radius, -length / 2), color, finish),
            hidden_box((length, radius * 1.5, radius * 2)),
        ]
    parts = [
        paint(color, finish, *_folds(length, width, height, 3 if form == 0 else 1)),
        hidden_box((length * 0.95, width * 0.95, height)),
    ]
    if form == 2:
        parts.append(
            paint(
                shade(color, 0.6), "cloth", box_mesh((length * 0.1, width * 0.97, height * 1.01), (length * 0.25, 0, 0))
            )
        )
    return parts


def hand_towel(draw: Draw) -> list[Part]:
    """A hand towel: a folded square, a slim roll with a ribbon, or a stack of two colours."""
    color, other = draw.color("towel"), draw.plain_color("towel")
    form, side = draw.integer(0, 2), draw.uniform(0.13, 0.19)
    finish = draw.pick(["cloth", "stripes"])
    if form == 1:
        radius = side * 0.24
        roll = lathe_mesh([(0, 0), (radius, 0), (radius, side), (radius * 0.4, side), (0, side * 0.95)], 12)
        return [
            mesh(*lying(roll, radius, -side / 2), color, finish),
            paint(other, "cloth", lying(post(radius * 1.03, side * 0.14), radius, -side * 0.07)),
            hidden_box((side, radius * 1.5, radius * 2)),
        ]
    layers = _folds(side, side * draw.uniform(0.75, 1.0), 0.03 + 0.025 * form, 2)
    parts = [paint(color, finish, layers[0]), paint(color if form == 0 else other, finish, layers[1])]
    if form == 0:
        parts = [paint(color, finish, *layers)]
    return [*parts, hidden_box((side * 0.95, side * 0.8, 0.03 + 0.025 * form))]


def cloth(draw: Draw) -> list[Part]:
    """A dropped cloth: crumpled, spread with waves, or folded once."""
    form = draw.integer(0, 2)
    width, depth = draw.uniform(0.2, 0.28), draw.uniform(0.18, 0.24)
    color, finish = draw.color("towel"), draw.pick(["cloth", "stripes"])
    if form == 2:
        fold = move_mesh(
            pad((width, depth * 0.55, 0.012), (0, 0, 0), 0.3, 5, 14), tilt("x", 0.06), (0, -depth * 0.15, 0.013)
        )
        return [
            paint(color, finish, pad((width, depth, 0.012), (0, 0, 0), 0.3, 5, 14), fold),
            hidden_box((width * 0.95, depth * 0.92, 0.018)),
        ]
    waves = draw.generator.uniform([-5, -5, 0], [5, 5, 6.28], (4, 3))
    scale, height = ((0.8, 0.06), (1.0, 0.028))[form]
    crumpled = sheet((width * scale, depth * scale, 0.012), (0, 0, 0), waves, height, 7 - form)
    return [
        mesh(*crumpled, color, finish),
        hidden_box((width * scale * 0.9, depth * scale * 0.9, 0.02)),
        hidden_box((width * scale * 0.5, depth * scale * 0.5, height * 0.6), density=0.3),
    ]

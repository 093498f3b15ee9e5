"""Shapes of clothes and bags."""

from __future__ import annotations

import math

import numpy as np

from simulator.things.materials import Draw, shade
from simulator.things.meshes import (
    arch,
    ball,
    bar,
    disc,
    hoop,
    lying,
    pad,
    paint,
    post,
    scaled,
)
from simulator.things.openings import Vector
from simulator.things.shapes import (
    MeshArrays,
    Part,
    about_z,
    box_mesh,
    hidden_box,
    hidden_cylinder,
    lathe_mesh,
    mesh,
    move_mesh,
    superquadric_mesh,
    tilt,
    tube_mesh,
)


def hat(draw: Draw) -> list[Part]:
    """A hat that lies on its brim: a straw hat with a ribbon, a felt one with a dent, a cap, or a woollen one."""
    form = draw.integer(0, 3)
    radius, height = draw.uniform(0.085, 0.1), draw.uniform(0.09, 0.12)
    color = draw.color(("straw", "dark", "toy", "fabric")[form])
    ribbon = draw.plain_color(draw.pick(["dark", "red_fruit", "fabric"]))
    if form >= 2:
        crown = lathe_mesh(
            [(0, 0), (radius, 0), (radius * 0.97, height * 0.5), (radius * 0.6, height * 0.9), (0, height)], 14
        )
        parts = [
            hidden_cylinder(radius, height * 0.55),
            hidden_cylinder(radius * 0.6, height * 0.4, (0, 0, height * 0.55)),
        ]
        if form == 2:
            peak, faces = ball((0.075, 0.07, 0.008), (0, -radius * 0.95, 0.01), 4, 12)
            return [paint(color, "cloth", crown), paint(shade(color, 0.6), "cloth", (peak, faces)), *parts]
        rim = lathe_mesh([(0, 0), (radius * 1.03, 0), (radius * 1.06, 0.02), (radius * 1.03, 0.04), (0, 0.04)], 14)
        return [
            paint(color, "stripes", crown),
            paint(shade(color, 0.7), "cloth", rim, ball((0.028, 0.028, 0.026), (0, 0, height + 0.01), 6, 9)),
            *parts,
        ]
    wide = radius * (1.75 if form == 0 else 1.5)
    brim = lathe_mesh(
        [(0, 0), (wide, 0.004 + 0.012 * form), (wide, 0.01 + 0.012 * form), (radius, 0.012), (0, 0.012)], 18
    )
    crown = lathe_mesh(
        [
            (0, 0),
            (radius, 0),
            (radius * 0.85, height),
            (radius * 0.4, height * (1.08 if form == 0 else 0.88)),
            (0, height * (1.1 if form == 0 else 0.85)),
        ],
        14,
    )
    return [
        paint(color, "rough" if form == 0 else "cloth", brim, crown),
        paint(ribbon, "cloth", post(radius * 1.015, height * 0.25, (0, 0, 0.012), radius * 0.975, 14)),
        hidden_cylinder(wide * 0.97, 0.012),
        hidden_cylinder(radius * 0.9, height * 0.95, (0, 0, 0.012), 0.3),
    ]


def boots(draw: Draw) -> list[Part]:
    """A pair of boots: high rubber boots, ankle boots with a sole, or sneakers."""
    form = draw.integer(0, 2)
    color = draw.color(("plant" if draw.chance(0.4) else "dark", "leather", "toy")[form])
    height = (draw.uniform(0.26, 0.34), draw.uniform(0.15, 0.2), draw.uniform(0.095, 0.115))[form]
    pair, soles = [], []
    for x in (-0.065, 0.065):
        pair.append(pad((0.094, 0.26, 0.09), (x, -0.02, 0.012), 0.55, 6 - (form == 0), 9))
        profile = [(0.045, 0.03), (0.052, height), (0.042, height), (0.03, height * 0.7), (0, height * 0.65)]
        pair.append(move_mesh(lathe_mesh(profile, 8), shift=(x, 0.055, 0)))
        soles.append(pad((0.1, 0.27, 0.025), (x, -0.02, 0.0), 0.5, 4, 8))
    if form == 2:
        soles += [
            box_mesh((0.05, 0.008, 0.004), (x, -0.02 - 0.025 * row, 0.094 - 0.004 * row))
            for x in (-0.065, 0.065)
            for row in range(3)
        ]
    sole = (shade(color, 0.5), draw.plain_color("dark"), draw.plain_color("white"))[form]
    return [
        paint(color, ("glossy", "rough", "plain")[form], *pair),
        paint(sole, "plain", *soles),
        hidden_box((0.22, 0.25, 0.09), (0, -0.02, 0), density=2.0),
        hidden_box((0.22, 0.09, max(height - 0.09, 0.01)), (0, 0.055, 0.09)),
    ]


def slippers(draw: Draw) -> list[Part]:
    """A pair of slippers: open ones, closed felt ones, or sandals with two straps."""
    form = draw.integer(0, 2)
    color, sole = draw.color("fabric"), draw.plain_color(draw.pick(["leather", "straw", "dark"]))
    soles, tops = [], []
    for number, x in enumerate((-0.062, 0.062)):
        turn, shift = about_z((0.08, -0.15)[number]), (x, 0.02 * number, 0.0)
        soles.append(move_mesh(pad((0.095, 0.26, 0.022), (0, 0, 0), 0.6, 4, 10), turn, shift))
        if form == 2:
            straps = [_strap(0.046, 0.038, y) for y in (-0.06, 0.015)]
        else:
            dome, faces = ball(
                (0.05, 0.075 if form == 0 else 0.12, 0.06), (0, -0.045 if form == 0 else -0.002, 0.012), 6, 12
            )
            dome[:, 2] = np.maximum(dome[:, 2], 0.012)
            straps = [(dome, faces)]
            if form == 1:
                straps.append(move_mesh(hoop(0.036, 0.01, (0, 0, 0), steps=8), tilt("x", -0.15), (0, 0.06, 0.052)))
        tops += [move_mesh(piece, turn, shift) for piece in straps]
    return scaled(
        [
            paint(sole, "rough", *soles),
            paint(color, "cloth", *tops),
            hidden_box((0.22, 0.25, 0.024), (0, 0.01, 0), density=2.0),
            hidden_box((0.22, 0.13, 0.04), (0, -0.03, 0.022), 0.3),
        ],
        draw.uniform(0.9, 1.12),
    )


def _strap(reach: float, rise: float, y: float) -> MeshArrays:
    vertices, faces = arch(reach, rise, (0, 0, 0), 0.006, 7)
    vertices[:, 1] *= 3.2
    return vertices + [0, y, 0.014], faces


def backpack(draw: Draw) -> list[Part]:
    """A school bag with a pocket, a round-topped pack with a roll, or a sports bag that lies."""
    form = draw.integer(0, 2)
    color, finish = draw.color(draw.pick(["fabric", "toy", "dark"])), "cloth"
    dark = shade(color, 0.55)
    if form == 2:
        length, radius = draw.uniform(0.42, 0.52), draw.uniform(0.12, 0.14)
        body = superquadric_mesh((length / 2, radius, radius), (0, 0, radius), 0.5, 7, 12)
        straps = [
            tube_mesh(_oval(radius * 1.01, radius * 1.01, x * length, radius), 0.012, (1.0, 0.0, 0.0), 4)
            for x in (-0.22, 0.22)
        ]
        return [
            mesh(*body, color, finish),
            paint(dark, finish, *straps, arch(length * 0.22, 0.09, (0, 0, radius * 1.95), 0.011, 7)),
            hidden_box((length * 0.95, radius * 1.7, radius * 2)),
        ]
    width, depth, height = draw.uniform(0.28, 0.34), draw.uniform(0.17, 0.21), draw.uniform(0.38, 0.46)
    body = superquadric_mesh((width / 2, depth / 2, height / 2), (0, 0, height / 2), 0.35 if form == 0 else 0.55, 7, 12)
    pocket = pad((width * 0.75, depth * 0.4, height * 0.4), (0, -depth * 0.45, height * 0.08), 0.4, 5, 10)
    straps = [
        tube_mesh(
            np.array(
                [
                    (sign * width * 0.25, depth * y, height * z)
                    for y, z in ((0.4, 0.9), (0.75, 0.75), (0.8, 0.4), (0.45, 0.1))
                ]
            ),
            0.014,
            (1.0, 0.0, 0.0),
            4,
        )
        for sign in (-1, 1)
    ]
    extra = [arch(0.04, 0.04, (0, 0.02, height * 0.98), 0.009, 6)]
    if form == 1:
        roll = move_mesh(lying(post(0.05, width * 1.15, sides=10), 0.0, -width * 0.575), shift=(0, 0, height + 0.02))
        parts = [
            paint(draw.plain_color("fabric"), "stripes", roll),
            hidden_box((width * 1.1, 0.07, 0.07), (0, 0, height), 0.3),
        ]
    else:
        parts = [
            paint(
                draw.plain_color("white"),
                "plain",
                box_mesh((width * 0.55, 0.006, 0.012), (0, -depth * 0.655, height * 0.36)),
            )
        ]
    return [
        mesh(*body, color, finish),
        paint(dark, finish, *straps, *extra),
        paint(shade(color, 1.2), finish, pocket),
        hidden_box((width * 0.9, depth * 0.9, height), density=1.0),
        hidden_box((width * 0.7, depth * 0.25, height * 0.35), (0, -depth * 0.5, height * 0.05)),
        *parts,
    ]


def _oval(wide: float, tall: float, x: float, center: float) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 13)
    return np.stack([np.full(13, x), wide * np.cos(angles), np.maximum(center + tall * np.sin(angles), 0.013)], axis=1)


def suitcase(draw: Draw) -> list[Part]:
    """A trolley with ribs and a handle, an old leather case with straps that stands, or one that lies."""
    form = draw.integer(0, 2)
    width, depth, height = draw.uniform(0.36, 0.44), draw.uniform(0.2, 0.25), draw.uniform(0.5, 0.6)
    color, dark = draw.color("leather" if form else draw.pick(["toy", "metal", "dark"])), draw.plain_color("dark")
    if form == 0:
        ribs = [
            box_mesh((0.02, 0.008, height * 0.8), (x * width, -depth / 2, height * 0.12))
            for x in (-0.3, -0.1, 0.1, 0.3)
        ]
        rods = [bar(0.007, (x, depth * 0.3, height), (x, depth * 0.3, height + 0.3), 5) for x in (-0.08, 0.08)]
        wheels = [disc(0.025, 0.03, (x * width, y * depth, 0.025), 8) for x in (-0.4, 0.4) for y in (-0.35, 0.35)]
        return [
            paint(color, "glossy", pad((width, depth, height - 0.03), (0, 0, 0.03), 0.25, 6, 14)),
            paint(shade(color, 0.75), "glossy", *ribs),
            paint(
                dark,
                "plain",
                *rods,
                bar(0.012, (-0.09, depth * 0.3, height + 0.3), (0.09, depth * 0.3, height + 0.3), 6),
                *wheels,
            ),
            hidden_box((width * 0.95, depth * 0.95, 0.03), density=3.0),
            hidden_box((width * 0.97, depth * 0.95, height - 0.03), (0, 0, 0.03)),
            hidden_box((0.2, 0.03, 0.3), (0, depth * 0.3, height), 0.02),
        ]
    flat = form == 2
    sides: Vector = (height, width, depth * 0.8) if flat else (height, depth * 0.8, width)
    straps = [box_mesh((0.03, sides[1] * 1.012, sides[2] * 1.006), (x * height, 0, 0)) for x in (-0.28, 0.28)]
    corners = [
        box_mesh((0.06, sides[1] * 1.008, 0.05), (x * height * 0.455, 0, z))
        for x in (-1, 1)
        for z in (0.0, sides[2] - 0.049)
    ]
    handle = (
        arch(0.06, 0.05, (0, 0, sides[2]), 0.01, 6)
        if not flat
        else move_mesh(arch(0.06, 0.05, (0, 0, 0), 0.01, 6), tilt("x", math.pi / 2), (0, -sides[1] / 2, sides[2] / 2))
    )
    body = box_mesh(sides, (0, 0, 0)) if flat else pad(sides, (0, 0, 0), 0.12, 5, 16)
    return [
        paint(color, "rough", body),
        hidden_box(sides),
        paint(shade(color, 0.6), "rough", *straps, *corners),
        paint(dark, "plain", handle),
    ]

"""Shapes of plants and of ornaments that stand on the floor."""

from __future__ import annotations

import math

import numpy as np

from simulator.things.materials import Draw
from simulator.things.meshes import (
    arch,
    ball,
    bar,
    paint,
    post,
)
from simulator.things.shapes import (
    Part,
    box_mesh,
    ellipsoid,
    hidden_box,
    hidden_cylinder,
    lathe_mesh,
    mesh,
    move_mesh,
    superquadric_mesh,
    tilt,
)
from simulator.things.vessels import vessel_mesh


def house_plant(draw: Draw) -> list[Part]:
    """A plant in a heavy pot: a bush, upright blades, a cactus, broad leaves on stalks, or a small palm."""
    radius, height = draw.uniform(0.085, 0.13), draw.uniform(0.13, 0.22)
    clay, green, form = draw.color(draw.pick(["clay", "ceramic", "straw"])), draw.color("plant"), draw.integer(0, 4)
    foot = radius * draw.pick([0.72, 0.95, 0.55])
    profile = [
        (0, 0),
        (foot, 0),
        (radius, height),
        (radius * 0.88, height),
        (radius * 0.85, height * 0.9),
        (0, height * 0.9),
    ]
    parts = [
        mesh(*lathe_mesh(profile, 12), clay, draw.pick(["rough", "glossy", "stripes"])),
        hidden_cylinder((foot + radius) / 2, height, density=6.0),
    ]
    if form == 0:
        crown = draw.uniform(0.1, 0.16)
        vertices, faces = superquadric_mesh((crown, crown, crown * 1.15), (0, 0, 0), 1.0, 9, 14)
        ruffle = 1 + 0.1 * np.sin(np.arange(len(vertices)) * 2.7)
        return [
            *parts,
            mesh(vertices * ruffle[:, None] + [0, 0, height + crown], faces, green, "rough"),
            ellipsoid((crown * 0.9,) * 3, (0, 0, height + crown), green, seen=False, density=0.1),
        ]
    if form == 2:
        tall, thick = draw.uniform(0.16, 0.3), draw.uniform(0.05, 0.07)
        arm, side = height + tall * 0.5, thick * 1.7
        return [
            *parts,
            paint(
                green,
                "stripes",
                superquadric_mesh((thick, thick, tall / 2 + thick), (0, 0, height + tall / 2), 0.75, 8, 10),
                ball((thick * 0.55, thick * 0.55, 0.07), (side, 0, arm + 0.05), 6, 8),
                bar(thick * 0.4, (0, 0, arm), (side, 0, arm + 0.02), 6),
            ),
            hidden_cylinder(thick, tall + thick, (0, 0, height), 0.3),
            hidden_box((thick * 1.1, thick, 0.14), (side, 0, arm - 0.02), 0.1),
        ]
    length = draw.uniform(0.25, 0.42)
    leaves = []
    for number in range(7 if form == 1 else 6):
        angle = number * 2.4
        lean = 0.12 + 0.3 * ((number * 0.37) % 1)
        if form == 1:
            pieces = [ball((0.03, 0.007, length / 2), (0, 0, length / 2), 6, 6)]
        elif form == 3:
            stalk = length * (0.6 + 0.07 * number)
            leaf = move_mesh(ball((0.055, 0.006, 0.075), (0, 0, 0.07), 5, 8), tilt("x", -0.9), (0, 0, stalk))
            pieces = [bar(0.004, (0, 0, 0), (0, 0, stalk), 4), leaf]
        else:
            trunk = length * 0.55
            frond = move_mesh(
                ball((0.025, 0.005, length * 0.36), (0, 0, length * 0.34), 6, 6), tilt("x", -1.1 + 0.1 * number)
            )
            pieces, lean = [move_mesh(frond, shift=(0, 0, trunk))], 0.0
        for piece in pieces:
            leaned = move_mesh(piece, tilt("x", -lean))
            leaves.append(move_mesh(leaned, (math.cos(angle / 2), 0, 0, math.sin(angle / 2)), (0, 0, height * 0.85)))
    if form == 4:
        parts.append(
            paint(
                (0.4, 0.3, 0.2),
                "rough",
                bar(0.022, (0, 0, height * 0.8), (0, 0, height * 0.87 + length * 0.55), 7, 0.014),
            )
        )
    spread = radius * 0.9 if form == 1 else length * 0.4
    return [*parts, paint(green, "rough", *leaves), hidden_cylinder(spread, length * 0.8, (0, 0, height), 0.1)]


def room_decor(draw: Draw) -> list[Part]:
    """An ornament on the floor: a tall vase with branches, a great lantern, or a carved column with a ball."""
    form, height = draw.integer(0, 2), draw.uniform(0.42, 0.6)
    if form == 0:
        radius = draw.uniform(0.11, 0.15)
        outline = [(radius * 0.65, 0), (radius, height * 0.55), (radius * 0.5, height * 0.85), (radius * 0.6, height)]
        twigs = []
        for number in range(7):
            angle, reach = number * 2.4, 0.08 + 0.1 * ((number * 0.41) % 1)
            tip = (reach * math.cos(angle), reach * math.sin(angle), height * 1.45 + 0.03 * (number % 4))
            twigs.append(bar(0.005, (0, 0, height * 0.9), tip, 4, 0.003))
            twigs += [
                ball((0.016, 0.016, 0.022), (tip[0] * s, tip[1] * s, height * 0.9 + (tip[2] - height * 0.9) * s), 4, 5)
                for s in (0.75, 1.0)
            ]
        return [
            mesh(*vessel_mesh(outline, radius * 0.1, height * 0.6), draw.color("clay"), draw.pick(["glossy", "rough"])),
            paint(draw.plain_color(draw.pick(["straw", "plant", "soap"])), "plain", *twigs),
            hidden_cylinder(radius * 0.75, height * 0.3, density=3.0),
            hidden_cylinder(radius * 0.9, height * 0.5, (0, 0, height * 0.3)),
            hidden_cylinder(radius * 0.6, height * 0.65, (0, 0, height * 0.8), 0.1),
        ]
    wood = draw.color(draw.pick(["wood", "dark", "white"]))
    if form == 1:
        side, post_side = draw.uniform(0.2, 0.26), 0.022
        half = side / 2 - post_side / 2
        posts = [
            box_mesh((post_side, post_side, height * 0.7), (x, y, 0.03)) for x in (-half, half) for y in (-half, half)
        ]
        roof, faces = box_mesh((side * 1.1, side * 1.1, height * 0.2), (0, 0, height * 0.73))
        roof[:, :2] *= np.where(roof[:, 2:] > height * 0.8, 0.25, 1.0)
        return [
            paint(wood, "timber", box_mesh((side, side, 0.03), (0, 0, 0)), *posts, (roof, faces)),
            paint(draw.plain_color("metal"), "metal", arch(0.06, 0.07, (0, 0, height * 0.92), 0.006, 7)),
            paint(draw.plain_color("soap"), "plain", post(0.05, height * 0.4, (0, 0, 0.03))),
            hidden_box((side, side, height * 0.75), density=2.0),
            hidden_box((side * 0.5, side * 0.5, height * 0.17), (0, 0, height * 0.75), 0.5),
        ]
    side = draw.uniform(0.18, 0.24)
    return [
        paint(
            wood,
            "timber",
            box_mesh((side, side, 0.05), (0, 0, 0)),
            post(side * 0.38, height - 0.1, (0, 0, 0.05), side * 0.3, 10),
            box_mesh((side * 0.9, side * 0.9, 0.05), (0, 0, height - 0.05)),
        ),
        paint(
            draw.color(draw.pick(["metal", "clay", "ceramic"])),
            "glossy",
            ball((side * 0.4,) * 3, (0, 0, height + side * 0.38), 8, 12),
        ),
        hidden_box((side, side, height), density=2.0),
        hidden_cylinder(side * 0.3, side * 0.76, (0, 0, height)),
    ]

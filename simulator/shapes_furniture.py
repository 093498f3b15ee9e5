"""Shapes of furniture and other large things that can be moved."""

from __future__ import annotations

import math

import numpy as np

from simulator.materials import Draw, shade
from simulator.shapes import (
    MeshArrays,
    Part,
    Vector,
    box,
    box_mesh,
    cylinder,
    ellipsoid,
    hidden_box,
    hidden_cylinder,
    join_meshes,
    lathe_mesh,
    mesh,
    move_mesh,
    rod,
    superquadric_mesh,
    tilt,
)


def legs(half_x: float, half_y: float, height: float, thickness: float) -> MeshArrays:
    """Four upright legs whose centres lie at (+-half_x, +-half_y)."""
    return join_meshes(
        *[box_mesh((thickness, thickness, height), (sx * half_x, sy * half_y, 0.0)) for sx in (-1, 1) for sy in (-1, 1)]
    )


def chair(draw: Draw) -> list[Part]:
    """A chair with a closed or a slatted back."""
    width, depth = draw.uniform(0.4, 0.46), draw.uniform(0.4, 0.45)
    seat, height = draw.uniform(0.43, 0.47), draw.uniform(0.84, 1.0)
    wood, cover = draw.color("wood"), draw.color(draw.pick(["fabric", "wood"]))
    leg = 0.036
    x, y = width / 2 - leg / 2, depth / 2 - leg / 2
    pieces: list[tuple[Vector, Vector]] = [
        ((leg, 0.03, height - seat), (sx * x, depth / 2 - 0.015, seat)) for sx in (-1, 1)
    ]
    back = []
    if draw.chance(0.5):
        low = seat + draw.uniform(0.08, 0.2)
        back.append(box((width - 0.02, 0.03, height - low), (0, depth / 2 - 0.016, low), cover, "cloth", solid=False))
    else:
        slats = draw.integer(2, 4)
        for number in range(slats):
            z = seat + (height - seat) * (number + 0.6) / slats
            pieces.append(((width, 0.022, 0.06), (0.0, depth / 2 - 0.015, z)))
    frame = join_meshes(legs(x, y, seat - 0.03, leg), *[box_mesh(sides, foot) for sides, foot in pieces])
    return [
        mesh(*frame, wood, "timber"),
        box((width, depth, 0.05), (0, 0, seat - 0.04), cover, draw.pick(["cloth", "timber"]), density=2.0),
        *back,
        hidden_box((width, depth, seat - 0.04), density=0.25),
        hidden_box((width, 0.035, height - seat), (0, depth / 2 - 0.018, seat + 0.01), density=0.8),
    ]


def arm_chair(draw: Draw) -> list[Part]:
    """An upholstered chair with arms."""
    width, depth, height = draw.uniform(0.66, 0.76), draw.uniform(0.64, 0.72), draw.uniform(0.78, 0.92)
    color = draw.color("fabric")
    seat, arm = 0.42, 0.13
    rest = join_meshes(
        superquadric_mesh((width / 2, 0.09, height / 2 - 0.02), (0, depth / 2 - 0.09, height / 2 + 0.02), 0.3, 8, 14),
        superquadric_mesh((arm / 2, depth / 2, 0.28), (-width / 2 + arm / 2, 0, 0.32), 0.35, 8, 14),
        superquadric_mesh((arm / 2, depth / 2, 0.28), (width / 2 - arm / 2, 0, 0.32), 0.35, 8, 14),
    )
    return [
        mesh(*rest, color, "cloth"),
        box((width - 2 * arm, depth - 0.16, 0.14), (0, -0.06, seat - 0.14), shade(color, 1.12), "cloth"),
        hidden_box((width, depth, seat - 0.14)),
        hidden_box((width, 0.17, height - seat + 0.14), (0, depth / 2 - 0.09, seat - 0.14), density=0.5),
        hidden_box((arm, depth - 0.17, 0.3), (-width / 2 + arm / 2, -0.085, seat - 0.14), density=0.5),
        hidden_box((arm, depth - 0.17, 0.3), (width / 2 - arm / 2, -0.085, seat - 0.14), density=0.5),
    ]


def stool(draw: Draw) -> list[Part]:
    """Round or square, low or high."""
    radius, height = draw.uniform(0.16, 0.2), draw.uniform(0.5, 0.72)
    wood, cover = draw.color(draw.pick(["wood", "metal"])), draw.color(draw.pick(["wood", "fabric"]))
    spread = radius * 0.72
    lean = 0.06
    splayed = join_meshes(
        *[
            box_mesh((0.032, 0.032, height - 0.05), (sx * spread * 1.15, sy * spread * 1.15, 0), tilt("y", -sx * lean))
            for sx in (-1, 1)
            for sy in (-1, 1)
        ]
    )
    top = (
        cylinder(radius, 0.05, (0, 0, height - 0.05), cover, "timber", density=2.0)
        if draw.chance(0.6)
        else box((radius * 1.8, radius * 1.8, 0.06), (0, 0, height - 0.06), cover, "cloth", density=2.0)
    )
    return [mesh(*splayed, wood, "timber"), top, hidden_box((spread * 2.4, spread * 2.4, height - 0.06), density=0.3)]


def side_table(draw: Draw) -> list[Part]:
    """A small table: four legs and a top, or one stem with a round top."""
    height = draw.uniform(0.5, 0.7)
    wood = draw.color("wood")
    if draw.chance(0.35):
        radius = draw.uniform(0.22, 0.28)
        stem = lathe_mesh(
            [
                (0, 0),
                (radius * 0.7, 0),
                (radius * 0.65, 0.02),
                (0.03, 0.05),
                (0.025, height - 0.03),
                (0, height - 0.03),
            ],
            14,
        )
        return [
            mesh(*stem, shade(wood, 0.8), "timber"),
            cylinder(radius, 0.03, (0, 0, height - 0.03), wood, "wood"),
            hidden_cylinder(radius * 0.7, 0.05, density=4.0),
            hidden_cylinder(0.04, height - 0.08, (0, 0, 0.05)),
        ]
    width, depth = draw.uniform(0.4, 0.55), draw.uniform(0.36, 0.45)
    leg = 0.04
    frame = legs(width / 2 - leg / 2, depth / 2 - leg / 2, height - 0.035, leg)
    lower = box_mesh((width - 0.04, depth - 0.04, 0.02), (0, 0, height * 0.3))
    return [
        mesh(*(join_meshes(frame, lower) if draw.chance(0.5) else frame), shade(wood, 0.85), "timber"),
        box((width, depth, 0.035), (0, 0, height - 0.035), wood, "wood", density=2.0),
        hidden_box((width, depth, height - 0.035), density=0.3),
    ]


def coffee_table(draw: Draw) -> list[Part]:
    """A low, wide table."""
    width, depth, height = draw.uniform(0.7, 0.95), draw.uniform(0.45, 0.55), draw.uniform(0.42, 0.5)
    wood = draw.color("wood")
    frame = join_meshes(
        legs(width / 2 - 0.04, depth / 2 - 0.04, height - 0.04, 0.05),
        box_mesh((width - 0.06, 0.02, 0.06), (0, depth / 2 - 0.04, height - 0.1)),
        box_mesh((width - 0.06, 0.02, 0.06), (0, -depth / 2 + 0.04, height - 0.1)),
    )
    return [
        mesh(*frame, shade(wood, 0.8), "timber"),
        box((width, depth, 0.04), (0, 0, height - 0.04), wood, "wood", density=2.0),
        hidden_box((width, depth, height - 0.04), density=0.3),
    ]


def ottoman(draw: Draw) -> list[Part]:
    """A round or square upholstered seat."""
    radius, height = draw.uniform(0.2, 0.28), draw.uniform(0.4, 0.5)
    color = draw.color("fabric")
    exponent = draw.pick([0.25, 0.35])
    if draw.chance(0.5):
        return [
            cylinder(radius, height * 0.8, (0, 0, 0), color, "cloth"),
            cylinder(radius * 1.02, height * 0.2, (0, 0, height * 0.8), shade(color, 1.15), "cloth"),
        ]
    body = superquadric_mesh((radius, radius, height / 2), (0, 0, height / 2), exponent, 8, 20)
    return [mesh(*body, color, "cloth"), hidden_box((radius * 1.85, radius * 1.85, height))]


def footstool(draw: Draw) -> list[Part]:
    """A cushioned little stool, or a plastic step."""
    width, depth, height = draw.uniform(0.34, 0.44), draw.uniform(0.26, 0.34), draw.uniform(0.26, 0.4)
    color = draw.color(draw.pick(["fabric", "plastic"]))
    frame = legs(width / 2 - 0.03, depth / 2 - 0.03, height - 0.08, 0.045)
    return [
        mesh(*frame, draw.color("wood"), "timber"),
        box((width, depth, 0.08), (0, 0, height - 0.08), color, "cloth"),
        hidden_box((width, depth, height - 0.08), density=0.3),
    ]


def floor_lamp(draw: Draw) -> list[Part]:
    """A standing lamp with a shade."""
    height, radius = draw.uniform(1.25, 1.55), draw.uniform(0.15, 0.21)
    metal, hood = draw.color("metal"), draw.color(draw.pick(["paper", "fabric"]))
    low = height - draw.uniform(0.22, 0.3)
    profile = [(radius, low), (radius * 0.65, height), (radius * 0.6, height), (radius * 0.96, low), (radius, low)]
    return [
        cylinder(0.15, 0.03, (0, 0, 0), metal, "metal", density=12.0),
        rod(0.014, (0, 0, 0.03), (0, 0, height - 0.06), metal, "metal", form="cylinder"),
        mesh(*lathe_mesh(profile, 18), hood, "glow"),
        hidden_cylinder(radius * 0.85, height - low, (0, 0, low), density=0.1),
    ]


def dog_bed(draw: Draw) -> list[Part]:
    """A soft ring around a cushion."""
    radius, height = draw.uniform(0.24, 0.32), draw.uniform(0.12, 0.17)
    profile = [
        (0, 0),
        (radius * 0.9, 0),
        (radius, height * 0.5),
        (radius * 0.88, height),
        (radius * 0.74, height * 0.7),
    ]
    profile += [(radius * 0.7, height * 0.4), (0, height * 0.45)]
    color = draw.color("fabric")
    return [
        mesh(*lathe_mesh(profile, 20), color, "cloth"),
        cylinder(radius * 0.7, 0.02, (0, 0, height * 0.42), shade(color, 1.4), "cloth", solid=False),
        hidden_cylinder(radius * 0.92, height * 0.9),
    ]


def carton(draw: Draw) -> list[Part]:
    """A cardboard box, taped or with a label, of very different sizes."""
    width, depth, height = draw.uniform(0.22, 0.46), draw.uniform(0.2, 0.36), draw.uniform(0.18, 0.38)
    color = draw.color("carton")
    parts = [
        box((width, depth, height), (0, 0, 0), color, "rough"),
        box((width * 1.002, 0.05, height * 1.002), (0, 0, 0), shade(color, draw.pick([1.35, 0.75])), solid=False),
    ]
    if draw.chance(0.6):
        sides = (width * 0.35, 0.004, height * 0.3)
        parts.append(box(sides, (width * 0.2, -depth / 2, height * 0.5), draw.plain_color("paper"), solid=False))
    return parts


def house_plant(draw: Draw) -> list[Part]:
    """A heavy pot with a bush, upright blades or a cactus."""
    radius, height = draw.uniform(0.085, 0.13), draw.uniform(0.13, 0.22)
    clay, green = draw.color("clay"), draw.color("plant")
    profile = [(0, 0), (radius * 0.72, 0), (radius, height), (radius * 0.88, height), (0, height * 0.9)]
    parts = [
        mesh(*lathe_mesh(profile), clay, "rough"),
        hidden_cylinder(radius * 0.85, height, density=6.0),
    ]
    form = draw.integer(0, 2)
    if form == 0:
        crown = draw.uniform(0.1, 0.16)
        vertices, faces = superquadric_mesh((crown, crown, crown * 1.15), (0, 0, 0), 1.0, 9, 14)
        ruffle = 1 + 0.1 * np.sin(np.arange(len(vertices)) * 2.7)
        parts += [
            mesh(vertices * ruffle[:, None] + [0, 0, height + crown], faces, green, "rough"),
            ellipsoid((crown * 0.9,) * 3, (0, 0, height + crown), green, seen=False, density=0.1),
        ]
    elif form == 1:
        length = draw.uniform(0.25, 0.42)
        blades = []
        for number in range(7):
            blade = superquadric_mesh((0.03, 0.007, length / 2), (0, 0, length / 2), 1.0, 6, 6)
            lean = 0.12 + 0.3 * ((number * 0.37) % 1)
            angle = number * 2.4
            turned = move_mesh(move_mesh(blade, tilt("x", lean)), (math.cos(angle / 2), 0, 0, math.sin(angle / 2)))
            blades.append(move_mesh(turned, shift=(0, 0, height * 0.85)))
        parts += [
            mesh(*join_meshes(*blades), green, "rough"),
            hidden_cylinder(radius * 0.9, length * 0.8, (0, 0, height), density=0.1),
        ]
    else:
        tall, thick = draw.uniform(0.16, 0.3), draw.uniform(0.05, 0.07)
        arm = height + tall * 0.5
        parts += [
            rod(thick, (0, 0, height), (0, 0, height + tall), green, "stripes", density=0.3),
            rod(thick * 0.55, (thick * 1.6, 0, arm), (thick * 1.6, 0, arm + 0.08), green, "stripes", density=0.2),
        ]
    return parts


def television(draw: Draw) -> list[Part]:
    """A flat screen on its foot."""
    width = draw.uniform(0.55, 0.8)
    height = width * 0.58
    dark = draw.plain_color("dark")
    return [
        box((width, 0.045, height), (0, 0, 0.05), dark, "glossy"),
        box(
            (width * 0.95, 0.006, height * 0.9),
            (0, -0.022, 0.05 + height * 0.05),
            shade(dark, 0.5),
            "glossy",
            solid=False,
        ),
        box((width * 0.5, 0.2, 0.015), (0, 0, 0), draw.plain_color("metal"), "metal", density=10.0),
        box((0.08, 0.04, 0.05), (0, 0, 0), dark, solid=False),
    ]


def desktop(draw: Draw) -> list[Part]:
    """A computer's tower."""
    width, depth, height = draw.uniform(0.17, 0.21), draw.uniform(0.36, 0.42), draw.uniform(0.36, 0.44)
    color = draw.color(draw.pick(["dark", "metal", "white"]))
    return [
        box((width, depth, height), (0, 0, 0), color, "metal"),
        box((width * 0.85, 0.008, height * 0.12), (0, -depth / 2, height * 0.8), shade(color, 0.5), solid=False),
        cylinder(0.012, 0.003, (width * 0.2, -depth * 0.35, height), (0.3, 0.6, 0.7), solid=False),
    ]

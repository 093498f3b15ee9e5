"""Shapes of toys, sports equipment and cushions."""

from __future__ import annotations

import math

import numpy as np

from simulator.things.materials import Draw, shade
from simulator.things.meshes import (
    BLACK,
    arch,
    ball,
    bar,
    disc,
    lying,
    pad,
    paint,
    post,
    sleeve,
)
from simulator.things.openings import Vector
from simulator.things.shapes import (
    Color,
    MeshArrays,
    Part,
    about_z,
    box_mesh,
    hidden_box,
    hidden_cylinder,
    join_meshes,
    lathe_mesh,
    mesh,
    move_mesh,
    rod,
    sphere,
    superquadric_mesh,
    tilt,
    tube_mesh,
)


def pillow(draw: Draw) -> list[Part]:
    """A cushion: a square one, a long one, a round one with a button, or a bolster."""
    form = draw.integer(0, 3)
    color, finish = draw.color("fabric"), draw.pick(["cloth", "cloth", "stripes"])
    height = draw.uniform(0.12, 0.16)
    if form == 3:
        radius, length = draw.uniform(0.08, 0.1), draw.uniform(0.36, 0.5)
        roll = lying(
            lathe_mesh(
                [
                    (0, 0.02),
                    (radius * 0.9, 0),
                    (radius, 0.04),
                    (radius, length - 0.04),
                    (radius * 0.9, length),
                    (0, length - 0.02),
                ],
                14,
            ),
            radius,
            -length / 2,
        )
        return [mesh(*roll, color, finish), hidden_box((length, radius * 1.4, radius * 2))]
    if form == 2:
        radius = draw.uniform(0.17, 0.21)
        outline = [(0, 0), (0.7, 0), (0.98, 0.3), (1, 0.6), (0.7, 0.95), (0.2, 0.9), (0, 0.8)]
        return [
            mesh(*lathe_mesh([(radius * r, height * z) for r, z in outline], 18), color, finish),
            paint(shade(color, 0.6), "cloth", ball((0.022, 0.022, 0.012), (0, 0, height * 0.84), 5, 8)),
            hidden_cylinder(radius * 0.7, height * 0.92),
            hidden_cylinder(radius * 0.96, height * 0.5, (0, 0, height * 0.25)),
        ]
    width, depth = (draw.uniform(0.34, 0.4), draw.uniform(0.32, 0.38)) if form == 0 else (draw.uniform(0.46, 0.54), 0.3)
    vertices, faces = superquadric_mesh((width / 2, depth / 2, height / 2), (0, 0, height / 2), 0.6, 8 + form, 18)
    # Cushions are thinner towards their seams.
    outward = np.hypot(vertices[:, 0] / (width / 2), vertices[:, 1] / (depth / 2))
    vertices[:, 2] = height / 2 + (vertices[:, 2] - height / 2) * (1 - 0.45 * np.clip(outward - 0.5, 0, 1))
    return [
        mesh(vertices, faces, color, finish),
        hidden_box((width * 0.6, depth * 0.6, height)),
        hidden_box((width * 0.9, depth * 0.9, height * 0.55), (0, 0, height * 0.22)),
    ]


def teddy_bear(draw: Draw) -> list[Part]:
    """A sitting soft toy: a bear, a rabbit with long ears, or an elephant."""
    size, form = draw.uniform(0.85, 1.3), draw.integer(0, 2)
    pieces = [
        ball((0.085, 0.075, 0.1), (0, 0, 0.1), 5, 8),
        ball((0.065, 0.062, 0.06), (0, -0.01, 0.235), 5 + (form == 1), 8),
    ]
    for sign in (-1, 1):
        pieces.append(ball((0.034, 0.07, 0.034), (sign * 0.06, -0.09, 0.034), 4, 6))
        pieces.append(ball((0.06, 0.03, 0.03), (sign * 0.1, -0.03, 0.15), 4, 6))
        ear = ((0.022, 0.012, 0.022), (0.02, 0.012, 0.065), (0.05, 0.01, 0.045))[form]
        place = ((0.05, 0.0, 0.285), (0.03, 0.01, 0.33), (0.08, 0.01, 0.24))[form]
        pieces.append(ball(ear, (sign * place[0], place[1], place[2]), 4, 6))
    if form == 2:
        pieces += [
            bar(0.024, (0, -0.06, 0.225), (0, -0.1, 0.16), 6, 0.018),
            bar(0.018, (0, -0.1, 0.165), (0, -0.12, 0.11), 6, 0.014),
        ]
    vertices, faces = join_meshes(*pieces)
    color = draw.color("fabric" if form == 2 and draw.chance(0.5) else "bear")
    belly = (
        [ball((0.03, 0.02, 0.022), (0, -0.068, 0.222), 4, 7)]
        if form < 2
        else [ball((0.06, 0.03, 0.07), (0, -0.055, 0.1), 5, 8)]
    )
    dots = [ball((0.008, 0.006, 0.008), (x, -0.066, 0.252), 4, 4) for x in (-0.024, 0.024)]
    if form < 2:
        dots.append(ball((0.009, 0.008, 0.008), (0, -0.088, 0.228), 4, 5))
    face, eyes = join_meshes(*belly), join_meshes(*dots)
    return [
        mesh(vertices * size, faces, color, "rough"),
        mesh(face[0] * size, face[1], shade(color, 1.4), "rough"),
        mesh(eyes[0] * size, eyes[1], (0.1, 0.08, 0.08)),
        hidden_box((0.18 * size, 0.2 * size, 0.06 * size), (0, -0.04 * size, 0)),
        hidden_cylinder(0.075 * size, (0.3 if form == 1 else 0.23) * size, (0, 0, 0.05 * size)),
    ]


def _seams(radius: float) -> list[MeshArrays]:
    """Thin bands around a ball on the ground: two great circles and two smaller ones."""
    outside, wide = radius, radius * 0.028
    great = sleeve(outside, outside, -wide, wide, 18)
    apart, side = 0.55 * radius, radius * (math.sqrt(1 - 0.55**2) + 0.004)
    small = [sleeve(side + wide * 0.65, side - wide * 0.65, apart - wide, apart + wide, 16)]
    small.append(sleeve(side - wide * 0.65, side + wide * 0.65, -apart - wide, -apart + wide, 16))
    bands = [great, move_mesh(great, tilt("x", math.pi / 2))]
    bands += [move_mesh(each, tilt("y", math.pi / 2)) for each in small]
    return [_about(move_mesh(band, shift=(0, 0, radius)), (0.0, 0.0, radius), 0.5, 0.9) for band in bands]


def _about(arrays: MeshArrays, center: Vector, yaw: float, roll: float) -> MeshArrays:
    """A mesh turned about a centre."""
    shifted = (arrays[0] - center, arrays[1])
    return move_mesh(move_mesh(shifted, tilt("x", roll)), about_z(yaw), center)


def basketball(draw: Draw) -> list[Part]:
    """A basketball: with dark seams, with a printed band, or worn and two-coloured."""
    radius, form = draw.uniform(0.105, 0.122), draw.integer(0, 2)
    color = draw.color("ball")
    body = _about(ball((radius * 0.985,) * 3, (0, 0, radius), 9, 14), (0, 0, radius), 0.5, 0.9)
    parts = [
        mesh(*body, color, ("rough", "plain", "ball")[form]),
        sphere(radius, (0, 0, radius), BLACK, seen=False),
    ]
    if form == 0:
        parts.append(paint((0.14, 0.1, 0.09), "plain", *_seams(radius)))
    elif form == 1:
        parts.append(paint((0.14, 0.1, 0.09), "plain", *_seams(radius)[:2]))
        band = lathe_mesh(
            [(0, -0.03), (radius * 0.965, -0.03), (radius * 1.008, 0), (radius * 0.965, 0.03), (0, 0.03)], 14
        )
        parts.append(
            paint(
                draw.plain_color("ball"), "plain", _about((band[0] + [0, 0, radius], band[1]), (0, 0, radius), 2.0, 0.5)
            )
        )
    return parts


def soccer_ball(draw: Draw) -> list[Part]:
    """A ball: white with dark patches, with coloured bands, or a beach ball with gores."""
    radius, form = draw.uniform(0.1, 0.115), draw.integer(0, 2)
    center: Vector = (0.0, 0.0, radius)
    solid = sphere(radius, center, BLACK, seen=False)
    spots = [(0, 0, 1), (0, 0, -1)] + [(math.cos(a) * 0.89, math.sin(a) * 0.89, 0.45) for a in np.arange(5) * 1.2566]
    spots += [(math.cos(a) * 0.89, math.sin(a) * 0.89, -0.45) for a in np.arange(5) * 1.2566 + 0.628]
    if form == 0:
        cap = lathe_mesh([(radius * 0.31, radius * 0.958), (radius * 0.15, radius * 0.996), (0, radius * 1.008)], 5)
        # Turned from the top to each spot, about the ball's middle.
        patches = [move_mesh(cap, rod(1.0, (0, 0, 0), spot, BLACK).quat, center) for spot in spots]
        return [
            mesh(*ball((radius,) * 3, center, 7, 12), (0.92, 0.92, 0.9), "plain"),
            paint(draw.pick([(0.13, 0.13, 0.15), (0.2, 0.25, 0.4), (0.55, 0.2, 0.18)]), "plain", *patches),
            solid,
        ]
    whole, faces = ball((radius,) * 3, center, 7 + form, 12)
    rows, columns = (faces // 12).min(axis=1), (faces % 12).min(axis=1)
    painted = rows % 2 == 1 if form == 1 else columns % 4 < 2
    turned = _about((whole, faces), center, 0.7, 1.0)[0]
    return [
        mesh(turned, faces[painted], draw.color("toy")),
        mesh(turned, faces[~painted], draw.plain_color("white")),
        solid,
    ]


def tennis_racket(draw: Draw) -> list[Part]:
    """A racket that lies flat: oval, round for badminton with a thin shaft, or a solid bat for table tennis."""
    form = draw.integer(0, 2)
    length, width = draw.uniform(0.15, 0.18), draw.uniform(0.11, 0.135)
    color, grip = draw.color(draw.pick(["plastic", "toy"])), draw.color(draw.pick(["dark", "leather"]))
    if form == 2:
        radius = draw.uniform(0.085, 0.1)
        blade = move_mesh(post(radius, 0.022, sides=14), shift=(radius, 0, 0))
        return [
            mesh(*blade, draw.color(draw.pick(["red_fruit", "dark"])), "rough"),
            paint(draw.color("wood"), "timber", pad((0.13, 0.034, 0.026), (-0.04, 0, 0), 0.5, 6, 10)),
            hidden_cylinder(radius, 0.022, (radius, 0, 0)),
            hidden_box((0.12, 0.03, 0.024), (-0.04, 0, 0)),
        ]
    if form == 1:
        length, width = length * 0.72, width * 0.75
    angles = np.linspace(0, 2 * np.pi, 15 - form)
    path = np.stack([length + length * np.cos(angles), width * np.sin(angles), np.full(15 - form, 0.014)], axis=1)
    end = -draw.uniform(0.24, 0.3) * (1.2 if form == 1 else 1.0)
    strings = lathe_mesh([(0, 0), (0.96, 0), (0.96, 0.006), (0, 0.006)], 16)
    frame = [tube_mesh(path, 0.013 if form == 0 else 0.009, (0.0, 0.0, 1.0), 5)]
    frame.append(bar(0.013 if form == 0 else 0.006, (0.01, 0, 0.014), (end * 0.45, 0, 0.015), 6))
    return [
        paint(color, "glossy", *frame),
        mesh(strings[0] * [length, width, 1] + [length, 0, 0.011], strings[1], (0.86, 0.85, 0.79), "stripes"),
        paint(grip, "stripes", bar(0.015, (end * 0.45, 0, 0.015), (end, 0, 0.016), 7)),
        hidden_box((length * 1.95, width * 1.6, 0.026), (length, 0, 0)),
        hidden_box((-end, 0.028, 0.028), (end / 2, 0, 0), 2.0),
    ]


def baseball_bat(draw: Draw) -> list[Part]:
    """A bat that lies flat: turned wood, metal with a dark grip, or a flat cricket bat."""
    form, length = draw.integer(0, 2), draw.uniform(0.62, 0.8)
    if form == 2:
        wood = draw.color("wood")
        blade, faces = pad((length * 0.6, 0.11, 0.045), (length * 0.2, 0, 0), 0.3, 6, 12)
        return [
            paint(wood, "timber", (blade, faces)),
            paint(
                draw.plain_color("dark"),
                "stripes",
                bar(0.016, (-length * 0.08, 0, 0.022), (-length * 0.5, 0, 0.018), 7),
            ),
            hidden_box((length * 0.6, 0.105, 0.043), (length * 0.2, 0, 0)),
            hidden_box((length * 0.4, 0.03, 0.032), (-length * 0.3, 0, 0.002)),
        ]
    profile = [(0, 0), (0.023, 0), (0.023, 0.015), (0.013, 0.03), (0.015, 0.4 * length), (0.032, 0.75 * length)]
    profile += [(0.033, 0.97 * length), (0, length)]
    bat = lying(lathe_mesh(profile, 10), 0.033, -length / 2)
    parts = [
        mesh(*bat, draw.color(("wood", "metal")[form]), ("timber", "metal")[form]),
        hidden_box((0.4 * length, 0.05, 0.066), (0.29 * length, 0, 0)),
        hidden_box((0.6 * length, 0.026, 0.05), (-0.2 * length, 0, 0.008)),
    ]
    if form == 1:
        parts.append(
            paint(
                draw.plain_color("dark"),
                "stripes",
                lying(post(0.0165, length * 0.3, (0, 0, 0.04), 0.017, 8), 0.033, -length / 2),
            )
        )
        parts.append(paint(draw.plain_color("toy"), "plain", lying(post(0.0335, 0.05, sides=10), 0.033, length * 0.28)))
    return parts


def dumbbell(draw: Draw) -> list[Part]:
    """A weight: six-sided heads on a bar, round discs of two sizes, or a kettlebell."""
    form = draw.integer(0, 2)
    radius, head = draw.uniform(0.055, 0.08), draw.uniform(0.06, 0.085)
    reach = draw.uniform(0.1, 0.125)
    color = draw.color(draw.pick(["dark", "toy", "metal"]))
    if form == 2:
        size = radius * 1.25
        body = lathe_mesh(
            [
                (0, 0),
                (size * 0.65, 0),
                (size, size * 0.7),
                (size * 0.85, size * 1.4),
                (size * 0.3, size * 1.75),
                (0, size * 1.75),
            ],
            12,
        )
        return [
            paint(color, "plain", body, arch(size * 0.62, size * 0.85, (0, 0, size * 1.4), 0.016, 8)),
            hidden_cylinder(size * 0.7, size * 0.5),
            hidden_cylinder(size * 0.9, size * 1.1, (0, 0, size * 0.5)),
            hidden_box((size * 1.3, 0.03, size * 0.7), (0, 0, size * 1.6), 0.5),
        ]
    if form == 1:
        discs = [
            lying(post(radius * r, 0.028, sides=14), radius, sign * x - 0.014)
            for r, x in ((1.0, reach - 0.03), (0.75, reach))
            for sign in (-1, 1)
        ]
        flat, wide = radius, reach * 2 + 0.05
        pieces = discs
    else:
        flat, wide = radius * math.cos(math.pi / 6), 2 * reach + head
        block = lathe_mesh([(0, 0), (radius * 0.8, 0), (radius, head * 0.2), (radius, head), (0, head)], 6)
        block = move_mesh(block, about_z(math.pi / 6))
        pieces = [
            move_mesh(block, tilt("y", -math.pi / 2), (-reach + head / 2, 0, flat)),
            move_mesh(block, tilt("y", math.pi / 2), (reach - head / 2, 0, flat)),
        ]
    return [
        paint(color, "plain", *pieces),
        paint(
            draw.plain_color("metal"),
            "metal",
            bar(0.016, (-reach - 0.03 * form, 0, flat), (reach + 0.03 * form, 0, flat), 7),
        ),
        hidden_box((wide, 2 * flat * 0.7, 2 * flat)),
    ]


def _wheels(x: float, y: float, radius: float, wide: float) -> list[MeshArrays]:
    """Four wheels whose axles lie along y, so that they roll along x."""
    return [disc(radius, wide, (sx * x, sy * y, radius), 10) for sx in (-1, 1) for sy in (-1, 1)]


def toy_car(draw: Draw) -> list[Part]:
    """A toy vehicle: a car with a cabin, a lorry with an open bed, or a locomotive."""
    form = draw.integer(0, 2)
    size = draw.uniform(0.85, 1.25)
    color, other = draw.color("toy"), draw.plain_color("toy")
    length, width = 0.2 * size, 0.09 * size
    radius = 0.025 * size
    low = radius * 0.8
    wheels = _wheels(length * 0.3, width * 0.5, radius, 0.02 * size)
    if form == 0:
        body = [pad((length, width, 0.045 * size), (0, 0, low), 0.4, 6, 12)]
        top = [pad((length * 0.5, width * 0.85, 0.045 * size), (0.01 * size, 0, low + 0.038 * size), 0.5, 6, 12)]
        height = 0.083 * size
        roof = hidden_box((length * 0.42, width * 0.75, 0.04 * size), (0.01 * size, 0, low + 0.04 * size), 0.3)
        glass: Color = (0.2, 0.25, 0.3)
    elif form == 1:
        length *= 1.15
        wheels = _wheels(length * 0.33, width * 0.5, radius, 0.02 * size)
        bed = [
            box_mesh((length * 0.62, 0.01, 0.045 * size), (length * 0.16, sign * width * 0.45, low + 0.02))
            for sign in (-1, 1)
        ]
        bed += [
            box_mesh((0.01, width * 0.9, 0.045 * size), (length * (0.16 + sign * 0.3), 0, low + 0.02))
            for sign in (-1, 1)
        ]
        body = [box_mesh((length, width * 0.9, 0.02), (0, 0, low)), *bed]
        top = [box_mesh((length * 0.28, width * 0.95, 0.085 * size), (-length * 0.33, 0, low + 0.02))]
        height = 0.1 * size
        roof = hidden_box((length * 0.28, width * 0.95, 0.07 * size), (-length * 0.33, 0, low + 0.035), 0.4)
        glass = other
    else:
        boiler = lying(post(width * 0.36, length * 0.6), width * 0.36, -length * 0.5)
        body = [move_mesh(boiler, shift=(0, 0, low + 0.015)), box_mesh((length, width * 0.8, 0.02), (0, 0, low))]
        top = [
            box_mesh((length * 0.36, width * 0.85, 0.095 * size), (length * 0.3, 0, low + 0.015)),
            post(0.013 * size, 0.05 * size, (-length * 0.35, 0, low + width * 0.7), 0.02 * size, 8),
        ]
        height = 0.11 * size
        roof = hidden_box((length * 0.36, width * 0.85, 0.08 * size), (length * 0.3, 0, low + 0.03), 0.4)
        glass = other
    return [
        paint(color, "glossy", *body),
        paint(glass, "glossy" if form == 0 else "plain", *top),
        paint((0.13, 0.13, 0.14), "plain", *wheels),
        hidden_box((length, width, height * 0.45), (0, 0, low)),
        hidden_box((length * 0.75, width * 1.15, low), (0, 0, 0), 2.0),
        roof,
    ]

"""Shapes of cleaning tools and garbage bags."""

from __future__ import annotations

import numpy as np

from simulator.things.materials import Draw, shade
from simulator.things.meshes import (
    arch,
    ball,
    bar,
    bow,
    disc,
    pad,
    paint,
    post,
    scaled,
    sleeve,
)
from simulator.things.shapes import (
    Part,
    about_z,
    box,
    box_mesh,
    hidden_box,
    hidden_cylinder,
    lathe_mesh,
    mesh,
    move_mesh,
    tilt,
)
from simulator.things.vessels import crate, hollow


def plunger(draw: Draw) -> list[Part]:
    """A plunger, a rubber cup on a stick: a bell, a flat one, or with a flange and a ball for a grip."""
    form = draw.integer(0, 2)
    radius, height = draw.uniform(0.06, 0.078), draw.uniform(0.38, 0.5)
    outline = (
        [(1, 0), (0.95, 0.4), (0.5, 1.0), (0.25, 1.2)],
        [(1, 0), (1.05, 0.5), (0.3, 0.8)],
        [(0.7, 0), (0.75, 0.3), (1, 0.45), (0.95, 0.75), (0.3, 1.3)],
    )[form]
    cup = lathe_mesh([(0, 0), *[(radius * r, 0.075 * z) for r, z in outline], (0, 0.075 * outline[-1][1])], 14)
    stick = draw.color(draw.pick(["wood", "wood", "plastic"]))
    pieces = [bar(0.012, (0, 0, 0.06), (0, 0, height), 8)]
    if form == 2:
        pieces.append(ball((0.022, 0.022, 0.02), (0, 0, height), 6, 9))
    return [
        mesh(*cup, draw.color(draw.pick(["red_fruit", "dark", "plastic"]))),
        paint(stick, "timber", *pieces),
        hidden_cylinder(radius * outline[0][0], 0.06, density=3.0),
        hidden_cylinder(0.012, height - 0.06, (0, 0, 0.06), 0.7),
    ]


def scrub_brush(draw: Draw) -> list[Part]:
    """A scrub brush, bristles down: a block, one with a bow, a long-handled one, or a toilet brush in its stand."""
    form = draw.integer(0, 3)
    length, width = draw.uniform(0.13, 0.18), draw.uniform(0.055, 0.07)
    color, bristle = draw.color(draw.pick(["plastic", "wood"])), draw.color(draw.pick(["paper", "dark", "straw"]))
    if form == 3:
        radius, tall = draw.uniform(0.045, 0.055), draw.uniform(0.32, 0.4)
        stand = lathe_mesh([(0, 0), (radius, 0), (radius * 0.85, 0.13), (0.015, 0.14), (0, 0.14)], 12)
        return [
            mesh(*stand, color, "glossy"),
            paint(
                bristle,
                "plain",
                bar(0.01, (0, 0, 0.13), (0, 0, tall), 7),
                ball((0.016, 0.016, 0.02), (0, 0, tall), 5, 7),
            ),
            hidden_cylinder(radius, 0.13, density=2.0),
            hidden_cylinder(0.012, tall - 0.12, (0, 0, 0.13), 0.4),
        ]
    parts = [
        box((length * 0.92, width * 0.9, 0.036), (0, 0, 0), bristle, "rough"),
        hidden_box((length * 0.9, width * 0.9, 0.028), (0, 0, 0.036)),
    ]
    back = pad((length, width, 0.032), (0, 0, 0.03), 0.5, 6, 12)
    if form == 0:
        parts.append(paint(color, "glossy", back))
    elif form == 1:
        parts.append(paint(color, "glossy", back, arch(length * 0.42, 0.05, (0, 0, 0.055), 0.01, 7)))
        parts.append(hidden_box((length * 0.6, 0.02, 0.04), (0, 0, 0.06), 0.2))
    else:
        end = length * 0.4 + draw.uniform(0.12, 0.2)
        parts.append(paint(color, "timber", back, bar(0.011, (length * 0.4, 0, 0.046), (end, 0, 0.058), 6, 0.015)))
        parts.append(hidden_box((end - length * 0.4, 0.026, 0.026), ((end + length * 0.4) / 2, 0, 0.04), 0.3))
    return parts


def bucket(draw: Draw) -> list[Part]:
    """A bucket: a round pail with a bow, a square mop bucket, or a wooden tub with hoops."""
    form = draw.integer(0, 2)
    radius, height = draw.uniform(0.12, 0.155), draw.uniform(0.22, 0.29)
    metal = draw.plain_color("metal")
    if form == 1:
        width, depth = radius * 2.3, radius * 1.7
        body, walls = crate(width, depth, height * 0.85, 0.01, 0.012)
        lip = [box_mesh((width + 0.02, 0.018, 0.014), (0, sign * depth / 2, height * 0.82)) for sign in (-1, 1)]
        return [
            paint(draw.color("plastic"), "plain", body, *lip),
            paint(metal, "metal", arch(width / 2 - 0.005, height * 0.55, (0, 0, height * 0.8), 0.006, 8)),
            *walls,
        ]
    foot = radius * (0.72, 0.0, 0.95)[form]
    body, walls = hollow([(foot, 0), (radius, height)], 0.007 if form == 0 else 0.014, 0.012, 8, 16)
    palette, finish = (draw.pick([("plastic", "plain"), ("metal", "metal")]), ("", ""), ("wood", "timber"))[form]
    parts = [mesh(*body, draw.color(palette), finish), *walls]
    if form == 0:
        side = 1 if draw.chance(0.5) else 0
        if side:
            handle = arch(radius, height * 0.6, (0, 0, height * 0.95), 0.006, 9)
        else:  # the bow has fallen to one side
            handle = move_mesh(arch(radius, radius * 1.05, (0, 0, 0), 0.006, 9), tilt("x", 1.35), (0, 0, height * 0.97))
        parts.append(paint(metal, "metal", handle))
    else:
        rings = [
            sleeve(
                foot + (radius - foot) * z + 0.002, foot + (radius - foot) * z + 0.003, height * z, height * z + 0.016
            )
            for z in (0.15, 0.75)
        ]
        parts.append(paint(metal, "metal", *rings))
    return parts


def garbage_bag(draw: Draw) -> list[Part]:
    """A tied garbage bag: round, slim, or slumped, with a knot, or a paper bag with a folded top."""
    form = draw.integer(0, 2)
    radius, height = draw.uniform(0.16, 0.22), draw.uniform(0.3, 0.42)
    color = draw.color(draw.pick(["dark", "white", "plastic"]))
    if form == 2:
        width, depth = radius * 1.35, radius * 0.9
        body, faces = box_mesh((width, depth, height), (0, 0, 0))
        body[:, 1] *= np.where(body[:, 2] > height * 0.9, 0.35, 1.0)
        paper = draw.color("carton")
        return [
            mesh(body, faces, paper, "rough"),
            paint(shade(paper, 0.8), "rough", box_mesh((width * 1.01, depth * 0.4, 0.05), (0, 0, height))),
            hidden_box((width, depth * 0.95, height * 0.6)),
            hidden_box((width, depth * 0.55, height * 0.5), (0, 0, height * 0.6)),
        ]
    tall = (1.0, 1.25)[form]
    wide = (1.0, 0.78)[form]
    profile = [(0, 0), (0.75, 0), (1.0, 0.3), (0.8, 0.65), (0.25, 0.85), (0.12, 0.88), (0.3, 1.0), (0, 0.97)]
    vertices, faces = lathe_mesh(
        [(radius * wide * r, height * tall * z) for r, z in profile[: 8 - form]] + [(0, height * tall * 0.95)] * form,
        13,
    )
    folds = 1 + 0.06 * np.cos(np.arange(len(vertices)) * 2.9)
    vertices = vertices * np.stack([folds, folds, np.ones_like(folds)], axis=1)
    parts = [
        mesh(vertices, faces, color, "glossy"),
        hidden_cylinder(radius * wide * 0.78, height * tall * 0.3),
        hidden_cylinder(radius * wide * 0.9, height * tall * 0.35, (0, 0, height * tall * 0.3)),
    ]
    if form == 1:
        ties = [
            move_mesh(ball((0.05, 0.008, 0.028), (0.04, 0, 0), 5, 7), about_z(a), (0, 0, height * tall * 0.9))
            for a in (0.3, 3.4)
        ]
        parts.append(paint(draw.plain_color("red_fruit"), "plain", *ties))
    return parts


def vacuum_cleaner(draw: Draw) -> list[Part]:
    """A vacuum cleaner: upright with a canister, a stick with its motor at the grip, or on wheels with a hose."""
    form, size = draw.integer(0, 2), draw.uniform(0.9, 1.08)
    color, dark = draw.color(draw.pick(["plastic", "toy"])), draw.plain_color("dark")
    height = draw.uniform(0.95, 1.1)
    if form == 2:
        body = pad((0.27, 0.4, 0.2), (0, 0, 0.02), 0.55, 7, 14)
        wheels = [
            move_mesh(disc(0.08, 0.03, (0, 0, 0), 12), (0.7071, 0, 0, 0.7071), (sign * 0.135, 0.09, 0.08))
            for sign in (-1, 1)
        ]
        arc = [
            (0.0, -0.19, 0.16),
            (0.0, -0.3, 0.3),
            (0.0, -0.28, 0.5),
            (0.0, -0.1, 0.62),
            (0.0, 0.02, 0.5),
            (0.0, 0.03, 0.3),
        ]
        return scaled(
            [
                paint(color, "glossy", body),
                paint(
                    dark,
                    "plain",
                    *wheels,
                    bow(arc, 0.018, (1.0, 0.0, 0.0), 6),
                    bar(0.02, (0.0, 0.03, 0.34), (0, 0.03, 0.2), 7),
                ),
                hidden_box((0.26, 0.38, 0.17), (0, 0, 0), 4.0),
                hidden_box((0.04, 0.34, 0.42), (0, -0.12, 0.2), 0.2),
            ],
            size,
        )
    head = box_mesh((0.3, 0.14 if form == 1 else 0.34, 0.07), (0, -0.04, 0))
    if form == 1:
        motor = [
            post(0.05, 0.22, (0, 0.17, height * 0.75), 0.04),
            bar(0.02, (0, 0.17, height * 0.95), (0, 0.27, height * 0.95), 7),
        ]
        return scaled(
            [
                paint(dark, "plain", head, bar(0.018, (0, 0.0, 0.05), (0, 0.17, height * 0.8), 7)),
                paint(color, "glossy", *motor),
                hidden_box((0.3, 0.3, 0.07), (0, 0.02, 0), 10.0),
                hidden_cylinder(0.03, height * 0.7, (0, 0.08, 0.07), 0.2),
                hidden_cylinder(0.06, 0.22, (0, 0.17, height * 0.75), 0.4),
            ],
            size,
        )
    canister = lathe_mesh([(0, 0), (0.08, 0), (0.085, 0.25), (0.05, 0.36), (0, 0.36)], 12)
    return scaled(
        [
            paint(
                dark,
                "plain",
                head,
                bar(0.016, (0, 0.1, 0.42), (0, 0.16, height), 7),
                bar(0.02, (0, 0.16, height), (0, 0.1, height + 0.05), 7),
            ),
            mesh(*move_mesh(canister, tilt("x", -0.25), (0, 0.0, 0.09)), color, "glossy"),
            hidden_box((0.3, 0.36, 0.08), (0, -0.02, 0), 3.0),
            hidden_box((0.13, 0.16, 0.36), (0, 0.06, 0.08)),
            hidden_cylinder(0.02, height - 0.44, (0, 0.13, 0.44), 0.5),
        ],
        size,
    )

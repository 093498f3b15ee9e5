"""Shapes of books, papers and pictures."""

from __future__ import annotations

import math

from simulator.things.materials import Draw
from simulator.things.meshes import (
    ball,
    bar,
    pad,
    paint,
    post,
)
from simulator.things.shapes import (
    MeshArrays,
    Part,
    box,
    box_mesh,
    hidden_box,
    lathe_mesh,
    mesh,
    move_mesh,
    tilt,
)


def book(draw: Draw) -> list[Part]:
    """Books: one thick volume, a pile of two or three askew, one that stands, or an open one."""
    width, depth, form = draw.uniform(0.15, 0.2), draw.uniform(0.21, 0.27), draw.integer(0, 3)
    paper = (0.9, 0.88, 0.82)
    if form == 3:
        pages = []
        for sign in (-1, 1):
            vertices, faces = pad((width, depth, 0.03), (sign * width / 2, 0, 0.004), 0.35, 6, 12)
            pages.append((vertices, faces))
        return [
            paint(paper, "plain", *pages),
            paint(draw.color("book"), "plain", box_mesh((width * 2 + 0.02, depth + 0.02, 0.008), (0, 0, 0))),
            paint(
                (0.55, 0.54, 0.5),
                "plain",
                *[box_mesh((width * 0.7, depth * 0.6, 0.002), (sign * width / 2, 0, 0.034)) for sign in (-1, 1)],
            ),
            hidden_box((width * 2, depth, 0.034)),
        ]
    if form == 2:
        height, thick = depth, draw.uniform(0.05, 0.07)
        parts = [
            box((thick, width, height), (0, 0, 0), draw.color("book")),
            paint(paper, "plain", box_mesh((thick - 0.012, width + 0.002, height + 0.002), (0, 0.004, 0.0))),
        ]
        return [
            *parts,
            paint(
                draw.plain_color("paper"),
                "plain",
                box_mesh((thick * 0.6, 0.003, height * 0.2), (0, -width / 2, height * 0.65)),
            ),
        ]
    parts, foot = [], 0.0
    for number in range(1 if form == 0 else draw.integer(2, 3)):
        height = draw.uniform(0.032, 0.055) if form == 0 else draw.uniform(0.022, 0.035)
        if number:
            width, depth = width * 0.93, depth * 0.93
        turn = (math.cos(0.08 * number), 0.0, 0.0, math.sin(0.08 * number))
        block = box_mesh((width * 0.98, depth + 0.004, height - 0.012), (width * 0.02, 0, 0.006))
        parts += [
            paint(
                draw.color("book"), "plain", move_mesh(box_mesh((width, depth, height), (0, 0, 0)), turn, (0, 0, foot))
            ),
            paint(paper, "plain", move_mesh(block, turn, (0, 0, foot))),
            hidden_box((width, depth, height), (0, 0, foot)),
        ]
        foot += height
    return parts


def newspaper(draw: Draw) -> list[Part]:
    """A newspaper: folded flat with a headline, rolled with a band, or a stack of magazines."""
    form = draw.integer(0, 2)
    width, depth, height = draw.uniform(0.26, 0.32), draw.uniform(0.19, 0.23), draw.uniform(0.014, 0.026)
    ink, paper = (0.45, 0.45, 0.46), draw.color("paper")
    if form == 1:
        radius = draw.uniform(0.028, 0.038)
        roll = move_mesh(
            lathe_mesh([(0, 0), (radius, 0), (radius, width), (radius * 0.5, width), (0, width * 0.96)], 11),
            tilt("y", math.pi / 2),
            (-width / 2, 0, radius),
        )
        band = move_mesh(post(radius * 1.04, 0.03, sides=11), tilt("y", math.pi / 2), (-0.015, 0, radius))
        return [
            mesh(*roll, paper, "stripes"),
            paint(draw.plain_color(draw.pick(["red_fruit", "book"])), "plain", band),
            hidden_box((width, radius * 1.4, radius * 2)),
        ]
    if form == 2:
        parts = []
        for number in range(3):
            sheet = move_mesh(
                box_mesh((depth, width * 0.9, 0.009), (0, 0, 0.009 * number)),
                (math.cos(0.1 * number), 0, 0, math.sin(0.1 * number)),
            )
            parts.append(paint(draw.color(("book", "package", "paper")[number]), "glossy", sheet))
        parts.append(paint(paper, "plain", box_mesh((depth * 0.5, width * 0.14, 0.002), (0.01, width * 0.25, 0.027))))
        return [*parts, hidden_box((depth, width * 0.9, 0.027))]
    return [
        box((width, depth, height), (0, 0, 0), paper, "plain"),
        paint((0.25, 0.25, 0.27), "plain", box_mesh((width * 0.85, depth * 0.14, 0.002), (0, depth * 0.33, height))),
        paint(
            ink,
            "plain",
            *[
                box_mesh((width * 0.38, depth * 0.5, 0.002), (sign * width * 0.22, -depth * 0.1, height))
                for sign in (-1, 1)
            ],
        ),
    ]


def picture_frame(draw: Draw) -> list[Part]:
    """A standing picture frame: a wide or a tall one that leans on its leg, or a folding pair."""
    form = draw.integer(0, 2)
    wide, tall = draw.uniform(0.16, 0.22), draw.uniform(0.14, 0.18)
    if form == 1:
        wide, tall = tall, wide * 1.15
    frame, border = draw.color(draw.pick(["wood", "metal", "dark", "white"])), draw.uniform(0.018, 0.03)
    photo, spot = (
        draw.plain_color(draw.pick(["fabric", "plant", "clay", "glass"])),
        draw.plain_color(draw.pick(["soap", "bear", "book"])),
    )

    def panel(width: float, turn: float, shift: float) -> tuple[list[MeshArrays], list[MeshArrays], list[MeshArrays]]:
        layers = [
            [box_mesh((width, 0.018, tall), (0, 0, 0))],
            [box_mesh((width - 2 * border, 0.004, tall - 2 * border), (0, -0.009, border))],
            [ball(((width - 2 * border) * 0.22, 0.003, tall * 0.2), (0.1 * width, -0.011, tall * 0.42), 5, 9)],
        ]
        lean = tilt("x", -0.16) if form < 2 else (math.cos(turn / 2), 0.0, 0.0, math.sin(turn / 2))
        moved = [
            [move_mesh(piece, lean, (shift, 0, 0.002 if form < 2 else 0.0)) for piece in layer] for layer in layers
        ]
        return moved[0], moved[1], moved[2]

    if form == 2:
        wide *= 0.75
        sides = [panel(wide, sign * 0.45, sign * wide * 0.46) for sign in (-1, 1)]
        frames, photos, spots = ([piece for side in sides for piece in side[layer]] for layer in range(3))
        solid = [hidden_box((wide * 1.85, 0.02 + wide * 0.42, tall), (0, 0, 0))]
    else:
        frames, photos, spots = panel(wide, 0.0, 0.0)
        frames.append(bar(0.008, (0, tall * 0.13, tall * 0.7), (0, tall * 0.45, 0.003), 5 - form))
        solid = [
            hidden_box((wide, tall * 0.42, 0.02), (0, tall * 0.2, 0.0)),
            Part("box", (wide / 2, 0.009, tall / 2), (0, tall * 0.08, tall * 0.5), quat=tilt("x", -0.16), seen=False),
        ]
    return [paint(frame, "timber", *frames), paint(photo, "plain", *photos), paint(spot, "plain", *spots), *solid]

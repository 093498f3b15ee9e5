"""Shapes of small kitchen appliances."""

from __future__ import annotations

import math
from dataclasses import replace

from simulator.things.cupboards import lining
from simulator.things.materials import Draw, shade
from simulator.things.meshes import (
    BLACK,
    arch,
    ball,
    bar,
    bow,
    disc,
    pad,
    paint,
    post,
    scaled,
)
from simulator.things.openings import Motion, Vector
from simulator.things.shapes import Part, box, box_mesh, handle_mesh, hidden_box, hidden_cylinder, lathe_mesh, move_mesh


def kettle(draw: Draw) -> list[Part]:
    """A round kettle with a bow, a conical one, or an electric jug with a handle at its side."""
    form = draw.integer(0, 2)
    radius, height = draw.uniform(0.08, 0.1), draw.uniform(0.15, 0.19)
    palette, finish = draw.pick([("metal", "metal"), ("ceramic", "glossy"), ("plastic", "glossy")])
    color, dark = draw.color(palette), draw.plain_color("dark")
    if form == 2:
        height, radius = height * 1.2, radius * 0.85
        body = lathe_mesh(
            [(0, 0), (radius, 0), (radius * 0.95, height * 0.6), (radius * 0.72, height), (0, height)], 14
        )
        beak = bar(0.03, (-radius * 0.5, 0, height * 0.8), (-radius * 1.15, 0, height * 0.96), 6, 0.012)
        grip = bow(
            [
                (radius * 0.7, 0, height * 0.97),
                (radius * 1.5, 0, height * 0.9),
                (radius * 1.55, 0, height * 0.35),
                (radius * 0.9, 0, height * 0.2),
            ],
            0.012,
        )
        return [
            paint(color, finish, body, beak),
            paint(
                dark, "plain", grip, post(radius * 1.05, 0.02), post(radius * 0.7, 0.015, (0, 0, height), radius * 0.5)
            ),
            hidden_cylinder(radius, height * 0.6),
            hidden_cylinder(radius * 0.8, height * 0.42, (0, 0, height * 0.6)),
            hidden_box((0.02, 0.025, height * 0.55), (radius * 1.5, 0, height * 0.35), 0.3),
        ]
    top = height * 1.06
    outline = (
        [(radius, 0), (radius, height * 0.4), (radius * 0.6, height)]
        if form == 0
        else [(radius * 1.1, 0), (radius * 0.5, height)]
    )
    body = lathe_mesh([(0, 0), *outline, (0.02, top), (0, top)], 14)
    spout = bow(
        [(radius * 0.6, 0, height * 0.45), (radius * 1.2, 0, height * 0.7), (radius * 1.4, 0, height * 0.95)],
        0.014,
        sides=6,
    )
    return [
        paint(color, finish, body, spout),
        paint(
            dark,
            "plain",
            arch(radius * 0.75, 0.085, (0, 0, height * 0.9), 0.009, 8),
            ball((0.014, 0.014, 0.012), (0, 0, top + 0.006), 4, 7),
        ),
        hidden_cylinder(radius * 0.97, height * 0.5),
        hidden_cylinder(radius * 0.7, height * 0.6, (0, 0, height * 0.5)),
    ]


def toaster(draw: Draw) -> list[Part]:
    """A toaster: boxy with two slots, rounded, or long with one slot and a rack."""
    form = draw.integer(0, 2)
    length, width, height = draw.uniform(0.25, 0.31), draw.uniform(0.15, 0.19), draw.uniform(0.17, 0.21)
    if form == 2:
        length, width = length * 1.3, width * 0.75
    color, finish = draw.color(draw.pick(["metal", "plastic", "ceramic"])), draw.pick(["metal", "glossy"])
    body = box_mesh((length, width, height), (0, 0, 0)) if form != 1 else pad((length, width, height), (0, 0, 0), 0.3)
    rows = (0.0,) if form == 2 else (-0.2, 0.2)
    slots = [box_mesh((length * 0.7, 0.022, 0.006), (0, row * width, height - 0.003)) for row in rows]
    lever = box_mesh((0.02, 0.035, 0.018), (length / 2 + 0.006, 0, height * 0.6))
    knob = disc(0.014, 0.016, (length * 0.3, -width / 2, height * 0.25), 10)
    parts = [
        paint(color, finish, body),
        paint(BLACK, "plain", *slots, lever, knob),
        hidden_box((length, width, height)),
    ]
    if form == 2:
        rack = [
            bar(0.004, (-length * 0.35, y, height + 0.025), (length * 0.35, y, height + 0.025), 4)
            for y in (-0.03, 0.03)
        ]
        posts = [
            bar(0.004, (x * length, y, height), (x * length, y, height + 0.025), 4)
            for x in (-0.35, 0.35)
            for y in (-0.03, 0.03)
        ]
        parts.append(paint(draw.plain_color("metal"), "metal", *rack, *posts))
    return parts


def coffee_machine(draw: Draw) -> list[Part]:
    """A coffee machine: a filter over its jug, an espresso machine, or a narrow one for capsules."""
    form = draw.integer(0, 2)
    width, depth, height = draw.uniform(0.19, 0.25), draw.uniform(0.24, 0.3), draw.uniform(0.3, 0.38)
    if form == 1:
        width, height = width * 1.25, height * 0.95
    if form == 2:
        width, height = width * 0.65, height * 0.85
    color = draw.color(draw.pick(["dark", "metal", "plastic", "ceramic"]))
    dark = draw.plain_color("dark")
    head = (0.28, 0.4, 0.35)[form]
    parts = [
        paint(
            color,
            "glossy",
            box_mesh((width, depth * 0.45, height), (0, depth * 0.275, 0)),
            box_mesh((width, depth * 0.6, height * head), (0, -depth * 0.2, height * (1 - head))),
        ),
        paint(shade(dark, 0.8), "plain", box_mesh((width, depth, 0.035), (0, 0, 0))),
        hidden_box((width, depth * 0.45, height), (0, depth * 0.275, 0)),
        hidden_box((width, depth * 0.6, height * head), (0, -depth * 0.2, height * (1 - head)), 0.6),
        hidden_box((width, depth * 0.55, 0.035), (0, -depth * 0.225, 0), 4.0),
    ]
    front = -depth * 0.5
    if form == 0:
        jug = lathe_mesh([(0, 0), (0.06, 0), (0.07, 0.05), (0.05, 0.12), (0, 0.12)], 12)
        parts.append(paint((0.25, 0.2, 0.18), "glossy", move_mesh(jug, shift=(0, -depth * 0.2, 0.035))))
    elif form == 1:
        group = height * (1 - head)
        parts.append(
            paint(
                draw.plain_color("metal"),
                "metal",
                post(0.035, 0.04, (0, -depth * 0.25, group - 0.04)),
                bar(0.011, (0, -depth * 0.25, group - 0.025), (0, front - 0.05, group - 0.03)),
                *[disc(0.018, 0.02, (x * width, front, height * 0.85), 10) for x in (-0.3, 0.3)],
            )
        )
    else:
        parts.append(
            paint(
                draw.plain_color("metal"),
                "metal",
                post(0.012, 0.04, (0, -depth * 0.3, height * (1 - head) - 0.04)),
                bar(0.012, (-width * 0.3, front, height), (width * 0.3, front, height)),
            )
        )
    return parts


def microwave(draw: Draw) -> list[Part]:
    """A microwave whose door opens: beside its dark window buttons, two dials, or a bow and a row of keys."""
    form = draw.integer(0, 2)
    width, depth, height = draw.uniform(0.44, 0.52), draw.uniform(0.32, 0.38), draw.uniform(0.25, 0.3)
    color = draw.color(draw.pick(["white", "metal", "dark", "ceramic"]))
    front, wall = -depth / 2, 0.018
    panel, wide = width * 0.36, width * 0.72
    details = [
        [
            box_mesh((0.03, 0.01, 0.02), (panel + x, front, height * z))
            for x in (-0.022, 0.022)
            for z in (0.15, 0.3, 0.45)
        ],
        [disc(0.028, 0.03, (panel, front, height * z), 10) for z in (0.3, 0.65)],
        [box_mesh((0.05, 0.01, 0.02), (panel, front, height * z)) for z in (0.15, 0.25, 0.35, 0.45)],
    ][form]
    # The door covers the left side of the front; behind it lies the cavity, beside it the panel.
    leaf, x, right = 0.02, -(width - wide) / 2, width - wide
    motion = Motion((-width / 2 + 0.001, front, 0.0), (0.0, 0.0, -1.0), math.pi / 2)
    window = box_mesh((wide * 0.72, 0.004, height * (0.7 - 0.1 * form)), (x, front - 0.001, height * 0.17))
    details.append(box_mesh((width * 0.16, 0.01, height * 0.12), (panel, front, height * 0.8)))
    deep = depth - leaf
    middle = front + leaf + deep / 2
    body: list[tuple[Vector, Vector]] = [
        ((width, deep, wall), (0, middle, 0)),
        ((width, deep, wall), (0, middle, height - wall)),
        ((wall, deep, height), (-(width - wall) / 2, middle, 0)),
        ((right, depth, height), ((width - right) / 2, 0, 0)),
        ((width, wall, height), (0, depth / 2 - wall / 2, 0)),
    ]
    inner = (wide - wall, deep - wall, height - 2 * wall)
    grip = box_mesh((0.015, 0.03, height * 0.7), (x + wide * 0.43, front - 0.015, height * 0.15))
    return [
        paint(color, "metal", *[box_mesh(*board) for board in body]),
        *[hidden_box(*board) for board in body],
        lining((0.4, 0.4, 0.4), *inner, (x + wall / 2, front + leaf + inner[1] / 2, wall), motion),
        box((wide - 0.002, leaf, height - 0.004), (x, front + leaf / 2, 0.002), color, "metal", motion=motion),
        replace(paint((0.09, 0.09, 0.1), "glossy", window, *([grip] if form == 2 else [])), motion=motion),
        paint(shade(color, 0.6 if form == 0 else 1.3), "plain", *details),
    ]


def blender(draw: Draw) -> list[Part]:
    """A blender: a stand with a tall glass, a kitchen machine with a bowl under its arm, or a squat chopper."""
    form = draw.integer(0, 2)
    radius, height = draw.uniform(0.075, 0.09), draw.uniform(0.34, 0.42)
    color, dark = draw.color(draw.pick(["plastic", "metal", "ceramic"])), draw.plain_color("dark")
    glass = draw.plain_color("glass")
    if form == 1:
        bowl = lathe_mesh([(0.06, 0), (0.1, 0.05), (0.105, 0.12), (0.1, 0.12), (0, 0.05)], 14)
        return scaled(
            [
                paint(
                    color,
                    "glossy",
                    pad((0.19, 0.32, 0.05), (0, 0, 0), 0.3),
                    pad((0.09, 0.09, 0.28), (0, 0.11, 0.03), 0.4),
                    pad((0.11, 0.32, 0.11), (0, -0.01, 0.25), 0.45),
                ),
                paint(
                    draw.plain_color("metal"),
                    "metal",
                    move_mesh(bowl, shift=(0, -0.07, 0.05)),
                    bar(0.012, (0, -0.07, 0.26), (0, -0.07, 0.14)),
                ),
                hidden_box((0.18, 0.31, 0.05), density=4.0),
                hidden_box((0.08, 0.08, 0.2), (0, 0.11, 0.05)),
                hidden_box((0.1, 0.3, 0.1), (0, -0.01, 0.255), 0.6),
                hidden_cylinder(0.1, 0.11, (0, -0.07, 0.055), 0.3),
            ],
            draw.uniform(0.88, 1.1),
        )
    base = height * (0.35 if form == 0 else 0.5)
    if form == 2:
        height *= 0.75
        base = height * 0.5
    jug = lathe_mesh([(0, 0), (radius * 0.7, 0), (radius * 0.95, height - base), (0, height - base)], 12)
    parts = [
        paint(
            color,
            "glossy",
            post(radius * 1.1, base, top=radius * 0.8),
            disc(0.02, 0.02, (0, -radius * 1.02, base * 0.4), 10),
        ),
        paint(glass, "glossy", move_mesh(jug, shift=(0, 0, base))),
        paint(dark, "plain", post(radius, 0.03, (0, 0, height), radius * 0.7)),
        hidden_cylinder(radius * 1.05, base, density=3.0),
        hidden_cylinder(radius * 0.9, height - base + 0.025, (0, 0, base)),
    ]
    if form == 0:
        parts.append(paint(dark, "plain", handle_mesh(0.04, base + 0.03, height - 0.03, radius * 0.75, 0.01)))
    return parts

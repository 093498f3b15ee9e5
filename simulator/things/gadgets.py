"""Shapes of small electronic devices."""

from __future__ import annotations

import math
from dataclasses import replace

from simulator.things.materials import Draw, shade
from simulator.things.meshes import (
    BLACK,
    ball,
    bar,
    hoop,
    pad,
    paint,
    post,
    scaled,
)
from simulator.things.openings import Motion, Vector
from simulator.things.shapes import MeshArrays, Part, box, box_mesh, hidden_box, move_mesh, tilt

SCREENS = ((0.12, 0.13, 0.15), (0.25, 0.35, 0.45), (0.75, 0.78, 0.8))
"""Colours of what a screen shows."""


def laptop(draw: Draw) -> list[Part]:
    """A laptop that is shut; its screen turns up. Thin and square, with rounded edges, or thick with a badge."""
    form = draw.integer(0, 2)
    width, depth = draw.uniform(0.31, 0.37), draw.uniform(0.21, 0.25)
    color, finish = draw.color(draw.pick(["metal", "dark", "white"])), draw.pick(["metal", "plain"])
    base, thick = (0.014, 0.009) if form < 2 else (0.022, 0.014)
    motion = Motion((0.0, depth / 2, base + 0.001), (-1.0, 0.0, 0.0), math.radians(draw.uniform(100, 120)))
    foot = (0.0, 0.0, base + 0.001)
    shell = box_mesh((width, depth, thick), foot) if form != 1 else pad((width, depth, thick), foot, 0.2, 5, 16)
    body = box_mesh((width, depth, base), (0, 0, 0)) if form != 1 else pad((width, depth, base), (0, 0, 0), 0.2, 5, 16)
    screen = box_mesh((width * 0.92, depth * 0.88, 0.0008), (0, 0, base + 0.0004))
    keys = [
        box_mesh((width * 0.85, depth * 0.1, 0.0008), (0, depth * (0.3 - 0.13 * row), base)) for row in range(4)
    ]  # fmt: skip
    keys.append(box_mesh((width * 0.25, depth * 0.2, 0.0008), (0, -depth * 0.33, base)))
    badge = (
        post(0.02, 0.001, (0, 0, base + thick + 0.001))
        if form
        else box_mesh((0.04, 0.01, 0.001), (0, 0, base + thick + 0.001))
    )
    return [
        paint(color, finish, body),
        replace(paint(color, finish, shell), motion=motion),
        replace(paint(shade(color, 0.6), "metal", badge), motion=motion),
        replace(paint(draw.pick(SCREENS), "plain", screen), motion=motion, behind=motion),
        replace(paint(shade(color, 0.45), "plain", *keys), behind=motion),
        hidden_box((width, depth, base), density=2.0),
        replace(hidden_box((width, depth, thick), foot), motion=motion),
    ]


def remote_control(draw: Draw) -> list[Part]:
    """A remote control: long with rows of keys, slim and rounded with a ring, or a gamepad."""
    form = draw.integer(0, 2)
    length, width = draw.uniform(0.17, 0.21), draw.uniform(0.046, 0.058)
    color = draw.color(draw.pick(["dark", "plastic", "white"]))
    if form == 2:
        grips = [_grip((sign * 0.055, -0.025, 0.022)) for sign in (-1, 1)]
        dots = [
            post(0.008, 0.005, (0.045 + x, 0.012 + y, 0.038), sides=6)
            for x, y in ((0.014, 0), (-0.014, 0), (0, 0.014), (0, -0.014))
        ]
        sticks = [post(0.012, 0.014, (x, -0.014, 0.034), sides=6) for x in (-0.03, 0.03)]
        return scaled(
            [
                paint(color, "plain", pad((0.15, 0.08, 0.04), (0, 0, 0), 0.5, 5, 12), *grips),
                paint(
                    shade(color, 0.5),
                    "plain",
                    *sticks,
                    box_mesh((0.012, 0.034, 0.006), (-0.047, 0.014, 0.036)),
                    box_mesh((0.034, 0.012, 0.006), (-0.047, 0.014, 0.036)),
                ),
                paint((0.65, 0.3, 0.25), "plain", *dots),
                hidden_box((0.14, 0.075, 0.036)),
            ],
            draw.uniform(0.9, 1.15),
        )
    body = (
        box_mesh((width, length, 0.022), (0, 0, 0))
        if form == 0
        else pad((width * 0.8, length, 0.022), (0, 0, 0), 0.3, 5, 14)
    )
    if form == 0:
        keys = [
            box_mesh((0.009, 0.012, 0.004), (x * width, y * length, 0.0215))
            for x in (-0.28, 0, 0.28)
            for y in (-0.3, -0.12, 0.06, 0.24)
        ]
    else:
        keys = [
            hoop(0.013, 0.003, (0, length * 0.2, 0.022)),
            *[post(0.006, 0.003, (0, y * length, 0.021), sides=6) for y in (-0.15, 0.0)],
        ]
    return [
        paint(color, "plain", body),
        paint(shade(color, 1.5 if sum(color) < 1.2 else 0.45), "plain", *keys),
        paint((0.62, 0.22, 0.18), "plain", post(0.007, 0.004, (0, length * 0.42, 0.0205), sides=8)),
        hidden_box((width * (1.0 if form == 0 else 0.75), length, 0.022)),
    ]


def _grip(center: Vector) -> MeshArrays:
    """A grip of a gamepad around `center`."""
    return pad((0.045, 0.07, 0.034), (center[0], center[1], center[2] - 0.02), 0.8, 5, 8)


def cell_phone(draw: Draw) -> list[Part]:
    """A cell phone: in a coloured case: its dark screen up, face down with its camera, or on a little stand."""
    width, length, form = draw.uniform(0.074, 0.085), draw.uniform(0.15, 0.17), draw.integer(0, 2)
    case = draw.color(draw.pick(["plastic", "soap", "dark"]))
    if form == 2:
        turn, half = tilt("x", -0.35), length / 2
        center = (0.0, 0.0, half * math.cos(0.35) + 0.012)
        body = move_mesh(box_mesh((width, 0.011, length), (0, 0, -half)), turn, center)
        face = move_mesh(box_mesh((width * 0.9, 0.003, length * 0.92), (0, -0.006, -half * 0.92)), turn, center)
        return [
            paint(case, "glossy", body),
            paint(draw.pick(SCREENS), "glossy", face),
            paint(
                draw.plain_color("wood"),
                "timber",
                box_mesh((width * 0.8, 0.09, 0.016), (0, 0.0, 0)),
                box_mesh((width * 0.6, 0.012, length * 0.5), (0, 0.035, 0.0)),
            ),
            hidden_box((width * 0.8, 0.09, 0.016), density=6.0),
            Part("box", (width / 2, 0.006, half), center, quat=turn, seen=False),
        ]
    parts = [box((width, length, 0.012), (0, 0, 0), case, "glossy")]
    if form == 0:
        parts.append(paint((0.1, 0.11, 0.13), "glossy", box_mesh((width * 0.9, length * 0.92, 0.002), (0, 0, 0.0115))))
    else:
        lenses = [post(0.007, 0.003, (-width * 0.26, length * y, 0.014), sides=8) for y in (0.3, 0.4)]
        parts.append(
            paint(
                shade(case, 0.6),
                "metal",
                box_mesh((width * 0.32, length * 0.22, 0.003), (-width * 0.26, length * 0.35, 0.0115)),
            )
        )
        parts.append(paint(BLACK, "glossy", *lenses))
    return parts


def alarm_clock(draw: Draw) -> list[Part]:
    """An alarm clock: round with two bells, a digital box, or a little case with a dial."""
    color, form = draw.color(draw.pick(["plastic", "metal"])), draw.integer(0, 2)
    if form == 1:
        width, depth, height = draw.uniform(0.14, 0.19), draw.uniform(0.06, 0.08), draw.uniform(0.07, 0.09)
        digits = [
            box_mesh((0.014, 0.004, height * 0.35), (x * width, -depth / 2 - 0.003, height * 0.32))
            for x in (-0.28, -0.14, 0.1, 0.24)
        ]
        return [
            box((width, depth, height), (0, 0, 0), color, "glossy"),
            paint(
                (0.1, 0.12, 0.12), "plain", box_mesh((width * 0.85, 0.006, height * 0.6), (0, -depth / 2, height * 0.2))
            ),
            paint((0.75, 0.3, 0.2), "plain", *digits),
        ]
    radius = draw.uniform(0.055, 0.075)
    center = radius + 0.014
    face = bar(radius * 0.83, (0, -0.018, center), (0, -0.03, center), 14)
    hands = [
        box_mesh((0.006, 0.004, radius * 0.6), (0, -0.031, center)),
        box_mesh((radius * 0.45, 0.004, 0.006), (radius * 0.2, -0.031, center)),
    ]
    if form == 0:
        case = [bar(radius, (0, 0.027, center), (0, -0.025, center), 14)]
        case += [bar(0.008, (x, 0, 0.004), (x * 0.6, 0, center * 0.6), 5) for x in (-radius * 0.8, radius * 0.8)]
        case += [
            ball((0.024, 0.018, 0.017), (x, 0, center + radius * 0.95), 5, 8) for x in (-radius * 0.5, radius * 0.5)
        ]
        case.append(bar(0.005, (0, 0, center + radius * 0.9), (0, 0, center + radius * 1.25), 5))
    else:
        case = [box_mesh((radius * 2.3, 0.05, radius * 2.25), (0, 0, 0))]
    return [
        paint(color, "metal", *case),
        paint((0.93, 0.92, 0.88), "plain", face),
        paint((0.15, 0.15, 0.15), "plain", *hands),
        hidden_box((radius * (1.7 if form == 0 else 2.3), 0.052, radius * (2 if form == 0 else 2.25))),
    ]

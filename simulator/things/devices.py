"""Shapes of larger electrical devices of living rooms and bedrooms."""

from __future__ import annotations

import math

from simulator.things.materials import Draw, shade
from simulator.things.meshes import (
    BLACK,
    bar,
    disc,
    hoop,
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
    hidden_cylinder,
    lathe_mesh,
    move_mesh,
    tilt,
)


def speaker(draw: Draw) -> list[Part]:
    """A speaker: a bookshelf box with two cones, a round one clad in cloth, or a slim column."""
    form = draw.integer(0, 2)
    if form == 1:
        radius, height = draw.uniform(0.085, 0.11), draw.uniform(0.2, 0.28)
        return [
            paint(draw.color("fabric"), "cloth", post(radius, height * 0.9, (0, 0, height * 0.05), sides=16)),
            paint(
                draw.plain_color("dark"),
                "plain",
                post(radius * 0.95, height * 0.06),
                post(radius * 0.98, height * 0.06, (0, 0, height * 0.94), radius * 0.85),
            ),
            hidden_cylinder(radius, height),
        ]
    width, depth, height = ((0.2, 0.22, 0.32), (0, 0, 0), (0.16, 0.18, 0.62))[form]
    size = draw.uniform(0.88, 1.12)
    width, depth, height = width * size, depth * size, height * size
    cabinet, front = draw.color(draw.pick(["wood", "dark", "white"])), -depth / 2
    cones = [(0.3, 0.36), (0.72, 0.2)] if form == 0 else [(0.12, 0.36), (0.42, 0.36), (0.68, 0.36), (0.88, 0.2)]
    return [
        box((width, depth, height), (0, 0, 0), cabinet, "timber"),
        paint(BLACK, "plain", *[disc(width * r, 0.01, (0, front, height * z), 12) for z, r in cones]),
        paint(
            (0.35, 0.35, 0.36), "metal", *[disc(width * r * 0.4, 0.016, (0, front, height * z), 10) for z, r in cones]
        ),
        *(
            [paint(shade(cabinet, 0.6), "plain", box_mesh((width * 1.3, depth * 1.2, 0.02), (0, 0, 0)))]
            if form == 2
            else []
        ),
        hidden_box((width * 1.2, depth * 1.1, 0.02), density=8.0),
    ]


def television(draw: Draw) -> list[Part]:
    """A television: a flat screen on one foot, on two splayed feet, or an old set with a tube and dials."""
    form = draw.integer(0, 2)
    width = draw.uniform(0.55, 0.8) * (0.75 if form == 2 else 1.0)
    height = width * (0.58 if form < 2 else 0.75)
    dark = draw.plain_color("dark")
    glass = draw.pick([(0.08, 0.09, 0.1), (0.14, 0.16, 0.19)])
    if form == 2:
        case = draw.color(draw.pick(["wood", "dark", "plastic"]))
        front = -0.2
        back = lathe_mesh([(0, 0), (0.5, 0), (0.28, 0.16), (0, 0.16)], 4)
        back = move_mesh(
            (back[0] * [width, height, 1.0], back[1]), (math.cos(math.pi / 8), 0, 0, math.sin(math.pi / 8))
        )
        return [
            box((width, 0.3, height), (0, -0.05, 0), case, "timber"),
            paint(
                glass,
                "glossy",
                pad((width * 0.68, 0.03, height * 0.76), (-width * 0.12, front, height * 0.12), 0.3, 6, 14),
            ),
            paint(
                draw.plain_color("metal"),
                "metal",
                *[disc(0.03, 0.03, (width * 0.37, front, height * z), 10) for z in (0.65, 0.82)],
            ),
            paint(
                shade(case, 0.5),
                "stripes",
                box_mesh((width * 0.18, 0.01, height * 0.4), (width * 0.37, front, height * 0.12)),
            ),
            paint(shade(case, 0.4), "plain", box_mesh((width * 0.6, 0.14, height * 0.6), (0, 0.16, height * 0.15))),
            hidden_box((width * 0.6, 0.14, height * 0.6), (0, 0.16, height * 0.15)),
            hidden_box((width * 0.9, 0.28, 0.02), density=10.0),
        ]
    feet = [box_mesh((width * 0.5, 0.2, 0.015), (0, 0, 0)), box_mesh((0.08, 0.04, 0.05), (0, 0, 0.01))]
    if form == 1:
        feet = [
            bar(0.009, (x * width, 0.0, 0.06), (x * width * 1.1, y, 0.0085), 5)
            for x in (-0.35, 0.35)
            for y in (-0.12, 0.12)
        ]
    return [
        box((width, 0.045, height), (0, 0, 0.05), dark, "glossy"),
        paint(glass, "glossy", box_mesh((width * 0.95, 0.006, height * 0.9), (0, -0.022, 0.05 + height * 0.05))),
        paint(draw.plain_color("metal"), "metal", *feet),
        hidden_box((width * (0.5 if form == 0 else 0.75), 0.22, 0.015), density=10.0),
    ]


def desktop(draw: Draw) -> list[Part]:
    """A computer: a tower with a drive and a lamp, a small cube, or a flat case under a screen."""
    form = draw.integer(0, 2)
    width, depth, height = draw.uniform(0.17, 0.21), draw.uniform(0.34, 0.4), draw.uniform(0.36, 0.44)
    color = draw.color(draw.pick(["dark", "metal", "white"]))
    front = -depth / 2
    if form == 2:
        wide = width * 2.2
        return [
            paint(
                color,
                "metal",
                box_mesh((wide, depth * 0.8, 0.1), (0, 0, 0)),
                box_mesh((wide * 1.05, 0.05, 0.28), (0, 0.02, 0.16)),
                box_mesh((0.1, 0.1, 0.08), (0, 0.02, 0.09)),
            ),
            paint(
                (0.1, 0.11, 0.13),
                "glossy",
                box_mesh((wide * 0.97, 0.006, 0.24), (0, -0.006, 0.18)),
                box_mesh((wide * 0.3, 0.006, 0.012), (wide * 0.25, -depth * 0.4, 0.05)),
            ),
            hidden_box((wide, depth * 0.8, 0.1), density=2.0),
            hidden_box((wide * 1.05, 0.05, 0.34), (0, 0.02, 0.1), 0.5),
        ]
    if form == 1:
        width, depth, height = width * 1.2, depth * 0.65, height * 0.6
        front = -depth / 2
        details = [disc(width * 0.3, 0.01, (0, front, height * 0.5), 14)]
    else:
        details = [box_mesh((width * 0.85, 0.008, height * 0.06), (0, front, height * z)) for z in (0.88, 0.78)]
        details.append(box_mesh((width * 0.6, 0.008, height * 0.3), (0, front, height * 0.12)))
    return [
        box((width, depth, height), (0, 0, 0), color, "metal"),
        paint(shade(color, 0.5), "stripes" if form == 1 else "plain", *details),
        paint((0.35, 0.62, 0.7), "plain", disc(0.011, 0.014, (width * 0.3, front, height * 0.62), 8)),
    ]


def fan(draw: Draw) -> list[Part]:
    """A table fan in its cage, a box fan, or a slim tower."""
    form = draw.integer(0, 2)
    color, dark = draw.color(draw.pick(["plastic", "white", "metal"])), draw.plain_color("dark")
    if form == 2:
        radius, height = draw.uniform(0.075, 0.09), draw.uniform(0.5, 0.62)
        return [
            paint(
                color,
                "glossy",
                post(radius * 1.3, 0.03, top=radius * 1.1),
                post(radius, height - 0.03, (0, 0, 0.03), radius * 0.85, 14),
            ),
            paint(dark, "stripes", box_mesh((radius * 0.9, 0.02, height * 0.7), (0, -radius * 0.86, height * 0.2))),
            hidden_cylinder(radius * 1.3, 0.03, density=4.0),
            hidden_cylinder(radius * 0.95, height - 0.03, (0, 0, 0.03)),
        ]
    radius = draw.uniform(0.13, 0.17)
    low = (0.16, 0.0)[form]
    center = low + radius + (0.03 if form == 1 else 0.0)
    blades = []
    for number in range(4):
        blade = move_mesh(_blade(radius), tilt("y", number * math.pi / 2 + 0.4), (0, 0, center))
        blades.append(blade)
    hub = disc(0.03, 0.07, (0, 0.0, center), 10)
    if form == 1:
        side = 2 * radius + 0.06
        frame = [box_mesh((side, 0.1, 0.025), (0, 0, z)) for z in (0.0, side - 0.025)]
        frame += [box_mesh((0.025, 0.1, side - 0.05), (sign * (side / 2 - 0.0125), 0, 0.025)) for sign in (-1, 1)]
        grill = [
            bar(0.004, (-side / 2, -0.045, z * side), (side / 2, -0.045, z * side), 4)
            for z in (0.2, 0.35, 0.5, 0.65, 0.8)
        ]
        return [
            paint(color, "plain", *frame, *grill),
            paint(dark, "plain", *blades, hub),
            hidden_box((side, 0.1, side)),
        ]
    cage = hoop(radius, 0.006, (0, -0.045, center), tilt("x", math.pi / 2))
    spokes = [
        bar(
            0.003,
            (0.03 * math.cos(a), -0.05, center + 0.03 * math.sin(a)),
            (radius * math.cos(a), -0.045, center + radius * math.sin(a)),
            4,
        )
        for a in [number * math.pi / 2 for number in range(4)]
    ]
    return [
        paint(
            color,
            "metal",
            cage,
            *spokes,
            post(0.09, 0.025, top=0.07, sides=10),
            bar(0.016, (0, 0.03, 0.02), (0, 0.05, center), 7),
            disc(0.045, 0.1, (0, 0.06, center), 10),
        ),
        paint(dark if form == 0 else color, "plain", *blades, hub),
        hidden_cylinder(0.09, 0.025, density=7.0),
        hidden_cylinder(0.018, low, (0, 0.03, 0.025)),
        hidden_box((radius * 1.7, 0.1, radius * 1.85), (0, 0, low + 0.02), 0.25),
    ]


def _blade(radius: float) -> MeshArrays:
    """A blade of a fan from its hub upwards."""
    return pad((radius * 0.5, 0.012, radius * 0.75), (0.02, 0, 0.03), 0.7, 4, 7)

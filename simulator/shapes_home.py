"""Shapes of small things of living rooms and bedrooms that can be moved."""

from __future__ import annotations

import math

import numpy as np

from simulator.materials import Draw, shade
from simulator.shapes import (
    Part,
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
    sphere,
    superquadric_mesh,
    tilt,
    tube_mesh,
)


def vase(draw: Draw) -> list[Part]:
    """A turned vessel of one of four profiles."""
    radius, height = draw.uniform(0.055, 0.09), draw.uniform(0.2, 0.34)
    outline = draw.pick(
        [
            [(0.6, 0.0), (1.0, 0.35), (0.75, 0.7), (0.4, 0.86), (0.55, 1.0)],
            [(0.75, 0.0), (0.95, 0.15), (1.0, 0.55), (0.45, 0.8), (0.4, 1.0)],
            [(0.5, 0.0), (0.6, 0.3), (0.8, 0.7), (1.0, 1.0)],
            [(0.9, 0.0), (1.0, 0.1), (1.0, 0.5), (0.6, 0.68), (0.6, 1.0)],
        ]
    )
    rim = outline[-1][0]
    profile = [(0.0, 0.0), *outline, (rim * 0.8, 1.0), (rim * 0.6, 0.6), (0.0, 0.6)]
    foot = radius * outline[0][0]
    return [
        mesh(*lathe_mesh([(radius * r, height * z) for r, z in profile], 16), draw.color("clay"), "glossy"),
        hidden_cylinder(max(foot, radius * 0.62), height * 0.25, density=2.5),
        hidden_cylinder(radius * 0.8, height * 0.72, (0, 0, height * 0.25)),
    ]


def book(draw: Draw) -> list[Part]:
    """A thick volume, or a pile of two."""
    width, depth = draw.uniform(0.15, 0.2), draw.uniform(0.21, 0.27)
    parts, foot = [], 0.0
    for number in range(draw.pick([1, 1, 2])):
        height = draw.uniform(0.032, 0.055)
        if number:
            width, depth = width * 0.93, depth * 0.93
        parts += [
            box((width, depth, height), (0, 0, foot), draw.color("book")),
            box(
                (width * 0.98, depth + 0.004, height - 0.012),
                (width * 0.02, 0, foot + 0.006),
                (0.9, 0.88, 0.82),
                solid=False,
            ),
        ]
        foot += height
    return parts


def laptop(draw: Draw) -> list[Part]:
    """Open, its screen leaning back."""
    width, depth = draw.uniform(0.31, 0.37), draw.uniform(0.21, 0.25)
    lean = draw.uniform(0.15, 0.45)
    color = draw.color(draw.pick(["metal", "dark", "white"]))
    half = depth * 0.47
    center = (0.0, depth / 2 + math.sin(lean) * half, 0.02 + math.cos(lean) * half)
    face = (center[0], center[1] - 0.006 * math.cos(lean), center[2] + 0.006 * math.sin(lean))
    screen = draw.pick([(0.12, 0.13, 0.15), (0.25, 0.35, 0.45), (0.75, 0.78, 0.8)])
    return [
        box((width, depth, 0.02), (0, 0, 0), color, "metal"),
        Part("box", (width / 2, 0.006, half), center, color, "metal", tilt("x", -lean), density=0.6),
        Part("box", (width * 0.46, 0.003, half * 0.9), face, screen, "plain", tilt("x", -lean), solid=False),
        box((width * 0.85, depth * 0.45, 0.003), (0, depth * 0.15, 0.02), shade(color, 0.45), solid=False),
    ]


def remote_control(draw: Draw) -> list[Part]:
    """A slim box with buttons."""
    length, width = draw.uniform(0.16, 0.21), draw.uniform(0.045, 0.056)
    color = draw.color(draw.pick(["dark", "plastic"]))
    return [
        box((width, length, 0.022), (0, 0, 0), color),
        box((width * 0.65, length * 0.5, 0.004), (0, length * 0.15, 0.022), shade(color, 1.35), solid=False),
        cylinder(0.012, 0.004, (0, -length * 0.28, 0.022), (0.6, 0.2, 0.18), solid=False),
    ]


def cell_phone(draw: Draw) -> list[Part]:
    """A phone in a coloured case, its dark screen up."""
    width, length = draw.uniform(0.074, 0.085), draw.uniform(0.15, 0.17)
    return [
        box((width, length, 0.011), (0, 0, 0), draw.color("plastic"), "glossy"),
        box((width * 0.9, length * 0.92, 0.002), (0, 0, 0.011), (0.1, 0.11, 0.13), "glossy", solid=False),
    ]


def pillow(draw: Draw) -> list[Part]:
    """A cushion, square or long."""
    width, depth, height = draw.uniform(0.34, 0.5), draw.uniform(0.3, 0.38), draw.uniform(0.12, 0.16)
    vertices, faces = superquadric_mesh((width / 2, depth / 2, height / 2), (0, 0, height / 2), 0.6, 9, 20)
    # Cushions are thinner towards their seams.
    outward = np.hypot(vertices[:, 0] / (width / 2), vertices[:, 1] / (depth / 2))
    vertices[:, 2] = height / 2 + (vertices[:, 2] - height / 2) * (1 - 0.45 * np.clip(outward - 0.5, 0, 1))
    finish = draw.pick(["cloth", "cloth", "stripes"])
    return [
        mesh(vertices, faces, draw.color("fabric"), finish),
        hidden_box((width * 0.6, depth * 0.6, height)),
        hidden_box((width * 0.9, depth * 0.9, height * 0.55), (0, 0, height * 0.22)),
    ]


def teddy_bear(draw: Draw) -> list[Part]:
    """A sitting bear."""
    size = draw.uniform(0.85, 1.3)
    pieces = [
        superquadric_mesh((0.085, 0.075, 0.1), (0, 0, 0.1), 1.0, 7, 10),
        superquadric_mesh((0.065, 0.062, 0.06), (0, -0.01, 0.235), 1.0, 7, 10),
        superquadric_mesh((0.022, 0.012, 0.022), (0.05, 0, 0.285), 1.0, 5, 8),
        superquadric_mesh((0.022, 0.012, 0.022), (-0.05, 0, 0.285), 1.0, 5, 8),
        superquadric_mesh((0.034, 0.07, 0.034), (0.06, -0.09, 0.034), 1.0, 6, 8),
        superquadric_mesh((0.034, 0.07, 0.034), (-0.06, -0.09, 0.034), 1.0, 6, 8),
        superquadric_mesh((0.06, 0.03, 0.03), (0.1, -0.03, 0.15), 1.0, 6, 8),
        superquadric_mesh((0.06, 0.03, 0.03), (-0.1, -0.03, 0.15), 1.0, 6, 8),
    ]
    vertices, faces = join_meshes(*pieces)
    color = draw.color("bear")
    return [
        mesh(vertices * size, faces, color, "rough"),
        ellipsoid(
            (0.03 * size, 0.02 * size, 0.022 * size), (0, -0.068 * size, 0.222 * size), shade(color, 1.4), solid=False
        ),
        sphere(0.009 * size, (0, -0.088 * size, 0.228 * size), (0.1, 0.08, 0.08), solid=False),
        hidden_box((0.18 * size, 0.2 * size, 0.06 * size), (0, -0.04 * size, 0)),
        hidden_cylinder(0.075 * size, 0.23 * size, (0, 0, 0.05 * size)),
    ]


def basketball(draw: Draw) -> list[Part]:
    """A ball with dark seams."""
    radius = draw.uniform(0.105, 0.122)
    return [sphere(radius, (0, 0, radius), draw.color("ball"), "ball")]


def newspaper(draw: Draw) -> list[Part]:
    """Folded, with a headline and columns."""
    width, depth, height = draw.uniform(0.26, 0.32), draw.uniform(0.19, 0.23), draw.uniform(0.012, 0.025)
    ink = (0.45, 0.45, 0.46)
    return [
        box((width, depth, height), (0, 0, 0), draw.color("paper"), "plain"),
        box((width * 0.85, depth * 0.14, 0.002), (0, depth * 0.33, height), (0.25, 0.25, 0.27), solid=False),
        box((width * 0.38, depth * 0.5, 0.002), (-width * 0.22, -depth * 0.1, height), ink, solid=False),
        box((width * 0.38, depth * 0.5, 0.002), (width * 0.22, -depth * 0.1, height), shade(ink, 1.4), solid=False),
    ]


def statue(draw: Draw) -> list[Part]:
    """A bust, a standing figure or an abstract column on a plinth."""
    size = draw.uniform(0.9, 1.4)
    color = draw.color(draw.pick(["clay", "metal", "ceramic"]))
    plinth = 0.05 * size
    pieces = draw.pick(
        [
            [
                lathe_mesh([(0.035, 0), (0.05, 0.05), (0.075, 0.1), (0.03, 0.14), (0, 0.14)], 12),
                superquadric_mesh((0.045, 0.052, 0.06), (0, -0.005, 0.185), 1.0, 8, 12),
            ],
            [
                lathe_mesh([(0.05, 0), (0.035, 0.1), (0.045, 0.2), (0.02, 0.24), (0, 0.24)], 10),
                superquadric_mesh((0.026, 0.028, 0.033), (0, 0, 0.265), 1.0, 7, 10),
                superquadric_mesh((0.07, 0.02, 0.02), (0, -0.01, 0.19), 1.0, 6, 8),
            ],
            [
                lathe_mesh(
                    [(0.03, 0), (0.06, 0.06), (0.03, 0.12), (0.055, 0.18), (0.025, 0.24), (0.04, 0.28), (0, 0.3)], 10
                ),
            ],
        ]
    )
    vertices, faces = join_meshes(*pieces)
    height = float(vertices[:, 2].max()) * size
    return [
        mesh(vertices * size + [0, 0, plinth], faces, color, "glossy"),
        box((0.12 * size, 0.12 * size, plinth), (0, 0, 0), shade(color, 0.55), "plain", density=2.0),
        hidden_cylinder(0.05 * size, height, (0, 0, plinth)),
    ]


def desk_lamp(draw: Draw) -> list[Part]:
    """A foot, a stem and a shade."""
    height = draw.uniform(0.3, 0.44)
    color = draw.color(draw.pick(["metal", "ceramic", "wood"]))
    hood = draw.color(draw.pick(["paper", "fabric"]))
    radius = draw.uniform(0.08, 0.12)
    low = height * 0.6
    profile = [(radius, low), (radius * 0.6, height), (radius * 0.55, height), (radius * 0.95, low), (radius, low)]
    return [
        cylinder(radius * 0.75, 0.03, (0, 0, 0), color, "metal", density=6.0),
        cylinder(0.018, low, (0, 0, 0.03), color, "metal"),
        mesh(*lathe_mesh(profile, 16), hood, "glow"),
        hidden_cylinder(radius * 0.8, height - low, (0, 0, low), density=0.2),
    ]


def alarm_clock(draw: Draw) -> list[Part]:
    """A round clock on feet or a digital box."""
    color = draw.color("plastic")
    if draw.chance(0.5):
        width, depth, height = draw.uniform(0.14, 0.19), draw.uniform(0.06, 0.08), draw.uniform(0.07, 0.09)
        return [
            box((width, depth, height), (0, 0, 0), color, "glossy"),
            box((width * 0.85, 0.006, height * 0.6), (0, -depth / 2, height * 0.2), (0.1, 0.16, 0.14), solid=False),
        ]
    radius = draw.uniform(0.055, 0.075)
    center = radius + 0.012
    return [
        rod(radius, (0, 0.025, center), (0, -0.025, center), color, "metal", form="cylinder"),
        rod(radius * 0.85, (0, -0.02, center), (0, -0.028, center), (0.93, 0.92, 0.88), form="cylinder", solid=False),
        box((0.006, 0.004, radius * 0.6), (0, -0.03, center), (0.15, 0.15, 0.15), solid=False),
        box((radius * 1.2, 0.055, 0.02), (0, 0, 0), shade(color, 0.6)),
    ]


def decor(draw: Draw) -> list[Part]:
    """A ring, a ball or a stack of stones on a base."""
    base, color = draw.color("wood"), draw.color(draw.pick(["metal", "clay", "ceramic"]))
    parts = [box((0.13, 0.09, 0.025), (0, 0, 0), base, "timber", density=3.0)]
    form = draw.integer(0, 2)
    if form == 0:
        radius = draw.uniform(0.065, 0.095)
        angles = np.linspace(0, 2 * np.pi, 15)
        ring = np.stack([radius * np.cos(angles), np.zeros(15), radius * np.sin(angles) + radius + 0.035], axis=1)
        parts += [
            mesh(*tube_mesh(ring, 0.017, (0.0, 1.0, 0.0)), color, "metal"),
            hidden_box((radius * 1.6, 0.03, radius * 2), (0, 0, 0.03)),
        ]
    elif form == 1:
        radius = draw.uniform(0.055, 0.08)
        parts.append(sphere(radius, (0, 0, 0.02 + radius), color, "glossy"))
    else:
        foot, size = 0.022, draw.uniform(0.9, 1.3)
        for radius in (0.065 * size, 0.05 * size, 0.035 * size):
            parts.append(
                ellipsoid((radius, radius * 0.8, radius * 0.5), (0, 0, foot + radius * 0.5), shade(color, 0.9), "rough")
            )
            foot += radius * 0.95
    return parts


def tennis_racket(draw: Draw) -> list[Part]:
    """Lies flat."""
    length, width = draw.uniform(0.15, 0.18), draw.uniform(0.11, 0.135)
    angles = np.linspace(0, 2 * np.pi, 17)
    ring = np.stack([length * np.cos(angles) + length, width * np.sin(angles), np.full(17, 0.014)], axis=1)
    head = tube_mesh(ring, 0.013, (0.0, 0.0, 1.0), 5)
    return [
        mesh(*head, draw.color("plastic"), "glossy"),
        ellipsoid((length * 0.95, width * 0.95, 0.004), (length, 0, 0.014), (0.88, 0.87, 0.8), "stripes", solid=False),
        hidden_box((length * 1.95, width * 1.6, 0.026), (length, 0, 0)),
        rod(0.014, (0.0, 0, 0.015), (-draw.uniform(0.26, 0.31), 0, 0.016), draw.color("dark"), density=2.0),
    ]


def baseball_bat(draw: Draw) -> list[Part]:
    """Lies flat."""
    length = draw.uniform(0.62, 0.8)
    profile = [(0, 0), (0.023, 0), (0.023, 0.015), (0.013, 0.03), (0.015, 0.4 * length), (0.032, 0.75 * length)]
    profile += [(0.033, 0.97 * length), (0, length)]
    bat = move_mesh(lathe_mesh(profile, 10), tilt("y", math.pi / 2), (-length / 2, 0, 0.033))
    return [
        mesh(*bat, draw.color(draw.pick(["wood", "wood", "metal", "plastic"])), "timber"),
        hidden_box((0.4 * length, 0.05, 0.066), (0.29 * length, 0, 0)),
        hidden_box((0.6 * length, 0.026, 0.05), (-0.2 * length, 0, 0.008)),
    ]


def dumbbell(draw: Draw) -> list[Part]:
    """Two six-sided heads on a bar."""
    radius, head = draw.uniform(0.055, 0.08), draw.uniform(0.06, 0.085)
    reach = draw.uniform(0.1, 0.125)
    flat = radius * math.cos(math.pi / 6)
    block = lathe_mesh([(0, 0), (radius * 0.8, 0), (radius, head * 0.2), (radius, head), (0, head)], 6)
    block = move_mesh(block, (math.cos(math.pi / 12), 0.0, 0.0, math.sin(math.pi / 12)))
    left = move_mesh(block, tilt("y", -math.pi / 2), (-reach + head / 2, 0, flat))
    right = move_mesh(block, tilt("y", math.pi / 2), (reach - head / 2, 0, flat))
    color = draw.color(draw.pick(["dark", "plastic", "metal"]))
    return [
        mesh(*join_meshes(left, right), color, "plain"),
        rod(0.016, (-reach, 0, flat), (reach, 0, flat), draw.plain_color("metal"), "metal", solid=False),
        hidden_box((2 * reach + head, 2 * flat * 0.8, 2 * flat)),
    ]


def safe(draw: Draw) -> list[Part]:
    """A small strongbox."""
    width, depth, height = draw.uniform(0.26, 0.36), draw.uniform(0.25, 0.32), draw.uniform(0.24, 0.34)
    color = draw.color(draw.pick(["dark", "metal"]))
    door = join_meshes(
        box_mesh((width * 0.8, 0.012, height * 0.8), (0, -depth / 2, height * 0.1)),
        box_mesh((0.012, 0.03, height * 0.25), (width * 0.25, -depth / 2 - 0.01, height * 0.38)),
    )
    return [
        box((width, depth, height), (0, 0, 0), color, "metal"),
        mesh(*door, shade(color, 1.25), "metal"),
        rod(
            0.03,
            (-0.02, -depth / 2, height / 2),
            (-0.02, -depth / 2 - 0.03, height / 2),
            (0.75, 0.74, 0.7),
            form="cylinder",
            solid=False,
        ),
    ]

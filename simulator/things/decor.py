"""Shapes of objects that decorate tops and shelves."""

from __future__ import annotations

import math

import numpy as np

from simulator.things.materials import Draw, shade
from simulator.things.meshes import (
    BLACK,
    ball,
    bar,
    bow,
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
    ellipsoid,
    hidden_box,
    hidden_cylinder,
    join_meshes,
    lathe_mesh,
    mesh,
    tube_mesh,
)
from simulator.things.vessels import hollow, ring, vessel_mesh


def vase(draw: Draw) -> list[Part]:
    """A turned vase: narrow-necked, wide and flaring, a bowl, or a cylinder; some hold dry twigs."""
    radius, height, form = draw.uniform(0.06, 0.09), draw.uniform(0.2, 0.34), draw.integer(0, 4)
    outline = (
        [(0.6, 0.0), (1.0, 0.35), (0.75, 0.7), (0.4, 0.86), (0.55, 1.0)],
        [(0.75, 0.0), (0.95, 0.15), (1.0, 0.55), (0.45, 0.8), (0.4, 1.0)],
        [(0.6, 0.0), (0.7, 0.3), (1.05, 1.0)],
        [(0.85, 0.0), (0.85, 1.0)],
        [(0.55, 0.0), (1.15, 0.35), (1.15, 0.5), (0.85, 0.7)],
    )[form]
    palette, finish = draw.pick(
        [("clay", "glossy"), ("clay", "rough"), ("ceramic", "glossy"), ("glass", "glossy"), ("ceramic", "stripes")]
    )
    color = draw.color(palette)
    points = [(radius * r, height * z) for r, z in outline]
    if form >= 2:
        bands = points if form < 4 else [points[0], points[1], points[-1]]
        body, walls = hollow(points, 0.008, 0.02, 8 if form != 3 else 6, 14, bands)
        return [mesh(*body, color, finish), *walls]
    parts = [
        mesh(*vessel_mesh(points, radius * 0.12, height * 0.87), color, finish),
        hidden_cylinder(max(points[0][0], radius * 0.62), height * 0.25, density=2.5),
        hidden_cylinder(radius * 0.85, height * 0.5, (0, 0, height * 0.25)),
        hidden_cylinder(radius * 0.5, height * 0.12, (0, 0, height * 0.75)),
        *ring([(points[-2][0], height * 0.87), points[-1]], 0.008, 6),
    ]
    if draw.chance(0.4):
        twigs = []
        for number in range(5):
            angle, reach = number * 2.4, 0.03 + 0.05 * ((number * 0.37) % 1)
            tip = (reach * math.cos(angle), reach * math.sin(angle), height * 1.5 + 0.02 * number)
            twigs += [bar(0.003, (0, 0, height * 0.9), tip, 4), ball((0.014, 0.014, 0.02), tip, 3, 5)]
        parts.append(paint(draw.plain_color(draw.pick(["straw", "plant", "red_fruit"])), "plain", *twigs))
    return parts


def candle(draw: Draw) -> list[Part]:
    """Candles: a thick one, one in a glass, a tall one in a holder, or three on a dish."""
    radius, height, form = draw.uniform(0.034, 0.048), draw.uniform(0.09, 0.15), draw.integer(0, 3)
    wax = draw.color(draw.pick(["soap", "ceramic", "red_fruit"]))
    wick: list[MeshArrays] = [bar(0.003, (0, 0, height), (0, 0, height + 0.014), 4)]
    if form == 3:
        dish = post(0.085, 0.014, sides=14)
        places = [(0.04, 0.0, 0.8), (-0.02, 0.036, 1.0), (-0.02, -0.036, 0.6)]
        wick = [bar(0.003, (x, y, height * h + 0.01), (x, y, height * h + 0.028), 4) for x, y, h in places]
        return [
            paint(draw.color(draw.pick(["wood", "metal"])), "plain", dish),
            paint(wax, "plain", *[post(0.026, height * h, (x, y, 0.014), sides=10) for x, y, h in places]),
            paint((0.15, 0.13, 0.12), "plain", *wick),
            hidden_cylinder(0.085, 0.014, density=2.0),
            *[hidden_cylinder(0.026, height * h, (x, y, 0.014)) for x, y, h in places],
        ]
    if form == 2:
        metal = draw.color(draw.pick(["metal", "wood"]))
        foot = lathe_mesh(
            [(0, 0), (0.05, 0), (0.045, 0.012), (0.012, 0.03), (0.012, 0.09), (0.03, 0.105), (0, 0.105)], 12
        )
        tall = height * 1.3
        return [
            paint(metal, "metal", foot),
            paint(
                wax,
                "plain",
                post(0.015, tall, (0, 0, 0.1), 0.012, 8),
                bar(0.003, (0, 0, tall + 0.1), (0, 0, tall + 0.114), 4),
            ),
            hidden_cylinder(0.05, 0.02, density=6.0),
            hidden_cylinder(0.016, tall + 0.08, (0, 0, 0.02)),
        ]
    body = post(radius, height) if form == 0 else post(radius * 0.93, height * 0.93, (0, 0, 0.004))
    if form == 1:
        wick = [bar(0.003, (0, 0, height * 0.93), (0, 0, height * 1.03), 4)]
    parts = [paint(wax, "plain", body), paint((0.15, 0.13, 0.12), "plain", *wick), hidden_cylinder(radius, height)]
    if form == 1:
        glass, _ = hollow([(radius, 0), (radius, height)], 0.004, 0.005)
        parts.append(mesh(*glass, draw.color("glass"), "glossy"))
    return parts


def statue(draw: Draw) -> list[Part]:
    """A statue: a bust, a standing figure, an abstract column, a bird, or an elephant, on a plinth."""
    size, form = draw.uniform(0.9, 1.4), draw.integer(0, 4)
    palette, finish = draw.pick([("clay", "rough"), ("metal", "metal"), ("ceramic", "glossy"), ("wood", "timber")])
    color = draw.color(palette)
    plinth = 0.05 * size
    pieces: list[MeshArrays] = (
        [
            lathe_mesh([(0, 0), (0.035, 0), (0.05, 0.05), (0.075, 0.1), (0.03, 0.14), (0, 0.14)], 12),
            ball((0.045, 0.052, 0.06), (0, -0.005, 0.185), 8, 12),
        ],
        [
            lathe_mesh([(0, 0), (0.05, 0), (0.035, 0.1), (0.045, 0.2), (0.02, 0.24), (0, 0.24)], 10),
            ball((0.026, 0.028, 0.033), (0, 0, 0.265), 7, 10),
            ball((0.07, 0.02, 0.02), (0, -0.01, 0.19), 6, 8),
        ],
        [
            lathe_mesh(
                [(0, 0), (0.03, 0), (0.06, 0.06), (0.03, 0.12), (0.055, 0.18), (0.025, 0.24), (0.04, 0.28), (0, 0.3)],
                10,
            )
        ],
        [
            ball((0.045, 0.075, 0.05), (0, 0.0, 0.1), 7, 10),
            ball((0.028, 0.03, 0.03), (0, -0.06, 0.17), 6, 9),
            bar(0.012, (0, -0.085, 0.17), (0, -0.125, 0.16), 5, 0.002),
            bar(0.022, (0, -0.035, 0.12), (0, -0.055, 0.16), 7),
            bar(0.02, (0, 0.06, 0.11), (0, 0.13, 0.15), 5, 0.03),
            *[bar(0.007, (x, 0, 0), (x, 0, 0.07), 5) for x in (-0.02, 0.02)],
        ],
        [
            ball((0.055, 0.08, 0.055), (0, 0.01, 0.12), 7, 11),
            ball((0.04, 0.04, 0.042), (0, -0.085, 0.15), 6, 9),
            *[ball((0.035, 0.008, 0.036), (x, -0.07, 0.155), 5, 8) for x in (-0.05, 0.05)],
            bow([(0, -0.115, 0.15), (0, -0.135, 0.1), (0, -0.135, 0.05), (0, -0.15, 0.03)], 0.013, (1.0, 0.0, 0.0)),
            *[bar(0.02, (x, y, 0), (x, y, 0.1), 6) for x in (-0.03, 0.03) for y in (-0.04, 0.06)],
        ],
    )[form]
    vertices, faces = join_meshes(*pieces)
    height = float(vertices[:, 2].max()) * size
    wide = (0.12, 0.22, plinth) if form >= 3 else (0.12, 0.12, plinth)
    return [
        mesh(vertices * size + [0, 0, plinth], faces, color, finish),
        box((wide[0] * size, wide[1] * size, plinth), (0, 0, 0), shade(color, 0.55), "plain", density=2.0),
        hidden_box((0.08 * size, wide[1] * size * 0.7, height), (0, 0, plinth)),
    ]


def table_top_decor(draw: Draw) -> list[Part]:
    """An ornament on a base: a ring, a ball, a stack of stones, a sailing boat, or an hour-glass."""
    base, color = draw.color("wood"), draw.color(draw.pick(["metal", "clay", "ceramic"]))
    form = draw.integer(0, 4)
    if form == 3:
        mast = draw.uniform(0.2, 0.28)
        hull, faces = pad((0.2, 0.06, 0.05), (0, 0, 0.015), 0.5, 6, 14)
        hull[:, 0] *= 0.75 + 6 * (hull[:, 2] - 0.015)
        sail = lathe_mesh([(0, 0.09), (0.075, 0.09), (0, mast)], 3)
        sail = (sail[0] * [1, 0.12, 1] + [0.02, 0, 0], sail[1])
        return [
            paint(
                base,
                "timber",
                (hull, faces),
                bar(0.005, (0, 0, 0.05), (0, 0, mast + 0.02), 5),
                box_mesh((0.09, 0.05, 0.02), (0, 0, 0)),
            ),
            paint(draw.plain_color("paper"), "cloth", sail),
            hidden_box((0.17, 0.055, 0.06), density=4.0),
            hidden_box((0.1, 0.012, mast - 0.06), (0.0, 0, 0.06), 0.3),
        ]
    if form == 4:
        glass = lathe_mesh(
            [(0, 0.02), (0.05, 0.02), (0.048, 0.06), (0.01, 0.1), (0.048, 0.14), (0.05, 0.18), (0, 0.18)], 12
        )
        rods = [
            bar(0.006, (0.05 * math.cos(a), 0.05 * math.sin(a), 0), (0.05 * math.cos(a), 0.05 * math.sin(a), 0.2), 5)
            for a in (0.5, 2.6, 4.7)
        ]
        return [
            paint(base, "timber", post(0.06, 0.02), post(0.06, 0.02, (0, 0, 0.18)), *rods),
            paint(draw.plain_color("glass"), "glossy", glass),
            hidden_cylinder(0.06, 0.2),
        ]
    parts = [box((0.13, 0.09, 0.025), (0, 0, 0), base, "timber", density=3.0)]
    if form == 0:
        radius = draw.uniform(0.065, 0.095)
        angles = np.linspace(0, 2 * np.pi, 15)
        path = np.stack([radius * np.cos(angles), np.zeros(15), radius * np.sin(angles) + radius + 0.035], axis=1)
        parts += [
            mesh(*tube_mesh(path, 0.017, (0.0, 1.0, 0.0)), color, "metal"),
            hidden_box((radius * 1.6, 0.03, radius * 2), (0, 0, 0.03)),
        ]
    elif form == 1:
        radius = draw.uniform(0.055, 0.08)
        parts += [
            paint(color, "glossy", ball((radius,) * 3, (0, 0, 0.02 + radius), 9, 14)),
            hidden_cylinder(radius * 0.8, radius * 2 - 0.01, (0, 0, 0.025)),
        ]
    else:
        foot, size, stones = 0.022, draw.uniform(0.9, 1.3), []
        for radius in (0.065 * size, 0.05 * size, 0.035 * size):
            stones.append(ball((radius, radius * 0.8, radius * 0.5), (0, 0, foot + radius * 0.5), 6, 10))
            parts.append(hidden_cylinder(radius * 0.75, radius * 0.95, (0, 0, foot)))
            foot += radius * 0.95
        parts.append(paint(shade(color, 0.9), "rough", *stones))
    return parts


def globe(draw: Draw) -> list[Part]:
    """A globe: on a turned foot with a half ring, on three legs, or in a low cradle."""
    form, radius = draw.integer(0, 2), draw.uniform(0.1, 0.14)
    sea, land = draw.color(draw.pick(["glass", "fabric", "bear"])), draw.plain_color(draw.pick(["plant", "straw"]))
    wood = draw.color(draw.pick(["wood", "metal"]))
    low = (0.09, 0.16, 0.05)[form]
    center = low + radius
    patches = []
    for longitude, latitude, size in (
        (0.3, 0.4, 0.5),
        (1.6, -0.2, 0.42),
        (2.9, 0.5, 0.55),
        (4.2, 0.1, 0.45),
    ):
        out = np.array(
            [math.cos(latitude) * math.cos(longitude), math.cos(latitude) * math.sin(longitude), math.sin(latitude)]
        )
        vertices, faces = ball((radius * size, radius * size * 0.8, radius * size), (0, 0, 0), 4, 6)
        vertices = vertices + out * radius * math.sqrt(max(0.1, 1.035**2 - size**2 * 0.9))
        length = np.linalg.norm(vertices, axis=1, keepdims=True)
        vertices = vertices / length * np.minimum(length, radius * 1.012)
        patches.append((vertices + [0, 0, center], faces))
    if form == 0:
        angles = np.linspace(-1.4, 1.4, 9)
        meridian = np.stack(
            [1.08 * radius * np.cos(angles), np.zeros(9), center + 1.08 * radius * np.sin(angles)], axis=1
        )
        stand = [
            lathe_mesh([(0, 0), (0.085, 0), (0.08, 0.015), (0.015, 0.03), (0.012, low - 0.005), (0, low - 0.005)], 12),
            tube_mesh(meridian, 0.008, (0.0, 1.0, 0.0), 5),
        ]
    elif form == 1:
        stand = [hoop(radius * 1.06, 0.011, (0, 0, center))]
        stand += [
            bar(
                0.012,
                (radius * 1.06 * math.cos(a), radius * 1.06 * math.sin(a), center),
                (radius * 0.95 * math.cos(a), radius * 0.95 * math.sin(a), 0.0),
                6,
                0.008,
            )
            for a in (0.5, 2.6, 4.7)
        ]
    else:
        stand = [
            lathe_mesh([(0, 0), (radius * 0.75, 0), (radius * 0.8, 0.03), (radius * 0.6, low + 0.03), (0, low)], 12)
        ]
    return [
        paint(sea, "glossy", ball((radius,) * 3, (0, 0, center), 7, 13)),
        paint(land, "plain", *patches),
        paint(wood, "timber", *stand),
        hidden_cylinder((0.085, radius * 0.95, radius * 0.78)[form], low if form != 1 else 0.02, density=4.0),
        ellipsoid((radius,) * 3, (0, 0, center), BLACK, seen=False, density=0.3),
    ]

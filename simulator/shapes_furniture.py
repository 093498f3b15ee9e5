"""Shapes of furniture and other large things that can be moved."""

from __future__ import annotations

from simulator.materials import Draw, shade
from simulator.shapes import Part, box, cylinder, ellipsoid, lathe_mesh, mesh


def chair(draw: Draw) -> list[Part]:
    width, depth, seat, height = (
        draw.uniform(0.4, 0.46),
        draw.uniform(0.4, 0.45),
        draw.uniform(0.43, 0.47),
        draw.uniform(0.82, 0.98),
    )
    wood, cover = draw.color("wood"), draw.color(draw.pick(["fabric", "wood"]))
    leg = 0.036
    x, y = width / 2 - leg / 2, depth / 2 - leg / 2
    legs = [box((leg, leg, seat - 0.04), (sx * x, sy * y, 0), wood, density=0.8) for sx in (-1, 1) for sy in (-1, 1)]
    return [
        *legs,
        box((width, depth, 0.05), (0, 0, seat - 0.04), cover, "cloth"),
        box((width, 0.035, height - seat - 0.14), (0, depth / 2 - 0.018, seat + 0.14), cover, "timber", density=0.7),
        box((leg, 0.03, 0.14), (x, depth / 2 - 0.018, seat), wood, solid=False),
        box((leg, 0.03, 0.14), (-x, depth / 2 - 0.018, seat), wood, solid=False),
    ]


def side_table(draw: Draw) -> list[Part]:
    width, depth, height = draw.uniform(0.4, 0.55), draw.uniform(0.36, 0.45), draw.uniform(0.5, 0.68)
    wood = draw.color("wood")
    leg = 0.04
    x, y = width / 2 - leg / 2, depth / 2 - leg / 2
    legs = [box((leg, leg, height - 0.035), (sx * x, sy * y, 0), shade(wood, 0.85)) for sx in (-1, 1) for sy in (-1, 1)]
    return [*legs, box((width, depth, 0.035), (0, 0, height - 0.035), wood, "wood")]


def carton(draw: Draw) -> list[Part]:
    width, depth, height = draw.uniform(0.3, 0.48), draw.uniform(0.26, 0.4), draw.uniform(0.24, 0.4)
    color = draw.color("carton")
    tape = box((width * 1.002, 0.05, height * 1.002), (0, 0, 0), shade(color, 1.25), solid=False)
    return [box((width, depth, height), (0, 0, 0), color, "rough"), tape]


def house_plant(draw: Draw) -> list[Part]:
    radius, height = draw.uniform(0.09, 0.14), draw.uniform(0.14, 0.24)
    pot, green = draw.color("clay"), draw.color("plant")
    profile = [(0, 0), (radius * 0.72, 0), (radius, height), (radius * 0.88, height), (0, height * 0.9)]
    crown = draw.uniform(0.11, 0.17)
    return [
        mesh(*lathe_mesh(profile), pot, "rough"),
        cylinder(radius * 0.9, height, (0, 0, 0), pot, seen=False, density=5.0),
        ellipsoid((crown, crown, crown * 1.2), (0, 0, height + crown * 1.1), green, "rough", density=0.1),
        ellipsoid(
            (crown * 0.7,) * 3, (crown * 0.6, 0.04, height + crown * 0.8), shade(green, 0.85), "rough", solid=False
        ),
    ]


def ottoman(draw: Draw) -> list[Part]:
    radius, height = draw.uniform(0.2, 0.27), draw.uniform(0.36, 0.44)
    return [cylinder(radius, height, (0, 0, 0), draw.color("fabric"), "cloth")]


def stool(draw: Draw) -> list[Part]:
    radius, height = draw.uniform(0.16, 0.19), draw.uniform(0.5, 0.7)
    wood, seat = draw.color(draw.pick(["wood", "metal"])), draw.color(draw.pick(["wood", "fabric"]))
    spread = radius * 0.72
    legs = [box((0.034, 0.034, height - 0.05), (sx * spread, sy * spread, 0), wood) for sx in (-1, 1) for sy in (-1, 1)]
    return [*legs, cylinder(radius, 0.05, (0, 0, height - 0.05), seat, "timber")]

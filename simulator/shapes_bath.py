"""Shapes of bathroom, cleaning and laundry things that can be moved."""

from __future__ import annotations

import math

import numpy as np

from simulator.materials import Draw, shade
from simulator.shapes import (
    Part,
    box,
    cylinder,
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


def soap_bar(draw: Draw) -> list[Part]:
    """A rounded bar."""
    length, width, height = draw.uniform(0.085, 0.11), draw.uniform(0.055, 0.07), draw.uniform(0.028, 0.04)
    bar = superquadric_mesh((length / 2, width / 2, height / 2), (0, 0, height / 2), 0.4, 7, 14)
    return [mesh(*bar, draw.color("soap")), hidden_box((length * 0.9, width * 0.9, height))]


def soap_bottle(draw: Draw) -> list[Part]:
    """A dispenser with a pump."""
    radius, height = draw.uniform(0.032, 0.042), draw.uniform(0.12, 0.17)
    head = draw.color(draw.pick(["metal", "plastic"]))
    parts = [
        cylinder(radius, height, (0, 0, 0), draw.color("soap"), "glossy"),
        cylinder(0.01, 0.045, (0, 0, height), head, density=0.3),
        box((0.055, 0.018, 0.014), (-0.018, 0, height + 0.045), head, solid=False),
    ]
    if draw.chance(0.5):
        side = radius * 1.7
        parts[0] = box((side, side * 0.8, height), (0, 0, 0), draw.color("soap"), "glossy")
    return parts


def toilet_paper(draw: Draw) -> list[Part]:
    """A roll that stands on its end."""
    radius, height = draw.uniform(0.055, 0.065), draw.uniform(0.1, 0.11)
    profile = [(0.02, 0), (radius, 0), (radius, height), (0.02, height), (0.02, 0.03)]
    return [mesh(*lathe_mesh(profile, 16), draw.color("paper"), "rough"), hidden_cylinder(radius, height)]


def spray_bottle(draw: Draw) -> list[Part]:
    """A bottle with a trigger head."""
    radius, height = draw.uniform(0.038, 0.046), draw.uniform(0.15, 0.19)
    body, head = draw.color("plastic"), draw.color("plastic")
    profile = [
        (0, 0),
        (radius, 0),
        (radius, height * 0.65),
        (0.015, height),
        (0.015, height + 0.04),
        (0, height + 0.04),
    ]
    return [
        mesh(*lathe_mesh(profile, 12), body, "glossy"),
        hidden_cylinder(radius, height * 0.8),
        box((0.1, 0.028, 0.035), (-0.022, 0, height + 0.03), head, density=0.4),
        rod(0.006, (-0.055, 0, height + 0.03), (-0.04, 0, height - 0.01), head, solid=False),
    ]


def towel(draw: Draw) -> list[Part]:
    """Folded to a flat pile, or rolled."""
    color = draw.color("towel")
    finish = draw.pick(["cloth", "stripes"])
    if draw.chance(0.5):
        length, width, height = draw.uniform(0.24, 0.34), draw.uniform(0.18, 0.26), draw.uniform(0.06, 0.11)
        pile = superquadric_mesh((length / 2, width / 2, height / 2), (0, 0, height / 2), 0.35, 7, 14)
        return [mesh(*pile, color, finish), hidden_box((length * 0.95, width * 0.95, height))]
    radius, length = draw.uniform(0.05, 0.065), draw.uniform(0.26, 0.36)
    profile = [(0, 0), (radius, 0), (radius, length), (radius * 0.5, length), (0, length * 0.97)]
    roll = move_mesh(lathe_mesh(profile, 14), tilt("y", math.pi / 2), (-length / 2, 0, radius))
    return [mesh(*roll, color, finish), hidden_box((length, radius * 1.5, radius * 2))]


def plunger(draw: Draw) -> list[Part]:
    """A rubber cup on a stick."""
    radius, height = draw.uniform(0.06, 0.075), draw.uniform(0.4, 0.5)
    profile = [(0, 0), (radius, 0), (radius * 0.95, 0.03), (radius * 0.5, 0.075), (0.018, 0.09), (0, 0.09)]
    return [
        mesh(*lathe_mesh(profile), draw.color(draw.pick(["red_fruit", "dark"]))),
        hidden_cylinder(radius, 0.06, density=3.0),
        rod(0.012, (0, 0, 0.06), (0, 0, height), draw.color("wood"), "timber", density=0.7),
    ]


def scrub_brush(draw: Draw) -> list[Part]:
    """A brush with bristles downwards and a bow or a long handle."""
    length, width = draw.uniform(0.13, 0.18), draw.uniform(0.055, 0.07)
    color = draw.color(draw.pick(["plastic", "wood"]))
    back = superquadric_mesh((length / 2, width / 2, 0.018), (0, 0, 0.045), 0.5, 7, 12)
    return [
        box((length * 0.92, width * 0.9, 0.036), (0, 0, 0), draw.color("paper"), "rough"),
        mesh(*back, color, "glossy"),
        hidden_box((length * 0.9, width * 0.9, 0.028), (0, 0, 0.036)),
        rod(0.013, (length * 0.4, 0, 0.045), (length * 0.4 + draw.uniform(0.04, 0.16), 0, 0.055), color, density=0.3),
    ]


def tissue_box(draw: Draw) -> list[Part]:
    """A carton with a tissue standing out."""
    length, width, height = draw.uniform(0.12, 0.24), draw.uniform(0.11, 0.13), draw.uniform(0.08, 0.13)
    tissue = lathe_mesh([(0.02, 0), (0.03, 0.03), (0.012, 0.055), (0, 0.05)], 7)
    return [
        box((length, width, height), (0, 0, 0), draw.color(draw.pick(["fabric", "ceramic", "book"]))),
        mesh(*move_mesh(tissue, shift=(0, 0, height)), (0.95, 0.95, 0.94)),
    ]


def candle(draw: Draw) -> list[Part]:
    """A thick candle, plain or in a jar."""
    radius, height = draw.uniform(0.032, 0.048), draw.uniform(0.09, 0.17)
    wax = draw.color(draw.pick(["soap", "ceramic", "red_fruit"]))
    parts = [
        cylinder(radius, height, (0, 0, 0), wax),
        rod(0.003, (0, 0, height), (0, 0, height + 0.014), (0.1, 0.1, 0.1), solid=False),
    ]
    if draw.chance(0.4):
        parts.append(cylinder(radius * 1.08, height * 0.75, (0, 0, 0.0), draw.color("glass"), "glossy", solid=False))
    return parts


def garbage_can(draw: Draw) -> list[Part]:
    """A bin, open or with a lid."""
    radius, height = draw.uniform(0.13, 0.18), draw.uniform(0.32, 0.6)
    color = draw.color(draw.pick(["metal", "plastic", "dark"]))
    foot = radius * draw.uniform(0.78, 1.0)
    if draw.chance(0.5):
        cap = [(radius * 0.9, height * 1.06), (0, height * 1.1)]
    else:
        cap = [(radius * 0.93, height), (foot * 0.9, height * 0.3), (0, height * 0.3)]
    return [
        mesh(*lathe_mesh([(0, 0), (foot, 0), (radius, height), *cap], 16), color, "metal"),
        hidden_cylinder((radius + foot) / 2, height),
        cylinder(radius * 1.02, 0.02, (0, 0, height * 0.97), shade(color, 0.6), solid=False),
    ][: 3 if len(cap) == 2 else 2]


def laundry_hamper(draw: Draw) -> list[Part]:
    """A woven basket with a lid or a heap of laundry."""
    radius, height = draw.uniform(0.18, 0.23), draw.uniform(0.48, 0.62)
    color = draw.color(draw.pick(["wood", "fabric"]))
    square = draw.uniform(0.3, 1.0)
    body = superquadric_mesh((radius, radius * 0.85, height / 2), (0, 0, height / 2), 0.3, 8, 16)
    heap = superquadric_mesh((radius * 0.8, radius * 0.7, 0.07), (0, 0, height), square, 7, 12)
    return [
        mesh(*body, color, "stripes"),
        mesh(*heap, draw.color("towel"), "cloth"),
        hidden_box((radius * 1.9, radius * 1.6, height)),
    ]


def garbage_bag(draw: Draw) -> list[Part]:
    """A tied bag."""
    radius, height = draw.uniform(0.16, 0.22), draw.uniform(0.3, 0.42)
    color = draw.color(draw.pick(["dark", "white", "plastic"]))
    profile = [(0, 0), (0.75, 0), (1.0, 0.3), (0.8, 0.65), (0.25, 0.85), (0.12, 0.88), (0.3, 1.0), (0, 0.97)]
    vertices, faces = lathe_mesh([(radius * r, height * z) for r, z in profile], 13)
    folds = 1 + 0.06 * np.cos(np.arange(len(vertices)) * 2.9)
    vertices = vertices * np.stack([folds, folds, np.ones_like(folds)], axis=1)
    return [
        mesh(vertices, faces, color, "glossy"),
        hidden_cylinder(radius * 0.78, height * 0.3),
        hidden_cylinder(radius * 0.9, height * 0.35, (0, 0, height * 0.3)),
    ]


def vacuum_cleaner(draw: Draw) -> list[Part]:
    """An upright vacuum cleaner."""
    color = draw.color("plastic")
    dark = draw.plain_color("dark")
    height = draw.uniform(0.95, 1.1)
    canister = lathe_mesh([(0, 0), (0.08, 0), (0.085, 0.25), (0.05, 0.36), (0, 0.36)], 12)
    return [
        box((0.3, 0.36, 0.09), (0, -0.02, 0), dark, density=3.0),
        mesh(*move_mesh(canister, tilt("x", -0.25), (0, 0.0, 0.1)), color, "glossy"),
        hidden_box((0.13, 0.16, 0.36), (0, 0.06, 0.08)),
        rod(0.016, (0, 0.1, 0.42), (0, 0.16, height), dark, density=0.5),
    ]


def boots(draw: Draw) -> list[Part]:
    """A pair of boots."""
    color = draw.color(draw.pick(["dark", "wood", "clay"]))
    height = draw.uniform(0.18, 0.3)
    pair = []
    for x in (-0.065, 0.065):
        foot = superquadric_mesh((0.047, 0.13, 0.045), (x, -0.02, 0.045), 0.55, 7, 12)
        shaft = move_mesh(
            lathe_mesh([(0.045, 0.03), (0.052, height), (0.042, height), (0, 0.06)], 10), shift=(x, 0.055, 0)
        )
        pair += [foot, shaft]
    return [
        mesh(*join_meshes(*pair), color, "rough"),
        hidden_box((0.22, 0.25, 0.08), (0, -0.02, 0), density=2.0),
        hidden_box((0.22, 0.09, height - 0.08), (0, 0.055, 0.08)),
    ]

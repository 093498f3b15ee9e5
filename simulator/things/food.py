"""Shapes of food and its packages. Each function draws one instance's size, form and colours."""

from __future__ import annotations

import math

import numpy as np

from simulator.things.materials import Draw, shade
from simulator.things.meshes import (
    ball,
    bar,
    hoop,
    lying,
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
    lathe_mesh,
    mesh,
    move_mesh,
    superquadric_mesh,
)

STEM = (0.3, 0.2, 0.12)
"""Colour of fruits' stems."""


def _fruit(radius: float, outline: list[tuple[float, float]], segments: int = 12) -> MeshArrays:
    """A turned fruit: its outline in multiples of its radius."""
    return lathe_mesh([(radius * r, radius * z) for r, z in outline], segments)


def apple(draw: Draw) -> list[Part]:
    """An apple: round, tall, or flat with a leaf; a dent at the stem."""
    radius = draw.uniform(0.036, 0.048)
    form = draw.integer(0, 2)
    tall = (0.92, 1.08, 0.8)[form]
    outline = [(0, 0), (0.45, 0.0), (0.9, 0.45 * tall), (1.0, 1.0 * tall), (0.75, 1.65 * tall), (0.4, 1.85 * tall)]
    if form == 1:  # narrower towards its foot
        outline[1:3] = [(0.3, 0.0), (0.68, 0.4), (0.95, 1.0)]
    top = 1.7 * tall * radius
    parts = [
        mesh(*_fruit(radius, [*outline, (0, 1.65 * tall)]), draw.color("red_fruit"), "glossy"),
        paint(STEM, "plain", bar(0.003, (0, 0, top - 0.01), (0.008, 0, top + 0.016), 4)),
        ellipsoid((radius, radius, radius * 0.93 * tall), (0, 0, radius * 0.93 * tall), STEM, seen=False),
    ]
    if form == 2:
        parts.append(
            paint(draw.plain_color("plant"), "plain", ball((0.02, 0.009, 0.004), (0.022, 0, top + 0.008), 4, 6))
        )
    return parts


def tomato(draw: Draw) -> list[Part]:
    """A tomato: flat and ribbed, round, or plum-shaped, with a green star."""
    radius, form = draw.uniform(0.038, 0.052), draw.integer(0, 2)
    tall = (0.72, 0.9, 1.25)[form]
    vertices, faces = superquadric_mesh((radius, radius, radius * tall), (0, 0, radius * tall), 1.0, 8, 15)
    if form == 0:
        ribs = 1 + 0.06 * np.cos(5 * np.arctan2(vertices[:, 1], vertices[:, 0]))
        vertices[:, :2] *= ribs[:, None]
    top = 2 * radius * tall
    star = [
        ball((0.014, 0.005, 0.004), (0.013 * math.cos(a), 0.013 * math.sin(a), top - 0.002), 3, 5)
        for a in np.arange(5 - form) * (2 * math.pi / (5 - form))
    ]
    return [
        mesh(vertices, faces, draw.color("tomato"), "glossy"),
        paint(draw.plain_color("plant"), "plain", *star),
        ellipsoid((radius, radius, radius * tall), (0, 0, radius * tall), STEM, seen=False),
    ]


def potato(draw: Draw) -> list[Part]:
    """A potato: long, round or knobbly."""
    form = draw.integer(0, 2)
    length, radius = draw.uniform(0.05, 0.07) * (1, 0.85, 1)[form], draw.uniform(0.034, 0.043)
    flat = radius * 0.85
    vertices, faces = superquadric_mesh((length, radius, flat), (0, 0, flat), 0.85, 8 - form, 12)
    if form == 2:
        bump = 1 + 0.07 * np.sin(vertices[:, 0] * 95) * np.cos(vertices[:, 1] * 80)
        vertices[:, 1:] = (vertices[:, 1:] - [0, flat]) * bump[:, None] + [0, flat]
        vertices[:, 2] = np.maximum(vertices[:, 2], 0.0)
    return [
        mesh(vertices, faces, draw.color("potato"), "rough"),
        ellipsoid((length, radius, flat), (0, 0, flat), STEM, seen=False),
    ]


def lettuce(draw: Draw) -> list[Part]:
    """A lettuce: a tight head, an open one with outer leaves, or a long one."""
    radius, form = draw.uniform(0.075, 0.1), draw.integer(0, 2)
    tall = (0.85, 0.75, 1.35)[form]
    wide = radius * (0.75 if form == 2 else 1.0)
    vertices, faces = superquadric_mesh((wide, wide, radius * tall), (0, 0, 0), 1.0, 9 - form, 12)
    vertices *= 1 + 0.07 * np.sign(np.sin(np.arange(len(vertices)) * 2.4))[:, None]
    vertices[:, 2] = np.maximum(vertices[:, 2] + radius * tall, 0.0)
    green = draw.color("lettuce")
    parts = [
        mesh(vertices, faces, green, "rough"),
        hidden_cylinder(wide * 0.6, radius * tall * 1.94),
        hidden_cylinder(wide * 0.95, radius * tall * 0.9, (0, 0, radius * tall * 0.5)),
    ]
    if form == 1:
        leaves = []
        for number in range(6):
            angle = number * math.pi / 3
            leaf = ball((0.012, 0.05, 0.06), (wide * 0.95, 0, 0.065), 4, 7)
            leaves.append(move_mesh(leaf, (math.cos(angle / 2), 0, 0, math.sin(angle / 2))))
        parts.append(paint(shade(green, 0.8), "rough", *leaves))
    return parts


def bread(draw: Draw) -> list[Part]:
    """A loaf with cuts, a square tin loaf, a baguette, or a round one."""
    form, crust = draw.integer(0, 3), draw.color("bread")
    length, width, height = draw.uniform(0.22, 0.3), draw.uniform(0.1, 0.13), draw.uniform(0.08, 0.12)
    if form == 2:
        length, width, height = draw.uniform(0.4, 0.52), 0.07, 0.06
    if form == 3:
        radius = draw.uniform(0.09, 0.12)
        loaf = _fruit(radius, [(0, 0), (0.8, 0), (1, 0.25), (0.85, 0.65), (0.45, 0.85), (0, 0.9)], 16)
        cross = [
            box_mesh((radius, 0.012, 0.012), (0, 0, radius * 0.84)),
            box_mesh((0.012, radius, 0.012), (0, 0, radius * 0.84)),
        ]
        return [
            mesh(*loaf, crust, "rough"),
            paint(shade(crust, 1.3), "rough", *cross),
            hidden_cylinder(radius * 0.8, radius * 0.87),
            hidden_cylinder(radius * 0.95, radius * 0.3, (0, 0, radius * 0.15)),
        ]
    loaf = pad((length, width, height), (0, 0, 0), (0.6, 0.3, 0.8)[form], 9, 16)
    parts = [mesh(*loaf, crust, "rough"), hidden_box((length * 0.9, width * 0.8, height))]
    if form != 1:
        cuts = [
            move_mesh(
                ball((0.008, width * 0.36, 0.01), (0, 0, 0), 4, 6), (0.966, 0, 0, 0.259), (x * length, 0, height * 0.97)
            )
            for x in np.linspace(-0.28, 0.28, 3 + form)
        ]
        parts.append(paint(shade(crust, 1.35), "rough", *cuts))
    return parts


def banana(draw: Draw) -> list[Part]:
    """One banana, or a bunch of two or three."""
    count = draw.integer(1, 3)
    reach, thick = draw.uniform(0.09, 0.11), draw.uniform(0.019, 0.023)
    angles = np.linspace(-0.95, 0.95, 7)
    radii = np.array([0.35, 0.8, 1.0, 1.0, 1.0, 0.8, 0.3]) * thick
    around = np.arange(6) * (math.pi / 3)
    yellow, pieces, tips = draw.color("banana"), [], []
    for number in range(count):
        shift = (number - (count - 1) / 2) * thick * 1.5
        center = np.stack([reach * np.sin(angles), shift - reach * (np.cos(angles) - 0.75), np.full(7, thick)], axis=1)
        outward = np.stack([np.sin(angles), -np.cos(angles), np.zeros(7)], axis=1)
        rings = center[:, None] + radii[:, None, None] * (
            np.cos(around)[None, :, None] * outward[:, None] + np.sin(around)[None, :, None] * np.array([0, 0, 1.0])
        )
        _, faces = lathe_mesh([(1, 0)] * 7, 6)
        pieces.append((rings.reshape(-1, 3), faces[:, ::-1]))
        tips += [ball((0.009, 0.009, 0.008), tuple(center[end]), 4, 5) for end in (0, -1)]
    return [
        paint(yellow, "plain", *pieces),
        paint((0.3, 0.25, 0.12), "plain", *tips),
        hidden_box((reach * 1.1, thick * (1.5 * count + 0.6), thick * 2), (0, -0.012, 0)),
        *[
            hidden_box((reach * 0.3, thick * (1.5 * count + 0.4), thick * 1.7), (x * reach * 0.7, 0.015, 0.003))
            for x in (-1, 1)
        ],
    ]


def cereal_box(draw: Draw) -> list[Part]:
    """An upright package with a band, a picture and a seal: tall, wide, or like a bag of flour."""
    form = draw.integer(0, 2)
    width, depth = ((0.19, 0.065), (0.24, 0.075), (0.13, 0.09))[form]
    width, depth, height = width * draw.uniform(0.9, 1.1), depth * draw.uniform(0.9, 1.1), draw.uniform(0.24, 0.31)
    if form == 2:
        height *= 0.8
    color, band = draw.color("package"), draw.plain_color("package")
    front = -depth / 2
    picture = draw.pick(["bread", "red_fruit", "paper"])
    parts = [
        box((width, depth, height), (0, 0, 0), color),
        paint(
            draw.plain_color("paper"),
            "plain",
            box_mesh((width * 0.8, 0.004, height * 0.16), (0, front, height * 0.74)),
            *([box_mesh((width * 0.5, depth * 0.4, 0.012), (0, 0, height - 0.002))] if form == 2 else []),
        ),
    ]
    if form == 0:
        parts.append(paint(draw.plain_color(picture), "plain", _picture(front, width * 0.3, height * 0.38)))
        parts.append(paint(band, "plain", box_mesh((width * 1.004, depth * 1.006, height * 0.1), (0, 0, 0.0))))
    elif form == 1:
        parts.append(paint(band, "plain", box_mesh((width * 1.004, depth * 1.006, height * 0.3), (0, 0, height * 0.2))))
    else:
        parts.append(
            paint(
                draw.plain_color(picture),
                "plain",
                box_mesh((width * 0.6, 0.005, height * 0.3), (0, front, height * 0.25)),
            )
        )
    return parts


def _picture(front: float, radius: float, height: float) -> MeshArrays:
    """A round picture on a front at y = `front`."""
    return bar(radius, (0, front + 0.002, height), (0, front - 0.002, height), 12)


def milk_carton(draw: Draw) -> list[Part]:
    """A milk carton: with a gable, with a flat top and a screw cap, or a jug of plastic."""
    form = draw.integer(0, 2)
    side, height = draw.uniform(0.075, 0.095), draw.uniform(0.2, 0.25)
    color, band = draw.color("white"), draw.plain_color(draw.pick(["fabric", "plastic", "plant"]))
    if form == 2:
        outline = [(0, 0), (0.055, 0), (0.058, height * 0.5), (0.022, height * 0.85), (0.02, height), (0, height)]
        return [
            paint(
                color,
                "plain",
                lathe_mesh(outline, 10),
                move_mesh(
                    hoop(height * 0.16, 0.008, (0, 0, 0), (0.7071, 0.7071, 0, 0)), shift=(0.055, 0, height * 0.62)
                ),
            ),
            paint(
                band,
                "plain",
                post(0.024, 0.02, (0, 0, height)),
                post(0.0585, height * 0.2, (0, 0, height * 0.15), sides=10),
            ),
            hidden_cylinder(0.056, height * 0.62),
            hidden_cylinder(0.028, height * 0.42, (0, 0, height * 0.62), density=0.4),
        ]
    parts = [
        box((side, side, height * 0.82), (0, 0, 0), color),
        paint(band, "plain", box_mesh((side * 1.006, side * 1.006, height * 0.3), (0, 0, height * (0.1 + 0.3 * form)))),
    ]
    if form == 0:
        vertices, faces = box_mesh((side, side, height * 0.18), (0, 0, height * 0.82))
        vertices[:, 1] *= np.where(vertices[:, 2] > height * 0.9, 0.12, 1.0)
        parts.append(paint(color, "plain", (vertices, faces), box_mesh((side, 0.008, 0.02), (0, 0, height))))
        parts.append(hidden_box((side * 0.95, side * 0.4, height * 0.2), (0, 0, height * 0.82), 0.3))
    else:
        parts.append(paint(band, "plain", post(0.018, 0.02, (0, -side * 0.2, height * 0.82))))
    return parts


def aluminum_foil(draw: Draw) -> list[Part]:
    """Aluminium foil: a roll in its long box, a bare roll, or a crumpled ball of foil."""
    form = draw.integer(0, 2)
    silver = draw.plain_color("foil")
    length = draw.uniform(0.28, 0.36)
    if form == 0:
        side = draw.uniform(0.05, 0.06)
        return [
            box((length, side, side), (0, 0, 0), draw.color("package")),
            paint(silver, "metal", box_mesh((length * 0.9, 0.03, 0.004), (0, -side / 2, side))),
            paint(
                draw.plain_color("paper"),
                "plain",
                box_mesh((length * 0.5, 0.004, side * 0.6), (0, -side / 2, side * 0.2)),
            ),
        ]
    if form == 1:
        radius = draw.uniform(0.026, 0.034)
        return [
            paint(silver, "metal", lying(post(radius, length, sides=14), radius, -length / 2)),
            paint(
                draw.plain_color("carton"),
                "rough",
                lying(post(radius * 0.55, length + 0.02), radius, -length / 2 - 0.01),
            ),
            hidden_box((length, radius * 1.3, radius * 2)),
        ]
    radius = draw.uniform(0.05, 0.07)
    vertices, faces = superquadric_mesh((radius, radius * 0.9, radius * 0.8), (0, 0, 0), 0.8, 8, 11)
    vertices *= 1 + 0.1 * np.sin(np.arange(len(vertices)) * 2.1)[:, None]
    vertices[:, 2] = np.maximum(vertices[:, 2] + radius * 0.8, 0.0)
    return [mesh(vertices, faces, silver, "metal"), hidden_box((radius * 1.4, radius * 1.3, radius * 1.55))]

"""Shapes of bottles, jars, jugs and shakers."""

from __future__ import annotations

from simulator.things.materials import Draw
from simulator.things.meshes import (
    ball,
    bar,
    paint,
    post,
)
from simulator.things.shapes import (
    Part,
    box_mesh,
    handle_mesh,
    hidden_box,
    hidden_cylinder,
    lathe_mesh,
    mesh,
    move_mesh,
)
from simulator.things.vessels import Outline, hollow


def pitcher(draw: Draw) -> list[Part]:
    """A jug with a lip and a handle: bellied, straight, or conical."""
    radius, height = draw.uniform(0.062, 0.08), draw.uniform(0.19, 0.26)
    outline: Outline = draw.pick(
        [
            [(radius * 0.7, 0), (radius * 1.05, height * 0.35), (radius * 0.62, height * 0.78), (radius * 0.8, height)],
            [(radius * 0.85, 0), (radius * 0.8, height)],
            [(radius, 0), (radius * 0.68, height * 0.9), (radius * 0.75, height)],
        ]
    )
    floor = 0.014
    body, walls = hollow(outline, 0.007, floor, 8, 14, [outline[0], (outline[1][0], height * 0.45), outline[-1]])
    vertices, faces = body
    rim = vertices[:, 2] > height * 0.99
    lip = rim & (vertices[:, 0] < -0.8 * outline[-1][0])
    vertices[lip, 0] -= 0.018
    handle = move_mesh(
        handle_mesh(draw.uniform(0.045, 0.06), height * 0.3, height * 0.88, outline[-1][0] * 0.9, 0.009),
        shift=(0, 0, 0),
    )
    palette, finish = draw.pick(
        [("ceramic", "glossy"), ("glass", "glossy"), ("metal", "metal"), ("ceramic", "stripes")]
    )
    return [paint(draw.color(palette), finish, body, handle), *walls]


def jar(draw: Draw) -> list[Part]:
    """A closed jar: a bellied cookie jar with a knob, a square canister, or a preserving jar with a screw lid."""
    form = draw.integer(0, 2)
    radius, height = draw.uniform(0.055, 0.08), draw.uniform(0.13, 0.2)
    color = draw.color(("ceramic", "ceramic", "glass")[form])
    lid = draw.plain_color(draw.pick(["wood", "metal", "ceramic"]))
    if form == 1:
        side = radius * 1.7
        return [
            paint(color, "glossy", box_mesh((side, side, height * 0.85), (0, 0, 0))),
            paint(
                lid,
                "timber",
                box_mesh((side * 0.92, side * 0.92, height * 0.12), (0, 0, height * 0.85)),
                ball((0.016, 0.016, 0.014), (0, 0, height), 5, 8),
            ),
            hidden_box((side, side, height * 0.97)),
        ]
    if form == 0:
        outline = [
            (0, 0),
            (radius * 0.75, 0),
            (radius * 1.1, height * 0.4),
            (radius * 0.8, height * 0.82),
            (0, height * 0.82),
        ]
        top = [
            post(radius * 0.85, height * 0.08, (0, 0, height * 0.82), radius * 0.6),
            ball((0.018, 0.018, 0.016), (0, 0, height * 0.95), 5, 8),
        ]
    else:
        outline = [
            (0, 0),
            (radius * 0.9, 0),
            (radius * 0.9, height * 0.75),
            (radius * 0.72, height * 0.85),
            (0, height * 0.85),
        ]
        top = [post(radius * 0.78, height * 0.13, (0, 0, height * 0.85))]
    return [
        mesh(*lathe_mesh(outline, 14), color, "glossy"),
        paint(lid, "plain", *top),
        hidden_cylinder(radius * (0.75 if form == 0 else 0.9), height * 0.4),
        hidden_cylinder(radius * 0.9, height * 0.56, (0, 0, height * 0.4)),
    ]


def wine_bottle(draw: Draw) -> list[Part]:
    """A wine bottle of dark glass: high-shouldered, sloping, or bulbous like champagne with a foil neck."""
    radius, height, form = draw.uniform(0.037, 0.043), draw.uniform(0.28, 0.33), draw.integer(0, 2)
    neck = 0.015
    glass, label = draw.color("wine"), draw.color("paper")
    if form == 0:
        outline = [(radius, 0), (radius, height * 0.6), (neck, height * 0.73), (neck, height)]
    elif form == 1:
        outline = [
            (radius * 1.05, 0),
            (radius * 1.05, height * 0.42),
            (neck * 1.6, height * 0.7),
            (neck, height * 0.85),
            (neck, height),
        ]
    else:
        radius *= 1.12
        outline = [
            (radius * 0.95, 0),
            (radius, height * 0.4),
            (radius * 0.75, height * 0.58),
            (neck, height * 0.8),
            (neck * 1.3, height * 0.95),
            (neck, height),
        ]
    low, tall = ((0.18, 0.3), (0.1, 0.26), (0.14, 0.2))[form]
    parts = [
        mesh(*lathe_mesh([(0, 0), *outline, (0, height)], 12), glass, "glossy"),
        paint(
            label,
            "plain",
            post(radius * 1.05 + 0.001 if form < 2 else radius + 0.001, height * tall, (0, 0, height * low)),
        ),
        hidden_cylinder(radius, height * 0.6),
        hidden_cylinder(neck, height * 0.4, (0, 0, height * 0.6), density=0.5),
    ]
    if form != 1:
        foil = draw.plain_color(draw.pick(["red_fruit", "metal", "dark"]))
        parts.append(
            paint(foil, "metal", post(neck * (1.1 if form == 0 else 1.36), height * 0.16, (0, 0, height * 0.845)))
        )
    return parts


def bottle(draw: Draw) -> list[Part]:
    """A bottle: with a waist, square-shouldered, a flask with a cup on top, or with a long neck."""
    radius, height, form = draw.uniform(0.034, 0.046), draw.uniform(0.19, 0.27), draw.integer(0, 3)
    neck = radius * 0.36
    outline = (
        [
            (radius, 0),
            (radius, height * 0.3),
            (radius * 0.82, height * 0.45),
            (radius, height * 0.6),
            (neck, height * 0.9),
        ],
        [(radius, 0), (radius, height * 0.66), (neck, height * 0.78), (neck, height * 0.9)],
        [(radius, 0), (radius, height * 0.78), (radius * 0.92, height * 0.8)],
        [(radius, 0), (radius * 1.02, height * 0.35), (neck * 1.4, height * 0.6), (neck, height * 0.9)],
    )[form]
    palette, finish = (("glass", "glossy"), ("glass", "glossy"), ("metal", "metal"), ("glass", "glossy"))[form]
    top = outline[-1]
    cap = post(
        neck * 1.3 if form != 2 else radius * 0.85,
        height - top[1],
        (0, 0, top[1]),
        None if form != 2 else radius * 0.75,
    )
    parts = [
        mesh(*lathe_mesh([(0, 0), *outline, (0, top[1])], 12), draw.color(palette), finish),
        paint(draw.color("plastic"), "plain", cap),
        hidden_cylinder(radius, height * 0.66),
        hidden_cylinder(max(neck * 1.3, top[0] * 0.9), height * 0.34, (0, 0, height * 0.66), density=0.4),
    ]
    if form in (1, 3):
        band = post(radius * 1.03, height * 0.2, (0, 0, height * (0.25 if form == 1 else 0.08)))
        parts.append(paint(draw.plain_color(draw.pick(["paper", "package"])), "plain", band))
    return parts


def shaker(draw: Draw) -> list[Part]:
    """A salt shaker: a cylinder, a bellied or a square one, with a metal cap."""
    radius, height, form = draw.uniform(0.026, 0.033), draw.uniform(0.09, 0.14), draw.integer(0, 2)
    palette, finish = draw.pick([("ceramic", "glossy"), ("glass", "glossy"), ("metal", "metal")])
    low = height * 0.74
    if form == 0:
        body = post(radius, low)
    elif form == 1:
        body = lathe_mesh([(0, 0), (radius * 0.8, 0), (radius * 1.15, low * 0.35), (radius * 0.75, low), (0, low)], 12)
    else:
        body = box_mesh((radius * 1.8, radius * 1.8, low), (0, 0, 0))
    cap = lathe_mesh(
        [(0, 0), (radius * 0.85, 0), (radius * 0.85, height * 0.14), (radius * 0.5, height * 0.26), (0, height * 0.26)],
        12,
    )
    return [
        paint(draw.color(palette), finish, body),
        paint(draw.color("metal"), "metal", move_mesh(cap, shift=(0, 0, low))),
        hidden_cylinder(radius * 0.9, low),
        hidden_cylinder(radius * 0.8, height - low, (0, 0, low), density=0.5),
    ]


def pepper_mill(draw: Draw) -> list[Part]:
    """A pepper mill: turned wood, a smooth cone with a ball on top, or a steel cylinder with a crank."""
    radius, height, form = draw.uniform(0.028, 0.036), draw.uniform(0.16, 0.24), draw.integer(0, 2)
    wood = draw.color("wood") if form < 2 else draw.color("metal")
    if form == 0:
        profile = [(1, 0), (1, 0.15), (0.65, 0.45), (0.95, 0.72), (0.6, 0.8), (0.75, 0.92), (0, 1)]
        pieces = [lathe_mesh([(0, 0), *[(radius * r, height * z) for r, z in profile]], 12)]
    elif form == 1:
        pieces = [
            post(radius * 1.1, height * 0.78, top=radius * 0.7),
            ball((radius * 0.75, radius * 0.75, height * 0.12), (0, 0, height * 0.87), 6, 10),
        ]
    else:
        pieces = [
            post(radius, height * 0.8),
            bar(0.005, (0, 0, height * 0.8), (0, 0, height * 0.9), 5),
            bar(0.005, (0, 0, height * 0.9), (0.06, 0, height * 0.9), 5),
        ]
    parts = [
        paint(wood, "timber" if form < 2 else "metal", *pieces),
        hidden_cylinder(radius * 0.97, height * 0.8),
        hidden_cylinder(radius * 0.7, height * 0.17, (0, 0, height * 0.8), density=0.5),
    ]
    if form > 0:
        end = (0, 0, height * 0.98) if form == 1 else (0.06, 0, height * 0.9)
        parts.append(paint(draw.plain_color("dark"), "glossy", ball((0.012, 0.012, 0.014), end, 5, 7)))
    return parts

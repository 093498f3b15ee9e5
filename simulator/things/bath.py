"""Shapes of bathroom objects: soap, paper, bottles."""

from __future__ import annotations

import math

from simulator.things.materials import Draw, shade
from simulator.things.meshes import (
    BLACK,
    ball,
    bar,
    disc,
    hoop,
    lying,
    pad,
    paint,
    post,
)
from simulator.things.shapes import (
    Part,
    about_z,
    box,
    box_mesh,
    hidden_box,
    hidden_cylinder,
    lathe_mesh,
    mesh,
    move_mesh,
    superquadric_mesh,
    tilt,
)
from simulator.things.vessels import crate


def soap_bar(draw: Draw) -> list[Part]:
    """A bar of soap: rounded, oval with an imprint, or in its dish."""
    form = draw.integer(0, 2)
    length, width, height = draw.uniform(0.085, 0.11), draw.uniform(0.055, 0.07), draw.uniform(0.028, 0.04)
    soap = draw.color("soap")
    if form == 2:
        body, walls = crate(length * 1.35, width * 1.45, 0.022, 0.008, 0.008)
        return [
            paint(draw.color(draw.pick(["ceramic", "metal", "wood"])), "glossy", body),
            paint(soap, "plain", pad((length, width, height), (0, 0, 0.008), 0.45, 6, 12)),
            *walls,
            hidden_box((length * 0.9, width * 0.9, height), (0, 0, 0.008)),
        ]
    parts = [
        paint(soap, "plain", pad((length, width, height), (0, 0, 0), (0.35, 0.9)[form], 7, 14)),
        hidden_box((length * (0.9, 0.75)[form], width * (0.9, 0.75)[form], height)),
    ]
    if form == 1:
        parts.append(
            paint(shade(soap, 0.8), "plain", ball((length * 0.2, width * 0.2, 0.004), (0, 0, height - 0.002), 4, 8))
        )
    return parts


def soap_bottle(draw: Draw) -> list[Part]:
    """A dispenser with a pump: round, square, bellied; or a flip-top bottle of shampoo."""
    radius, height, form = draw.uniform(0.032, 0.042), draw.uniform(0.12, 0.17), draw.integer(0, 3)
    color, head = (
        draw.color(draw.pick(["soap", "plastic", "glass"])),
        draw.color(draw.pick(["metal", "plastic", "dark"])),
    )
    if form == 3:
        body = superquadric_mesh((radius * 1.15, radius * 0.75, height * 0.62), (0, 0, height * 0.62), 0.5, 8, 12)
        return [
            paint(color, "glossy", body),
            paint(head, "plain", post(radius * 0.7, 0.025, (0, 0, height * 1.2))),
            paint(
                draw.plain_color("package"),
                "plain",
                box_mesh((radius * 1.5, radius * 1.53, height * 0.4), (0, 0, height * 0.4)),
            ),
            hidden_box((radius * 2, radius * 1.3, height * 1.24)),
        ]
    side = radius * 1.7
    body = (
        post(radius, height),
        box_mesh((side, side * 0.85, height), (0, 0, 0)),
        lathe_mesh(
            [(0, 0), (radius * 0.8, 0), (radius * 1.2, height * 0.35), (radius * 0.45, height), (0, height)], 12
        ),
    )[form]
    pump = [post(0.009, 0.045, (0, 0, height), sides=7), box_mesh((0.055, 0.018, 0.014), (-0.018, 0, height + 0.043))]
    return [
        paint(color, "glossy", body),
        paint(head, "plain", *pump, post(0.017, 0.014, (0, 0, height), sides=8)),
        hidden_box((side, side * 0.85, height))
        if form == 1
        else hidden_cylinder(radius, height * (1 if form == 0 else 0.7)),
        hidden_cylinder(
            0.014, 0.05 if form != 2 else 0.05 + height * 0.3, (0, 0, height * (1 if form != 2 else 0.7)), 0.3
        ),
    ]


def toilet_paper(draw: Draw) -> list[Part]:
    """Toilet paper: a roll on its end, one that lies, or two on top of each other."""
    form = draw.integer(0, 2)
    radius, height = draw.uniform(0.052, 0.065), draw.uniform(0.095, 0.11)
    paper, finish = draw.color("paper"), draw.pick(["plain", "plain", "cloth"])
    roll = lathe_mesh([(0.02, 0), (radius, 0), (radius, height), (0.02, height), (0.02, 0.03)], 14)
    core = draw.plain_color("carton")
    if form == 1:
        return [
            mesh(*lying(roll, radius, -height / 2), paper, finish),
            paint(core, "rough", lying(post(0.021, height * 0.9), radius, -height * 0.45)),
            hidden_box((height, radius * 1.4, radius * 2)),
        ]
    rolls = [roll] if form == 0 else [roll, move_mesh(roll, shift=(0.004, 0, height))]
    return [paint(paper, finish, *rolls), hidden_cylinder(radius, height * len(rolls))]


def spray_bottle(draw: Draw) -> list[Part]:
    """A spray bottle with a trigger: conical, square or with a waist; or an aerosol can."""
    form = draw.integer(0, 3)
    radius, height = draw.uniform(0.038, 0.046), draw.uniform(0.15, 0.19)
    body, head = draw.color(draw.pick(["plastic", "package"])), draw.color("plastic")
    if form == 3:
        radius *= 0.8
        dome = lathe_mesh(
            [(0, 0), (radius, 0), (radius, height), (radius * 0.7, height + 0.015), (0, height + 0.015)], 12
        )
        return [
            mesh(*dome, body, "metal"),
            paint(head, "plain", post(radius * 0.75, 0.045, (0, 0, height + 0.01), radius * 0.65)),
            paint(draw.plain_color("package"), "plain", post(radius + 0.001, height * 0.3, (0, 0, height * 0.35))),
            hidden_cylinder(radius, height),
            hidden_cylinder(radius * 0.7, 0.055, (0, 0, height), 0.5),
        ]
    if form == 1:
        block = box_mesh((radius * 1.8, radius * 1.3, height * 0.8), (0, 0, 0))
        pieces = [block, post(0.018, height * 0.2 + 0.03, (0, 0, height * 0.8), sides=8)]
    else:
        waist = (radius * 0.95, height * 0.4) if form == 0 else (radius * 0.68, height * 0.5)
        outline = [
            (0, 0),
            (radius, 0),
            waist,
            (radius * 0.85, height * 0.72),
            (0.015, height),
            (0.015, height + 0.04),
            (0, height + 0.04),
        ]
        pieces = [lathe_mesh(outline, 12)]
    top = height + 0.03
    trigger = bar(0.006, (-0.05, 0, top + 0.005), (-0.036, 0, height - 0.015), 5)
    return [
        paint(body, "glossy", *pieces),
        paint(head, "plain", box_mesh((0.1, 0.028, 0.035), (-0.022, 0, top)), trigger),
        hidden_cylinder(radius * (0.95 if form != 1 else 0.8), height * 0.8),
        hidden_box((0.1, 0.028, 0.06), (-0.022, 0, height + 0.005), 0.3),
    ]


def tissue_box(draw: Draw) -> list[Part]:
    """A box of tissues: a long carton, a cube, or a round one; a tissue stands out."""
    form = draw.integer(0, 2)
    length, width, height = ((0.22, 0.115, 0.07), (0.12, 0.12, 0.12), (0.12, 0.12, 0.13))[form]
    scale = draw.uniform(0.92, 1.12)
    length, width, height = length * scale, width * scale, height * scale
    tissue = lathe_mesh([(0.02, 0), (0.034, 0.03), (0.012, 0.055), (0, 0.05)], 7)
    color, finish = (
        draw.color(draw.pick(["fabric", "ceramic", "package", "wood"])),
        draw.pick(["plain", "stripes", "rough"]),
    )
    slot = box_mesh((length * 0.6, width * 0.35, 0.003), (0, 0, height - 0.001))
    parts = [
        paint((0.95, 0.95, 0.94), "plain", move_mesh(tissue, shift=(0, 0, height))),
        paint(shade(color, 0.55), "plain", slot),
    ]
    if form == 2:
        return [mesh(*post(length / 2, height, sides=14), color, finish), hidden_cylinder(length / 2, height), *parts]
    return [box((length, width, height), (0, 0, 0), color, finish), *parts]


def hair_dryer(draw: Draw) -> list[Part]:
    """A hair dryer that lies on its side: with a long nozzle, a round short one, or with a wide diffuser."""
    form = draw.integer(0, 2)
    color, dark = draw.color(draw.pick(["plastic", "dark", "soap"])), draw.plain_color("dark")
    radius, length = draw.uniform(0.036, 0.044), draw.uniform(0.16, 0.2)
    nose = (radius * 0.75, radius * 0.95, radius * 1.3)[form]
    outline = [(0, 0), (radius * 0.8, 0), (radius, length * 0.25), (radius * 0.85, length), (0, length)]
    if form == 1:
        outline[2:3] = [(radius * 1.02, length * 0.15), (radius * 1.02, length * 0.5)]
    barrel = lying(lathe_mesh(outline, 12), radius, -length / 2)
    tip = lying(
        lathe_mesh([(0, 0), (radius * 0.8, 0), (nose, 0.05), (nose * 0.85, 0.05), (0, 0.02)], 12), radius, length / 2
    )
    lift = max(nose + 0.005 * (form == 2) - radius, 0.0)
    extra = [move_mesh(disc(radius * 0.5, 0.006, (0, 0, 0), 10), about_z(math.pi / 2), (-length / 2, 0, radius + lift))]
    if form == 2:
        extra = [hoop(nose, 0.005, (length / 2 + 0.05, 0, radius + lift), tilt("y", math.pi / 2))]
    grip = bar(
        0.019, (-length * 0.22, radius * 0.5, radius), (-length * 0.3, radius * 0.5 + 0.12, 0.02 - lift), 7, 0.016
    )
    return [
        paint(color, "glossy", *[move_mesh(piece, shift=(0, 0, lift)) for piece in (barrel, grip)]),
        paint(dark, "plain", move_mesh(tip, shift=(0, 0, lift)), *extra),
        hidden_box((length + 0.05, radius * 1.4, 2 * radius + lift), (0.02, 0, 0)),
        hidden_box((0.045, 0.12, 0.04), (-length * 0.27, radius * 0.5 + 0.06, 0)),
    ]


def scale(draw: Draw) -> list[Part]:
    """Bathroom scales: a glass plate with a display, a thick one with a dial, or a round one with a mat."""
    form = draw.integer(0, 2)
    side = draw.uniform(0.28, 0.33)
    color = draw.color((draw.pick(["glass", "dark", "white"]), "white", draw.pick(["metal", "plastic"]))[form])
    height = (0.028, 0.055, 0.04)[form]
    back = side * 0.32
    if form == 2:
        return [
            mesh(*post(side * 0.52, height, sides=18), color, "metal"),
            paint(
                draw.plain_color("dark"),
                "rough",
                box_mesh((side * 0.62, side * 0.45, 0.004), (0, -side * 0.06, height)),
            ),
            paint(BLACK, "glossy", box_mesh((0.08, 0.04, 0.005), (0, back, height))),
            hidden_cylinder(side * 0.5, height),
        ]
    parts = [box((side, side, height), (0, 0, 0), color, ("glossy", "plain")[form])]
    if form == 0:
        parts.append(paint((0.15, 0.17, 0.16), "plain", box_mesh((0.09, 0.045, 0.002), (0, back, height))))
        parts.append(
            paint(
                shade(color, 1.3),
                "metal",
                *[post(0.028, 0.0015, (x, y, height)) for x in (-0.09, 0.09) for y in (-0.09, 0.05)],
            )
        )
    else:
        parts.append(
            paint(
                draw.plain_color("dark"),
                "stripes",
                box_mesh((side * 0.9, side * 0.62, 0.004), (0, -side * 0.14, height)),
            )
        )
        parts.append(paint((0.9, 0.9, 0.88), "plain", post(0.045, 0.006, (0, back, height))))
        parts.append(
            paint(draw.plain_color("red_fruit"), "plain", box_mesh((0.005, 0.04, 0.003), (0, back, height + 0.005)))
        )
    return parts

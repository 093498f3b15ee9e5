"""Shapes of tableware: cups, bowls, plates, trays, baskets. All but plates can hold other objects."""

from __future__ import annotations

from dataclasses import replace

from simulator.things.materials import Draw, shade
from simulator.things.meshes import (
    arch,
    bow,
    hoop,
    paint,
    sleeve,
)
from simulator.things.shapes import (
    Color,
    Part,
    box_mesh,
    handle_mesh,
    hidden_box,
    hidden_cylinder,
    lathe_mesh,
    mesh,
    move_mesh,
)
from simulator.things.vessels import Outline, crate, crate_walls, hollow


def _glaze(draw: Draw) -> tuple[Color, str]:
    """Colour and finish of tableware: mostly ceramic, also wood, metal and plastic."""
    palette, finish = draw.pick(
        [("ceramic", "glossy"), ("ceramic", "glossy"), ("ceramic", "stripes"), ("wood", "timber"), ("metal", "metal")]
    )
    return draw.color(palette), finish


def mug(draw: Draw) -> list[Part]:
    """A mug: straight, tapered, bellied or on a foot; the handle a ring, an ear or a square."""
    radius, height, wall = draw.uniform(0.042, 0.053), draw.uniform(0.085, 0.125), 0.006
    outline: Outline = draw.pick(
        [
            [(radius, 0), (radius, height)],
            [(radius * 0.75, 0), (radius, height)],
            [(radius * 0.75, 0), (radius * 1.08, height * 0.45), (radius * 0.95, height)],
            [(radius * 0.8, 0), (radius * 0.7, height * 0.1), (radius, height * 0.25), (radius, height)],
        ]
    )
    body, walls = hollow(outline, wall, 0.01, 6, bands=[outline[0], outline[-1]])
    start, form = radius * 0.9, draw.integer(0, 2)
    if form == 0:
        handle = handle_mesh(0.032, height * 0.25, height * 0.8, start, 0.007)
    elif form == 1:
        handle = handle_mesh(0.024, height * 0.45, height * 0.9, start, 0.007)
    else:
        handle = bow(
            [
                (start, 0, height * 0.8),
                (start + 0.035, 0, height * 0.8),
                (start + 0.035, 0, height * 0.3),
                (start, 0, height * 0.25),
            ],
            0.007,
        )
    palette, finish = draw.pick(
        [("ceramic", "glossy"), ("ceramic", "plain"), ("ceramic", "stripes"), ("metal", "metal")]
    )
    return [paint(draw.color(palette), finish, body, handle), *walls]


def cup(draw: Draw) -> list[Part]:
    """A cup without a handle: a tapered tumbler, a straight one, a goblet on a stem, or a paper cup with a band."""
    radius, height = draw.uniform(0.038, 0.046), draw.uniform(0.1, 0.15)
    form = draw.integer(0, 3)
    palette, finish = draw.pick(
        [("plastic", "glossy"), ("plastic", "stripes"), ("glass", "glossy"), ("metal", "metal")]
    )
    color = draw.color(palette)
    if form == 2:
        height *= 1.15
        low = height * 0.45
        bowl, walls = hollow(
            [(radius * 0.45, 0), (radius, height * 0.25), (radius * 0.95, height - low)], 0.005, 0.012, 6
        )
        stem = lathe_mesh(
            [(0, 0), (radius * 0.8, 0), (radius * 0.75, 0.008), (0.008, 0.02), (0.008, low), (0, low)], 12
        )
        lifted = [_raised(part, low) for part in walls]
        return [
            paint(color, finish, move_mesh(bowl, shift=(0, 0, low)), stem),
            hidden_cylinder(radius * 0.8, 0.01, density=8.0),
            hidden_cylinder(0.012, low - 0.01, (0, 0, 0.01)),
            *lifted,
        ]
    foot = radius * (0.68, 1.0, 0.0, 0.75)[form]
    body, walls = hollow([(foot, 0), (radius, height)], 0.005, 0.012, 6)
    parts = [mesh(*body, color, finish if form != 3 else "plain"), *walls]
    if form == 3:
        ring = foot + (radius - foot) * 0.3, foot + (radius - foot) * 0.75
        parts.append(
            paint(
                draw.plain_color("carton"),
                "rough",
                sleeve(ring[0] + 0.002, ring[1] + 0.002, height * 0.3, height * 0.75),
            )
        )
    return parts


def _raised(part: Part, height: float) -> Part:
    return replace(part, pos=(part.pos[0], part.pos[1], part.pos[2] + height))


def bowl(draw: Draw) -> list[Part]:
    """A bowl: round, conical, steep-walled, or on a foot; ceramic, wood, metal or plastic."""
    radius = draw.uniform(0.075, 0.14)
    form = draw.integer(0, 3)
    height = radius * draw.uniform(0.5, 0.7) * (1.0, 0.9, 1.15, 1.2)[form]
    foot = radius * (0.5, 0.35, 0.75, 0.45)[form]
    outline: Outline = (
        [(foot, 0), (radius * 0.82, height * 0.4), (radius, height)],
        [(foot, 0), (radius, height)],
        [(foot, 0), (radius, height * 0.35), (radius, height)],
        [(foot, 0), (foot * 0.9, height * 0.15), (radius * 0.85, height * 0.5), (radius, height)],
    )[form]
    floor = height * (0.22 if form == 3 else 0.12)
    bands: Outline = [(foot, 0), (radius * 0.8, height * 0.38), (radius, height)] if form != 1 else outline
    body, walls = hollow(outline, max(0.006, radius * 0.06), floor, 8, 16, bands)
    color, finish = _glaze(draw)
    if draw.chance(0.2):
        color, finish = draw.color("plastic"), "plain"
    return [mesh(*body, color, finish), *walls]


def plate(draw: Draw) -> list[Part]:
    """A plate: flat with a wide rim, a deep plate, square, or a small stack."""
    radius, form = draw.uniform(0.1, 0.14), draw.integer(0, 3)
    foot, height = radius * 0.6, (0.022, 0.036, 0.02, 0.05)[form]
    color, finish = _glaze(draw)
    if form == 2:
        side = radius * 1.7
        rim = [box_mesh((side, 0.02, 0.006), (0, sign * (side / 2 - 0.01), 0.014)) for sign in (-1, 1)]
        rim += [box_mesh((0.02, side, 0.006), (sign * (side / 2 - 0.01), 0, 0.014)) for sign in (-1, 1)]
        return [paint(color, finish, box_mesh((side, side, 0.014), (0, 0, 0)), *rim), hidden_box((side, side, 0.018))]
    edge = height - (0.026 if form == 1 else 0.016)
    outline = [(foot, 0), (radius * (0.85 if form == 1 else 0.75), height * 0.5), (radius, height - 0.005)]
    if form == 3:
        outline = [
            (foot, 0),
            (radius, 0.016),
            (foot * 1.15, 0.018),
            (radius, 0.032),
            (foot * 1.15, 0.034),
            (radius, height - 0.005),
        ]
    profile = [(0, 0), *outline, (radius * 0.98, height), (foot * 1.1, edge), (0, edge)]
    parts = [
        mesh(*lathe_mesh(profile, 16), color, finish),
        hidden_cylinder(foot * 1.05, height * 0.5),
        hidden_cylinder(radius * 0.93, height * 0.5, (0, 0, height * 0.5)),
    ]
    if draw.chance(0.6):  # painted in the middle
        middle = lathe_mesh([(foot * 1.05, edge + 0.0008), (0, edge + 0.0008)], 14)
        parts.append(paint(draw.plain_color("ceramic"), finish, middle))
    return parts


def tray(draw: Draw) -> list[Part]:
    """A tray: rectangular with a rim, round, or deep with two handles; objects lie on it without sliding off."""
    form = draw.integer(0, 2)
    width, depth, height = draw.uniform(0.36, 0.48), draw.uniform(0.25, 0.33), (0.03, 0.03, 0.065)[form]
    palette, finish = draw.pick([("wood", "timber"), ("metal", "metal"), ("plastic", "plain"), ("ceramic", "glossy")])
    color = draw.color(palette)
    if form == 1:
        radius = draw.uniform(0.16, 0.2)
        body, walls = hollow([(radius * 0.94, 0), (radius, height)], 0.007, 0.008, 8, 18)
        return [mesh(*body, color, finish), *walls]
    body, walls = crate(width, depth, height, 0.012, 0.009)
    parts = [mesh(*body, color, finish), *walls]
    if form == 2:
        grips = [arch(0.05, 0.035, (sign * (width / 2 - 0.006), 0, height), 0.007, 6, "y") for sign in (-1, 1)]
        parts.append(paint(shade(draw.plain_color("metal"), 0.8), "metal", *grips))
    else:
        parts.append(
            paint(
                shade(color, 0.75),
                finish,
                *[box_mesh((0.05, 0.1, 0.004), (sign * (width / 2 - 0.05), 0, 0.0085)) for sign in (-1, 1)],
            )
        )
    return parts


def basket(draw: Draw) -> list[Part]:
    """A basket: wicker: round with a bow, oval-sided with two ears, or a square one with a cloth in it."""
    form = draw.integer(0, 2)
    straw, weave = draw.color("straw"), draw.pick(["stripes", "rough"])
    if form == 2:
        width, depth, height = draw.uniform(0.28, 0.38), draw.uniform(0.2, 0.28), draw.uniform(0.12, 0.18)
        body, _ = crate(width, depth, height, 0.014, 0.012)
        lining, _ = crate(width - 0.03, depth - 0.03, 0.02, 0.01, 0.008)
        return [
            mesh(*body, straw, weave),
            paint(draw.plain_color("towel"), "cloth", move_mesh(lining, shift=(0, 0, 0.012))),
            *crate_walls(width, depth, height, 0.014, 0.02),
        ]
    radius, height = draw.uniform(0.13, 0.19), draw.uniform(0.12, 0.2)
    body, walls = hollow([(radius * 0.75, 0), (radius, height)], 0.012, 0.014, 8, 16)
    parts = [mesh(*body, straw, weave), *walls]
    if form == 0:
        parts.append(
            paint(shade(straw, 0.8), "rough", arch(radius * 0.97, radius * 1.1, (0, 0, height * 0.95), 0.01, 9))
        )
    else:
        ears = [arch(0.05, 0.05, (0, sign * radius * 0.97, height * 0.95), 0.009, 6) for sign in (-1, 1)]
        rim = hoop(radius * 0.98, 0.01, (0, 0, height))
        parts.append(paint(shade(straw, 0.75), "rough", rim, *ears))
    return parts

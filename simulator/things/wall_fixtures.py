"""Structure: doors, windows, pictures, lamps and glued objects. None of them moves or has an object id.

Several look like objects that can be picked up; only a touch shows that they cannot.
"""

from __future__ import annotations

from simulator.things.fixtures import Fixture, Style
from simulator.things.materials import Draw, shade
from simulator.things.openings import Top
from simulator.things.shapes import (
    Part,
    box,
    cylinder,
    ellipsoid,
    lathe_mesh,
    mesh,
    move_mesh,
    rod,
    superquadric_mesh,
    tilt,
)


def _structure(parts: list[Part], size: tuple[float, float, float], tops: tuple[Top, ...] = ()) -> Fixture:
    return Fixture("", parts, size, tops, front=0.0)


def door(draw: Draw, style: Style) -> Fixture:
    """A closed door: flat, panelled or with panes, its handle on either side."""
    color = draw.plain_color(draw.pick(["white", "wood", "cabinet"]))
    side = draw.pick([-1, 1])
    parts = [
        box((0.92, 0.03, 2.06), (0, 0.005, 0), shade(color, 0.85), "plain"),
        box((0.8, 0.04, 2.0), (0, 0, 0), color, draw.pick(["plain", "wood"])),
        rod(0.012, (side * 0.33, -0.05, 1.0), (side * 0.22, -0.05, 1.0), style.metal, "metal", solid=False),
    ]
    form = draw.integer(0, 3)
    if form == 1:  # panels
        for foot, height in ((0.15, 0.7), (1.1, 0.75)):
            parts += [box((0.26, 0.046, height), (x, 0, foot), shade(color, 0.88), solid=False) for x in (-0.17, 0.17)]
    elif form == 2:  # one tall pane
        parts.append(box((0.5, 0.046, 1.3), (0, 0, 0.45), draw.pick(_SKIES), "glow", solid=False))
    elif form == 3:  # a pane above
        parts.append(box((0.56, 0.046, 0.6), (0, 0, 1.2), draw.pick(_SKIES), "glow", solid=False))
        parts.append(box((0.03, 0.05, 0.6), (0, 0, 1.2), color, solid=False))
    return _structure(parts, (0.92, 0.06, 2.06))


_SKIES = ((0.56, 0.63, 0.69), (0.62, 0.64, 0.64), (0.52, 0.58, 0.54), (0.66, 0.61, 0.55))


def window(draw: Draw, style: Style) -> Fixture:
    """A bright window in its frame: one, two or more panes, with curtains, a blind or neither."""
    width, height = draw.uniform(0.6, 1.5), draw.uniform(0.7, 1.15)
    frame = draw.plain_color(draw.pick(["white", "white", "wood", "dark"]))
    parts = [
        box((width, 0.03, height), (0, 0.005, 0), frame),
        box((width - 0.1, 0.034, height - 0.1), (0, 0.0, 0.05), draw.pick(_SKIES), "glow", solid=False),
    ]
    panes = draw.integer(1, 3)
    for number in range(1, panes):
        parts.append(box((0.04, 0.04, height), (width * (number / panes - 0.5), 0, 0), frame, solid=False))
    if draw.chance(0.4):
        parts.append(box((width, 0.04, 0.035), (0, 0, height * draw.uniform(0.4, 0.7)), frame, solid=False))
    dressing = draw.integer(0, 3)
    if dressing < 2:
        cloth = draw.plain_color("fabric")
        drop = height + 0.25
        for side in (-1, 1):
            parts.append(box((0.2, 0.05, drop), (side * width * 0.5, -0.01, -0.15), cloth, "stripes", solid=False))
    elif dressing == 2:
        drop = height * draw.uniform(0.2, 0.5)
        color = draw.plain_color(draw.pick(["paper", "fabric"]))
        parts.append(box((width - 0.04, 0.05, drop), (0, -0.005, height - drop), color, "stripes", solid=False))
    return _structure(parts, (width + 0.2, 0.06, height + 0.12))


def picture(draw: Draw, style: Style) -> Fixture:
    """A framed picture."""
    width, height = draw.uniform(0.3, 0.7), draw.uniform(0.3, 0.6)
    frame = draw.plain_color(draw.pick(["wood", "dark", "white"]))
    parts = [
        box((width, 0.025, height), (0, 0, 0), frame),
        box((width * 0.86, 0.01, height * 0.84), (0, -0.012, height * 0.08), draw.plain_color("paper"), solid=False),
        box(
            (width * 0.7, 0.01, height * 0.3),
            (0, -0.014, height * 0.15),
            draw.plain_color("book"),
            "rough",
            solid=False,
        ),
        ellipsoid(
            (width * 0.15, 0.01, height * 0.15),
            (width * 0.1, -0.015, height * 0.6),
            draw.plain_color("clay"),
            solid=False,
        ),
    ]
    return _structure(parts, (width, 0.03, height))


def wall_clock(draw: Draw, style: Style) -> Fixture:
    """A round clock."""
    radius = draw.uniform(0.12, 0.17)
    middle = radius
    parts = [
        rod(radius, (0, 0.015, middle), (0, -0.01, middle), draw.plain_color("dark"), form="cylinder"),
        rod(radius * 0.88, (0, 0, middle), (0, -0.014, middle), (0.93, 0.92, 0.89), form="cylinder", solid=False),
        box((0.01, 0.006, radius * 0.7), (0, -0.016, middle), (0.15, 0.15, 0.15), solid=False),
    ]
    return _structure(parts, (2 * radius, 0.03, 2 * radius))


def switch(draw: Draw, style: Style) -> Fixture:
    """A light switch."""
    parts = [
        box((0.085, 0.012, 0.085), (0, 0, 0), (0.92, 0.92, 0.9)),
        box((0.05, 0.016, 0.05), (0, 0, 0.018), (0.97, 0.97, 0.96), solid=False),
    ]
    return _structure(parts, (0.085, 0.016, 0.085))


def wall_shelf(draw: Draw, style: Style, width: float) -> Fixture:
    """A board on the wall that holds objects."""
    depth = draw.uniform(0.24, 0.3)
    parts = [
        box((width, depth, 0.03), (0, 0, 0.1), style.wood, "wood"),
        box((0.025, depth * 0.8, 0.1), (-width * 0.35, depth * 0.1, 0), style.metal),
        box((0.025, depth * 0.8, 0.1), (width * 0.35, depth * 0.1, 0), style.metal),
    ]
    board = Top(0, 0, 0.13, (width / 2 - 0.01, depth / 2 - 0.01), 0.6, "shelf")
    return Fixture("Shelf", parts, (width, depth, 0.13), (board,), front=0.0)


def utensil_rail(draw: Draw, style: Style) -> Fixture:
    """A rail with pans and spoons that cannot be taken off."""
    width = 0.6
    parts = [rod(0.008, (-width / 2, 0, 0.4), (width / 2, 0, 0.4), style.metal, "metal", solid=False)]
    pan = lathe_mesh([(0, 0), (0.085, 0.0), (0.09, 0.035), (0.08, 0.035), (0, 0.008)], 14)
    for number in range(4):
        x = (number - 1.5) * width / 4
        color = draw.plain_color(draw.pick(["dark", "metal", "wood"]))
        low = draw.uniform(0.12, 0.2)
        parts.append(rod(0.009, (x, 0, 0.38), (x, 0, low), color, solid=False))
        if number % 2:
            parts.append(mesh(*move_mesh(pan, tilt("x", 1.5708), (x, 0.02, low - 0.08)), color, "metal"))
        else:
            parts.append(ellipsoid((0.035, 0.012, 0.05), (x, 0, low - 0.03), color, solid=False))
    return _structure(parts, (width, 0.08, 0.42))


def mirror(draw: Draw, style: Style) -> Fixture:
    """A mirror, drawn as a pale pane."""
    width, height = draw.uniform(0.5, 0.8), draw.uniform(0.6, 0.8)
    parts = [
        box((width, 0.02, height), (0, 0, 0), style.metal, "metal"),
        box((width * 0.92, 0.024, height * 0.94), (0, 0, height * 0.03), (0.62, 0.7, 0.74), "glossy", solid=False),
    ]
    return _structure(parts, (width, 0.03, height))


def towel_rail(draw: Draw, style: Style) -> Fixture:
    """A rail with a towel that cannot be taken off."""
    width = 0.55
    drop = draw.uniform(0.4, 0.6)
    parts = [
        rod(0.01, (-width / 2, 0, drop), (width / 2, 0, drop), style.metal, "metal", solid=False),
        box((width * 0.7, 0.04, drop), (draw.uniform(-0.05, 0.05), 0, 0.012), draw.plain_color("towel"), "cloth"),
    ]
    return _structure(parts, (width, 0.09, drop + 0.02))


def paper_holder(draw: Draw, style: Style) -> Fixture:
    """A roll of toilet paper on its holder."""
    parts = [
        rod(0.055, (-0.05, -0.01, 0.06), (0.05, -0.01, 0.06), (0.93, 0.92, 0.89), "rough", form="cylinder"),
        rod(0.01, (-0.07, -0.01, 0.06), (0.07, -0.01, 0.06), style.metal, "metal", solid=False),
    ]
    return _structure(parts, (0.15, 0.13, 0.12))


def soap_dispenser(draw: Draw, style: Style) -> Fixture:
    """A soap dispenser on the wall."""
    parts = [
        box((0.09, 0.08, 0.2), (0, 0, 0), draw.plain_color("plastic"), "glossy"),
        box((0.05, 0.03, 0.03), (0, -0.045, 0.0), style.metal, solid=False),
    ]
    return _structure(parts, (0.09, 0.1, 0.2))


def wall_lamp(draw: Draw, style: Style) -> Fixture:
    """A wall lamp: a shade on an arm."""
    hood = lathe_mesh([(0.1, 0.0), (0.06, 0.15), (0.055, 0.15), (0.095, 0.0), (0.1, 0.0)], 14)
    parts = [
        mesh(*move_mesh(hood, shift=(0, -0.03, 0.06)), draw.plain_color("paper"), "glow"),
        rod(0.01, (0, 0.1, 0.05), (0, -0.03, 0.05), style.metal, "metal"),
        cylinder(0.06, 0.14, (0, -0.03, 0.07), (0, 0, 0), seen=False),
    ]
    return _structure(parts, (0.2, 0.2, 0.22))


def knife_block(draw: Draw, style: Style) -> Fixture:
    """A block of knives, screwed to the top."""
    parts = [box((0.1, 0.15, 0.2), (0, 0, 0), draw.color("wood"), "timber")]
    for number in range(3):
        x = (number - 1) * 0.028
        parts.append(box((0.018, 0.024, 0.08), (x, 0.03 * (number % 2), 0.2), draw.plain_color("dark"), solid=False))
    return _structure(parts, (0.1, 0.15, 0.28))


def utensil_jar(draw: Draw, style: Style) -> Fixture:
    """A glued jar of spoons."""
    parts = [cylinder(0.06, 0.15, (0, 0, 0), draw.color("ceramic"), "glossy")]
    for x, y, top in ((0.03, 0.01, 0.27), (-0.03, 0.02, 0.3), (0.0, -0.03, 0.25)):
        parts.append(rod(0.009, (x * 0.5, y * 0.5, 0.14), (x, y, top), draw.plain_color("wood"), solid=False))
    return _structure(parts, (0.14, 0.14, 0.3))


def radio(draw: Draw, style: Style) -> Fixture:
    """A radio, screwed to the top."""
    width, height = draw.uniform(0.2, 0.3), draw.uniform(0.12, 0.17)
    parts = [
        box((width, 0.11, height), (0, 0, 0), draw.color(draw.pick(["wood", "plastic"])), "timber"),
        rod(
            0.04,
            (-width * 0.25, -0.05, height / 2),
            (-width * 0.25, -0.06, height / 2),
            (0.2, 0.2, 0.2),
            form="cylinder",
            solid=False,
        ),
        box(
            (width * 0.4, 0.006, height * 0.5),
            (width * 0.2, -0.055, height * 0.25),
            draw.plain_color("paper"),
            solid=False,
        ),
    ]
    return _structure(parts, (width, 0.13, height))


def photo_frame(draw: Draw, style: Style) -> Fixture:
    """A glued standing photograph."""
    width, height = draw.uniform(0.14, 0.2), draw.uniform(0.18, 0.24)
    parts = [
        Part("box", (width / 2, 0.009, height / 2), (0, 0, height / 2), draw.color("wood"), "plain", tilt("x", -0.15)),
        Part(
            "box",
            (width * 0.4, 0.009, height * 0.4),
            (0, -0.003, height / 2),
            draw.plain_color("book"),
            "rough",
            tilt("x", -0.15),
            solid=False,
        ),
    ]
    return _structure(parts, (width, 0.08, height))


def fruit_dish(draw: Draw, style: Style) -> Fixture:
    """A glued dish of fruit, all in one piece."""
    dish = lathe_mesh([(0, 0), (0.06, 0), (0.14, 0.06), (0.13, 0.06), (0.05, 0.02), (0, 0.02)], 16)
    parts = [mesh(*dish, draw.color("ceramic"), "glossy"), cylinder(0.12, 0.06, (0, 0, 0), (0, 0, 0), seen=False)]
    for x, y in ((0.05, 0.0), (-0.035, 0.045), (-0.03, -0.045)):
        parts.append(
            ellipsoid((0.045, 0.045, 0.042), (x, y, 0.07), draw.plain_color(draw.pick(["red_fruit", "clay"])), "glossy")
        )
    return _structure(parts, (0.28, 0.28, 0.12))


def toothbrush_cup(draw: Draw, style: Style) -> Fixture:
    """A glued cup with toothbrushes."""
    parts = [cylinder(0.038, 0.1, (0, 0, 0), draw.color("ceramic"), "glossy")]
    for x, y in ((0.02, 0.01), (-0.02, 0.015)):
        parts.append(rod(0.006, (x * 0.6, y, 0.09), (x * 1.6, y, 0.2), draw.plain_color("plastic"), solid=False))
    return _structure(parts, (0.09, 0.09, 0.2))


def rug(draw: Draw, style: Style, width: float, depth: float) -> Fixture:
    """A rug, too thin to be an obstacle."""
    color = draw.plain_color("fabric")
    parts = [
        box((width, depth, 0.006), (0, 0, 0), color, "carpet", solid=False),
        box(
            (width * 0.85, depth * 0.8, 0.009), (0, 0, 0), shade(color, draw.pick([0.75, 1.25])), "carpet", solid=False
        ),
    ]
    return _structure(parts, (width, depth, 0.009))


def hanging_plant(draw: Draw, style: Style) -> Fixture:
    """A plant pot on a bracket."""
    pot = lathe_mesh([(0, 0), (0.07, 0), (0.09, 0.13), (0, 0.12)], 12)
    leaves = superquadric_mesh((0.13, 0.11, 0.11), (0, 0, 0.2), 1.0, 7, 11)
    parts = [
        mesh(*pot, draw.plain_color("clay"), "rough"),
        mesh(*leaves, draw.plain_color("plant"), "rough"),
        cylinder(0.1, 0.28, (0, 0, 0), (0, 0, 0), seen=False),
    ]
    return _structure(parts, (0.26, 0.24, 0.3))

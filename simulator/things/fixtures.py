"""Fixed furniture: counters, stoves, tables, sofas, beds, tubs and shelves, each with the surfaces it offers.

A fixture's frame is that of `simulator.things.shapes`: the centre of its foot is the origin, its back faces +y (the
wall).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.things.cupboards import BOARD, Look, carcass, cupboard, drawer
from simulator.things.materials import Draw, shade
from simulator.things.shapes import TALL, Color, Part, Space, Top, box, cylinder, lathe_mesh, mesh, rod


@dataclass(frozen=True)
class Fixture:
    """A piece of fixed furniture or structure that has no place in the room yet."""

    category: str
    """AI2-THOR objectType; empty for structure that has no object id."""
    parts: list[Part]
    size: tuple[float, float, float]
    """Width, depth and height of the space that it takes, metres."""
    tops: tuple[Top, ...] = ()
    front: float = 0.5
    """Depth of the floor in front of it that must stay free, metres."""
    spaces: tuple[Space, ...] = ()
    """What holds objects: basins, and the insides of what opens."""


@dataclass(frozen=True)
class Style:
    """The colours that the fixtures of one room share."""

    wood: Color
    cabinet: Color
    counter: Color
    fabric: Color
    metal: Color
    porcelain: Color


def draw_style(draw: Draw) -> Style:
    """Draws the colours of one room."""
    return Style(
        wood=draw.plain_color("wood"),
        cabinet=draw.plain_color("cabinet"),
        counter=draw.plain_color("counter"),
        fabric=draw.plain_color("fabric"),
        metal=draw.plain_color("metal"),
        porcelain=draw.plain_color("porcelain"),
    )


_GAP = (0.16, 0.15, 0.14)


def counter(draw: Draw, style: Style, width: float, depth: float = 0.6) -> Fixture:
    """A base cabinet with a worktop at 0.9 m: a drawer above a cupboard, or two of each if it is wide."""
    draw.avoid.append(style.counter)
    look = Look(style.cabinet, "wood", style.metal)
    columns = 2 if width > 0.75 else 1
    wide, front = width / columns, -depth / 2 + 0.02
    parts = [
        box((width - 0.02, depth - 0.1, 0.08), (0, 0.03, 0), shade(style.cabinet, 0.5)),
        *carcass(style.cabinet, "wood", width, depth - 0.02 - BOARD, 0.78, (0, 0.01 + BOARD / 2, 0.08)),
        box((width, depth, 0.04), (0, 0, 0.86), style.counter, "stone"),
    ]
    tops, spaces = [Top(0, 0, 0.9, (width / 2 - 0.01, depth / 2 - 0.02))], []
    for column in range(columns):
        x = (column - (columns - 1) / 2) * wide
        if column:
            parts.append(box((BOARD, depth - 0.04, 0.76), (x - wide / 2, 0.02, 0.09), style.cabinet, "wood"))
        above = drawer(look, f"Drawer|{column + 1}", wide, depth - 0.06, 0.17, (x, front, 0.68))
        below = cupboard(
            look, f"Cabinet|{column + 1}", wide, depth - 0.06, 0.6, (x, front, 0.08), hinge=-1 if column == 0 else 1
        )
        for made in (above, below):
            parts += made.parts
            tops += made.tops
            spaces += made.spaces
    return Fixture("CounterTop", parts, (width, depth, 0.9), tuple(tops), spaces=tuple(spaces))


def sink(draw: Draw, style: Style, width: float = 0.6, depth: float = 0.6) -> Fixture:
    """A basin in a worktop, with its tap."""
    rim, floor = 0.06, 0.76
    inner = width - 2 * rim
    steel = shade(style.metal, 1.2)
    parts = [
        box((width, depth - 0.04, floor), (0, 0.02, 0), style.cabinet, "wood"),
        box((inner, depth - 0.2, 0.01), (0, -0.03, floor), steel, "metal"),
        box((rim, depth, 0.9 - floor), (-(width - rim) / 2, 0, floor), style.counter, "stone"),
        box((rim, depth, 0.9 - floor), ((width - rim) / 2, 0, floor), style.counter, "stone"),
        box((inner, 0.08, 0.9 - floor), (0, -depth / 2 + 0.04, floor), style.counter, "stone"),
        box((inner, 0.14, 0.9 - floor), (0, depth / 2 - 0.07, floor), style.counter, "stone"),
        rod(0.013, (0, depth / 2 - 0.08, 0.9), (0, depth / 2 - 0.08, 1.14), style.metal, "metal"),
        rod(0.011, (0, depth / 2 - 0.08, 1.14), (0, depth / 2 - 0.25, 1.1), style.metal, "metal"),
    ]
    basin = Top(0, -0.03, floor + 0.01, (inner / 2 - 0.01, depth / 2 - 0.12), 0.3, "basin")
    return Fixture("Sink", parts, (width, depth, 1.15), (basin,))


def stove(draw: Draw, style: Style) -> Fixture:
    """An oven with four plates that pans stand on."""
    body = draw.plain_color(draw.pick(["white", "metal", "dark"]))
    plates = [
        cylinder(0.08, 0.003, (x, y, 0.9), (0.1, 0.1, 0.11), solid=False) for x in (-0.15, 0.15) for y in (-0.12, 0.14)
    ]
    parts = [
        box((0.6, 0.58, 0.9), (0, 0.01, 0), body, "metal"),
        box((0.46, 0.02, 0.32), (0, -0.285, 0.32), (0.08, 0.08, 0.09), "glossy", solid=False),
        rod(0.011, (-0.22, -0.3, 0.7), (0.22, -0.3, 0.7), style.metal, "metal", solid=False),
        *plates,
    ]
    return Fixture("StoveBurner", parts, (0.6, 0.6, 0.9), (Top(0, 0, 0.9, (0.28, 0.27)),))


def fridge(draw: Draw, style: Style) -> Fixture:
    """A fridge with two doors."""
    width, depth, height = 0.62, 0.62, draw.uniform(1.5, 1.85)
    color = draw.plain_color(draw.pick(["white", "metal", "plastic"]))
    split = height * 0.64
    parts = [
        box((width, depth, height), (0, 0, 0), color, "glossy"),
        box((width, 0.01, 0.012), (0, -depth / 2, split), shade(color, 0.5), solid=False),
        rod(
            0.012,
            (0.24, -depth / 2 - 0.02, split + 0.1),
            (0.24, -depth / 2 - 0.02, height - 0.1),
            style.metal,
            solid=False,
        ),
        rod(
            0.012,
            (0.24, -depth / 2 - 0.02, split - 0.45),
            (0.24, -depth / 2 - 0.02, split - 0.1),
            style.metal,
            solid=False,
        ),
    ]
    return Fixture("Fridge", parts, (width, depth, height))


def table(draw: Draw, style: Style, category: str, width: float, depth: float, height: float) -> Fixture:
    """A heavy table or desk on legs."""
    wood = draw.plain_color("wood") if draw.chance(0.4) else style.wood
    draw.avoid.append(wood)
    leg = 0.06
    x, y = width / 2 - leg, depth / 2 - leg
    parts = [box((width, depth, 0.04), (0, 0, height - 0.04), wood, "wood")]
    if category == "Desk":
        left, right = -width / 2 + 0.06, width / 2 - 0.4
        parts += [
            box((0.03, depth * 0.9, height - 0.04), (-width / 2 + 0.03, 0, 0), shade(wood, 0.8)),
            box((0.36, depth * 0.9, height - 0.04), (width / 2 - 0.2, 0, 0), shade(wood, 0.85)),
            box((0.3, 0.01, 0.012), (width / 2 - 0.2, -depth * 0.45, height * 0.6), _GAP, solid=False),
        ]
    else:
        left, right = -x + leg, x - leg
        parts += [
            box((leg, leg, height - 0.04), (sx * x, sy * y, 0), shade(wood, 0.8)) for sx in (-1, 1) for sy in (-1, 1)
        ]
    tops = (
        Top(0, 0, height, (width / 2 - 0.01, depth / 2 - 0.01)),
        Top((left + right) / 2, 0, 0.0, ((right - left) / 2, depth / 2 - 0.02), height - 0.07, "under"),
    )
    return Fixture(category, parts, (width, depth, height), tops)


def chest(draw: Draw, style: Style, category: str, width: float, depth: float, height: float) -> Fixture:
    """A chest of drawers, sideboard or low cabinet: a closed body with a top."""
    color = draw.plain_color(draw.pick(["cabinet", "wood"]))
    draw.avoid.append(shade(color, 0.9))
    rows = max(1, round(height / 0.28))
    lines = [
        box((width * 0.94, 0.01, 0.01), (0, -depth / 2, height * row / rows - 0.01), shade(color, 0.5), solid=False)
        for row in range(1, rows + 1)
    ]
    parts = [
        box((width, depth, height - 0.03), (0, 0, 0), color, "wood"),
        box((width + 0.02, depth + 0.02, 0.03), (0, 0, height - 0.03), shade(color, 0.9), "wood"),
        *lines[:-1],
        box((0.012, 0.012, height * 0.8), (0, -depth / 2, height * 0.08), shade(color, 0.5), solid=False),
    ]
    return Fixture(category, parts, (width + 0.02, depth + 0.02, height), (Top(0, 0, height, (width / 2, depth / 2)),))


def stand(draw: Draw, style: Style, category: str, width: float, depth: float, height: float) -> Fixture:
    """A low piece with an open compartment under its top: television stands, benches with a board."""
    color = draw.plain_color(draw.pick(["cabinet", "wood"]))
    draw.avoid.append(color)
    low = 0.1
    parts = [
        box((width, depth, 0.03), (0, 0, height - 0.03), color, "wood"),
        box((width - 0.06, depth - 0.02, 0.03), (0, 0.0, low - 0.03), shade(color, 0.9), "wood"),
        box((0.03, depth, height - 0.03), (-width / 2 + 0.015, 0, 0), shade(color, 0.9), "wood"),
        box((0.03, depth, height - 0.03), (width / 2 - 0.015, 0, 0), shade(color, 0.9), "wood"),
        box((width - 0.06, 0.012, height - low - 0.03), (0, depth / 2 - 0.006, low), shade(color, 0.7)),
    ]
    tops = (
        Top(0, 0, height, (width / 2 - 0.01, depth / 2 - 0.01)),
        Top(0, -0.01, low, (width / 2 - 0.05, depth / 2 - 0.025), height - low - 0.05, "shelf"),
    )
    return Fixture(category, parts, (width, depth, height), tops)


def shelves(draw: Draw, style: Style, width: float, depth: float, levels: Sequence[float]) -> Fixture:
    """Open shelves; the boards' upper faces lie at `levels`, the last one is the top."""
    color = draw.plain_color(draw.pick(["wood", "cabinet"]))
    height = levels[-1]
    parts = [
        box((0.03, depth, height), (-width / 2 + 0.015, 0, 0), color, "wood"),
        box((0.03, depth, height), (width / 2 - 0.015, 0, 0), color, "wood"),
        box((width, 0.015, height), (0, depth / 2 - 0.008, 0), shade(color, 0.75)),
        *[
            box((width - 0.06, depth - 0.015, 0.025), (0, -0.008, level - 0.025), color, "wood")
            for level in levels[:-1]
        ],
        box((width, depth, 0.025), (0, 0, height - 0.025), color, "wood"),
    ]
    half = (width / 2 - 0.04, depth / 2 - 0.015)
    boards = [
        Top(0, -0.005, level, half, levels[index + 1] - level - 0.03, "shelf")
        for index, level in enumerate(levels[:-1])
    ]
    return Fixture("Shelf", parts, (width, depth, height), (*boards, Top(0, 0, height, half)))


def sofa(draw: Draw, style: Style) -> Fixture:
    """A sofa with back and arms."""
    width, depth = draw.uniform(1.5, 1.9), 0.85
    color = style.fabric
    seat = 0.42
    parts = [
        box((width, depth, 0.28), (0, 0, 0.04), shade(color, 0.85), "cloth"),
        box((width - 0.32, depth - 0.24, 0.14), (0, -0.1, seat - 0.14), color, "cloth"),
        box((width, 0.22, 0.8), (0, depth / 2 - 0.11, 0), color, "cloth"),
        box((0.16, depth, 0.58), (-width / 2 + 0.08, 0, 0), shade(color, 0.92), "cloth"),
        box((0.16, depth, 0.58), (width / 2 - 0.08, 0, 0), shade(color, 0.92), "cloth"),
    ]
    seats = Top(0, -0.1, seat, (width / 2 - 0.18, depth / 2 - 0.14), TALL, "soft")
    return Fixture("Sofa", parts, (width, depth, 0.8), (seats,))


def bed(draw: Draw, style: Style) -> Fixture:
    """A bed with its head to the wall; its pillows and cover are glued to it."""
    width, length = draw.uniform(1.0, 1.5), 1.95
    cover = style.fabric
    raised = draw.chance(0.6)  # on legs, with room for objects underneath
    base, leg = (0.23, 0.07) if raised else (0.0, 0.0)
    parts = [
        box((width, length, 0.28 - base), (0, 0, base), style.wood, "wood"),
        box((width - 0.04, length - 0.08, 0.2), (0, 0, 0.28), (0.93, 0.92, 0.88), "cloth"),
        box((width, length * 0.66, 0.12), (0, -length * 0.165, 0.37), cover, "cloth"),
        box((width + 0.04, 0.06, 0.95), (0, length / 2 - 0.03, 0), shade(style.wood, 0.9), "wood"),
    ]
    spread = Top(0, -length * 0.165, 0.49, (width / 2 - 0.03, length * 0.33 - 0.03), TALL, "soft")
    head = Top(0, length * 0.3, 0.48, (width / 2 - 0.05, length * 0.12), TALL, "soft")
    tops = [spread, head]
    if raised:
        parts += [
            box((leg, leg, base), (x * (width - leg) / 2, y, 0), shade(style.wood, 0.8))
            for x in (-1, 1)
            for y in (-length / 2 + leg / 2, length / 2 - 0.1)
        ]
        # Objects far below the bed could not be seen, so only the strips along both sides are used.
        strip = min(0.22, width / 4 - leg)
        tops += [
            Top(side * (width / 2 - leg - strip), -0.1, 0.0, (strip, length * 0.4), base - 0.02, "under")
            for side in (-1, 1)
        ]
    return Fixture("Bed", parts, (width + 0.04, length, 0.95), tuple(tops))


def bathtub(draw: Draw, style: Style) -> Fixture:
    """A tub along the wall, open above, with a shelf at its end."""
    length, depth, height = draw.uniform(1.45, 1.65), 0.72, 0.56
    color = style.porcelain
    rim = 0.09
    inner = length - 0.3 - rim
    shift = (0.3 - rim) / 2
    parts = [
        box((length, rim, height), (0, -depth / 2 + rim / 2, 0), color, "glossy"),
        box((length, rim, height), (0, depth / 2 - rim / 2, 0), color, "glossy"),
        box((rim, depth - 2 * rim, height), (length / 2 - rim / 2, 0, 0), color, "glossy"),
        box((0.3, depth - 2 * rim, height), (-length / 2 + 0.15, 0, 0), color, "glossy"),
        box((inner, depth - 2 * rim, 0.14), (shift, 0, 0), shade(color, 0.93), "glossy"),
        rod(0.015, (length / 2 - 0.05, 0, height), (length / 2 - 0.05, 0, height + 0.18), style.metal, "metal"),
        rod(0.013, (length / 2 - 0.05, 0, height + 0.18), (length / 2 - 0.2, 0, height + 0.16), style.metal, "metal"),
    ]
    tops = (
        Top(-length / 2 + 0.15, 0, height, (0.14, depth / 2 - 0.02)),
        Top(shift, 0, 0.14, (inner / 2 - 0.02, depth / 2 - rim - 0.02), TALL, "basin"),
    )
    return Fixture("Bathtub", parts, (length, depth, 0.75), tops)


def toilet(draw: Draw, style: Style) -> Fixture:
    """A toilet with its lid down and a cistern whose top holds objects."""
    color = style.porcelain
    profile = [(0, 0), (0.13, 0), (0.12, 0.15), (0.2, 0.38), (0.2, 0.41), (0, 0.41)]
    vertices, faces = lathe_mesh(profile, 18)
    vertices = vertices * [0.95, 1.15, 1.0] + [0, -0.1, 0]
    parts = [
        mesh(vertices, faces, color, "glossy"),
        cylinder(0.19, 0.41, (0, -0.1, 0), color, seen=False),
        box((0.4, 0.2, 0.36), (0, 0.25, 0.4), color, "glossy"),
        box((0.22, 0.2, 0.4), (0, 0.22, 0), color, "glossy"),
        box((0.04, 0.012, 0.02), (-0.12, 0.145, 0.68), style.metal, "metal", solid=False),
    ]
    return Fixture("Toilet", parts, (0.42, 0.7, 0.76), (Top(0, 0.25, 0.76, (0.19, 0.09)),))


def vanity(draw: Draw, style: Style, width: float) -> Fixture:
    """A bathroom cabinet with a shallow basin on its left or right end and room for objects."""
    depth, height = 0.52, draw.uniform(0.82, 0.88)
    side = draw.pick([-1.0, 1.0])
    basin = side * (width / 2 - 0.26)
    profile = [(0.08, 0), (0.2, 0.1), (0.215, 0.1), (0.19, 0.09), (0.06, 0.02), (0, 0.02)]
    vertices, faces = lathe_mesh(profile, 18)
    parts = [
        box((width, depth, height - 0.04), (0, 0, 0), style.cabinet, "wood"),
        box((width, depth, 0.04), (0, 0, height - 0.04), style.counter, "stone"),
        box((0.012, 0.012, height * 0.8), (0, -depth / 2, 0.06), shade(style.cabinet, 0.6), solid=False),
        mesh(vertices + [basin, -0.02, height], faces, style.porcelain, "glossy"),
        cylinder(0.19, 0.09, (basin, -0.02, height), style.porcelain, seen=False),
        rod(0.012, (basin, depth / 2 - 0.04, height), (basin, depth / 2 - 0.04, height + 0.2), style.metal, "metal"),
        rod(
            0.01,
            (basin, depth / 2 - 0.04, height + 0.2),
            (basin, depth / 2 - 0.16, height + 0.18),
            style.metal,
            "metal",
        ),
    ]
    free = width - 0.52
    top = Top(-side * 0.26, 0, height, (free / 2 - 0.01, depth / 2 - 0.015))
    return Fixture("SinkBasin", parts, (width, depth, height + 0.22), (top,))


def wardrobe(draw: Draw, style: Style) -> Fixture:
    """A tall closed cupboard."""
    width, depth, height = draw.uniform(0.8, 1.1), 0.5, draw.uniform(1.8, 2.05)
    color = draw.plain_color(draw.pick(["wood", "cabinet"]))
    parts = [
        box((width, depth, height), (0, 0, 0), color, "wood"),
        box((0.012, 0.01, height * 0.95), (0, -depth / 2, 0.04), shade(color, 0.55), solid=False),
        rod(0.009, (0.06, -depth / 2, 0.95), (0.06, -depth / 2, 1.15), style.metal, solid=False),
        rod(0.009, (-0.06, -depth / 2, 0.95), (-0.06, -depth / 2, 1.15), style.metal, solid=False),
    ]
    return Fixture("Dresser", parts, (width, depth, height))

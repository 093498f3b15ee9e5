"""Fixed furniture: what a fixture is, and tables, shelves, sofas and beds, each with the surfaces it offers.

A fixture's frame is that of `simulator.things.shapes`: the centre of its foot is the origin, its back faces +y (the
wall).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.things.cupboards import Board, boards
from simulator.things.materials import Draw, shade
from simulator.things.openings import TALL, Space, Top
from simulator.things.shapes import Color, Part, box


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
    wall: Color


def draw_style(draw: Draw, wall: str = "wall") -> Style:
    """Draws the colours of one room, that of its walls from the palette `wall`."""
    return Style(
        wood=draw.plain_color("wood"),
        cabinet=draw.plain_color("cabinet"),
        counter=draw.plain_color("counter"),
        fabric=draw.plain_color("fabric"),
        metal=draw.plain_color("metal"),
        porcelain=draw.plain_color("porcelain"),
        wall=draw.plain_color(wall),
    )


def table(draw: Draw, style: Style, category: str, width: float, depth: float, height: float) -> Fixture:
    """A heavy table on legs."""
    wood = draw.plain_color("wood") if draw.chance(0.4) else style.wood
    draw.avoid.append(wood)
    leg = 0.06
    x, y = width / 2 - leg, depth / 2 - leg
    legs: list[Board] = [((leg, leg, height - 0.04), (sx * x, sy * y, 0)) for sx in (-1, 1) for sy in (-1, 1)]
    parts = [box((width, depth, 0.04), (0, 0, height - 0.04), wood, "wood"), *boards(shade(wood, 0.8), "timber", legs)]
    tops = (
        Top(0, 0, height, (width / 2 - 0.01, depth / 2 - 0.01)),
        Top(0, 0, 0.0, (x - leg, depth / 2 - 0.02), height - 0.07, "under"),
    )
    return Fixture(category, parts, (width, depth, height), tops)


def shelves(draw: Draw, style: Style, width: float, depth: float, levels: Sequence[float], top: bool = True) -> Fixture:
    """Open shelves; the boards' upper faces lie at `levels`, the last of which holds objects if `top` is set."""
    color = draw.plain_color(draw.pick(["wood", "cabinet"]))
    draw.avoid.append(color)
    height = levels[-1]
    pieces: list[Board] = [
        *[((0.03, depth, height), (side * (width / 2 - 0.015), 0, 0)) for side in (-1, 1)],
        ((width, 0.015, height), (0, depth / 2 - 0.008, 0)),
        *[((width - 0.06, depth - 0.015, 0.025), (0, -0.008, level - 0.025)) for level in levels[:-1]],
        ((width, depth, 0.025), (0, 0, height - 0.025)),
    ]
    half = (width / 2 - 0.04, depth / 2 - 0.015)
    tops = [
        Top(0, -0.005, level, half, levels[index + 1] - level - 0.03, "shelf")
        for index, level in enumerate(levels[:-1])
    ]
    if top:
        tops.append(Top(0, 0, height, half))
    return Fixture("Shelf", boards(color, "timber", pieces), (width, depth, height), tuple(tops))


def sofa(draw: Draw, style: Style) -> Fixture:
    """A sofa with back and arms."""
    width, depth = draw.uniform(1.5, 1.9), 0.85
    color = style.fabric
    seat = 0.42
    parts = [
        # Pieces of different colours never end in the same plane: they would flicker.
        box((width - 0.02, depth - 0.02, 0.28), (0, 0, 0.04), shade(color, 0.85), "cloth"),
        box((width - 0.32, depth - 0.24, 0.14), (0, -0.1, seat - 0.14), color, "cloth"),
        box((width - 0.01, 0.22, 0.8), (0, depth / 2 - 0.11, 0), color, "cloth"),
        *boards(
            shade(color, 0.92),
            "cloth",
            [((0.16, depth - 0.005, 0.58), (side * (width / 2 - 0.08), -0.0025, 0)) for side in (-1, 1)],
        ),
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
        box((width + 0.01, length * 0.66, 0.12), (0, -length * 0.165 - 0.005, 0.37), cover, "cloth"),
        box((width + 0.04, 0.06, 0.95), (0, length / 2 - 0.03, 0), shade(style.wood, 0.9), "wood"),
    ]
    spread = Top(0, -length * 0.165, 0.49, (width / 2 - 0.03, length * 0.33 - 0.03), TALL, "soft")
    head = Top(0, length * 0.3, 0.48, (width / 2 - 0.05, length * 0.12), TALL, "soft")
    tops = [spread, head]
    if raised:
        legs: list[Board] = [
            ((leg, leg, base), (x * (width - leg) / 2, y, 0))
            for x in (-1, 1)
            for y in (-length / 2 + leg / 2, length / 2 - 0.1)
        ]
        parts += boards(shade(style.wood, 0.8), "timber", legs)
        # Objects far below the bed could not be seen, so only the strips along both sides are used.
        strip = min(0.22, width / 4 - leg)
        tops += [
            Top(side * (width / 2 - leg - strip), -0.1, 0.0, (strip, length * 0.4), base - 0.02, "under")
            for side in (-1, 1)
        ]
    return Fixture("Bed", parts, (width + 0.04, length, 0.95), tuple(tops))

"""Fixed furniture of kitchens: worktops over cupboards and drawers, sinks, stoves, fridges, wall cabinets."""

from __future__ import annotations

from dataclasses import replace

from simulator.things.cupboards import (
    BOARD,
    Look,
    Openings,
    boards,
    carcass,
    cupboard,
    drawer,
    flap,
    interior,
    partition,
    rail,
)
from simulator.things.fixtures import Fixture, Style
from simulator.things.materials import Draw, shade
from simulator.things.meshes import paint, post
from simulator.things.openings import Space, Top, Vector
from simulator.things.shapes import Color, Part, box, box_mesh

_PLINTH = 0.08
"""Height of the foot of base cabinets, metres."""
_BODY = 0.78
"""Height of a base cabinet between its plinth and its worktop, metres."""


def _base(color: Color, width: float, depth: float, letters: str = "blrtk") -> list[Part]:
    """The plinth of a base cabinet, and the boards of its carcass as one."""
    return [
        box((width - 0.02, depth - 0.1, _PLINTH), (0, 0.03, 0), shade(color, 0.5)),
        *boards(color, "plain", carcass(width, depth - 0.02 - BOARD, _BODY, (0, 0.01 + BOARD / 2, _PLINTH), letters)),
    ]


def counter(draw: Draw, style: Style, width: float, depth: float = 0.6, hinge: int = -1) -> Fixture:
    """A base cabinet with a worktop at 0.9 m: a drawer above a cupboard, or two of each, or four drawers.

    `hinge` is the side of a single door's hinge, -1 left or 1 right.
    """
    draw.avoid.append(style.counter)
    look = Look(style.cabinet, "wood", style.metal)
    columns = 2 if width > 0.75 else 1
    wide, front, deep = width / columns, -depth / 2 + 0.02, depth - 0.06
    pieces = carcass(width, depth - 0.02 - BOARD, _BODY, (0, 0.01 + BOARD / 2, _PLINTH))
    made, top = Openings(), Top(0, 0, 0.9, (width / 2 - 0.01, depth / 2 - 0.02))
    for column in range(columns):
        x = (column - (columns - 1) / 2) * wide
        if column:
            pieces.append(partition(x - wide / 2, front + BOARD, depth / 2 - 0.01, _BODY, _PLINTH))
        if draw.chance(0.12):  # a stack of drawers
            first, heights = column * 4, (0.17, 0.17, 0.22, 0.22)
            top_edge = _PLINTH + _BODY
            for number, height in enumerate(heights):
                top_edge -= height
                made.add(drawer(look, f"Drawer|{first + number + 1}", wide, deep, height, (x, front, top_edge)))
                if number < 3:
                    pieces.append(rail(wide, (x, front + BOARD, top_edge)))
        else:
            made.add(
                drawer(look, f"Drawer|{column * 4 + 1}", wide, deep, 0.17, (x, front, 0.69)),
                cupboard(
                    look, f"Cabinet|{column + 1}", wide, deep, 0.61, (x, front, _PLINTH),
                    doors=1 if wide < 0.5 else 2, hinge=hinge if columns == 1 else -1 if column == 0 else 1,
                ),
            )  # fmt: skip
            pieces.append(rail(wide, (x, front + BOARD, 0.69)))
    parts = [
        box((width - 0.02, depth - 0.1, _PLINTH), (0, 0.03, 0), shade(style.cabinet, 0.5)),
        *boards(style.cabinet, "plain", pieces),
        box((width, depth, 0.04), (0, 0, 0.86), style.counter, "stone"),
        *made.parts,
    ]
    return Fixture("CounterTop", parts, (width, depth, 0.9), (top, *made.tops), 0.6, tuple(made.spaces))


def sink(draw: Draw, style: Style, width: float = 0.6, depth: float = 0.6) -> Fixture:
    """A basin in a worktop, with its tap, above a cupboard with two doors."""
    rim, floor = 0.06, 0.76
    inner = width - 2 * rim
    steel = shade(style.metal, 1.2)
    look = Look(style.cabinet, "wood", style.metal)
    front = -depth / 2 + 0.02
    tap: list[tuple[Vector, Vector]] = [
        ((0.026, 0.026, 0.24), (0, depth / 2 - 0.08, 0.9)),
        ((0.022, 0.19, 0.022), (0, depth / 2 - 0.165, 1.12)),
        ((0.02, 0.02, 0.04), (0, depth / 2 - 0.25, 1.09)),
    ]
    below = cupboard(look, "Cabinet|1", width, depth - 0.06, 0.66, (0, front, _PLINTH), shelves=(), doors=2)
    parts = [
        *_base(style.cabinet, width, depth, "blrk"),
        box((width - 2 * BOARD, depth - 0.1, 0.02), (0, 0.02, floor - 0.02), style.cabinet),
        # The front of the basin, above the doors.
        box((width - 0.006, BOARD, 0.117), (0, front + BOARD / 2, 0.743), style.cabinet, "wood"),
        box((inner, depth - 0.2, 0.01), (0, -0.03, floor), steel, "metal"),
        *boards(
            style.counter,
            "rough",
            [
                ((rim, depth, 0.04), (-(width - rim) / 2, 0, 0.86)),
                ((rim, depth, 0.04), ((width - rim) / 2, 0, 0.86)),
                ((inner, 0.08, 0.04), (0, -depth / 2 + 0.04, 0.86)),
                ((inner, 0.14, 0.04), (0, depth / 2 - 0.07, 0.86)),
            ],
        ),
        *boards(
            steel,
            "metal",
            [
                ((0.012, depth - 0.2, 0.86 - floor), (-(inner + 0.012) / 2, -0.03, floor)),
                ((0.012, depth - 0.2, 0.86 - floor), ((inner + 0.012) / 2, -0.03, floor)),
                ((inner + 0.024, 0.012, 0.86 - floor), (0, -depth / 2 + 0.074, floor)),
                ((inner + 0.024, 0.012, 0.86 - floor), (0, depth / 2 - 0.134, floor)),
            ],
        ),
        *boards(style.metal, "metal", tap),
        *below.parts,
    ]
    basin = Top(0, -0.03, floor + 0.01, (inner / 2 - 0.01, depth / 2 - 0.12), 0.3, "basin")
    bowl = Space((0, -0.03, (floor + 0.91) / 2), (inner / 2, depth / 2 - 0.11, (0.89 - floor) / 2))
    return Fixture("Sink", parts, (width, depth, 1.15), (basin, *below.tops), 0.5, (bowl, *below.spaces))


def stove(draw: Draw, style: Style) -> Fixture:
    """An oven with four plates that pans stand on."""
    body = draw.plain_color(draw.pick(["white", "white", "dark"]))
    width, depth, low, tall = 0.6, 0.6, 0.16, 0.56
    front, door_thick = -depth / 2, 0.03
    motion, door = flap(Look(body, "metal", style.metal), "Oven|1", width, tall, (0, front, low), door_thick)
    window = box((0.42, 0.004, 0.26), (0, front - 0.001, low + 0.13), (0.08, 0.08, 0.09), "glossy", solid=False)
    inner = (width - 2 * BOARD, depth - door_thick - BOARD - 0.02, tall - 2 * BOARD)
    middle = front + door_thick + inner[1] / 2
    oven = interior(motion, (0.3, 0.3, 0.31), *inner, (0, middle, low + BOARD), shelves=(0.45,))
    plates = [post(0.08, 0.004, (x, y, 0.9)) for x in (-0.15, 0.15) for y in (-0.12, 0.14)]
    body_depth = depth - door_thick - 0.01
    knobs = [box_mesh((0.03, 0.02, 0.03), (x, front - 0.008, 0.8)) for x in (-0.22, -0.14, 0.14, 0.22)]
    parts = [
        *boards(
            body,
            "metal",
            [
                *carcass(width, body_depth, tall, (0, front + door_thick + body_depth / 2, low)),
                ((width, depth - 0.01, low), (0, -0.005, 0)),
                ((width, depth - 0.01, 0.9 - low - tall), (0, -0.005, low + tall)),
            ],
        ),
        paint((0.1, 0.1, 0.11), "plain", *plates, *knobs),
        *door,
        replace(window, motion=motion),
        *oven.parts,
    ]
    tops = (Top(0, 0, 0.9, (0.28, 0.27)), *oven.tops)
    return Fixture("StoveBurner", parts, (width, depth, 0.9), tops, 0.6, tuple(oven.spaces))


def fridge(draw: Draw, style: Style, hinge: int = -1) -> Fixture:
    """A fridge with a freezer below or above; its two doors open together."""
    width, depth, height = 0.62, 0.64, draw.uniform(1.55, 1.85)
    color = draw.plain_color(draw.pick(["white", "white", "dark"]))
    thick, low = 0.05, 0.05
    split = low + (height - low) * draw.pick([0.36, 0.64])
    front = -depth / 2
    look = Look(color, "glossy", style.metal)
    body = depth - thick - 0.004
    back = front + thick + 0.004 + body / 2
    inner, made = shade(color, 1.2), Openings()
    for foot, top in ((low, split), (split, height)):
        tall = top - foot
        shelves = (0.33, 0.66) if tall > 0.8 else (0.5,)
        made.add(
            cupboard(look, "", width, depth - BOARD - 0.004, tall, (0, front, foot), shelves, hinge=hinge,
                     color=inner, thickness=thick)
        )  # fmt: skip
    pieces = [
        *carcass(width, body, height - low, (0, back, low)),
        ((width, body, 2 * BOARD), (0, back, split - BOARD)),
        ((width - 0.06, depth - 0.12, low), (0, 0.04, 0)),
    ]
    parts = [*boards(color, "glossy", pieces), *made.parts]
    return Fixture("Fridge", parts, (width, depth, height), tuple(made.tops), 0.66, tuple(made.spaces))


def pantry(draw: Draw, style: Style, hinge: int = -1) -> Fixture:
    """A tall cupboard with a large door below and a small one above."""
    width, depth, height = draw.uniform(0.5, 0.62), 0.6, 2.1
    look = Look(style.cabinet, "wood", style.metal)
    front, split = -depth / 2, 1.4
    made = Openings()
    for number, (foot, top) in enumerate(((_PLINTH, split), (split, height)), 1):
        shelves = (0.28, 0.52, 0.76) if number == 1 else (0.5,)
        made.add(
            cupboard(look, f"Cabinet|{number}", width, depth - BOARD, top - foot, (0, front, foot), shelves,
                     hinge=hinge)
        )  # fmt: skip
    body = depth - BOARD
    pieces = [
        *carcass(width, body, height - _PLINTH, (0, BOARD / 2, _PLINTH)),
        ((width, body, 2 * BOARD), (0, BOARD / 2, split - BOARD)),
    ]
    parts = [
        box((width - 0.02, depth - 0.08, _PLINTH), (0, 0.03, 0), shade(style.cabinet, 0.5)),
        *boards(style.cabinet, "plain", pieces),
        *made.parts,
    ]
    return Fixture("ShelvingUnit", parts, (width, depth, height), tuple(made.tops), 0.6, tuple(made.spaces))


def wall_cabinet(draw: Draw, style: Style, width: float, height: float = 0.6, hinge: int = -1) -> Fixture:
    """A cabinet on the wall with one door or two."""
    depth = 0.34
    look = Look(style.cabinet, "wood", style.metal)
    front, body = -depth / 2, depth - BOARD
    made = cupboard(
        look, "", width, depth - BOARD, height, (0, front, 0), doors=2 if width > 0.5 else 1, hinge=hinge
    )  # fmt: skip
    parts = [*boards(style.cabinet, "plain", carcass(width, body, height, (0, BOARD / 2, 0))), *made.parts]
    return Fixture("Cabinet", parts, (width, depth, height), tuple(made.tops), 0.0, tuple(made.spaces))

"""Fixed furniture that stores things: chests of drawers, sideboards, desks, stands, wardrobes."""

from __future__ import annotations

from collections.abc import Sequence

from simulator.things.cupboards import BOARD, Board, Look, Openings, boards, carcass, cupboard, drawer, partition, rail
from simulator.things.fixtures import Fixture, Style
from simulator.things.materials import Draw, shade
from simulator.things.openings import Top
from simulator.things.shapes import Color, Part, box

_FOOT = 0.06
"""Height of the plinth of chests, metres."""
_TOP = 0.025
"""Thickness of the tops of chests, metres."""


def _finish(
    category: str,
    color: Color,
    size: tuple[float, float, float],
    pieces: Sequence[Board],
    made: Openings,
    tops: Sequence[Top] = (),
    front: float = 0.5,
    extra: Sequence[Part] = (),
) -> Fixture:
    """A fixture with a top board over boards and fronts."""
    width, depth, height = size
    parts = [
        *boards(color, "plain", pieces),
        box((width, depth, _TOP), (0, 0, height - _TOP), shade(color, 0.92), "wood"),
        *extra,
        *made.parts,
    ]
    top = Top(0, 0, height, (width / 2 - 0.01, depth / 2 - 0.01))
    return Fixture(category, parts, size, (top, *tops, *made.tops), front, tuple(made.spaces))


def _body(width: float, depth: float, height: float, foot: float = _FOOT) -> list[Board]:
    """The boards of a chest under its top, behind its fronts, on a plinth."""
    inner = depth - BOARD - 0.004
    middle = (BOARD + 0.004) / 2
    return [
        *carcass(width, inner, height - _TOP - foot, (0, middle, foot)),
        ((width - 0.03, inner - 0.03, foot), (0, middle + 0.01, 0)),
    ]


def chest(draw: Draw, style: Style, width: float, depth: float, height: float) -> Fixture:
    """A chest of drawers: two to four rows in one or two columns."""
    color = draw.plain_color(draw.pick(["cabinet", "wood"]))
    draw.avoid.append(shade(color, 0.92))
    look = Look(shade(color, 1.06), "wood", style.metal)
    rows, columns = max(2, round(height / 0.26)), 2 if width > 0.75 else 1
    wide, tall = width / columns, (height - _TOP - _FOOT) / rows
    front = -depth / 2 + 0.004
    pieces, made = _body(width, depth, height), Openings()
    for column in range(columns):
        x = (column - (columns - 1) / 2) * wide
        if column:
            pieces.append(partition(0, front + BOARD, depth / 2 - 0.01, height - _TOP - _FOOT, _FOOT))
        for row in range(rows):
            low = _FOOT + row * tall
            made.add(
                drawer(look, f"Drawer|{column * rows + row + 1}", wide, depth - BOARD - 0.01, tall, (x, front, low))
            )
            if row:
                pieces.append(rail(wide, (x, front + BOARD, low)))
    return _finish("Dresser", color, (width, depth, height), pieces, made)


def sideboard(draw: Draw, style: Style, width: float, depth: float, height: float) -> Fixture:
    """A sideboard: a row of drawers above cupboards with one door each."""
    color = draw.plain_color(draw.pick(["cabinet", "wood"]))
    draw.avoid.append(shade(color, 0.92))
    look = Look(color, "wood", style.metal)
    columns = 2 if width < 1.15 else 3
    wide, front, deep = width / columns, -depth / 2 + 0.004, depth - BOARD - 0.01
    split = height - _TOP - 0.16
    pieces, made = _body(width, depth, height), Openings()
    for column in range(columns):
        x = (column - (columns - 1) / 2) * wide
        if column:
            pieces.append(partition(x - wide / 2, front + BOARD, depth / 2 - 0.01, height - _TOP - _FOOT, _FOOT))
        made.add(
            drawer(look, f"Drawer|{column + 1}", wide, deep, 0.16, (x, front, split)),
            cupboard(
                look, f"Cabinet|{column + 1}", wide, deep, split - _FOOT, (x, front, _FOOT),
                hinge=1 if column == columns - 1 else -1,
            ),
        )  # fmt: skip
        pieces.append(rail(wide, (x, front + BOARD, split)))
    return _finish("Dresser", color, (width, depth, height), pieces, made, front=0.55)


def desk(draw: Draw, style: Style, width: float, depth: float, height: float) -> Fixture:
    """A desk with three drawers on one side."""
    wood = draw.plain_color("wood") if draw.chance(0.4) else style.wood
    draw.avoid.append(shade(wood, 0.92))
    look = Look(shade(wood, 1.1), "wood", style.metal)
    side, wide = draw.pick([-1.0, 1.0]), 0.42
    x, deep = side * (width / 2 - wide / 2 - 0.01), depth - 0.06
    front, under = -depth / 2 + 0.02, height - _TOP
    tall = (under - _FOOT) / 3
    body = depth - 0.04 - BOARD
    middle = front + BOARD + body / 2
    pieces, made = carcass(wide, body, under - _FOOT, (x, middle, _FOOT)), Openings()
    pieces.append(((wide - 0.03, body - 0.03, _FOOT), (x, middle, 0)))
    pieces.append(((0.03, depth - 0.06, under), (-side * (width / 2 - 0.03), 0, 0)))
    for row in range(3):
        low = _FOOT + row * tall
        made.add(drawer(look, f"Drawer|{row + 1}", wide, deep, tall, (x, front, low)))
        if row:
            pieces.append(rail(wide, (x, front + BOARD, low)))
    left, right = sorted((-side * (width / 2 - 0.05), x - side * wide / 2))
    under_it = Top((left + right) / 2, 0, 0.0, ((right - left) / 2, depth / 2 - 0.02), height - 0.07, "under")
    return _finish("Desk", wood, (width, depth, height), pieces, made, [under_it])


def stand(draw: Draw, style: Style, category: str, width: float, depth: float, height: float) -> Fixture:
    """A low piece with drawers under its top and an open compartment below them: night stands, consoles, benches."""
    color = draw.plain_color(draw.pick(["cabinet", "wood"]))
    draw.avoid.append(shade(color, 0.92))
    look = Look(shade(color, 1.1), "wood", style.metal)
    low, tall = 0.1, 0.15
    columns = 1 if width < 0.8 else 2
    front, split = -depth / 2 + 0.004, height - _TOP - tall
    pieces: list[Board] = [
        ((width - 0.04, depth - 0.02, 0.03), (0, 0.0, low - 0.03)),
        *[((0.025, depth - 0.006, height - _TOP), (side * (width - 0.025) / 2, 0.003, 0)) for side in (-1, 1)],
        ((width - 0.05, 0.012, height - _TOP - low), (0, depth / 2 - 0.006, low)),
        ((width - 0.05, depth - BOARD - 0.02, BOARD), (0, 0.01, split - BOARD)),
    ]
    made = Openings()
    for column in range(columns):
        # The sides of a stand reach to its front, so the drawers lie between them.
        inner = (width - 0.05) / columns
        x = (column - (columns - 1) / 2) * inner
        made.add(drawer(look, f"Drawer|{column + 1}", inner, depth - 0.03, tall, (x, front, split)))
        if column:
            pieces.append(partition(x - inner / 2, front + BOARD, depth / 2 - 0.02, tall, split))
    shelf = Top(0, -0.01, low, (width / 2 - 0.05, depth / 2 - 0.025), split - BOARD - low - 0.03, "shelf")
    return _finish(category, color, (width, depth, height), pieces, made, [shelf])


def media_stand(draw: Draw, style: Style, width: float, depth: float, height: float) -> Fixture:
    """A low stand for a television: a cupboard at each end and an open compartment between them."""
    color = draw.plain_color(draw.pick(["cabinet", "wood"]))
    draw.avoid.append(shade(color, 0.92))
    look = Look(shade(color, 1.1), "wood", style.metal)
    wide, front, deep = width * 0.3, -depth / 2 + 0.004, depth - BOARD - 0.01
    tall = height - _TOP - _FOOT
    pieces, made = _body(width, depth, height), Openings()
    for number, side in enumerate((-1, 1), 1):
        x = side * (width - wide) / 2
        inside = side * (width / 2 - wide + BOARD / 2)
        pieces.append(((BOARD, depth - BOARD - 0.006, tall), (inside, BOARD / 2 + 0.001, _FOOT)))
        if draw.chance(0.5):
            made.add(cupboard(look, f"Cabinet|{number}", wide, deep, tall, (x, front, _FOOT), (), hinge=side))
        else:
            for row in range(2):
                made.add(
                    drawer(look, f"Drawer|{2 * number + row}", wide, deep, tall / 2, (x, front, _FOOT + row * tall / 2))
                )
            pieces.append(rail(wide, (x, front + BOARD, _FOOT + tall / 2)))
    half = (width / 2 - wide - 0.03, depth / 2 - 0.03)
    shelf = Top(0, 0, _FOOT + BOARD, half, tall - 2 * BOARD - 0.02, "shelf")
    return _finish("TVStand", color, (width, depth, height), pieces, made, [shelf])


def wardrobe(draw: Draw, style: Style, width: float, depth: float = 0.55) -> Fixture:
    """A tall cupboard with two doors, a rail for clothes and a shelf above it, and two drawers at its foot."""
    height, low = draw.uniform(1.85, 2.05), 0.34
    color = draw.plain_color(draw.pick(["wood", "cabinet"]))
    look = Look(shade(color, 1.06), "wood", style.metal)
    front, body = -depth / 2, depth - BOARD
    wide = width / 2
    made = cupboard(look, "Cabinet|1", width, depth - BOARD, height - low, (0, front, low), (0.78,), doors=2)
    clothes = _clothes(draw, width, depth, height, low, made)
    pieces = [
        *carcass(width, body, height - _FOOT, (0, BOARD / 2, _FOOT)),
        ((width, body, 2 * BOARD), (0, BOARD / 2, low - BOARD)),
        partition(0, front + BOARD, depth / 2 - 0.01, low - _FOOT, _FOOT),
        ((width - 0.03, body - 0.03, _FOOT), (0, BOARD / 2, 0)),
    ]
    for number, x in enumerate((-wide / 2, wide / 2), 1):
        made.add(
            drawer(look, f"Drawer|{number}", wide, depth - BOARD - 0.01, low - _FOOT - 0.01, (x, front, _FOOT + 0.005))
        )
    parts = [*boards(color, "plain", pieces), *clothes, *made.parts]
    return Fixture(
        "Dresser", parts, (width, depth, height), tuple(made.tops), max(0.55, wide + 0.05), tuple(made.spaces)
    )


def _clothes(draw: Draw, width: float, depth: float, height: float, low: float, made: Openings) -> list[Part]:
    """The rail in a wardrobe and what hangs on it, which nothing takes off."""
    motion = made.spaces[0].behind
    high = low + 0.78 * (height - low) - 0.07
    parts = [box((width - 0.05, 0.02, 0.02), (0, 0, high), (0.6, 0.6, 0.6), "metal", solid=False, behind=motion)]
    count = draw.integer(2, 4)
    for number in range(count):
        x = -width / 2 + 0.07 + 0.07 * number
        tall = draw.uniform(0.5, 0.75)
        color = shade(draw.plain_color("fabric"), 0.7)
        parts.append(box((0.05, depth - 0.16, tall), (x, 0, high - tall), color, "cloth", solid=False, behind=motion))
    return parts


def mirror_cabinet(draw: Draw, style: Style, width: float) -> Fixture:
    """A shallow cabinet with a mirror on its doors, for a bathroom's wall."""
    height, depth = draw.uniform(0.6, 0.72), 0.15
    front, body = -depth / 2, depth - BOARD
    look = Look((0.62, 0.7, 0.74), "glossy", style.metal)
    made = cupboard(
        look, "", width, depth - BOARD, height, (0, front, 0), (0.35, 0.68), doors=2 if width > 0.5 else 1,
        color=style.cabinet,
    )  # fmt: skip
    parts = [*boards(style.cabinet, "plain", carcass(width, body, height, (0, BOARD / 2, 0))), *made.parts]
    return Fixture("Cabinet", parts, (width, depth, height), tuple(made.tops), 0.0, tuple(made.spaces))

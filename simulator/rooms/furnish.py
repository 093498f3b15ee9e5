"""Furnishing of each kind of room: which fixtures it has, in which order and at which walls they are placed."""

from __future__ import annotations

import math

from simulator.rooms.layout import Layout
from simulator.things import fixtures
from simulator.things import wall_fixtures as walls
from simulator.things.fixtures import Fixture
from simulator.things.materials import Draw
from simulator.things.shapes import Color

_SIDES = {"kitchen": (3.0, 4.2), "living_room": (3.2, 4.3), "bedroom": (2.9, 3.8), "bathroom": (2.8, 3.5)}
"""Range of a room's width and depth, metres."""
_TOP_AREA = {"kitchen": 4.0, "living_room": 4.2, "bedroom": 4.2, "bathroom": 3.1}
"""Square metres of tops that a room should offer for its objects."""
_BOARDS = {
    "kitchen": ("CounterTop", "CounterTop", "DiningTable", "CounterTop"),
    "living_room": ("Cabinet", "TVStand", "Desk", "Sofa", "DiningTable"),
    "bedroom": ("Desk", "Dresser", "Bed", "Dresser", "Desk"),
    "bathroom": ("Toilet", "Cabinet", "Dresser", "Bathtub", "Cabinet"),
}
"""Categories above which boards are hung on the wall, one board each, if there is room."""
_TALL_SHELVES = ((0.4, 0.76, 1.08, 1.36), (0.6, 1.0, 1.35), (0.1, 0.45, 0.78, 1.1, 1.38))
_SHELVES = ((0.12, 0.5, 0.85, 1.15), (0.4, 0.8, 1.2), (0.45, 0.8, 1.1))
"""Heights of the boards of open shelves, metres."""
_PLANS = 20


def furnish(kind: str, draw: Draw) -> Layout:
    """Draws a furnished room: its walls, fixtures and surfaces.

    Draws floor plans until one offers enough tops, and takes the one with the largest area if none does. Each of them
    leaves room to walk.
    """
    best: tuple[float, Layout, list[Color]] | None = None
    for _ in range(_PLANS):
        draw.avoid.clear()
        layout = _start(kind, draw)
        _KINDS[kind](layout)
        area = layout.top_area()
        if best is None or area > best[0]:
            best = area, layout, list(draw.avoid)
        if area >= _TOP_AREA[kind]:
            break
    assert best is not None
    _, layout, draw.avoid[:] = best
    _decorate(kind, layout)
    return layout


def _start(kind: str, draw: Draw) -> Layout:
    low, high = _SIDES[kind]
    width, depth = draw.uniform(low, high), draw.uniform(low, high)
    style = fixtures.draw_style(draw)
    layout = Layout(draw, style, (-width / 2, width / 2, -depth / 2, depth / 2), draw.uniform(2.4, 2.7))
    wall = draw.integer(0, 3)
    entrance = walls.door(draw, style)
    along = draw.pick([0.5, layout.wall_length(wall) - 0.5])
    x, y, yaw = layout.at_wall(wall, along, entrance.size[1] / 2)
    layout.put(entrance, x, y, yaw, label="Door")
    layout.keep_free(*layout.at_wall(wall, along, 0.4), 0.92, 0.8)
    return layout


def _kitchen(layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    order = [
        fixtures.counter(draw, style, draw.uniform(0.6, 0.9)),
        fixtures.sink(draw, style),
        fixtures.counter(draw, style, draw.uniform(0.7, 1.0)),
        fixtures.stove(draw, style),
        fixtures.counter(draw, style, draw.uniform(0.5, 0.7)),
    ]
    if draw.chance(0.5):
        order.reverse()
    layout.row(draw.integer(0, 3), order)
    layout.against_wall(fixtures.fridge(draw, style))
    if draw.chance(0.35):
        island = fixtures.counter(draw, style, draw.uniform(1.0, 1.5), 0.7)
        layout.in_the_middle(island) or layout.against_wall(island)
    else:
        table = fixtures.table(draw, style, "DiningTable", draw.uniform(1.0, 1.4), draw.uniform(0.7, 0.8), 0.75)
        layout.in_the_middle(table) or layout.against_wall(table)
    layout.against_wall(fixtures.counter(draw, style, draw.uniform(0.9, 1.5)))
    extras = [
        fixtures.shelves(draw, style, draw.uniform(0.7, 1.0), 0.36, (0.1, 0.45, 0.8, 1.1, 1.4)),
        fixtures.counter(draw, style, draw.uniform(0.6, 1.0)),
        fixtures.chest(draw, style, "Cabinet", draw.uniform(0.8, 1.1), 0.42, draw.uniform(0.75, 0.9)),
    ]
    first = draw.integer(0, 2)
    layout.against_wall(extras[first])
    layout.against_wall(extras[(first + 1) % 3])


def _living_room(layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    layout.against_wall(fixtures.sofa(draw, style))
    layout.against_wall(fixtures.stand(draw, style, "TVStand", draw.uniform(1.1, 1.5), 0.42, draw.uniform(0.5, 0.62)))
    if draw.chance(0.8):
        table = fixtures.table(draw, style, "DiningTable", draw.uniform(1.0, 1.4), draw.uniform(0.7, 0.85), 0.75)
        layout.in_the_middle(table) or layout.against_wall(table)
    _pieces(
        layout,
        [
            fixtures.shelves(draw, style, draw.uniform(0.9, 1.3), 0.35, draw.pick(_TALL_SHELVES)),
            fixtures.shelves(draw, style, draw.uniform(0.9, 1.2), 0.38, draw.pick(_SHELVES)),
            fixtures.chest(draw, style, "Cabinet", draw.uniform(1.0, 1.5), 0.48, draw.uniform(0.78, 0.95)),
            fixtures.table(draw, style, "Desk", draw.uniform(1.0, 1.4), 0.6, 0.75),
            fixtures.stand(draw, style, "Cabinet", draw.uniform(0.9, 1.3), 0.42, draw.uniform(0.7, 0.9)),
        ],
        5,
    )


def _bedroom(layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    layout.against_wall(fixtures.bed(draw, style))
    layout.against_wall(fixtures.table(draw, style, "Desk", draw.uniform(1.0, 1.3), 0.6, 0.75))
    _pieces(
        layout,
        [
            fixtures.chest(draw, style, "Dresser", draw.uniform(0.9, 1.3), 0.48, draw.uniform(0.78, 1.0)),
            fixtures.chest(draw, style, "Dresser", draw.uniform(0.8, 1.2), 0.46, draw.uniform(0.75, 0.95)),
            fixtures.shelves(draw, style, draw.uniform(0.8, 1.2), 0.34, draw.pick(_TALL_SHELVES)),
            fixtures.table(draw, style, "Desk", draw.uniform(0.9, 1.2), 0.58, 0.78),
            fixtures.stand(draw, style, "Dresser", draw.uniform(0.45, 0.55), 0.42, draw.uniform(0.6, 0.75)),
            fixtures.stand(draw, style, "Dresser", draw.uniform(0.8, 1.2), 0.42, draw.uniform(0.7, 0.9)),
        ],
        6,
    )
    if draw.chance(0.5):
        layout.against_wall(fixtures.wardrobe(draw, style))


def _bathroom(layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    layout.against_wall(fixtures.vanity(draw, style, draw.uniform(1.1, 1.6)))
    layout.against_wall(fixtures.bathtub(draw, style))
    layout.against_wall(fixtures.toilet(draw, style))
    _pieces(
        layout,
        [
            fixtures.shelves(draw, style, draw.uniform(0.6, 0.9), 0.35, draw.pick(_TALL_SHELVES)),
            fixtures.shelves(draw, style, draw.uniform(0.5, 0.8), 0.34, draw.pick(_SHELVES)),
            fixtures.chest(draw, style, "Cabinet", draw.uniform(0.8, 1.2), 0.45, draw.uniform(0.75, 0.92)),
            fixtures.stand(draw, style, "Cabinet", draw.uniform(0.6, 0.9), 0.4, draw.uniform(0.65, 0.85)),
            fixtures.table(draw, style, "Dresser", draw.uniform(0.7, 1.0), 0.42, draw.uniform(0.7, 0.85)),
        ],
        5,
    )


_KINDS = {"kitchen": _kitchen, "living_room": _living_room, "bedroom": _bedroom, "bathroom": _bathroom}


def _pieces(layout: Layout, options: list[Fixture], count: int) -> None:
    """Puts `count` of the options, in random order, against walls."""
    for index in layout.draw.generator.permutation(len(options))[:count]:
        layout.against_wall(options[int(index)])


def _decorate(kind: str, layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    for over in _BOARDS[kind]:
        board = walls.wall_shelf(draw, style, draw.uniform(0.55, 1.1))
        height = draw.uniform(1.0, 1.38)
        if draw.chance(0.85) and not layout.hang_over(over, board, height):
            layout.hang(board, height)
    if kind == "kitchen":
        layout.hang_over("CounterTop", walls.wall_cabinet(draw, style, draw.uniform(0.5, 0.6)), 1.5)
        layout.hang_over("Sink", walls.window(draw, style), 1.25)
        layout.hang_over("StoveBurner", walls.utensil_rail(draw, style), 1.2)
        glued = [walls.knife_block, walls.utensil_jar, walls.fruit_dish, walls.radio]
    elif kind == "bathroom":
        layout.hang_over("SinkBasin", walls.mirror(draw, style), 1.2)
        layout.hang(walls.towel_rail(draw, style), draw.uniform(0.8, 1.0))
        layout.hang(walls.soap_dispenser(draw, style), draw.uniform(0.95, 1.15))
        layout.hang(walls.paper_holder(draw, style), draw.uniform(0.65, 0.8))
        layout.hang(walls.towel_rail(draw, style), draw.uniform(0.8, 1.0))
        glued = [walls.toothbrush_cup, walls.photo_frame]
    else:
        layout.hang_over("Bed" if kind == "bedroom" else "Sofa", walls.picture(draw, style), 1.3)
        layout.hang(walls.wall_lamp(draw, style), draw.uniform(1.25, 1.5))
        if draw.chance(0.5):
            layout.hang(walls.hanging_plant(draw, style), draw.uniform(1.2, 1.5))
        width, depth = draw.uniform(1.2, 2.0), draw.uniform(1.0, 1.5)
        layout.lay(walls.rug(draw, style, width, depth), draw.pick([0.0, math.pi / 2]))
        glued = [walls.radio, walls.photo_frame, walls.fruit_dish]
    for index in draw.generator.permutation(len(glued))[:2]:
        layout.glue_on_top(glued[int(index)](draw, style))
    layout.hang(walls.window(draw, style), 1.0)
    for _ in range(draw.integer(1, 3)):
        layout.hang(walls.picture(draw, style), draw.uniform(1.2, 1.45))
    layout.hang(walls.wall_clock(draw, style), draw.uniform(1.5, 1.8))
    layout.hang(walls.switch(draw, style), 1.1)

"""How rooms of each kind are furnished: which fixed things, in which order, on which walls."""

from __future__ import annotations

import math

from simulator import fixtures
from simulator import wall_things as walls
from simulator.fixtures import Fixture
from simulator.layout import OPEN_POSITIONS, Layout
from simulator.materials import Draw

_SIDES = {"kitchen": (3.4, 4.3), "living_room": (3.8, 4.8), "bedroom": (3.6, 4.6), "bathroom": (3.1, 3.8)}
"""Range of a room's sides, metres."""
_TOP_AREA = {"kitchen": 2.3, "living_room": 2.3, "bedroom": 2.2, "bathroom": 1.3}
"""Square metres of tops that a room must offer to hold its things."""
_PLANS = 8


def furnish(kind: str, draw: Draw) -> Layout:
    """A furnished room: the walls' rectangle, fixed things in their places, surfaces.

    Draws floor plans until one offers enough tops and room to walk; the last one serves in any case.
    """
    for _ in range(_PLANS):
        draw.avoid.clear()
        layout = _start(kind, draw)
        _KINDS[kind](layout)
        if layout.top_area() >= _TOP_AREA[kind] and len(layout.walkable()) >= OPEN_POSITIONS:
            break
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
        fixtures.shelves(draw, style, draw.uniform(0.7, 1.0), 0.36, (0.45, 0.8, 1.1)),
        fixtures.counter(draw, style, draw.uniform(0.6, 1.0)),
        fixtures.chest(draw, style, "Cabinet", draw.uniform(0.8, 1.1), 0.42, draw.uniform(0.75, 0.9)),
    ]
    first = draw.integer(0, 2)
    layout.against_wall(extras[first])
    layout.against_wall(extras[(first + 1) % 3])


def _living_room(layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    layout.against_wall(fixtures.sofa(draw, style))
    layout.against_wall(fixtures.chest(draw, style, "TVStand", draw.uniform(1.1, 1.5), 0.42, draw.uniform(0.55, 0.65)))
    if draw.chance(0.7):
        table = fixtures.table(draw, style, "DiningTable", draw.uniform(1.0, 1.4), draw.uniform(0.7, 0.85), 0.75)
        layout.in_the_middle(table) or layout.against_wall(table)
    _pieces(
        layout,
        [
            fixtures.shelves(draw, style, draw.uniform(0.8, 1.1), 0.35, draw.pick([(0.4, 0.76, 1.08), (0.6, 1.0)])),
            fixtures.chest(draw, style, "Cabinet", draw.uniform(0.9, 1.3), 0.45, draw.uniform(0.78, 0.95)),
            fixtures.table(draw, style, "Desk", draw.uniform(1.0, 1.3), 0.6, 0.75),
            fixtures.chest(draw, style, "Cabinet", draw.uniform(0.9, 1.3), 0.45, draw.uniform(0.75, 0.95)),
        ],
        4,
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
            fixtures.shelves(draw, style, draw.uniform(0.7, 1.0), 0.34, draw.pick([(0.4, 0.76, 1.08), (0.6, 1.0)])),
            fixtures.table(draw, style, "Desk", draw.uniform(0.9, 1.2), 0.55, 0.78),
            fixtures.chest(draw, style, "Dresser", draw.uniform(0.45, 0.55), 0.42, draw.uniform(0.55, 0.65)),
        ],
        4,
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
            fixtures.shelves(draw, style, draw.uniform(0.6, 0.9), 0.33, draw.pick([(0.4, 0.76, 1.08), (0.6, 0.95)])),
            fixtures.chest(draw, style, "Cabinet", draw.uniform(0.7, 1.1), 0.42, draw.uniform(0.75, 0.92)),
            fixtures.chest(draw, style, "Cabinet", draw.uniform(0.6, 0.9), 0.4, draw.uniform(0.75, 0.9)),
            fixtures.table(draw, style, "Dresser", draw.uniform(0.7, 1.0), 0.42, draw.uniform(0.7, 0.85)),
        ],
        3,
    )


_KINDS = {"kitchen": _kitchen, "living_room": _living_room, "bedroom": _bedroom, "bathroom": _bathroom}


def _pieces(layout: Layout, options: list[Fixture], count: int) -> None:
    """Puts `count` of the options, in random order, against walls."""
    for index in layout.draw.generator.permutation(len(options))[:count]:
        layout.against_wall(options[int(index)])


def _decorate(kind: str, layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    if kind == "kitchen":
        if draw.chance(0.6):
            layout.hang_over(
                "CounterTop", walls.wall_shelf(draw, style, draw.uniform(0.55, 0.7)), draw.uniform(1.25, 1.4)
            )
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
        if draw.chance(0.6):
            over = "Desk" if kind == "bedroom" else "Cabinet"
            layout.hang_over(over, walls.wall_shelf(draw, style, draw.uniform(0.6, 0.9)), draw.uniform(1.25, 1.4))
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

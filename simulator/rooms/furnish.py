"""Furnishing of each kind of room: which fixtures it has, in which order and at which walls they are placed."""

from __future__ import annotations

import math
from collections.abc import Callable

from simulator.rooms.layout import OPEN_POSITIONS, Layout
from simulator.things import bath_fixtures as bath
from simulator.things import fixtures, hall_fixtures
from simulator.things import kitchen_fixtures as kitchen
from simulator.things import storage_fixtures as storage
from simulator.things import wall_fixtures as walls
from simulator.things.fixtures import Fixture
from simulator.things.materials import Draw
from simulator.things.shapes import Color

_SIDES = {
    "kitchen": (3.9, 4.9),
    "living_room": (4.1, 5.1),
    "bedroom": (3.0, 3.9),
    "bathroom": (2.8, 3.5),
    "foyer": (3.3, 4.6),
}
"""Range of a room's width and depth, metres."""
_TOP_AREA = {"kitchen": 4.3, "living_room": 4.3, "bedroom": 4.0, "bathroom": 3.0, "foyer": 1.8}
"""Square metres of tops that a room should offer for its objects."""
_OPENABLES = {"kitchen": 15, "living_room": 6, "bedroom": 8, "bathroom": 5, "foyer": 3}
"""Number of objects that open in every room."""
_OPEN_POSITIONS = {"kitchen": 100, "living_room": 100, "foyer": 80}
"""Number of walkable grid positions that fixed furniture leaves in large rooms."""
_BOARDS = {
    "kitchen": ("DiningTable", "CounterTop"),
    "living_room": ("Dresser", "TVStand", "Desk", "Sofa", "DiningTable"),
    "bedroom": ("Desk", "Dresser", "Bed", "Dresser", "Desk"),
    "bathroom": ("Toilet", "Dresser", "Dresser", "Bathtub"),
    "foyer": ("Dresser",),
}
"""Categories above which boards are hung on the wall, one board each, if there is room."""
_TALL_SHELVES = ((0.4, 0.76, 1.08, 1.36), (0.6, 1.0, 1.35), (0.1, 0.45, 0.78, 1.1, 1.38))
_SHELVES = ((0.12, 0.5, 0.85, 1.15), (0.4, 0.8, 1.2), (0.45, 0.8, 1.1))
"""Heights of the boards of open shelves, metres."""
_PLANS = 12
_WALL_CABINETS = 1.45
"""Height of the lower edge of wall cabinets, metres: above the heads of objects on the worktop."""


def furnish(kind: str, draw: Draw) -> Layout:
    """Draws a furnished room: its walls, fixtures and surfaces.

    Draws floor plans until one offers enough tops and enough that opens, and takes the best if none does. Each of them
    leaves room to walk.
    """
    best: tuple[tuple[int, float], Layout, list[Color]] | None = None
    for _ in range(_PLANS):
        draw.avoid.clear()
        layout = _start(kind, draw)
        _KINDS[kind](layout)
        opening, area = min(layout.openables(), _OPENABLES[kind]), layout.top_area()
        if best is None or (opening, area) > best[0]:
            best = (opening, area), layout, list(draw.avoid)
        if opening == _OPENABLES[kind] and area >= _TOP_AREA[kind]:
            break
    assert best is not None
    _, layout, draw.avoid[:] = best
    _decorate(kind, layout)
    return layout


def _start(kind: str, draw: Draw) -> Layout:
    low, high = _SIDES[kind]
    width, depth = draw.uniform(low, high), draw.uniform(low, high)
    style = fixtures.draw_style(draw, "bath_wall" if kind == "bathroom" else "wall")
    floor = (-width / 2, width / 2, -depth / 2, depth / 2)
    layout = Layout(draw, style, floor, draw.uniform(2.4, 2.7))
    layout.open_positions = _OPEN_POSITIONS.get(kind, OPEN_POSITIONS)
    wall = draw.integer(0, 3)
    entrance = walls.door(draw, style)
    near = draw.chance(0.5)
    along = 0.5 if near else layout.wall_length(wall) - 0.5
    x, y, yaw = layout.at_wall(wall, along, entrance.size[1] / 2)
    layout.put(entrance, x, y, yaw, label="Door")
    layout.keep_free(*layout.at_wall(wall, along, 0.4), 0.92, 0.8)
    if kind in ("kitchen", "living_room"):
        _divide(layout, wall, near)
    return layout


def _divide(layout: Layout, door_wall: int, near: bool) -> None:
    """Puts a wall stub or tall shelves out from a wall, so that a niche behind it cannot be seen from the door.

    The niche lies at the far end of the door's wall or of the wall at the door's corner. `near` says whether the door
    is at the start of its wall.
    """
    draw = layout.draw
    for _ in range(12):
        aside = draw.chance(0.5)
        # Along the wall at the door's corner, the door is at the other end of its length.
        wall = door_wall if not aside else (door_wall + (-1 if near else 1)) % 4
        door_at_start = near != aside
        total = layout.wall_length(wall)
        gap, length = draw.uniform(1.4, 1.9), draw.uniform(1.2, 1.5)
        along = total - gap if door_at_start else gap
        # Furniture leaves a strip behind it free, so that there is something to hide in.
        niche = along + (0.65 if door_at_start else -0.65)
        free = (*layout.at_wall(wall, niche, length / 2), 1.0, length)
        if draw.chance(0.6):
            x, y, yaw = layout.at_wall(wall, along, length / 2)
            stub = hall_fixtures.partition(layout.style, length, layout.height)
            if layout.fits(stub, x, y, yaw):
                layout.put(stub, x, y, yaw, label="Partition")
                layout.keep_free(*free)
                return
        elif layout.stand_out(hall_fixtures.divider(draw, layout.style, length), wall, along):
            layout.keep_free(*free)
            return


def _kitchen(layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    order = [
        kitchen.counter(draw, style, draw.uniform(0.7, 0.95)),
        kitchen.sink(draw, style),
        kitchen.counter(draw, style, draw.uniform(0.8, 1.0)),
        kitchen.stove(draw, style),
        kitchen.counter(draw, style, draw.uniform(0.5, 0.7)),
    ]
    if draw.chance(0.5):
        order.reverse()
    if draw.chance(0.6):
        order.append(kitchen.pantry(draw, style))
    layout.row(draw.integer(0, 3), order)
    layout.against_wall(kitchen.fridge(draw, style, draw.pick([-1, 1])))
    if draw.chance(0.35):
        island = kitchen.counter(draw, style, draw.uniform(1.0, 1.5), 0.7)
        layout.in_the_middle(island) or layout.against_wall(island)
    else:
        table = fixtures.table(draw, style, "DiningTable", draw.uniform(1.1, 1.5), draw.uniform(0.75, 0.85), 0.75)
        layout.in_the_middle(table) or layout.against_wall(table)
    layout.against_wall(kitchen.counter(draw, style, draw.uniform(0.9, 1.5)))
    _pieces(
        layout,
        [
            lambda: fixtures.shelves(draw, style, draw.uniform(0.7, 1.0), 0.36, (0.1, 0.45, 0.8, 1.1, 1.4)),
            lambda: kitchen.counter(draw, style, draw.uniform(0.6, 1.0)),
            lambda: storage.sideboard(draw, style, draw.uniform(0.9, 1.2), 0.42, draw.uniform(0.8, 0.9)),
            lambda: kitchen.pantry(draw, style, draw.pick([-1, 1])),
        ],
        3,
    )


def _living_room(layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    layout.against_wall(fixtures.sofa(draw, style))
    layout.against_wall(storage.media_stand(draw, style, draw.uniform(1.2, 1.6), 0.42, draw.uniform(0.5, 0.62)))
    if draw.chance(0.8):
        table = fixtures.table(draw, style, "DiningTable", draw.uniform(1.1, 1.5), draw.uniform(0.75, 0.9), 0.75)
        layout.in_the_middle(table) or layout.against_wall(table)
    layout.against_wall(storage.sideboard(draw, style, draw.uniform(1.0, 1.5), 0.46, draw.uniform(0.78, 0.92)))
    _pieces(
        layout,
        [
            lambda: fixtures.shelves(draw, style, draw.uniform(0.9, 1.3), 0.35, draw.pick(_TALL_SHELVES)),
            lambda: fixtures.shelves(draw, style, draw.uniform(0.9, 1.2), 0.38, draw.pick(_SHELVES)),
            lambda: storage.chest(draw, style, draw.uniform(0.8, 1.2), 0.46, draw.uniform(0.78, 0.95)),
            lambda: storage.desk(draw, style, draw.uniform(1.1, 1.4), 0.6, 0.75),
            lambda: storage.stand(draw, style, "Dresser", draw.uniform(0.9, 1.3), 0.42, draw.uniform(0.7, 0.9)),
            lambda: fixtures.sofa(draw, style),
        ],
        6,
    )


def _bedroom(layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    layout.against_wall(fixtures.bed(draw, style))
    layout.against_wall(storage.desk(draw, style, draw.uniform(1.0, 1.3), 0.6, 0.75))
    layout.against_wall(storage.wardrobe(draw, style, draw.uniform(0.8, 1.0)))
    _pieces(
        layout,
        [
            lambda: storage.chest(draw, style, draw.uniform(0.9, 1.3), 0.46, draw.uniform(0.78, 1.0)),
            lambda: storage.chest(draw, style, draw.uniform(0.8, 1.1), 0.44, draw.uniform(0.75, 0.95)),
            lambda: fixtures.shelves(draw, style, draw.uniform(0.8, 1.2), 0.34, draw.pick(_TALL_SHELVES)),
            lambda: storage.desk(draw, style, draw.uniform(1.0, 1.2), 0.58, 0.78),
            lambda: storage.stand(draw, style, "Dresser", draw.uniform(0.45, 0.55), 0.42, draw.uniform(0.55, 0.7)),
            lambda: storage.stand(draw, style, "Dresser", draw.uniform(0.45, 0.55), 0.42, draw.uniform(0.55, 0.7)),
        ],
        6,
    )


def _bathroom(layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    layout.against_wall(bath.vanity(draw, style, draw.uniform(1.1, 1.5)))
    layout.against_wall(bath.bathtub(draw, style))
    layout.against_wall(bath.toilet(draw, style))
    _pieces(
        layout,
        [
            lambda: fixtures.shelves(draw, style, draw.uniform(0.6, 0.9), 0.35, draw.pick(_TALL_SHELVES)),
            lambda: fixtures.shelves(draw, style, draw.uniform(0.5, 0.8), 0.34, draw.pick(_SHELVES)),
            lambda: storage.chest(draw, style, draw.uniform(0.7, 1.0), 0.42, draw.uniform(0.75, 0.92)),
            lambda: storage.stand(draw, style, "Dresser", draw.uniform(0.6, 0.9), 0.4, draw.uniform(0.65, 0.85)),
            lambda: fixtures.table(draw, style, "Dresser", draw.uniform(0.7, 1.0), 0.42, draw.uniform(0.7, 0.85)),
        ],
        5,
    )


def _foyer(layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    layout.against_wall(storage.stand(draw, style, "Dresser", draw.uniform(0.9, 1.3), 0.36, draw.uniform(0.78, 0.88)))
    layout.against_wall(storage.wardrobe(draw, style, draw.uniform(0.8, 1.0), 0.5))
    layout.against_wall(hall_fixtures.coat_stand(draw, style))
    layout.against_wall(hall_fixtures.hall_bench(draw, style, draw.uniform(0.9, 1.3)))
    layout.against_wall(hall_fixtures.shoe_rack(draw, style, draw.uniform(0.7, 1.0)))
    _pieces(
        layout,
        [
            lambda: storage.stand(draw, style, "Dresser", draw.uniform(0.7, 1.0), 0.34, draw.uniform(0.75, 0.85)),
            lambda: storage.chest(draw, style, draw.uniform(0.7, 1.0), 0.4, draw.uniform(0.75, 0.9)),
            lambda: fixtures.shelves(draw, style, draw.uniform(0.6, 0.9), 0.32, draw.pick(_TALL_SHELVES)),
            lambda: hall_fixtures.shoe_rack(draw, style, draw.uniform(0.6, 0.9)),
        ],
        2,
    )


_KINDS = {
    "kitchen": _kitchen,
    "living_room": _living_room,
    "bedroom": _bedroom,
    "bathroom": _bathroom,
    "foyer": _foyer,
}


def _pieces(layout: Layout, options: list[Callable[[], Fixture]], count: int) -> None:
    """Puts `count` of the options, in random order, against walls."""
    for index in layout.draw.generator.permutation(len(options))[:count]:
        layout.against_wall(options[int(index)]())


def _decorate(kind: str, layout: Layout) -> None:
    draw, style = layout.draw, layout.style
    if kind == "kitchen":
        layout.hang_over("Sink", walls.window(draw, style), 1.25)
        layout.hang_over("StoveBurner", walls.utensil_rail(draw, style), 1.2)
        for width in (0.5, 0.8, 0.5, 0.7, 0.45, 0.8):
            layout.hang_over("CounterTop", kitchen.wall_cabinet(draw, style, width), _WALL_CABINETS)
    elif kind == "bathroom":
        cabinet = storage.mirror_cabinet(draw, style, draw.uniform(0.5, 0.8))
        layout.hang_over("SinkBasin", cabinet, 1.2) or layout.hang(cabinet, 1.25)
    elif kind == "foyer":
        layout.hang(walls.mirror(draw, style), 1.0)
    for over in _BOARDS[kind]:
        board = walls.wall_shelf(draw, style, draw.uniform(0.55, 1.1))
        height = draw.uniform(1.0, 1.38)
        if draw.chance(0.85) and not layout.hang_over(over, board, height):
            layout.hang(board, height)
    if kind == "kitchen":
        glued = [walls.knife_block, walls.utensil_jar, walls.fruit_dish, walls.radio]
    elif kind == "bathroom":
        layout.hang(walls.towel_rail(draw, style), draw.uniform(0.8, 1.0))
        layout.hang(walls.soap_dispenser(draw, style), draw.uniform(0.95, 1.15))
        layout.hang(walls.paper_holder(draw, style), draw.uniform(0.65, 0.8))
        layout.hang(walls.towel_rail(draw, style), draw.uniform(0.8, 1.0))
        glued = [walls.toothbrush_cup, walls.photo_frame]
    else:
        over = {"bedroom": "Bed", "living_room": "Sofa", "foyer": "Dresser"}[kind]
        layout.hang_over(over, walls.picture(draw, style), 1.3)
        layout.hang(walls.wall_lamp(draw, style), draw.uniform(1.25, 1.5))
        if draw.chance(0.5):
            layout.hang(walls.hanging_plant(draw, style), draw.uniform(1.2, 1.5))
        wide, deep = ((1.2, 2.0), (1.0, 1.5)) if kind != "foyer" else ((0.8, 1.1), (0.5, 0.7))
        layout.lay(walls.rug(draw, style, draw.uniform(*wide), draw.uniform(*deep)), draw.pick([0.0, math.pi / 2]))
        glued = [walls.radio, walls.photo_frame, walls.fruit_dish]
    for index in draw.generator.permutation(len(glued))[:2]:
        layout.glue_on_top(glued[int(index)](draw, style))
    layout.hang(walls.window(draw, style), 1.0)
    for _ in range(draw.integer(1, 3)):
        layout.hang(walls.picture(draw, style), draw.uniform(1.2, 1.45))
    layout.hang(walls.wall_clock(draw, style), draw.uniform(1.5, 1.8))
    layout.hang(walls.switch(draw, style), 1.1)

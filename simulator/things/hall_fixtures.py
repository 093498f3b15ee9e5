"""Fixed furniture of halls, and what divides large rooms: coat stands, shoe racks, wall stubs, tall shelves."""

from __future__ import annotations

import math

from simulator.things.cupboards import boards
from simulator.things.fixtures import Fixture, Style, shelves
from simulator.things.materials import Draw
from simulator.things.meshes import bar, paint, post
from simulator.things.openings import Top
from simulator.things.shapes import box, hidden_box, hidden_cylinder, mesh, superquadric_mesh


def partition(style: Style, length: float, height: float) -> Fixture:
    """A wall stub that stands out from a wall by `length` and reaches to the ceiling at `height`, metres."""
    thick = 0.12
    parts = [box((thick, length, height), (0, 0, 0), style.wall)]
    return Fixture("", parts, (thick, length, height), front=0.0)


def divider(draw: Draw, style: Style, length: float) -> Fixture:
    """Tall shelves with a closed back, to stand out from a wall; the boards face -y."""
    return shelves(draw, style, length, 0.36, (0.1, 0.45, 0.8, 1.15, 1.45, 1.82), top=False)


def coat_stand(draw: Draw, style: Style) -> Fixture:
    """A post with hooks, coats and a foot."""
    height, wood = draw.uniform(1.65, 1.8), draw.plain_color(draw.pick(["wood", "dark", "white"]))
    frame = [post(0.025, height), post(0.2, 0.03, top=0.17)]
    hooks = [(0.13 * math.cos(turn), 0.13 * math.sin(turn)) for turn in (0.5, 2.1, 3.7, 5.2)]
    frame += [bar(0.012, (0, 0, height - 0.14), (x, y, height - 0.05), 5) for x, y in hooks]
    parts = [paint(wood, "timber", *frame), hidden_cylinder(0.2, 0.03), hidden_cylinder(0.05, height)]
    for x, y in hooks[: draw.integer(1, 3)]:
        drop = draw.uniform(0.6, 0.85)
        coat = superquadric_mesh((0.13, 0.12, drop / 2), (x * 0.8, y * 0.8, height - 0.1 - drop / 2), 0.7, 7, 12)
        parts.append(mesh(*coat, draw.plain_color("fabric"), "cloth"))
        parts.append(hidden_box((0.2, 0.2, drop), (x * 0.7, y * 0.7, height - 0.1 - drop)))
    return Fixture("", parts, (0.48, 0.48, height), front=0.3)


def shoe_rack(draw: Draw, style: Style, width: float) -> Fixture:
    """Low open shelves for shoes."""
    return shelves(draw, style, width, 0.33, draw.pick([(0.1, 0.33, 0.56), (0.08, 0.3), (0.12, 0.38, 0.64)]))


def hall_bench(draw: Draw, style: Style, width: float) -> Fixture:
    """A bench of slats with a board for shoes under its seat."""
    wood = draw.plain_color("wood")
    draw.avoid.append(wood)
    depth, height = 0.36, 0.45
    parts = [
        *boards(
            wood,
            "timber",
            [
                *[((0.04, depth - 0.04, height - 0.03), (side * (width / 2 - 0.06), 0, 0)) for side in (-1, 1)],
                ((width - 0.12, depth - 0.08, 0.02), (0, 0, 0.14)),
            ],
        ),
        box((width, depth, 0.03), (0, 0, height - 0.03), wood, "wood"),
    ]
    tops = (
        Top(0, 0, height, (width / 2 - 0.01, depth / 2 - 0.01)),
        Top(0, 0, 0.16, (width / 2 - 0.1, depth / 2 - 0.05), height - 0.22, "shelf"),
    )
    return Fixture("Bench", parts, (width, depth, height), tops, 0.4)

"""Shapes of small tables, benches, ladders and carts."""

from __future__ import annotations

from simulator.things.materials import Draw, shade
from simulator.things.meshes import (
    arch,
    bar,
    disc,
    hidden_legs,
    legs,
    pad,
    paint,
    post,
    splayed_legs,
)
from simulator.things.shapes import (
    Part,
    box,
    box_mesh,
    hidden_box,
    hidden_cylinder,
    lathe_mesh,
    mesh,
    move_mesh,
)


def side_table(draw: Draw) -> list[Part]:
    """A side table: on four legs, with a lower board, with a drawer, round on one stem, or on three splayed legs."""
    form = draw.integer(0, 4)
    height = draw.uniform(0.5, 0.7)
    wood = draw.color(draw.pick(["wood", "wood", "white", "dark"]))
    dark = shade(wood, 0.8)
    if form >= 3:
        radius = draw.uniform(0.22, 0.28)
        outline = [
            (0, 0),
            (radius * 0.7, 0),
            (radius * 0.65, 0.02),
            (0.03, 0.05),
            (0.025, height - 0.03),
            (0, height - 0.03),
        ]
        foot = [
            [lathe_mesh(outline, 14)],
            [splayed_legs(radius * 0.45, radius * 0.95, height - 0.02, 0.02, 3)],
        ][form - 3]
        solid = [
            [hidden_cylinder(radius * 0.7, 0.05, density=4.0), hidden_cylinder(0.04, height - 0.08, (0, 0, 0.05))],
            [
                hidden_cylinder(radius * 0.85, 0.03, density=5.0),
                hidden_cylinder(radius * 0.6, height - 0.06, (0, 0, 0.03), 0.2),
            ],
        ][form - 3]
        return [
            paint(dark if form == 3 else draw.plain_color(draw.pick(["metal", "wood"])), "timber", *foot),
            mesh(*post(radius, 0.03, (0, 0, height - 0.03), sides=20), wood, "timber"),
            hidden_cylinder(radius, 0.03, (0, 0, height - 0.03)),
            *solid,
        ]
    width, depth, leg = draw.uniform(0.4, 0.55), draw.uniform(0.36, 0.45), 0.04
    x, y = width / 2 - leg / 2, depth / 2 - leg / 2
    frame = [legs(x, y, height - 0.035, leg)]
    solid = hidden_legs(x, y, height - 0.035, leg)
    extra = []
    if form == 1:
        frame.append(box_mesh((width - 0.04, depth - 0.04, 0.02), (0, 0, height * 0.3)))
        solid.append(hidden_box((width - 0.04, depth - 0.04, 0.02), (0, 0, height * 0.3)))
    elif form == 2:
        frame.append(box_mesh((width - 0.03, depth - 0.03, 0.16), (0, 0, height - 0.19)))
        extra = [
            paint(
                shade(wood, 0.5),
                "plain",
                box_mesh((width * 0.8, 0.006, 0.008), (0, -depth / 2 + 0.014, height - 0.055)),
                disc(0.014, 0.03, (0, -depth / 2 + 0.005, height - 0.115), 8),
            )
        ]
        solid.append(hidden_box((width - 0.03, depth - 0.03, 0.16), (0, 0, height - 0.19), 0.6))
    return [
        paint(dark, "timber", *frame),
        box((width, depth, 0.035), (0, 0, height - 0.035), wood, "wood", density=2.0),
        *extra,
        *solid,
    ]


def coffee_table(draw: Draw) -> list[Part]:
    """A low, wide coffee table: four legs with rails, two boards on each other, on metal runners, or round."""
    form = draw.integer(0, 3)
    width, depth, height = draw.uniform(0.7, 0.95), draw.uniform(0.45, 0.55), draw.uniform(0.42, 0.5)
    wood = draw.color(draw.pick(["wood", "wood", "dark", "white"]))
    if form == 3:
        radius = draw.uniform(0.34, 0.4)
        return [
            paint(
                draw.plain_color(draw.pick(["metal", "wood"])),
                "timber",
                splayed_legs(radius * 0.55, radius * 0.85, height - 0.03, 0.024),
            ),
            mesh(*post(radius, 0.035, (0, 0, height - 0.035), sides=22), wood, "timber"),
            hidden_cylinder(radius, 0.035, (0, 0, height - 0.035), 2.0),
            *hidden_legs(radius * 0.52, radius * 0.52, height - 0.035, 0.04),
        ]
    x, y = width / 2 - 0.05, depth / 2 - 0.05
    solid = hidden_legs(x, y, height - 0.04, 0.05)
    if form == 0:
        frame = [
            legs(x, y, height - 0.04, 0.05),
            *[box_mesh((width - 0.06, 0.02, 0.06), (0, s * (depth / 2 - 0.04), height - 0.1)) for s in (-1, 1)],
        ]
    elif form == 1:
        frame = [legs(x, y, height - 0.04, 0.06), box_mesh((width - 0.06, depth - 0.06, 0.025), (0, 0, height * 0.3))]
        solid.append(hidden_box((width - 0.06, depth - 0.06, 0.025), (0, 0, height * 0.3)))
    else:
        frame = []
        for side in (-x, x):
            frame += [box_mesh((0.03, depth - 0.06, 0.02), (side, 0, z)) for z in (0.0, height - 0.06)]
            frame += [box_mesh((0.03, 0.03, height - 0.04), (side, s * (depth / 2 - 0.045), 0)) for s in (-1, 1)]
    return [
        paint(shade(wood, 0.8) if form < 2 else draw.plain_color("dark"), "timber" if form < 2 else "metal", *frame),
        box((width, depth, 0.04), (0, 0, height - 0.04), wood, "wood", density=2.0),
        *solid,
    ]


def bench(draw: Draw) -> list[Part]:
    """A bench: a plank on two boards, a slatted one on legs, or an upholstered one for a hall."""
    form = draw.integer(0, 2)
    width, depth, height = draw.uniform(0.75, 1.0), draw.uniform(0.3, 0.38), draw.uniform(0.42, 0.47)
    wood = draw.color(draw.pick(["wood", "wood", "white", "dark"]))
    x, y = width / 2 - 0.06, depth / 2 - 0.03
    if form == 0:
        ends = [box_mesh((0.04, depth * 0.9, height - 0.04), (s * (x - 0.03), 0, 0)) for s in (-1, 1)]
        beam = box_mesh((width - 0.2, 0.03, 0.08), (0, 0, height * 0.35))
        return [
            paint(shade(wood, 0.85), "timber", *ends, beam),
            box((width, depth, 0.04), (0, 0, height - 0.04), wood, "wood", density=2.0),
            *[hidden_box((0.04, depth * 0.9, height - 0.04), (s * (x - 0.03), 0, 0)) for s in (-1, 1)],
        ]
    solid = [*hidden_legs(x, y, height - 0.04, 0.05), hidden_box((width, depth, 0.04), (0, 0, height - 0.04), 2.0)]
    if form == 1:
        slats = [
            box_mesh((width, depth * 0.21, 0.025), (0, (row - 1.5) * depth * 0.26, height - 0.025)) for row in range(4)
        ]
        rails = [box_mesh((0.04, depth * 0.95, 0.04), (s * x, 0, height - 0.065)) for s in (-1, 1)]
        return [
            paint(wood, "timber", *slats, *rails),
            paint(shade(wood, 0.7), "timber", legs(x, y, height - 0.03, 0.045)),
            *solid,
        ]
    cushion = pad((width, depth, 0.11), (0, 0, height - 0.11), 0.3, 6, 16)
    return [
        paint(draw.color(draw.pick(["fabric", "leather"])), "cloth", cushion),
        paint(
            wood,
            "timber",
            legs(x, y, height - 0.08, 0.035),
            box_mesh((width - 0.08, depth - 0.03, 0.04), (0, 0, height - 0.13)),
        ),
        *solid,
    ]


def step_ladder(draw: Draw) -> list[Part]:
    """An open step ladder: two or three treads of wood, or of metal with a bow to hold on."""
    form = draw.integer(0, 2)
    count = (2, 3, 3)[form]
    width, rise, run = draw.uniform(0.36, 0.42), draw.uniform(0.2, 0.23), 0.12
    height = rise * count
    color = draw.color(("wood", "wood", "metal")[form])
    base = run * count + 0.04
    treads = [
        box_mesh((width - 0.04, run * 1.3, 0.026), (0, base / 2 - run * (count - row - 0.4), rise * (row + 1) - 0.026))
        for row in range(count)
    ]
    rails = []
    top_y = base / 2 - run * 0.4
    for sign in (-1, 1):
        side = sign * (width / 2 - 0.012)
        rails.append(bar(0.018, (side, -base / 2 + 0.02, 0.009), (side, top_y, height - 0.02), 4))
        rails.append(bar(0.015, (side, base / 2 + 0.1, 0.009), (side, top_y, height - 0.03), 4))
    parts = [
        paint(color, "timber" if form < 2 else "metal", *rails),
        paint(shade(color, 1.2) if form < 2 else draw.plain_color("dark"), "timber" if form < 2 else "rough", *treads),
        hidden_box((width, base + 0.1, 0.03), (0, 0.05, 0), 1.0),
        *[
            hidden_box(
                (width, base + 0.06 - run * row, rise),
                (0, (run * row + 0.06) / 2, rise * row + (0.03 if row == 0 else 0)),
                0.3,
            )
            for row in range(count)
        ],
    ]
    if form == 2:
        bow = move_mesh(arch(width / 2 - 0.012, 0.32, (0, 0, 0), 0.011, 8), shift=(0, top_y, height - 0.04))
        parts.append(paint(color, "metal", bow))
        parts.append(hidden_box((width * 0.9, 0.024, 0.28), (0, top_y, height), 0.05))
    return parts


def cart(draw: Draw) -> list[Part]:
    """A cart on wheels: two wooden shelves, three metal trays, or a round tea trolley with a bow."""
    form = draw.integer(0, 2)
    width, depth, height = draw.uniform(0.45, 0.6), draw.uniform(0.34, 0.42), draw.uniform(0.68, 0.8)
    color = draw.color(("wood", "toy", "metal")[form])
    metal = draw.plain_color("metal") if form else shade(color, 0.75)
    x, y, low = width / 2 - 0.02, depth / 2 - 0.02, 0.06
    levels = [low + 0.06, height - 0.03] if form != 1 else [low + 0.06, (low + height) / 2, height - 0.03]
    boards = [box_mesh((width, depth, 0.025), (0, 0, level)) for level in levels]
    if form == 1:
        boards += [box_mesh((width, 0.012, 0.05), (0, s * y, level)) for level in levels[:-1] for s in (-1, 1)]
    frame = [legs(x, y, height - low - 0.02, 0.026, low)]
    if form == 2:
        frame.append(move_mesh(arch(depth / 2 - 0.02, 0.12, (0, 0, 0), 0.011, 7, "y"), shift=(x, 0, height - 0.01)))
    else:
        frame.append(bar(0.011, (-x - 0.07, -y, height - 0.02), (-x - 0.07, y, height - 0.02), 6))
        frame += [bar(0.009, (-x, s * y, height - 0.02), (-x - 0.07, s * y, height - 0.02), 5) for s in (-1, 1)]
    wheels = [disc(0.032, 0.024, (sx * x, sy * y, 0.032), 10) for sx in (-1, 1) for sy in (-1, 1)]
    return [
        paint(metal, "metal" if form else "timber", *frame),
        paint(color, "timber" if form == 0 else "plain", *boards),
        paint((0.13, 0.13, 0.14), "plain", *wheels),
        *hidden_legs(x, y, height - 0.03, 0.04),
        *[hidden_box((width, depth, 0.03 if level == levels[-1] else 0.025), (0, 0, level), 2.0) for level in levels],
        *([hidden_box((0.022, depth - 0.04, 0.1), (x, 0, height), 0.2)] if form == 2 else []),
    ]


def _broad_table(draw: Draw, width: float, depth: float, height: float) -> list[Part]:
    """A table with a broad top: on four legs, on two boards with a beam, on trestles, or on legs with a lower board."""
    form, wood = draw.integer(0, 3), draw.color(draw.pick(["wood", "wood", "white", "dark"]))
    x, y, under = width / 2 - 0.07, depth / 2 - 0.06, height - 0.035
    solid = hidden_legs(x, y, under, 0.06)
    if form == 1:
        frame = [box_mesh((0.05, depth * 0.9, under), (s * x, 0, 0)) for s in (-1, 1)]
        frame.append(box_mesh((width - 0.14, 0.03, 0.12), (0, 0, height * 0.4)))
        solid = [hidden_box((0.05, depth * 0.9, under), (s * x, 0, 0)) for s in (-1, 1)]
        solid.append(hidden_box((width - 0.19, 0.03, 0.12), (0, 0, height * 0.4)))
    elif form == 2:
        frame = []
        for side in (-x, x):
            frame += [bar(0.024, (side, s * y, 0.014), (side, -s * y, under), 5) for s in (-1, 1)]
            frame.append(box_mesh((0.05, 2 * y, 0.04), (side, 0, under - 0.04)))
        solid = [hidden_box((0.06, 2 * y + 0.04, under), (s * x, 0, 0)) for s in (-1, 1)]
    else:
        frame = [legs(x, y, under, 0.06)]
        if form == 3:
            frame.append(box_mesh((width - 0.1, depth - 0.08, 0.025), (0, 0, height * 0.25)))
            solid.append(hidden_box((width - 0.1, depth - 0.08, 0.025), (0, 0, height * 0.25)))
    return [
        paint(shade(wood, 0.8), "timber", *frame),
        box((width, depth, 0.035), (0, 0, under), wood, "wood", density=2.0),
        *solid,
    ]


def low_table(draw: Draw) -> list[Part]:
    """A long low stand for a television."""
    return _broad_table(draw, draw.uniform(1.0, 1.3), draw.uniform(0.4, 0.48), draw.uniform(0.52, 0.58))


def work_table(draw: Draw) -> list[Part]:
    """A writing desk that can be pushed."""
    return _broad_table(draw, draw.uniform(0.9, 1.1), draw.uniform(0.52, 0.6), draw.uniform(0.7, 0.74))


def large_table(draw: Draw) -> list[Part]:
    """A dining table that can be pushed."""
    return _broad_table(draw, draw.uniform(1.2, 1.5), draw.uniform(0.75, 0.85), draw.uniform(0.75, 0.79))

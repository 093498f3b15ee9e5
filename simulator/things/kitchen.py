"""Shapes of cookware and kitchen tools."""

from __future__ import annotations

from simulator.things.materials import Draw, shade
from simulator.things.meshes import (
    arch,
    ball,
    bar,
    bow,
    hoop,
    lying,
    pad,
    paint,
    post,
)
from simulator.things.shapes import (
    Part,
    box,
    box_mesh,
    handle_mesh,
    hidden_box,
    hidden_cylinder,
    lathe_mesh,
    mesh,
    move_mesh,
)
from simulator.things.vessels import crate, hollow

AROUND = (0.0, 0.0, 0.0, 1.0)
"""Half a turn about z."""


def pan(draw: Draw) -> list[Part]:
    """A frying pan, a deep saucepan, a wok, or a square grill pan; one long handle, or two ears."""
    form = draw.integer(0, 3)
    radius = draw.uniform(0.11, 0.15) * (1.0, 0.75, 1.05, 0.9)[form]
    height = draw.uniform(0.042, 0.055) * (1.0, 2.0, 1.6, 1.0)[form]
    color, grip = draw.color(draw.pick(["dark", "metal", "red_fruit"])), draw.color(draw.pick(["dark", "wood"]))
    if form == 3:
        body, walls = crate(radius * 1.9, radius * 1.9, height, 0.008, 0.009)
    else:
        foot = radius * (0.85, 0.97, 0.4)[form]
        outline = (
            [(foot, 0), (radius, height)] if form < 2 else [(foot, 0), (radius * 0.85, height * 0.5), (radius, height)]
        )
        body, walls = hollow(outline, 0.006, 0.009, 8, 16)
    start, end = radius * 0.97, radius + draw.uniform(0.14, 0.2)
    handle = bar(0.009, (start, 0, height * 0.85), (end, 0, height * 1.05), 6, 0.012)
    parts = [
        mesh(*body, color, "metal"),
        paint(grip, "plain", handle),
        *walls,
        hidden_box((end - start, 0.024, 0.02), ((start + end) / 2, 0, height * 0.95 - 0.01), 0.3),
    ]
    if form == 2:
        parts[1] = paint(grip, "plain", handle, handle_mesh(0.03, height * 0.7, height * 0.95, -radius - 0.02, 0.007))
    return parts


def pot(draw: Draw) -> list[Part]:
    """A cooking pot: with a lid, open, or a casserole with a domed lid; two ears."""
    form = draw.integer(0, 2)
    radius = draw.uniform(0.1, 0.13)
    height = draw.uniform(0.12, 0.16) * (1.0, 1.1, 0.75)[form]
    palette, finish = draw.pick([("metal", "metal"), ("metal", "metal"), ("ceramic", "glossy"), ("plastic", "glossy")])
    color = draw.color(palette)
    ear = handle_mesh(0.03, height * 0.68, height * 0.68 + 0.03, radius * 0.95, 0.008)
    ears = [ear, move_mesh(ear, AROUND)]
    if form == 1:
        body, walls = hollow([(radius * 0.95, 0), (radius, height)], 0.006, 0.01, 8, 16)
        return [paint(color, finish, body, *ears), *walls]
    dome = 0.03 if form == 0 else 0.05
    outline = [
        (0, 0),
        (radius * 0.95, 0),
        (radius, height),
        (radius * 1.03, height),
        (radius * 0.7, height + dome * 0.75),
        (0, height + dome),
    ]
    knob = ball((0.018, 0.018, 0.014), (0, 0, height + dome + 0.01), 5, 8)
    if form == 2:
        knob = arch(0.03, 0.025, (0, 0, height + dome - 0.006), 0.007, 6)
    return [
        paint(color, finish, lathe_mesh(outline, 16), *ears),
        paint(draw.plain_color("dark"), "plain", knob),
        hidden_cylinder(radius, height),
        hidden_cylinder(radius * 0.75, dome * 0.8, (0, 0, height), 0.5),
    ]


def ladle(draw: Draw) -> list[Part]:
    """A ladle that lies: a deep soup ladle with a hooked handle, a flat skimmer, or a large wooden spoon."""
    form = draw.integer(0, 2)
    length, radius = draw.uniform(0.24, 0.3), draw.uniform(0.042, 0.052)
    depth = radius * (0.95, 0.4, 0.5)[form]
    palette, finish = (("metal", "metal"), ("metal", "metal"), ("wood", "timber"))[form]
    color = draw.color(palette)
    body, walls = hollow([(radius * 0.55, 0), (radius, depth)], 0.006, 0.008, 6, 12)
    start = (radius * 0.9, 0, depth * 0.85)
    end = (radius + length, 0, 0.03)
    pieces = [body, bar(0.008, start, end, 6, 0.011)]
    if form == 0:
        pieces.append(hoop(0.018, 0.006, (radius + length + 0.015, 0, 0.03)))
    elif form == 1:
        pieces.append(hoop(radius, 0.006, (0, 0, depth), steps=10))
    else:
        pieces.append(ball((0.014, 0.014, 0.012), end, 4, 7))
    return [
        paint(color, finish, *pieces),
        *walls,
        hidden_box((length, 0.022, 0.022), (radius + length / 2, 0, 0.0), 0.5),
    ]


def knife(draw: Draw) -> list[Part]:
    """A kitchen knife that lies flat: a chef's knife, a long narrow one, or a small paring knife."""
    form = draw.integer(0, 2)
    length = (draw.uniform(0.28, 0.33), draw.uniform(0.3, 0.36), draw.uniform(0.2, 0.24))[form]
    wide = (0.045, 0.028, 0.026)[form]
    blade, grip = draw.color("metal"), draw.color(draw.pick(["dark", "wood"]))
    middle = -0.5 * length + 0.58 * length / 2
    edge = bar(wide * 0.42, (-0.5 * length, -wide * 0.2, 0.006), (0.08 * length, 0, 0.006), 4, wide * 0.5)
    edge[0][:, 2] = 0.004 + 0.25 * (edge[0][:, 2] - 0.006) / (wide * 0.5) * 0.02
    handle = bar(0.011, (0.06 * length, 0, 0.011), (0.5 * length, 0, 0.012), (6, 8, 5)[form], 0.012)
    return [
        paint(blade, "metal", edge),
        paint(grip, "timber", handle),
        hidden_box((0.58 * length, wide, 0.008), (middle, 0, 0)),
        hidden_box((0.44 * length, 0.022, 0.022), (0.28 * length, 0, 0)),
    ]


def spatula(draw: Draw) -> list[Part]:
    """A spatula that lies flat: a turner with slots, a solid scraper, or a wooden one in one piece."""
    form = draw.integer(0, 2)
    length = draw.uniform(0.3, 0.36)
    palette = ("metal", "plastic", "wood")[form]
    blade = draw.color(palette)
    grip = draw.color("dark") if form == 0 else draw.color("wood")
    wide = draw.uniform(0.07, 0.095) * (1.0, 0.8, 0.75)[form]
    end = -length * 0.3
    if form == 0:
        head = [box_mesh((0.1, wide * 0.2, 0.006), (end - 0.045, y * wide, 0.006)) for y in (-0.4, -0.0, 0.4)]
        head += [box_mesh((0.014, wide, 0.006), (end - 0.045 + x, 0, 0.006)) for x in (-0.05, 0.045)]
    else:
        head = [pad((0.1, wide, 0.012), (end - 0.045, 0, 0.002), 0.35, 4 + form, 12)]
    stick = bar(0.008, (end, 0, 0.01), (length * 0.5, 0, 0.014), 6, 0.012)
    return [
        paint(blade, "timber" if form == 2 else "plain", *head),
        paint(blade if form == 2 else grip, "timber" if form == 2 else "plain", stick),
        hidden_box((0.1, wide, 0.012), (end - 0.045, 0, 0)),
        hidden_box((length * 0.8, 0.02, 0.024), (length * 0.1, 0, 0)),
    ]


def cutting_board(draw: Draw) -> list[Part]:
    """A cutting board: rectangular with a slot, round with a handle, or a paddle."""
    form = draw.integer(0, 2)
    width, depth, height = draw.uniform(0.26, 0.38), draw.uniform(0.19, 0.26), draw.uniform(0.018, 0.03)
    palette, finish = draw.pick([("wood", "timber"), ("wood", "timber"), ("plastic", "plain"), ("clay", "rough")])
    color = draw.color(palette)
    if form == 0:
        slot = box_mesh((0.02, 0.09, height + 0.002), (width * 0.43, 0, 0.0))
        return [box((width, depth, height), (0, 0, 0), color, finish), paint(shade(color, 0.5), "plain", slot)]
    body = post(depth * 0.55, height, sides=18) if form == 1 else box_mesh((width, depth * 0.75, height), (0, 0, 0))
    edge = depth * 0.5 if form == 1 else width / 2
    grip = pad((0.15, 0.045, height), (edge + 0.055, 0, 0), 0.4, 5, 10)
    solid = hidden_cylinder(depth * 0.55, height) if form == 1 else hidden_box((width, depth * 0.75, height))
    return [
        paint(color, finish, body, grip),
        paint(shade(color, 0.5), "plain", post(0.008, height + 0.002, (edge + 0.1, 0, 0), sides=8)),
        solid,
        hidden_box((0.12, 0.04, height), (edge + 0.06, 0, 0)),
    ]


def paper_towel_roll(draw: Draw) -> list[Part]:
    """A tall roll of paper towels: alone, on a stand with a rod, or lying."""
    form = draw.integer(0, 2)
    radius, height = draw.uniform(0.055, 0.07), draw.uniform(0.22, 0.26)
    roll = lathe_mesh([(0.02, 0), (radius, 0), (radius, height), (0.02, height), (0.02, 0.1)], 14)
    paper, finish = draw.color("paper"), draw.pick(["plain", "plain", "cloth"])
    if form == 2:
        return [mesh(*lying(roll, radius, -height / 2), paper, finish), hidden_box((height, radius * 1.5, radius * 2))]
    parts = [mesh(*roll, paper, finish), hidden_cylinder(radius, height)]
    if form == 1:
        stand = [
            post(radius * 1.15, 0.012),
            bar(0.008, (0, 0, 0), (0, 0, height + 0.03), 6),
            ball((0.014, 0.014, 0.014), (0, 0, height + 0.04), 5, 7),
        ]
        parts[0] = mesh(*move_mesh(roll, shift=(0, 0, 0.012)), paper, finish)
        parts.append(paint(draw.color(draw.pick(["wood", "metal"])), "plain", *stand))
    return parts


def sponge(draw: Draw) -> list[Part]:
    """A sponge: two layers, a rounded one, or a steel scourer."""
    form = draw.integer(0, 2)
    length, width = draw.uniform(0.1, 0.14), draw.uniform(0.07, 0.085)
    if form == 0:
        return [
            box((length, width, 0.028), (0, 0, 0), draw.color("plastic"), "rough"),
            box((length, width, 0.01), (0, 0, 0.028), draw.color("plant"), "rough"),
        ]
    if form == 1:
        return [
            paint(draw.color("banana"), "rough", pad((length, width, 0.042), (0, 0, 0), 0.5)),
            hidden_box((length * 0.85, width * 0.85, 0.042)),
        ]
    radius = width * 0.55
    return [
        paint(draw.color("metal"), "rough", pad((radius * 2, radius * 2, 0.05), (0, 0, 0), 0.85, 7, 11)),
        hidden_cylinder(radius * 0.8, 0.05),
    ]


def watering_can(draw: Draw) -> list[Part]:
    """A watering can: round with a long spout, a low broad one with a bow, or a slim jug with a rose."""
    form = draw.integer(0, 2)
    radius, height = (
        draw.uniform(0.075, 0.1) * (1.0, 1.2, 0.85)[form],
        draw.uniform(0.15, 0.2) * (1.0, 0.75, 1.25)[form],
    )
    palette, finish = draw.pick([("plastic", "glossy"), ("metal", "metal"), ("ceramic", "glossy"), ("plant", "plain")])
    color = draw.color(palette)
    body = lathe_mesh([(0, 0), (radius, 0), (radius * 0.9, height), (radius * 0.75, height), (0, height * 0.93)], 14)
    tip = (radius * 2.0, 0, height * 1.15)
    spout = bow([(radius * 0.8, 0, height * 0.25), (radius * 1.5, 0, height * 0.7), tip], 0.013, sides=6)
    pieces = [body, spout]
    if form == 1:
        pieces.append(arch(radius * 0.8, height * 0.8, (0, 0, height * 0.95), 0.009, 8))
    else:
        pieces.append(move_mesh(handle_mesh(0.06, height * 0.3, height * 0.95, radius * 0.85, 0.008), AROUND))
    if form == 2:
        pieces.append(bar(0.014, (tip[0] - 0.01, 0, tip[2] - 0.01), (tip[0] + 0.02, 0, tip[2] + 0.02), 8, 0.032))
    return [
        paint(color, finish, *pieces),
        hidden_cylinder(radius * 0.95, height),
        hidden_box((radius * 0.9, 0.026, 0.026), (radius * 1.4, 0, height * 0.65), 0.1),
    ]

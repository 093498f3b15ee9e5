"""Shapes of containers (cartons, bins, hampers, boxes) and of dog beds."""

from __future__ import annotations

import math
from dataclasses import replace

from simulator.things.cupboards import lining
from simulator.things.materials import Draw, shade
from simulator.things.meshes import (
    BLACK,
    arch,
    ball,
    bar,
    disc,
    hidden_legs,
    hoop,
    legs,
    pad,
    paint,
    post,
    sleeve,
)
from simulator.things.openings import Motion, Vector
from simulator.things.shapes import (
    MeshArrays,
    Part,
    box,
    box_mesh,
    hidden_box,
    hidden_cylinder,
    lathe_mesh,
    mesh,
    move_mesh,
    superquadric_mesh,
    tilt,
)
from simulator.things.vessels import crate, hollow


def carton(draw: Draw) -> list[Part]:
    """A box: closed with tape or a label, open with its flaps out, with a lid on hinges, or a wooden crate."""
    form = draw.integer(0, 3)
    width, depth, height = draw.uniform(0.22, 0.46), draw.uniform(0.2, 0.36), draw.uniform(0.16, 0.34)
    color = draw.color("carton")
    if form == 1:
        body, walls = crate(width, depth, height, 0.01, 0.012)
        flaps = []
        for sign in (-1, 1):
            flap = box_mesh((width - 0.02, 0.006, depth * 0.35), (0, 0, 0))
            flaps.append(move_mesh(flap, tilt("x", -sign * 0.9), (0, sign * (depth / 2 - 0.008), height - 0.01)))
        return [mesh(*body, color, "rough"), paint(shade(color, 1.15), "rough", *flaps), *walls]
    if form == 2:
        color = draw.color(draw.pick(["fabric", "plastic", "white", "book"]))
        rim = height * 0.9
        body, walls = crate(width, depth, rim, 0.01, 0.012)
        motion = Motion((0.0, depth / 2, rim), (-1.0, 0.0, 0.0), math.radians(100))
        sides, foot = (width * 1.03, depth * 1.03, height * 0.1), (0.0, 0.0, rim + 0.001)
        lid = paint(shade(color, draw.pick([0.7, 1.3])), "plain", box_mesh(sides, foot))
        return [
            mesh(*body, color, draw.pick(["plain", "cloth", "stripes"])),
            replace(lid, motion=motion),
            *walls,
            replace(hidden_box(sides, foot), motion=motion),
        ]
    if form == 3:
        wood = draw.color("wood")
        walls = crate(width, depth, height, 0.016, 0.014)[1]
        slats = [box_mesh((width, depth, 0.012), (0, 0, 0))]
        for row in range(3):
            low = 0.012 + row * (height - 0.012) / 3 + 0.012
            tall = (height - 0.012) / 3 - 0.014
            slats += [box_mesh((width, 0.01, tall), (0, s * (depth / 2 - 0.005), low)) for s in (-1, 1)]
            slats += [box_mesh((0.01, depth - 0.02, tall), (s * (width / 2 - 0.005), 0, low)) for s in (-1, 1)]
        x, y = width / 2 - 0.02, depth / 2 - 0.02
        posts = [box_mesh((0.02, 0.02, height), (a, b, 0)) for a in (-x, x) for b in (-y, y)]
        return [paint(wood, "timber", *slats), paint(shade(wood, 0.8), "timber", *posts), *walls]
    parts = [
        box((width, depth, height), (0, 0, 0), color, "rough"),
        paint(
            shade(color, draw.pick([1.35, 0.75])), "plain", box_mesh((width * 1.003, 0.05, height * 1.003), (0, 0, 0))
        ),
    ]
    if draw.chance(0.6):
        label = box_mesh((width * 0.35, 0.004, height * 0.3), (width * 0.2, -depth / 2, height * 0.5))
        parts.append(paint(draw.plain_color("paper"), "plain", label))
    return parts


def _band(foot: float, rim: float, height: float, share: float, wide: float) -> MeshArrays:
    """A band around a conical bin, its middle at a share of the bin's height."""
    radii = [foot + (rim - foot) * (share + sign * wide / 2 / height) + 0.003 for sign in (-1, 1)]
    return sleeve(radii[0], radii[1], height * share - wide / 2, height * share + wide / 2, 16)


def garbage_can(draw: Draw) -> list[Part]:
    """A garbage can: open and round, with a swing lid, a domed pedal bin, a square paper basket, or one of wire."""
    form = draw.integer(0, 4)
    radius, height = draw.uniform(0.13, 0.18), draw.uniform(0.32, 0.55)
    color = draw.color(draw.pick(["metal", "plastic", "dark", "ceramic"]))
    finish = draw.pick(["metal", "plain"])
    foot = radius * draw.uniform(0.72, 0.9)
    if form == 0 or form == 4:
        body, walls = hollow([(foot, 0), (radius, height)], 0.008, 0.012, 8, 16)
        if form == 0:
            return [mesh(*body, color, finish), *walls]
        bands = [_band(foot, radius, height, z, 0.02) for z in (0.1, 0.5)]
        return [mesh(*body, draw.color("straw"), "cloth"), paint(shade(color, 0.6), "plain", *bands), *walls]
    if form == 3:
        side = radius * 1.7
        body, walls = crate(side, side * 0.8, height * 0.75, 0.01, 0.012)
        return [mesh(*body, color, finish), *walls]
    if form == 1:
        top = [box_mesh((radius * 1.7, radius * 1.5, height * 0.12), (0, 0, height * 0.88))]
        roof, faces = box_mesh((radius * 1.6, radius * 1.4, height * 0.15), (0, 0, height))
        roof[:, 1] *= 1 - 0.75 * (roof[:, 2] > height * 1.1)
        return [
            paint(color, "plain", box_mesh((radius * 1.6, radius * 1.4, height * 0.9), (0, 0, 0))),
            paint(shade(color, 0.6), "plain", *top, (roof, faces)),
            hidden_box((radius * 1.65, radius * 1.45, height)),
            hidden_box((radius * 1.6, radius * 0.7, height * 0.15), (0, 0, height), 0.5),
        ]
    outline = [
        (0, 0.02),
        (radius, 0.02),
        (radius, height),
        (radius * 0.85, height * 1.09),
        (radius * 0.4, height * 1.15),
        (0, height * 1.16),
    ]
    pedal = [
        box_mesh((0.07, 0.06, 0.012), (0, -radius - 0.01, 0.01)),
        post(radius * 1.02, 0.025),
        post(radius * 1.015, 0.014, (0, 0, height - 0.007)),
    ]
    return [
        paint(color, "metal", lathe_mesh(outline, 16)),
        paint(draw.plain_color("dark"), "plain", *pedal),
        hidden_cylinder(radius, height),
        hidden_cylinder(radius * 0.75, height * 0.13, (0, 0, height), 0.3),
    ]


def laundry_hamper(draw: Draw) -> list[Part]:
    """A laundry hamper: woven with a lid, open with some laundry, a cloth bag in a frame, or plastic with holes."""
    form = draw.integer(0, 3)
    radius, height = draw.uniform(0.18, 0.23), draw.uniform(0.48, 0.6)
    color, weave = draw.color(draw.pick(["straw", "fabric"])), draw.pick(["cloth", "rough"])
    if form == 0:
        body = superquadric_mesh((radius, radius * 0.85, height / 2), (0, 0, height / 2), 0.3, 8, 16)
        lid = _lid(radius, height)
        return [
            mesh(*body, color, weave),
            paint(shade(color, 0.75), weave, lid, ball((0.03, 0.03, 0.02), (0, 0, height + 0.045), 5, 8)),
            hidden_box((radius * 1.9, radius * 1.6, height)),
            hidden_box((radius * 1.7, radius * 1.4, 0.035), (0, 0, height), 0.3),
        ]
    if form == 2:
        width, depth = radius * 2, radius * 1.5
        body, walls = crate(width, depth, height * 0.85, 0.014, 0.016)
        frame = []
        for sign in (-1, 1):
            x = sign * (width / 2 + 0.008)
            frame += [
                bar(0.009, (x, -depth * 0.45, 0.006), (x, depth * 0.45, height * 0.95), 5),
                bar(0.009, (x, depth * 0.45, 0.006), (x, -depth * 0.45, height * 0.95), 5),
            ]
        return [mesh(*body, draw.color("fabric"), "cloth"), paint(draw.plain_color("wood"), "timber", *frame), *walls]
    height *= 1.0 if form == 1 else 0.6
    foot = radius * (0.85 if form == 1 else 0.75)
    body, walls = hollow([(foot, 0), (radius, height)], 0.012, 0.016, 8, 18)
    if form == 1:
        heap = superquadric_mesh((foot * 0.9, foot * 0.85, 0.07), (0, 0, height * 0.4), 0.8, 6, 12)
        return [
            mesh(*body, color, weave),
            mesh(*heap, draw.color("towel"), "cloth"),
            *walls,
            hidden_cylinder(foot * 0.85, height * 0.4 + 0.045, (0, 0, 0.016), 0.2),
        ]
    plastic = draw.color(draw.pick(["plastic", "white"]))
    holes = [_band(foot, radius, height, z, 0.03) for z in (0.25, 0.5, 0.75)]
    return [mesh(*body, plastic, "plain"), paint(shade(plastic, 0.55), "stripes", *holes), *walls]


def _lid(radius: float, height: float) -> MeshArrays:
    """A flat lid with rounded edges on a hamper."""
    return superquadric_mesh((radius * 1.03, radius * 0.88, 0.025), (0, 0, height + 0.012), 0.3, 6, 16)


def dog_bed(draw: Draw) -> list[Part]:
    """A dog bed: a soft ring around a cushion, a square one with a low front, or a flat mattress with a rim."""
    form = draw.integer(0, 2)
    radius, height = draw.uniform(0.24, 0.32), draw.uniform(0.12, 0.17)
    color, finish = draw.color("fabric"), draw.pick(["cloth", "cloth", "stripes"])
    inner = shade(color, 1.4)
    if form == 0:
        outline = [(radius * 0.9, 0), (radius, height * 0.5), (radius * 0.88, height)]
        body = lathe_mesh(
            [(0, 0), *outline, (radius * 0.74, height * 0.7), (radius * 0.7, height * 0.4), (0, height * 0.45)], 18
        )
        return [
            mesh(*body, color, finish),
            paint(inner, "cloth", post(radius * 0.7, 0.02, (0, 0, height * 0.4), radius * 0.66, 16)),
            *hollow([(radius * 0.95, 0), (radius * 0.95, height * 0.95)], radius * 0.2, height * 0.4 + 0.018)[1],
        ]
    width, depth = radius * 2.1, radius * 1.6
    if form == 1:
        sides = [pad((0.09, depth, height), (s * (width / 2 - 0.045), 0, 0), 0.5, 6, 10) for s in (-1, 1)]
        sides.append(pad((width, 0.09, height * 1.15), (0, depth / 2 - 0.045, 0), 0.5, 6, 10))
        return [
            paint(color, finish, *sides, box_mesh((width * 0.95, depth * 0.95, 0.03), (0, 0, 0))),
            paint(inner, "cloth", pad((width - 0.15, depth - 0.07, 0.05), (0, -0.03, 0.02), 0.4, 6, 14)),
            hidden_box((width, depth, 0.068), density=2.0),
            *[hidden_box((0.08, depth, height - 0.073), (s * (width / 2 - 0.045), 0, 0.068)) for s in (-1, 1)],
            hidden_box((width, 0.08, height * 1.1 - 0.068), (0, depth / 2 - 0.045, 0.068)),
        ]
    return [
        paint(color, finish, pad((width, depth, height * 0.6), (0, 0, 0), 0.35, 7, 16)),
        paint(inner, "cloth", pad((width * 0.8, depth * 0.75, 0.03), (0, 0, height * 0.54), 0.5, 5, 14)),
        hidden_box((width * 0.95, depth * 0.93, height * 0.6)),
    ]


def tool_box(draw: Draw) -> list[Part]:
    """A tool box: a metal box with a bow, a plastic one with clasps and a grip, or an open wooden carrier."""
    form = draw.integer(0, 2)
    width, depth, height = draw.uniform(0.36, 0.46), draw.uniform(0.18, 0.22), draw.uniform(0.16, 0.21)
    color, dark = (
        draw.color((("plastic", "package")[draw.integer(0, 1)], "plastic", "wood")[form]),
        draw.plain_color("dark"),
    )
    if form == 2:
        body, walls = crate(width, depth, height * 0.7, 0.014, 0.014)
        ends = [
            box_mesh((0.014, depth * 0.3, height * 0.75), (sign * (width / 2 - 0.007), 0, height * 0.6))
            for sign in (-1, 1)
        ]
        beam = bar(0.014, (-width / 2, 0, height * 1.27), (width / 2, 0, height * 1.27))
        return [
            paint(color, "timber", body, *ends),
            paint(shade(color, 0.7), "timber", beam),
            *walls,
            hidden_box((width, 0.028, 0.028), (0, 0, height * 1.27 - 0.014), 0.5),
            *[
                hidden_box((0.014, depth * 0.3, height * 0.6), (sign * (width / 2 - 0.007), 0, height * 0.7), 0.5)
                for sign in (-1, 1)
            ],
        ]
    front = -depth / 2
    parts = [
        box((width, depth, height), (0, 0, 0), color, "metal" if form == 0 else "plain"),
        paint(
            dark,
            "plain",
            box_mesh((width * 1.004, depth * 1.01, 0.012), (0, 0, height * 0.68)),
            *[box_mesh((0.04, 0.02, 0.05), (x * width, front, height * 0.6)) for x in (-0.3, 0.3)],
        ),
    ]
    if form == 0:
        lid = box_mesh((width, depth, height * 0.25), (0, 0, height))
        lid[0][:, 1] *= 1 - 0.75 * (lid[0][:, 2] > height * 1.1)
        parts += [
            paint(shade(color, 0.85), "metal", lid),
            paint(dark, "metal", arch(0.07, 0.04, (0, 0, height * 1.23), 0.008, 6)),
            hidden_box((width, depth * 0.5, height * 0.25), (0, 0, height), 0.5),
        ]
    else:
        grip = [
            box_mesh((0.14, 0.03, 0.025), (0, 0, height + 0.03)),
            *[box_mesh((0.025, 0.03, 0.035), (x, 0, height)) for x in (-0.06, 0.06)],
        ]
        parts += [paint(dark, "plain", *grip), hidden_box((0.14, 0.03, 0.055), (0, 0, height), 0.3)]
    return parts


def safe(draw: Draw) -> list[Part]:
    """A safe: a strongbox: with a wheel, with a keypad, or a flat cash box."""
    form = draw.integer(0, 2)
    width, depth, height = draw.uniform(0.26, 0.36), draw.uniform(0.25, 0.32), draw.uniform(0.24, 0.34)
    color = draw.color(draw.pick(["dark", "metal", "plant"]))
    front = -depth / 2
    if form == 2:
        height *= 0.55
        width *= 1.1
        return [
            box((width, depth, height), (0, 0, 0), color, "metal"),
            paint(
                shade(color, 0.6),
                "metal",
                box_mesh((width * 1.01, depth * 1.01, 0.012), (0, 0, height * 0.65)),
                arch(0.06, 0.035, (0, 0, height), 0.009, 6),
            ),
            paint((0.75, 0.74, 0.7), "metal", disc(0.02, 0.02, (0, front, height * 0.45), 8)),
        ]
    # The door fills most of the front; behind it lies the hollow.
    thick, wall = 0.03, 0.025
    motion = Motion((-width / 2 + 0.002, front, 0.0), (0.0, 0.0, -1.0), math.pi / 2)
    deep = depth - thick
    middle = front + thick + deep / 2
    if form == 0:
        wheel = [move_mesh(hoop(0.045, 0.007, (0, 0, 0)), tilt("x", math.pi / 2), (-0.02, front - 0.035, height / 2))]
        wheel += [
            bar(
                0.006,
                (-0.02 - 0.045 * x, front - 0.035, height / 2 - 0.045 * z),
                (-0.02 + 0.045 * x, front - 0.035, height / 2 + 0.045 * z),
                4,
            )
            for x, z in ((1, 0), (0.5, 0.87), (-0.5, 0.87))
        ]
        wheel.append(disc(0.012, 0.04, (-0.02, front - 0.016, height / 2), 8))
    else:
        wheel = [
            box_mesh((0.014, 0.006, 0.014), (width * 0.1 + 0.022 * x, front - 0.003, height * 0.45 + 0.022 * z))
            for x in range(3)
            for z in range(4)
        ]
        wheel.append(box_mesh((0.012, 0.03, height * 0.25), (-width * 0.25, front - 0.01, height * 0.38)))
    body, foot = height - 0.006, 0.006
    pieces: list[tuple[Vector, Vector]] = [
        ((width, deep, wall), (0, middle, foot)),
        ((width, deep, wall), (0, middle, height - wall)),
        *[((wall, deep, body), (sign * (width - wall) / 2, middle, foot)) for sign in (-1, 1)],
        ((width, wall, body), (0, depth / 2 - wall / 2, foot)),
    ]
    inner = (width - 2 * wall, deep - wall, height - foot - 2 * wall)
    leaf = box(
        (width - 0.004, thick - 0.002, body - 0.004), (0, front + thick / 2, foot + 0.002), shade(color, 1.2), "metal"
    )
    return [
        paint(color, "metal", *[box_mesh(*piece) for piece in pieces]),
        *[hidden_box(*piece) for piece in pieces],
        lining(color, *inner, (0, front + thick + inner[1] / 2, foot + wall), motion),
        replace(leaf, motion=motion),
        replace(paint((0.75, 0.74, 0.7), "metal", *wheel), motion=motion),
        paint(BLACK, "plain", legs(width * 0.4, depth * 0.4, 0.006, 0.03)),
        *hidden_legs(width * 0.4, depth * 0.4, 0.006, 0.03),
    ]

"""Fixed furniture of bathrooms: tubs, toilets with lids, vanities with basins."""

from __future__ import annotations

import math
from dataclasses import replace

from simulator.things.cupboards import BOARD, Look, Openings, boards, carcass, cupboard, drawer, partition, rail
from simulator.things.fixtures import Fixture, Style
from simulator.things.materials import Draw, shade
from simulator.things.openings import Motion, Space, Top
from simulator.things.shapes import Part, box, hidden_box, hidden_cylinder, lathe_mesh, mesh, move_mesh
from simulator.things.vessels import hollow, ring


def bathtub(draw: Draw, style: Style) -> Fixture:
    """A tub along the wall, open above, with a shelf at its end."""
    length, depth, height = draw.uniform(1.45, 1.65), 0.72, 0.56
    color = style.porcelain
    rim = 0.09
    inner = length - 0.3 - rim
    shift = (0.3 - rim) / 2
    parts = [
        *boards(
            color,
            "glossy",
            [
                ((length, rim, height), (0, -depth / 2 + rim / 2, 0)),
                ((length, rim, height), (0, depth / 2 - rim / 2, 0)),
                ((rim, depth - 2 * rim, height), (length / 2 - rim / 2, 0, 0)),
                ((0.3, depth - 2 * rim, height), (-length / 2 + 0.15, 0, 0)),
            ],
        ),
        box((inner, depth - 2 * rim, 0.14), (shift, 0, 0), shade(color, 0.93), "glossy"),
        *boards(
            style.metal,
            "metal",
            [
                ((0.03, 0.03, 0.2), (length / 2 - 0.05, 0, height)),
                ((0.16, 0.026, 0.026), (length / 2 - 0.115, 0, height + 0.174)),
            ],
        ),
    ]
    tops = (
        Top(-length / 2 + 0.15, 0, height, (0.14, depth / 2 - 0.02)),
        Top(shift, 0, 0.14, (inner / 2 - 0.02, depth / 2 - rim - 0.02), 1.2, "basin"),
    )
    tub = Space((shift, 0, (0.14 + height) / 2), (inner / 2, depth / 2 - rim, (height - 0.14) / 2))
    return Fixture("Bathtub", parts, (length, depth, 0.75), tops, spaces=(tub,))


def toilet(draw: Draw, style: Style) -> Fixture:
    """A toilet: a bowl under a lid that turns up, and a cistern whose top holds objects."""
    color = style.porcelain
    wide, long, back = 0.95, 1.15, -0.1
    outside = [(0.0, 0.0), (0.13, 0.0), (0.12, 0.15), (0.2, 0.38), (0.2, 0.41)]
    vertices, faces = lathe_mesh([*outside, (0.15, 0.41), (0.09, 0.24), (0.0, 0.24)], 18)
    vertices = vertices * [wide, long, 1.0] + [0, back, 0]
    lid, lid_faces = lathe_mesh([(0, 0), (0.205, 0), (0.205, 0.014), (0.19, 0.022), (0, 0.022)], 18)
    hinge = back + 0.205 * long - 0.012
    motion = Motion((0, hinge, 0.412), (-1.0, 0.0, 0.0), math.pi / 2)
    lid = lid * [wide, long, 1.0] + [0, back, 0.412]
    lid[:, 1] = lid[:, 1].clip(max=hinge)
    walls = [
        replace(part, pos=(wide * part.pos[0], long * part.pos[1] + back, part.pos[2]))
        for part in ring([(0.1, 0.24), (0.18, 0.39)], 0.04, 8)
    ]
    shell = mesh(lid, lid_faces, shade(color, 0.96), "glossy")
    parts: list[Part] = [
        mesh(vertices, faces, color, "glossy"),
        hidden_cylinder(0.13, 0.24, (0, back, 0)),
        *walls,
        # The rim in front and behind, where the round walls leave gaps in the oval.
        *boards(
            color,
            "glossy",
            [
                ((0.4, 0.2, 0.36), (0, 0.25, 0.4)),
                ((0.22, 0.2, 0.4), (0, 0.22, 0)),
            ],
        ),
        box((0.04, 0.012, 0.02), (-0.12, 0.145, 0.68), style.metal, "metal", solid=False),
        replace(shell, motion=motion),
        replace(hidden_box((0.36, 0.4, 0.02), (0, hinge - 0.2, 0.412)), motion=motion),
    ]
    bowl = Space((0, back, 0.325), (0.14 * wide, 0.14 * long, 0.085), motion)
    return Fixture("Toilet", parts, (0.42, 0.7, 0.76), (Top(0, 0.25, 0.76, (0.19, 0.09)),), spaces=(bowl,))


def vanity(draw: Draw, style: Style, width: float) -> Fixture:
    """A bathroom cabinet with a basin on one end: two doors under the basin, drawers or a cupboard beside them."""
    depth, height, foot = 0.52, draw.uniform(0.82, 0.88), 0.08
    side = draw.pick([-1.0, 1.0])
    under = 0.56
    basin, other = side * (width / 2 - under / 2), -side * under / 2
    rest = width - under
    front, deep = -depth / 2 + 0.01, depth - 0.04
    tall = height - 0.04 - foot
    look = Look(style.cabinet, "wood", style.metal)
    made = Openings()
    made.add(cupboard(look, "Cabinet|1", under, deep, tall, (basin, front, foot), doors=2))
    body = depth - 0.01 - BOARD
    pieces = carcass(width, body, tall, (0, 0.005 + BOARD / 2, foot))
    pieces.append(partition(side * (width / 2 - under), front + BOARD, depth / 2 - 0.014, tall, foot))
    pieces.append(((width - 0.04, body - 0.04, foot), (0, 0.02, 0)))
    rows = 3
    for row in range(rows):
        low = foot + row * tall / rows
        made.add(drawer(look, f"Drawer|{row + 1}", rest, deep, tall / rows, (other, front, low)))
        if row:
            pieces.append(rail(rest, (other, front + BOARD, low)))
    outline = [(0.1, 0.0), (0.2, 0.1)]
    bowl, walls = hollow(outline, 0.012, 0.02, 8, 18)
    lifted = [replace(part, pos=(part.pos[0] + basin, part.pos[1] - 0.02, part.pos[2] + height)) for part in walls]
    parts = [
        *boards(style.cabinet, "plain", pieces),
        box((width, depth, 0.04), (0, 0, height - 0.04), style.counter, "stone"),
        mesh(*move_mesh(bowl, shift=(basin, -0.02, height)), style.porcelain, "glossy"),
        *lifted,
        *boards(
            style.metal,
            "metal",
            [
                ((0.024, 0.024, 0.22), (basin, depth / 2 - 0.02, height)),
                ((0.02, 0.13, 0.02), (basin, depth / 2 - 0.085, height + 0.2)),
            ],
        ),
        *made.parts,
    ]
    free = width - 0.52
    top = Top(-side * 0.26, 0, height, (free / 2 - 0.01, depth / 2 - 0.015))
    water = Space((basin, -0.02, height + 0.06), (0.13, 0.13, 0.04))
    return Fixture("SinkBasin", parts, (width, depth, height + 0.22), (top, *made.tops), 0.5, (water, *made.spaces))

"""Shapes of seats that can be moved."""

from __future__ import annotations

from simulator.things.materials import Draw, shade
from simulator.things.meshes import (
    bar,
    hidden_legs,
    hoop,
    legs,
    pad,
    paint,
    post,
    splayed_legs,
)
from simulator.things.shapes import (
    MeshArrays,
    Part,
    box_mesh,
    hidden_box,
    hidden_cylinder,
    lathe_mesh,
    mesh,
    move_mesh,
    superquadric_mesh,
    tilt,
)


def chair(draw: Draw) -> list[Part]:
    """A chair: with slats, a panel, spindles, an upholstered back, a shell on metal legs, or a folding frame."""
    form = draw.integer(0, 4)
    width, depth = draw.uniform(0.4, 0.46), draw.uniform(0.4, 0.45)
    seat, height = draw.uniform(0.43, 0.47), draw.uniform(0.84, 1.0)
    wood, cover = draw.color(draw.pick(["wood", "wood", "white", "dark"])), draw.color("fabric")
    leg, rear = 0.036, depth / 2 - 0.016
    x, y = width / 2 - leg / 2, depth / 2 - leg / 2
    frame: list[MeshArrays] = []
    parts: list[Part] = []
    if form == 4:
        shell = draw.color(draw.pick(["plastic", "white", "toy"]))
        metal = draw.plain_color(draw.pick(["metal", "wood"]))
        back, faces = superquadric_mesh((width / 2, 0.02, (height - seat) / 2), (0, 0, (height - seat) / 2), 0.5, 7, 14)
        back[:, 1] -= 0.5 * back[:, 0] ** 2 / width
        return [
            paint(
                shell,
                "glossy",
                pad((width, depth, 0.04), (0, 0, seat - 0.03), 0.45, 6, 14),
                move_mesh((back, faces), tilt("x", -0.18), (0, depth / 2 - 0.05, seat - 0.02)),
            ),
            paint(metal, "metal", splayed_legs(width * 0.28, width * 0.62, seat - 0.02, 0.014)),
            *hidden_legs(width * 0.4, width * 0.4, seat - 0.04, 0.03, 0.6),
            hidden_box((width, depth, 0.04), (0, 0, seat - 0.04), 2.0),
            hidden_box((width * 0.95, 0.06, height - seat - 0.02), (0, depth / 2, seat), 0.5),
        ]
    if form == 0:
        count = draw.integer(2, 4)
        frame += [
            box_mesh((width, 0.022, 0.06), (0, rear, seat + (height - seat) * (number + 0.6) / count - 0.03))
            for number in range(count)
        ]
    elif form == 1:
        low = seat + draw.uniform(0.08, 0.2)
        parts.append(paint(cover, "cloth", box_mesh((width - 0.02, 0.03, height - low), (0, rear, low))))
    elif form == 2:
        frame += [box_mesh((width, 0.026, 0.05), (0, rear, height - 0.05))]
        frame += [
            bar(0.008, (s * width, rear, seat), (s * width, rear, height - 0.03), 5)
            for s in (-0.3, -0.15, 0, 0.15, 0.3)
        ]
    else:
        low = seat + 0.04
        parts.append(paint(cover, "cloth", pad((width, 0.07, height - low), (0, rear - 0.015, low), 0.4)))
    uprights = [box_mesh((leg, 0.03, height - seat), (sign * x, rear, seat)) for sign in (-1, 1)]
    padded = form in (1, 3) or draw.chance(0.3)
    top = (
        pad((width, depth, 0.07), (0, 0, seat - 0.045), 0.35, 5, 14)
        if padded
        else box_mesh((width, depth, 0.035), (0, 0, seat - 0.035))
    )
    if not padded:
        frame.append(top)
    else:
        parts.append(paint(cover, "cloth", top))
    return [
        paint(wood, "timber", legs(x, y, seat - 0.03, leg), *uprights, *frame),
        *parts,
        *hidden_legs(x, y, seat - 0.04, leg),
        hidden_box((width, depth, 0.05), (0, 0, seat - 0.04), 2.0),
        hidden_box((width, 0.035, height - seat - 0.01), (0, rear, seat + 0.01), 0.8),
    ]


def arm_chair(draw: Draw) -> list[Part]:
    """An upholstered armchair: boxy with arms, round like a tub, or with wooden arms and a high back."""
    form = draw.integer(0, 2)
    width, depth, height = draw.uniform(0.66, 0.76), draw.uniform(0.64, 0.72), draw.uniform(0.78, 0.92)
    color, finish = draw.color(draw.pick(["fabric", "fabric", "leather"])), "cloth"
    seat, arm = 0.42, 0.13
    if form == 1:
        height = 0.74
        radius = width / 2
        tub, faces = lathe_mesh(
            [(radius * 0.85, 0.1), (radius, height), (radius - 0.1, height), (radius - 0.12, 0.36), (0, 0.36)], 22
        )
        # The front is cut down to the seat.
        tub[:, 2] = [min(z, 0.4) if y < -0.35 * radius else z for (_, y, z) in tub]
        ring = [
            hidden_box((0.1, radius * 1.3, height - 0.3), (sign * (radius - 0.06), 0.05, 0.3), 0.5) for sign in (-1, 1)
        ]
        return [
            mesh(tub, faces, color, finish),
            paint(shade(color, 1.15), finish, post(radius - 0.12, 0.1, (0, -0.02, 0.34), radius - 0.14, 16)),
            paint(draw.plain_color("wood"), "timber", legs(radius * 0.5, radius * 0.5, 0.12, 0.04)),
            hidden_box((radius * 1.5, radius * 1.5, 0.42)),
            *ring,
            hidden_box((radius * 1.4, 0.12, height - 0.3), (0, radius - 0.08, 0.3), 0.5),
        ]
    back = superquadric_mesh(
        (width / 2 - arm * (form == 2), 0.09, height / 2 - 0.05), (0, depth / 2 - 0.09, height / 2 + 0.05), 0.3, 7, 14
    )
    solid = [
        hidden_box((width, depth, seat - 0.14)),
        hidden_box((width, 0.17, height - seat + 0.14), (0, depth / 2 - 0.09, seat - 0.14), density=0.5),
        *[
            hidden_box((arm, depth - 0.17, 0.3), (s * (width - arm) / 2, -0.085, seat - 0.14), density=0.5)
            for s in (-1, 1)
        ],
    ]
    if form == 2:
        wood = draw.color("wood")
        sides = []
        for sign in (-1, 1):
            side = sign * (width / 2 - 0.03)
            sides += [
                box_mesh((0.06, depth, 0.03), (side, 0, 0.6)),
                box_mesh((0.045, 0.045, 0.6), (side, -depth * 0.42, 0)),
            ]
            sides.append(box_mesh((0.045, 0.045, 0.7), (side, depth * 0.42, 0)))
        return [
            paint(color, finish, back, pad((width - 2 * 0.06, depth - 0.1, 0.17), (0, -0.04, seat - 0.15), 0.35)),
            paint(wood, "timber", *sides, box_mesh((width - 0.1, depth * 0.8, 0.05), (0, 0, seat - 0.19))),
            *solid,
        ]
    arms = [
        superquadric_mesh((arm / 2, depth / 2, 0.28), (s * (width - arm) / 2, 0, 0.32), 0.35, 7, 12) for s in (-1, 1)
    ]
    return [
        paint(color, finish, back, *arms, box_mesh((width - arm, depth - 0.1, 0.2), (0, 0, 0.08))),
        paint(shade(color, 1.12), finish, pad((width - 2 * arm, depth - 0.16, 0.15), (0, -0.07, seat - 0.14), 0.3)),
        paint(draw.plain_color("dark"), "plain", legs(width * 0.42, depth * 0.42, 0.09, 0.05)),
        *solid,
    ]


def stool(draw: Draw) -> list[Part]:
    """A stool: round on splayed legs, square and padded, on one metal column, or a low milking stool on three legs."""
    form = draw.integer(0, 3)
    radius, height = draw.uniform(0.16, 0.2), draw.uniform(0.5, 0.72) * (0.75 if form == 3 else 1.0)
    wood = draw.color(draw.pick(["wood", "metal", "dark"]))
    cover = draw.color(draw.pick(["wood", "fabric", "leather"]))
    spread = radius * 1.15
    if form == 2:
        metal = draw.plain_color("metal")
        stem = lathe_mesh(
            [(0, 0), (radius, 0), (radius * 0.95, 0.02), (0.03, 0.04), (0.025, height - 0.06), (0, height - 0.06)], 14
        )
        return [
            paint(
                metal,
                "metal",
                stem,
                hoop(radius * 0.7, 0.01, (0, 0, height * 0.35)),
                bar(0.008, (-radius * 0.7, 0, height * 0.35), (radius * 0.7, 0, height * 0.35), 5),
            ),
            mesh(*post(radius, 0.07, (0, 0, height - 0.07), radius * 0.95, 16), cover, "cloth"),
            hidden_cylinder(radius, 0.03, density=8.0),
            hidden_cylinder(0.04, height - 0.1, (0, 0, 0.03)),
            hidden_cylinder(radius, 0.07, (0, 0, height - 0.07)),
        ]
    if form == 1:
        half = radius * 0.8
        rails = [box_mesh((2 * half, 0.024, 0.03), (0, s * half, height * 0.3)) for s in (-1, 1)]
        return [
            paint(wood, "timber", legs(half, half, height - 0.05, 0.034), *rails),
            paint(cover, "cloth", pad((radius * 1.9, radius * 1.9, 0.08), (0, 0, height - 0.08), 0.35)),
            *hidden_legs(half, half, height - 0.08, 0.034),
            hidden_box((radius * 1.85, radius * 1.85, 0.08), (0, 0, height - 0.08), 2.0),
        ]
    count = 3 if form == 3 else 4
    pieces = [splayed_legs(radius * 0.6, spread, height - 0.03, 0.018, count)]
    if form == 0:
        pieces.append(hoop(radius * 0.95, 0.009, (0, 0, height * 0.35)))
    return [
        paint(wood, "timber", *pieces),
        mesh(*post(radius, 0.045, (0, 0, height - 0.045), sides=16), cover, "timber"),
        hidden_cylinder(radius, 0.045, (0, 0, height - 0.045), 2.0),
        hidden_box((spread * 1.42, spread * 1.42, height - 0.045), density=0.3),
    ]


def ottoman(draw: Draw) -> list[Part]:
    """An ottoman: a drum with a seam, a rounded cube, a pouf with gores, or a box on short legs."""
    form = draw.integer(0, 3)
    radius, height = draw.uniform(0.2, 0.28), draw.uniform(0.38, 0.46)
    color, finish = draw.color(draw.pick(["fabric", "fabric", "leather"])), draw.pick(["cloth", "cloth", "stripes"])
    if form == 0:
        return [
            mesh(*post(radius, height * 0.8, sides=18), color, finish),
            mesh(*post(radius * 1.02, height * 0.2, (0, 0, height * 0.8), sides=18), shade(color, 1.15), "cloth"),
            hidden_cylinder(radius, height),
        ]
    if form == 2:
        outline = [
            (0, 0),
            (radius * 0.8, 0),
            (radius * 1.02, height * 0.3),
            (radius * 1.02, height * 0.65),
            (radius * 0.75, height),
            (0, height),
        ]
        body, faces = lathe_mesh(outline, 16)
        odd = (faces % 16).min(axis=1) % 2 == 0
        return [
            mesh(body, faces[odd], color, "cloth"),
            mesh(body, faces[~odd], shade(color, 0.75), "cloth"),
            hidden_cylinder(radius * 0.95, height),
        ]
    if form == 3:
        side = radius * 1.8
        return [
            paint(color, finish, pad((side, side, height - 0.1), (0, 0, 0.1), 0.25)),
            paint(draw.plain_color("wood"), "timber", legs(side * 0.4, side * 0.4, 0.11, 0.045)),
            hidden_box((side * 0.97, side * 0.97, height)),
        ]
    cube = superquadric_mesh((radius, radius, height / 2), (0, 0, height / 2), 0.3, 8, 20)
    return [mesh(*cube, color, finish), hidden_box((radius * 1.85, radius * 1.85, height))]


def footstool(draw: Draw) -> list[Part]:
    """A footstool: a small cushioned stool, a plastic step with a hollow front, or a wooden one with two treads."""
    form = draw.integer(0, 2)
    width, depth, height = draw.uniform(0.34, 0.44), draw.uniform(0.26, 0.34), draw.uniform(0.26, 0.38)
    if form == 1:
        color = draw.color(draw.pick(["plastic", "toy", "white"]))
        height *= 0.8
        body, faces = box_mesh((width, depth, height - 0.03), (0, 0, 0))
        body[:, :2] *= 1 + 0.12 * (body[:, 2:] < 0.01)
        return [
            paint(
                color,
                "glossy",
                (body, faces),
                pad((width * 1.05, depth * 1.05, 0.04), (0, 0, height - 0.04), 0.3, 5, 14),
            ),
            paint(
                shade(color, 0.45),
                "plain",
                box_mesh((width * 0.6, 0.02, height * 0.45), (0, -depth / 2 - 0.01, 0.0)),
                box_mesh((width * 0.7, depth * 0.6, 0.003), (0, 0, height - 0.002)),
            ),
            hidden_box((width * 1.1, depth * 1.1, height)),
        ]
    wood = draw.color(draw.pick(["wood", "white"]))
    if form == 2:
        low = height * 0.5
        boards = [
            box_mesh((width, depth * 0.5, 0.024), (0, depth * 0.25, height - 0.024)),
            box_mesh((width, depth * 0.5, 0.024), (0, -depth * 0.25, low - 0.024)),
        ]
        sides = [
            box_mesh((0.024, depth * 0.5, height - 0.024), (s * (width / 2 - 0.03), depth * 0.25, 0)) for s in (-1, 1)
        ]
        sides += [
            box_mesh((0.024, depth * 0.5, low - 0.024), (s * (width / 2 - 0.03), -depth * 0.25, 0)) for s in (-1, 1)
        ]
        return [
            paint(wood, "timber", *boards),
            paint(shade(wood, 0.8), "timber", *sides),
            hidden_box((width, depth * 0.5, height), (0, depth * 0.25, 0)),
            hidden_box((width, depth * 0.5, low), (0, -depth * 0.25, 0)),
        ]
    return [
        paint(wood, "timber", legs(width / 2 - 0.03, depth / 2 - 0.03, height - 0.06, 0.045)),
        paint(draw.color("fabric"), "cloth", pad((width, depth, 0.09), (0, 0, height - 0.09), 0.35)),
        hidden_box((width, depth, 0.085), (0, 0, height - 0.085)),
        hidden_box((width - 0.02, depth - 0.02, height - 0.085), density=0.3),
    ]

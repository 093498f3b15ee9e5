"""Shapes of lamps."""

from __future__ import annotations

from simulator.things.materials import Draw
from simulator.things.meshes import (
    ball,
    bar,
    legs,
    paint,
    post,
    splayed_legs,
)
from simulator.things.shapes import (
    Part,
    box_mesh,
    hidden_box,
    hidden_cylinder,
    lathe_mesh,
    mesh,
    move_mesh,
    tilt,
)


def desk_lamp(draw: Draw) -> list[Part]:
    """A desk lamp: a stem with a conical shade, a ceramic belly under a drum, a jointed arm, or a globe on a foot."""
    height, form = draw.uniform(0.3, 0.44), draw.integer(0, 3)
    color = draw.color(draw.pick(["metal", "ceramic", "wood", "dark"]))
    hood = draw.color(draw.pick(["paper", "fabric", "white"]))
    radius, low = draw.uniform(0.08, 0.12), height * 0.58
    if form == 2:
        elbow, head = (0.0, 0.1, height * 0.6), (0.0, -0.06, height * 0.95)
        shade_mesh = move_mesh(
            lathe_mesh([(0.075, 0), (0.03, 0.09), (0, 0.1), (0, 0.09), (0.068, 0.002)], 12),
            tilt("x", -0.5),
            (0, -0.11, height * 0.82),
        )
        return [
            paint(
                color,
                "metal",
                post(0.08, 0.025),
                bar(0.009, (0, 0.02, 0.02), elbow, 6),
                bar(0.009, elbow, head, 6),
                ball((0.014,) * 3, elbow, 5, 7),
            ),
            paint(color, "glow", shade_mesh),
            hidden_cylinder(0.08, 0.025, density=6.0),
            hidden_box((0.02, 0.09, height * 0.57), (0, 0.05, 0.025), 0.3),
            hidden_box((0.09, 0.14, 0.1), (0, -0.07, height * 0.83), 0.3),
        ]
    if form == 3:
        ball_radius = radius * 0.85
        return [
            paint(
                color,
                "timber",
                lathe_mesh(
                    [
                        (0, 0),
                        (radius * 0.7, 0),
                        (radius * 0.65, 0.02),
                        (0.025, 0.05),
                        (0.03, low * 0.7),
                        (0, low * 0.7),
                    ],
                    12,
                ),
            ),
            paint(hood, "glow", ball((ball_radius,) * 3, (0, 0, low * 0.7 + ball_radius * 0.95), 8, 14)),
            hidden_cylinder(radius * 0.7, 0.03, density=8.0),
            hidden_cylinder(0.028, low * 0.7 - 0.03, (0, 0, 0.03), 0.6),
            hidden_cylinder(ball_radius * 0.85, ball_radius * 1.8, (0, 0, low * 0.7), 0.1),
        ]
    wide = radius * (0.6 if form == 0 else 0.95)
    profile = [(radius, low), (wide, height), (wide - 0.008, height), (radius - 0.006, low), (radius, low)]
    stand = (
        [post(radius * 0.75, 0.03), bar(0.012, (0, 0, 0.03), (0, 0, height * 0.9), 8)]
        if form == 0
        else [
            lathe_mesh(
                [
                    (0, 0),
                    (0.05, 0),
                    (0.075, low * 0.4),
                    (0.03, low * 0.8),
                    (0.012, low),
                    (0.012, height * 0.9),
                    (0, height * 0.9),
                ],
                12,
            )
        ]
    )
    return [
        paint(color, "metal" if form == 0 else "glossy", *stand),
        mesh(*lathe_mesh(profile, 14), hood, "glow"),
        hidden_cylinder(radius * 0.75, 0.03, density=4.0)
        if form == 0
        else hidden_cylinder(0.055, low * 0.8, density=2.0),
        hidden_cylinder(0.018, low, (0, 0, 0.03)),
        hidden_cylinder((radius + wide) * 0.45, height - low, (0, 0, low), density=0.2),
    ]


def floor_lamp(draw: Draw) -> list[Part]:
    """A floor lamp: a stem with a cone or a drum of a shade, three legs, a bent arm, or a paper column."""
    form = draw.integer(0, 3)
    height, radius = draw.uniform(1.25, 1.55), draw.uniform(0.15, 0.2)
    metal, hood = draw.color(draw.pick(["metal", "dark", "wood"])), draw.color(draw.pick(["paper", "fabric", "white"]))
    low = height - draw.uniform(0.22, 0.3)
    upper = radius * (0.65, 1.0, 0.8, 1.0)[form]
    profile = [(radius, low), (upper, height), (upper - 0.008, height), (radius - 0.006, low), (radius, low)]
    base = [hidden_cylinder(0.15, 0.03, density=9.0)]
    if form == 3:
        side, tall = draw.uniform(0.2, 0.26), height * 0.8
        posts = legs(side / 2, side / 2, tall, 0.02)
        return [
            paint(
                metal,
                "timber",
                posts,
                box_mesh((side, side, 0.03), (0, 0, 0)),
                box_mesh((side, side, 0.02), (0, 0, tall - 0.02)),
            ),
            paint(hood, "glow", box_mesh((side * 0.92, side * 0.92, tall - 0.12), (0, 0, 0.06))),
            hidden_box((side, side, 0.05), density=14.0),
            hidden_box((side, side, tall - 0.05), (0, 0, 0.05), 0.3),
        ]
    shade_at = 0.0
    if form == 2:
        stand = [splayed_legs(0.04, 0.26, low + 0.04, 0.016, 3)]
        base = [hidden_cylinder(0.22, 0.03, density=10.0), hidden_cylinder(0.1, low - 0.2, (0, 0, 0.03), 0.2)]
    elif form == 1 and draw.chance(0.5):
        shade_at = 0.1
        stand = [
            post(0.16, 0.03, sides=16),
            bar(0.014, (0, 0.05, 0.03), (0, 0.05, height * 0.93), 7),
            bar(0.011, (0, 0.06, height * 0.93), (0, -shade_at, height * 0.93), 6),
        ]
    else:
        stand = [post(0.15, 0.03, sides=16), bar(0.014, (0, 0, 0.03), (0, 0, height - 0.06), 7)]
    return [
        paint(metal, "metal", *stand),
        mesh(*move_mesh(lathe_mesh(profile, 16), shift=(0, -shade_at, 0)), hood, "glow"),
        *base,
        hidden_cylinder(0.016, low, (0, 0.05 if shade_at else 0, 0.03)),
        hidden_cylinder((radius + upper) * 0.45, height - low, (0, -shade_at, low), density=0.1),
    ]

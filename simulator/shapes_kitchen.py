"""Shapes of kitchen things that can be moved. Each function draws one instance's size, form and colours."""

from __future__ import annotations

import math

import numpy as np

from simulator.materials import Draw, shade
from simulator.shapes import (
    Part,
    box,
    cylinder,
    ellipsoid,
    handle_mesh,
    hidden_box,
    hidden_cylinder,
    join_meshes,
    lathe_mesh,
    mesh,
    move_mesh,
    rod,
    sphere,
    superquadric_mesh,
    tube_mesh,
)


def mug(draw: Draw) -> list[Part]:
    """Straight or tapered, with a handle."""
    radius, height = draw.uniform(0.038, 0.052), draw.uniform(0.09, 0.125)
    foot = radius * draw.uniform(0.75, 1.0)
    cup = lathe_mesh(
        [(0, 0), (foot, 0), (radius, height), (radius * 0.88, height), (foot * 0.85, height * 0.15), (0, height * 0.15)]
    )
    handle = handle_mesh(0.032, height * 0.25, height * 0.8, radius * 0.9, 0.007)
    return [mesh(*join_meshes(cup, handle), draw.color("ceramic"), "glossy"), hidden_cylinder(radius * 0.95, height)]


def bowl(draw: Draw) -> list[Part]:
    """Round and open, shallow or deep."""
    radius = draw.uniform(0.075, 0.14)
    height = radius * draw.uniform(0.5, 0.75)
    foot = radius * 0.5
    profile = [
        (0, 0),
        (foot, 0),
        (radius * 0.85, height * 0.5),
        (radius, height),
        (radius * 0.93, height),
        (radius * 0.75, height * 0.5),
        (foot * 0.8, height * 0.14),
        (0, height * 0.12),
    ]
    return [
        mesh(*lathe_mesh(profile, 16), draw.color("ceramic"), "glossy"),
        hidden_cylinder(radius * 0.85, height * 0.6, (0, 0, height * 0.4)),
        hidden_cylinder(foot * 1.15, height * 0.4),
    ]


def plate(draw: Draw) -> list[Part]:
    """A plate, alone or a small stack."""
    radius = draw.uniform(0.1, 0.14)
    height = draw.pick([0.024, 0.024, 0.045])
    foot = radius * 0.6
    edge = height - 0.02
    profile = [(0, 0), (foot, 0), (radius, height - 0.008), (radius * 0.98, height), (foot, edge), (0, edge)]
    return [
        mesh(*lathe_mesh(profile, 20), draw.color("ceramic"), "glossy"),
        hidden_cylinder(foot * 1.05, height * 0.5),
        hidden_cylinder(radius * 0.93, height * 0.5, (0, 0, height * 0.5)),
    ]


def cup(draw: Draw) -> list[Part]:
    """A tumbler without a handle."""
    radius, height = draw.uniform(0.036, 0.045), draw.uniform(0.1, 0.15)
    foot = radius * draw.uniform(0.65, 0.85)
    profile = [(0, 0), (foot, 0), (radius, height), (radius * 0.9, height), (foot * 0.8, 0.012), (0, 0.012)]
    finish = draw.pick(["glossy", "stripes", "plain"])
    return [mesh(*lathe_mesh(profile), draw.color("plastic"), finish), hidden_cylinder(radius * 0.92, height)]


def apple(draw: Draw) -> list[Part]:
    """With a stem."""
    radius = draw.uniform(0.036, 0.046)
    return [
        ellipsoid((radius, radius, radius * 0.92), (0, 0, radius * 0.92), draw.color("red_fruit"), "glossy"),
        rod(0.004, (0, 0, radius * 1.75), (0.006, 0, radius * 2.05), (0.3, 0.2, 0.12), solid=False),
    ]


def tomato(draw: Draw) -> list[Part]:
    """Flatter than an apple, with a green top."""
    radius = draw.uniform(0.036, 0.05)
    return [
        ellipsoid((radius, radius, radius * 0.8), (0, 0, radius * 0.8), draw.color("tomato"), "glossy"),
        sphere(0.01, (0, 0, radius * 1.56), draw.plain_color("plant"), solid=False),
    ]


def potato(draw: Draw) -> list[Part]:
    """Longish, brown."""
    length, radius = draw.uniform(0.05, 0.07), draw.uniform(0.033, 0.042)
    flat = radius * 0.85
    return [ellipsoid((length, radius, flat), (0, 0, flat), draw.color("potato"), "rough")]


def lettuce(draw: Draw) -> list[Part]:
    """A crinkled green ball."""
    radius = draw.uniform(0.075, 0.1)
    vertices, faces = superquadric_mesh((radius, radius, radius * 0.85), (0, 0, radius * 0.85), 1.0, 9, 14)
    crinkle = 1 + 0.07 * np.sign(np.sin(np.arange(len(vertices)) * 2.4))
    vertices = (vertices - [0, 0, radius * 0.85]) * crinkle[:, None] + [0, 0, radius * 0.85]
    vertices[:, 2] = np.maximum(vertices[:, 2], 0.0)
    return [
        mesh(vertices, faces, draw.color("lettuce"), "rough"),
        hidden_cylinder(radius * 0.6, radius * 1.65),
        hidden_cylinder(radius * 0.95, radius * 0.8, (0, 0, radius * 0.45)),
    ]


def bread(draw: Draw) -> list[Part]:
    """A loaf."""
    length, width, height = draw.uniform(0.2, 0.32), draw.uniform(0.1, 0.13), draw.uniform(0.08, 0.12)
    loaf = superquadric_mesh((length / 2, width / 2, height / 2), (0, 0, height / 2), draw.uniform(0.45, 0.75))
    return [
        mesh(*loaf, draw.color("bread"), "rough"),
        hidden_box((length * 0.9, width * 0.8, height)),
    ]


def toaster(draw: Draw) -> list[Part]:
    """A box with two slots and a lever."""
    length, width, height = draw.uniform(0.25, 0.34), draw.uniform(0.15, 0.19), draw.uniform(0.17, 0.21)
    color = draw.color(draw.pick(["metal", "plastic", "ceramic"]))
    slot = (0.12, 0.11, 0.1)
    return [
        box((length, width, height), (0, 0, 0), color, "metal"),
        box((length * 0.75, 0.022, 0.004), (0, -width * 0.2, height), slot, solid=False),
        box((length * 0.75, 0.022, 0.004), (0, width * 0.2, height), slot, solid=False),
        box((0.02, 0.035, 0.018), (length / 2 + 0.008, 0, height * 0.6), slot, solid=False),
    ]


def pan(draw: Draw) -> list[Part]:
    """A frying pan with a long handle."""
    radius, height = draw.uniform(0.11, 0.15), draw.uniform(0.04, 0.055)
    color = draw.color(draw.pick(["dark", "metal"]))
    profile = [(0, 0), (radius * 0.85, 0), (radius, height), (radius * 0.95, height), (radius * 0.8, 0.008), (0, 0.008)]
    end = radius + draw.uniform(0.14, 0.2)
    grip = draw.color(draw.pick(["dark", "wood"]))
    return [
        mesh(*lathe_mesh(profile, 18), color, "metal"),
        hidden_cylinder(radius * 0.9, height, density=3.0),
        rod(0.011, (radius * 0.95, 0, height * 0.8), (end, 0, height * 1.2), grip),
    ]


def pot(draw: Draw) -> list[Part]:
    """A cooking pot with lid and two ears."""
    radius, height = draw.uniform(0.1, 0.13), draw.uniform(0.12, 0.16)
    color = draw.color(draw.pick(["metal", "ceramic"]))
    body = lathe_mesh([(0, 0), (radius, 0), (radius, height), (radius * 0.7, height + 0.022), (0, height + 0.03)], 18)
    ear = handle_mesh(0.03, height * 0.7, height * 0.7 + 0.03, radius * 0.95, 0.008)
    other = move_mesh(ear, (0.0, 0.0, 0.0, 1.0))
    return [
        mesh(*join_meshes(body, ear, other), color, "metal"),
        sphere(0.017, (0, 0, height + 0.042), draw.plain_color("dark"), solid=False),
        hidden_cylinder(radius, height + 0.02),
    ]


def kettle(draw: Draw) -> list[Part]:
    """A round kettle with spout and bow."""
    radius, height = draw.uniform(0.08, 0.1), draw.uniform(0.15, 0.19)
    color = draw.color(draw.pick(["metal", "ceramic", "plastic"]))
    top = height * 1.06
    body = lathe_mesh([(0, 0), (radius, 0), (radius, height * 0.4), (radius * 0.6, height), (0.02, top), (0, top)], 16)
    path = [[radius * 0.7, 0, height * 0.5], [radius * 1.2, 0, height * 0.7], [radius * 1.4, 0, height * 0.95]]
    spout = tube_mesh(np.array(path), 0.014, (0.0, 1.0, 0.0))
    bow = np.linspace(0.1, math.pi - 0.1, 8)
    arc = np.stack([radius * 0.8 * np.cos(bow), np.zeros(8), height * 0.95 + 0.08 * np.sin(bow)], axis=1)
    return [
        mesh(*join_meshes(body, spout), color, "metal"),
        mesh(*tube_mesh(arc, 0.009, (0.0, 1.0, 0.0), 5), draw.plain_color("dark")),
        hidden_cylinder(radius * 0.97, height * 0.5),
        hidden_cylinder(radius * 0.75, height * 0.6, (0, 0, height * 0.5)),
    ]


def wine_bottle(draw: Draw) -> list[Part]:
    """Dark glass with a label."""
    radius, height = draw.uniform(0.037, 0.043), draw.uniform(0.29, 0.33)
    neck = 0.015
    profile = [(0, 0), (radius, 0), (radius, height * 0.6), (neck, height * 0.76), (neck, height), (0, height)]
    return [
        mesh(*lathe_mesh(profile), draw.color("wine"), "glossy"),
        cylinder(radius + 0.001, height * 0.28, (0, 0, height * 0.18), draw.color("paper"), solid=False),
        hidden_cylinder(radius, height * 0.66),
        hidden_cylinder(neck, height * 0.34, (0, 0, height * 0.66), density=0.5),
    ]


def bottle(draw: Draw) -> list[Part]:
    """A plastic or glass bottle with a cap."""
    radius, height = draw.uniform(0.034, 0.046), draw.uniform(0.19, 0.27)
    neck = radius * 0.35
    shoulder = draw.uniform(0.55, 0.72)
    profile = [(0, 0), (radius, 0), (radius, height * shoulder), (neck, height * 0.88), (neck, height), (0, height)]
    return [
        mesh(*lathe_mesh(profile), draw.color("glass"), "glossy"),
        cylinder(neck * 1.25, height * 0.1, (0, 0, height * 0.94), draw.color("plastic"), solid=False),
        hidden_cylinder(radius, height * 0.75),
        hidden_cylinder(neck * 1.2, height * 0.27, (0, 0, height * 0.75), density=0.4),
    ]


def shaker(draw: Draw) -> list[Part]:
    """Salt or pepper: a small body with a metal cap."""
    radius, height = draw.uniform(0.024, 0.032), draw.uniform(0.1, 0.15)
    return [
        cylinder(radius, height * 0.75, (0, 0, 0), draw.color("ceramic"), "glossy"),
        cylinder(radius * 0.85, height * 0.25, (0, 0, height * 0.75), draw.color("metal"), "metal", density=0.5),
    ]


def pepper_mill(draw: Draw) -> list[Part]:
    """A turned wooden mill."""
    radius, height = draw.uniform(0.028, 0.034), draw.uniform(0.16, 0.23)
    profile = [
        (0, 0),
        (radius, 0),
        (radius, height * 0.15),
        (radius * 0.65, height * 0.45),
        (radius * 0.95, height * 0.72),
        (radius * 0.6, height * 0.8),
        (radius * 0.75, height * 0.92),
        (0, height),
    ]
    return [mesh(*lathe_mesh(profile, 12), draw.color("wood"), "timber"), hidden_cylinder(radius * 0.97, height * 0.97)]


def coffee_machine(draw: Draw) -> list[Part]:
    """A back, a foot and a head over a glass jug."""
    width, depth, height = draw.uniform(0.19, 0.26), draw.uniform(0.24, 0.3), draw.uniform(0.3, 0.38)
    color = draw.color(draw.pick(["dark", "metal", "plastic"]))
    jug = lathe_mesh([(0, 0), (0.06, 0), (0.07, 0.05), (0.05, 0.12), (0, 0.12)], 12)
    return [
        box((width, depth * 0.45, height), (0, depth * 0.275, 0), color, "glossy"),
        box((width, depth, 0.035), (0, 0, 0), shade(color, 0.8)),
        box((width, depth * 0.6, height * 0.28), (0, -depth * 0.2, height * 0.72), color, "glossy"),
        mesh(*move_mesh(jug, shift=(0, -depth * 0.2, 0.035)), (0.25, 0.2, 0.18), "glossy"),
    ]


def microwave(draw: Draw) -> list[Part]:
    """A box with a dark window and a panel of buttons."""
    width, depth, height = draw.uniform(0.44, 0.52), draw.uniform(0.32, 0.38), draw.uniform(0.25, 0.3)
    color = draw.color(draw.pick(["white", "metal", "dark"]))
    return [
        box((width, depth, height), (0, 0, 0), color, "metal"),
        box(
            (width * 0.62, 0.012, height * 0.7),
            (-width * 0.14, -depth / 2, height * 0.15),
            (0.09, 0.09, 0.1),
            solid=False,
        ),
        box(
            (width * 0.2, 0.012, height * 0.8), (width * 0.36, -depth / 2, height * 0.1), shade(color, 0.6), solid=False
        ),
    ]


def cutting_board(draw: Draw) -> list[Part]:
    """A flat board, or one that stands in its foot."""
    width, depth, height = draw.uniform(0.26, 0.38), draw.uniform(0.19, 0.26), draw.uniform(0.018, 0.03)
    wood = draw.color("wood")
    return [
        box((width, depth, height), (0, 0, 0), wood, "timber"),
        box((0.09, 0.02, height + 0.002), (width * 0.38, 0, 0), shade(wood, 0.6), solid=False),
    ]


def paper_towel_roll(draw: Draw) -> list[Part]:
    """A tall white roll."""
    radius, height = draw.uniform(0.055, 0.07), draw.uniform(0.22, 0.26)
    profile = [(0.02, 0), (radius, 0), (radius, height), (0.02, height), (0.02, 0.1)]
    return [mesh(*lathe_mesh(profile, 16), draw.color("paper"), "rough"), hidden_cylinder(radius, height)]


def sponge(draw: Draw) -> list[Part]:
    """Two layers."""
    length, width = draw.uniform(0.1, 0.13), draw.uniform(0.07, 0.08)
    return [
        box((length, width, 0.026), (0, 0, 0), draw.color("plastic"), "rough"),
        box((length, width, 0.01), (0, 0, 0.026), draw.color("plant"), "rough"),
    ]


def watering_can(draw: Draw) -> list[Part]:
    """A round can with spout and handle."""
    radius, height = draw.uniform(0.075, 0.1), draw.uniform(0.15, 0.2)
    color = draw.color(draw.pick(["plastic", "metal", "ceramic"]))
    body = lathe_mesh([(0, 0), (radius, 0), (radius * 0.9, height), (radius * 0.75, height), (0, height * 0.93)], 14)
    path = np.array(
        [[radius * 0.8, 0, height * 0.25], [radius * 1.5, 0, height * 0.7], [radius * 2.0, 0, height * 1.15]]
    )
    handle = move_mesh(handle_mesh(0.06, height * 0.3, height * 0.95, radius * 0.85, 0.008), (0.0, 0.0, 0.0, 1.0))
    return [
        mesh(*join_meshes(body, tube_mesh(path, 0.013, (0.0, 1.0, 0.0)), handle), color, "metal"),
        hidden_cylinder(radius * 0.95, height),
    ]

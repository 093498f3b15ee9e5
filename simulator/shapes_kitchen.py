"""Shapes of kitchen and bathroom things that can be moved. Each function draws one instance's size, form and colours."""

from __future__ import annotations

import math

import numpy as np

from simulator.materials import Draw, shade
from simulator.shapes import (
    Part,
    box,
    cylinder,
    ellipsoid,
    join_meshes,
    lathe_mesh,
    mesh,
    rod,
    sphere,
    superquadric_mesh,
    tube_mesh,
)


def _hidden_cylinder(radius: float, height: float, foot: float = 0.0) -> Part:
    return cylinder(radius, height, (0.0, 0.0, foot), (0.5, 0.5, 0.5), seen=False)


def _handle(reach: float, low: float, high: float, start: float, thickness: float):
    """A half ring from (start, low) to (start, high) that stands out by `reach` along +x, as mesh arrays."""
    angles = np.linspace(-np.pi / 2, np.pi / 2, 7)
    path = np.stack(
        [start + reach * np.cos(angles), np.zeros(7), (low + high) / 2 + (high - low) / 2 * np.sin(angles)], axis=1
    )
    return tube_mesh(path, thickness, 5)


def mug(draw: Draw) -> list[Part]:
    radius, height = draw.uniform(0.038, 0.052), draw.uniform(0.09, 0.125)
    foot = radius * draw.uniform(0.75, 1.0)
    cup = lathe_mesh(
        [(0, 0), (foot, 0), (radius, height), (radius * 0.88, height), (foot * 0.85, height * 0.15), (0, height * 0.15)]
    )
    handle = _handle(0.032, height * 0.25, height * 0.8, radius * 0.9, 0.007)
    return [mesh(*join_meshes(cup, handle), draw.color("ceramic"), "glossy"), _hidden_cylinder(radius * 0.95, height)]


def bowl(draw: Draw) -> list[Part]:
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
        _hidden_cylinder(radius * 0.85, height * 0.6, height * 0.4),
        _hidden_cylinder(foot * 1.15, height * 0.4),
    ]


def apple(draw: Draw) -> list[Part]:
    radius = draw.uniform(0.036, 0.046)
    color = draw.color("red_fruit")
    return [
        ellipsoid((radius, radius, radius * 0.92), (0, 0, radius * 0.92), color, "glossy"),
        rod(0.004, (0, 0, radius * 1.75), (0.006, 0, radius * 2.05), (0.3, 0.2, 0.12), solid=False),
    ]


def bread(draw: Draw) -> list[Part]:
    length, width, height = draw.uniform(0.2, 0.32), draw.uniform(0.1, 0.13), draw.uniform(0.08, 0.12)
    loaf = superquadric_mesh((length / 2, width / 2, height / 2), (0, 0, height / 2), 0.55)
    hidden = box((length * 0.92, width * 0.85, height * 0.95), (0, 0, 0), (0.5, 0.5, 0.5), seen=False)
    return [mesh(*loaf, draw.color("bread"), "rough"), hidden]


def toaster(draw: Draw) -> list[Part]:
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
    radius, height = draw.uniform(0.11, 0.15), draw.uniform(0.04, 0.055)
    color = draw.color(draw.pick(["dark", "metal"]))
    profile = [(0, 0), (radius * 0.85, 0), (radius, height), (radius * 0.95, height), (radius * 0.8, 0.008), (0, 0.008)]
    end = radius + draw.uniform(0.14, 0.2)
    return [
        mesh(*lathe_mesh(profile, 18), color, "metal"),
        _hidden_cylinder(radius * 0.92, height),
        rod(0.011, (radius * 0.95, 0, height * 0.8), (end, 0, height * 1.2), shade(draw.color("dark"), 0.9)),
    ]


def wine_bottle(draw: Draw) -> list[Part]:
    radius, height = draw.uniform(0.037, 0.043), draw.uniform(0.29, 0.33)
    neck = 0.015
    profile = [(0, 0), (radius, 0), (radius, height * 0.6), (neck, height * 0.76), (neck, height), (0, height)]
    label = cylinder(radius + 0.001, height * 0.28, (0, 0, height * 0.18), draw.color("paper"), solid=False)
    return [
        mesh(*lathe_mesh(profile), draw.color("wine"), "glossy"),
        label,
        _hidden_cylinder(radius, height * 0.66),
        _hidden_cylinder(neck, height * 0.34, height * 0.66),
    ]


def plate(draw: Draw) -> list[Part]:
    radius, height = draw.uniform(0.1, 0.14), 0.024
    foot = radius * 0.6
    profile = [(0, 0), (foot, 0), (radius, height), (radius * 0.97, height + 0.004), (foot, 0.007), (0, 0.007)]
    return [
        mesh(*lathe_mesh(profile, 20), draw.color("ceramic"), "glossy"),
        _hidden_cylinder(foot * 1.05, height * 0.5),
        _hidden_cylinder(radius * 0.93, height * 0.5, height * 0.5),
    ]


def soap_bar(draw: Draw) -> list[Part]:
    length, width, height = draw.uniform(0.085, 0.11), draw.uniform(0.055, 0.07), draw.uniform(0.028, 0.04)
    bar = superquadric_mesh((length / 2, width / 2, height / 2), (0, 0, height / 2), 0.4, 7, 14)
    hidden = box((length * 0.9, width * 0.9, height), (0, 0, 0), (0.5, 0.5, 0.5), seen=False)
    return [mesh(*bar, draw.color("soap")), hidden]


def toilet_paper(draw: Draw) -> list[Part]:
    radius, height = draw.uniform(0.055, 0.065), draw.uniform(0.1, 0.11)
    profile = [(0.02, 0), (radius, 0), (radius, height), (0.02, height), (0.02, 0)]
    return [mesh(*lathe_mesh(profile, 16), draw.color("paper"), "rough"), _hidden_cylinder(radius, height)]


def spray_bottle(draw: Draw) -> list[Part]:
    radius, height = draw.uniform(0.038, 0.046), draw.uniform(0.16, 0.2)
    body, head = draw.color("plastic"), draw.color("plastic")
    return [
        cylinder(radius, height, (0, 0, 0), body, "glossy"),
        cylinder(0.016, 0.04, (0, 0, height), head),
        box((0.1, 0.028, 0.03), (-0.02, 0, height + 0.035), head),
    ]


def tomato(draw: Draw) -> list[Part]:
    radius = draw.uniform(0.036, 0.05)
    return [
        ellipsoid((radius, radius, radius * 0.8), (0, 0, radius * 0.8), draw.color("tomato"), "glossy"),
        sphere(0.01, (0, 0, radius * 1.56), draw.plain_color("plant"), solid=False),
    ]


def cup(draw: Draw) -> list[Part]:
    radius, height = draw.uniform(0.036, 0.045), draw.uniform(0.1, 0.15)
    foot = radius * draw.uniform(0.65, 0.85)
    profile = [(0, 0), (foot, 0), (radius, height), (radius * 0.9, height), (foot * 0.8, 0.012), (0, 0.012)]
    return [mesh(*lathe_mesh(profile), draw.color("plastic"), "glossy"), _hidden_cylinder(radius * 0.92, height)]


def pot(draw: Draw) -> list[Part]:
    radius, height = draw.uniform(0.1, 0.13), draw.uniform(0.12, 0.16)
    color = draw.color(draw.pick(["metal", "ceramic"]))
    lid = [(radius * 1.02, height), (radius * 0.7, height + 0.022), (0, height + 0.03)]
    body = lathe_mesh([(0, 0), (radius, 0), (radius, height), *lid[1:]], 18)
    ears = [_handle(0.03, height * 0.7, height * 0.7 + 0.03, radius * 0.95, 0.008)]
    flipped = ears[0][0] * np.array([-1.0, -1.0, 1.0])
    return [
        mesh(*join_meshes(body, ears[0], (flipped, ears[0][1])), color, "metal"),
        sphere(0.017, (0, 0, height + 0.042), draw.plain_color("dark"), solid=False),
        _hidden_cylinder(radius, height + 0.02),
    ]


def kettle(draw: Draw) -> list[Part]:
    radius, height = draw.uniform(0.08, 0.1), draw.uniform(0.15, 0.19)
    color = draw.color(draw.pick(["metal", "ceramic", "plastic"]))
    profile = [
        (0, 0),
        (radius, 0),
        (radius, height * 0.4),
        (radius * 0.6, height),
        (0.02, height * 1.06),
        (0, height * 1.06),
    ]
    body = lathe_mesh(profile, 16)
    spout = tube_mesh(
        np.array([[radius * 0.7, 0, height * 0.5], [radius * 1.2, 0, height * 0.7], [radius * 1.4, 0, height * 0.95]]),
        0.014,
    )
    bow = np.linspace(0.1, math.pi - 0.1, 8)
    grip = tube_mesh(
        np.stack([radius * 0.8 * np.cos(bow), np.zeros(8), height * 0.95 + 0.08 * np.sin(bow)], axis=1), 0.009, 5
    )
    return [
        mesh(*join_meshes(body, spout), color, "metal"),
        mesh(*grip, draw.plain_color("dark")),
        _hidden_cylinder(radius * 0.97, height * 0.5),
        _hidden_cylinder(radius * 0.75, height * 0.6, height * 0.5),
    ]

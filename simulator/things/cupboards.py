"""Cupboards and drawers: carcasses of boards with doors and drawers that open, their shelves and their linings.

A carcass is an open box of boards. Its front is at -y. What only shows while it is open (linings, shelves, the insides
of drawers) is `behind` a motion, so that it costs nothing to draw while it is closed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.things.materials import shade
from simulator.things.shapes import Color, Motion, Part, Space, Top, Vector, box, rod

BOARD = 0.018
"""Thickness of boards, metres."""
SWING = math.radians(95)
"""Angle by which doors open, radians."""
DARK = 0.55
"""Shade of linings: little light falls into a cupboard."""
CLEAR = 0.003
"""Gap around doors and drawers, metres, so that they do not touch the carcass."""


@dataclass
class Openings:
    """The parts, inner surfaces and spaces of the doors and drawers of one fixture."""

    parts: list[Part] = field(default_factory=list)
    tops: list[Top] = field(default_factory=list)
    spaces: list[Space] = field(default_factory=list)


@dataclass(frozen=True)
class Look:
    """The colours of a fixture's fronts."""

    front: Color
    finish: str
    handle: Color


def drawer(
    look: Look, owner: str, width: float, depth: float, height: float, foot: Vector, travel_share: float = 0.8
) -> Openings:
    """A drawer whose front fills `width` times `height`.

    Args:
        look: its colours.
        owner: see `Motion.owner`.
        width: of the front, metres.
        depth: of the space for it, front included, metres.
        height: of the front, metres.
        foot: the middle of the lower edge of the front's outer face.
        travel_share: how far it comes out, as a share of its depth.
    """
    x, y, z = foot
    motion = Motion((x, y, z), (0.0, -1.0, 0.0), travel_share * depth, slides=True, owner=owner)
    inner, deep, tall = width - 2 * BOARD - 2 * CLEAR, depth - BOARD - 0.02, height * 0.7
    wood = shade(look.front, DARK)
    base = z + 0.012
    moved: dict[str, Any] = {"motion": motion, "behind": motion}
    middle = y + BOARD + deep / 2
    parts = [
        box((width - 2 * CLEAR, BOARD, height - 2 * CLEAR), (x, y + BOARD / 2, z + CLEAR), look.front, look.finish,
            motion=motion),
        rod(0.006, (x - 0.05, y - 0.02, z + height * 0.6), (x + 0.05, y - 0.02, z + height * 0.6), look.handle, "metal",
            solid=False, motion=motion),
        box((inner, deep, 0.008), (x, middle, base), wood, **moved),
        *[
            box((0.01, deep, tall), (x + side * (inner - 0.01) / 2, middle, base), wood, **moved)
            for side in (-1, 1)
        ],
        box((inner - 0.02, 0.01, tall), (x, y + BOARD + deep - 0.005, base), wood, **moved),
    ]  # fmt: skip
    half = (inner / 2 - 0.015, deep / 2 - 0.012)
    bottom = base + 0.008
    clearance = height - (bottom - z) - 0.02
    space = Space((x, middle, bottom + clearance / 2), (*half, clearance / 2), motion)
    return Openings(parts, [Top(x, middle, bottom, half, clearance, "inside", motion)], [space])


def door(
    look: Look, owner: str, width: float, height: float, foot: Vector, hinge: int, thickness: float = BOARD
) -> tuple[Motion, list[Part]]:
    """A door with the lower middle of its outer face at `foot`; `hinge` is -1 for its left edge, 1 for its right."""
    x, y, z = foot
    edge = x + hinge * (width / 2 - CLEAR)
    motion = Motion((edge, y, z), (0.0, 0.0, float(hinge)), SWING, owner=owner)
    grip = x - hinge * (width / 2 - 0.04)
    high = z + height * (0.75 if z < 0.8 else 0.25)
    parts = [
        box((width - 2 * CLEAR, thickness, height - 2 * CLEAR), (x, y + thickness / 2, z + CLEAR), look.front,
            look.finish, motion=motion),
        rod(0.006, (grip, y - 0.02, high - 0.06), (grip, y - 0.02, high + 0.06), look.handle, "metal", solid=False,
            motion=motion),
    ]  # fmt: skip
    return motion, parts


def carcass(
    color: Color, finish: str, width: float, depth: float, height: float, foot: Vector, boards: str = "blrtk"
) -> list[Part]:
    """The boards of an open-fronted box with the middle of its bottom at `foot`.

    Args:
        color: of the boards.
        finish: of the boards.
        width: outside, metres.
        depth: outside, metres.
        height: outside, metres.
        foot: middle of its bottom.
        boards: letters of the boards: b bottom, l left, r right, t top, k back.
    """
    x, y, z = foot
    made = {
        "b": box((width, depth, BOARD), (x, y, z), color, finish),
        "t": box((width, depth, BOARD), (x, y, z + height - BOARD), color, finish),
        "l": box((BOARD, depth, height), (x - (width - BOARD) / 2, y, z), color, finish),
        "r": box((BOARD, depth, height), (x + (width - BOARD) / 2, y, z), color, finish),
        "k": box((width, BOARD, height), (x, y + (depth - BOARD) / 2, z), color, finish),
    }
    return [made[letter] for letter in boards]


def lining(color: Color, width: float, depth: float, height: float, foot: Vector, motion: Motion) -> list[Part]:
    """Dark sheets on the inner faces of a space of this size with the middle of its floor at `foot`."""
    x, y, z = foot
    dark, thin = shade(color, DARK), 0.002
    sheets = [
        box((width, depth, thin), (x, y, z), dark),
        box((width, depth, thin), (x, y, z + height - thin), dark),
        box((thin, depth, height), (x - (width - thin) / 2, y, z), dark),
        box((thin, depth, height), (x + (width - thin) / 2, y, z), dark),
        box((width, thin, height), (x, y + (depth - thin) / 2, z), dark),
    ]
    return [replace(sheet, solid=False, behind=motion) for sheet in sheets]


def cupboard(
    look: Look,
    owner: str,
    width: float,
    depth: float,
    height: float,
    foot: Vector,
    shelves: Sequence[float] = (0.5,),
    doors: int = 1,
    hinge: int = -1,
    color: Color | None = None,
) -> Openings:
    """The doors, shelves and lining of a cupboard inside a carcass; the boards around it are the caller's.

    Args:
        look: colours of the doors.
        owner: see `Motion.owner`; two doors open together.
        width: of the front, metres; the boards at its sides are within it.
        depth: from the doors' outer face to the back board's inner face, metres.
        height: of the front, metres; the boards above and below are within it.
        foot: the middle of the lower edge of the front's outer face.
        shelves: heights of the boards inside as shares of the height.
        doors: 1 or 2.
        hinge: side of a single door's hinge, -1 left or 1 right.
        color: of the inside; by default that of the front.
    """
    x, y, z = foot
    made = Openings()
    wide = width / doors
    motions = []
    for number in range(doors):
        side = hinge if doors == 1 else (-1 if number == 0 else 1)
        middle = x if doors == 1 else x + (number - 0.5) * wide
        motion, parts = door(look, owner, wide, height, (middle, y, z), side)
        motions.append(motion)
        made.parts += parts
    motion = motions[0]
    inner, deep = width - 2 * BOARD, depth - BOARD - 2 * CLEAR
    low, high = z + BOARD, z + height - BOARD
    behind = y + BOARD + CLEAR + deep / 2
    made.parts += lining(color or look.front, inner, deep, high - low, (x, behind, low), motion)
    levels = [low, *[low + share * (high - low) for share in shelves]]
    for level in levels[1:]:
        board = box((inner, deep - 0.04, 0.015), (x, behind + 0.02, level - 0.015), shade(look.front, DARK))
        made.parts.append(replace(board, behind=motion))
    for level, above in zip(levels, [*levels[1:], high + 0.015], strict=True):
        clearance = above - 0.015 - level
        half = (inner / 2 - 0.012, deep / 2 - 0.03)
        made.tops.append(Top(x, behind + 0.01, level + 0.002, half, clearance - 0.01, "inside", motion))
        made.spaces.append(Space((x, behind, level + clearance / 2), (inner / 2, deep / 2, clearance / 2), motion))
    return made

"""Cupboards and drawers: carcasses of boards with doors and drawers that open, their shelves and their linings.

A carcass is an open box of boards. Its front is at -y. What only shows while it is open (linings, shelves, the insides
of drawers) is `behind` a motion, so that it costs nothing to draw while it is closed. Boards of one colour are drawn as
one mesh, because each geom costs more than its triangles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.things.materials import shade
from simulator.things.openings import Motion, Space, Top, Vector
from simulator.things.shapes import Color, Part, box, box_mesh, hidden_box, join_meshes, mesh

BOARD = 0.018
"""Thickness of boards, metres."""
SWING = math.pi / 2
"""Angle by which doors open, radians: at more they would cut into a wall or a neighbour beside their hinge."""
DARK = 0.5
"""Shade of linings: little light falls into a cupboard."""
CLEAR = 0.003
"""Gap around doors and drawers, metres, so that they do not touch the carcass."""
_INSET = 0.0008
"""Distance of linings from the boards, metres, so that they are not drawn in the same plane."""

Board = tuple[Vector, Vector]
"""Full sides and the middle of the lower face, metres."""


@dataclass
class Openings:
    """The parts, inner surfaces and spaces of the doors and drawers of one fixture."""

    parts: list[Part] = field(default_factory=list)
    tops: list[Top] = field(default_factory=list)
    spaces: list[Space] = field(default_factory=list)

    def add(self, *others: Openings) -> None:
        """Adds what other openings have."""
        for other in others:
            self.parts += other.parts
            self.tops += other.tops
            self.spaces += other.spaces


@dataclass(frozen=True)
class Look:
    """The colours of a fixture's fronts."""

    front: Color
    finish: str
    handle: Color


def boards(color: Color, finish: str, pieces: Sequence[Board]) -> list[Part]:
    """Fixed boards of one colour: one mesh that is drawn, and a box for each that collides."""
    shape = mesh(*join_meshes(*[box_mesh(sides, foot) for sides, foot in pieces]), color, finish)
    return [shape, *[hidden_box(sides, foot) for sides, foot in pieces]]


def carcass(width: float, depth: float, height: float, foot: Vector, letters: str = "blrtk") -> list[Board]:
    """The boards of an open-fronted box with the middle of its bottom at `foot`.

    Args:
        width: outside, metres.
        depth: outside, metres.
        height: outside, metres.
        foot: middle of its bottom.
        letters: which boards: b bottom, l left, r right, t top, k back.
    """
    x, y, z = foot
    made: dict[str, Board] = {
        "b": ((width, depth, BOARD), (x, y, z)),
        "t": ((width, depth, BOARD), (x, y, z + height - BOARD)),
        "l": ((BOARD, depth, height), (x - (width - BOARD) / 2, y, z)),
        "r": ((BOARD, depth, height), (x + (width - BOARD) / 2, y, z)),
        "k": ((width, BOARD, height), (x, y + (depth - BOARD) / 2, z)),
    }
    return [made[letter] for letter in letters]


def rail(width: float, foot: Vector) -> Board:
    """A narrow board behind the gap between two fronts, one above the other; `foot` lies in the gap, behind them."""
    x, y, z = foot
    return (width - 2 * BOARD, 0.02, 0.02), (x, y + BOARD + 0.01, z - 0.01)


def partition(x: float, front: float, back: float, height: float, foot: float) -> Board:
    """A board between two columns, for both of which it is a side: it is twice as thick as one.

    It begins at `front`, right behind the fronts, so that nobody looks past it through the gap between them.
    """
    return (2 * BOARD, back - front, height), (x, (front + back) / 2, foot)


def lining(color: Color, width: float, depth: float, height: float, foot: Vector, motion: Motion) -> Part:
    """The dark inner faces of a space of this size with the middle of its floor at `foot`; its front is open."""
    x, y, z = foot
    sides = (width - 2 * _INSET, depth - _INSET, height - 2 * _INSET)
    vertices, faces = box_mesh(sides, (x, y - _INSET / 2, z + _INSET))
    # The front's two triangles are left out, the others face inwards.
    inner = faces[[row for row in range(len(faces)) if row not in (4, 5)], ::-1]
    return replace(mesh(vertices, inner, shade(color, DARK)), behind=motion)


def _handle(look: Look, center: Vector, upright: bool, motion: Motion) -> Part:
    sides = (0.012, 0.014, 0.12) if upright else (0.1, 0.014, 0.012)
    x, y, z = center
    return box(sides, (x, y, z - sides[2] / 2), look.handle, "metal", solid=False, motion=motion)


def drawer(
    look: Look, owner: str, width: float, depth: float, height: float, foot: Vector, travel_share: float = 0.8
) -> Openings:
    """A drawer whose front fills `width` times `height`.

    Args:
        look: its colours.
        owner: see `Motion.owner`.
        width: of the front, metres; the boards at its sides are within it.
        depth: of the space for it, front included, metres.
        height: of the front, metres.
        foot: the middle of the lower edge of the front's outer face.
        travel_share: how far it comes out, as a share of its depth.
    """
    x, y, z = foot
    motion = Motion((x, y, z), (0.0, -1.0, 0.0), travel_share * depth, slides=True, owner=owner)
    inner, deep, tall = width - 2 * BOARD - 2 * CLEAR, depth - BOARD - 0.02, height * 0.7
    wood = shade(look.front, DARK + 0.1)
    base = z + BOARD + 0.003  # above the board below it
    moved: dict[str, Any] = {"motion": motion, "behind": motion}
    middle = y + BOARD + deep / 2
    parts = [
        box((width - 2 * CLEAR, BOARD, height - 2 * CLEAR), (x, y + BOARD / 2, z + CLEAR), look.front, look.finish,
            motion=motion),
        _handle(look, (x, y - 0.007, z + height * 0.6), False, motion),
        box((inner, deep, 0.008), (x, middle, base), wood, **moved),
        *[
            box((0.01, deep, tall), (x + side * (inner - 0.01) / 2, middle, base), wood, **moved)
            for side in (-1, 1)
        ],
        box((inner - 0.02, 0.01, tall), (x, y + BOARD + deep - 0.005, base), wood, **moved),
        # The boards in front of its edges hide them in the gaps around the closed drawer.
        lining(look.front, width - 2 * BOARD, deep, height - 0.024, (x, middle + 0.01, z + 0.012), motion),
    ]  # fmt: skip
    half = (inner / 2 - 0.015, deep / 2 - 0.012)
    bottom = base + 0.008
    clearance = height - (bottom - z) - 0.02
    space = Space((x, middle, bottom + clearance / 2), (inner / 2 - 0.01, deep / 2 - 0.005, clearance / 2), motion)
    return Openings(parts, [Top(x, middle, bottom, half, clearance, "inside", motion)], [space])


def door(
    look: Look,
    owner: str,
    width: float,
    height: float,
    foot: Vector,
    hinge: int,
    thickness: float = BOARD,
    gap: float = CLEAR,
) -> tuple[Motion, list[Part]]:
    """A door with the lower middle of its outer face at `foot`.

    `hinge` is -1 for its left edge, 1 for its right. `gap` is left at the other edge: nothing, where two doors meet,
    because no board behind them would hide what is inside.
    """
    x, y, z = foot
    edge = x + hinge * (width / 2 - CLEAR)
    motion = Motion((edge, y, z), (0.0, 0.0, float(hinge)), SWING, owner=owner)
    grip = x - hinge * (width / 2 - 0.04)
    # Handles are where a hand reaches them: high on low doors, low on high ones.
    high = min(max(1.05, z + 0.15 * height), z + 0.8 * height)
    parts = [
        box((width - CLEAR - gap, thickness, height - 2 * CLEAR),
            (x - hinge * (CLEAR - gap) / 2, y + thickness / 2, z + CLEAR), look.front, look.finish, motion=motion),
        _handle(look, (grip, y - 0.007, high), True, motion),
    ]  # fmt: skip
    return motion, parts


def flap(
    look: Look, owner: str, width: float, height: float, foot: Vector, thickness: float = 0.03
) -> tuple[Motion, list[Part]]:
    """A door that is hinged at its lower edge and falls forwards, as an oven's, with a bar along its upper edge."""
    x, y, z = foot
    motion = Motion((x, y, z + CLEAR), (1.0, 0.0, 0.0), SWING, owner=owner)
    parts = [
        box((width - 2 * CLEAR, thickness, height - 2 * CLEAR), (x, y + thickness / 2, z + CLEAR), look.front,
            look.finish, motion=motion),
        box((width * 0.75, 0.02, 0.02), (x, y - 0.01, z + height - 0.06), look.handle, "metal", solid=False,
            motion=motion),
    ]  # fmt: skip
    return motion, parts


def interior(
    motion: Motion,
    color: Color,
    width: float,
    depth: float,
    height: float,
    foot: Vector,
    shelves: Sequence[float] = (0.5,),
) -> Openings:
    """The lining, the shelves, the surfaces and the spaces of a compartment behind a door.

    Args:
        motion: the door's.
        color: of the boards around it; inside it looks darker.
        width: between the side boards, metres.
        depth: from the door's inner face to the back board, metres.
        height: between the boards below and above, metres.
        foot: the middle of its floor.
        shelves: heights of the boards inside as shares of the height.
    """
    x, y, z = foot
    made = Openings([lining(color, width, depth, height, foot, motion)])
    levels = [z, *[z + share * height for share in shelves]]
    for level in levels[1:]:
        shelf = box((width - 0.002, depth - 0.03, 0.015), (x, y + 0.014, level - 0.015), shade(color, DARK + 0.12))
        made.parts.append(replace(shelf, behind=motion))
    for level, above in zip(levels, [*levels[1:], z + height + 0.015], strict=True):
        clearance = above - 0.015 - level
        half = (width / 2 - 0.012, depth / 2 - 0.03)
        made.tops.append(Top(x, y + 0.01, level + 0.001, half, clearance - 0.01, "inside", motion))
        made.spaces.append(Space((x, y, level + clearance / 2), (width / 2, depth / 2, clearance / 2), motion))
    return made


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
    thickness: float = BOARD,
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
        thickness: of the doors, metres.
    """
    x, y, z = foot
    made = Openings()
    wide = width / doors
    motions = []
    for number in range(doors):
        side = hinge if doors == 1 else (-1 if number == 0 else 1)
        middle = x if doors == 1 else x + (number - 0.5) * wide
        motion, parts = door(look, owner, wide, height, (middle, y, z), side, thickness, CLEAR if doors == 1 else 0.0)
        motions.append(motion)
        made.parts += parts
    deep = depth - thickness
    made.add(
        interior(
            motions[0],
            color or look.front,
            width - 2 * BOARD,
            deep,
            height - 2 * BOARD,
            (x, y + thickness + deep / 2, z + BOARD),
            shelves,
        )
    )
    return made

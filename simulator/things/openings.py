"""How parts of fixtures and objects move, and the surfaces and spaces that hold objects."""

from __future__ import annotations

from dataclasses import dataclass

Vector = tuple[float, float, float]
TALL = 1.2
"""Clearance of surfaces with nothing above them, metres."""


@dataclass(frozen=True)
class Motion:
    """How a door, a drawer or a lid moves, in the frame of its fixture or object."""

    origin: Vector
    """A point on the hinge's axis, or any point of a drawer, when it is closed; metres."""
    axis: Vector
    """Unit vector along the hinge (it opens counter-clockwise about it) or in the direction in which a drawer opens."""
    travel: float
    """How far it is moved when fully open: radians about a hinge, metres for a drawer."""
    slides: bool = False
    """Whether it is a drawer rather than a door or a lid."""
    owner: str = ""
    """"Category|label" of the object that it belongs to, for example "Drawer|2". Parts with the same owner open
    together. Empty if the whole fixture or object is what opens, as a fridge does."""


@dataclass(frozen=True)
class Space:
    """A box that holds objects inside a fixture or an object: of a cupboard, a drawer, a bowl, a sink."""

    center: Vector
    """In the frame of the fixture or object when everything is closed, metres."""
    half: Vector
    """Half the sides, metres."""
    behind: Motion | None = None
    """What must be opened to reach into it; the space moves along with a drawer."""


@dataclass(frozen=True)
class Top:
    """A rectangle of a fixture that objects may stand on, in the fixture's frame."""

    x: float
    y: float
    z: float
    half: tuple[float, float]
    clearance: float = TALL
    place: str = "top"
    behind: Motion | None = None
    """What must be opened to reach it. It moves along with a drawer."""

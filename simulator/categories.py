"""Categories of moveable things, their split for NovelObjects, and which rooms hold which.

The split (paper section 1 of the supplement; spec/interaction section 1): categories are partitioned into "train" and
"test". A room's number within its kind decides what moves in it: 1-20 train categories ("train" rooms), 21-25 test
categories only ("novel_objects"), 26-30 train categories again, in rooms that training never visits ("novel_spaces").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from simulator import shapes_furniture as furniture
from simulator import shapes_kitchen as kitchen
from simulator.materials import Draw
from simulator.shapes import Part

Role = Literal["train", "novel_objects", "novel_spaces"]

KINDS: dict[str, int] = {"kitchen": 0, "living_room": 200, "bedroom": 300, "bathroom": 400}
"""Kinds of rooms and what their FloorPlan numbers add to 1 ... 30."""

LETTERS = {"k": "kitchen", "l": "living_room", "b": "bedroom", "t": "bathroom"}
"""Short names of kinds in the table below."""


@dataclass(frozen=True)
class Category:
    """A kind of moveable thing."""

    name: str
    """AI2-THOR objectType."""
    split: str
    """"train" or "test"."""
    kinds: Mapping[str, float]
    """How readily a room of each kind (by letter) holds one, relative to others."""
    places: Mapping[str, float]
    """How readily it is put on each `Surface.place`."""
    mass: tuple[float, float]
    """Range, kg; inside one mass class: light below 0.5, medium 0.7-2, heavy from 3."""
    make: Callable[[Draw], list[Part]]
    """Draws an instance's parts."""
    pickupable: bool = True
    """Small enough to carry; otherwise moveable."""
    rolls: bool = False
    """Round: gets rolling friction so that it comes to rest."""
    top: float = 0.0
    """If positive, things may be put on it: the margin of that surface from its sides, metres."""


_TOP = {"top": 1.0, "shelf": 0.6}
_FLOOR = {"floor": 1.0}


def _category(
    name: str,
    split: str,
    kinds: str,
    places: Mapping[str, float],
    mass: tuple[float, float],
    make: Callable[[Draw], list[Part]],
    **other: object,
) -> Category:
    """`kinds` is like "k3 l b2": letters with relative frequencies, 1 if omitted."""
    weights = {word[0]: float(word[1:] or 1) for word in kinds.split()}
    return Category(name, split, weights, places, mass, make, **other)  # type: ignore[arg-type]


_TABLE = (
    _category("Mug", "train", "k3 l2 b2 t", _TOP, (0.25, 0.45), kitchen.mug),
    _category("Bowl", "train", "k3 l t", _TOP, (0.25, 0.45), kitchen.bowl),
    _category("Plate", "train", "k2 l", _TOP, (0.3, 0.48), kitchen.plate),
    _category("Apple", "train", "k2 l", _TOP, (0.12, 0.25), kitchen.apple, rolls=True),
    _category("Bread", "train", "k2", _TOP, (0.3, 0.48), kitchen.bread),
    _category("Toaster", "train", "k2", _TOP, (1.1, 1.8), kitchen.toaster),
    _category("Pan", "train", "k2", _TOP, (0.9, 1.6), kitchen.pan),
    _category("WineBottle", "train", "k2 l", _TOP, (1.1, 1.5), kitchen.wine_bottle, rolls=True),
    _category("SoapBar", "train", "t3", _TOP, (0.1, 0.2), kitchen.soap_bar),
    _category("ToiletPaper", "train", "t3", _TOP, (0.1, 0.2), kitchen.toilet_paper, rolls=True),
    _category("SprayBottle", "train", "t2 k", _TOP, (0.3, 0.48), kitchen.spray_bottle),
    _category("Chair", "train", "k2 l b", _FLOOR, (4.0, 7.0), furniture.chair, pickupable=False),
    _category("SideTable", "train", "l2 b2 t", _FLOOR, (5.0, 9.0), furniture.side_table, pickupable=False, top=0.01),
    _category("Box", "train", "k l2 b2 t2", {"floor": 1.0, "top": 0.4}, (0.8, 1.7), furniture.carton, top=0.02),
    _category(
        "HousePlant",
        "train",
        "k l2 b2 t2",
        {"top": 1.0, "floor": 0.6},
        (3.2, 6.0),
        furniture.house_plant,
        pickupable=False,
    ),
    _category("Tomato", "test", "k3", _TOP, (0.12, 0.25), kitchen.tomato, rolls=True),
    _category("Cup", "test", "k3 l2 b2 t3", _TOP, (0.1, 0.3), kitchen.cup),
    _category("Pot", "test", "k3 l t", _TOP, (0.9, 1.8), kitchen.pot),
    _category("Kettle", "test", "k3 l b t", _TOP, (0.8, 1.4), kitchen.kettle),
    _category("Ottoman", "test", "l2 b2 t2", _FLOOR, (4.0, 8.0), furniture.ottoman, pickupable=False, top=0.06),
    _category("Stool", "test", "k2 l b2 t2", _FLOOR, (3.2, 5.0), furniture.stool, pickupable=False),
)

CATEGORIES: dict[str, Category] = {category.name: category for category in _TABLE}
"""Every category of moveable things by name."""


def parse_scene_name(name: str) -> tuple[str, int]:
    """The kind of room and its number from 1 to 30 within the kind.

    Args:
        name: "FloorPlan1" ... "FloorPlan430", with or without the suffix "_physics".

    Raises:
        ValueError: no such scene.
    """
    match = re.fullmatch(r"FloorPlan([1-9]\d{0,2})(_physics)?", name)
    number = int(match.group(1)) if match else 0
    for kind, base in KINDS.items():
        if 1 <= number - base <= 30:
            return kind, number - base
    raise ValueError(
        f"scene must be FloorPlan1-30 (kitchens), 201-230 (living rooms), 301-330 (bedrooms) or 401-430 (bathrooms), "
        f"with or without the suffix _physics, not {name!r}."
    )


def room_role(name: str) -> Role:
    """Which data set a room serves: "train", "novel_objects" or "novel_spaces". Raises ValueError for unknown names."""
    _, number = parse_scene_name(name)
    if number <= 20:
        return "train"
    return "novel_objects" if number <= 25 else "novel_spaces"

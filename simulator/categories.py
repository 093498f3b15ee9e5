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

from simulator import shapes_bath as bath
from simulator import shapes_furniture as furniture
from simulator import shapes_home as home
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
_OPEN = {"top": 1.0}
_FLOOR = {"floor": 1.0}
_COSY = {"soft": 1.0, "top": 0.5}
_ANYWHERE = {"top": 1.0, "soft": 0.5, "floor": 0.25}


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


_TRAIN = (
    _category("Mug", "train", "k4 l3 b3 t1", _TOP, (0.25, 0.45), kitchen.mug),
    _category("Bowl", "train", "k3 l2", _TOP, (0.25, 0.45), kitchen.bowl),
    _category("Plate", "train", "k3 l1", _TOP, (0.3, 0.48), kitchen.plate),
    _category("Apple", "train", "k2 l1", _TOP, (0.12, 0.25), kitchen.apple, rolls=True),
    _category("Potato", "train", "k2", _TOP, (0.12, 0.25), kitchen.potato, rolls=True),
    _category("Lettuce", "train", "k2", _TOP, (0.25, 0.45), kitchen.lettuce, rolls=True),
    _category("Bread", "train", "k3", _TOP, (0.3, 0.48), kitchen.bread),
    _category("SaltShaker", "train", "k2", _TOP, (0.15, 0.3), kitchen.shaker),
    _category("PaperTowelRoll", "train", "k2 t1", _TOP, (0.2, 0.35), kitchen.paper_towel_roll, rolls=True),
    _category("DishSponge", "train", "k1 t2", _TOP, (0.05, 0.12), kitchen.sponge),
    _category("Toaster", "train", "k3", _OPEN, (1.1, 1.8), kitchen.toaster),
    _category("Pan", "train", "k3", _OPEN, (0.9, 1.6), kitchen.pan),
    _category("WineBottle", "train", "k3 l2", _TOP, (1.1, 1.5), kitchen.wine_bottle, rolls=True),
    _category("CuttingBoard", "train", "k2", _OPEN, (0.8, 1.5), kitchen.cutting_board),
    _category("WateringCan", "train", "k1 l1 t1", _TOP, (0.8, 1.4), kitchen.watering_can),
    _category("CoffeeMachine", "train", "k5", _OPEN, (3.2, 4.5), kitchen.coffee_machine, pickupable=False),
    _category("SoapBar", "train", "t3", _TOP, (0.1, 0.2), bath.soap_bar),
    _category("ToiletPaper", "train", "t4", {"top": 1.0, "shelf": 1.0}, (0.1, 0.2), bath.toilet_paper, rolls=True),
    _category("SprayBottle", "train", "t3 k1", _TOP, (0.3, 0.48), bath.spray_bottle),
    _category("Towel", "train", "t4 b1", {"top": 1.0, "shelf": 1.0, "soft": 0.5}, (0.3, 0.48), bath.towel),
    _category("TissueBox", "train", "t2 l2 b3", _TOP, (0.15, 0.3), bath.tissue_box),
    _category("Candle", "train", "t2 l4 b3", _TOP, (0.2, 0.45), bath.candle),
    _category("Plunger", "train", "t1", {"floor": 1.0}, (0.75, 1.0), bath.plunger),
    _category("Boots", "train", "b2 l1 t1", {"floor": 1.0, "top": 0.6, "shelf": 0.3}, (0.9, 1.5), bath.boots),
    _category("GarbageCan", "train", "k2 l1 b1 t2", _FLOOR, (3.2, 4.8), bath.garbage_can, pickupable=False),
    _category("VacuumCleaner", "train", "l1 b1 t1", _FLOOR, (4.0, 7.0), bath.vacuum_cleaner, pickupable=False),
    _category("Vase", "train", "l3 b2 t2 k1", _TOP, (0.75, 1.6), home.vase),
    _category("Book", "train", "l4 b4 t1 k1", {"top": 1.0, "shelf": 0.6, "soft": 0.3}, (0.75, 1.5), home.book),
    _category("Laptop", "train", "l2 b3", {"top": 1.0, "soft": 0.4}, (1.2, 1.9), home.laptop),
    _category("RemoteControl", "train", "l4 b2", {"top": 1.0, "soft": 0.4}, (0.12, 0.25), home.remote_control),
    _category("Pillow", "train", "l3 b3", {"soft": 1.0, "top": 0.25}, (0.3, 0.48), home.pillow),
    _category("TeddyBear", "train", "b3 l1", {"soft": 0.7, "top": 1.0}, (0.25, 0.45), home.teddy_bear),
    _category("BasketBall", "train", "b2 l1", _ANYWHERE, (0.4, 0.48), home.basketball, rolls=True),
    _category("Newspaper", "train", "l3 b2 k1 t1", {"top": 1.0, "soft": 0.5}, (0.12, 0.3), home.newspaper),
    _category("AlarmClock", "train", "b3 l1 t1", _TOP, (0.2, 0.45), home.alarm_clock),
    _category("TableTopDecor", "train", "l2 b2 t1", _TOP, (0.75, 1.5), home.decor),
    _category("DeskLamp", "train", "l2 b2", _OPEN, (1.0, 1.9), home.desk_lamp),
    _category("Statue", "train", "l3 b2 t2", _TOP, (3.2, 6.0), home.statue, pickupable=False),
    _category("Television", "train", "l2 b2", _OPEN, (6.0, 11.0), furniture.television, pickupable=False),
    _category("Desktop", "train", "b2 l1", {"top": 1.0, "floor": 0.3}, (5.0, 9.0), furniture.desktop, pickupable=False),
    _category("Chair", "train", "k4 l2 b2", _FLOOR, (4.0, 7.0), furniture.chair, pickupable=False),
    _category("ArmChair", "train", "l2 b1", _FLOOR, (12.0, 18.0), furniture.arm_chair, pickupable=False),
    _category(
        "SideTable", "train", "l2 b3 t2 k1", _FLOOR, (5.0, 9.0), furniture.side_table, pickupable=False, top=0.01
    ),
    _category("FloorLamp", "train", "l2 b1", _FLOOR, (5.0, 8.0), furniture.floor_lamp, pickupable=False),
    _category("Box", "train", "k1 l1 b2 t2", {"floor": 0.7, "top": 1.0}, (0.8, 1.7), furniture.carton, top=0.02),
    _category(
        "HousePlant",
        "train",
        "k2 l2 b2 t3",
        {"top": 1.0, "floor": 0.3},
        (3.2, 6.0),
        furniture.house_plant,
        pickupable=False,
    ),
)

_TEST = (
    _category("Cup", "test", "k3 l3 b3 t3", _TOP, (0.1, 0.3), kitchen.cup),
    _category("Tomato", "test", "k3 l1", _TOP, (0.12, 0.25), kitchen.tomato, rolls=True),
    _category("PepperShaker", "test", "k3 l1", _TOP, (0.15, 0.35), kitchen.pepper_mill),
    _category("Bottle", "test", "k3 l3 b3 t3", _TOP, (0.25, 0.48), kitchen.bottle, rolls=True),
    _category("Pot", "test", "k4 t0.3", _OPEN, (0.9, 1.8), kitchen.pot),
    _category("Kettle", "test", "k3 l2 b1 t0.5", _TOP, (0.8, 1.5), kitchen.kettle),
    _category("Microwave", "test", "k3 l0.5 b0.5", _OPEN, (9.0, 13.0), kitchen.microwave, pickupable=False),
    _category("SoapBottle", "test", "t4 k2", _TOP, (0.25, 0.48), bath.soap_bottle),
    _category("ScrubBrush", "test", "t4 k1", _TOP, (0.15, 0.3), bath.scrub_brush),
    _category("LaundryHamper", "test", "t2 b2", _FLOOR, (1.1, 1.8), bath.laundry_hamper, pickupable=False),
    _category("GarbageBag", "test", "k2 t2 l1", {"floor": 1.0, "top": 0.3}, (1.0, 1.8), bath.garbage_bag),
    _category("CellPhone", "test", "l4 b4 k1 t1", {"top": 1.0, "soft": 0.4}, (0.15, 0.25), home.cell_phone),
    _category("TennisRacket", "test", "b2 l2", {"top": 1.0, "soft": 1.0}, (0.28, 0.4), home.tennis_racket),
    _category("BaseballBat", "test", "b2 l2 t0.5", _ANYWHERE, (0.85, 1.1), home.baseball_bat, rolls=True),
    _category("Dumbbell", "test", "b4 l3 t2 k1", {"top": 1.0, "shelf": 0.7, "floor": 0.4}, (3.2, 9.0), home.dumbbell),
    _category("Safe", "test", "b1 l1 t1 k0.5", {"top": 1.0, "floor": 0.2}, (12.0, 18.0), home.safe, pickupable=False),
    _category("DogBed", "test", "l2 b2 t1", {"floor": 0.7, "soft": 1.0, "top": 0.3}, (0.9, 1.6), furniture.dog_bed),
    _category("Footstool", "test", "l2 b2 t2 k1", {"floor": 1.0, "top": 0.3}, (1.1, 1.8), furniture.footstool),
    _category("Stool", "test", "k4 l1 b1 t2", _FLOOR, (3.2, 5.0), furniture.stool, pickupable=False),
    _category("Ottoman", "test", "l2 b2 t1", _FLOOR, (4.0, 8.0), furniture.ottoman, pickupable=False, top=0.06),
    _category("CoffeeTable", "test", "l3 b1", _FLOOR, (8.0, 14.0), furniture.coffee_table, pickupable=False, top=0.01),
)

CATEGORIES: dict[str, Category] = {category.name: category for category in _TRAIN + _TEST}
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

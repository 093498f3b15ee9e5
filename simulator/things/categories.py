"""Categories of dynamic objects, their split for NovelObjects, and which rooms hold which.

Categories are partitioned into "train" and "test" (the paper's supplement, section 1). The number of a room within its
kind decides which categories move in it: 1-20 train categories ("train" rooms), 21-25 test categories only
("novel_objects"), 26-30 train categories again, in rooms that training never visits ("novel_spaces").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from simulator.things import (
    appliances,
    bath,
    bottles,
    cleaning,
    clothes,
    decor,
    devices,
    food,
    furniture,
    gadgets,
    kitchen,
    lamps,
    linen,
    plants,
    reading,
    seats,
    storage,
    tableware,
    toys,
)
from simulator.things.materials import Draw
from simulator.things.shapes import Part

Role = Literal["train", "novel_objects", "novel_spaces"]

KINDS: dict[str, int] = {"kitchen": 0, "living_room": 200, "bedroom": 300, "bathroom": 400, "foyer": 500}
"""Kind of room -> what its FloorPlan numbers add to 1 ... 30."""

LETTERS = {"k": "kitchen", "l": "living_room", "b": "bedroom", "t": "bathroom", "f": "foyer"}
"""Short name of each kind in the tables below."""


GOALS = ("Bread", "Cup", "Knife", "Plunger", "Tomato")
"""Categories of the objects that are hidden and sought in hide and seek (Weihs et al., section 3)."""
PROBE_TABLES = ("CoffeeTable", "TVStand", "SideTable", "Desk", "DiningTable")
"""Categories of moveable tables, by height, that the dynamic probes of hide and seek bring into foyers."""
PROBE_RECEPTACLES = ("Mug", "Bowl", "Pot", "Bucket", "Box")
"""Categories of containers, by size, that the dynamic probes put on these tables. Their parked objects are open."""


@dataclass(frozen=True)
class Category:
    """A category of dynamic objects."""

    name: str
    """AI2-THOR objectType."""
    split: str
    """"train" or "test"."""
    kinds: Mapping[str, float]
    """Relative frequency of the category in each kind of room, by letter; empty if it occurs only among the parked
    objects, which actions bring in."""
    places: Mapping[str, float]
    """Relative weight with which it is put on each kind of surface (`Surface.place`)."""
    mass: tuple[float, float]
    """Range, kg, inside one mass class: light is below 0.5, medium 0.7-2, heavy from 3."""
    friction: tuple[float, float]
    """Range of the sliding friction of its foot on furniture and floors."""
    make: Callable[[Draw], list[Part]]
    """Draws the parts of an instance."""
    pickupable: bool = True
    """Whether it is small enough to carry; otherwise it is moveable."""
    rolls: bool = False
    """Whether it is round and gets rolling friction, so that it comes to rest."""
    top: float = 0.0
    """If positive, objects may be put on instances with a flat top, at least as far from its edges, metres."""
    contains: bool = True
    """Whether what lies in its hollow counts as contained; not in trays and beds."""

    def draw_friction(self, draw: Draw) -> tuple[float, float, float]:
        """Draws MuJoCo's coefficients of sliding, torsional (m) and rolling (m) friction for an instance."""
        sliding = draw.uniform(*self.friction)
        return (sliding, 0.02, 0.004) if self.rolls else (sliding, 0.015, 0.0005)


_TOP = {"top": 1.0, "shelf": 0.6}
_OPEN = {"top": 1.0}
_FLOOR = {"floor": 1.0}
_ANYWHERE = {"top": 1.0, "soft": 0.5, "floor": 0.25}
_STORED = {"top": 1.0, "shelf": 1.0}

# Sliding friction on furniture and floors, by the material of an object's foot. Medium objects stay above 0.4 and light
# ones below 0.65, so that the paper's force magnitudes separate them (docs/simulator.md, the push of a touch).
_CERAMIC = (0.32, 0.48)
_METAL = (0.35, 0.5)
_FIRM = (0.42, 0.55)
_PLASTIC = (0.4, 0.55)
_WOOD = (0.4, 0.55)
_PAPER = (0.42, 0.58)
_FRUIT = (0.4, 0.55)
_CLOTH = (0.52, 0.64)
_RUBBER = (0.6, 0.75)
_FEET = (0.6, 0.8)


def _category(
    name: str,
    kinds: str,
    places: Mapping[str, float],
    mass: tuple[float, float],
    friction: tuple[float, float],
    make: Callable[[Draw], list[Part]],
    **other: object,
) -> Category:
    """A category. `kinds` is like "k3 l b2": letters of kinds with relative frequencies, 1 if omitted."""
    weights = {word[0]: float(word[1:] or 1) for word in kinds.split()}
    return Category(name, "", weights, places, mass, friction, make, **other)  # type: ignore[arg-type]


def _furniture(
    name: str,
    kinds: str,
    mass: tuple[float, float],
    make: Callable[[Draw], list[Part]],
    friction: tuple[float, float] = _FEET,
    top: float = 0.0,
) -> Category:
    """A category of objects that stand on the floor and cannot be carried."""
    return _category(name, kinds, _FLOOR, mass, friction, make, pickupable=False, top=top)


_TRAIN = (
    _category("Mug", "k4 l3 b3 t1", _TOP, (0.25, 0.45), _CERAMIC, tableware.mug),
    _category("Bowl", "k3 l2", _TOP, (0.25, 0.45), _CERAMIC, tableware.bowl),
    _category("Plate", "k3 l1", _TOP, (0.3, 0.48), _CERAMIC, tableware.plate, contains=False),
    _category("Tray", "k2 l2 b1 t1", _OPEN, (0.75, 1.4), _FIRM, tableware.tray, contains=False),
    _category("Jar", "k2 l1 t1", _TOP, (0.75, 1.5), _FIRM, bottles.jar),
    _category("SaltShaker", "k2", _TOP, (0.15, 0.3), _METAL, bottles.shaker),
    _category("WineBottle", "k3 l2", _TOP, (1.1, 1.5), _FIRM, bottles.wine_bottle, rolls=True),
    _category("Apple", "k2 l1", _TOP, (0.12, 0.25), _FRUIT, food.apple, rolls=True),
    _category("Potato", "k2", _TOP, (0.12, 0.25), _FRUIT, food.potato, rolls=True),
    _category("Lettuce", "k2", _TOP, (0.25, 0.45), _FRUIT, food.lettuce, rolls=True),
    _category("Bread", "k3", _TOP, (0.3, 0.48), _PAPER, food.bread),
    _category("CerealBox", "k3", _TOP, (0.3, 0.48), _PAPER, food.cereal_box),
    _category("AluminumFoil", "k2", _TOP, (0.2, 0.4), _PAPER, food.aluminum_foil),
    _category("PaperTowelRoll", "k2 t1", _TOP, (0.2, 0.35), _PAPER, kitchen.paper_towel_roll, rolls=True),
    _category("DishSponge", "k1 t2", _TOP, (0.05, 0.12), _CLOTH, kitchen.sponge),
    _category("Spatula", "k2", _OPEN, (0.1, 0.25), _PLASTIC, kitchen.spatula),
    _category("Toaster", "k3", _OPEN, (1.1, 1.8), _FIRM, appliances.toaster),
    _category("Pan", "k3", _OPEN, (0.9, 1.6), _FIRM, kitchen.pan),
    _category("CuttingBoard", "k2", _OPEN, (0.8, 1.5), _FIRM, kitchen.cutting_board),
    _category("WateringCan", "k1 l1 t1", _TOP, (0.8, 1.4), _FIRM, kitchen.watering_can),
    _category("CoffeeMachine", "k5", _OPEN, (3.4, 4.8), _FEET, appliances.coffee_machine, pickupable=False),
    _category("SoapBar", "t3", _TOP, (0.1, 0.2), _PLASTIC, bath.soap_bar),
    _category("ToiletPaper", "t4", _STORED, (0.1, 0.2), _PAPER, bath.toilet_paper, rolls=True),
    _category("SprayBottle", "t3 k1", _TOP, (0.3, 0.48), _PLASTIC, bath.spray_bottle),
    _category("Towel", "t4 b1", {"top": 1.0, "shelf": 1.0, "soft": 0.5}, (0.3, 0.48), _CLOTH, linen.towel),
    _category("HandTowel", "t3 k2", _STORED, (0.12, 0.3), _CLOTH, linen.hand_towel),
    _category("Cloth", "k2 t2 b1", {"top": 1.0, "soft": 0.3}, (0.06, 0.15), _CLOTH, linen.cloth),
    _category("TissueBox", "t2 l2 b3", _TOP, (0.15, 0.3), _PAPER, bath.tissue_box),
    _category("HairDryer", "t3 b1", _TOP, (0.35, 0.48), _PLASTIC, bath.hair_dryer),
    _category("Candle", "t2 l4 b3", _TOP, (0.2, 0.45), _CERAMIC, decor.candle),
    _category("Plunger", "t1", _FLOOR, (0.75, 1.0), _RUBBER, cleaning.plunger),
    _category("Boots", "b2 l1 t1", {"floor": 1.0, "top": 0.6, "shelf": 0.3}, (0.9, 1.5), _RUBBER, clothes.boots),
    _category("Slippers", "b3 t2 l1", {"floor": 1.0, "top": 0.5, "shelf": 0.5}, (0.2, 0.42), _CLOTH, clothes.slippers),
    _category("Basket", "l2 b2 t2 k1", {"top": 1.0, "shelf": 0.5, "floor": 0.5}, (0.75, 1.3), _FIRM, tableware.basket),
    _furniture("GarbageCan", "k2 l1 b1 t2", (3.4, 5.0), storage.garbage_can, _RUBBER),
    _furniture("VacuumCleaner", "l1 b1 t1", (4.0, 7.0), cleaning.vacuum_cleaner),
    _category("Vase", "l3 b2 t2 k1", _TOP, (0.75, 1.6), _FIRM, decor.vase),
    _category("Book", "l4 b4 t1 k1", {"top": 1.0, "shelf": 0.6, "soft": 0.3}, (0.75, 1.5), _FIRM, reading.book),
    _category("Newspaper", "l3 b2 k1 t1", {"top": 1.0, "soft": 0.5}, (0.12, 0.3), _PAPER, reading.newspaper),
    _category("PictureFrame", "l3 b3", _TOP, (0.25, 0.48), _WOOD, reading.picture_frame),
    _category("AlarmClock", "b3 l1 t1", _TOP, (0.2, 0.45), _PLASTIC, gadgets.alarm_clock),
    _category("Globe", "l2 b1", _OPEN, (0.8, 1.6), _FIRM, decor.globe),
    _category("TableTopDecor", "l2 b2 t1", _TOP, (0.75, 1.5), _FIRM, decor.table_top_decor),
    _category("DeskLamp", "l2 b2", _OPEN, (1.0, 1.9), _FIRM, lamps.desk_lamp),
    _category("Statue", "l3 b2 t2", _TOP, (3.4, 6.0), _FEET, decor.statue, pickupable=False),
    _furniture("RoomDecor", "l2 b1 t1", (3.4, 6.0), plants.room_decor, _RUBBER),
    _category("Laptop", "l2 b3", {"top": 1.0, "soft": 0.4}, (1.2, 1.9), _FIRM, gadgets.laptop),
    _category("RemoteControl", "l4 b2", {"top": 1.0, "soft": 0.4}, (0.12, 0.25), _PLASTIC, gadgets.remote_control),
    _category("Speaker", "l2 b2", {"top": 1.0, "floor": 0.4}, (3.4, 6.0), _FEET, devices.speaker, pickupable=False),
    _category("Television", "l2 b2", _OPEN, (6.0, 11.0), _FEET, devices.television, pickupable=False),
    _category("Desktop", "b2 l1", {"top": 1.0, "floor": 0.3}, (5.0, 9.0), _FEET, devices.desktop, pickupable=False),
    _category("Pillow", "l3 b3", {"soft": 1.0, "top": 0.25}, (0.3, 0.48), _CLOTH, toys.pillow),
    _category("TeddyBear", "b3 l1", {"soft": 0.7, "top": 1.0}, (0.25, 0.45), _CLOTH, toys.teddy_bear),
    _category("BasketBall", "b2 l1", _ANYWHERE, (0.4, 0.48), _RUBBER, toys.basketball, rolls=True),
    _category("SoccerBall", "b2 l1", _ANYWHERE, (0.35, 0.45), _PLASTIC, toys.soccer_ball, rolls=True),
    _furniture("Suitcase", "b2 l1", (3.4, 7.0), clothes.suitcase, _RUBBER),
    _furniture("Chair", "k4 l2 b2", (4.0, 7.0), seats.chair),
    _furniture("ArmChair", "l2 b1", (12.0, 18.0), seats.arm_chair, _FIRM),
    _furniture("SideTable", "l2 b3 t2 k1", (5.0, 9.0), furniture.side_table, top=0.01),
    _furniture("Bench", "b2 l1 k1 t1", (7.0, 12.0), furniture.bench, top=0.02),
    _furniture("StepLadder", "k2 t1 l1", (4.0, 7.0), furniture.step_ladder, _RUBBER),
    _furniture("FloorLamp", "l2 b1", (5.0, 8.0), lamps.floor_lamp),
    _category("Box", "k1 l1 b2 t2", {"floor": 0.7, "top": 1.0}, (0.8, 1.7), _FIRM, storage.carton, top=0.02),
    _category(
        "HousePlant", "k2 l2 b2 t3", {"top": 1.0, "floor": 0.3}, (3.4, 6.0), _FEET, plants.house_plant, pickupable=False
    ),
    _furniture("TVStand", "", (10.0, 14.0), furniture.low_table, top=0.01),
    _furniture("Desk", "", (12.0, 16.0), furniture.work_table, top=0.01),
    _furniture("DiningTable", "", (14.0, 19.0), furniture.large_table, top=0.01),
)

_TEST = (
    _category("Cup", "k3 l3 b3 t3", _TOP, (0.1, 0.3), _CERAMIC, tableware.cup),
    _category("Pitcher", "k3 l1 t0.5", _TOP, (0.75, 1.4), _FIRM, bottles.pitcher),
    _category("Bottle", "k3 l3 b3 t3", _TOP, (0.25, 0.48), _PLASTIC, bottles.bottle, rolls=True),
    _category("PepperShaker", "k3 l1", _TOP, (0.15, 0.35), _WOOD, bottles.pepper_mill),
    _category("Tomato", "k3 l1", _TOP, (0.12, 0.25), _FRUIT, food.tomato, rolls=True),
    _category("Banana", "k3 l2", _TOP, (0.12, 0.4), _FRUIT, food.banana),
    _category("MilkCarton", "k3", _TOP, (1.0, 1.4), _FIRM, food.milk_carton),
    _category("Pot", "k4 t0.3", _OPEN, (0.9, 1.8), _FIRM, kitchen.pot),
    _category("Kettle", "k3 l2 b1 t0.5", _TOP, (0.8, 1.5), _FIRM, appliances.kettle),
    _category("Ladle", "k3", _OPEN, (0.12, 0.3), _METAL, kitchen.ladle, contains=False),
    _category("Knife", "k2", _OPEN, (0.1, 0.25), _METAL, kitchen.knife),
    _category("Blender", "k3", _OPEN, (3.4, 4.8), _FEET, appliances.blender, pickupable=False),
    _category("Microwave", "k3 l0.5 b0.5", _OPEN, (9.0, 13.0), _FEET, appliances.microwave, pickupable=False),
    _category("SoapBottle", "t4 k2", _TOP, (0.25, 0.48), _PLASTIC, bath.soap_bottle),
    _category("ScrubBrush", "t4 k1", _TOP, (0.15, 0.3), _PLASTIC, cleaning.scrub_brush),
    _category("Scale", "t3 b1 k0.5", {"floor": 1.0, "top": 0.5, "shelf": 0.3}, (1.1, 1.9), _FIRM, bath.scale),
    _category("Bucket", "t3 k1 b0.5", {"floor": 1.0, "top": 0.3}, (0.8, 1.5), _FIRM, cleaning.bucket),
    _furniture("LaundryHamper", "t2 b2", (1.1, 1.8), storage.laundry_hamper, _FIRM),
    _category("GarbageBag", "k2 t2 l1", {"floor": 1.0, "top": 0.3}, (1.0, 1.8), _FIRM, cleaning.garbage_bag),
    _category("CellPhone", "l4 b4 k1 t1", {"top": 1.0, "soft": 0.4}, (0.15, 0.25), _PLASTIC, gadgets.cell_phone),
    _category("Fan", "l2 b2 t1", {"top": 1.0, "floor": 0.3}, (1.1, 1.9), _FIRM, devices.fan),
    _category("ToyCar", "b4 l2 t1", {"top": 1.0, "shelf": 0.5, "floor": 0.5}, (0.2, 0.45), _PLASTIC, toys.toy_car),
    _category("Hat", "b3 l2 t1", {"top": 1.0, "soft": 1.0, "shelf": 0.3}, (0.1, 0.25), _CLOTH, clothes.hat),
    _category("Backpack", "b2 l2", {"floor": 1.0, "soft": 0.7, "top": 0.4}, (0.9, 1.8), _FIRM, clothes.backpack),
    _category("TennisRacket", "b2 l2", {"top": 1.0, "soft": 1.0}, (0.28, 0.4), _PLASTIC, toys.tennis_racket),
    _category("BaseballBat", "b2 l2 t0.5", _ANYWHERE, (0.85, 1.1), _FIRM, toys.baseball_bat, rolls=True),
    _category("Dumbbell", "b4 l3 t2 k1", {"top": 1.0, "shelf": 0.7, "floor": 0.4}, (3.4, 9.0), _RUBBER, toys.dumbbell),
    _category("Safe", "b1 l1 t1 k0.5", {"top": 1.0, "floor": 0.2}, (12.0, 18.0), _FIRM, storage.safe, pickupable=False),
    _category(
        "ToolBox",
        "k1 l1 b1 t2",
        {"top": 1.0, "floor": 0.5, "shelf": 0.3},
        (3.4, 6.0),
        _RUBBER,
        storage.tool_box,
        pickupable=False,
    ),
    _category(
        "DogBed",
        "l2 b2 t1",
        {"floor": 0.7, "soft": 1.0, "top": 0.3},
        (0.9, 1.6),
        _FIRM,
        storage.dog_bed,
        contains=False,
    ),
    _category("Footstool", "l2 b2 t2 k1", {"floor": 1.0, "top": 0.3}, (1.1, 1.8), _FIRM, seats.footstool),
    _furniture("Stool", "k4 l1 b1 t2", (3.4, 5.0), seats.stool),
    _furniture("Ottoman", "l2 b2 t1", (4.0, 8.0), seats.ottoman, top=0.06),
    _furniture("CoffeeTable", "l3 b1", (8.0, 14.0), furniture.coffee_table, top=0.01),
    _furniture("Cart", "k2 l1 t2", (5.0, 9.0), furniture.cart, _RUBBER, top=0.02),
)

_FOYER: dict[str, float] = {
    "Boots": 4, "Slippers": 4, "Suitcase": 2, "Book": 2, "Newspaper": 3, "Vase": 3, "Candle": 2, "PictureFrame": 2,
    "Basket": 2, "Box": 2, "SoccerBall": 1, "BasketBall": 1, "Chair": 2, "Bench": 1, "SideTable": 1, "FloorLamp": 1,
    "RoomDecor": 2, "VacuumCleaner": 1, "HousePlant": 3, "Statue": 2, "TableTopDecor": 2, "DeskLamp": 1,
    "AlarmClock": 1, "TissueBox": 1, "WateringCan": 1, "Mug": 1, "Towel": 1, "RemoteControl": 1,
    "Hat": 4, "CellPhone": 3, "Backpack": 3, "TennisRacket": 2, "BaseballBat": 2, "Bottle": 2, "Cup": 1, "ToyCar": 2,
    "Dumbbell": 1, "Stool": 2, "Footstool": 2, "Ottoman": 1, "Safe": 1, "ToolBox": 2, "GarbageBag": 2, "Fan": 1,
    "DogBed": 2, "Cart": 1, "ScrubBrush": 1, "Bucket": 1, "LaundryHamper": 1,
}  # fmt: skip
"""Relative frequencies of categories in foyers."""

CATEGORIES: dict[str, Category] = {
    category.name: replace(
        category,
        split=split,
        kinds={**category.kinds, **({"f": float(_FOYER[category.name])} if category.name in _FOYER else {})},
    )
    for split, categories in (("train", _TRAIN), ("test", _TEST))
    for category in categories
}
"""All categories of dynamic objects by name."""


def parse_scene_name(name: str) -> tuple[str, int]:
    """The kind of room and its number from 1 to 30 within the kind.

    Args:
        name: "FloorPlan1" ... "FloorPlan530", with or without the suffix "_physics".

    Raises:
        ValueError: there is no such scene.
    """
    match = re.fullmatch(r"FloorPlan([1-9]\d{0,2})(_physics)?", name)
    number = int(match.group(1)) if match else 0
    for kind, base in KINDS.items():
        if 1 <= number - base <= 30:
            return kind, number - base
    raise ValueError(
        f"scene must be FloorPlan1-30 (kitchens), 201-230 (living rooms), 301-330 (bedrooms), 401-430 (bathrooms) or "
        f"501-530 (foyers), with or without the suffix _physics, not {name!r}."
    )


def room_role(name: str) -> Role:
    """The data set that a room belongs to. Raises ValueError if there is no such scene."""
    _, number = parse_scene_name(name)
    if number <= 20:
        return "train"
    return "novel_objects" if number <= 25 else "novel_spaces"

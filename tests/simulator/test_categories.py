"""The table of categories, its split, the roles of rooms, and the shapes that each category draws."""

from __future__ import annotations

import math

import mujoco
import numpy as np
import pytest

from simulator.things.categories import CATEGORIES, LETTERS, Category, parse_scene_name, room_role
from simulator.things.materials import FINISHES, Draw, add_materials
from simulator.things.shapes import add_parts, bounds
from simulator.world.push import PushSettings


def mass_class(category: Category) -> int:
    low, high = category.mass
    for number, (floor, ceiling) in enumerate([(0.0, 0.5), (0.7, 2.0), (3.0, 20.0)]):
        if floor < low <= high < ceiling:
            return number
    raise AssertionError(f"{category.name} straddles mass classes")


def test_categories_are_many_and_partitioned() -> None:
    splits = {split: {name for name, each in CATEGORIES.items() if each.split == split} for split in ("train", "test")}
    assert len(CATEGORIES) >= 95
    assert splits["train"] | splits["test"] == set(CATEGORIES)
    assert len(splits["test"]) >= 10
    assert 0.2 < len(splits["test"]) / len(CATEGORIES) < 0.36


@pytest.mark.parametrize("split", ["train", "test"])
def test_each_split_covers_all_masses_in_all_kinds_of_rooms(split: str) -> None:
    for letter in LETTERS:
        fitting = [each for each in CATEGORIES.values() if each.split == split and letter in each.kinds]
        assert {mass_class(category) for category in fitting} == {0, 1, 2}, letter
        assert len(fitting) >= 14
        assert sum(category.pickupable and set(category.places) != {"floor"} for category in fitting) >= 10
        assert sum(set(category.places) == {"floor"} for category in fitting) >= 2


def test_roles_of_rooms() -> None:
    for base in (0, 200, 300, 400, 500):
        roles = [room_role(f"FloorPlan{base + number}") for number in range(1, 31)]
        assert roles == ["train"] * 20 + ["novel_objects"] * 5 + ["novel_spaces"] * 5


def test_scene_names() -> None:
    assert parse_scene_name("FloorPlan30") == ("kitchen", 30)
    assert parse_scene_name("FloorPlan201_physics") == ("living_room", 1)
    assert parse_scene_name("FloorPlan315") == ("bedroom", 15)
    assert parse_scene_name("FloorPlan430") == ("bathroom", 30)
    assert parse_scene_name("FloorPlan501_physics") == ("foyer", 1)
    for wrong in (
        "FloorPlan200",
        "FloorPlan500",
        "FloorPlan531",
        "FloorPlan231",
        "FloorPlan01",
        "FloorPlan1 ",
        "FloorPlan1_physics_physics",
    ):
        with pytest.raises(ValueError, match="scene must be"):
            parse_scene_name(wrong)


@pytest.mark.parametrize("category", CATEGORIES.values(), ids=list(CATEGORIES))
def test_instances(category: Category) -> None:
    """Instances stand on their feet, have household sizes, compile, have the right mass and vary."""
    draw = Draw(np.random.default_rng(3))
    spec = mujoco.MjSpec()
    add_materials(spec, FINISHES)
    sizes = []
    for number in range(6):
        parts = category.make(draw)
        assert any(part.solid for part in parts) and any(part.seen for part in parts)
        assert {part.finish for part in parts if part.seen} <= set(FINISHES)
        low, high = bounds(parts)
        assert abs(low[2]) < 2e-3
        sides = high - low
        assert 0.03 <= max(sides) <= 1.6
        sizes.append(tuple(sides))
        # Collision shapes must reach about as far as visible ones, else touches would miss or push air.
        solid_low, solid_high = bounds([part for part in parts if part.solid])
        seen_low, seen_high = bounds([part for part in parts if part.seen])
        assert (np.abs(solid_low - seen_low) < 0.07).all() or (np.abs(solid_high - seen_high) < 0.13).all()
        assert abs(solid_low[2]) < 2e-3
        body = spec.worldbody.add_body(name=f"thing_{number}", pos=(number, 0, 0))
        body.add_freejoint()
        add_parts(spec, body, parts, mass=1.5)
    assert len(set(sizes)) == 6
    model = spec.compile()
    assert model.body_mass[1:] == pytest.approx(np.full(6, 1.5))
    assert (model.body_inertia[1:] > 1e-6).all()


@pytest.mark.parametrize("category", CATEGORIES.values(), ids=list(CATEGORIES))
def test_forms_are_several_and_cheap_to_draw(category: Category) -> None:
    """At least three forms, distinguished by their kinds of parts and proportions; few geoms and triangles."""
    draw = Draw(np.random.default_rng(1))
    forms, appearances = set(), set()
    for _ in range(30):
        seen = [part for part in category.make(draw) if part.seen]
        low, high = bounds(seen)
        width, depth, height = high - low
        make = sorted((part.form, 0 if part.vertices is None else len(part.vertices)) for part in seen)
        forms.add((tuple(make), height > max(width, depth), width > 1.4 * depth))
        appearances.add(tuple(sorted((part.finish, part.rgb) for part in seen)))
        assert len(seen) <= 8
        # MuJoCo draws 12 triangles for a box and hundreds for its round shapes.
        assert all(part.form in ("mesh", "box") for part in seen)
        triangles = sum(12 if part.faces is None else len(part.faces) for part in seen)
        assert triangles <= (420 if category.pickupable else 600)
    assert len(forms) >= 3
    assert len(appearances) >= 25


def test_friction_lets_the_magnitudes_separate_the_mass_classes() -> None:
    """Friction is on the right side of the forces of a touch.

    A touch's force is `force_scale` times magnitude along each horizontal axis, so sqrt(2) times that in all.
    """
    small, middle = (math.sqrt(2) * PushSettings().force_scale * magnitude for magnitude in (5.0, 30.0))
    for category in CATEGORIES.values():
        low, high = category.friction
        assert 0.3 <= low < high <= 0.8, category.name
        weakest, strongest = 9.81 * category.mass[0] * low, 9.81 * category.mass[1] * high
        number = mass_class(category)
        if number == 0:
            assert strongest < 0.75 * small, category.name
        elif number == 1:
            assert weakest > 0.6 * small and strongest < 0.75 * middle, category.name
        else:
            assert weakest > 0.6 * middle, category.name


def test_friction_is_drawn_for_each_instance() -> None:
    draw = Draw(np.random.default_rng(0))
    apple, book = CATEGORIES["Apple"], CATEGORIES["Book"]
    drawn = [apple.draw_friction(draw) for _ in range(50)]
    assert len({sliding for sliding, _, _ in drawn}) == 50
    assert all(apple.friction[0] <= sliding <= apple.friction[1] for sliding, _, _ in drawn)
    assert drawn[0][2] > book.draw_friction(draw)[2], "round objects lose speed while they roll"


def test_places_are_known() -> None:
    for category in CATEGORIES.values():
        assert set(category.places) <= {"top", "shelf", "soft", "floor"}
        assert set(category.kinds) <= set(LETTERS)

"""Training never shows a test's rooms or, in NovelObjects, its categories."""

from __future__ import annotations

from functools import cache

import pytest

from evaluation.interaction.config import DatasetConfig, SplitConfig
from simulator.rooms.generate import SCENE_NAMES, build_scene
from simulator.things.categories import CATEGORIES, room_role
from tests.evaluation.conftest import evaluation_config


def scenes(config: DatasetConfig, split: SplitConfig) -> list[str]:
    """Every room that locations of a split can be in."""
    numbers = range(split.first_room, split.last_room + 1)
    return [f"FloorPlan{offset + number}" for offset in config.scene_offsets for number in numbers]


@cache
def moveable(scene: str) -> set[str]:
    """Categories of the objects that move in a room, in any of its arrangements: spawning only moves them about."""
    return {item.category for item in build_scene(scene, spares=False).objects if item.dynamic}


@pytest.mark.parametrize("name", ["novel_objects", "novel_spaces"])
def test_no_room_and_no_category_of_a_test_is_met_in_training(name: str) -> None:
    dataset = evaluation_config(name).dataset
    assert dataset is not None
    trained, tested = scenes(dataset, dataset.train), scenes(dataset, dataset.test)
    assert set(trained) <= set(SCENE_NAMES) and set(tested) <= set(SCENE_NAMES)
    assert not set(trained) & set(tested)
    assert {room_role(scene) for scene in trained} == {"train"}
    assert len({room_role(scene) for scene in tested}) == 1
    met = set().union(*map(moveable, trained))
    assert {CATEGORIES[category].split for category in met} == {"train"}
    if room_role(tested[0]) == "novel_objects":
        shown = set().union(*map(moveable, tested))
        assert {CATEGORIES[category].split for category in shown} == {"test"}
        assert not shown & met


def test_rooms_shared_by_training_and_test_are_refused() -> None:
    for changes in ({"dataset__train__last_room": 26}, {"dataset__test__first_room": 20}):
        with pytest.raises(ValueError, match=r"evaluation.dataset.train and test must not share rooms"):
            evaluation_config("novel_spaces", **changes)

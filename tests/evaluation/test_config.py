"""The settings in conf/evaluation, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from evaluation.interaction.config import chosen_entries
from evaluation.interaction.dataset_job import rooms_of
from tests.evaluation.conftest import evaluation_config


def test_test_rooms_are_never_trained_in() -> None:
    spaces, objects = evaluation_config("novel_spaces").dataset, evaluation_config("novel_objects").dataset
    train = rooms_of(spaces, spaces.train)
    assert train == rooms_of(objects, objects.train) and len(train) == 80
    assert train[:2] == ["FloorPlan1", "FloorPlan2"] and train[20] == "FloorPlan201" and train[-1] == "FloorPlan420"
    assert rooms_of(spaces, spaces.test)[:5] == [f"FloorPlan{n}" for n in range(26, 31)]
    assert rooms_of(objects, objects.test)[-5:] == [f"FloorPlan{n}" for n in range(421, 426)]
    assert not set(train) & set(rooms_of(spaces, spaces.test) + rooms_of(objects, objects.test))
    assert (spaces.name, objects.name) == ("NovelSpaces", "NovelObjects")


def test_reach_of_the_baseline_is_the_data_sets() -> None:
    config = evaluation_config(dataset__reach_radius=1.25)
    assert config.baselines.depth_edges.reach == config.dataset.reach().radius == 1.25


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dataset.train.last_room", 31),
        ("dataset.test.locations", 0),
        ("dataset.test.annotated", False),
        ("dataset.train.poses_per_spawn", 0),
        ("dataset.horizons", []),
        ("dataset.workers", 0),
        ("dataset.max_mass", 0),
        ("dataset.reach_shape", "cube"),
        ("dataset.reach_radius", -1),
        ("dataset.forces", [30, 5]),
        ("dataset.forces", [0, 5]),
        ("images", -1),
        ("depth_noise", -0.01),
        ("depth_noise", float("inf")),
        ("max_detections", 0),
        ("every_minutes", 0),
        ("baselines.limits", []),
    ],
)
def test_wrong_values_are_named(key: str, value: Any) -> None:
    with pytest.raises(
        Exception, match=f"evaluation.{key}".replace(".last_room", ".first_room and last_room")
    ) as error:
        evaluation_config(**{key.replace(".", "__"): value})
    assert "must" in str(error.value)


def test_chosen_entries_are_evenly_spaced() -> None:
    assert chosen_entries(10, 0) == list(range(10)) == chosen_entries(10, 99)
    assert chosen_entries(10, 4) == [0, 2, 5, 7]
    assert chosen_entries(3, 1) == [0]

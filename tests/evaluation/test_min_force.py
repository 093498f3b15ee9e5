"""Where an object is touched, what counts as moved, and forces measured in real rooms."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from evaluation.interaction.config import DatasetConfig
from evaluation.interaction.min_force import inner_cell, moved, pixels_by_cell, pose
from tests.evaluation.helpers import rectangle


def event(position: tuple[float, float, float], rotation: tuple[float, float, float]) -> Any:
    """An answer with one object."""
    item = {
        "objectId": "Mug|1",
        "position": dict(zip("xyz", position, strict=True)),
        "rotation": dict(zip("xyz", rotation, strict=True)),
    }
    return SimpleNamespace(metadata={"objects": [item]})


def test_the_middle_of_the_part_within_reach_is_touched() -> None:
    mask = np.zeros((300, 300), dtype=bool)
    mask[30:75, 90:135] = True  # cells 10 to 24 and 30 to 44
    everywhere = np.ones((300, 300), dtype=bool)
    assert inner_cell(mask, everywhere) == (17, 37)
    near = everywhere.copy()
    near[:, 105:] = False
    row, column = inner_cell(mask, near)
    assert 12 <= row <= 22 and column == 32


def test_an_object_at_the_edge_of_the_picture_is_not_touched_at_the_edge() -> None:
    mask = np.zeros((300, 300), dtype=bool)
    mask[:, :60] = True
    _, column = inner_cell(mask, np.ones((300, 300), dtype=bool))
    assert 8 <= column <= 11


def test_an_object_thinner_than_a_cell_is_touched() -> None:
    mask = np.zeros((300, 300), dtype=bool)
    mask[30:60, 90] = True  # never at the centre of a cell
    row, column = inner_cell(mask, np.ones((300, 300), dtype=bool))
    assert 10 <= row < 20 and column == 30


def test_an_object_with_no_cell_centre_within_reach_is_touched_where_most_of_it_is() -> None:
    # Only row 60 up to column 100 is within reach; the centre of the cell there is row 61, column 100.
    near = np.zeros((300, 300), dtype=bool)
    near[60, :101] = True
    assert inner_cell(rectangle(99, 60, 30, 30), near) == (20, 33)


def test_pixels_of_cells_by_hand() -> None:
    # Rows 4 to 8 and columns 2 to 3: two rows of cell row 1 and three of 2, one column of cell columns 0 and 1 each.
    counts = pixels_by_cell(rectangle(2, 4, 2, 5))
    assert counts[1:3, :2].tolist() == [[2, 2], [3, 3]] and counts.sum() == 10


@pytest.mark.parametrize(
    ("position", "rotation", "expected"),
    [
        ((0, 0, 0), (0, 0, 0), False),
        ((0.04, 0, 0.02), (0, 0, 0), False),
        ((0.04, 0, 0.04), (0, 0, 0), True),
        ((0, 0, 0), (0, 14, 0), False),
        ((0, 0, 0), (0, 16, 0), True),
        # 10 degrees about x and 13 about z are 16.4 together.
        ((0, 0, 0), (10, 0, 13), True),
        ((0, 0, 0), (0, 359, 0), False),
    ],
)
def test_what_counts_as_moved(
    position: tuple[float, float, float], rotation: tuple[float, float, float], expected: bool
) -> None:
    assert moved(pose(event((0, 0, 0), (0, 0, 0)), "Mug|1"), pose(event(position, rotation), "Mug|1")) == expected


def test_turns_are_compared_as_rotations() -> None:
    # Both are the same rotation, in Unity's order of angles.
    assert not moved(pose(event((0, 0, 0), (90, 30, 0)), "Mug|1"), pose(event((0, 0, 0), (90, 0, -30)), "Mug|1"))


def test_measured_forces_fit_the_masses(made: tuple[DatasetConfig, dict[str, Path]]) -> None:
    _, paths = made
    objects = [item for entry in json.loads(paths["test"].read_text()) for item in entry["annotations"]]
    forces = np.array([item["min_force"] for item in objects])
    masses = np.array([item["gt_mass"] for item in objects])
    assert set(forces) <= {5, 30, 200, -1}
    assert (forces > 0).mean() > 0.7
    # Light objects need less than heavy ones.
    known = forces > 0
    assert forces[known & (masses < 0.5)].mean() < forces[known & (masses > 2)].mean()

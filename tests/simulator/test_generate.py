"""Rooms: all names build, hold what their split allows, and are the same in every process."""

from __future__ import annotations

import pytest

from simulator.generate import SCENE_NAMES, build_scene


def test_names() -> None:
    assert len(SCENE_NAMES) == len(set(SCENE_NAMES)) == 120
    assert {"FloorPlan1", "FloorPlan30", "FloorPlan201", "FloorPlan330", "FloorPlan430"} <= set(SCENE_NAMES)


@pytest.mark.parametrize("name", ["FloorPlan0", "FloorPlan31", "FloorPlan501", "floorplan1", "FloorPlan1_fast", ""])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="FloorPlan1-30"):
        build_scene(name)

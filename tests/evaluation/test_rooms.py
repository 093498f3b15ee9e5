"""Observations and touches with their ground truth, in real rooms, and the sheets that show them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from actors.config import SimulatorConfig
from actors.controller import SimulatorProcess
from actors.interaction.config import ActorConfig
from evaluation.interaction.room_sheets import touches_sheet, views_sheet
from evaluation.interaction.rooms import HORIZON, StudiedTouch, View, fullest_views, study_touches
from replay.interaction.record import centres
from tests.evaluation.conftest import default


@pytest.fixture(scope="module")
def actors() -> ActorConfig:
    """The default actor."""
    return default(ActorConfig, "actors/interaction.yaml")


@pytest.fixture(scope="module")
def simulator(rooms: SimulatorConfig) -> Iterator[SimulatorProcess]:
    process = SimulatorProcess(rooms, renderInstanceSegmentation=True)
    yield process
    process.stop()


@pytest.fixture(scope="module")
def views(simulator: SimulatorProcess, actors: ActorConfig) -> list[View]:
    return fullest_views(simulator, "FloorPlan3", 5, actors, count=2, tries=8)


@pytest.fixture(scope="module")
def touches(simulator: SimulatorProcess, actors: ActorConfig, views: list[View]) -> list[StudiedTouch]:
    return list(study_touches(simulator, views[0].location, actors, np.random.default_rng(1), objects=8, others=3))


def test_the_fullest_observations_come_first(views: list[View]) -> None:
    assert len(views) == 2 and views[0].objects >= views[1].objects >= 1
    assert views[0].location.position != views[1].location.position
    assert all(view.location.horizon == HORIZON and view.location.scene == "FloorPlan3" for view in views)
    for view in views:
        assert view.image.shape == view.instances.shape == (300, 300, 3) and view.depth.shape == (300, 300)
        assert len(np.unique(view.instances.reshape(-1, 3), axis=0)) > 5


def test_touches_of_objects_hit_them(touches: list[StudiedTouch]) -> None:
    assert len(touches) >= 5
    objects = [touch for touch in touches if touch.mass is not None]
    assert len(objects) >= 3
    for touch in objects:
        assert touch.truth[touch.row, touch.column] and touch.truth.any()
        assert 0 <= touch.iou <= 1
    for touch in touches:
        if touch.mass is None:
            assert not touch.truth.any() and not touch.moved and np.isnan(touch.iou)
        if touch.moved:
            assert (touch.before != touch.after).any()
    assert any(touch.moved and touch.successful and touch.iou > 0.3 for touch in objects)


def test_the_same_seed_touches_the_same(
    simulator: SimulatorProcess, actors: ActorConfig, views: list[View], touches: list[StudiedTouch]
) -> None:
    again = study_touches(simulator, views[0].location, actors, np.random.default_rng(1), objects=8, others=3)
    for one, other in zip(touches, again, strict=True):
        assert (one.row, one.column, one.mass) == (other.row, other.column, other.mass)
        assert (one.after == other.after).all() and (one.mask == other.mask).all()


def test_noise_of_depth_changes_the_masks_but_no_touch(
    simulator: SimulatorProcess, actors: ActorConfig, views: list[View], touches: list[StudiedTouch]
) -> None:
    noisy = study_touches(simulator, views[0].location, actors, np.random.default_rng(1), 8, 3, depth_noise=0.05)
    same = []
    for one, other in zip(touches, noisy, strict=True):
        assert (one.row, one.column, one.mass) == (other.row, other.column, other.mass)
        assert (one.after == other.after).all() and one.seconds > 0
        same.append((one.mask == other.mask).all())
    assert not all(same)


def test_centres_are_the_middle_pixels_of_cells() -> None:
    mask = np.zeros((300, 300), dtype=bool)
    mask[31, 61] = mask[33, 61] = True
    assert np.argwhere(centres(mask)).tolist() == [[10, 20]]


def test_sheets(tmp_path: Path, views: list[View], touches: list[StudiedTouch]) -> None:
    views_sheet(tmp_path / "views.png", [views, views[:1]])
    touches_sheet(tmp_path / "touches.png", touches, 0.01)
    for name in ("views", "touches"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            pixels = np.asarray(picture.convert("RGB"))
        assert min(pixels.shape[:2]) > 200 and pixels.std() > 20

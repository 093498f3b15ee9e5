"""Figures show the data at the right places, checked by their pixels, and their files are whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.interaction.coco import compute_metrics, encode_detections
from evaluation.interaction.figures import (
    MASS_COLORS,
    LearningPoint,
    Panels,
    confusion_figure,
    contact_sheet,
    instance_colors,
    learning_curve,
    overlay,
    precision_recall_figure,
    six_panels,
)
from tests.evaluation.helpers import SIZE, cells, found, rectangle, truth


def panels(touched: bool, detected: bool = True) -> Panels:
    image = np.full((SIZE, SIZE, 3), 150, dtype=np.uint8)
    masks = [cells(20, 40, 20, 20), cells(60, 10, 10, 30)]
    detections = found(masks, [0.9, 0.4], [0, 2]) if detected else found([], [], [])
    return Panels(
        image=image,
        score_map=np.zeros((100, 100), dtype=np.float32),
        force_map=np.zeros((3, 100, 100), dtype=np.float32),
        detections=detections,
        truth_masks=np.array([rectangle(120, 60, 60, 60)]),
        truth_classes=[1],
        touch_masks=np.array(masks[:1]) if touched else None,
        touch_points=np.array([[25, 45]]) if touched else None,
        shown=2,
    )


HEAVY = np.stack([np.zeros((100, 100)), np.zeros((100, 100)), np.ones((100, 100))]).astype(np.float32)


def read(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture[..., ::-1] / 255.0


def test_overlay_tints_inside_and_leaves_outside_grey() -> None:
    image = np.full((SIZE, SIZE, 3), (200, 100, 50), dtype=np.uint8)
    small, large = rectangle(100, 100, 40, 40), rectangle(60, 60, 120, 120)
    picture = overlay(image, np.array([small, large]), np.array([[1.0, 0, 0], [0, 0, 1.0]]), strength=0.5)
    grey = (200 * 0.299 + 100 * 0.587 + 50 * 0.114) / 255
    assert picture[10, 10] == pytest.approx([grey] * 3)
    assert picture[80, 80] == pytest.approx([grey / 2, grey / 2, grey / 2 + 0.5])
    assert picture[100, 100].tolist() == [1, 0, 0]  # the outline of the small one, on top
    assert picture[120, 120][0] > picture[120, 120][2]


def test_neighbouring_instances_differ_in_colour() -> None:
    colors = instance_colors(12)
    assert colors.shape == (12, 3) and (np.abs(np.diff(colors, axis=0)).max(axis=1) > 0.5).all()
    assert instance_colors(0).shape == (0, 3)


@pytest.mark.parametrize(("touched", "detected"), [(True, True), (False, False)])
def test_six_panels_and_contact_sheet(tmp_path: Path, touched: bool, detected: bool) -> None:
    six_panels(tmp_path / "six.png", panels(touched, detected))
    contact_sheet(tmp_path / "sheet.png", [panels(touched, detected)] * 3)
    six, sheet = read(tmp_path / "six.png"), read(tmp_path / "sheet.png")
    assert six.shape[0] > 500 and sheet.shape[1] > 1000
    # The medium object's outline is in the picture, and nothing else is that green.
    green = np.abs(six - MASS_COLORS[1]).max(axis=2) < 0.02
    assert green.sum() > 100
    assert len(list(tmp_path.iterdir())) == 2
    assert (tmp_path / "six.png").stat().st_size < 400_000


def test_a_model_that_knows_no_mass_shows_none(tmp_path: Path) -> None:
    blue = {}
    for knows_mass in (True, False):
        picture = replace(panels(touched=False), knows_mass=knows_mass, force_map=HEAVY, truth_classes=[1])
        six_panels(tmp_path / "six.png", picture)
        above_the_key = read(tmp_path / "six.png")[:500]
        blue[knows_mass] = int((above_the_key[..., 2] - above_the_key[..., 0] > 0.05).sum())
    assert blue[True] > blue[False] + 20_000, "a whole panel in the colour of heavy objects"


def test_equal_figures_are_equal_files(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        six_panels(tmp_path / name, panels(True))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with pytest.raises(ValueError, match="at least one image"):
        contact_sheet(tmp_path / "c.png", [])


def test_curves_and_matrix_are_written_also_when_there_is_little_to_show(tmp_path: Path) -> None:
    points = [
        LearningPoint(0.0, 0, 0, 0.5, 1.0, None, None),
        LearningPoint(1.0, 60, 100, None, None, 0.1, 0.06),
        LearningPoint(2.0, 130, 210, 12.0, 15.0, 0.3, 0.05),
    ]
    baselines = {"superpixels": {"mask_ap50": 12.8, "box_ap50": 14.0}}
    learning_curve(tmp_path / "curve.png", points, baselines)
    learning_curve(tmp_path / "empty.png", [], {})
    for name, interval in (("narrow", [11.5, 12.5]), ("wide", [9.0, 14.5])):
        known = replace(points[-1], intervals={"mask_ap50": interval})
        learning_curve(tmp_path / f"{name}.png", [*points[:-1], known], baselines)
    longer = (read(tmp_path / "narrow.png") != read(tmp_path / "wide.png")).any(axis=2)
    assert 500 < longer.sum() < 5000, "three bars, more than 50 pixels longer and some 9 wide"
    truths = [truth(0, [rectangle(0, 0, 30, 30)], [1])]
    metrics = compute_metrics(truths, [encode_detections(0, found([cells(0, 0, 10, 10)], [1.0], [2]), 32)], SIZE, 32)
    confusion_figure(tmp_path / "confusion.png", metrics)
    precision_recall_figure(tmp_path / "pr.png", {"trained": metrics})
    for name in ("curve", "empty", "confusion", "pr"):
        assert read(tmp_path / f"{name}.png").std() > 0.01

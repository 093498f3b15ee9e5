"""The comparison of methods: figures by hand, what is kept of a measurement, and the files that are drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from evaluation.interaction.coco import SCALARS, Metrics, encode_detections
from evaluation.interaction.comparison import (
    IMAGES_ALONE,
    RUNS_POOLED,
    Comparison,
    MeasuredRun,
    Method,
    Reported,
    markdown,
    over_runs,
    pooled_deviation,
    table_lines,
)
from evaluation.interaction.comparison_figures import comparison_figures, pool
from evaluation.interaction.evaluate import Evaluation
from evaluation.interaction.intervals import RESAMPLES
from evaluation.interaction.measured import (
    METRICS,
    PANELS,
    read_panels,
    write_measured,
    write_panels,
)
from evaluation.interaction.metrics_file import read_metrics, write_metrics
from evaluation.tables import MARKED
from tests.evaluation.helpers import cells, found
from tests.evaluation.test_figures import panels

PAPER = Reported("paper (other rooms)", {"mask_ap50": (21.92, 0.90), "box_ap": (11.65, None)}, np.eye(3) * 100)


def metrics(value: float, spread: float = 1.0) -> Metrics:
    """All figures of one value; half of the resamples are less by `spread`, the other half more."""
    curve = np.full(101, value / 100)
    resamples = np.repeat(np.resize([value - spread, value + spread], (RESAMPLES, 1)), len(SCALARS), axis=1)
    return Metrics(value, value, value, value, value, value, 4, 9, 7, np.diag([2, 1, 0]), curve, curve, resamples)


def measured(folder: Path, seed: int, value: float, touches: int = 600, knows_mass: bool = True) -> MeasuredRun:
    """A run with its files."""
    one = metrics(value)
    detections = [encode_detections(0, found([cells(2, 2, 5, 5)], [0.5], [1]), 32)]
    write_measured(folder / str(seed), Evaluation(one, detections), [panels(touched=True), panels(touched=False)])
    curve = [(100, value / 4), (400, value / 2)]
    return MeasuredRun(seed, folder / str(seed), one, knows_mass, touches, steps=50, minutes=1.5, curve=curve)


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    ours = Method("ours", [measured(tmp_path / "a", 1, 40.0, 600), measured(tmp_path / "a", 2, 44.0, 700)], "")
    other = Method("other | one", [measured(tmp_path / "b", 1, 50.0, knows_mass=False)], "not trained yet: seed 2")
    refused = Method("third", [], "needs torchvision")
    return Comparison("Title", "NovelSpaces", [ours, other, refused], [PAPER], {"superpixels": metrics(9.0)})


def test_figures_stand_beside_what_the_paper_reports(comparison: Comparison) -> None:
    text = markdown([comparison], "How it was made.")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    # Twice 40 or twice 44, 2 more from the mean of 42 and sqrt(2) times that, and 1 more or less of the images.
    assert lines[2].startswith("| ours (2 seeds) | 42.0 [38.2, 45.8] | 42.0 [38.2, 45.8] |")
    # Sample deviations: 650 and sqrt(5000) = 71.
    assert lines[2].endswith("| 650 ± 71 | 50 ± 0 | 2 ± 0 |")
    assert lines[3] == "| paper (other rooms) | – | 11.7 | 21.9 ± 0.9 | – | – | – | – | – | – |"
    assert lines[4].startswith("| other \\| one | **50.0 [") and lines[4].endswith("]** | – | – | 600 | 50 | 2 |")
    assert lines[5] == "| third | – | – | – | – | – | – | – | – | – |"
    assert lines[6].startswith("| superpixels | 9.0 [8.0, 10.0] |") and lines[6].endswith("| – | – | – | – | – |")
    assert f"\n\n{MARKED}\n\n{RUNS_POOLED}\n" in text
    assert "How it was made." in text and "- third: needs torchvision" in text and "- other | one: not" in text


def test_lines_of_cells_name_table_and_data_set(comparison: Comparison) -> None:
    head, ours, paper, *_ = table_lines("reach", [comparison])
    row = dict(zip(head, ours, strict=True))
    assert (row["table"], row["data_set"], row["method"], row["runs"]) == ("reach", "NovelSpaces", "ours", 2)
    assert row["mask_ap50"] == 42 and row["mask_ap50_std"] == pytest.approx(8**0.5) and row["touches"] == 650
    assert (row["mask_ap50_low"], row["mask_ap50_high"]) == pytest.approx((42 - 8**0.5 - 1, 42 + 8**0.5 + 1))
    assert dict(zip(head, paper, strict=True))["mask_ap50_std"] == 0.90


def test_one_run_takes_the_deviation_between_runs_from_other_rows(comparison: Comparison) -> None:
    other = comparison.rows()[2].resamples["mask_ap50"]
    assert other.mean() == pytest.approx(50, abs=0.3)
    # The deviation of 40 and 44 is sqrt(8), that of the images 1.
    assert other.std() == pytest.approx(3, rel=0.06)
    assert np.array_equal(other, comparison.rows()[2].resamples["mask_ap50"]), "the same in each call"
    alone = replace(comparison, methods=comparison.methods[1:])
    assert alone.rows()[0].interval("mask_ap50") == (49, 51) and "mass_ap50" not in alone.rows()[0].resamples
    assert IMAGES_ALONE in markdown([alone], "How it was made.")


def test_resampled_means_vary_as_means_of_runs_do() -> None:
    """The variance of a mean of three runs is a third of their sample variance, 7 / 3; the images add theirs."""
    runs = np.array([[21.0], [22.0], [26.0]]) + np.random.default_rng(1).normal(0, 2, 100_000)
    resampled = over_runs(runs, 0.0, np.random.default_rng(0))
    assert resampled.mean() == pytest.approx(23, abs=0.05) and resampled.var() == pytest.approx(7 / 3 + 4, rel=0.03)
    low = over_runs(np.full((1, 1000), 0.5), 2.0, np.random.default_rng(0))
    assert low.min() == 0, "a percentage is not negative"


def test_deviations_are_pooled_over_rows() -> None:
    # Squares of 14 / 3 * 3 = 14 with two degrees of freedom, and 8 with one.
    assert pooled_deviation([[1, 2, 6], [40, 44], [7], []]) == pytest.approx((22 / 3) ** 0.5)
    assert pooled_deviation([[7], []]) == 0


def test_pooled_runs_have_mean_curves_and_added_counts() -> None:
    both = pool([metrics(40.0), metrics(44.0)])
    assert both.mask_ap50 == 42 and both.mask_precision == pytest.approx(np.full(101, 0.42))
    assert both.resamples[:2] == pytest.approx(np.array([[41.0] * 6, [43.0] * 6]))
    assert both.confusion.tolist() == [[4, 0, 0], [0, 2, 0], [0, 0, 0]]


def test_what_was_measured_is_read_back(tmp_path: Path) -> None:
    run = measured(tmp_path, 1, 12.5)
    again = read_metrics(run.folder / METRICS)
    assert again is not None and again.figures() == run.metrics.figures()
    assert (again.confusion == run.metrics.confusion).all() and again.confusion.dtype == np.int64
    touched, untouched = read_panels(run.folder)
    original = panels(touched=True)
    assert np.array_equal(touched.detections.masks, original.detections.masks) and touched.truth_classes == [1]
    assert np.array_equal(again.confusion, run.metrics.confusion) and again.confusion.dtype == np.int64
    assert untouched.touch_masks is None and touched.knows_mass
    write_panels(run.folder / PANELS, [replace(original, knows_mass=False)])
    assert not read_panels(run.folder)[0].knows_mass
    assert np.array_equal(again.resamples, run.metrics.resamples)
    gap = run.metrics.resamples.copy()
    gap[3] = np.nan
    write_metrics(run.folder / METRICS, replace(run.metrics, resamples=gap))
    reread = read_metrics(run.folder / METRICS)
    assert reread is not None and np.array_equal(reread.resamples, gap, equal_nan=True)
    write_metrics(run.folder / METRICS, replace(run.metrics, resamples=gap[:5]))
    assert read_metrics(run.folder / METRICS) is None, "with other resamples: measured again"
    (run.folder / METRICS).write_text('{"mask_ap50": 1}')
    assert read_metrics(run.folder / METRICS) is None, "of another version: measured again"


def test_all_figures_are_drawn(comparison: Comparison, tmp_path: Path) -> None:
    paths = comparison_figures(tmp_path / "figures", comparison)
    assert [path.name for path in paths] == [
        "ap_over_touches_NovelSpaces.png",
        "precision_recall_NovelSpaces.png",
        "confusion_NovelSpaces.png",
        "six_panels_NovelSpaces_0.png",
        "six_panels_NovelSpaces_1.png",
    ]
    shapes = [cv2.imread(str(path)).shape for path in paths]  # type: ignore[union-attr]
    assert shapes[3][0] > 300 and shapes[2][1] > shapes[2][0], "two methods below, two matrices beside each other"
    assert comparison_figures(tmp_path / "none", replace(comparison, methods=comparison.methods[2:])) == []

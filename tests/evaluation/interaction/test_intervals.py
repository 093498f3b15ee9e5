"""Weighted average precision against values worked by hand and against COCO's; resamples against known proportions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evaluation.interaction.coco import SCALARS, EncodedDetections, GroundTruth, compute_metrics
from evaluation.interaction.intervals import (
    IOUS,
    RESAMPLES,
    MatchedImages,
    Matches,
    average_precision,
    draw_weights,
    with_resamples,
)
from evaluation.interaction.masks import encode
from evaluation.tables import interval_of
from tests.evaluation.helpers import SIZE, rectangle

# Overlaps of these rectangles pass some thresholds and not others; equal ones compete for the same detections.
SHAPES = [
    rectangle(0, 0, 30, 30), rectangle(0, 0, 30, 21), rectangle(3, 0, 30, 30), rectangle(0, 6, 30, 30),
    rectangle(150, 150, 60, 30), rectangle(150, 153, 60, 30), rectangle(150, 150, 30, 30),
]  # fmt: skip
ENCODED = [encode(shape) for shape in SHAPES]
Thing = tuple[int, int]
"""Number of the shape, and mass class."""


def an_image(number: int, objects: list[Thing], found: list[Thing], scores: list[float], scene: str = "") -> Any:
    """Ground truth and detections of one image."""
    truth = GroundTruth(number, tuple(ENCODED[s] for s, _ in objects), tuple(c for _, c in objects), scene)
    order = sorted(range(len(found)), key=lambda i: -scores[i])
    shapes, classes = [ENCODED[found[i][0]] for i in order], [found[i][1] for i in order]
    return truth, EncodedDetections(number, tuple(shapes), tuple(scores[i] for i in order), tuple(classes))


def reference(images: list[Any]) -> NDArray[np.float64]:
    """The figures as faster-coco-eval has them."""
    truths, found = zip(*images, strict=True)
    metrics = compute_metrics(truths, found, SIZE, 32)
    return np.array([getattr(metrics, name) for name in SCALARS])


def figures(images: list[Any], weights: list[int]) -> NDArray[np.float64]:
    """The figures of weighted images."""
    truths, found = zip(*images, strict=True)
    return MatchedImages(truths, found).figures(np.array(weights))


def test_average_precision_of_weighted_images_by_hand() -> None:
    # Image 0: two objects, a hit at rank 0 and a miss at rank 2. Image 1: one object, a miss at rank 1, a hit at 3.
    matches = Matches(np.array([0, 1, 0, 1]), [np.array([0, 3]), np.array([3])], np.array([2, 1]))
    expected = {
        # Precision 1 up to recall 1/3 (34 recalls), 2/4 up to 2/3 (33 recalls); alone, the last hit has 1/4.
        (1, 1): (34 + 33 * 0.5, 34 * 0.25),
        # Two hits before two misses, and four objects.
        (2, 0): (51, 0),
        # Three misses before three hits.
        (0, 3): (101 * 0.5, 101 * 0.5),
        # Precision 1 up to recall 1/4 (26 recalls), 3/6 up to 3/4 (50 recalls); alone 2/6 up to 2/4 (51 recalls).
        (1, 2): (26 + 50 * 0.5, 51 / 3),
    }
    for weights, sums in expected.items():
        found = average_precision(matches, np.array(weights))
        assert found == pytest.approx([100 * value / 101 for value in sums]), weights
    assert np.isnan(average_precision(matches, np.array([0, 0]))).all()


@st.composite
def some_images(draw: st.DrawFn, ties: bool) -> list[Any]:
    """One to four images, of which at least one has an object; without ties each score of an image occurs once."""
    things = st.lists(st.tuples(st.integers(0, len(SHAPES) - 1), st.integers(0, 2)), max_size=5)
    images = []
    for number in range(draw(st.integers(1, 4))):
        objects, found = draw(things), draw(things)
        score = st.sampled_from([0.0, 0.25, 0.5, 0.75]) if ties else st.integers(0, 1000).map(lambda n: n / 8)
        scores = draw(st.lists(score, min_size=len(found), max_size=len(found), unique=not ties))
        images.append(an_image(number, objects, found, scores))
    if not any(truth.segmentations for truth, _ in images):
        images[0] = an_image(0, [(0, 1)], [], [])
    return images


@settings(deadline=None, max_examples=150)
@given(some_images(ties=True))
def test_with_equal_weights_all_figures_are_those_of_coco(images: list[Any]) -> None:
    assert figures(images, [1] * len(images)) == pytest.approx(reference(images), abs=1e-6)


@pytest.mark.parametrize("classes", [(0, 0), (0, 1), (1, 0)])
@pytest.mark.parametrize("first", [0, 1])
def test_of_equally_near_objects_the_same_as_coco_is_taken(classes: tuple[int, int], first: int) -> None:
    """The better detection lies between two objects; the other one is near enough to the left object alone."""
    objects = [encode(rectangle(x, 0, 30, 30)) for x in ((54, 66), (66, 54))[first]]
    found = tuple(encode(rectangle(x, 0, 30, 30)) for x in (60, 45))
    image = GroundTruth(0, tuple(objects), classes), EncodedDetections(0, found, (0.9, 0.8), (0, 0))
    assert figures([image], [1])[0] == pytest.approx(reference([image])[0])


@settings(deadline=None, max_examples=50)
@given(some_images(ties=False), st.data())
def test_an_image_of_weight_two_counts_as_two_images(images: list[Any], data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.integers(0, 3), min_size=len(images), max_size=len(images)))
    repeated = [image for image, weight in zip(images, weights, strict=True) for _ in range(weight)]
    if not any(truth.segmentations for truth, _ in repeated):
        assert np.isnan(figures(images, weights)[0])
        return
    assert figures(images, weights) == pytest.approx(reference(repeated), abs=1e-6)


def test_thresholds_are_those_of_coco() -> None:
    from pycocotools.cocoeval import Params

    assert IOUS.tolist() == Params().iouThrs.tolist()


def test_whole_rooms_are_drawn_and_images_within_them() -> None:
    scenes = ["b", "a", "b", "b", "a"]
    weights = draw_weights(scenes)
    assert weights.shape == (RESAMPLES, 5) and np.array_equal(weights, draw_weights(scenes))
    in_a, in_b = weights[:, [1, 4]].sum(axis=1), weights[:, [0, 2, 3]].sum(axis=1)
    assert np.array_equal(in_a % 2, np.zeros(RESAMPLES)) and np.array_equal(
        in_a // 2 + in_b // 3, np.full(RESAMPLES, 2)
    )
    # Each of the three combinations of two rooms; each image is drawn once in the mean.
    assert {0, 2, 4} == set(in_a.tolist()) and weights.mean(axis=0) == pytest.approx(np.ones(5), abs=0.15)
    assert weights[in_a == 2].std(axis=0).min() > 0.4, "images of a room that was drawn once vary, too"


@pytest.mark.parametrize("rooms_differ", [False, True])
def test_intervals_of_a_known_share_cover_it(rooms_differ: bool) -> None:
    """100 images in 20 rooms find their object with probability 0.4, alone or all images of a room together."""
    random, share, scenes = np.random.default_rng(0), 0.4, [f"room {image // 5}" for image in range(100)]
    weights = draw_weights(scenes)
    covered, widths = 0, []
    for _ in range(200):
        found = random.random(20 if rooms_differ else 100) < share
        found = np.repeat(found, 5) if rooms_differ else found
        low, high = interval_of(weights @ found / weights.sum(axis=1))
        covered += low <= share <= high
        widths.append(high - low)
    independent = 20 if rooms_differ else 100
    normal = 2 * 1.96 * math.sqrt(share * (1 - share) / independent)
    assert covered / 200 >= 0.93
    # Images within rooms are drawn once more, so that images that do not depend on the room have wider intervals.
    assert 0.9 * normal < np.mean(widths) < (1.05 if rooms_differ else 1.4) * normal


def test_resamples_are_paired_between_methods() -> None:
    """One method finds the objects of half of the rooms, the other misses a fifth of those."""
    images = [
        (number, [(0, 0)], [(0, 0)] if number // 5 % 2 else [], [0.5] if number // 5 % 2 else [])
        for number in range(100)
    ]
    better = [an_image(*image, scene=f"room {image[0] // 5}") for image in images]
    worse = [
        an_image(number, objects, *(([], []) if number % 5 == 0 else (found, scores)), scene=f"room {number // 5}")
        for number, objects, found, scores in images
    ]
    resampled = []
    for method in (better, worse):
        truths, found = zip(*method, strict=True)
        metrics = with_resamples(compute_metrics(truths, found, SIZE, 32), truths, found)
        again = with_resamples(compute_metrics(truths, found, SIZE, 32), truths, found)
        assert metrics.resamples.shape == (RESAMPLES, len(SCALARS))
        assert np.array_equal(metrics.resamples, again.resamples)
        resampled.append(metrics.resampled()["mask_ap50"])
        low, high = interval_of(resampled[-1])
        assert low < metrics.mask_ap50 < high
    assert interval_of(resampled[0])[0] < interval_of(resampled[1])[1], "alone, the intervals overlap"
    assert interval_of(resampled[0] - resampled[1])[0] > 0, "paired, the difference is beyond the noise"

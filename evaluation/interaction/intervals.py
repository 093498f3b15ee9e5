"""95 % intervals of an evaluation's figures: a bootstrap over rooms and images (docs/interaction.md, Evaluation).

Which detection finds which object is decided within an image, so it is decided once. A resample only changes how often
each image counts, and average precision follows from these weights within a millisecond.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from faster_coco_eval.core import mask as coco_mask
from numpy.typing import NDArray

from evaluation.interaction.coco import (
    MASS_CLASSES,
    RECALLS,
    SCALARS,
    EncodedDetections,
    GroundTruth,
    Metrics,
    mass_accuracy,
    mass_confusions,
)
from evaluation.interaction.masks import box

RESAMPLES = 1000
"""Number of resamples. They depend on the rooms of the images alone, so that methods are compared on the same ones."""
SEED = 0
"""Seed of the resamples."""
IOUS = np.linspace(0.5, 0.95, 10)
"""COCO's thresholds."""


@dataclass(frozen=True)
class Matches:
    """All detections of one kind in n images by decreasing score, and which of them find an object."""

    images: NDArray[np.int64]
    """(detections,) index of the image of each detection."""
    hits: Sequence[NDArray[np.int64]]
    """For each IoU, the increasing indices of the detections that find an object."""
    objects: NDArray[np.int64]
    """(n,) number of objects in each image."""


class MatchedImages:
    """The matches of an evaluation, from which the figures of each resample follow.

    Args:
        ground_truths: one for each image.
        predictions: one for each image, in the same order.
    """

    def __init__(self, ground_truths: Sequence[GroundTruth], predictions: Sequence[EncodedDetections]) -> None:
        images = list(zip(ground_truths, predictions, strict=True))
        masks = [mask_overlap(truth, found) for truth, found in images]
        boxes = [box_overlap(truth, found) for truth, found in images]
        self.masks = match(ground_truths, predictions, masks, IOUS)
        self.boxes = match(ground_truths, predictions, boxes, IOUS)
        self.classes = [
            match(ground_truths, predictions, boxes, IOUS[:1], mass_class) for mass_class in range(len(MASS_CLASSES))
        ]
        self.confusions = mass_confusions(ground_truths, predictions)

    def figures(self, weights: NDArray[np.int64]) -> NDArray[np.float64]:
        """Returns (6,) values of SCALARS if each image counts `weights` (n,) times; NaN where there is no object."""
        masks, boxes = average_precision(self.masks, weights), average_precision(self.boxes, weights)
        classes = [average_precision(matches, weights)[0] for matches in self.classes]
        present = [value for value in classes if not np.isnan(value)]
        values = {
            "mask_ap50": masks[0],
            "mask_ap": masks.mean(),
            "box_ap50": boxes[0],
            "box_ap": boxes.mean(),
            "mass_accuracy": mass_accuracy(np.tensordot(weights, self.confusions, axes=1)),
            "mass_ap50": np.mean(present) if present else np.nan,
        }
        return np.array([values[name] for name in SCALARS])


def with_resamples(
    metrics: Metrics, ground_truths: Sequence[GroundTruth], predictions: Sequence[EncodedDetections]
) -> Metrics:
    """Adds resampled figures to the metrics of the same images; arguments as of `compute_metrics`."""
    matched = MatchedImages(ground_truths, predictions)
    weights = draw_weights([truth.scene for truth in ground_truths])
    return replace(metrics, resamples=np.array([matched.figures(one) for one in weights]))


def draw_weights(scenes: Sequence[str]) -> NDArray[np.int64]:
    """Draws rooms with replacement, and within each drawn room as many of its images as it has, with replacement.

    Args:
        scenes: name of the room of each of n images.

    Returns:
        (RESAMPLES, n) how often each image was drawn; the same for equal arguments.
    """
    random = np.random.default_rng(SEED)
    names, rooms = np.unique(np.asarray(scenes), return_inverse=True)
    drawn = random.multinomial(len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES)
    weights = np.zeros((RESAMPLES, len(scenes)), dtype=np.int64)
    for number in range(len(names)):
        images = np.flatnonzero(rooms == number)
        weights[:, images] = random.multinomial(drawn[:, number] * len(images), np.full(len(images), 1 / len(images)))
    return weights


def match(
    ground_truths: Sequence[GroundTruth],
    predictions: Sequence[EncodedDetections],
    overlaps: Sequence[NDArray[np.float64]],
    ious: NDArray[np.float64],
    mass_class: int | None = None,
) -> Matches:
    """Matches detections and objects as COCO does.

    In each image, by decreasing score, a detection takes the free object with the highest IoU from the threshold on.

    Args:
        ground_truths: one for each image.
        predictions: one for each image.
        overlaps: (detections, objects) IoU for each image.
        ious: increasing thresholds.
        mass_class: only detections and objects of this class count; None: all.
    """
    images: list[int] = []
    scores: list[float] = []
    hits: list[NDArray[np.bool_]] = [np.zeros((len(ious), 0), dtype=bool)]
    objects = np.zeros(len(ground_truths), dtype=np.int64)
    for image, (truth, found, overlap) in enumerate(zip(ground_truths, predictions, overlaps, strict=True)):
        found_classes, true_classes = (np.array(one.mass_classes, dtype=np.int64) for one in (found, truth))
        # COCO lists detections and objects by class, also where classes do not count; equal scores keep that order.
        order = np.lexsort((found_classes, -np.array(found.scores)))
        wanted = np.argsort(true_classes, kind="stable")
        if mass_class is not None:
            order, wanted = order[found_classes[order] == mass_class], wanted[true_classes[wanted] == mass_class]
        objects[image] = len(wanted)
        images += [image] * len(order)
        scores += [found.scores[index] for index in order]
        hits.append(_hits(overlap[np.ix_(order, wanted)], ious))
    # Equal scores keep the order of the images, as COCO's do.
    ranks = np.argsort(-np.array(scores), kind="stable")
    ranked = np.concatenate(hits, axis=1)[:, ranks]
    return Matches(np.array(images, dtype=np.int64)[ranks], [np.flatnonzero(line) for line in ranked], objects)


def average_precision(matches: Matches, weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """Average precision over 101 recalls at each IoU, 0-100, if each image counts `weights` (n,) times.

    Precision has its maxima at detections that find an object, so that only these are needed.

    Returns:
        (IoUs,) percent; NaN without objects.
    """
    objects = int(weights @ matches.objects)
    if not objects:
        return np.full(len(matches.hits), np.nan)
    counted = weights[matches.images]
    detections = np.cumsum(counted)
    values = np.zeros(len(matches.hits))
    for number, hits in enumerate(matches.hits):
        found = np.cumsum(counted[hits])
        # Before the first detection that counts, both are 0.
        precision = found / np.maximum(detections[hits], 1)
        envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
        values[number] = 100.0 * envelope[np.searchsorted(found / objects, RECALLS)].mean()
    return values


def mask_overlap(truth: GroundTruth, found: EncodedDetections) -> NDArray[np.float64]:
    """(detections, objects) IoU of masks."""
    shape = len(found.segmentations), len(truth.segmentations)
    if not all(shape):
        return np.zeros(shape)
    return np.array(coco_mask.iou(list(found.segmentations), list(truth.segmentations), [0] * shape[1]))


def box_overlap(truth: GroundTruth, found: EncodedDetections) -> NDArray[np.float64]:
    """(detections, objects) IoU of boxes."""
    shape = len(found.segmentations), len(truth.segmentations)
    if not all(shape):
        return np.zeros(shape)
    found_boxes, true_boxes = ([box(rle) for rle in one.segmentations] for one in (found, truth))
    return np.array(coco_mask.iou(np.array(found_boxes), np.array(true_boxes), [0] * shape[1]))


def _hits(overlap: NDArray[np.float64], ious: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(IoUs, detections) whether each detection finds an object; from (detections, objects), best detection first."""
    detections, objects = overlap.shape
    hits = np.zeros((len(ious), detections), dtype=bool)
    free = np.ones((len(ious), objects), dtype=bool)
    for detection in np.flatnonzero((overlap >= ious[0]).any(axis=1)):
        suitable = np.where(free & (overlap[detection] >= ious[:, None]), overlap[detection], -1.0)
        # COCO takes the last of equally suitable objects.
        best = objects - 1 - np.argmax(suitable[:, ::-1], axis=1)
        taken = np.flatnonzero(suitable[np.arange(len(ious)), best] >= 0)
        hits[taken, detection] = True
        free[taken, best[taken]] = False
    return hits

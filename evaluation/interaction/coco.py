"""Detection and mass metrics (docs/interaction.md, Evaluation; Table 2 of the paper's supplement).

COCO's protocol decides which detection matches which object and averages precision over 101 recalls; AP is the mean
over IoU 0.50, 0.55, ..., 0.95, AP50 the value at 0.50. We use faster-coco-eval: it gives pycocotools' numbers (a test
compares them) from C++ in a fraction of the time, and its output can be switched off.

All figures are percentages, 0-100. Boxes are the tight boxes of masks; there is no score threshold, only a limit on the
number of detections for each image.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from faster_coco_eval.core import mask as coco_mask
from numpy.typing import NDArray

from evaluation.interaction.masks import RLE, area, box, encode, upsample

MASS_CLASSES = ("light", "medium", "heavy")
"""Names of the mass classes; the category ids of the COCO files are their indices."""
MATCH_IOU = 0.5
"""Minimum box IoU of a detection with the object that it finds, in the mass metrics."""
LARGEST_ID = 2**31
"""Upper bound of ids in COCO files, which readers store as 32-bit integers."""
RECALLS = np.linspace(0.0, 1.0, 101)
"""Recalls at which COCO samples precision."""
SCALARS = ("mask_ap50", "mask_ap", "box_ap50", "box_ap", "mass_accuracy", "mass_ap50")
"""Names of the figures of `Metrics` that are percentages, in the order of `Metrics.resamples`."""


class Detections(Protocol):
    """Detections of a predictor or a baseline in one image, N instances in any order."""

    @property
    def masks(self) -> NDArray[np.bool_]:
        """(N, 100, 100) on the grid."""

    @property
    def scores(self) -> NDArray[np.floating[Any]]:
        """(N,) confidence."""

    @property
    def force(self) -> NDArray[np.integer[Any]]:
        """(N,) mass class: index of the smallest force magnitude that should move it."""

    @property
    def seeds(self) -> NDArray[np.integer[Any]]:
        """(N, 2) seed cells (row, column)."""


@dataclass(frozen=True)
class GroundTruth:
    """The objects of one image."""

    image_id: int | str
    segmentations: tuple[RLE, ...]
    """Visible mask of each object, 300x300."""
    mass_classes: tuple[int, ...]
    """Index into MASS_CLASSES of each object."""
    scene: str = ""
    """Name of the room, for intervals: images of one room are not independent."""


@dataclass(frozen=True)
class EncodedDetections:
    """The encoded detections of one image, by decreasing score."""

    image_id: int | str
    segmentations: tuple[RLE, ...]
    scores: tuple[float, ...]
    mass_classes: tuple[int, ...]

    def best(self, limit: int) -> EncodedDetections:
        """Returns the best `limit` detections."""
        return EncodedDetections(
            self.image_id, self.segmentations[:limit], self.scores[:limit], self.mass_classes[:limit]
        )


@dataclass(frozen=True)
class Metrics:
    """Figures of one evaluation, 0-100 unless noted otherwise."""

    mask_ap50: float
    mask_ap: float
    box_ap50: float
    box_ap: float
    mass_ap50: float
    """Box AP50 with the mass class as category: mean over the classes that occur in the ground truth."""
    mass_accuracy: float
    """Share of found objects given the right class, averaged over the true classes that were found; 0 if none was."""
    images: int
    objects: int
    detections: int
    confusion: NDArray[np.int64]
    """(3, 3) counts of found objects: row = true class, column = predicted class."""
    mask_precision: NDArray[np.float64]
    """(101,) precision 0-1 at RECALLS, masks at IoU 0.5, class-agnostic."""
    box_precision: NDArray[np.float64]
    """(101,) likewise, boxes."""
    resamples: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, len(SCALARS))))
    """(n, 6) SCALARS of each resample of the test images, see `evaluation.interaction.intervals`; n = 0: not made."""

    def figures(self) -> dict[str, float | int]:
        """Returns the scalars, by their names in `RESULT` lines."""
        scalars: dict[str, float | int] = {name: round(float(getattr(self, name)), 3) for name in SCALARS}
        return scalars | {"images": self.images, "objects": self.objects, "detections": self.detections}

    def resampled(self) -> dict[str, NDArray[np.float64]]:
        """Returns (n,) resampled values of each of SCALARS; nothing if no resamples were made."""
        return dict(zip(SCALARS, self.resamples.T, strict=True)) if len(self.resamples) else {}

    def confusion_percent(self) -> NDArray[np.float64]:
        """(3, 3) row-normalised confusion matrix, percent; NaN in rows of classes without found objects."""
        rows = self.confusion.sum(axis=1, keepdims=True)
        return 100.0 * self.confusion / np.where(rows > 0, rows, np.nan)


def encode_detections(image_id: int | str, detections: Detections, limit: int) -> EncodedDetections:
    """Encodes the best `limit` detections of an image with non-empty masks, upsampled to 300x300, by decreasing score.

    Raises:
        ValueError: a score is not finite, so detections cannot be sorted.
    """
    scores = np.asarray(detections.scores, dtype=np.float64)
    if not np.isfinite(scores).all():
        raise ValueError(f"the scores of the detections of image {image_id} must be finite; the model's output is not.")
    order = [int(i) for i in np.argsort(-scores, kind="stable") if detections.masks[i].any()][:limit]
    return EncodedDetections(
        image_id=image_id,
        segmentations=tuple(encode(upsample(np.asarray(detections.masks[i], dtype=bool))) for i in order),
        scores=tuple(float(scores[i]) for i in order),
        mass_classes=tuple(int(detections.force[i]) for i in order),
    )


def coco_file(
    description: str, size: int, images: Sequence[dict[str, Any]], annotations: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Returns a COCO data set with all parts of the format, ready for `json`.

    Args:
        description: one sentence about the content.
        size: height and width of the images, pixels.
        images: {id, file_name} of each; their size is added.
        annotations: {image_id, category_id, segmentation, ...} of each; id, bbox, area and iscrowd are added.
    """
    return {
        "info": {
            "description": description,
            "url": "",
            "version": "1.0",
            "year": int(time.strftime("%Y")),
            "contributor": "Playpen",
            "date_created": time.strftime("%Y/%m/%d"),
        },
        "licenses": [],
        "images": [{**image, "width": size, "height": size} for image in images],
        "annotations": [
            {
                "id": number,
                **annotation,
                "bbox": box(annotation["segmentation"]),
                "area": area(annotation["segmentation"]),
                "iscrowd": 0,
            }
            for number, annotation in enumerate(annotations, start=1)
        ],
        "categories": [
            {"id": index, "name": name, "supercategory": "object"} for index, name in enumerate(MASS_CLASSES)
        ],
    }


def coco_image_ids(ids: Sequence[int | str]) -> list[int]:
    """Returns COCO's integer ids of images: the data set file's ids if all are valid, else running numbers."""
    own = [number for number in ids if isinstance(number, int) and 0 <= number < LARGEST_ID]
    return own if len(own) == len(ids) else list(range(len(ids)))


def ground_truth_file(ground_truths: Sequence[GroundTruth], size: int) -> dict[str, Any]:
    """COCO ground truth for images of `size` x `size` pixels, see `coco_file`; file_name is the data set file's id."""
    ids = coco_image_ids([truth.image_id for truth in ground_truths])
    return coco_file(
        "Objects within an agent's reach, by mass class",
        size,
        [{"id": number, "file_name": str(truth.image_id)} for number, truth in zip(ids, ground_truths, strict=True)],
        [
            {"image_id": number, "category_id": mass_class, "segmentation": rle}
            for number, truth in zip(ids, ground_truths, strict=True)
            for rle, mass_class in zip(truth.segmentations, truth.mass_classes, strict=True)
        ],
    )


def prediction_file(predictions: Sequence[EncodedDetections]) -> list[dict[str, Any]]:
    """COCO results [{image_id, category_id, segmentation, bbox, score}], ready for `json`.

    Image ids are those of a `ground_truth_file` of the same images.
    """
    ids = coco_image_ids([found.image_id for found in predictions])
    return [
        {"image_id": number, "category_id": mass_class, "segmentation": rle, "bbox": box(rle), "score": score}
        for number, found in zip(ids, predictions, strict=True)
        for rle, mass_class, score in zip(found.segmentations, found.mass_classes, found.scores, strict=True)
    ]


def compute_metrics(
    ground_truths: Sequence[GroundTruth], predictions: Sequence[EncodedDetections], size: int, limit: int
) -> Metrics:
    """Computes all metrics of docs/interaction.md, Evaluation.

    Args:
        ground_truths: one for each image.
        predictions: one for each image, in the same order.
        size: height and width of the images, pixels.
        limit: maximum number of detections that count for each image.

    Raises:
        ValueError: the images of the two differ, or no image holds an object (then AP is undefined).
    """
    if [truth.image_id for truth in ground_truths] != [found.image_id for found in predictions]:
        raise ValueError("ground truth and predictions must be of the same images in the same order.")
    if not any(truth.segmentations for truth in ground_truths):
        raise ValueError("evaluation needs at least one annotated object in its images; the ground truth has none.")
    # Equal scores are ordered by image: running numbers keep the order of the file.
    truth = ground_truth_file(
        [GroundTruth(i, t.segmentations, t.mass_classes) for i, t in enumerate(ground_truths)], size
    )
    found = prediction_file(
        [EncodedDetections(i, p.segmentations, p.scores, p.mass_classes) for i, p in enumerate(predictions)]
    )
    mask_precision = _precision(truth, found, "segm", limit, by_class=False)
    box_precision = _precision(truth, found, "bbox", limit, by_class=False)
    mass_precision = _precision(truth, found, "bbox", limit, by_class=True)
    confusion = mass_confusions(ground_truths, predictions).sum(axis=0)
    return Metrics(
        mask_ap50=_mean(mask_precision[0]),
        mask_ap=_mean(mask_precision),
        box_ap50=_mean(box_precision[0]),
        box_ap=_mean(box_precision),
        mass_ap50=_mean(mass_precision[0]),
        mass_accuracy=mass_accuracy(confusion),
        images=len(ground_truths),
        objects=sum(len(t.segmentations) for t in ground_truths),
        detections=len(found),
        confusion=confusion,
        mask_precision=mask_precision[0, :, 0],
        box_precision=box_precision[0, :, 0],
    )


def mass_confusions(
    ground_truths: Sequence[GroundTruth], predictions: Sequence[EncodedDetections]
) -> NDArray[np.int64]:
    """(images, 3, 3) counts over found objects: row = true mass class, column = predicted one.

    Objects are matched as in COCO at box IoU 0.5, ignoring classes: by decreasing score, each detection takes the free
    object with the highest IoU of at least 0.5. Detections without a match are left out.
    """
    confusions = np.zeros((len(ground_truths), len(MASS_CLASSES), len(MASS_CLASSES)), dtype=np.int64)
    for confusion, truth, found in zip(confusions, ground_truths, predictions, strict=True):
        if not truth.segmentations or not found.segmentations:
            continue
        true_boxes = np.array([box(rle) for rle in truth.segmentations])
        found_boxes = np.array([box(rle) for rle in found.segmentations])
        overlap = np.array(coco_mask.iou(found_boxes, true_boxes, [0] * len(true_boxes)))
        for detection in np.argsort(-np.array(found.scores), kind="stable"):
            best = int(np.argmax(overlap[detection]))
            if overlap[detection, best] >= MATCH_IOU:
                confusion[truth.mass_classes[best], found.mass_classes[detection]] += 1
                overlap[:, best] = -1.0
    return confusions


def mass_accuracy(confusion: NDArray[np.int64]) -> float:
    """`Metrics.mass_accuracy` of a (3, 3) confusion matrix."""
    rows = confusion.sum(axis=1)
    accuracies = np.diag(confusion)[rows > 0] / rows[rows > 0]
    return 100.0 * float(accuracies.mean()) if len(accuracies) else 0.0


def _precision(
    truth: Mapping[str, Any],
    found: list[dict[str, Any]],
    kind: Literal["segm", "bbox"],
    limit: int,
    by_class: bool,
) -> NDArray[np.float64]:
    """(10 IoUs, 101 recalls, categories) precision 0-1; -1 for a category without objects."""
    categories = len(MASS_CLASSES) if by_class else 1
    if not found:
        absent = [not any(a["category_id"] == c for a in truth["annotations"]) for c in range(len(MASS_CLASSES))]
        column = -np.array(absent, dtype=np.float64) if by_class else np.zeros(1)
        return np.broadcast_to(column, (10, len(RECALLS), categories)).copy()
    quiet = _ignore
    reference = COCO(dict(truth), use_deepcopy=True, print_function=quiet)
    results = reference.loadRes([dict(f) for f in found])  # copied, since loadRes adds fields
    evaluator = COCOeval_faster(reference, results, kind, print_function=quiet, rle_iou_max_workers=1)
    evaluator.params.useCats = int(by_class)
    evaluator.params.maxDets = [limit]
    evaluator.params.areaRng = [[0, 1e10]]
    evaluator.params.areaRngLbl = ["all"]
    evaluator.evaluate()
    evaluator.accumulate()
    return np.asarray(evaluator.eval["precision"], dtype=np.float64)[:, :, :, 0, 0]


def _mean(precision: NDArray[np.float64]) -> float:
    """Returns mean precision in percent, without categories that have no objects (-1)."""
    return 100.0 * float(precision[precision > -1].mean())


def _ignore(*_: object) -> None:
    """Discards the evaluator's messages."""

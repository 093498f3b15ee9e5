"""Metrics against values worked by hand and against pycocotools."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import faster_coco_eval
import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from evaluation.interaction.coco import (
    EncodedDetections,
    compute_metrics,
    encode_detections,
    ground_truth_file,
    mass_confusions,
    prediction_file,
)
from evaluation.interaction.masks import encode
from tests.evaluation.helpers import SIZE, cells, found, rectangle, truth


def test_perfect_predictions_score_100(capfd: pytest.CaptureFixture[str]) -> None:
    truths = [
        truth("a", [rectangle(0, 0, 30, 30), rectangle(60, 90, 30, 60)], [0, 2]),
        truth("b", [rectangle(30, 30, 90, 90)], [1]),
    ]
    predictions = [
        encode_detections("a", found([cells(30, 20, 20, 10), cells(0, 0, 10, 10)], [0.3, 0.9], [2, 0]), 32),
        encode_detections("b", found([cells(10, 10, 30, 30)], [0.5], [1]), 32),
    ]
    metrics = compute_metrics(truths, predictions, SIZE, 32)
    assert metrics.figures() == {
        "mask_ap50": 100, "mask_ap": 100, "box_ap50": 100, "box_ap": 100, "mass_accuracy": 100, "mass_ap50": 100,
        "images": 2, "objects": 3, "detections": 3,
    }  # fmt: skip
    assert (metrics.confusion == np.eye(3)).all()
    assert capfd.readouterr().out == ""


def test_one_of_two_found_gives_half_the_recalls() -> None:
    # Precision 1 up to recall 0.5: 51 of the 101 recalls. A false detection behind it changes nothing.
    truths = [truth(0, [rectangle(0, 0, 30, 30), rectangle(200, 200, 30, 30)], [0, 0])]
    masks = [cells(0, 0, 10, 10), cells(50, 50, 5, 5)]
    metrics = compute_metrics(truths, [encode_detections(0, found(masks, [0.9, 0.1], [0, 0]), 32)], SIZE, 32)
    assert metrics.mask_ap50 == pytest.approx(100 * 51 / 101)
    # With the false one first, precision is 1/2 there.
    metrics = compute_metrics(truths, [encode_detections(0, found(masks, [0.1, 0.9], [0, 0]), 32)], SIZE, 32)
    assert metrics.mask_ap50 == pytest.approx(100 * 0.5 * 51 / 101)
    assert metrics.mask_precision[:51] == pytest.approx(0.5) and not metrics.mask_precision[51:].any()


def test_average_over_ious() -> None:
    # 30x30 object, 30x21 detection inside: IoU 0.7 for box and mask; right at 0.5, 0.55, 0.6, 0.65, 0.7.
    truths = [truth(0, [rectangle(0, 0, 30, 30)], [1])]
    metrics = compute_metrics(truths, [encode_detections(0, found([cells(0, 0, 10, 7)], [0.0], [1]), 32)], SIZE, 32)
    assert metrics.mask_ap50 == 100 and metrics.mask_ap == pytest.approx(50) and metrics.box_ap == pytest.approx(50)


def test_mask_and_box_differ_for_an_outline() -> None:
    # A frame: same box as the object, 1/3 of the object's area missing is still IoU 0.64.
    frame = cells(0, 0, 10, 10)
    frame[2:8, 2:8] = False
    truths = [truth(0, [rectangle(0, 0, 30, 30)], [1])]
    metrics = compute_metrics(truths, [encode_detections(0, found([frame], [0.0], [1]), 32)], SIZE, 32)
    assert metrics.box_ap == 100 and metrics.mask_ap50 == 100 and metrics.mask_ap == pytest.approx(30)


def test_limit_keeps_the_best_and_empty_masks_do_not_count() -> None:
    masks = [np.zeros((100, 100), dtype=bool), cells(0, 0, 2, 2), cells(5, 5, 2, 2), cells(9, 9, 2, 2)]
    prediction = encode_detections(0, found(masks, [9.0, -3.0, 2.0, 1.0], [0, 0, 1, 2]), 2)
    assert prediction.scores == (2.0, 1.0) and prediction.mass_classes == (1, 2)
    assert encode_detections(0, found([], [], []), 2).segmentations == ()


def test_mass_confusion_matches_by_score_at_box_iou_a_half() -> None:
    truths = [truth(0, [rectangle(0, 0, 30, 30), rectangle(100, 0, 40, 40), rectangle(0, 200, 60, 60)], [0, 1, 2])]
    boxes = [
        rectangle(0, 0, 30, 30),  # the light one, called heavy, low score: loses to the next
        rectangle(0, 0, 30, 20),  # the light one at IoU 2/3, called light, higher score: wins
        rectangle(100, 0, 40, 20),  # the medium one at exactly 1/2, called medium: counts
        rectangle(0, 200, 60, 29),  # the heavy one at 29/60: too little
    ]
    prediction = EncodedDetections(0, tuple(encode(b) for b in boxes), (0.1, 0.8, 0.5, 0.9), (2, 0, 1, 2))
    assert mass_confusions(truths, [prediction]).tolist() == [[[1, 0, 0], [0, 1, 0], [0, 0, 0]]]


def test_mass_accuracy_is_the_mean_over_found_classes_and_rows_are_true_classes() -> None:
    # Light: 1 of 2 right; heavy: 0 of 1; medium never found. Mean of 50 and 0.
    objects = [rectangle(0, 0, 30, 30), rectangle(60, 0, 30, 30), rectangle(120, 0, 30, 30), rectangle(180, 0, 30, 30)]
    truths = [truth(0, objects, [0, 0, 2, 1])]
    masks = [cells(0, 0, 10, 10), cells(0, 20, 10, 10), cells(0, 40, 10, 10)]
    metrics = compute_metrics(truths, [encode_detections(0, found(masks, [3.0, 2.0, 1.0], [0, 1, 0]), 32)], SIZE, 32)
    assert metrics.mass_accuracy == pytest.approx(25)
    assert metrics.confusion.tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, 0]]
    percent = metrics.confusion_percent()
    assert percent[0].tolist() == [50, 50, 0] and np.isnan(percent[1]).all() and percent[2].tolist() == [100, 0, 0]
    # Mass AP50: light has recall 1/2 at precision 1 (51 recalls), medium and heavy 0: the mean of the three.
    assert metrics.mass_ap50 == pytest.approx(100 * 51 / 101 / 3)


def test_nothing_found_is_zero_and_nothing_to_find_is_refused() -> None:
    truths = [truth(0, [rectangle(0, 0, 30, 30)], [1]), truth(1, [], [])]
    nothing = [EncodedDetections(i, (), (), ()) for i in range(2)]
    metrics = compute_metrics(truths, nothing, SIZE, 32)
    assert metrics.mask_ap == 0 and metrics.mass_ap50 == 0 and metrics.mass_accuracy == 0 and metrics.images == 2
    with pytest.raises(ValueError, match="at least one annotated object"):
        compute_metrics([truths[1]], nothing[1:], SIZE, 32)
    with pytest.raises(ValueError, match="same images"):
        compute_metrics(truths, nothing[::-1], SIZE, 32)


def test_scores_that_are_no_numbers_are_refused() -> None:
    for score in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="scores of the detections of image b must be finite"):
            encode_detections("b", found([cells(0, 0, 2, 2), cells(5, 5, 2, 2)], [0.5, score], [0, 1]), 32)


@pytest.mark.parametrize(("ids", "numbers"), [([7, 3], [7, 3]), (["a", "b"], [0, 1]), ([7, 10**400], [0, 1])])
def test_written_files_are_whole_and_fit_each_other(ids: list, numbers: list[int], tmp_path: Path) -> None:
    truths = [truth(ids[0], [rectangle(0, 0, 30, 30)], [0]), truth(ids[1], [rectangle(30, 60, 60, 30)], [2])]
    masks = [cells(0, 0, 10, 10), cells(20, 10, 10, 20)]
    predictions = [encode_detections(i, found([mask], [0.5], [0]), 32) for i, mask in zip(ids, masks, strict=True)]
    paths = tmp_path / "truth.json", tmp_path / "found.json"
    paths[0].write_text(json.dumps(ground_truth_file(truths, SIZE)))
    paths[1].write_text(json.dumps(prediction_file(predictions)))
    for reader, evaluation in ((COCO, COCOeval), (faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster)):
        with contextlib.redirect_stdout(io.StringIO()):
            read = reader(str(paths[0]))
            read.info()
            evaluator = evaluation(read, read.loadRes(str(paths[1])), "segm")
            evaluator.params.useCats = 0
            evaluator.evaluate()
            evaluator.accumulate()
            evaluator.summarize()
        assert read.dataset["info"]["contributor"] == "Playpen"
        assert evaluator.stats[0] == pytest.approx(1.0)
        assert read.getImgIds() == numbers and len(read.getAnnIds(imgIds=numbers[:1])) == 1
        assert read.getCatIds(supNms=["object"], catNms=["heavy"]) == [2]
    document = json.loads(paths[0].read_text())
    assert list(document) == ["info", "licenses", "images", "annotations", "categories"]
    assert [image["file_name"] for image in document["images"]] == [str(i) for i in ids]


def test_same_figures_as_pycocotools() -> None:
    rng = np.random.default_rng(5)
    truths, predictions = [], []
    for image in range(25):
        objects = [rectangle(*rng.integers(0, 240, 2), *rng.integers(9, 60, 2)) for _ in range(rng.integers(0, 5))]
        truths.append(truth(image, objects, [int(c) for c in rng.integers(0, 3, len(objects))]))
        masks = [np.roll(o, rng.integers(-9, 9, 2), (0, 1))[1::3, 1::3] for o in objects for _ in range(2)]
        masks += [cells(int(rng.integers(80)), int(rng.integers(80)), 9, 9) for _ in range(4)]
        order = rng.permutation(len(masks))
        scores, classes = rng.random(len(masks)).round(1), rng.integers(0, 3, len(masks))
        detections = found([masks[i] for i in order], list(scores), [int(c) for c in classes])
        predictions.append(encode_detections(image, detections, 32))
    metrics = compute_metrics(truths, predictions, SIZE, 32)

    def reference(kind: str, by_class: bool) -> np.ndarray:
        with contextlib.redirect_stdout(io.StringIO()):
            gt = COCO()
            gt.dataset = ground_truth_file(truths, SIZE)
            gt.createIndex()
            results = prediction_file(predictions)
            if kind == "segm":
                results = [{k: v for k, v in r.items() if k != "bbox"} for r in results]
            evaluator = COCOeval(gt, gt.loadRes(results), kind)
            evaluator.params.useCats = int(by_class)
            evaluator.params.maxDets = [32]
            evaluator.evaluate()
            evaluator.accumulate()
        return evaluator.eval["precision"][:, :, :, 0, 0]

    mask, box, mass = reference("segm", False), reference("bbox", False), reference("bbox", True)
    assert metrics.mask_ap == pytest.approx(100 * mask.mean()) and metrics.mask_ap50 == pytest.approx(
        100 * mask[0].mean()
    )
    assert metrics.box_ap == pytest.approx(100 * box.mean()) and metrics.box_ap50 == pytest.approx(100 * box[0].mean())
    assert metrics.mass_ap50 == pytest.approx(100 * mass[0].mean())
    assert 5 < metrics.mask_ap < metrics.mask_ap50 < 95
    assert metrics.mask_precision == pytest.approx(mask[0, :, 0])

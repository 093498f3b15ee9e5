"""Mask R-CNN's training: its data from records, its rate, and that it learns and goes on as it would have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from evaluation.interaction.coco import GroundTruth, compute_metrics, encode_detections
from evaluation.interaction.masks import encode
from learner.interaction.mask_rcnn.config import MaskRcnnLearnerConfig, MaskRcnnTrainingConfig
from learner.interaction.mask_rcnn.targets import Examples, RecordError, objects_of, targets_of
from replay.interaction.record import (
    ORACLE_TOUCHES,
    RECORD_FIELDS,
    Feedback,
    pack_masks,
    record_fields,
    unpack_masks,
)
from replay.ring import Ring
from tests.learner.helpers import SMALL, batch_of, config
from tests.models.test_mask_rcnn import needs_torchvision, tiny


def training(**changes: Any) -> MaskRcnnLearnerConfig:
    """conf/learner/mask_rcnn.yaml with some settings changed."""
    path = Path(__file__).parents[2] / "conf/learner/mask_rcnn.yaml"
    settings = MaskRcnnTrainingConfig(**{**yaml.safe_load(path.read_text())["mask_rcnn"], **changes})
    return MaskRcnnLearnerConfig(**vars(config()), mask_rcnn=settings)


def bank_of(folder: Path, size: int, **columns: Any) -> Path:
    """A bank with the records of `batch_of`: three objects each, of the classes 0, 1, 2."""
    batch = replace(batch_of(size), **columns)
    ring = Ring.create(folder, RECORD_FIELDS, size + 1)  # one slot stays empty
    for index in range(size):
        ring.append({name: getattr(batch, name)[index] for name in RECORD_FIELDS})
    ring.close()
    return folder


def labelled_bank_of(folder: Path, size: int) -> Path:
    """The same under full supervision; each true mask has one pixel more than its cells, left of its first row."""
    batch, fields = batch_of(size), record_fields(ORACLE_TOUCHES, labels=True)
    ring = Ring.create(folder, fields, size + 1)
    for index in range(size):
        columns = {name: np.zeros(shape, dtype) for name, (shape, dtype) in fields.items()}
        for name in RECORD_FIELDS:
            value = getattr(batch, name)[index]
            columns[name][tuple(slice(side) for side in value.shape)] = value
        for number, mask in enumerate(unpack_masks(batch.masks[index, :3])):
            pixels = mask.repeat(3, axis=0).repeat(3, axis=1)
            row, column = np.argwhere(pixels)[0]
            pixels[row, column - 1] = True
            columns["instances"][pixels], columns["classes"][number] = number + 1, number
        columns["objects"] = np.array(3, dtype=np.uint8)
        ring.append(columns)
    ring.close()
    return folder


def test_the_rate_rises_and_falls_as_the_settings_say() -> None:
    from learner.interaction.mask_rcnn.training import learning_rate

    settings = training(lr=0.02, warmup=0.1, drops=[0.5, 0.75])
    for progress, expected in [(0, 2e-5), (0.05, 0.01001), (0.1, 0.02), (0.4, 0.02), (0.5, 2e-3), (0.9, 2e-4)]:
        assert learning_rate(settings, progress) == pytest.approx(expected)


def test_the_rate_falls_at_the_papers_steps() -> None:
    from learner.interaction.mask_rcnn.training import learning_rate

    folder = Path(__file__).parents[2] / "conf/learner"
    values: dict[str, Any] = {}
    for name in ("mask_rcnn", "mask_rcnn_paper"):
        values |= yaml.safe_load((folder / f"{name}.yaml").read_text())["mask_rcnn"]
    settings = training(**values)

    def rate(step: int) -> float:
        return learning_rate(settings, step / 90_000)

    # Supplement: 2e-3, times 0.1 after 60 000 and 80 000 of 90 000 steps; detectron2's warm-up takes 1000.
    assert settings.mask_rcnn.steps == 90_000
    assert rate(0) == pytest.approx(2e-6) and rate(500) == pytest.approx(2e-3 * (0.001 + 0.999 / 2))
    assert rate(999) < 2e-3 == rate(1000)
    assert rate(59_999) == pytest.approx(2e-3) and rate(60_000) == pytest.approx(2e-4)
    assert rate(79_999) == pytest.approx(2e-4) and rate(80_000) == pytest.approx(2e-5)


def test_targets_are_boxes_in_pixels_labels_from_one_and_masks() -> None:
    mask = np.zeros((1, 300, 300), dtype=bool)
    mask[0, 6:12, 15:23] = True
    target = targets_of(mask, np.array([2]))
    assert target["boxes"].tolist() == [[15.0, 6.0, 23.0, 12.0]] and target["labels"].tolist() == [3]
    assert target["masks"].dtype == torch.uint8 and (target["masks"].numpy() == mask).all()
    none = targets_of(mask[:0], np.zeros(0, dtype=np.int64))
    assert none["boxes"].shape == (0, 4) and none["masks"].shape == (0, 300, 300)


def test_an_object_that_was_touched_twice_is_one_object() -> None:
    masks = np.zeros((4, 100, 100), dtype=bool)
    masks[0, :10, :10] = True
    masks[1, :10, :6] = True  # IoU 60 / 100 with the first
    masks[2, :10, 5:15] = True  # IoU 50 / 150
    masks[3, 50:60, 50:60] = True  # its touch failed
    feedback = np.array([Feedback.MOVED, Feedback.MOVED, Feedback.TOO_LARGE, Feedback.UNSUCCESSFUL], dtype=np.uint8)
    assert (objects_of(pack_masks(masks), feedback, 0.5) == masks[[0, 2]]).all()
    assert len(objects_of(pack_masks(masks), feedback, 0.7)) == 3
    empty = np.zeros((1, 100, 100), dtype=bool)
    assert not len(objects_of(pack_masks(empty), feedback[:1], 0.5))


def test_full_supervision_learns_from_the_masks_at_full_resolution(tmp_path: Path) -> None:
    examples = Examples([labelled_bank_of(tmp_path, 2)], mass_classes=True, duplicate_iou=0.5)
    assert (len(examples), examples.touches, examples.masks) == (2, 12, 6)
    inputs, targets = examples.batch([1, 1], [False, True])
    assert [tuple(value.shape) for value in inputs] == [(4, 300, 300)] * 2
    assert torch.equal(inputs[0].flip(-1), inputs[1]) and torch.equal(targets[0]["masks"].flip(-1), targets[1]["masks"])
    x1, y1, x2, y2 = targets[0]["boxes"].unbind(1)
    assert torch.equal(targets[1]["boxes"], torch.stack([300 - x2, y1, 300 - x1, y2], dim=1))
    assert targets[0]["labels"].tolist() == [1, 2, 3]
    for mask, box, cells in zip(targets[0]["masks"], targets[0]["boxes"], batch_of(2).masks[1, :3], strict=True):
        grid = unpack_masks(cells)
        assert int(mask.sum()) == 9 * grid.sum() + 1, "one pixel more than the cells have"
        assert box[0] == 3 * np.argwhere(grid)[:, 1].min() - 1


def test_masks_of_touches_are_learned_from_the_grid_and_have_one_class(tmp_path: Path) -> None:
    examples = Examples([bank_of(tmp_path / "a", 2)], mass_classes=False, duplicate_iou=0.5)
    (target,) = examples.batch([1], [False])[1]
    assert target["labels"].tolist() == [1, 1, 1]
    expected = unpack_masks(batch_of(2).masks[1, :3]).repeat(3, axis=1).repeat(3, axis=2)
    assert (target["masks"].numpy() == expected).all()
    # Also from records with the rows of the interaction oracle.
    rows = record_fields(ORACLE_TOUCHES)
    ring = Ring.create(tmp_path / "b", rows, 1)
    columns = {name: np.zeros(shape, dtype) for name, (shape, dtype) in rows.items()}
    columns["feedback"][99], columns["masks"][99] = Feedback.MOVED, batch_of(1).masks[0, 0]
    ring.append(columns)
    ring.close()
    assert Examples([tmp_path / "b"], mass_classes=False, duplicate_iou=0.5).masks == 1


def test_records_that_cannot_be_learned_from_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds no replay buffer: points.npy is missing"):
        Examples([tmp_path / "none"], mass_classes=False, duplicate_iou=0.5)
    failed = bank_of(tmp_path / "failed", 1, feedback=np.zeros((1, 20), dtype=np.uint8))
    with pytest.raises(RecordError, match="hold no mask to learn from"):
        Examples([failed], mass_classes=False, duplicate_iou=0.5)
    moved = bank_of(tmp_path / "moved", 1, feedback=np.full((1, 20), Feedback.MOVED, dtype=np.uint8))
    with pytest.raises(
        RecordError, match="holds no true masks and mass classes: collect it under actors.supervision=full"
    ):
        Examples([moved], mass_classes=True, duplicate_iou=0.5)
    assert len(Examples([moved], mass_classes=False, duplicate_iou=0.5)) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "learner.mask_rcnn.steps must be at least 1 or null, not 0"),
        ({"minutes": 0}, "learner.mask_rcnn.minutes must be above 0 or null, not 0"),
        ({"lr": 0}, "learner.mask_rcnn.lr must be above 0, not 0"),
        ({"drops": [0.9, 0.5]}, r"learner.mask_rcnn.drops must be rising shares in \(0, 1\), not \[0.9, 0.5\]"),
        ({"touches": 21}, "learner.mask_rcnn.touches must be 1 to 20, not 21"),
        ({"momentum": 2}, r"learner.mask_rcnn.momentum must be in \[0, 1\], not 2"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        training(**change)


def trainer_of(bank: Path, **changes: Any) -> Any:
    from learner.interaction.mask_rcnn.training import MaskRcnnTrainer

    from models.interaction.mask_rcnn.config import MaskRcnnConfig
    from models.interaction.mask_rcnn.network import build_mask_rcnn

    settings = training(**{"batch_size": 2, "warmup": 0.0, **changes})
    examples = Examples([bank], mass_classes=True, duplicate_iou=0.5)
    model = MaskRcnnConfig(**vars(SMALL), mask_rcnn=tiny())
    network = build_mask_rcnn(model.mask_rcnn, 3, seed=1)
    return MaskRcnnTrainer(network, model, settings, examples, seed=1, device=torch.device("cpu"))


@needs_torchvision
def test_training_lowers_the_loss_and_predictions_can_be_measured(tmp_path: Path) -> None:
    from models.interaction.mask_rcnn.inference import MaskRcnnPredictor

    trainer = trainer_of(labelled_bank_of(tmp_path, 2), flip_probability=0.0)
    losses = [trainer.step(0.1)["loss"] for _ in range(16)]
    assert np.mean(losses[-4:]) < 0.7 * np.mean(losses[:2])
    batch = batch_of(2)
    found = MaskRcnnPredictor(trainer.network, None).predict(
        batch.image, batch.depth.astype(np.float32), count=32, threshold=1.0
    )
    truths = []
    for number in range(2):
        masks = unpack_masks(batch.masks[number, :3]).repeat(3, axis=1).repeat(3, axis=2)
        truths.append(GroundTruth(number, tuple(encode(mask) for mask in masks), (0, 1, 2)))
    encoded = [encode_detections(number, one, 32) for number, one in enumerate(found)]
    metrics = compute_metrics(truths, encoded, 300, 32)
    assert metrics.detections == sum(len(one.scores) for one in found) > 0
    assert metrics.objects == 6 and 0 <= metrics.mask_ap50 <= 100


@needs_torchvision
def test_a_resumed_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    from learner.interaction.mask_rcnn.training import MOMENTS

    from learner.checkpoint import load_checkpoint, save_checkpoint
    from models.weights import flat_weights

    bank = labelled_bank_of(tmp_path / "bank", 3)
    whole, resumed = trainer_of(bank), trainer_of(bank)
    for step in range(3):
        if step == 2:
            save_checkpoint(tmp_path / "saved", whole.get_state(0.5), {})
        whole.step(step / 4)
    resumed.set_state(load_checkpoint(tmp_path / "saved", resumed.network, MOMENTS))
    resumed.step(2 / 4)
    assert resumed.version == 3
    assert np.array_equal(flat_weights(whole.network), flat_weights(resumed.network))


@needs_torchvision
def test_a_loss_that_is_not_finite_is_told_by_the_rate(tmp_path: Path) -> None:
    trainer = trainer_of(labelled_bank_of(tmp_path, 1))
    with torch.no_grad():
        next(trainer.network.parameters()).fill_(float("nan"))
    with pytest.raises(Exception, match="not finite|NaN") as error:
        trainer.step(0.5)
    assert isinstance(error.value, FloatingPointError)

"""The learner of soft masks: its loss, its priorities, and that it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cluster.interaction.predictors import trained_predictor
from learner.checkpoint import save_checkpoint
from learner.interaction.video_pca import SoftMaskLearner, soft_iou
from models.interaction.build import build_network
from replay.interaction.priorities import priority_from_score
from replay.interaction.record import SoftMaskBatch, unpack_masks
from tests.learner.helpers import PLAIN, SMALL, batch_of, config
from tests.models.test_soft_masks import NETWORK


def soft_batch(size: int) -> SoftMaskBatch:
    """The squares of `batch_of`, each a soft mask of 0.8."""
    batch = batch_of(size)
    soft = np.where(unpack_masks(batch.masks).any(axis=1), 204, 0).astype(np.uint8)
    return SoftMaskBatch(**vars(batch), soft_mask=soft)


def learner(**changes: object) -> SoftMaskLearner:
    made = SoftMaskLearner(build_network(NETWORK, 0), config(**{"augmentation": PLAIN, **changes}), seed=0)
    made.start_phase("segmentation")
    return made


def test_soft_iou_by_hand() -> None:
    predicted = torch.tensor([[[0.5, 1.0]], [[1.0, 0.0]], [[0.2, 0.2]]])
    target = torch.tensor([[[1.0, 0.5]], [[1.0, 1.0]], [[0.0, 0.0]]])
    # (0.5 + 0.5) / (1 + 1); 1 / 2; nothing to find: 0.5.
    assert soft_iou(predicted, target).tolist() == [0.5, 0.5, 0.5]
    assert soft_iou(target[1:2], target[1:2]).tolist() == [1.0]


def test_the_loss_is_the_mean_squared_error() -> None:
    made, batch = learner(), soft_batch(2)
    prepared = made.prepare(batch)
    with torch.no_grad():
        soft = build_network(NETWORK, 0).train()(prepared.inputs).score.sigmoid()
    expected = (soft - torch.from_numpy(batch.soft_mask) / 255).square().mean()
    result = made.step(batch)
    assert result.metrics["soft_mask_loss"] == pytest.approx(float(expected), rel=1e-5)
    np.testing.assert_allclose(result.scores, soft_iou(soft, prepared.soft_mask), rtol=1e-4)
    np.testing.assert_allclose(result.priorities, priority_from_score(result.scores, "priority"), rtol=1e-6)
    assert made.version == 1


def test_targets_are_mirrored_with_their_images() -> None:
    batch = soft_batch(3)
    plain = learner().prepare(batch)
    mirrored = learner(augmentation=type(PLAIN)(**{**vars(PLAIN), "flip_probability": 1.0})).prepare(batch)
    torch.testing.assert_close(mirrored.soft_mask, plain.soft_mask.flip(2))
    torch.testing.assert_close(mirrored.inputs, plain.inputs.flip(3))


def test_it_learns_and_its_checkpoint_predicts(tmp_path: Path) -> None:
    made, batch = learner(lr=1e-2), soft_batch(2)
    # Phases that would train the force head alone train everything here.
    made.steer(0.0, {"force_head_only": True})
    losses = [made.step(batch).metrics["soft_mask_loss"] for _ in range(12)]
    assert losses[-1] < 0.6 * losses[0]
    save_checkpoint(tmp_path / "checkpoint", made.get_state(), {})
    # As the checkpoint describes it, whatever the configuration says.
    predictor, index = trained_predictor(SMALL, tmp_path / "checkpoint", "seed")
    assert index["version"] == 12
    (found,) = predictor.predict(batch.image[0], batch.depth[0].astype(np.float32), 5, 1.0)
    prepared = made.prepare(batch)
    expected = made.network.eval()(prepared.inputs).score[0].sigmoid().detach().numpy()
    np.testing.assert_allclose(found.score_map, expected, atol=1e-4)

"""The whole learner on four images: it must be able to learn them by heart."""

from __future__ import annotations

import numpy as np
import pytest

from learner.interaction.learner import Learner
from models.interaction.build import build_network
from models.interaction.config import NetworkConfig
from models.interaction.inference import Predictor
from models.weights import flat_weights
from replay.interaction.record import unpack_masks
from tests.learner.helpers import PLAIN, batch_of, config

# A quarter of the paper's widths: forty steps take seconds on one core.
NETWORK = NetworkConfig(
    base_channels=8,
    up_channels=[32, 16, 16],
    shared_channels=32,
    embedding_channels=16,
    batch_norm_momentum=0.1,
    smooth_upsampling=False,
    normalize_input=True,
)


@pytest.mark.slow
def test_four_images_are_learned_by_heart() -> None:
    batch = batch_of(4)
    learner = Learner(build_network(NETWORK, 0), config(lr=5e-3, augmentation=PLAIN), seed=0)
    learner.start_phase("joint")
    metrics = [learner.step(batch).metrics for _ in range(40)]
    assert metrics[-1]["mask_iou"] > 0.8 > 0.2 > metrics[0]["mask_iou"]
    assert metrics[-1]["foreground_iou"] > 0.9
    assert metrics[-1]["force_agreement"] > metrics[0]["force_agreement"]
    assert metrics[-1]["score_residual"] < metrics[0]["score_residual"] / 2

    predictor = Predictor(build_network(NETWORK, 1))
    predictor.load(learner.weights()[0])
    np.testing.assert_array_equal(flat_weights(predictor.network), flat_weights(learner.network))
    ious = []
    for prediction, packed in zip(predictor.predict(batch.image, batch.depth, 5, 1.0), batch.masks, strict=True):
        for mask in unpack_masks(packed[:3]):
            overlaps = [(mask & other).sum() / (mask | other).sum() for other in prediction.masks]
            ious.append(max(overlaps))
    assert np.mean(ious) > 0.7, ious

"""A checkpoint's weights predict with the input that they were trained with, whatever the configuration says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cluster.interaction.predictors import trained_predictor
from learner.checkpoint import save_checkpoint
from learner.checkpoint_index import INDEX
from learner.interaction.learner import Learner
from models.interaction.build import build_network
from models.interaction.network import InteractionNetwork
from tests.learner.helpers import PLAIN, SMALL, batch_of, config


@pytest.mark.parametrize("trained_normalised", [True, False])
@pytest.mark.parametrize("configured_normalised", [True, False])
def test_the_checkpoint_decides_about_the_input(
    tmp_path: Path, trained_normalised: bool, configured_normalised: bool
) -> None:
    network = build_network(replace(SMALL, normalize_input=trained_normalised), 0)
    learner = Learner(network, config(augmentation=PLAIN), seed=0)
    learner.start_phase("segmentation")
    batch = batch_of(2)
    learner.step(batch)
    save_checkpoint(tmp_path / "kept", learner.get_state(), {})
    predictor, _ = trained_predictor(
        replace(SMALL, normalize_input=configured_normalised), tmp_path / "kept", "stability"
    )
    (found,) = predictor.predict(batch.image[0], batch.depth[0].astype(np.float32), 5, 1.0)
    expected = network.eval()(learner.prepare(batch).inputs).score[0].sigmoid().detach().numpy()
    np.testing.assert_allclose(found.score_map, expected, atol=1e-4)


def test_older_checkpoints_had_a_normalised_input(tmp_path: Path) -> None:
    learner = Learner(build_network(SMALL, 0), config(), seed=0)
    save_checkpoint(tmp_path / "kept", learner.get_state(), {})
    index = json.loads((tmp_path / "kept" / INDEX).read_text())
    del index["network"]["normalize_input"]
    (tmp_path / "kept" / INDEX).write_text(json.dumps(index))
    predictor, _ = trained_predictor(replace(SMALL, normalize_input=False), tmp_path / "kept", "stability")
    assert isinstance(predictor.network, InteractionNetwork) and predictor.network.config.normalize_input

"""The predictor: observations in, numpy instances out."""

from __future__ import annotations

import numpy as np
import pytest

from models.interaction.build import build_network
from models.interaction.inference import Predictor
from models.weights import flat_weights
from tests.models.helpers import SMALL


def observations(batch: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (batch, 300, 300, 3), np.uint8), (5 * rng.random((batch, 300, 300))).astype(np.float16)


def test_one_observation_and_a_batch_agree() -> None:
    predictor = Predictor(build_network(SMALL, 0))
    image, depth = observations(2)
    together = predictor.predict(image, depth, count=4, threshold=0.01)
    (alone,) = predictor.predict(image[1], depth[1], count=4, threshold=0.01)
    assert len(together) == 2
    np.testing.assert_array_equal(together[1].seeds, alone.seeds)
    np.testing.assert_allclose(together[1].scores, alone.scores, rtol=1e-5)
    assert (together[1].masks != alone.masks).mean() < 1e-3
    n = len(alone.seeds)
    assert 1 <= n <= 4
    assert alone.masks.shape == (n, 100, 100) and alone.masks.dtype == bool
    assert alone.score_map.shape == (100, 100) and alone.force_map.shape == (3, 100, 100)
    assert np.all(alone.masks.sum(axis=0) <= 1) and np.all(np.diff(alone.scores) <= 0)
    for k, (row, column) in enumerate(alone.seeds):
        assert alone.masks[k, row, column]
        assert alone.force[k] == alone.force_map[:, row, column].argmax()
        assert 0 < alone.scores[k] <= alone.score_map[row, column] * (1 + 1e-6)


def test_views_with_negative_strides_are_taken() -> None:
    image, depth = observations(1)
    predictor = Predictor(build_network(SMALL, 0))
    (straight,) = predictor.predict(image[0], depth[0], 1, 1.0)
    (view,) = predictor.predict(image[0, ::-1].copy()[::-1], depth[0, ::-1].copy()[::-1], 1, 1.0)
    np.testing.assert_array_equal(straight.score_map, view.score_map)


def test_loading_weights_changes_predictions() -> None:
    image, depth = observations(1)
    predictor, other = Predictor(build_network(SMALL, 0)), Predictor(build_network(SMALL, 1))
    wanted = other.predict(image, depth, 1, 1.0)[0].score_map
    assert not np.allclose(predictor.predict(image, depth, 1, 1.0)[0].score_map, wanted)
    predictor.load(flat_weights(other.network))
    np.testing.assert_array_equal(predictor.predict(image, depth, 1, 1.0)[0].score_map, wanted)


def test_bad_observations_are_refused() -> None:
    predictor = Predictor(build_network(SMALL, 0))
    image, depth = observations(1)
    with pytest.raises(ValueError, match="image must be uint8, not float32"):
        predictor.predict(image.astype(np.float32), depth, 1, 1.0)
    depth[0, 3, 3] = np.nan
    with pytest.raises(ValueError, match="depth must not contain NaN"):
        predictor.predict(image, depth, 1, 1.0)
    with pytest.raises(ValueError, match=r"depth must have shape \(1, 300, 300\)"):
        predictor.predict(image, observations(1)[1][:, :200], 1, 1.0)

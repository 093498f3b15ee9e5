"""Flat weights and architecture signatures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from models.interaction.build import build_network
from models.interaction.config import NetworkConfig
from models.weights import architecture, architecture_signature, flat_weights, load_flat_weights
from tests.models.helpers import PAPER, SMALL


def test_a_round_trip_makes_networks_equal_running_statistics_included() -> None:
    source, target = build_network(SMALL, 0), build_network(SMALL, 1)
    source.train()(torch.randn(2, 4, 300, 300))  # moves the running statistics
    vector = flat_weights(source)
    assert vector.dtype == np.float32 and vector.ndim == 1
    load_flat_weights(target, vector)
    x = torch.randn(1, 4, 300, 300)
    assert all(torch.equal(a, b) for a, b in zip(source.eval()(x), target.eval()(x), strict=True))
    np.testing.assert_array_equal(flat_weights(target), vector)


def test_length_of_the_papers_vector() -> None:
    # Parameters, and mean and variance of each normalised channel.
    norms = 32 + (64 + 32 + 64) + (128 + 64 + 128) + (256 + 128 + 256) + 2 * (128 + 64 + 64) + 128
    assert len(flat_weights(build_network(PAPER, 0))) == 1_439_124 + 2 * norms


def test_the_vector_is_a_copy_and_a_read_only_one_can_be_loaded() -> None:
    network = build_network(SMALL, 0)
    vector = flat_weights(network)
    before = vector.copy()
    with torch.no_grad():
        network.score_head.bias.add_(1)  # type: ignore[union-attr]
    np.testing.assert_array_equal(vector, before)
    vector.setflags(write=False)
    load_flat_weights(network, vector)
    np.testing.assert_array_equal(flat_weights(network), before)


@pytest.mark.parametrize("change", [lambda v: v[:-1], lambda v: v.astype(np.float64), lambda v: v[None]])
def test_a_vector_that_does_not_fit_is_refused(change: Callable[[np.ndarray], np.ndarray]) -> None:
    network = build_network(SMALL, 0)
    vector = flat_weights(network)
    with pytest.raises(ValueError, match=f"weights must be a float32 vector of {len(vector)} numbers"):
        load_flat_weights(network, change(vector))


def test_signatures_differ_between_architectures_only() -> None:
    wider = NetworkConfig(**{**vars(SMALL), "embedding_channels": 4})
    signatures = [architecture_signature(architecture(build_network(c, s))) for c, s in ((SMALL, 0), (SMALL, 1))]
    assert signatures[0] == signatures[1]
    assert architecture_signature(architecture(build_network(wider, 0))) != signatures[0]

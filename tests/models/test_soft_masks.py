"""The network of soft masks, and instances by components and superpixels on maps worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.interaction.build import build_network
from models.interaction.inference import Predictor
from models.interaction.network import InteractionNetwork
from models.interaction.video_pca.components import component_instances, components
from models.interaction.video_pca.config import SoftMaskConfig, SoftMaskNetworkConfig
from models.interaction.video_pca.network import SoftMaskNetwork
from models.weights import flat_weights
from tests.models.helpers import SMALL

CONFIG = SoftMaskConfig(
    threshold=0.5,
    least_cells=2,
    superpixel_scale=200,
    superpixel_sigma=0.5,
    superpixel_min_size=200,
    superpixel_fraction=0.5,
)
NETWORK = SoftMaskNetworkConfig(**{**vars(SMALL), "kind": "soft_mask"}, soft_mask=CONFIG)


def test_components_by_hand() -> None:
    soft = np.array(
        [
            [0.9, 0.9, 0.1, 0.1, 0.1, 0.1],
            [0.9, 0.4, 0.1, 0.1, 0.1, 0.9],
            [0.1, 0.1, 0.6, 0.6, 0.1, 0.1],
            [0.1, 0.1, 0.1, 0.1, 0.1, 0.1],
        ],
        dtype=np.float32,
    )
    labels = np.zeros(soft.shape, dtype=np.int64)
    labels[:2, :2] = 1  # 3 of its 4 cells are foreground
    labels[2, 2:] = 2  # 2 of 4: not more than half
    found = components(soft, labels, replace(CONFIG, least_cells=2))
    # The first fills its superpixel; the second, which touches no superpixel enough, stays; one cell alone is dropped.
    first, second = np.zeros((2, *soft.shape), dtype=bool)
    first[:2, :2] = second[2, 2:4] = True
    assert len(found) == 2 and (found[0] == first).all() and (found[1] == second).all()
    assert len(components(soft, labels, replace(CONFIG, least_cells=1))) == 3
    assert len(components(soft, labels, replace(CONFIG, least_cells=4))) == 0
    # Neighbours by a corner are one component.
    soft[1, 1] = 0.9
    assert len(components(soft, labels, CONFIG)) == 1


@settings(max_examples=30)
@given(
    arrays(np.float32, (12, 15), elements=st.floats(0, 1, width=32)),
    arrays(np.int64, (12, 15), elements=st.integers(0, 20)),
    st.integers(1, 6),
)
def test_components_are_disjoint_and_near_the_foreground(soft: np.ndarray, labels: np.ndarray, minimum: int) -> None:
    found = components(soft, labels, replace(CONFIG, least_cells=minimum))
    assert (found.sum(axis=0) <= 1).all() and found.any(axis=(1, 2)).all()
    for mask in found:
        assert (soft[mask] > 0.5).any()
    assert not components(np.zeros_like(soft), labels, CONFIG).any()


def test_instances_by_hand() -> None:
    image = np.full((300, 300, 3), 120, dtype=np.uint8)
    image[30:90, 30:90], image[150:210, 120:210] = (200, 30, 30), (30, 30, 200)
    score = np.full((100, 100), -4.0, dtype=np.float32)
    score[11:29, 11:29], score[15, 20] = 1.0, 3.0  # most of the red square: it becomes whole
    score[52:68, 42:68], score[60, 50] = 2.0, 2.5
    instances = component_instances(score[None], image[None], 3, CONFIG)
    assert instances.valid.tolist() == [[True, True, False]]
    assert instances.seeds[0].tolist() == [[60, 50], [15, 20], [0, 0]]
    red, blue = np.zeros((2, 100, 100), dtype=bool)
    red[10:30, 10:30] = blue[50:70, 40:70] = True
    assert (instances.masks[0, 0].numpy() == blue).all() and (instances.masks[0, 1].numpy() == red).all()
    soft = 1 / (1 + np.exp(-score.astype(np.float64)))
    np.testing.assert_allclose(instances.scores[0], [soft[blue].mean(), soft[red].mean(), 0], rtol=1e-6)
    assert instances.force[0].tolist() == [1, 1, 0] and not instances.masks[0, 2].any()
    # Only the best; only those of a sufficient score.
    assert component_instances(score[None], image[None], 1, CONFIG).seeds.tolist() == [[[60, 50]]]
    assert component_instances(score[None], image[None], 3, CONFIG, 2.7).seeds[0, 0].tolist() == [15, 20]


def test_the_network_has_one_head() -> None:
    network = build_network(NETWORK, 3)
    assert isinstance(network, SoftMaskNetwork)
    whole = InteractionNetwork(SMALL)
    heads = sum(p.numel() for head in (whole.force_head, whole.embedding_head) for p in head.parameters())
    assert sum(p.numel() for p in network.parameters()) == sum(p.numel() for p in whole.parameters()) - heads
    output = network(torch.randn(2, 4, 300, 300))
    assert output.score.shape == (2, 100, 100) and output.force.shape == (2, 3, 100, 100)
    assert not output.force.any() and not output.embedding.any()
    output.score.sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_the_predictor_finds_components() -> None:
    predictor = Predictor(build_network(NETWORK, 0))
    rng = np.random.default_rng(0)
    image, depth = rng.integers(0, 256, (2, 300, 300, 3), np.uint8), rng.random((2, 300, 300), np.float32)
    for one, found in zip(image, predictor.predict(image, depth, 5, 1.0), strict=True):
        logits = np.log(found.score_map / (1 - found.score_map))
        expected = component_instances(logits[None], one[None], 5, CONFIG)
        assert (found.masks == expected.masks[0, expected.valid[0]].numpy()).all()
        assert (found.force == 1).all() and not found.force_map.any()
    predictor.load(flat_weights(build_network(NETWORK, 1)))
    assert not np.allclose(predictor.predict(image, depth, 5, 1.0)[1].score_map, found.score_map)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"threshold": 1.0}, "models.soft_mask.threshold must be between 0 and 1"),
        ({"least_cells": 0}, "models.soft_mask.least_cells must be at least 1"),
        ({"superpixel_scale": 0}, "models.soft_mask.superpixel_scale must be greater than 0"),
        ({"superpixel_sigma": -1}, "models.soft_mask.superpixel_sigma must be at least 0"),
        ({"superpixel_min_size": 0}, "models.soft_mask.superpixel_min_size must be at least 1"),
        ({"superpixel_fraction": 0.4}, r"models.soft_mask.superpixel_fraction must be in \[0.5, 1\)"),
    ],
)
def test_settings_are_checked(changes: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(CONFIG, **changes)

"""Baselines on images and depths whose parts are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from actors.observation import NEAR_PLANE, ray_factor
from evaluation.interaction.baselines import (
    Order,
    depth_components,
    depth_edges,
    depth_masks,
    evaluate_baselines,
    scored,
    superpixel_masks,
)
from evaluation.interaction.config import BaselineConfig, DepthEdgeConfig, SuperpixelConfig
from tests.evaluation.helpers import cells, rectangle, truth

SUPERPIXELS = SuperpixelConfig(scale=200, sigma=0.5, min_size=200)
DEPTH = DepthEdgeConfig(step=2, threshold=0.006, min_size=10, max_share=0.2, reach=1.5)


def ray_depth(axis_depth: np.ndarray) -> np.ndarray:
    """Ray depth minus the near plane from depth along the camera's axis."""
    return axis_depth * ray_factor(300, 90.0) - NEAR_PLANE


def wall_with_box() -> np.ndarray:
    """A frontal wall 2 m away with a box front at 1.2 m in rows 90..149, columns 120..209."""
    depth = np.full((300, 300), 2.0)
    depth[90:150, 120:210] = 1.2
    return ray_depth(depth)


def test_a_plane_has_no_edges_however_steep() -> None:
    rows = (np.arange(300) - 149.5)[:, None] / 150 + np.zeros((300, 300))
    floor = ray_depth(1.5 / (0.7 + 0.65 * rows))  # inverse depth affine in the row
    assert not depth_edges(floor, DEPTH).any()


def test_the_far_side_of_a_jump_is_the_edge() -> None:
    edges = depth_edges(wall_with_box(), DEPTH)
    box = rectangle(120, 90, 90, 60)
    assert not edges[box].any()
    assert edges[100, 118:120].all() and edges[100, 210:212].all() and not edges[100, 116] and not edges[100, 213]
    assert edges[88:90, 150].all() and edges[150:152, 150].all()


def test_inward_folds_part_and_outward_folds_do_not() -> None:
    across = np.abs(np.arange(300) - 149.5) / 150 + np.zeros((300, 300))
    inward = ray_depth(2.0 / (1 + across))  # farthest in the middle, as a corner of a room
    outward = ray_depth(1.0 / (1 - 0.5 * across))
    assert depth_edges(inward, DEPTH)[:, 149:151].all() and depth_edges(inward, DEPTH)[:, :140].sum() == 0
    assert not depth_edges(outward, DEPTH).any()
    assert len(np.unique(depth_components(inward, DEPTH))) == 3 and depth_components(outward, DEPTH).min() == 1


def test_depth_masks_with_and_without_priors() -> None:
    depth = wall_with_box()
    box = rectangle(40, 30, 30, 20, size=100)
    without = depth_masks(depth, DEPTH, priors=False)
    assert len(without) == 2 and sum((mask == box).all() for mask in without) == 1
    assert not (without[0] & without[1]).any()
    with_priors = depth_masks(depth, DEPTH, priors=True)  # the wall is too large and too far
    assert len(with_priors) == 1 and (with_priors[0] == box).all()
    beyond = replace(DEPTH, reach=1.1)  # the box is 1.2 m away
    assert depth_masks(depth, beyond, priors=True).shape == (0, 100, 100)
    assert len(depth_masks(depth, replace(DEPTH, max_share=0.05), priors=True)) == 0  # the box covers 0.06


def test_orders() -> None:
    masks = np.array([cells(0, 0, 5, 4), cells(10, 10, 3, 3), cells(50, 50, 40, 40)])
    random = np.random.default_rng(0)
    (small, small_scores), (large, _) = scored(masks, Order.SMALL, random), scored(masks, Order.LARGE, random)
    assert small.tolist() == [1, 0, 2] == large.tolist()[::-1]
    assert (np.diff(small_scores) < 0).all()
    first, second = (scored(masks, Order.RANDOM, np.random.default_rng(3)) for _ in range(2))
    assert (first[1] == second[1]).all() and (np.diff(first[1]) <= 0).all()
    assert len({int(scored(masks, Order.RANDOM, np.random.default_rng(seed))[0][0]) for seed in range(9)}) == 3
    assert len(scored(masks[:0], Order.SMALL, random)[0]) == 0


def test_superpixels_cover_the_image_once() -> None:
    image = np.full((300, 300, 3), 200, dtype=np.uint8)
    image[60:150, 60:150] = (20, 60, 200)
    masks = superpixel_masks(image, SUPERPIXELS)
    assert (masks.sum(axis=0) == 1).all() and masks.any(axis=(1, 2)).all()
    # All of the square but its blurred rim is one superpixel.
    assert any(mask[20:50, 20:50].mean() > 0.8 and mask.sum() < 1000 for mask in masks)


def test_the_best_variant_is_reported() -> None:
    image = np.full((300, 300, 3), 200, dtype=np.uint8)
    image[90:150, 120:210] = (20, 60, 200)
    truths = [truth(5, [rectangle(120, 90, 90, 60)], [1])]
    settings = BaselineConfig(limits=[1, 100], superpixels=SUPERPIXELS, depth_edges=DEPTH)
    seen: list[int] = []
    results = evaluate_baselines([image], [wall_with_box()], truths, settings, lambda: seen.append(1))
    assert set(results) == {"superpixels", "depth_edges"} and seen == [1]
    depth = results["depth_edges"]
    assert depth.metrics.mask_ap50 == pytest.approx(100)
    assert len(depth.variants) == 8 and len(results["superpixels"].variants) == 4
    for result in results.values():
        best = max(v["mask_ap50"] for v in result.variants.values())
        assert (
            result.metrics.mask_ap50 == pytest.approx(best, abs=1e-3)
            and result.variants[result.variant]["mask_ap50"] == best
        )


def test_settings_name_the_field() -> None:
    with pytest.raises(ValueError, match="evaluation.baselines.limits"):
        BaselineConfig(limits=[0], superpixels=SUPERPIXELS, depth_edges=DEPTH)

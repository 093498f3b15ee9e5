"""Baselines without training: proposals from colour edges and from depth edges, on the model's grid.

- Felzenszwalb superpixels of the image, without priors. A superpixel has no score, so random scores and small-first
  order are both tried.
- Connected components of the depth image between edges. Simulated depth has no noise, which makes this a strong
  baseline. It is tried without priors, and with priors that an agent of known reach may have: they exclude components
  that are large (walls, floors, table tops) or out of reach.

Each variant is evaluated at each of `limits` proposals an image; the best mask AP50 is reported, with all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import cv2
import numpy as np
from numpy.typing import NDArray

from actors.observation import NEAR_PLANE, ray_factor
from evaluation.interaction.coco import EncodedDetections, GroundTruth, Metrics, compute_metrics
from evaluation.interaction.config import BASELINE_CLASS, BaselineConfig, DepthEdgeConfig, SuperpixelConfig
from evaluation.interaction.intervals import (
    IOUS,
    Matches,
    average_precision,
    box_overlap,
    mask_overlap,
    match,
    with_resamples,
)
from evaluation.interaction.masks import encode, upsample
from models.interaction.inputs import FIELD_OF_VIEW
from models.interaction.superpixels import superpixel_grid
from replay.interaction.record import GRID_SIZE, IMAGE_SIZE, centres

SEED = 0
"""Seed of random scores."""


class Order(Enum):
    """Scores for proposals without a score of their own."""

    SMALL = "small first"
    LARGE = "large first"
    RANDOM = "random score"


@dataclass(frozen=True)
class BaselineResult:
    """The best variant of a baseline, and the mask and box AP50 of all."""

    metrics: Metrics
    variant: str
    variants: dict[str, dict[str, float]]


def depth_edges(depth: NDArray[np.floating], config: DepthEdgeConfig) -> NDArray[np.bool_]:
    """Returns the pixels at which a surface ends behind another one or folds towards the camera.

    Inverse depth along the camera's axis is an affine function of the pixel on every plane. It lies below the mean of
    two opposite neighbours where the surface folds inwards (an object stands on a table) and on the far side of a jump,
    and above it on outward folds (a box's own edges) and on the near side; only the former separate objects.

    Args:
        depth: (300, 300) metres along each ray minus the near plane, not negative.

    Returns:
        (300, 300) bool.
    """
    along_ray = np.maximum(np.asarray(depth, dtype=np.float64) + NEAR_PLANE, NEAR_PLANE)
    inverse = ray_factor(len(depth), FIELD_OF_VIEW) / along_ray
    step = config.step
    edges = np.zeros(depth.shape, dtype=bool)
    size = len(depth)
    padded = np.pad(inverse, step, mode="reflect", reflect_type="odd")
    for rows, columns in ((step, 0), (0, step)):
        before = padded[step - rows : step - rows + size, step - columns : step - columns + size]
        after = padded[step + rows : step + rows + size, step + columns : step + columns + size]
        edges |= (before + after) / 2 - inverse > config.threshold * inverse
    return edges


def depth_components(depth: NDArray[np.floating], config: DepthEdgeConfig) -> NDArray[np.int64]:
    """Returns (300, 300) labels of the 4-connected components between depth edges; 0 on edges and in components smaller
    than `min_size`."""
    free = (~depth_edges(depth, config)).astype(np.uint8)
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(free, connectivity=4)
    kept = statistics[:, cv2.CC_STAT_AREA] >= config.min_size
    kept[0] = False
    return np.where(kept[labels], labels, 0).astype(np.int64)


def superpixel_masks(image: NDArray[np.uint8], config: SuperpixelConfig) -> NDArray[np.bool_]:
    """Returns (n, 100, 100) all superpixels of a (300, 300, 3) uint8 image that has a cell, disjoint."""
    labels = superpixel_grid(image, config.scale, config.sigma, config.min_size)
    return _stack([labels == label for label in np.unique(labels)])


def depth_masks(depth: NDArray[np.floating], config: DepthEdgeConfig, priors: bool) -> NDArray[np.bool_]:
    """Returns (n, 100, 100) all components between depth edges that has a cell, disjoint.

    Args:
        depth: (300, 300) metres along each ray minus the near plane.
        config: parameters of the edges, and limits of the priors.
        priors: whether to exclude components above `max_share` of the image or with a median depth beyond `reach`.
    """
    labels = depth_components(depth, config)
    grid = centres(labels)
    masks: list[NDArray[np.bool_]] = []
    for label in np.unique(grid[grid > 0]):
        if priors:
            pixels = labels == label
            distance = float(np.median(np.asarray(depth)[pixels])) + NEAR_PLANE
            if pixels.sum() > config.max_share * labels.size or distance > config.reach:
                continue
        masks.append(grid == label)
    return _stack(masks)


def scored(
    masks: NDArray[np.bool_], order: Order, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Scores (n, 100, 100) masks by area, or by `random`.

    Returns:
        (n,) indices of the masks, best first, and (n,) their scores, not increasing.
    """
    share = masks.mean(axis=(1, 2)) if len(masks) else np.zeros(0)
    scores = {Order.SMALL: 1.0 - share, Order.LARGE: share, Order.RANDOM: random.random(len(masks))}[order]
    first = np.argsort(-scores, kind="stable")
    return first, scores[first].astype(np.float32)


def evaluate_baselines(
    images: Sequence[NDArray[np.uint8]],
    depths: Sequence[NDArray[np.floating]],
    ground_truths: Sequence[GroundTruth],
    config: BaselineConfig,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, BaselineResult]:
    """Evaluates "superpixels" and "depth_edges" on the same images as a network.

    Args:
        images: (300, 300, 3) uint8 each.
        depths: (300, 300) metres along each ray minus the near plane.
        ground_truths: of the same images.
        config: parameters of both.
        progress: called after each image.

    Returns:
        the best variant of each, by mask AP50.
    """
    proposals: dict[str, list[EncodedDetections]] = {}
    for number, (image, depth, truth) in enumerate(zip(images, depths, ground_truths, strict=True)):
        for variant, found in _variants(image, depth, truth.image_id, config, [SEED, number]):
            proposals.setdefault(variant, []).append(found)
        progress()
    variants: dict[str, dict[str, dict[str, float]]] = {}
    best: dict[str, tuple[float, str, int, list[EncodedDetections]]] = {}
    every = np.ones(len(ground_truths), dtype=np.int64)
    for variant, per_image in proposals.items():
        for limit in config.limits:
            name, baseline = f"{variant}, at most {limit}", variant.split(":")[0]
            kept = [found.best(limit) for found in per_image]
            figures = {
                f"{kind}_ap50": round(float(average_precision(_match(ground_truths, kept, overlap), every)[0]), 3)
                for kind, overlap in (("mask", mask_overlap), ("box", box_overlap))
            }
            variants.setdefault(baseline, {})[name] = figures
            if baseline not in best or figures["mask_ap50"] > best[baseline][0]:
                best[baseline] = figures["mask_ap50"], name, limit, kept
    return {
        baseline: BaselineResult(
            with_resamples(compute_metrics(ground_truths, kept, IMAGE_SIZE, limit), ground_truths, kept),
            name,
            variants[baseline],
        )
        for baseline, (_, name, limit, kept) in best.items()
    }


def _match(
    ground_truths: Sequence[GroundTruth],
    predictions: Sequence[EncodedDetections],
    overlap: Callable[[GroundTruth, EncodedDetections], NDArray[np.float64]],
) -> Matches:
    overlaps = [overlap(truth, found) for truth, found in zip(ground_truths, predictions, strict=True)]
    return match(ground_truths, predictions, overlaps, IOUS[:1])


def _variants(
    image: NDArray[np.uint8],
    depth: NDArray[np.floating],
    image_id: int | str,
    config: BaselineConfig,
    seed: list[int],
) -> Iterator[tuple[str, EncodedDetections]]:
    """Yields all variants of the two baselines for one image, named "baseline: variant"."""
    ways = (
        ("superpixels:", superpixel_masks(image, config.superpixels), (Order.SMALL, Order.RANDOM)),
        ("depth_edges: without priors,", depth_masks(depth, config.depth_edges, False), (Order.SMALL, Order.RANDOM)),
        ("depth_edges: with priors,", depth_masks(depth, config.depth_edges, True), (Order.LARGE, Order.RANDOM)),
    )
    for name, masks, orders in ways:
        segmentations = [encode(upsample(mask)) for mask in masks]
        for order in orders:
            first, scores = scored(masks, order, np.random.default_rng(seed))
            yield (
                f"{name} {order.value}",
                EncodedDetections(
                    image_id,
                    tuple(segmentations[index] for index in first),
                    tuple(float(score) for score in scores),
                    (BASELINE_CLASS,) * len(first),
                ),
            )


def _stack(masks: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    return np.array(masks, dtype=bool).reshape(-1, GRID_SIZE, GRID_SIZE)

"""Turns a soft mask into instances: connected components, aligned with superpixels.

Source: the paper's supplement, "The videoPCA baseline". The connected components of the foreground are the instances.
Superpixels refine them, where the original method has a conditional random field.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from models.interaction.clustering import Instances
from models.interaction.superpixels import superpixel_grid
from models.interaction.video_pca.config import SoftMaskConfig
from replay.interaction.record import MAGNITUDES

MIDDLE_MAGNITUDE = MAGNITUDES // 2
"""Force of all instances, since the method does not predict force."""


def components(soft: NDArray[np.float32], labels: NDArray[np.integer], config: SoftMaskConfig) -> NDArray[np.bool_]:
    """Returns disjoint, non-empty masks of the foreground's components.

    A component becomes the union of the superpixels of which it covers more than `superpixel_fraction`. If it covers
    none, it keeps its own cells, except those that other components have taken.

    Args:
        soft: (h, w) in [0, 1].
        labels: (h, w) number of the superpixel of each cell.
        config: thresholds.

    Returns:
        (n, h, w).
    """
    foreground = (soft > config.threshold).astype(np.uint8)
    count, parts = cv2.connectedComponents(foreground, connectivity=8)  # part 0 is the background
    sizes = np.bincount(labels.ravel())
    pairs = np.asarray(parts, dtype=np.int64).ravel() * len(sizes) + labels.ravel()
    covered = np.bincount(pairs, minlength=count * len(sizes)).reshape(count, len(sizes))
    joins = covered > config.superpixel_fraction * sizes  # at most one part a superpixel
    joins[0] = False
    joins[covered.sum(axis=1) < config.least_cells] = False
    masks = joins[:, labels]  # (count, h, w)
    taken = masks.any(axis=0)
    for part in range(1, count):
        own = parts == part
        if not joins[part].any() and own.sum() >= config.least_cells:
            masks[part] = own & ~taken
    return masks[masks.any(axis=(1, 2))]


def component_instances(
    score: NDArray[np.float32],
    images: NDArray[np.uint8],
    count: int,
    config: SoftMaskConfig,
    minimum_logit: float | None = None,
) -> Instances:
    """The instances of a batch of observations, best first.

    An instance's score is the mean of its soft mask, and its seed the cell where that is largest.

    Args:
        score: (B, h, w) logits of the soft masks.
        images: (B, 3h, 3w, 3) uint8 RGB, for the superpixels.
        count: maximum number of instances for each image.
        config: how instances are made.
        minimum_logit: lowest score at a seed; None: any.
    """
    batch, height, width = score.shape
    seeds = torch.zeros((batch, count, 2), dtype=torch.int64)
    masks = torch.zeros((batch, count, height, width), dtype=torch.bool)
    scores = torch.zeros((batch, count))
    valid = torch.zeros((batch, count), dtype=torch.bool)
    for index, (logits, image) in enumerate(zip(score, images, strict=True)):
        soft = 1 / (1 + np.exp(-logits.astype(np.float64)))
        labels = superpixel_grid(image, config.superpixel_scale, config.superpixel_sigma, config.superpixel_min_size)
        found = components(soft, labels, config)
        if minimum_logit is not None:
            found = found[[bool((logits[mask] >= minimum_logit).any()) for mask in found]]
        means = np.array([soft[mask].mean() for mask in found])
        for place, number in enumerate(np.argsort(-means, kind="stable")[:count]):
            mask = found[number]
            seed = np.unravel_index(np.argmax(np.where(mask, soft, -1.0)), soft.shape)
            seeds[index, place] = torch.tensor([int(side) for side in seed])
            masks[index, place] = torch.from_numpy(mask)
            scores[index, place] = float(means[number])
            valid[index, place] = True
    force = torch.full((batch, count), MIDDLE_MAGNITUDE, dtype=torch.int64) * valid
    return Instances(seeds, masks, scores, force, valid)

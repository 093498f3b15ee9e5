"""From score and embedding maps to instances (docs/interaction.md, From maps to instances; paper, section 4.1).

N times, the free cell with the highest score becomes the seed of an instance. The instance is every free cell whose
embedding lies within squared distance `threshold` of the seed's, recentred once on the mean embedding. Its cells are no
longer free.

An instance's confidence is the score at its seed, times its stability unless `confidence` says otherwise. Stability is
the share of the cells within 3/2 of the threshold that are in the mask and within 1/2 of it. It is low where the mask
would change much with the threshold: on pieces of an object and on masks that run into their surroundings (compare the
stability score of Kirillov et al. 2023, "Segment Anything"). A seed's score tells only whether a touch would move
something.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from models.interaction.network import NetworkOutput


class Instances(NamedTuple):
    """N instances of each of B observations, by decreasing confidence; invalid rows are zero and come last."""

    seeds: Tensor
    """(B, N, 2) int64 grid cell (row, column)."""
    masks: Tensor
    """(B, N, 100, 100) bool, disjoint within an observation; each contains its seed."""
    scores: Tensor
    """(B, N) float32 in [0, 1]: the confidence."""
    force: Tensor
    """(B, N) int64: index of the largest force logit at the seed."""
    valid: Tensor
    """(B, N) bool: false once no free cell has a sufficient score."""


INNER, OUTER = 0.5, 1.5
"""Multiples of the threshold that stability compares. Shares of 0.6 and 1.6 gave the same AP."""


@torch.no_grad()
def cluster_instances(
    output: NetworkOutput,
    count: int,
    threshold: float = 1.0,
    minimum_logit: float | None = None,
    confidence: str = "seed",
) -> Instances:
    """Clusters a batch of predictions on its device; only the N instances are a loop.

    Recentring keeps each seed in its own mask: the mean of cells in a ball around the seed lies in that ball.

    Args:
        output: predictions, see `NetworkOutput`.
        count: N, number of instances to find in each image.
        threshold: largest squared distance (exclusive) of a cell's embedding from the centre's (paper: 1).
        minimum_logit: lowest score s (a logit) of a seed; None takes every seed (the paper; its release: -100).
        confidence: `actors.confidence`: "seed" is the sigmoid of the seed's score (the paper), "stability" times the
            instance's stability.

    Raises:
        ValueError: `count` below 1 or `threshold` not positive.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")
    if threshold <= 0:
        raise ValueError(f"threshold must be positive, not {threshold}")
    batch, height, width = output.score.shape
    score = output.score.detach().float().reshape(batch, -1)  # (B, P), P = 10 000 cells
    embedding = output.embedding.detach().float().flatten(2).contiguous()  # (B, C, P)
    squares = embedding.square().sum(dim=1, keepdim=True)  # (B, 1, P)
    force = output.force.detach().flatten(2).argmax(dim=1)  # (B, P)
    free = torch.ones_like(score, dtype=torch.bool)
    left = score.clone()  # the scores of the free cells
    lowest = -torch.inf if minimum_logit is None else minimum_logit

    rounds = []
    for _ in range(count):
        best, seed = left.max(dim=1, keepdim=True)  # (B, 1) each
        found = free.gather(1, seed) & (best >= lowest)  # a free cell of score -inf still counts as free
        center = embedding.gather(2, seed[:, None].expand(-1, embedding.shape[1], -1))  # (B, C, 1)
        mask = (_distance(embedding, squares, center) < threshold) & free
        area = mask.sum(dim=1).clamp_min(1)[:, None, None]
        center = torch.bmm(embedding, mask.float()[..., None]) / area
        distance = _distance(embedding, squares, center)
        mask = (distance < threshold) & free
        mask.scatter_(1, seed, True)  # no seed may repeat, even with rounding or infinite embeddings
        mask &= found
        inner = (mask & (distance < INNER * threshold)).sum(dim=1, keepdim=True)
        outer = (distance < OUTER * threshold).sum(dim=1, keepdim=True)
        free &= ~mask
        left.masked_fill_(mask, -torch.inf)
        rounds.append((seed, found, inner / outer.clamp_min(1), mask))
    seeds, valid, stability = (torch.cat([one[part] for one in rounds], dim=1) for part in (0, 1, 2))  # (B, N) each
    masks = torch.stack([one[3] for one in rounds], dim=1)
    scores = score.gather(1, seeds).sigmoid().where(valid, 0)
    magnitudes = force.gather(1, seeds).where(valid, 0)
    seeds = seeds.where(valid, 0)
    if confidence == "stability":
        scores = scores * stability
        order = scores.where(valid, -1).argsort(dim=1, descending=True, stable=True)
        scores, magnitudes, seeds, valid = (each.gather(1, order) for each in (scores, magnitudes, seeds, valid))
        masks = masks.gather(1, order[..., None].expand_as(masks))
    cells = torch.stack([seeds // width, seeds % width], dim=-1)
    return Instances(cells, masks.view(batch, count, height, width), scores, magnitudes, valid)


def _distance(embedding: Tensor, squares: Tensor, center: Tensor) -> Tensor:
    """Returns (B, P) squared distances of embedding (B, C, P) from center (B, C, 1).

    `squares` (B, 1, P) holds the squared norms of the embedding. Computing |e - c|^2 = |e|^2 - 2 e c + |c|^2 as one
    matrix product takes a third of the time of the difference. Its rounding error, some 1e-7 of |e|^2, is far below the
    distances between instances.
    """
    distance = torch.baddbmm(squares, center.transpose(1, 2), embedding, alpha=-2)  # (B, 1, P), without |c|^2
    return (distance + center.square().sum(dim=1, keepdim=True))[:, 0]

"""From score and embedding maps to instances (docs/interaction.md, From maps to instances; paper, section 4.1).

N times, the free cell with the highest score becomes the seed of an instance. The instance is every free cell whose
embedding lies within squared distance `threshold` of the seed's, recentred once on the mean embedding. Its cells are no
longer free.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from models.interaction.network import NetworkOutput


class Instances(NamedTuple):
    """N instances of each of B observations, in the order of their seeds' scores; invalid rows are zero."""

    seeds: Tensor
    """(B, N, 2) int64 grid cell (row, column)."""
    masks: Tensor
    """(B, N, 100, 100) bool, disjoint within an observation; each contains its seed."""
    scores: Tensor
    """(B, N) float32 in [0, 1]: sigmoid of the score at the seed."""
    force: Tensor
    """(B, N) int64: index of the largest force logit at the seed."""
    valid: Tensor
    """(B, N) bool: false once no free cell has a sufficient score."""


@torch.no_grad()
def cluster_instances(
    output: NetworkOutput, count: int, threshold: float = 1.0, minimum_logit: float | None = None
) -> Instances:
    """Clusters a batch of predictions on its device; only the N instances are a loop.

    Recentring keeps each seed in its own mask: the mean of cells in a ball around the seed lies in that ball.

    Args:
        output: predictions, see `NetworkOutput`.
        count: N, number of instances to find in each image.
        threshold: largest squared distance (exclusive) of a cell's embedding from the centre's (paper: 1).
        minimum_logit: lowest score s (a logit) of a seed; None takes every seed (the paper; its release: -100).

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
        mask = _near(embedding, squares, center, threshold) & free
        area = mask.sum(dim=1).clamp_min(1)[:, None, None]
        center = torch.bmm(embedding, mask.float()[..., None]) / area
        mask = _near(embedding, squares, center, threshold) & free
        mask.scatter_(1, seed, True)  # no seed may repeat, even with rounding or infinite embeddings
        mask &= found
        free &= ~mask
        left.masked_fill_(mask, -torch.inf)
        rounds.append((seed, found, mask))
    seeds, valid = (torch.cat([one[part] for one in rounds], dim=1) for part in (0, 1))  # (B, N) each
    masks = torch.stack([mask for _, _, mask in rounds], dim=1)
    scores = score.gather(1, seeds).sigmoid().where(valid, 0)
    magnitudes = force.gather(1, seeds).where(valid, 0)
    seeds = seeds.where(valid, 0)
    cells = torch.stack([seeds // width, seeds % width], dim=-1)
    return Instances(cells, masks.view(batch, count, height, width), scores, magnitudes, valid)


def _near(embedding: Tensor, squares: Tensor, center: Tensor, threshold: float) -> Tensor:
    """Returns (B, P) bool: is the squared distance from center (B, C, 1) below the threshold?

    `squares` (B, 1, P) holds the squared norms of embedding (B, C, P). Computing |e - c|^2 = |e|^2 - 2 e c + |c|^2 as
    one matrix product takes a third of the time of the difference. Its rounding error, some 1e-7 of |e|^2, is far
    below the distances between instances.
    """
    distance = torch.baddbmm(squares, center.transpose(1, 2), embedding, alpha=-2)  # (B, 1, P), without |c|^2
    return (distance < threshold - center.square().sum(dim=1, keepdim=True))[:, 0]

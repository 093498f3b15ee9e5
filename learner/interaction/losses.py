"""The three losses, defined by their gradients (docs/interaction.md, Losses; supplement, "Loss details").

All *gradients* here are ascent directions as the paper writes them: they raise the score where the foreground is. The
learner minimises `surrogate`, whose derivative is minus the ascent direction.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from learner.interaction.targets import Masks

DISTANCE_SCALE = 1.5
"""Determines the squared distance (about 1) at which Eq. 5 pushes and pulls equally (Eq. 6)."""
PREDICTED_DISTANCE = 1.0
"""Squared distance from a mask's mean below which a cell counts as predicted to belong to it (Eq. 6, 7). Inference uses
`actors.cluster_distance` in its place."""
SCORE_WITHOUT_MASKS = 0.5
"""Score of an image without any mask (supplement, "Priorities in the memory bank")."""
CHUNK_FLOATS = 2**20
"""Floats of the largest temporary of `embedding_gradient` on a CPU, chosen to fit its caches."""
CHUNK_FLOATS_GPU = 2**26
"""The same limit on a GPU: 256 MB."""


class EmbeddingGradient(NamedTuple):
    """Result of comparing embeddings with masks, float32 unless the embedding is float64."""

    gradient: Tensor
    """(B, C, 100, 100) ascent direction for the embedding."""
    iou: Tensor
    """(M,) IoU of each mask B+ with {p: d_p < 1}."""
    image_scores: Tensor
    """(B,) smallest (or mean) IoU of an image's masks, 0.5 without any; Eq. 7 turns it into a priority."""


def rising(x: Tensor) -> Tensor:
    """sigmoid(-x) * exp(-max(x, 0)^2 / 2): how strongly a logit x is raised, fading once it is confident (Eq. 2)."""
    return torch.sigmoid(-x) * torch.exp(-0.5 * x.clamp_min(0).square())


def score_gradient(score: Tensor, foreground: Tensor, background: Tensor) -> Tensor:
    """Eq. 2: fg rising(s) - bg rising(-s); all (B, 100, 100).

    The second factor of the paper, sigmoid(s) exp(-min(s, 0)^2 / 2), is `rising` of -s.
    """
    return foreground * rising(score) - background * rising(-score)


def force_gradient(force: Tensor, target: Tensor) -> Tensor:
    """Eq. 4, before its factor of 0.1: ft rising(m) where ft > 0, ft rising(-m) where ft < 0; all (B, 3, 100, 100)."""
    return target * rising(force * target.sign())


def distance_gradient(distance: Tensor, inside: Tensor) -> Tensor:
    """Eq. 5: exp(-(d/1.5)^4) outside the mask, -1.5 d / (1 + d) inside; broadcasts.

    The exponent is at least -50 (2e-22), since numbers that underflow slow a CPU down twentyfold.
    """
    push = torch.exp((distance / DISTANCE_SCALE).square_().square_().clamp_max_(50).neg_())
    return torch.where(inside, -DISTANCE_SCALE * distance / (1 + distance), push)


def surrogate(prediction: Tensor, gradient: Tensor) -> Tensor:
    """A scalar whose derivative with respect to `prediction` is -gradient; its value has no meaning."""
    return -(gradient.detach() * prediction).sum()


@torch.no_grad()
def embedding_gradient(
    embedding: Tensor,
    masks: Masks,
    weight: float,
    differentiate: bool = True,
    chunk_floats: int | None = None,
    area_floor: float = 1.0,
    mask_reduction: str = "sum",
    huber_square: bool = True,
    image_score: str = "min",
) -> EmbeddingGradient:
    """The embedding loss (Eq. 5) differentiated by hand, and the IoUs, which are by-products.

    For a mask B+ of area A with mean e = sum_{p in B+} e_p / A, x_p = e_p - e and d_p = |x_p|^2, the backward pass of
    huber_square replaces the derivative 2 x of the squared norm by h(x) = 2 x truncated componentwise to [-1, 1].
    With a_p = weight / max(A, area_floor) g_d(p), the ascent direction is a_p h(x_p) at each cell p, and through the
    mean -(1 / A) sum_q a_q h(x_q) at each cell of B+. Masks of an image add up. Without huber_square, as in the
    release, h(x) = 2 x.

    With huber_square no scalar has this derivative (its forward and backward passes disagree on purpose). The work is
    done for some masks at a time, so that memory does not grow with their number.

    Args:
        embedding: (B, C, 100, 100) e_p.
        masks: of successful touches, none of them empty.
        weight: w; the paper 1, its release 200.
        differentiate: false leaves the gradient zero, for when only the IoUs are wanted.
        chunk_floats: size of the temporaries; None chooses by device.
        area_floor: cells; smaller masks weigh as if they had this area. The paper has no floor, which equals 1.
        mask_reduction: "sum" (the paper) or "mean": the sum over an image's masks, divided by their number.
        huber_square: whether gradients are truncated.
        image_score: "min" (the paper) or "mean", the release's: of the IoUs of an image's masks, 0.5 where it is 0.
    """
    flat = embedding.detach().flatten(2).contiguous()  # (B, C, P)
    gradient = torch.zeros_like(flat)
    iou = flat.new_zeros(len(masks.image))
    if chunk_floats is None:
        chunk_floats = CHUNK_FLOATS_GPU if flat.is_cuda else CHUNK_FLOATS
    at_once = max(1, chunk_floats // flat[0].numel())
    counts = torch.bincount(masks.image, minlength=len(flat)).tolist()
    # One buffer for all turns: a fresh one each would cost more in page faults than the arithmetic on it.
    space = flat.new_empty((min(at_once, max(counts)), *flat.shape[1:]))
    start = 0
    for e, ascent, count in zip(flat, gradient, counts, strict=True):  # the images
        if not count:
            continue
        rows = slice(start, start + count)
        start += count
        inside = masks.cells[rows]
        member = inside.to(flat.dtype)  # (m, P)
        area = member.sum(dim=1, keepdim=True)
        mean = member @ e.T / area  # (m, C)
        # |e - mean|^2 = |e|^2 - 2 e mean + |mean|^2, as one matrix product.
        distance = torch.addmm(e.square().sum(dim=0), mean, e, alpha=-2)
        distance.add_(mean.square().sum(dim=1, keepdim=True)).clamp_min_(0)

        predicted = (distance < PREDICTED_DISTANCE).to(flat.dtype)
        overlap = (predicted * member).sum(dim=1).long()
        iou[rows] = overlap / (predicted.sum(dim=1) + area[:, 0] - overlap).long()

        if not differentiate:
            continue
        # h(x) = 2 clamp(x, -1/2, 1/2); the 2 is cheaper in the factor, which has no channels.
        factor = distance_gradient(distance, inside).mul_(2 * weight / area.clamp_min(area_floor))
        through_mean = []
        for some, center in zip(factor.split(at_once), mean.split(at_once), strict=True):
            x = torch.sub(e, center[..., None], out=space[: len(center)])  # (at once, C, P)
            if huber_square:
                x.clamp_(-0.5, 0.5)
            x.mul_(some[:, None])
            through_mean.append(x.sum(dim=2))
            ascent += x.sum(dim=0)
        ascent.addmm_((torch.cat(through_mean) / area).T, member, alpha=-1)
        if mask_reduction == "mean":
            ascent /= count
    return EmbeddingGradient(
        gradient.view(embedding.shape), iou, image_scores(masks.image, iou, len(flat), image_score)
    )


def image_scores(image: Tensor, iou: Tensor, images: int, image_score: str) -> Tensor:
    """Returns the score of each image, which Eq. 7 turns into a priority.

    Args:
        image: (M,) int64, the image of each mask.
        iou: (M,) IoU of each mask with the predicted one.
        images: B.
        image_score: "min" (the paper), or "mean" (the release; it takes a mean of 0 for no masks).

    Returns:
        (B,), 0.5 for images without masks.
    """
    if image_score == "mean":
        means = iou.new_zeros(images).scatter_reduce_(0, image, iou, reduce="mean", include_self=False)
        return torch.where(means > 0, means, SCORE_WITHOUT_MASKS)
    smallest = iou.new_full((images,), torch.inf).scatter_reduce_(0, image, iou, reduce="amin")
    return torch.where(smallest.isinf(), SCORE_WITHOUT_MASKS, smallest)

"""Losses of visual dynamics replay (Weihs et al., appendix C.2).

Pictures are float (B, 3, n, n) in [0, 1], RGB. Each loss is a mean over the triplets to which it applies.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss, one_hot

from learner.hide_and_seek.means import mean_known
from models.hide_and_seek.dynamics_metrics import averaged_down, changed_pixels


def inverse_dynamics(logits: Tensor, actions: Tensor, succeeded: Tensor, failed_weight: float) -> Tensor:
    """Cross-entropy of the actions with logits from both pictures, a weighted mean.

    Args:
        logits: (B, 219)
        actions: (B,) long
        succeeded: (B,) bool
        failed_weight: weight of a failed action, relative to one that succeeded. It leaves the picture as it was, so
            there is little to be learned from it (ours; paper: 1).
    """
    weights = torch.where(succeeded, 1.0, failed_weight)
    losses = cross_entropy(logits, actions, reduction="none")
    return (weights * losses).sum() / weights.sum().clamp_min(1e-6)


def forward_dynamics(
    predictions: Sequence[Tensor],
    before: Tensor,
    after: Tensor,
    predictable: Tensor,
    changed_weight: float,
    threshold: float,
) -> Tensor:
    """sum_n sum_p w_p |prediction_p - after_p| / sum_p w_p over the sizes n and their pixels p.

    The error of a pixel is the mean over its channels. Its weight w is `changed_weight` where the pixel changed, else
    1 (ours; the paper gives changed areas a larger weight). The true pictures are averaged down to each size.

    Args:
        predictions: of the picture after the action, (B, 3, n, n) for each n.
        before: (B, 3, S, S)
        after: (B, 3, S, S)
        predictable: (B,) bool, the triplets that count; see `models.hide_and_seek.action_table.PREDICTABLE`.
        changed_weight: at least 1.
        threshold: see `changed_pixels`.
    """
    total = after.new_zeros(())
    for prediction in predictions:
        size = prediction.shape[-1]
        small_before, small_after = averaged_down(before, size), averaged_down(after, size)
        weights = 1 + (changed_weight - 1) * changed_pixels(small_before, small_after, threshold).to(after.dtype)
        errors = pixel_errors(prediction, small_after)
        total = total + mean_known((weights * errors).sum((1, 2)) / weights.sum((1, 2)), predictable)
    return total


def pixel_errors(prediction: Tensor, after: Tensor) -> Tensor:
    """(B, n, n) absolute error of each pixel, mean over the channels."""
    return (prediction - after).abs().mean(1)


def changed_pixels_loss(logits: Tensor, before: Tensor, after: Tensor, threshold: float) -> Tensor:
    """Binary cross-entropy of which pixels changed, mean over all pixels.

    Args:
        logits: (B, n, n)
        before: (B, 3, S, S); averaged down to n.
        after: (B, 3, S, S)
        threshold: see `changed_pixels`.
    """
    size = logits.shape[-1]
    changed = changed_pixels(averaged_down(before, size), averaged_down(after, size), threshold)
    return binary_cross_entropy_with_logits(logits, changed.to(logits.dtype))


def confidence_loss(confidence: Tensor, prediction: Tensor, after: Tensor, predictable: Tensor) -> Tensor:
    """Mean squared difference between the confidence and the error of the predicted picture, which gets no gradient.

    Args:
        confidence: (B, S, S) predicted error.
        prediction: (B, 3, S, S)
        after: (B, 3, S, S)
        predictable: (B,) bool, the triplets that count.
    """
    errors = pixel_errors(prediction.detach(), after)
    return mean_known(mse_loss(confidence, errors, reduction="none").mean((1, 2)), predictable)


def success_loss(logits: Tensor, succeeded: Tensor) -> Tensor:
    """Binary cross-entropy of the actions' success, (B,) bool, with logits (B,) from the picture before."""
    return binary_cross_entropy_with_logits(logits, succeeded.to(logits.dtype))


LEAST_PIXELS = 5
"""Pixels of a goal in a cell from which on the cell shows it; cells with fewer teach nothing."""


def sighting_loss(logits: Tensor, goals: Tensor, cells: Tensor, claimable: Tensor, seen_weight: float) -> Tensor:
    """Binary cross-entropy of where a goal is seen that could be claimed, summed over goals and cells (ours).

    Only the game's goal is in the room, so the cells of all others show nothing.

    Args:
        logits: (B, 5, 14, 14)
        goals: (B,) long, the game's goal.
        cells: (B, 14, 14) pixels of it; zeros where it could not be claimed.
        claimable: (B,) 0, 1 or -1: not known, so that the picture does not count.
        seen_weight: weight of a cell that shows the goal, relative to one that does not.
    """
    own = one_hot(goals, logits.shape[1])[..., None, None] > 0
    pixels = cells[:, None] * own
    shown = pixels >= LEAST_PIXELS
    losses = binary_cross_entropy_with_logits(logits, shown.to(logits.dtype), reduction="none")
    weights = torch.where(shown, seen_weight, 1.0).masked_fill((pixels > 0) & ~shown, 0.0)
    return mean_known((weights * losses).sum((1, 2, 3)), claimable >= 0)

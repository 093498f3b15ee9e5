"""How well visual dynamics are predicted: measures for training and for evaluation (Weihs et al., appendix C.2).

Pictures are float (B, 3, n, n) in [0, 1], RGB. Measures are NaN where nothing can be measured.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d


def averaged_down(pictures: Tensor, size: int) -> Tensor:
    """(B, C, S, S) -> (B, C, size, size), means of the pixels."""
    # Pooling by 1 copies, which takes longer than all smaller sizes together.
    return pictures if pictures.shape[-1] == size else adaptive_avg_pool2d(pictures, size)


def changed_pixels(before: Tensor, after: Tensor, threshold: float) -> Tensor:
    """(B, n, n) bool: whether any channel of a pixel differs by more than `threshold`."""
    return ((after - before).abs() > threshold).any(1)


def forward_gain(prediction: Tensor, before: Tensor, after: Tensor, changed: Tensor) -> Tensor:
    """1 - |prediction - after| / |before - after| over the changed pixels of all pictures.

    1 is perfect, 0 is no better than copying the picture before the action.

    Args:
        prediction: of the picture after the action.
        before: the picture before it.
        after: the picture after it.
        changed: (B, n, n) bool, of `changed_pixels`.
    """
    error = ((prediction - after).abs().sum(1) * changed).sum()
    return 1 - error / ((before - after).abs().sum(1) * changed).sum()


def inverse_accuracy(logits: Tensor, actions: Tensor) -> Tensor:
    """Share of the actions, (B,) long, that have the largest of the logits (B, 219)."""
    return (logits.argmax(-1) == actions).float().mean()


def area_under_roc(scores: NDArray[Any], positive: NDArray[np.bool_]) -> float:
    """Probability that a positive example has a larger score than a negative one; ties count one half.

    Source: Mann-Whitney U / (number of pairs), from ranks.

    Args:
        scores: (N,)
        positive: (N,)

    Returns:
        in [0, 1]; NaN without both kinds.
    """
    positives = int(positive.sum())
    pairs = positives * (len(positive) - positives)
    if not pairs:
        return float("nan")
    ranks = float(rankdata(scores)[positive].sum())
    return (ranks - positives * (positives + 1) / 2) / pairs

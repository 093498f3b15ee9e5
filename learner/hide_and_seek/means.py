"""Means over the entries whose label is known."""

from __future__ import annotations

from torch import Tensor


def mean_known(values: Tensor, known: Tensor) -> Tensor:
    """Mean of `values` where `known`; 0, without a gradient, where nothing is known.

    Args:
        values: any shape. Entries that are not known may be anything, NaN included, but NaN must not come from an
            operation that is differentiated: its gradient would be NaN, too.
        known: bool, the same shape.

    Returns:
        scalar.
    """
    return values.where(known, 0).sum() / known.sum().clamp_min(1)

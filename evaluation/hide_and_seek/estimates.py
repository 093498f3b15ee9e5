"""Bootstrap intervals of figures that are no plain share or mean, such as ratios of sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek.metrics import Estimate

RESAMPLES = 1000
"""Number of bootstrap resamples; they are drawn with the same seed each time."""


def bootstrap(statistic: Callable[[NDArray[np.int64]], float], groups: Sequence[int], n: int) -> Estimate:
    """A statistic of samples with its 95 % percentile interval; groups of samples are resampled, not single samples.

    Args:
        statistic: of the samples with these indices, of which some may be repeated; NaN if it has no value.
        groups: (m,) number of the group of each sample, such as its episode; samples of a group may be dependent.
        n: number of observations that the estimate tells.

    Returns:
        The estimate. Without two groups, or if the statistic has no value in over 5 % of the resamples, there is no
        interval.
    """
    numbers = np.asarray(groups)
    members = [np.flatnonzero(numbers == group) for group in np.unique(numbers)]
    value = statistic(np.arange(len(numbers)))
    if len(members) < 2:
        return Estimate(value, None, None, n)
    random = np.random.default_rng(0)
    drawn = random.integers(len(members), size=(RESAMPLES, len(members)))
    values = np.array([statistic(np.concatenate([members[group] for group in groups_])) for groups_ in drawn])
    known = values[np.isfinite(values)]
    if len(known) < 0.95 * RESAMPLES:
        return Estimate(value, None, None, n)
    low, high = np.quantile(known, (0.025, 0.975))
    return Estimate(value, float(low), float(high), n)


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> Estimate | None:
    """How many times as large the mean of one player's episodes is as that of another in the same episodes.

    Args:
        ours: (n,) figure of each episode.
        theirs: (n,) figure of the other player in the same episodes.

    Returns:
        mean(ours) / mean(theirs) with a bootstrap over pairs; None if the divisor is 0.

    Raises:
        ValueError: the numbers of episodes differ, or are 0.
    """
    first, second = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if len(first) != len(second) or not len(first):
        raise ValueError(f"both players need the same episodes, at least one, not {len(first)} and {len(second)}")
    if second.sum() == 0:
        return None
    return bootstrap(lambda at: ratio(first[at].sum(), second[at].sum()), list(range(len(first))), len(first))


def ratio(part: float, whole: float) -> float:
    """part / whole; NaN if the whole is 0."""
    return float(part / whole) if whole else float("nan")

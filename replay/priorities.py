"""Priorities of the memory bank and sampling by them.

Source: paper, section "Priorities in the memory bank", Eq. 7; spec/interaction section 6. Pure functions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

OFFSET = 0.02
"""Smallest priority of a used record (Eq. 7): none is ever shut out."""

PRIORITY_MODES: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "priority": lambda score: np.square(score - 0.5) + OFFSET,
    "low_iou": lambda score: np.square(1.0 - score) / 4 + OFFSET,
    "high_iou": lambda score: np.square(score) / 4 + OFFSET,
    "uniform": lambda score: np.ones_like(score),
}
"""What a score s in [0, 1] becomes. Each but `uniform` runs over [0.02, 0.27], below the priority of a new record.

- `priority`: (s - 0.5)^2 + 0.02 (Eq. 7), for low and high scores alike;
- `low_iou`: (1 - s)^2 / 4 + 0.02, falling in s (the common prioritised replay, which the paper decided against);
- `high_iou`: s^2 / 4 + 0.02, rising in s;
- `uniform`: 1; the bank then samples all records alike, whatever priority is returned.
"""


def priority_from_score(score: ArrayLike, mode: str = "priority") -> NDArray[np.float64]:
    """Priority of an image from its score (Eq. 7).

    Args:
        score: any shape, in [0, 1]: the smallest IoU of the image's masks with the predicted ones, 0.5 if it has none.
        mode: a key of PRIORITY_MODES, the setting `replay.mode`.

    Returns:
        float64 of the same shape, above 0.

    Raises:
        ValueError: a score outside [0, 1] or not a number, or an unknown mode.
    """
    if mode not in PRIORITY_MODES:
        raise ValueError(f"replay.mode must be one of {', '.join(PRIORITY_MODES)}, not '{mode}'")
    scores = np.asarray(score, dtype=np.float64)
    if not np.all((scores >= 0) & (scores <= 1)):
        raise ValueError(f"scores must be IoUs in [0, 1], not {scores[~((scores >= 0) & (scores <= 1))].flat[0]}")
    return PRIORITY_MODES[mode](scores)


def sample_without_replacement(
    weights: NDArray[np.float64], count: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Draws `count` different indices one after another, each in proportion to the weights that are left.

    Exponential clocks: index i rings after a time of rate w_i; the first `count` to ring are exactly such a
    sequence of draws, since the minimum of exponentials falls on i with probability w_i / sum(w) and the rest
    forget the past. O(N), 0.3 ms at N = 20 000.

    Args:
        weights: (N,) finite and above 0; they need not sum to 1.
        count: how many, 0 to N.
        generator: advanced by N exponential variates.

    Returns:
        (count,) int64 indices in the order drawn.

    Raises:
        ValueError: count is not within 0 to N.
    """
    if not 0 <= count <= len(weights):
        raise ValueError(f"cannot draw {count} different records from {len(weights)}")
    times = generator.standard_exponential(len(weights)) / weights
    first = np.argpartition(times, count)[:count] if count < len(weights) else np.arange(len(weights))
    return first[np.argsort(times[first], kind="stable")].astype(np.int64, copy=False)

"""Priorities of locations: what the learner returns for a sampled record, from the score of its image.

Source: paper, section "Priorities in the memory bank", Eq. 7; docs/interaction.md, Priorities and augmentation.
Pure functions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

OFFSET = 0.02
"""Smallest priority of a used record (Eq. 7): every record keeps a chance."""

PRIORITY_MODES: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "priority": lambda score: np.square(score - 0.5) + OFFSET,
    "low_iou": lambda score: np.square(1.0 - score) / 4 + OFFSET,
    "high_iou": lambda score: np.square(score) / 4 + OFFSET,
    "uniform": lambda score: np.ones_like(score),
}
"""Priority of an image with score s in [0, 1], by mode.

All but `uniform` run over [0.02, 0.27], below the priority of a new record.

- `priority`: (s - 0.5)^2 + 0.02 (Eq. 7), for low and high scores alike;
- `low_iou`: (1 - s)^2 / 4 + 0.02, falling in s (the common prioritised replay, which the paper decided against);
- `high_iou`: s^2 / 4 + 0.02, rising in s;
- `uniform`: 1; the table then samples all records alike, whatever priority is returned.
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

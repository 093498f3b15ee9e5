"""The 5x5 kernels that spread a touch over its neighbourhood on the grid.

One table for the two places that need it: the self-supervision module weighs the changed cells around a touch with a
kernel (paper section 2; docs/interaction.md, Self-supervision), and the learner spreads foreground, background and
force targets around touched points with the same one (paper Eq. 1 and 2; docs/interaction.md, Losses).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

KERNEL_SIZE = 5
"""Height and width of a kernel, cells; offsets u, v run over -2 ... 2."""

_OFFSETS = np.arange(KERNEL_SIZE, dtype=np.float64) - KERNEL_SIZE // 2
_SQUARED_DISTANCE = _OFFSETS[:, None] ** 2 + _OFFSETS[None, :] ** 2

KERNELS: dict[str, NDArray[np.float64]] = {
    # Eq. 1 of the paper.
    "paper": np.exp(-_SQUARED_DISTANCE),
    # What the authors' released code computes.
    "released": np.exp(-np.sqrt(_SQUARED_DISTANCE)),
    # The touched cell alone.
    "delta": (_SQUARED_DISTANCE == 0).astype(np.float64),
    # The touched cell and its eight neighbours alike.
    "box": (_SQUARED_DISTANCE <= 2).astype(np.float64),
    # A wider bell: standard deviation one cell.
    "gaussian": np.exp(-_SQUARED_DISTANCE / 2),
}
"""(5, 5) float64 each, symmetric, 1 at the centre (not normalised); indexed by row and column offset + 2."""

for _kernel in KERNELS.values():
    _kernel.setflags(write=False)


def kernel(name: str) -> NDArray[np.float64]:
    """The (5, 5) kernel of that name; ValueError naming the choices if there is none."""
    if name not in KERNELS:
        raise ValueError(f"kernel must be one of {', '.join(KERNELS)}, not '{name}'")
    return KERNELS[name]

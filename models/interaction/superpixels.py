"""Superpixels on the grid, for an actor's masks, a baseline's proposals and the instances of soft masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

from replay.interaction.record import centres


def superpixel_grid(image: NDArray[np.uint8], scale: float, sigma: float, min_size: int) -> NDArray[np.int64]:
    """Returns the (H/3, W/3) superpixel labels at the cells' centre pixels of an (H, W, 3) RGB image."""
    labels = felzenszwalb(image, scale=scale, sigma=sigma, min_size=min_size)
    return np.ascontiguousarray(centres(labels))

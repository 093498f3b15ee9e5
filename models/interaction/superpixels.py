"""Superpixels on the grid: what makes an actor's masks whole, a baseline's proposals, and a soft mask's instances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

from replay.interaction.record import centres


def superpixel_grid(image: NDArray[np.uint8], scale: float, sigma: float, min_size: int) -> NDArray[np.int64]:
    """(H/3, W/3) label of the superpixel at each cell's centre pixel, of an (H, W, 3) RGB image."""
    labels = felzenszwalb(image, scale=scale, sigma=sigma, min_size=min_size)
    return np.ascontiguousarray(centres(labels))

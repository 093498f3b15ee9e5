"""Superpixels on the grid, for an actor's masks, a baseline's proposals and the instances of soft masks."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

from replay.interaction.record import centres


def superpixel_grid(image: NDArray[np.uint8], scale: float, sigma: float, min_size: int) -> NDArray[np.int64]:
    """Returns the (H/3, W/3) superpixel labels at the cells' centre pixels of an (H, W, 3) RGB image."""
    labels = felzenszwalb(image, scale=scale, sigma=sigma, min_size=min_size)
    return np.ascontiguousarray(centres(labels))


def rgbd_superpixels(
    colours: NDArray[np.uint8], depth: NDArray[np.float32], depth_weight: float, scale: float, min_size: int
) -> NDArray[np.int64]:
    """Returns (h, w) superpixel labels of cells by colour and depth.

    Args:
        colours: (h, w, 3) RGB of the cells.
        depth: (h, w), m.
        depth_weight: levels of colour, of 255, for 1 cm.
        scale: Felzenszwalb's, for colours from 0 to 255.
        min_size: minimum number of cells.
    """
    # felzenszwalb divides its scale by 255, for colours from 0 to 1. Smoothing would blur objects of few cells.
    channels = np.dstack([colours, depth * (100 * depth_weight)]) / 255.0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Got image with third dimension")
        labels = felzenszwalb(channels, scale=scale, sigma=0.0, min_size=min_size)
    return np.asarray(labels, dtype=np.int64)

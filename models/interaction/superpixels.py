"""Superpixels on the grid, for an actor's masks, a baseline's proposals and the instances of soft masks."""

from __future__ import annotations

import warnings

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

from replay.interaction.record import GRID_STRIDE, centres

LEVELS_PER_METRE = 100.0
"""Centimetres: depth is weighed in levels of colour per cm."""


def superpixel_grid(image: NDArray[np.uint8], scale: float, sigma: float, min_size: int) -> NDArray[np.int64]:
    """Returns the (H/3, W/3) superpixel labels at the cells' centre pixels of an (H, W, 3) RGB image."""
    labels = felzenszwalb(image, scale=scale, sigma=sigma, min_size=min_size)
    return np.ascontiguousarray(centres(labels))


def rgbd_superpixels(
    image: NDArray[np.uint8], depth: NDArray[np.float32], depth_weight: float, scale: float, min_size: int
) -> NDArray[np.int64]:
    """Returns (H/3, W/3) superpixel labels of colour and depth.

    The grid itself is split, which takes a tenth of the time of splitting all pixels, and depth is a mean over 9
    pixels, with a third of its noise. Colours are those of the cells' centre pixels: at an object's border a mean would belong to neither side.

    Args:
        image: (H, W, 3) RGB.
        depth: (H, W), m.
        depth_weight: levels of colour, of 255, for 1 cm.
        scale: Felzenszwalb's, for colours from 0 to 255.
        min_size: minimum number of cells.
    """
    cells = (image.shape[1] // GRID_STRIDE, image.shape[0] // GRID_STRIDE)
    metres = cv2.resize(depth, cells, interpolation=cv2.INTER_AREA)
    # felzenszwalb divides its scale by 255, for colours from 0 to 1.
    channels = np.dstack([centres(image), metres * (LEVELS_PER_METRE * depth_weight)]) / 255.0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Got image with third dimension")
        labels = felzenszwalb(channels, scale=scale, sigma=0.0, min_size=min_size)
    return np.asarray(labels, dtype=np.int64)

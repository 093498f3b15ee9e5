"""Masks from the video of a touch by principal components, and a soft foreground from colours.

Source: docs/interaction.md, Variants and baselines.

After Stretcu and Leordeanu, "Multiple Frames Matching for Object Discovery in Video" (BMVC 2015), as the paper's
supplement adapts it:

1. The video's frames are rebuilt from their mean and few (4) principal components. What stays is told well, what moves
   is not: where the squared error of the frame before the touch, smoothed, is large lies the hard mask. Components that
   rebuild this frame exactly leave nothing to see, as four do in a video of at most five frames: then the frames' mean
   alone takes their place.
2. Colour histograms of the image before the touch, inside and outside of the hard mask, give each pixel the
   probability of being foreground, p(c | inside) / (p(c | inside) + p(c | outside)).
3. Smoothed, and multiplied with a Gaussian bell that has the centre and the extent of the hard mask (the original's
   stands in the middle of the image), that is the soft mask.

Soft masks of a location's touches are added and clipped at 1.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from actors.interaction.config import VideoPcaConfig
from replay.interaction.record import GRID_STRIDE


def to_grid(image: NDArray) -> NDArray[np.float32]:
    """(H/3, W/3, ...) float32 means over the cells of an (H, W, ...) image."""
    size = (image.shape[1] // GRID_STRIDE, image.shape[0] // GRID_STRIDE)
    return np.asarray(cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA))


def reconstruction_error(frames: NDArray[np.float32], components: int) -> NDArray[np.float32]:
    """Squared error of rebuilding frames from their mean and their first principal components.

    The components are eigenvectors of the frames' Gram matrix, which is as small as the video is short.

    Args:
        frames: (n, h, w, channels).
        components: how many; n - 1 or more rebuild everything, and with 0 the error is that of the mean alone.

    Returns:
        (n, h, w), summed over the channels.
    """
    flat = frames.reshape(len(frames), -1)
    centred = flat - flat.mean(axis=0)
    _, vectors = np.linalg.eigh(centred @ centred.T)
    largest = vectors[:, ::-1][:, :components]  # eigh sorts upwards
    error = centred - largest @ (largest.T @ centred)
    return np.square(error).reshape(frames.shape).sum(axis=-1)


def hard_mask(frames: NDArray[np.float32], config: VideoPcaConfig) -> NDArray[np.bool_]:
    """(h, w) bool: where the first frame's reconstruction error, smoothed, is large, of (n, h, w, 3) frames in [0, 1].

    Large is more than a share of the largest, which depends on how the thing's colour differs from what is behind it,
    and on how much of its motion the components tell. If they tell all of it, so that no error is above `least_error`
    (a motion of few frames, or a jump within one frame), the error of the frames' mean counts instead. The mask is
    empty if nothing moves.
    """
    for components in (config.components, 0):
        error = np.asarray(cv2.GaussianBlur(reconstruction_error(frames, components)[0], (0, 0), config.smoothing))
        if error.max() > config.least_error:
            return error > max(config.error_share * float(error.max()), config.least_error)
    return np.zeros(frames.shape[1:3], dtype=bool)


def color_bins(image: NDArray[np.uint8], levels: int) -> NDArray[np.int64]:
    """(H, W) number of the histogram bin of each pixel of an (H, W, 3) image, `levels` a channel."""
    parts = image.astype(np.int64) * levels // 256
    return (parts[..., 0] * levels + parts[..., 1]) * levels + parts[..., 2]


def foreground_probability(bins: NDArray[np.int64], inside: NDArray[np.bool_], count: int) -> NDArray[np.float32]:
    """(H, W) p(c | inside) / (p(c | inside) + p(c | outside)) of each pixel's colour c, of (H, W) bins below `count`.

    Both priors are equal: the region is small, and what counts is which colours are typical of it.
    """
    within = np.bincount(bins[inside], minlength=count) / max(1, int(inside.sum()))
    without = np.bincount(bins[~inside], minlength=count) / max(1, int((~inside).sum()))
    share = within / np.maximum(within + without, np.finfo(np.float64).tiny)
    return share.astype(np.float32)[bins]


def bell_around(mask: NDArray[np.bool_], extent: float, least: float) -> NDArray[np.float32]:
    """(h, w) Gaussian with the mean and `extent` times the standard deviations of a mask's cells along its main axes.

    Args:
        mask: (h, w), not empty.
        extent: factor on the standard deviations.
        least: added to the variances, cells squared, so that a single cell has a bell too.
    """
    rows, columns = np.nonzero(mask)
    cells = np.stack([rows, columns]).astype(np.float64)
    mean = cells.mean(axis=1)
    covariance = np.cov(cells, bias=True) + least * np.eye(2)
    grid = np.indices(mask.shape) - mean[:, None, None]
    squared = np.einsum("ihw,ij,jhw->hw", grid, np.linalg.inv(covariance), grid)
    return np.exp(-0.5 * squared / extent**2).astype(np.float32)


def soft_mask(image: NDArray[np.uint8], hard: NDArray[np.bool_], config: VideoPcaConfig) -> NDArray[np.float32]:
    """(H/3, W/3) foreground of the (H, W, 3) image before a touch, in [0, 1]; zero if the (H/3, W/3) hard mask is."""
    if not hard.any():
        return np.zeros(hard.shape, dtype=np.float32)
    inside = np.kron(hard, np.ones((GRID_STRIDE, GRID_STRIDE), dtype=bool))
    bins = color_bins(image, config.color_levels)
    probability = to_grid(foreground_probability(bins, inside, config.color_levels**3))
    smooth = cv2.GaussianBlur(probability, (0, 0), config.smoothing)
    return smooth * bell_around(hard, config.bell_extent, 1.0)


class VideoPca:
    """Cells that a touch's video shows in motion, and the soft mask of the location.

    Args:
        first: (H, W, 3) uint8 RGB, the location's first image.
        config: see `VideoPcaConfig`.
    """

    def __init__(self, first: NDArray[np.uint8], config: VideoPcaConfig) -> None:
        self.config = config
        self._before = first
        self._frames: list[NDArray[np.float32]] = []
        self._soft = np.zeros((first.shape[0] // GRID_STRIDE, first.shape[1] // GRID_STRIDE), dtype=np.float32)

    def watch(self, image: NDArray[np.uint8]) -> None:
        """Takes a (H, W, 3) picture during the motion."""
        self._frames.append(to_grid(image))

    def after(self, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """See `actors.interaction.self_supervision.Changes`; also adds the touch's soft mask."""
        frames, self._frames = self._frames, []
        before, self._before = self._before, image
        if not frames:
            return np.zeros(self._soft.shape, dtype=bool)
        film = np.stack([to_grid(before), *frames, to_grid(image)])
        film /= 255
        soft = soft_mask(before, hard_mask(film, self.config), self.config)
        self._soft = np.minimum(self._soft + soft, 1.0)
        return soft > self.config.soft_threshold

    def soft_mask(self) -> NDArray[np.float32]:
        """(H/3, W/3) in [0, 1]: the soft masks of the touches so far, added and clipped."""
        return self._soft

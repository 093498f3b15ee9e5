"""Masks from the video of a touch by principal components, and a soft foreground from colours.

Source: docs/interaction.md, Variants and baselines.

After Stretcu and Leordeanu, "Multiple Frames Matching for Object Discovery in Video" (BMVC 2015), as the paper's
supplement adapts it:

1. The video's frames are rebuilt from their mean and few (4) principal components. They
   rebuild static parts well and moving parts badly, so the hard mask is where the smoothed squared error of the frame
   before the touch is large. If the components rebuild this frame exactly (four do in a video of at most five frames),
   only the frames' mean is used.
2. Colour histograms of the image before the touch, inside and outside of the hard mask, give each pixel the
   probability of being foreground, p(c | inside) / (p(c | inside) + p(c | outside)).
3. The soft mask is this probability, smoothed and multiplied with a Gaussian bell that has the centre and the extent of
   the hard mask (in the original, the bell is in the middle of the image).

Soft masks of a location's touches are added and clipped at 1.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from actors.interaction.config import VideoPcaConfig
from replay.interaction.record import GRID_STRIDE


def to_grid(image: NDArray) -> NDArray[np.float32]:
    """Returns (H/3, W/3, ...) float32 means over the cells of an (H, W, ...) image."""
    size = (image.shape[1] // GRID_STRIDE, image.shape[0] // GRID_STRIDE)
    return np.asarray(cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA))


def reconstruction_error(frames: NDArray[np.float32], components: int) -> NDArray[np.float32]:
    """Returns the squared error of rebuilding frames from their mean and their first principal components.

    The components are eigenvectors of the frames' (n, n) Gram matrix.

    Args:
        frames: (n, h, w, channels).
        components: number of components; n - 1 or more rebuild everything, 0 leaves only the mean.

    Returns:
        (n, h, w), summed over the channels.
    """
    flat = frames.reshape(len(frames), -1)
    centred = flat - flat.mean(axis=0)
    _, vectors = np.linalg.eigh(centred @ centred.T)
    largest = vectors[:, ::-1][:, :components]  # eigh sorts in increasing order
    error = centred - largest @ (largest.T @ centred)
    return np.square(error).reshape(frames.shape).sum(axis=-1)


def hard_mask(frames: NDArray[np.float32], config: VideoPcaConfig) -> NDArray[np.bool_]:
    """Returns (h, w) bool: where the first frame's smoothed error is large, for (n, h, w, 3) frames in [0, 1].

    Large means more than a share of the largest error, which depends on the contrast between the object and its
    background and on how well the components describe the motion. If no error is above `least_error`, because the
    components describe all of the motion (few frames, or a jump within one frame), the error of the frames' mean counts
    instead. The mask is empty if nothing moves.
    """
    for components in (config.components, 0):
        error = np.asarray(cv2.GaussianBlur(reconstruction_error(frames, components)[0], (0, 0), config.smoothing))
        if error.max() > config.least_error:
            return error > max(config.error_share * float(error.max()), config.least_error)
    return np.zeros(frames.shape[1:3], dtype=bool)


def color_bins(image: NDArray[np.uint8], levels: int) -> NDArray[np.int64]:
    """Returns the (H, W) histogram bins of an (H, W, 3) image's pixels, with `levels` levels for each channel."""
    parts = image.astype(np.int64) * levels // 256
    return (parts[..., 0] * levels + parts[..., 1]) * levels + parts[..., 2]


def foreground_probability(bins: NDArray[np.int64], inside: NDArray[np.bool_], count: int) -> NDArray[np.float32]:
    """Returns (H, W) p(c | inside) / (p(c | inside) + p(c | outside)) of each pixel's colour bin c, c < `count`.

    Both priors are equal: the region is small, and only the colours that are typical of it matter.
    """
    within = np.bincount(bins[inside], minlength=count) / max(1, int(inside.sum()))
    without = np.bincount(bins[~inside], minlength=count) / max(1, int((~inside).sum()))
    share = within / np.maximum(within + without, np.finfo(np.float64).tiny)
    return share.astype(np.float32)[bins]


def bell_around(mask: NDArray[np.bool_], extent: float, min_variance: float) -> NDArray[np.float32]:
    """Returns an (h, w) Gaussian with a mask's mean and `extent` times its standard deviations along its main axes.

    Args:
        mask: (h, w), not empty.
        extent: factor on the standard deviations.
        min_variance: added to the variances, cells squared, so that a single cell has a bell too.
    """
    rows, columns = np.nonzero(mask)
    cells = np.stack([rows, columns]).astype(np.float64)
    mean = cells.mean(axis=1)
    covariance = np.cov(cells, bias=True) + min_variance * np.eye(2)
    grid = np.indices(mask.shape) - mean[:, None, None]
    squared = np.einsum("ihw,ij,jhw->hw", grid, np.linalg.inv(covariance), grid)
    return np.exp(-0.5 * squared / extent**2).astype(np.float32)


def soft_mask(image: NDArray[np.uint8], hard: NDArray[np.bool_], config: VideoPcaConfig) -> NDArray[np.float32]:
    """Returns the (H/3, W/3) soft mask in [0, 1], given the (H, W, 3) image before a touch and the hard mask."""
    if not hard.any():
        return np.zeros(hard.shape, dtype=np.float32)
    inside = np.kron(hard, np.ones((GRID_STRIDE, GRID_STRIDE), dtype=bool))
    bins = color_bins(image, config.color_levels)
    probability = to_grid(foreground_probability(bins, inside, config.color_levels**3))
    smooth = cv2.GaussianBlur(probability, (0, 0), config.smoothing)
    return smooth * bell_around(hard, config.bell_extent, 1.0)


class VideoPca:
    """Finds the cells that a touch's video shows in motion, and the soft mask of the location.

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
        """Adds an (H, W, 3) frame of the motion."""
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
        """Returns (H/3, W/3) in [0, 1]: the soft masks of the touches so far, added and clipped."""
        return self._soft

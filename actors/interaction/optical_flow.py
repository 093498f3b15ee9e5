"""Dense optical flow between the images before and after a touch, as a source of masks.

Source: docs/interaction.md, Variants and baselines.

The paper thresholds a flow in the image before the touch and reports that a pretrained network failed. Here the flow is
classical: OpenCV's Dense Inverse Search (Kroeger et al., ECCV 2016).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from replay.interaction.record import GRID_STRIDE


def grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the (H, W) luminance of an (H, W, 3) RGB image."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def flow_length(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns the (H/3, W/3) mean length of the flow in each cell, pixels, between two (H, W) grey images."""
    method: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = method.calc(before, after, None)
    height, width = before.shape
    length = cv2.magnitude(flow[..., 0], flow[..., 1])
    return np.asarray(cv2.resize(length, (width // GRID_STRIDE, height // GRID_STRIDE), interpolation=cv2.INTER_AREA))


class OpticalFlow:
    """Finds changed cells by optical flow.

    Args:
        first: (H, W, 3) uint8 RGB, the location's first image.
        threshold: pixels; a cell of the image before the touch has changed if the flow moves it farther.
    """

    def __init__(self, first: NDArray[np.uint8], threshold: float) -> None:
        self._before = grey(first)
        self._threshold = threshold

    def after(self, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """See `actors.interaction.self_supervision.Changes`."""
        before, self._before = self._before, grey(image)
        if np.array_equal(before, self._before):
            return np.zeros((before.shape[0] // GRID_STRIDE, before.shape[1] // GRID_STRIDE), dtype=bool)
        return flow_length(before, self._before) > self._threshold

"""Hand-made images and detections for the tests of evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.interaction.coco import GroundTruth
from evaluation.interaction.masks import encode

SIZE = 300


@dataclass(frozen=True)
class Found:
    """A minimal `Detections`."""

    masks: NDArray[np.bool_]
    scores: NDArray[np.float64]
    force: NDArray[np.int64]
    seeds: NDArray[np.int64]


def rectangle(x: int, y: int, width: int, height: int, size: int = SIZE) -> NDArray[np.bool_]:
    """(size, size) mask of one rectangle, pixels from the top left."""
    mask = np.zeros((size, size), dtype=bool)
    mask[y : y + height, x : x + width] = True
    return mask


def cells(row: int, column: int, rows: int, columns: int) -> NDArray[np.bool_]:
    """(100, 100) grid mask of one rectangle."""
    return rectangle(column, row, columns, rows, size=100)


def found(masks: list[NDArray[np.bool_]], scores: list[float], force: list[int]) -> Found:
    """Detections with their seeds at the first cell of each mask."""
    seeds = [np.argwhere(mask)[0] if mask.any() else np.zeros(2) for mask in masks]
    return Found(
        masks=np.array(masks, dtype=bool).reshape(-1, 100, 100),
        scores=np.array(scores),
        force=np.array(force, dtype=np.int64),
        seeds=np.array(seeds, dtype=np.int64).reshape(-1, 2),
    )


def truth(image_id: int | str, masks: list[NDArray[np.bool_]], classes: list[int]) -> GroundTruth:
    """Ground truth of an image from (300, 300) masks."""
    return GroundTruth(image_id, tuple(encode(mask) for mask in masks), tuple(classes))

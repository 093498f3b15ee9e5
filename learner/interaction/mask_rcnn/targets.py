"""Records of locations as Mask R-CNN's training data: observations, and boxes, classes and masks of their objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.interaction.inputs import network_input
from models.interaction.mask_rcnn.config import MaskRcnnConfig
from replay.interaction.record import (
    GRID_STRIDE,
    Batch,
    LabelledBatch,
    is_success,
    unpack_masks,
)


def batch_inputs(batch: Batch, config: MaskRcnnConfig, flip: Sequence[bool]) -> list[Tensor]:
    """Inputs for a network of `models.interaction.mask_rcnn.network.build_mask_rcnn`.

    Args:
        batch: B records.
        config: the network's.
        flip: B values: which records are mirrored left to right.

    Returns:
        B tensors (4, 300, 300) float32.
    """
    depth = torch.from_numpy(batch.depth.astype(np.float32))
    image = torch.from_numpy(np.array(batch.image))
    inputs = network_input(image, depth, config.max_depth, config.normalize_input, config.depth_edges)
    return [one.flip(-1) if mirrored else one for one, mirrored in zip(inputs, flip, strict=True)]


def batch_targets(
    batch: Batch, mass_classes: bool, duplicate_iou: float, flip: Sequence[bool]
) -> list[dict[str, Tensor]]:
    """Targets for a network of `models.interaction.mask_rcnn.network.build_mask_rcnn`.

    Args:
        batch: B records; with labels if `mass_classes`.
        mass_classes: whether the targets are the labels of full supervision. Otherwise they are the masks of successful
            touches, on the grid and of one class.
        duplicate_iou: see `objects_of`; unused with labels.
        flip: B values: which records are mirrored left to right.

    Returns:
        B targets as of `targets_of`.
    """
    targets = []
    for number, mirrored in enumerate(flip):
        if mass_classes:
            assert isinstance(batch, LabelledBatch), "the records must carry labels"
            masks, classes = labels_of(batch.instances[number], batch.objects[number], batch.classes[number])
        else:
            grid = objects_of(batch.masks[number], batch.feedback[number], duplicate_iou)
            masks = grid.repeat(GRID_STRIDE, axis=1).repeat(GRID_STRIDE, axis=2)
            classes = np.zeros(len(masks), dtype=np.uint8)
        targets.append(targets_of(masks[..., ::-1] if mirrored else masks, classes))
    return targets


def labels_of(
    instances: NDArray[np.uint8], objects: NDArray[np.uint8], classes: NDArray[np.uint8]
) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """The objects that a `LabelledRecord` shows, from its fields.

    Returns:
        (n, 300, 300) true masks, none empty, and (n,) mass classes from 0.
    """
    numbers = np.arange(1, int(objects) + 1)
    return instances == numbers[:, None, None], classes[: len(numbers)]


def objects_of(packed: NDArray[np.uint8], feedback: NDArray[np.uint8], duplicate_iou: float) -> NDArray[np.bool_]:
    """The objects that a record shows: the masks of its successful touches, an object touched twice counts once.

    Args:
        packed: (T, 1250) of the record.
        feedback: (T,) of the record.
        duplicate_iou: a mask is left out if its IoU with an earlier one that stays is at least this.

    Returns:
        (n, 100, 100) masks, none empty.
    """
    masks = unpack_masks(packed[is_success(feedback)])
    kept: list[int] = []
    for index, mask in enumerate(masks):
        overlaps = [(mask & masks[other]).sum() / max(int((mask | masks[other]).sum()), 1) for other in kept]
        if mask.any() and max(overlaps, default=-1.0) < duplicate_iou:
            kept.append(index)
    return masks[kept]


def targets_of(masks: NDArray[np.bool_], classes: NDArray[np.integer[Any]]) -> dict[str, Tensor]:
    """Targets as torchvision wants them.

    Args:
        masks: (n, 300, 300), none empty.
        classes: (n,) from 0.

    Returns:
        boxes (n, 4) float32 x1, y1, x2, y2, labels (n,) int64 from 1, masks (n, 300, 300) uint8; in pixels.
    """
    boxes = np.zeros((len(masks), 4), dtype=np.float32)
    for box, mask in zip(boxes, masks, strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box[:] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return {
        "boxes": torch.from_numpy(boxes),
        "labels": torch.from_numpy(classes.astype(np.int64) + 1),
        "masks": torch.from_numpy(masks.astype(np.uint8)),
    }

"""Records of locations as Mask R-CNN's training data: looks, and boxes, classes and masks of the objects in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.interaction.inputs import network_input
from replay.interaction.batch import LOCATIONS
from replay.interaction.record import (
    GRID_STRIDE,
    MAX_TOUCHES,
    ORACLE_TOUCHES,
    Batch,
    LabelledBatch,
    is_success,
    record_fields,
    unpack_masks,
)
from replay.layout import table_folder
from replay.ring import INSERTION_IDS_FILE


class RecordError(ValueError):
    """Records that cannot be trained on; the message is one sentence."""


class Examples:
    """The records of memory banks, read only, in the order of the banks and their slots.

    Args:
        folders: of banks, or of runs that kept theirs; columns are memory-mapped.
        mass_classes: whether the targets are the labels of full supervision: the true masks at full resolution and the
            mass classes of all objects in reach. Otherwise they are the masks of successful touches, on the grid and of
            one class.
        duplicate_iou: see `objects_of`; unused with labels.

    Raises:
        RecordError: a folder holds no bank of such records, or there is no mask in any of them.
    """

    def __init__(self, folders: Sequence[Path], mass_classes: bool, duplicate_iou: float) -> None:
        self.duplicate_iou = duplicate_iou
        self.mass_classes = mass_classes
        self.banks = [_columns(folder, mass_classes) for folder in folders]
        self.places = [
            (bank, int(slot))
            for bank, columns in enumerate(self.banks)
            for slot in np.flatnonzero(columns["insertion_ids"] >= 0)
        ]
        self.touches = sum(int(self.banks[bank]["touches"][slot]) for bank, slot in self.places)
        if mass_classes:
            self.masks = sum(int(self.banks[bank]["objects"][slot]) for bank, slot in self.places)
        else:
            self.masks = sum(int(is_success(self.banks[bank]["feedback"][slot]).sum()) for bank, slot in self.places)
        """Labelled objects, or successful touches with duplicates included."""
        where = ", ".join(map(str, folders))
        if not self.masks:
            raise RecordError(f"the {len(self)} records in {where} hold no mask to learn from")

    def __len__(self) -> int:
        return len(self.places)

    def batch(self, indices: Sequence[int], flip: Sequence[bool]) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
        """Inputs and targets for a network of `models.interaction.mask_rcnn.network.build_mask_rcnn`.

        Args:
            indices: which records.
            flip: which of them are mirrored left to right.
        """
        places = [self.places[index] for index in indices]
        image = np.stack([self.banks[bank]["image"][slot] for bank, slot in places])
        depth = np.stack([self.banks[bank]["depth"][slot] for bank, slot in places]).astype(np.float32)
        inputs = list(network_input(torch.from_numpy(image), torch.from_numpy(depth)))
        targets = []
        for number, (bank, slot) in enumerate(places):
            columns = self.banks[bank]
            if self.mass_classes:
                masks, classes = labels_of(
                    columns["instances"][slot], columns["objects"][slot], columns["classes"][slot]
                )
            else:
                grid = objects_of(columns["masks"][slot], columns["feedback"][slot], self.duplicate_iou)
                masks = grid.repeat(GRID_STRIDE, axis=1).repeat(GRID_STRIDE, axis=2)
                classes = np.zeros(len(masks), dtype=np.uint8)
            if flip[number]:
                inputs[number] = inputs[number].flip(-1)
                masks = masks[..., ::-1]
            targets.append(targets_of(masks, classes))
        return inputs, targets


def batch_targets(
    batch: Batch, mass_classes: bool, duplicate_iou: float, flip: Sequence[bool]
) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """Inputs and targets for a network of `models.interaction.mask_rcnn.network.build_mask_rcnn`.

    Args:
        batch: B records; with labels if `mass_classes`.
        mass_classes: whether the targets are the labels of full supervision. Otherwise they are the masks of successful
            touches, on the grid and of one class.
        duplicate_iou: see `objects_of`; unused with labels.
        flip: B values: which records are mirrored left to right.

    Returns:
        B inputs (4, 300, 300) float32, and B targets as of `targets_of`.
    """
    depth = torch.from_numpy(batch.depth.astype(np.float32))
    inputs = list(network_input(torch.from_numpy(np.array(batch.image)), depth))
    targets = []
    for number, mirrored in enumerate(flip):
        if mass_classes:
            assert isinstance(batch, LabelledBatch), "the records must carry labels"
            masks, classes = labels_of(batch.instances[number], batch.objects[number], batch.classes[number])
        else:
            grid = objects_of(batch.masks[number], batch.feedback[number], duplicate_iou)
            masks = grid.repeat(GRID_STRIDE, axis=1).repeat(GRID_STRIDE, axis=2)
            classes = np.zeros(len(masks), dtype=np.uint8)
        if mirrored:
            inputs[number] = inputs[number].flip(-1)
            masks = masks[..., ::-1]
        targets.append(targets_of(masks, classes))
    return inputs, targets


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
    """The objects that a record shows: the masks of its successful touches, those of a thing touched twice once.

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


def _columns(folder: Path, labelled: bool) -> dict[str, NDArray[Any]]:
    """The columns of a table's ring, memory-mapped, and "insertion_ids"; with or without full supervision's labels."""
    bank = table_folder(folder, LOCATIONS)
    if labelled and (bank / "image.npy").is_file() and not (bank / "instances.npy").is_file():
        raise RecordError(f"{folder} holds no true masks and mass classes: collect it under actors.supervision=full")
    # What the interaction oracle added touches to has more rows.
    rows = ORACLE_TOUCHES if labelled else MAX_TOUCHES
    found = _mapped(bank / "points.npy", folder)
    if not labelled and found.ndim > 1 and found.shape[1] == ORACLE_TOUCHES:
        rows = ORACLE_TOUCHES
    fields = record_fields(rows, labels=labelled)
    columns = {name: _mapped(bank / f"{name}.npy", folder) for name in fields}
    columns["insertion_ids"] = _mapped(bank / INSERTION_IDS_FILE, folder)
    for name, (shape, dtype) in fields.items():
        if columns[name].shape != (len(columns["insertion_ids"]), *shape) or columns[name].dtype != dtype:
            raise RecordError(f"{bank / name}.npy does not hold the {name} of records of locations")
    return columns


def _mapped(path: Path, folder: Path) -> NDArray[Any]:
    """A column of the bank in `folder`, memory-mapped."""
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError):
        raise RecordError(
            f"{folder} holds no replay buffer: {path.name} is missing or damaged; a run keeps its buffer with "
            "keep_bank=true"
        ) from None

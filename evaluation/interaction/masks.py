"""COCO run-length encodings, the format of masks in data set files and prediction files.

Run lengths count pixels in column-major order, starting with zeros. The compressed form writes each count, from the
fourth on as the difference to the count two before, in little-endian groups of five bits with a continuation bit,
each group as one ASCII character from 48 on (the COCO mask format).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from faster_coco_eval.core import mask as coco_mask
from numpy.typing import NDArray

from replay.interaction.record import GRID_STRIDE

Value = TypeVar("Value", bound=np.generic)

RLE = dict[str, Any]
"""{"size": [height, width], "counts": str}: one compressed mask."""


def encode(mask: NDArray[np.bool_]) -> RLE:
    """Encodes one (H, W) bool mask. Returns a compressed RLE that `json` can write."""
    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode("ascii")}


def decode(rle: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Decodes one valid RLE (see `check_rle`) to an (H, W) bool mask."""
    return coco_mask.decode(dict(rle)).astype(bool)


def box(rle: Mapping[str, Any]) -> list[float]:
    """Tight bounding box [x, y, width, height] of a mask, pixels from the top left corner."""
    return [float(value) for value in coco_mask.toBbox(dict(rle))]


def area(rle: Mapping[str, Any]) -> int:
    """Number of pixels of a mask."""
    return int(coco_mask.area(dict(rle)))


def upsample(masks: NDArray[Value]) -> NDArray[Value]:
    """(..., 100, 100) grid masks or maps to (..., 300, 300) images: a cell becomes 3x3 pixels."""
    return masks.repeat(GRID_STRIDE, axis=-2).repeat(GRID_STRIDE, axis=-1)


def check_rle(rle: Any, height: int, width: int) -> RLE:
    """Checks an RLE from a file; the C decoders do not check their input and may crash on a malformed one.

    Args:
        rle: a file's segmentation: compressed (counts is a string) or not (a list of run lengths).
        height, width: the size that the mask must have, pixels.

    Returns:
        the mask as a compressed RLE with at least one pixel, since an object without pixels cannot be found.

    Raises:
        ValueError: the problem, as a clause that follows the name of the file and field.
    """
    if not isinstance(rle, dict) or "size" not in rle or "counts" not in rle:
        raise ValueError("must be a COCO RLE {size, counts}")
    if rle["size"] != [height, width] or any(isinstance(side, bool) for side in rle["size"]):
        raise ValueError(f"must have size [{height}, {width}]")
    counts = rle["counts"]
    runs = _runs_of_string(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(isinstance(run, int) and not isinstance(run, bool) for run in runs):
        raise ValueError("must have counts that are a compressed COCO string or a list of run lengths")
    if any(run < 0 for run in runs) or sum(runs) != height * width:
        raise ValueError(f"must have run lengths that add up to {height} x {width} pixels")
    if not any(runs[1::2]):
        raise ValueError("must show at least one pixel, but its mask is empty")
    if isinstance(counts, str):
        return {"size": [height, width], "counts": counts}
    starts = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return encode(starts.reshape(width, height).T)


def _runs_of_string(counts: str) -> list[int]:
    """Run lengths of a compressed RLE string; raises ValueError if the string is malformed."""
    runs: list[int] = []
    value, shift = 0, 0
    for character in counts:
        group = ord(character) - 48
        if not 0 <= group < 64 or shift > 30:
            raise ValueError("must have counts that are a compressed COCO string")
        value |= (group & 31) << shift
        shift += 5
        if not group & 32:
            if group & 16:
                value -= 1 << shift
            runs.append(value + runs[-2] if len(runs) > 2 else value)
            value, shift = 0, 0
    if shift:
        raise ValueError("must have counts that are a complete compressed COCO string")
    return runs

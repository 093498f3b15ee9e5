"""Objects in one RGB-D image from files: the core of `./playpen predict`.

Reads an RGB image of 300x300 pixels and the depth of each pixel along the camera's axis: a 16-bit PNG (0 = nothing
measured) or a .npy array in metres (infinity = nothing hit). Writes `predictions.json` (COCO, with masks, boxes, scores
and mass classes) and `overlay.png`, each whole or not at all.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from actors.geometry import ray_distance
from evaluation.coco import Detections, coco_file, encode_detections
from evaluation.figures import detections_figure
from evaluation.files import write_json
from models.interaction.inference import InstancePredictor
from replay.interaction.record import IMAGE_SIZE

FIELD_OF_VIEW = 90.0
"""Degrees that the model was trained with (spec section 1)."""
LARGEST_MEDIAN_M = 100.0
"""A larger median depth is taken for a mistake of units."""


def read_image(path: Path) -> NDArray[np.uint8]:
    """Reads a PNG or JPEG file.

    Returns:
        (300, 300, 3) uint8 RGB.

    Raises:
        ValueError: one sentence that names the file and says what would be right.
    """
    with _open(path, "image") as picture:
        if picture.mode not in ("RGB", "RGBA", "P"):
            raise ValueError(f"image {path} must be an 8-bit RGB image, but its mode is {picture.mode}.")
        _check_size(picture.size, "image", path)
        return np.array(_load(picture, "image", path).convert("RGB"), dtype=np.uint8)


def read_depth(path: Path, scale: float) -> NDArray[np.float32]:
    """Reads depth along the camera's axis.

    Args:
        path: a .npy file in metres, or a 16-bit greyscale PNG.
        scale: metres of one unit of a PNG (0.001: millimetres).

    Returns:
        (300, 300) float32 metres along each pixel's ray minus the near plane, as the model wants it; infinity where
        nothing was measured.

    Raises:
        ValueError: one sentence that names the file and says what would be right.
    """
    if not scale > 0 or not np.isfinite(scale):
        raise ValueError(f"depth_scale must be a positive number of metres, not {scale}.")
    if path.suffix == ".npy":
        try:
            metres = np.load(path, allow_pickle=False)
        except FileNotFoundError:
            raise ValueError(f"depth {path} does not exist.") from None
        except (OSError, ValueError, EOFError):
            raise ValueError(f"depth {path} must be an array that numpy.save wrote, but it cannot be read.") from None
        if not isinstance(metres, np.ndarray) or not np.issubdtype(metres.dtype, np.floating):
            raise ValueError(f"depth {path} must hold floating point metres.")
        if metres.shape != (IMAGE_SIZE, IMAGE_SIZE):
            raise ValueError(f"depth {path} must have shape (300, 300), not {metres.shape}.")
    else:
        with _open(path, "depth") as picture:
            if picture.mode not in ("I;16", "I;16B", "I;16L", "I"):
                raise ValueError(
                    f"depth {path} must be a 16-bit greyscale PNG or a .npy array, but its mode is {picture.mode}."
                )
            _check_size(picture.size, "depth", path)
            units = np.array(_load(picture, "depth", path)).astype(np.float64)
        metres = np.where(units > 0, units * scale, np.inf)
    metres = metres.astype(np.float32)
    if np.isnan(metres).any():
        raise ValueError(f"depth {path} must not hold NaN; use infinity where nothing was measured.")
    if (metres < 0).any():
        raise ValueError(f"depth {path} must not hold negative distances.")
    measured = metres[np.isfinite(metres)]
    if not measured.size or not measured.any():
        raise ValueError(f"depth {path} must hold distances, but nothing in it was measured.")
    if np.median(measured) > LARGEST_MEDIAN_M:
        raise ValueError(f"depth {path} must be in metres, but half of it is farther than {LARGEST_MEDIAN_M:g}.")
    # Nothing lies before the near plane; sensors may say so all the same.
    return np.maximum(ray_distance(metres, FIELD_OF_VIEW), np.float32(0))


def predict_files(
    image: Path, depth: Path, depth_scale: float, output: Path, predictor: InstancePredictor, count: int
) -> dict[str, Any]:
    """Finds the objects of one image and writes them.

    Args:
        image, depth: the files; see `read_image` and `read_depth`.
        depth_scale: metres of one unit of a 16-bit PNG.
        output: folder that gets `predictions.json` and `overlay.png`; made if it is not there.
        predictor: the model.
        count: most instances.

    Returns:
        {"instances": how many, "predictions": path, "overlay": path}, ready for `json`.

    Raises:
        ValueError: a file or argument is not as it must be. OSError: the output cannot be written.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}.")
    pixels, distances = read_image(image), read_depth(depth, depth_scale)
    (found,) = predictor.predict(pixels, distances, count)
    predictions, overlay = output / "predictions.json", output / "overlay.png"
    document = coco_document(image.name, found, count)
    write_json(predictions, document)
    detections_figure(overlay, pixels, found)
    return {"instances": len(document["annotations"]), "predictions": str(predictions), "overlay": str(overlay)}


def coco_document(file_name: str, found: Detections, count: int) -> dict[str, Any]:
    """A COCO data set of one image: its instances as annotations, by falling score, each with its score."""
    encoded = encode_detections(0, found, count)
    return coco_file(
        "Objects found in one image, by mass class",
        IMAGE_SIZE,
        [{"id": 0, "file_name": file_name}],
        [
            {"image_id": 0, "category_id": mass_class, "segmentation": rle, "score": score}
            for rle, mass_class, score in zip(encoded.segmentations, encoded.mass_classes, encoded.scores, strict=True)
        ],
    )


def _open(path: Path, what: str) -> Image.Image:
    try:
        # From memory: the file is closed whatever happens to the picture.
        return Image.open(io.BytesIO(path.read_bytes()), formats=("PNG", "JPEG"))
    except FileNotFoundError:
        raise ValueError(f"{what} {path} does not exist.") from None
    except OSError as error:  # also what is no picture
        reason = error.strerror or "it is no such file"
        raise ValueError(f"{what} {path} must be a PNG or JPEG file, but cannot be read: {reason}.") from None
    except Image.DecompressionBombError:
        raise ValueError(f"{what} {path} must be {IMAGE_SIZE}x{IMAGE_SIZE} pixels, but is far larger.") from None


def _load(picture: Image.Image, what: str, path: Path) -> Image.Image:
    """Decodes the pixels, which may fail although the header was right."""
    try:
        picture.load()
    except (OSError, SyntaxError, ValueError):
        raise ValueError(f"{what} {path} is damaged: its pixels cannot be decoded.") from None
    return picture


def _check_size(size: tuple[int, int], what: str, path: Path) -> None:
    if size != (IMAGE_SIZE, IMAGE_SIZE):
        raise ValueError(
            f"{what} {path} must be {IMAGE_SIZE}x{IMAGE_SIZE} pixels (field of view {FIELD_OF_VIEW:g} degrees), "
            f"not {size[0]}x{size[1]}."
        )

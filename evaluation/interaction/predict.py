"""Finds the objects in one RGB-D image from files, for `./playpen predict`.

Reads a colour image and the depth of each pixel along the camera's axis, both of 300x300 pixels; docs/predict.md lists
the formats. Each file's EXIF orientation is applied to it, as viewers do. The outputs are `predictions.json` (COCO,
with masks, boxes, scores and mass classes) and `overlay.png`; both are written atomically.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from actors.observation import ray_distance
from common.files import write_json
from evaluation.interaction.coco import Detections, coco_file, encode_detections
from evaluation.interaction.figures import detections_figure
from models.interaction.inference import InstancePredictor
from models.interaction.inputs import FIELD_OF_VIEW
from replay.interaction.record import IMAGE_SIZE

IMAGE_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
IMAGE_MODES = ("RGB", "RGBA", "P", "PA", "L", "LA")
"""Accepted Pillow modes of images: 8 bits for each colour, or convertible to that without loss of meaning."""
DEPTH_FORMATS = ("PNG", "TIFF")
DEPTH_MODES = ("I;16", "I;16B", "I;16L", "I", "F")
"""Accepted Pillow modes of depth: integers of 16 or 32 bits, and 32-bit floats."""
MAX_MEDIAN_M = 100.0
"""A larger median depth counts as an error of units."""


def read_image(path: Path) -> NDArray[np.uint8]:
    """Reads a PNG, JPEG, TIFF, WebP or BMP file, upright as viewers show it.

    Grey and palette images become RGB; of 16-bit colours the upper 8 bits are used.

    Returns:
        (300, 300, 3) uint8 RGB.

    Raises:
        ValueError: the file is not usable; the message names it and the correct form.
    """
    with _open(path, "image", IMAGE_FORMATS) as picture:
        if picture.mode not in IMAGE_MODES:
            raise ValueError(
                f"image {path} must be an RGB, palette or 8-bit grey image, but its mode is {picture.mode}."
            )
        picture = _upright(picture, "image", path)
        if picture.has_transparency_data and (np.array(picture.convert("RGBA"))[..., 3] < 255).any():
            raise ValueError(f"image {path} must be opaque, but some of its pixels are transparent.")
        return np.array(picture.convert("RGB"), dtype=np.uint8)


def read_depth(path: Path, scale: float) -> NDArray[np.float32]:
    """Reads depth along the camera's axis, upright as viewers show it.

    Pixels with 0, a negative number, NaN or infinity count as not measured, in all formats.

    Args:
        path: floating point metres (.npy, .npz with one array, TIFF), or integer units (PNG, TIFF, or 16-bit .npy and
            .npz).
        scale: metres of one unit (0.001: millimetres).

    Returns:
        (300, 300) float32 metres along each pixel's ray minus the near plane, as the model expects; infinity for
        pixels that were not measured.

    Raises:
        ValueError: the file is not usable; the message names it and the correct form.
    """
    if not scale > 0 or not np.isfinite(scale):
        raise ValueError(f"depth_scale must be a positive number of metres, not {scale}.")
    values = _saved_array(path) if path.suffix.lower() in (".npy", ".npz") else _depth_picture(path)
    metres = values.astype(np.float64) * (1.0 if np.issubdtype(values.dtype, np.floating) else scale)
    measured = np.isfinite(metres) & (metres > 0)
    if not measured.any():
        raise ValueError(f"depth {path} must hold distances, but nothing in it was measured.")
    if np.median(metres[measured]) > MAX_MEDIAN_M:
        raise ValueError(f"depth {path} must be in metres, but half of it is farther than {MAX_MEDIAN_M:g}.")
    distances = ray_distance(np.where(measured, metres, np.inf).astype(np.float32), FIELD_OF_VIEW)
    # Nothing lies before the near plane, but sensors may report it.
    return np.maximum(distances, np.float32(0))


def _saved_array(path: Path) -> NDArray[Any]:
    """(300, 300) floating point metres or 16-bit units from a .npy file, or from a .npz file with one array."""
    try:
        # Mapped, so that a wrong header does not allocate memory.
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        names = [] if isinstance(loaded, np.ndarray) else loaded.files
        values = loaded if isinstance(loaded, np.ndarray) else loaded[names[0]] if len(names) == 1 else None
    except FileNotFoundError:
        raise ValueError(f"depth {path} does not exist.") from None
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error):
        raise ValueError(
            f"depth {path} must be an array that numpy.save or numpy.savez wrote, but it cannot be read."
        ) from None
    if values is None:
        holds = f"{len(names)}: {', '.join(names)}" if names else "none"
        raise ValueError(f"depth {path} must hold one array, but holds {holds}.")
    if not np.issubdtype(values.dtype, np.floating) and values.dtype != np.uint16:
        raise ValueError(f"depth {path} must hold floating point metres or 16-bit units, not {values.dtype}.")
    if values.shape != (IMAGE_SIZE, IMAGE_SIZE):
        raise ValueError(f"depth {path} must have shape (300, 300), not {values.shape}.")
    return np.asarray(values)


def _depth_picture(path: Path) -> NDArray[Any]:
    """(300, 300) float32 metres from a TIFF file, or integer units from a PNG or TIFF file."""
    with _open(path, "depth", DEPTH_FORMATS) as picture:
        if picture.mode not in DEPTH_MODES:
            raise ValueError(
                f"depth {path} must be a 16-bit grey PNG or TIFF, a TIFF of 32-bit floats, or a .npy or .npz array, "
                f"but its mode is {picture.mode}."
            )
        return np.array(_upright(picture, "depth", path))


def predict_files(
    image: Path,
    depth: Path,
    depth_scale: float,
    output: Path,
    predictor: InstancePredictor,
    count: int,
    cluster_distance: float,
) -> dict[str, Any]:
    """Finds the objects of one image and writes the results.

    Args:
        image, depth: the files; see `read_image` and `read_depth`.
        depth_scale: metres of one unit of depth in integers.
        output: folder for `predictions.json` and `overlay.png`; made if necessary.
        predictor: the model.
        count: maximum number of instances.
        cluster_distance: the setting of the model's actors, see `ActorConfig`.

    Returns:
        {"instances": how many, "predictions": path, "overlay": path}, ready for `json`.

    Raises:
        ValueError: a file or argument is invalid.
        OSError: the output cannot be written.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}.")
    pixels, distances = read_image(image), read_depth(depth, depth_scale)
    (found,) = predictor.predict(pixels, distances, count, cluster_distance)
    predictions, overlay = output / "predictions.json", output / "overlay.png"
    document = coco_document(image.name, found, count)
    write_json(predictions, document)
    detections_figure(overlay, pixels, found)
    return {"instances": len(document["annotations"]), "predictions": str(predictions), "overlay": str(overlay)}


def coco_document(file_name: str, found: Detections, count: int) -> dict[str, Any]:
    """Returns a COCO data set of one image: its instances as annotations with scores, by decreasing score."""
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


def _open(path: Path, what: str, formats: tuple[str, ...]) -> Image.Image:
    """Opens a file with one picture of 300x300 pixels; its pixels are not decoded yet."""
    try:
        # Read into memory, so that the file is always closed.
        picture = Image.open(io.BytesIO(path.read_bytes()), formats=formats)
        pictures = getattr(picture, "n_frames", 1)
    except FileNotFoundError:
        raise ValueError(f"{what} {path} does not exist.") from None
    except Image.DecompressionBombError:
        raise ValueError(f"{what} {path} must be {IMAGE_SIZE}x{IMAGE_SIZE} pixels, but is far larger.") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # also raised for other files
        reason = getattr(error, "strerror", None) or "Pillow does not know its format"
        names = f"{', '.join(formats[:-1])} or {formats[-1]}"
        raise ValueError(f"{what} {path} must be a {names} file, but cannot be read: {reason}.") from None
    if pictures > 1 and picture.format != "MPO":  # the first picture of a camera's MPO file is the photo
        raise ValueError(f"{what} {path} must hold one picture, but holds {pictures}.")
    if picture.size != (IMAGE_SIZE, IMAGE_SIZE):
        raise ValueError(
            f"{what} {path} must be {IMAGE_SIZE}x{IMAGE_SIZE} pixels (field of view {FIELD_OF_VIEW:g} degrees), "
            f"not {picture.size[0]}x{picture.size[1]}."
        )
    return picture


def _upright(picture: Image.Image, what: str, path: Path) -> Image.Image:
    """Decodes the pixels, which may fail despite a valid header, and applies the EXIF orientation."""
    try:
        picture.load()  # first, since Pillow applies the orientation of TIFF files itself during decoding
        return ImageOps.exif_transpose(picture)
    except (OSError, SyntaxError, ValueError, EOFError):
        raise ValueError(f"{what} {path} is damaged: its pixels cannot be decoded.") from None

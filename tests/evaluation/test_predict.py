"""From files to predictions: what is read, what is refused, and what is written."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import cv2
import faster_coco_eval
import numpy as np
import pycocotools.coco
import pytest
import tifffile
from PIL import Image

from actors.observation import NEAR_PLANE
from evaluation.interaction.masks import decode
from evaluation.interaction.predict import predict_files, read_depth, read_image
from tests.evaluation.helpers import Found, cells, found, rectangle


class FixedPredictor:
    """Predicts two rectangles for any input, and keeps the input."""

    def predict(self, image: np.ndarray, depth: np.ndarray, count: int, threshold: float) -> list[Found]:
        self.seen = image, depth, count, threshold
        return [found([cells(10, 20, 5, 6), cells(50, 50, 20, 20)], [0.9, 0.2], [2, 0])]


def write_files(folder: Path) -> tuple[Path, Path]:
    image, depth = folder / "rgb.png", folder / "depth.png"
    pixels = np.zeros((300, 300, 3), dtype=np.uint8)
    pixels[..., 0], pixels[0, 0] = 200, (1, 2, 3)
    Image.fromarray(pixels).save(image)
    Image.fromarray(np.full((300, 300), 1500, dtype=np.uint16)).save(depth)
    return image, depth


def test_files_to_coco_and_overlay(tmp_path: Path) -> None:
    image, depth = write_files(tmp_path)
    predictor: Any = FixedPredictor()
    result = predict_files(image, depth, 0.001, tmp_path / "found" / "here", predictor, 32, 0.25)
    pixels, distance, count, threshold = predictor.seen
    assert (
        pixels[0, 0].tolist() == [1, 2, 3] and pixels[5, 5].tolist() == [200, 0, 0] and (count, threshold) == (32, 0.25)
    )
    # 1.5 m along the axis; in the corner the ray is sqrt(1 + 2 (149.5/150)^2) times as long.
    assert distance[150, 150] == pytest.approx(1.5 - NEAR_PLANE, abs=1e-4)
    assert distance[0, 0] == pytest.approx(1.5 * (1 + 2 * (149.5 / 150) ** 2) ** 0.5 - NEAR_PLANE, abs=1e-4)
    document = json.loads(Path(result["predictions"]).read_text())
    best, second = document["annotations"]
    assert result["instances"] == 2 and (best["score"], best["category_id"], best["area"]) == (0.9, 2, 270)
    assert best["bbox"] == [60, 30, 18, 15] and document["images"][0]["file_name"] == "rgb.png"
    assert (decode(second["segmentation"]) == rectangle(150, 150, 60, 60)).all()
    assert cv2.imread(result["overlay"]) is not None
    with contextlib.redirect_stdout(io.StringIO()):
        for reader in (pycocotools.coco.COCO, faster_coco_eval.COCO):
            read = reader(result["predictions"])
            read.info()
            assert [annotation["score"] for annotation in read.loadAnns(read.getAnnIds(imgIds=[0]))] == [0.9, 0.2]
            assert (read.annToMask(read.anns[2]) == rectangle(150, 150, 60, 60)).all()
    assert list(document) == ["info", "licenses", "images", "annotations", "categories"]
    assert sorted(p.name for p in (tmp_path / "found" / "here").iterdir()) == ["overlay.png", "predictions.json"]


PIXELS = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)


def bits16(pixels: np.ndarray) -> np.ndarray:
    """The same in 16 bits a colour, with other lower bits."""
    return (pixels.astype(np.uint16) << 8) + 255 - pixels


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("rgb.PNG", lambda path: Image.fromarray(PIXELS).save(path)),
        ("opaque.png", lambda path: Image.fromarray(PIXELS).convert("RGBA").save(path)),
        ("opaque.tiff", lambda path: Image.fromarray(PIXELS).convert("RGBA").save(path)),
        ("rgb.tiff", lambda path: Image.fromarray(PIXELS).save(path, compression="tiff_lzw")),
        ("rgb.webp", lambda path: Image.fromarray(PIXELS).save(path, lossless=True)),
        ("rgb.bmp", lambda path: Image.fromarray(PIXELS).save(path)),
        ("cv.tif", lambda path: cv2.imwrite(str(path), PIXELS[..., ::-1])),
        ("16 bits.png", lambda path: cv2.imwrite(str(path), bits16(PIXELS)[..., ::-1])),
        ("16 bits.tiff", lambda path: cv2.imwrite(str(path), bits16(PIXELS)[..., ::-1])),
        ("16 bits.tif", lambda path: tifffile.imwrite(path, bits16(PIXELS), photometric="rgb")),
        ("no suffix", lambda path: Image.fromarray(PIXELS).save(path, format="PNG")),
    ],
)
def test_images_of_every_kind_are_the_same(tmp_path: Path, name: str, write: Any) -> None:
    write(tmp_path / name)
    found = read_image(tmp_path / name)
    assert found.dtype == np.uint8 and (found == PIXELS).all()


def test_grey_and_palette_images_become_rgb(tmp_path: Path) -> None:
    grey = PIXELS[..., 0]
    for name, picture in (("l.png", Image.fromarray(grey)), ("la.png", Image.fromarray(grey).convert("LA"))):
        picture.save(tmp_path / name)
        assert (read_image(tmp_path / name) == grey[..., None]).all()
    palette = Image.fromarray((grey > 99).astype(np.uint8), mode="P")
    palette.putpalette([10, 20, 30, 200, 100, 0])
    palette.save(tmp_path / "p.png")
    found = read_image(tmp_path / "p.png")
    assert (found[grey > 99] == [200, 100, 0]).all() and (found[grey <= 99] == [10, 20, 30]).all()
    Image.fromarray(np.full_like(PIXELS, 90)).save(tmp_path / "plain.jpg")
    assert np.abs(read_image(tmp_path / "plain.jpg").astype(int) - 90).max() <= 2


# What each orientation of EXIF says of the stored rows and columns, worked by the standard's table: 6 is "row 0 is the
# right side, column 0 the top", so the stored picture is to be turned clockwise by 90 degrees.
ORIENTATIONS = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: np.swapaxes(stored, 0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.swapaxes(stored[::-1, ::-1], 0, 1),
    8: lambda stored: np.rot90(stored, 1),
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_orientation_that_a_file_notes_is_applied_to_it(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = ORIENTATIONS[orientation]
    files: dict[str, dict[str, Any]] = {"a.png": {}, "a.webp": {"lossless": True}, "a.tiff": {}}
    for name, keywords in files.items():
        Image.fromarray(PIXELS).save(tmp_path / name, exif=exif, **keywords)
        assert (read_image(tmp_path / name) == upright(PIXELS)).all(), name
    smooth = np.zeros_like(PIXELS)
    smooth[:100, :150] = 250
    Image.fromarray(smooth).save(tmp_path / "a.jpg", exif=exif, quality=100)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - upright(smooth)).max() <= 5
    # Depth that notes the same orientation stays with its image; an array cannot note any and is upright.
    metres = np.linspace(1, 3, 90_000, dtype=np.float32).reshape(300, 300)
    np.save(tmp_path / "upright.npy", upright(metres))
    expected = read_depth(tmp_path / "upright.npy", 0.001)
    tifffile.imwrite(tmp_path / "d.tif", metres, extratags=[(0x0112, "H", 1, orientation, True)])
    assert (read_depth(tmp_path / "d.tif", 0.001) == expected).all()
    Image.fromarray(np.round(metres * 10_000).astype(np.uint16)).save(tmp_path / "d.png", exif=exif)
    assert np.abs(read_depth(tmp_path / "d.png", 0.0001) - expected).max() < 2e-4


METRES = np.full((300, 300), 2.0, dtype=np.float32)
UNMEASURED = METRES.copy()
UNMEASURED[0, :5] = 0, np.nan, np.inf, -np.inf, -1
UNITS = np.full((300, 300), 4000, dtype=np.uint16)
UNITS[0, :5] = 0


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("depth.npy", lambda path: np.save(path, UNMEASURED)),
        ("DEPTH.NPY", lambda path: save_bytes(path, npy(UNMEASURED.astype(">f8")))),
        ("depth.npz", lambda path: np.savez(path, depth=UNMEASURED)),
        ("depth.NpZ", lambda path: save_bytes(path, npz(anything=UNMEASURED.astype(np.float16)))),
        ("pillow.tiff", lambda path: Image.fromarray(UNMEASURED).save(path)),
        ("lzw.tif", lambda path: Image.fromarray(UNMEASURED).save(path, compression="tiff_lzw")),
        ("opencv.tiff", lambda path: cv2.imwrite(str(path), UNMEASURED)),
        ("tifffile.TIF", lambda path: tifffile.imwrite(path, UNMEASURED)),
        ("big endian.tif", lambda path: tifffile.imwrite(path, UNMEASURED, byteorder=">")),
        ("units.png", lambda path: Image.fromarray(UNITS).save(path)),
        ("units.PNG", lambda path: cv2.imwrite(str(path), UNITS)),
        ("units.tiff", lambda path: Image.fromarray(UNITS).save(path)),
        ("units.tif", lambda path: tifffile.imwrite(path, UNITS, byteorder=">")),
        ("signed.tif", lambda path: tifffile.imwrite(path, np.where(UNITS, UNITS, -1).astype(np.int16))),
        ("units.npy", lambda path: np.save(path, UNITS)),
    ],
)
def test_depth_of_every_kind_is_the_same(tmp_path: Path, name: str, write: Any) -> None:
    write(tmp_path / name)
    found = read_depth(tmp_path / name, 0.0005)
    assert found.dtype == np.float32 and np.isposinf(found[0, :5]).all() and np.isfinite(found[0, 5:]).all()
    # 2 m along the axis, the near plane taken off.
    assert found[149, 149] == pytest.approx(2 * (1 + 2 * (0.5 / 150) ** 2) ** 0.5 - NEAR_PLANE, abs=1e-6)
    assert np.isfinite(found[1:]).all()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def save_array(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def save_picture(path: Path, array: np.ndarray) -> Path:
    Image.fromarray(array).save(path)
    return path


def save_converted(path: Path, mode: str) -> Path:
    Image.fromarray(PIXELS).convert(mode).save(path)
    return path


def save_animation(path: Path) -> Path:
    Image.fromarray(PIXELS).save(path, save_all=True, append_images=[Image.fromarray(PIXELS[::-1])])
    return path


def save_bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p / "none.png", "does not exist"),
        (lambda p: p, "must be a PNG, JPEG, TIFF, WEBP or BMP file, but cannot be read: Is a directory"),
        (lambda p: save_bytes(p / "a.png", b"not a picture"), "must be a PNG, JPEG, TIFF, WEBP or BMP file"),
        (lambda p: save_picture(p / "a.png", np.zeros((300, 301, 3), np.uint8)), "300x300 pixels .* not 301x300"),
        (lambda p: save_picture(p / "a.png", np.zeros((300, 300), np.uint16)), "8-bit grey image, .* mode is I;16"),
        (lambda p: save_picture(p / "a.tiff", np.zeros((300, 300), np.float32)), "8-bit grey image, .* mode is F"),
        (lambda p: save_converted(p / "a.jpg", "CMYK"), "mode is CMYK"),
        (lambda p: save_converted(p / "a.png", "1"), "mode is 1"),
        (lambda p: save_picture(p / "a.png", np.full((300, 300, 4), 254, np.uint8)), "must be opaque"),
        (lambda p: save_animation(p / "a.webp"), "must hold one picture, but holds 2"),
        (lambda p: save_animation(p / "a.png"), "must hold one picture, but holds 2"),
        (lambda p: save_animation(p / "a.tiff"), "must hold one picture, but holds 2"),
        (lambda p: save_bytes(p / "b.png", write_files(p)[0].read_bytes()[:400]), "damaged"),
    ],
)
def test_images_that_are_refused(tmp_path: Path, make: Any, says: str) -> None:
    path = make(tmp_path)
    with pytest.raises(ValueError, match=says) as caught:
        read_image(path)
    assert str(path) in str(caught.value) and str(caught.value).endswith(".")


def damaged(content: bytes) -> bytes:
    """A file with one byte in its middle changed."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def huge() -> bytes:
    """A header of 8 TB in a file of a few bytes."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)})
    return file.getvalue()


def save_pages(path: Path) -> Path:
    tifffile.imwrite(path, np.stack([METRES, METRES]))
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p / "none.npy", "does not exist"),
        (lambda p: p / "none.png", "does not exist"),
        (lambda p: save_bytes(p / "a.npy", b""), "cannot be read"),
        (lambda p: save_bytes(p / "a.npy", b"\x93NUMPY\x01\x00"), "cannot be read"),
        (lambda p: save_array(p / "a.npy", np.array([{}], dtype=object)), "cannot be read"),
        (lambda p: save_bytes(p / "a.npz", npz(a=METRES)[:-30]), "cannot be read"),
        (lambda p: save_bytes(p / "a.npz", damaged(npz(a=METRES))), "cannot be read"),
        (
            lambda p: save_bytes(p / "a.npz", npz(near=METRES, far=METRES)),
            "must hold one array, but holds 2: near, far",
        ),
        (lambda p: save_bytes(p / "a.npz", npz()), "must hold one array, but holds none"),
        (lambda p: save_array(p / "a.npy", np.ones((300, 300), int)), "metres or 16-bit units, not int64"),
        (lambda p: save_array(p / "a.npy", np.ones((300, 300), bool)), "metres or 16-bit units, not bool"),
        (lambda p: save_bytes(p / "a.npy", huge()), "cannot be read"),
        (lambda p: save_array(p / "a.npy", np.ones((299, 300))), r"shape \(300, 300\), not \(299, 300\)"),
        (lambda p: save_array(p / "a.npy", np.full((300, 300), np.nan)), "nothing in it was measured"),
        (lambda p: save_array(p / "a.npy", np.full((300, 300), -1.0)), "nothing in it was measured"),
        (lambda p: save_array(p / "a.npy", np.full((300, 300), np.inf)), "nothing in it was measured"),
        (lambda p: save_array(p / "a.npy", np.full((300, 300), 1500.0)), "must be in metres"),
        (lambda p: save_picture(p / "a.png", np.zeros((300, 300), np.uint16)), "nothing in it was measured"),
        (lambda p: save_picture(p / "a.png", np.ones((300, 300), np.uint8)), "16-bit grey PNG .* mode is L"),
        (lambda p: save_picture(p / "a.png", PIXELS), "16-bit grey PNG .* mode is RGB"),
        (lambda p: save_pages(p / "a.tif"), "must hold one picture, but holds 2"),
        (lambda p: save_bytes(p / "a.dpt", b"?" * 99), "must be a PNG or TIFF file, but cannot be read"),
        (lambda p: save_picture(p / "a.png", np.ones((100, 300), np.uint16)), "not 300x100"),
    ],
)
def test_depths_that_are_refused(tmp_path: Path, make: Any, says: str) -> None:
    path = make(tmp_path)
    with pytest.raises(ValueError, match=says) as caught:
        read_depth(path, 0.001)
    assert str(path) in str(caught.value) and str(caught.value).endswith(".")


def test_nothing_is_written_if_an_input_is_wrong(tmp_path: Path) -> None:
    image, depth = write_files(tmp_path)
    predictor: Any = FixedPredictor()
    for arguments in ((image, tmp_path / "none.png", 0.001, 32), (image, depth, -1.0, 32), (image, depth, 0.001, 0)):
        with pytest.raises(ValueError):
            predict_files(*arguments[:3], tmp_path / "out", predictor, arguments[3], 1.0)
    assert not (tmp_path / "out").exists()

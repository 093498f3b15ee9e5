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
from PIL import Image

from actors.geometry import NEAR_PLANE
from evaluation.masks import decode
from evaluation.predict import predict_files, read_depth, read_image
from tests.evaluation.helpers import Found, cells, found, rectangle


class FixedPredictor:
    """Predicts two rectangles whatever it sees, and keeps what it was shown."""

    def predict(self, image: np.ndarray, depth: np.ndarray, count: int) -> list[Found]:
        self.seen = image, depth, count
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
    result = predict_files(image, depth, 0.001, tmp_path / "found" / "here", predictor, 32)
    pixels, distance, count = predictor.seen
    assert pixels[0, 0].tolist() == [1, 2, 3] and pixels[5, 5].tolist() == [200, 0, 0] and count == 32
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


def test_other_forms_of_images_and_depth(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (300, 300, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert("RGBA").save(tmp_path / "rgba.png")
    assert (read_image(tmp_path / "rgba.png") == pixels).all()
    Image.fromarray(np.full_like(pixels, 90)).save(tmp_path / "grey.jpg")
    assert np.abs(read_image(tmp_path / "grey.jpg").astype(int) - 90).max() <= 2
    metres = np.full((300, 300), 2.0)
    metres[0] = np.inf
    np.save(tmp_path / "depth.npy", metres)
    distance = read_depth(tmp_path / "depth.npy", 0.001)
    assert distance.dtype == np.float32 and np.isinf(distance[0]).all()
    assert distance[149, 149] == pytest.approx(1.9, abs=1e-4)
    units = np.full((300, 300), 4000, dtype=np.uint16)
    units[:, 0] = 0  # nothing measured
    Image.fromarray(units).save(tmp_path / "units.png")
    distance = read_depth(tmp_path / "units.png", 0.0005)
    assert np.isinf(distance[:, 0]).all() and distance[149, 149] == pytest.approx(1.9, abs=1e-4)


def save_array(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def save_picture(path: Path, array: np.ndarray) -> Path:
    Image.fromarray(array).save(path)
    return path


def save_bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p / "none.png", "does not exist"),
        (lambda p: p, "must be a PNG or JPEG file"),
        (lambda p: save_bytes(p / "a.png", b"not a picture"), "must be a PNG or JPEG file"),
        (lambda p: save_picture(p / "a.png", np.zeros((300, 301, 3), np.uint8)), "300x300 pixels .* not 301x300"),
        (lambda p: save_picture(p / "a.png", np.zeros((300, 300), np.uint8)), "8-bit RGB image"),
        (lambda p: save_picture(p / "a.png", np.zeros((300, 300), np.uint16)), "8-bit RGB image"),
        (lambda p: save_bytes(p / "b.png", write_files(p)[0].read_bytes()[:400]), "damaged"),
    ],
)
def test_images_that_are_refused(tmp_path: Path, make: Any, says: str) -> None:
    path = make(tmp_path)
    with pytest.raises(ValueError, match=says) as caught:
        read_image(path)
    assert str(path) in str(caught.value) and str(caught.value).endswith(".")


NAN = np.full((300, 300), 1.0)
NAN[3, 4] = np.nan


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda p: p / "none.npy", "does not exist"),
        (lambda p: p / "none.png", "does not exist"),
        (lambda p: save_bytes(p / "a.npy", b""), "cannot be read"),
        (lambda p: save_bytes(p / "a.npy", b"\x93NUMPY\x01\x00"), "cannot be read"),
        (lambda p: save_array(p / "a.npy", np.array([{}], dtype=object)), "cannot be read"),
        (lambda p: save_array(p / "a.npy", np.ones((300, 300), int)), "floating point metres"),
        (lambda p: save_array(p / "a.npy", np.ones((299, 300))), r"shape \(300, 300\), not \(299, 300\)"),
        (lambda p: save_array(p / "a.npy", NAN), "must not hold NaN"),
        (lambda p: save_array(p / "a.npy", np.full((300, 300), -1.0)), "negative"),
        (lambda p: save_array(p / "a.npy", np.full((300, 300), np.inf)), "nothing in it was measured"),
        (lambda p: save_array(p / "a.npy", np.full((300, 300), 1500.0)), "must be in metres"),
        (lambda p: save_picture(p / "a.png", np.zeros((300, 300), np.uint16)), "nothing in it was measured"),
        (lambda p: save_picture(p / "a.png", np.ones((300, 300), np.uint8)), "16-bit greyscale PNG"),
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
            predict_files(*arguments[:3], tmp_path / "out", predictor, arguments[3])
    assert not (tmp_path / "out").exists()

"""What visual dynamics say of one picture: which part is used, and what is written."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from actors.hide_and_seek.actions import ACTIONS, INDEX
from common.errors import UsageError
from evaluation.hide_and_seek.predict import look, predict_files, read_picture
from models.hide_and_seek.network import build_network
from tests.models.hide_and_seek.networks import tiny


def test_the_middle_of_a_picture_is_used(tmp_path: Path) -> None:
    picture = np.zeros((4, 8, 3), np.uint8)
    picture[:, 2:6] = (10, 20, 30)  # blue, green, red
    cv2.imwrite(str(tmp_path / "wide.png"), picture)
    found = read_picture(tmp_path / "wide.png", 2)
    assert found.tolist() == [[[30, 20, 10]] * 2] * 2
    assert read_picture(tmp_path / "wide.png", 28).shape == (28, 28, 3)


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").write_text("")
    for name in ("text.png", "empty.png"):
        with pytest.raises(UsageError, match=f"{name} is not a picture"):
            read_picture(tmp_path / name, 28)
    with pytest.raises(UsageError, match="cannot be read"):
        read_picture(tmp_path / "missing.png", 28)


def test_the_grid_and_the_kinds_are_those_of_the_actions() -> None:
    network = build_network(tiny(), 1).eval()
    image = np.random.default_rng(0).integers(0, 256, (28, 28, 3), np.uint8)
    found = look(network, image)
    with torch.inference_mode():
        sir = network.agent.encoder(torch.from_numpy(image[None])).sir
        number = INDEX["OpenAt(2,7)"]
        expected = network.decoder.success(sir, torch.tensor([number])).sigmoid().item()
    assert found.open_at()[1, 6] == pytest.approx(expected, rel=1e-4)
    assert list(found.next_images) == ["MoveAhead", "MoveLeft", "MoveRight", "Stand", "Crouch"]
    moves = [found.success[f"Move{way}"] for way in ("Ahead", "Left", "Right")]
    assert found.by_kind()["move"] == pytest.approx(sum(moves) / 3)
    assert len(found.success) == len(ACTIONS) == 219


def test_files(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "image.jpg"), np.full((30, 50, 3), 90, np.uint8))
    written = predict_files(tmp_path / "image.jpg", tmp_path / "out", build_network(tiny(), 1).eval())
    values = json.loads(Path(written["predictions"]).read_text())
    assert values["image_size"] == 28 and np.shape(values["open_at"]) == (7, 7)
    assert set(values["changed_share"]) == {"MoveAhead", "MoveLeft", "MoveRight", "Stand", "Crouch"}
    assert Path(written["picture"]).stat().st_size > 5000

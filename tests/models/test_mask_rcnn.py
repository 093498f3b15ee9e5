"""Mask R-CNN: its settings, and the form of what it predicts."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from models.interaction.mask_rcnn import config as settings
from models.interaction.mask_rcnn.config import (
    MaskRcnnConfig,
    MaskRcnnNetworkConfig,
    TorchvisionMissing,
    check_installed,
)

needs_torchvision = pytest.mark.skipif(
    importlib.util.find_spec("torchvision") is None, reason="the extra mask_rcnn is not installed"
)


def tiny(**changes: Any) -> MaskRcnnNetworkConfig:
    """conf/models/mask_rcnn.yaml, as small as it can be."""
    values = yaml.safe_load((Path(__file__).parents[2] / "conf/models/mask_rcnn.yaml").read_text())["mask_rcnn"]
    small = {
        "image_size": 96, "anchor_sizes": [8, 16, 24, 32, 48], "pyramid_channels": 8, "box_channels": 16,
        "mask_channels": 8, "anchors_per_image": 32, "boxes_per_image": 16, "proposals_before_nms": 40, "proposals": 30,
    }  # fmt: skip
    return MaskRcnnNetworkConfig(**{**values, **small, **changes})


MODEL = MaskRcnnConfig(tiny())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_size": 8}, "models.mask_rcnn.image_size must be at least 32 pixels, not 8"),
        ({"anchor_sizes": [1, 2]}, r"models.mask_rcnn.anchor_sizes must be five positive numbers, not \[1, 2\]"),
        ({"aspect_ratios": []}, "models.mask_rcnn.aspect_ratios must be at least one number above 0"),
        ({"proposals": 0}, "models.mask_rcnn.proposals must be at least 1, not 0"),
        ({"detection_nms": 1.5}, r"models.mask_rcnn.detection_nms must be in \[0, 1\], not 1.5"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny(**change)


def test_without_torchvision_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(TorchvisionMissing, match=r"^models=mask_rcnn needs torchvision.*pip install .*\[mask-rcnn\]"):
        check_installed()


@needs_torchvision
@pytest.mark.parametrize("only_class", [None, 1])
def test_predictions_have_the_form_of_our_networks(only_class: int | None) -> None:
    from models.interaction.mask_rcnn.inference import MaskRcnnPredictor
    from models.interaction.mask_rcnn.network import build_mask_rcnn

    before = torch.random.get_rng_state()
    network = build_mask_rcnn(MODEL, 3 if only_class is None else 1, seed=1)
    assert torch.equal(before, torch.random.get_rng_state())
    with torch.no_grad():  # else an untrained network's masks are as good as empty
        heads: Any = network.roi_heads
        heads.mask_predictor.mask_fcn_logits.bias.fill_(3.0)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2, 300, 300, 3), dtype=np.uint8)
    depths = np.full((2, 300, 300), np.inf, dtype=np.float32)
    found = MaskRcnnPredictor(network, MODEL, only_class).predict(images, depths, count=5, threshold=1.0)
    assert len(found) == 2
    for one in found:
        n = len(one.scores)
        assert 1 <= n <= 5 and one.masks.shape == (n, 100, 100) and one.masks.dtype == bool
        assert one.seeds.shape == (n, 2) and one.seeds.dtype == np.int64
        assert (one.masks[np.arange(n), one.seeds[:, 0], one.seeds[:, 1]]).all(), "a seed lies within its mask"
        assert (np.diff(one.scores) <= 0).all() and one.scores.dtype == np.float32
        assert set(one.force) <= ({0, 1, 2} if only_class is None else {only_class})
        assert one.score_map.shape == (100, 100) and one.force_map.shape == (3, 100, 100)
        assert one.score_map.max() <= one.scores.max()
        best = np.argmax(one.force_map[:, one.seeds[0, 0], one.seeds[0, 1]])
        assert best == one.force[0], "the map shows the class of the surest instance at its seed"


@needs_torchvision
def test_an_object_found_as_two_classes_counts_once() -> None:
    from models.interaction.mask_rcnn.inference import MaskRcnnPredictor
    from models.interaction.mask_rcnn.network import build_mask_rcnn

    predictor = MaskRcnnPredictor(build_mask_rcnn(MODEL, 3, seed=1), MODEL, None)
    boxes = torch.tensor([[30.0, 30, 60, 60], [30, 30, 60, 63], [90, 90, 120, 120]])
    masks = torch.zeros(3, 1, 300, 300)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist(), strict=True):
        mask[0, y1:y2, x1:x2] = 0.9
    found = {
        "boxes": boxes, "labels": torch.tensor([3, 1, 2]), "scores": torch.tensor([0.9, 0.8, 0.7]), "masks": masks
    }  # fmt: skip
    one = predictor._prediction(predictor._once(found, 32))
    assert one.force.tolist() == [2, 1] and one.scores.tolist() == pytest.approx([0.9, 0.7])
    assert [np.argwhere(mask).min(axis=0).tolist() for mask in one.masks] == [[10, 10], [30, 30]]
    assert [int(mask.sum()) for mask in one.masks] == [100, 100]


@needs_torchvision
def test_boxes_are_pooled_without_a_shift_from_the_level_of_their_size() -> None:
    from models.interaction.mask_rcnn.operators import load

    load()
    from models.interaction.mask_rcnn.pooling import AlignedPyramidPooling

    pool = AlignedPyramidPooling(["0", "1", "2", "3"], 7)
    # Features that are linear in the picture's coordinates: a cell of level k is a square of 2^(k+2) pixels.
    features = {}
    for level in range(4):
        side = 2 ** (level + 2)
        places = (torch.arange(512 // side) + 0.5) * side
        features[str(level)] = torch.stack(torch.meshgrid(places, places, indexing="ij"))[None] + 10_000 * level
    boxes = torch.tensor([[40.0, 64, 68, 106], [100, 80, 212, 192], [60, 60, 340, 340], [20, 20, 480, 480]])
    found = pool(features, [boxes], [(512, 512)])
    assert found.shape == (4, 2, 7, 7)
    for pooled, (x1, y1, x2, y2), level in zip(found, boxes.tolist(), (0, 1, 2, 3), strict=True):
        # Linear features are pooled exactly: the values are the centres of the bins.
        bins = (torch.arange(7) + 0.5) / 7
        rows, columns = y1 + bins * (y2 - y1), x1 + bins * (x2 - x1)
        torch.testing.assert_close(pooled[0] - 10_000 * level, rows[:, None].expand(7, 7), atol=0.02, rtol=0)
        torch.testing.assert_close(pooled[1] - 10_000 * level, columns.expand(7, 7), atol=0.02, rtol=0)


@needs_torchvision
def test_the_papers_size_keeps_detections_as_detectron2_does() -> None:
    from models.interaction.mask_rcnn.network import build_mask_rcnn

    path = Path(__file__).parents[2] / "conf/models/mask_rcnn_paper.yaml"
    paper = yaml.safe_load(path.read_text())["mask_rcnn"]
    small = {"pyramid_channels": 8, "box_channels": 8, "mask_channels": 8}
    network: Any = build_mask_rcnn(MaskRcnnConfig(tiny(**{**paper, **small})), 3, seed=1)
    assert (network.roi_heads.score_thresh, network.roi_heads.nms_thresh) == (0.05, 0.5)
    assert network.rpn.nms_thresh == 0.7 and network.rpn._pre_nms_top_n == {"training": 2000, "testing": 2000}
    assert network.rpn._post_nms_top_n == {"training": 1000, "testing": 1000}


@needs_torchvision
def test_smooth_upsampling_starts_the_mask_head_with_equal_taps() -> None:
    from models.interaction.mask_rcnn.network import build_mask_rcnn

    def taps(smooth: bool) -> torch.Tensor:
        network: Any = build_mask_rcnn(MaskRcnnConfig(tiny(), smooth_upsampling=smooth), 3, seed=1)
        return network.roi_heads.mask_predictor.conv5_mask.weight.detach()

    assert (taps(True) == taps(True)[:, :, :1, :1]).all() and not (taps(False) == taps(False)[:, :, :1, :1]).all()

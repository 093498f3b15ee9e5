"""The operators in plain torch: worked values, and torchvision's own description of RoIAlign in Python."""

from __future__ import annotations

import importlib.util
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.interaction.mask_rcnn.operators import load, nms, roi_align

needs_torchvision = pytest.mark.skipif(
    importlib.util.find_spec("torchvision") is None, reason="the extra mask_rcnn is not installed"
)


def test_nms_keeps_the_best_of_boxes_that_overlap_more_than_the_threshold():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 5], [20, 20, 30, 30]])
    scores = torch.tensor([0.5, 0.9, 0.7, 0.1])
    # The second one is best. IoU with the first: 80 / 100; with the third: 50 / 80; the last stands alone.
    assert nms(boxes, scores, 0.7).tolist() == [1, 2, 3]
    assert nms(boxes, scores, 0.6).tolist() == [1, 3]
    # The first is left out by the second, so it does not leave out the third (IoU 1/2) any more.
    assert nms(boxes, scores, 0.8).tolist() == [1, 2, 0, 3]  # an IoU of just the threshold is not above it


def test_nms_of_no_boxes_is_empty():
    kept = nms(torch.zeros(0, 4), torch.zeros(0), 0.5)
    assert kept.shape == (0,) and kept.dtype == torch.int64


def test_roi_align_is_the_mean_of_bilinear_samples():
    features = torch.arange(16.0).reshape(1, 1, 4, 4)  # value 4 y + x: linear, so each sample is exact
    box = torch.tensor([[0.0, 0.0, 0.0, 2.0, 2.0]])
    # Two bins a side, one sample each in its middle: at 0.5 and 1.5.
    assert roi_align(features, box, 2, sampling_ratio=1).flatten().tolist() == [2.5, 3.5, 6.5, 7.5]
    # Aligned: half a pixel up and to the left, at 0 and 1.
    assert roi_align(features, box, 2, sampling_ratio=1, aligned=True).flatten().tolist() == [0, 1, 4, 5]
    # Half the scale: the box is a pixel wide, its two bins' middles are at 1/4 and 3/4.
    assert roi_align(features, box, 2, 0.5, 1).flatten().tolist() == [1.25, 1.75, 3.25, 3.75]


def test_samples_far_outside_are_zero_and_those_on_the_rim_take_the_border():
    features = torch.ones(1, 1, 4, 4)
    box = torch.tensor([[0.0, 0.0, 0.0, 8.0, 4.0]])
    # Samples at x = 1, 3, 5, 7 with one row: within, within, beyond 4, beyond 4.
    assert roi_align(features, box, (1, 4), sampling_ratio=1).flatten().tolist() == [1, 1, 0, 0]
    rim = torch.tensor([[0.0, -1.0, 0.0, 0.0, 4.0]])
    assert roi_align(features, rim, (1, 1), sampling_ratio=1).item() == 1.0  # at x = -0.5


def test_gradients_reach_the_features_where_samples_lie():
    features = torch.zeros(2, 1, 3, 3, requires_grad=True)
    boxes = [torch.zeros(0, 4), torch.tensor([[0.0, 0.0, 2.0, 2.0]])]
    roi_align(features, boxes, 1, sampling_ratio=1).sum().backward()  # one sample at (1, 1) of the second image
    expected = torch.zeros(2, 1, 3, 3)
    expected[1, 0, 1, 1] = 1.0
    assert features.grad is not None and torch.equal(features.grad, expected)


def test_no_boxes_give_no_bins():
    assert roi_align(torch.ones(1, 3, 4, 4), torch.zeros(0, 5), 2).shape == (0, 3, 2, 2)


@needs_torchvision
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    ratio=st.sampled_from([-1, 1, 2]),
    aligned=st.booleans(),
    scale=st.sampled_from([1.0, 0.5, 0.25]),
)
def test_roi_align_agrees_with_torchvisions_description_in_python(seed: int, ratio: int, aligned: bool, scale: float):
    load()
    import torchvision.ops  # noqa: F401  (its module of the same name as the function is reached by name alone)

    reference = sys.modules["torchvision.ops.roi_align"]._roi_align.__wrapped__
    generator = torch.Generator().manual_seed(seed)
    features = torch.rand(2, 3, 9, 11, generator=generator, dtype=torch.float64)
    # Within the image, as Mask R-CNN's boxes are: the description says nothing of samples that are farther out.
    sides, corner = torch.rand(2, 6, 2, generator=generator, dtype=torch.float64)
    sides = 1 / scale + sides * 4
    corner = corner * (torch.tensor([11, 9]) / scale - sides)
    boxes = torch.cat([torch.tensor([[0.0], [1], [0], [1], [1], [0]]).double(), corner, corner + sides], dim=1)
    expected = reference(features, boxes, scale, 3, 2, ratio, aligned)
    torch.testing.assert_close(roi_align(features, boxes, (3, 2), scale, ratio, aligned), expected)


@needs_torchvision
def test_torchvision_is_usable_after_loading():
    compiled = load()
    from torchvision.ops import boxes, poolers

    assert (boxes.nms is nms) == (poolers.roi_align is roi_align) == (not compiled)

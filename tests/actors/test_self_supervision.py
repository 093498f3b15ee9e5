"""The self-supervision module against values worked by hand and against scikit-image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2hsv
from skimage.segmentation import felzenszwalb

from actors.interaction.config import SelfSupervisionConfig
from actors.interaction.self_supervision import (
    SelfSupervision,
    changed_cells,
    hsv,
    join_superpixels,
    kernel_sum,
)
from actors.observation import Observation
from models.interaction.superpixels import superpixel_grid
from replay.interaction.kernels import KERNELS, kernel

CONFIG = SelfSupervisionConfig(
    change_threshold=0.01,
    superpixels=True,
    superpixel_scale=200,
    superpixel_sigma=0.5,
    superpixel_min_size=200,
    superpixel_fraction=0.25,
    kernel="paper",
    success_threshold=1.5,
    success_strictly_above=False,
)


def test_hsv_equals_skimage() -> None:
    rng = np.random.default_rng(0)
    images = [
        rng.integers(256, size=(300, 300, 3)),
        rng.integers(4, size=(300, 300, 3)),  # dark: where OpenCV's guard against division by zero shows
        np.repeat(rng.integers(256, size=(300, 300, 1)), 3, axis=2),  # grey
        252 + rng.integers(4, size=(300, 300, 3)),
    ]
    for image in images:
        np.testing.assert_allclose(hsv(image.astype(np.uint8)), rgb2hsv(image.astype(np.uint8)), atol=1e-6)


def test_changed_by_hand() -> None:
    before = np.zeros((300, 300, 3), dtype=np.float32)
    after = before.copy()
    # One pixel of the cell's nine, one channel of three: 0.6^2 / 27 = 0.0133 > 0.01, and 0.5^2 / 27 = 0.0093 is not.
    after[3 * 5, 3 * 8 + 2, 1] = 0.6
    after[3 * 50 + 1, 3 * 60 + 1, 2] = -0.5
    # Two neighbours of different cells do not add up.
    after[3 * 70, 3 * 70 + 2, 0] = 0.5
    after[3 * 70, 3 * 70 + 3, 0] = 0.5
    changed = changed_cells(before, after, 0.01)
    assert changed.shape == (100, 100) and np.argwhere(changed).tolist() == [[5, 8]]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.001, 0.3))
def test_changed_equals_the_formula(seed: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    before, after = rng.random((2, 30, 30, 3)).astype(np.float32)
    squares = np.square(before.astype(np.float64) - after)
    means = squares.reshape(10, 3, 10, 3, 3).mean(axis=(1, 3, 4))
    clear = np.abs(means - threshold) > 1e-6
    assert ((means > threshold) == changed_cells(before, after, threshold))[clear].all()


def test_superpixels_are_read_at_cell_centres() -> None:
    rng = np.random.default_rng(1)
    image = np.kron(rng.integers(256, size=(6, 6, 3)), np.ones((50, 50, 1))).astype(np.uint8)
    expected = felzenszwalb(image, scale=200, sigma=0.5, min_size=200)
    labels = superpixel_grid(image, 200, 0.5, 200)
    assert labels.shape == (100, 100) and len(np.unique(labels)) >= 36
    assert all(labels[r, c] == expected[3 * r + 1, 3 * c + 1] for r, c in rng.integers(100, size=(200, 2)))


def test_join_by_hand() -> None:
    labels = np.repeat(np.array([[0, 1, 3, 3]]), 4, axis=0)  # 0 and 1 have 4 cells, 3 has 8, 2 has none
    changed = np.zeros((4, 4), dtype=bool)
    changed[0, 0] = True  # 1 of 4 is 25 %: not more
    changed[:2, 1] = True  # 2 of 4
    changed[:3, 2] = True  # 3 of 8
    expected = np.array([[False, True, True, True]] * 4)
    assert (join_superpixels(changed, labels, 0.25) == expected).all()
    assert not join_superpixels(np.zeros((4, 4), dtype=bool), labels, 0.25).any()


def test_kernel_sums_by_hand() -> None:
    e = np.exp(1.0)
    full = np.ones((100, 100), dtype=bool)
    one = 1 + 2 / e + 2 / e**4  # a row of the paper's kernel: it is the product of two such
    assert kernel_sum(full, 50, 50, kernel("paper")) == pytest.approx(one**2, abs=1e-12)
    half = 1 + 1 / e + 1 / e**4  # cut off in the middle
    assert kernel_sum(full, 0, 50, kernel("paper")) == pytest.approx(half * one, abs=1e-12)
    assert kernel_sum(full, 99, 0, kernel("paper")) == pytest.approx(half**2, abs=1e-12)
    assert kernel_sum(full, 98, 99, kernel("paper")) == pytest.approx((one - 1 / e**4) * half, abs=1e-12)
    mask = np.zeros((100, 100), dtype=bool)
    mask[10, 11] = mask[12, 12] = mask[13, 10] = True  # offsets (0, 1), (2, 2), and (3, 0) outside
    assert kernel_sum(mask, 10, 10, kernel("paper")) == pytest.approx(1 / e + 1 / e**8, abs=1e-12)
    released = np.exp(-1) + np.exp(-np.sqrt(8))
    assert kernel_sum(mask, 10, 10, kernel("released")) == pytest.approx(released, abs=1e-12)
    assert kernel_sum(mask, 10, 10, kernel("delta")) == 0
    assert kernel_sum(mask, 10, 10, kernel("box")) == 1
    assert kernel_sum(mask, 10, 10, kernel("gaussian")) == pytest.approx(np.exp(-0.5) + np.exp(-4), abs=1e-12)


def test_kernels() -> None:
    assert set(KERNELS) == {"paper", "released", "delta", "box", "gaussian"}
    for name, weights in KERNELS.items():
        assert weights.shape == (5, 5) and weights[2, 2] == 1 and (weights == weights.T).all(), name
        assert kernel(name) is weights
    with pytest.raises(ValueError, match="kernel must be one of paper, released, .* not 'wide'"):
        kernel("wide")


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 2**32 - 1), st.sampled_from(sorted(KERNELS)))
@settings(max_examples=50, deadline=None)
def test_kernel_sum_equals_padding(row: int, column: int, seed: int, name: str) -> None:
    mask = np.random.default_rng(seed).random((100, 100)) < 0.4
    padded = np.pad(mask, 2).astype(np.float64)
    expected = (padded[row : row + 5, column : column + 5] * kernel(name)).sum()
    assert kernel_sum(mask, row, column, kernel(name)) == pytest.approx(expected, abs=1e-12)


def room(box: tuple[int, int] | None) -> np.ndarray:
    """A grey wall, and a red box of 60x60 pixels with its upper left corner at (row, column)."""
    image = np.full((300, 300, 3), 120, dtype=np.uint8)
    if box is not None:
        image[box[0] : box[0] + 60, box[1] : box[1] + 60] = 200, 30, 30
    return image


def seen(image: np.ndarray) -> Observation:
    """An observation of an image; depth has no effect here."""
    return Observation(image, np.zeros(image.shape[:2], dtype=np.float32))


def test_a_box_that_leaves() -> None:
    supervision = SelfSupervision(room((90, 120)), CONFIG)
    mask, successful, *_ = supervision.judge(seen(room(None)), 40, 50)
    assert successful
    expected = np.zeros((100, 100), dtype=bool)
    expected[30:50, 40:60] = True
    assert (mask == expected).all()
    # The image after a touch is the image before the next one: nothing has changed since.
    mask, successful, *_ = supervision.judge(seen(room(None)), 40, 50)
    assert not mask.any() and not successful
    # It comes back: changed again, and far from the touched cell: not successful.
    mask, successful, *_ = supervision.judge(seen(room((90, 120))), 80, 80)
    assert mask.any() and not successful


def test_without_superpixels_the_mask_is_what_changed() -> None:
    moved = room((90, 150))
    plain, successful, *_ = SelfSupervision(room((90, 120)), replace(CONFIG, superpixels=False)).judge(
        seen(moved), 40, 45
    )
    assert successful
    expected = np.zeros((100, 100), dtype=bool)
    expected[30:50, 40:50] = expected[30:50, 60:70] = True  # the strips it left and entered
    assert (plain == expected).all()
    # Half of the box's superpixel has changed, so all of it joins; too little of the wall's has.
    joined, successful, *_ = SelfSupervision(room((90, 120)), CONFIG).judge(seen(moved), 40, 45)
    assert successful
    expected[:] = False
    expected[30:50, 40:60] = True
    assert (joined == expected).all()


@pytest.mark.parametrize(
    ("name", "threshold", "successful"),
    [
        ("paper", 1.5, True),
        ("paper", 2.0, False),
        ("box", 4.0, True),
        ("box", 4.1, False),
        ("delta", 1.0, True),
        ("gaussian", 3.0, True),
    ],
)
def test_success_threshold(name: str, threshold: float, successful: bool) -> None:
    # In the mask's corner a quarter of the kernel counts: 1.92, 4, 1, 3.03.
    config = replace(CONFIG, kernel=name, success_threshold=threshold)
    assert SelfSupervision(room((90, 120)), config).judge(seen(room(None)), 30, 40).successful == successful


@pytest.mark.parametrize(
    ("threshold", "strictly", "successful"), [(4.0, False, True), (4.0, True, False), (3.9, True, True)]
)
def test_a_sum_that_equals_the_threshold(threshold: float, strictly: bool, successful: bool) -> None:
    # Four cells of the box kernel, of weight 1 each.
    config = replace(CONFIG, kernel="box", success_threshold=threshold, success_strictly_above=strictly)
    assert SelfSupervision(room((90, 120)), config).judge(seen(room(None)), 30, 40).successful == successful


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"change_threshold": 0.0}, "change_threshold"),
        ({"superpixel_fraction": 1.0}, "superpixel_fraction"),
        ({"superpixel_sigma": -1.0}, "superpixel_sigma"),
        ({"superpixel_min_size": 0}, "superpixel_min_size"),
        ({"kernel": "wide"}, "kernel"),
        # One cell of weight 1 never sums to 1.5.
        ({"kernel": "delta"}, "success_threshold"),
        ({"kernel": "delta", "success_threshold": 1.0, "success_strictly_above": True}, "success_threshold"),
    ],
)
def test_settings_are_checked(changes: dict, field: str) -> None:
    with pytest.raises(ValueError, match=f"actors.self_supervision.{field} must"):
        replace(CONFIG, **changes)

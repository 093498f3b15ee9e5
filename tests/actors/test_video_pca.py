"""VideoPCA on synthetic motion with known masks, and its parts against values worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.interaction.config import VideoPcaConfig
from actors.interaction.video_pca import (
    VideoPca,
    bell_around,
    color_bins,
    foreground_probability,
    hard_mask,
    reconstruction_error,
    soft_mask,
)

CONFIG = VideoPcaConfig(
    frame_seconds=0.04,
    most_frames=30,
    components=4,
    smoothing=0.7,
    error_share=0.2,
    least_error=1e-4,
    color_levels=16,
    bell_extent=2.0,
    soft_threshold=0.5,
)


def room(top: int, left: int, height: int = 20, width: int = 20) -> np.ndarray:
    """(300, 300, 3) grey wall with a red box; place and size in cells."""
    image = np.full((300, 300, 3), 120, dtype=np.uint8)
    image[3 * top : 3 * (top + height), 3 * left : 3 * (left + width)] = 200, 30, 30
    return image


def box(top: int, left: int, height: int = 20, width: int = 20) -> np.ndarray:
    """(100, 100) the cells of that box."""
    mask = np.zeros((100, 100), dtype=bool)
    mask[top : top + height, left : left + width] = True
    return mask


def touched(video: VideoPca, frames: list[np.ndarray]) -> np.ndarray:
    """The changed cells of a touch with these frames; the last one is the observation after it."""
    for frame in frames[:-1]:
        video.watch(frame)
    return video.after(frames[-1])


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_reconstruction_by_hand() -> None:
    # Two pixels over four frames: patterns of size 3 and 1 that have nothing in common.
    frames = np.array([[3, 1], [-3, 1], [3, -1], [-3, -1]], dtype=np.float32).reshape(4, 1, 2, 1) + 5
    np.testing.assert_allclose(reconstruction_error(frames, 1)[:, 0], [[0, 1]] * 4, atol=1e-5)
    np.testing.assert_allclose(reconstruction_error(frames, 2), 0, atol=1e-5)
    np.testing.assert_allclose(reconstruction_error(frames, 9), 0, atol=1e-5)
    np.testing.assert_allclose(reconstruction_error(frames, 0)[:, 0], [[9, 1]] * 4, atol=1e-5)


@settings(max_examples=25)
@given(st.integers(1, 12), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_reconstruction_error_is_what_later_components_hold(count: int, components: int, seed: int) -> None:
    frames = np.random.default_rng(seed).random((count, 5, 4, 3)).astype(np.float32)
    error = reconstruction_error(frames, components)
    assert error.shape == (count, 5, 4) and (error >= 0).all()
    flat = frames.reshape(count, -1).astype(np.float64)
    singular = np.linalg.svd(flat - flat.mean(axis=0), compute_uv=False)
    assert error.sum() == pytest.approx(np.square(singular[components:]).sum(), rel=1e-3, abs=1e-6)


def test_colors_by_hand() -> None:
    image = np.array([[[0, 15, 16], [255, 0, 32]]], dtype=np.uint8)
    assert color_bins(image, 16).tolist() == [[1, 15 * 256 + 2]]
    # Inside: twice colour 0, twice colour 1; outside: four times each of colours 1 and 2.
    bins = np.array([[0, 0, 1, 1], [1, 1, 1, 1], [2, 2, 2, 2]])
    inside = np.zeros((3, 4), dtype=bool)
    inside[0] = True
    expected = np.array([[1, 1, 0.5, 0.5], [0.5] * 4, [0] * 4])
    np.testing.assert_allclose(foreground_probability(bins, inside, 3), expected, atol=1e-6)
    # A colour of a quarter of the inside and an eighth of the outside.
    bins = np.array([[0, 1, 1, 1], [0, 2, 2, 2], [2, 2, 2, 2]])
    assert foreground_probability(bins, inside, 3)[1, 0] == pytest.approx(2 / 3, abs=1e-6)


def test_bell_by_hand() -> None:
    mask = np.zeros((40, 40), dtype=bool)
    mask[9:12, 20] = True  # rows 9, 10, 11: mean 10, variance 2/3; one column: variance 0
    bell = bell_around(mask, extent=2.0, min_variance=1.0)
    assert bell[10, 20] == pytest.approx(1)
    assert bell[14, 20] == pytest.approx(np.exp(-0.5 * 16 / (5 / 3) / 4), rel=1e-5)
    assert bell[10, 23] == pytest.approx(np.exp(-0.5 * 9 / 1 / 4), rel=1e-5)


def test_a_box_that_slides() -> None:
    frames = [room(30, 20 + step) for step in range(0, 36, 3)]
    video = VideoPca(frames[0], CONFIG)
    changed = touched(video, frames[1:])
    assert iou(changed, box(30, 20)) > 0.9
    soft = video.soft_mask()
    assert soft[40, 30] > 0.9 and soft[40, 90] < 0.01 and soft[80, 30] < 0.01
    # Where the box lands is not foreground of the image before: the colours there are the wall's.
    assert not changed[30:50, 53:].any()


@pytest.mark.parametrize("moving", [1, 2, 3, 4, 5])
def test_a_motion_of_few_frames(moving: int) -> None:
    # With the observations before and after, three frames of motion are rebuilt exactly from four components.
    frames = [room(30, 10 + 22 * step // moving) for step in range(moving + 2)]
    assert iou(touched(VideoPca(frames[0], CONFIG), frames[1:]), box(30, 10)) > 0.9


@pytest.mark.parametrize("moving", [1, 2, 3, 4, 5])
def test_an_object_that_jumps_within_one_frame(moving: int) -> None:
    # All frames after the touch are alike: one component rebuilds everything.
    frames = [room(30, 10)] + [room(30, 50)] * (moving + 1)
    assert iou(touched(VideoPca(frames[0], CONFIG), frames[1:]), box(30, 10)) > 0.9


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_films_of_few_frames_by_hand(count: int) -> None:
    # A box that is at another place in each frame. In the first frame's place the error of the mean is
    # ((n - 1) / n)^2 of the squared difference of the colours, in the others' 1 / n^2: a share of 1, 1/4, 1/9, 1/16.
    frames = [room(30, 19 * step, width=19) for step in range(count)]
    film = np.stack([frame[::3, ::3] for frame in frames]).astype(np.float32) / np.float32(255)
    mask = hard_mask(film, replace(CONFIG, smoothing=0.1))
    boxes = {1: 0, 2: 2, 3: 3, 4: 1, 5: 1}[count]  # of a share above a fifth; a single frame shows no motion
    assert (mask == box(30, 0, width=19 * boxes)).all()


def test_soft_masks_of_a_location_add_up_and_are_clipped() -> None:
    def both(one: int, other: int) -> np.ndarray:
        return np.where(box(10, one)[..., None].repeat(3, 0).repeat(3, 1), room(10, one), room(60, other))

    there = [both(10 + 3 * step, 20) for step in range(12)]
    then = [both(43, 20 + 3 * step) for step in range(12)]
    video = VideoPca(there[0], CONFIG)
    assert not video.soft_mask().any()
    assert iou(touched(video, there[1:]), box(10, 10)) > 0.7
    first = video.soft_mask().copy()
    # Nothing begins to move: no frames, no change.
    assert not video.after(then[0]).any() and (video.soft_mask() == first).all()
    assert iou(touched(video, then[1:]), box(60, 20)) > 0.7
    together = video.soft_mask()
    assert (together >= first).all() and together[70, 30] > 0.8 and together[20, 20] > 0.8
    # The same motion twice: twice the mask, at most 1.
    twice = VideoPca(there[0], CONFIG)
    touched(twice, there[1:])
    twice.after(there[0])
    touched(twice, there[1:])
    np.testing.assert_allclose(twice.soft_mask(), np.minimum(2 * first, 1), atol=1e-6)


@settings(max_examples=15)
@given(
    st.integers(0, 60), st.integers(0, 60), st.integers(8, 25), st.integers(8, 25),
    st.sampled_from([-2, -1, 1, 2]), st.sampled_from([-2, -1, 0, 1, 2]),
)  # fmt: skip
def test_any_sliding_box_is_found(top: int, left: int, height: int, width: int, down: int, right: int) -> None:
    frames = [room(max(0, top + 15 + down * t), max(0, left + 15 + right * t), height, width) for t in range(12)]
    video = VideoPca(frames[0], CONFIG)
    changed = touched(video, frames[1:])
    truth = box(top + 15, left + 15, height, width)
    soft = video.soft_mask()
    assert soft.dtype == np.float32 and soft.min() >= 0 and soft.max() <= 1
    # Only the box and the cells next to it, which smoothing reaches.
    near = np.zeros_like(truth)
    near[max(0, top + 13) : top + 17 + height, max(0, left + 13) : left + 17 + width] = True
    assert changed.any() and not (changed & ~near).any()


def test_without_motion_there_is_no_mask() -> None:
    still = np.repeat(room(30, 20)[None, ::3, ::3] / np.float32(255), 8, axis=0)
    assert not hard_mask(still.astype(np.float32), CONFIG).any()
    assert not soft_mask(room(30, 20), np.zeros((100, 100), dtype=bool), CONFIG).any()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"frame_seconds": 0.06}, "actors.video_pca.frame_seconds must be greater than 0 and at most 0.05"),
        ({"components": 0}, "actors.video_pca.components must be at least 1"),
        ({"most_frames": 3}, "actors.video_pca.most_frames must be at least actors.video_pca.components"),
        ({"color_levels": 1}, "actors.video_pca.color_levels must be 2 to 64"),
        ({"smoothing": 0.0}, "actors.video_pca.smoothing must be greater than 0"),
        ({"least_error": 0.0}, "actors.video_pca.least_error must be greater than 0"),
        ({"bell_extent": -1.0}, "actors.video_pca.bell_extent must be greater than 0"),
        ({"error_share": 1.0}, "actors.video_pca.error_share must be between 0 and 1"),
        ({"soft_threshold": 0.0}, "actors.video_pca.soft_threshold must be between 0 and 1"),
    ],
)
def test_settings_are_checked(changes: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(CONFIG, **changes)

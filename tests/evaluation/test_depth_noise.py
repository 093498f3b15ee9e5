"""Noise in the depth of test images."""

from __future__ import annotations

import numpy as np

from evaluation.interaction.evaluate import Observations, with_depth_noise


def observations(depth: float) -> Observations:
    return Observations(np.zeros((3, 300, 300, 3), np.uint8), np.full((3, 300, 300), depth, np.float16))


def test_noise_has_the_wanted_deviation_and_is_the_same_for_all_models() -> None:
    given = observations(1.0)
    noisy, again = with_depth_noise(given, 0.02), with_depth_noise(given, 0.02)
    error = noisy.depths.astype(np.float64) - 1.0
    assert noisy.depths.dtype == np.float16 and abs(error.mean()) < 2e-4
    assert abs(error.std() - 0.02) < 2e-4
    assert np.array_equal(noisy.depths, again.depths) and not np.array_equal(noisy.depths[0], noisy.depths[1])
    assert np.all(given.depths == 1.0)  # the stored observations stay as they were
    assert noisy.images is given.images


def test_no_noise_changes_nothing_and_depth_is_never_negative() -> None:
    given = observations(0.0)
    assert with_depth_noise(given, 0.0) is given
    assert with_depth_noise(given, 0.02).depths.min() == 0
    far = Observations(given.images, np.full((3, 300, 300), np.inf, np.float16))
    assert np.isinf(with_depth_noise(far, 0.02).depths).all()

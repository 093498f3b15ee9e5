"""The intervals of the benchmark of masks, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.masks import half_width, median_interval


def test_wilsons_interval_by_hand() -> None:
    # 9 of 10: 1.96 sqrt(0.09 / 10 + 1.96^2 / 400) / (1 + 1.96^2 / 10) = 0.193, and the same for 1 of 10.
    assert half_width([True] * 9 + [False]) == half_width([False] * 9 + [True]) == 0.193
    # Of a share of 1 the interval still has a width: 1.96^2 / (2 * 10) / (1 + 1.96^2 / 10).
    assert half_width([True] * 10) == pytest.approx(0.1388, abs=1e-3)


def test_the_interval_of_a_median() -> None:
    assert median_interval(np.full(9, 0.25)) == (0.25, 0.25)
    # The median of n uniform numbers varies by 1 / (2 sqrt(n)).
    low, high = median_interval(np.random.default_rng(1).random(2500))
    assert 0.46 < low < 0.5 < high < 0.54 and high - low == pytest.approx(2 * 1.96 * 0.01, rel=0.3)

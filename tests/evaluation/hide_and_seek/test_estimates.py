"""Bootstrap intervals, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evaluation.hide_and_seek.estimates import bootstrap, paired_ratio


def test_groups_are_resampled_whole() -> None:
    values = np.array([1.0, 1.0, 1.0, 0.0])
    found = bootstrap(lambda at: float(values[at].mean()), [0, 0, 0, 1], 4)
    # Both groups: 3/4; twice the first: 1; twice the second: 0.
    assert (found.value, found.low, found.high, found.n) == (0.75, 0.0, 1.0, 4)
    alone = bootstrap(lambda at: float(values[at].mean()), [7, 7, 7, 7], 4)
    assert (alone.low, alone.high) == (None, None)


def test_a_statistic_that_often_has_no_value_has_no_interval() -> None:
    found = bootstrap(lambda at: 1.0 if len(set(at.tolist())) == 2 else math.nan, [0, 1], 2)
    assert (found.value, found.low, found.high) == (1.0, None, None)


def test_paired_ratio_by_hand() -> None:
    found = paired_ratio([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    # Each pair has the ratio 2, so every resample has it; unpaired resamples would not.
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))
    assert paired_ratio([1.0], [0.0]) is None
    with pytest.raises(ValueError, match="same episodes"):
        paired_ratio([1.0], [1.0, 2.0])

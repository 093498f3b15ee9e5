"""Metrics against values worked by hand, and intervals against tables and scipy's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from actors.hide_and_seek.locations import Location
from actors.hide_and_seek.metrics import (
    Estimate,
    bfs_share,
    classify,
    coverage,
    coverage_plus,
    estimate_mean,
    estimate_ratio,
    estimate_share,
    open_share,
    visible_share,
)

ROTATIONS = (0, 90, 180, 270)


def everywhere(places: Sequence[tuple[int, int]]) -> set[Location]:
    return {Location(x, z, turn, standing) for x, z in places for turn in ROTATIONS for standing in (False, True)}


def test_coverage_ignores_rotation_and_keeps_posture() -> None:
    feasible = everywhere([(0, 0), (0, 1)])  # 2 places in 2 postures
    visited = {Location(0, 0, 0, True), Location(0, 0, 90, True), Location(0, 0, 90, False)}
    assert coverage(visited, feasible) == 2 / 4
    assert coverage(set(), feasible) == 0
    assert coverage(feasible, feasible) == 1


def test_coverage_plus_counts_what_is_feasible() -> None:
    feasible = everywhere([(0, 0), (0, 1), (1, 1)])
    # (0, 1) is feasible with another rotation; (-1, 1) is not; (1, 1) is feasible.
    extrapolated = [Location(0, 1, 0, True), Location(-1, 1, 0, True), Location(1, 1, 0, True)]
    assert coverage_plus(extrapolated, feasible) == 2 / 6
    assert coverage(extrapolated, feasible) == 3 / 6
    assert coverage_plus(iter(extrapolated), feasible) == 2 / 6


def test_a_room_without_feasible_locations_is_refused() -> None:
    for share in (coverage, coverage_plus):
        with pytest.raises(ValueError, match="feasible must hold at least one location"):
            share([Location(0, 0, 0, True)], [])


def test_open_share() -> None:
    assert open_share({"Fridge|1"}, ["Fridge|1", "Drawer|1", "Drawer|2"]) == 1 / 3
    assert open_share(["Fridge|1", "Fridge|1"], ["Fridge|1", "Drawer|1"]) == 1 / 2
    assert open_share([], []) == 0
    with pytest.raises(ValueError, match="opened objects must be openable, which Bread is not"):
        open_share(["Bread"], ["Fridge|1"])


def test_shares_of_a_hiding_place() -> None:
    assert visible_share(3, 24) == 1 / 8 and visible_share(0, 24) == 0 and visible_share(24, 24) == 1
    assert bfs_share(2, 8) == 1 / 4 and bfs_share(8, 8) == 1
    with pytest.raises(ValueError, match="visible_from must be in 0 to the total.*not 25 of 24"):
        visible_share(25, 24)
    with pytest.raises(ValueError, match="steps must be in 0 to the total.*not 0 of 0"):
        bfs_share(0, 0)
    with pytest.raises(ValueError, match="not -1 of 3"):
        bfs_share(-1, 3)


def letters(shares: Sequence[float]) -> str:
    """First letters of the difficulties."""
    return "".join(difficulty[0] for difficulty in classify(shares))


def test_difficulty_of_twenty_places() -> None:
    # Ranks: 5 % of 20 is the lowest, 20 % are the lowest four.
    assert letters([number / 200 for number in range(20)]) == "h" + "mmm" + "e" * 16
    # The same in another order.
    assert letters([number / 200 for number in range(19, -1, -1)]) == "e" * 16 + "mmm" + "h"
    # One place more: 1.05 and 4.2 are rounded up.
    assert letters([number / 200 for number in range(21)]) == "hh" + "mmm" + "e" * 16


def test_medium_ends_at_15_percent() -> None:
    shares = [0.10, 0.14, 0.15, 0.16, *[0.9] * 16]
    assert letters(shares) == "h" + "mm" + "e" * 17
    # Hard places have no such limit.
    assert letters([0.5, 0.6, 0.7, 0.8, *[0.9] * 16]) == "h" + "e" * 19


def test_equal_shares_are_equally_hard() -> None:
    assert letters([0.0] * 3 + [0.01 * number for number in range(1, 18)]) == "hhh" + "m" + "e" * 16
    assert letters([0.0] * 5 + [0.01] * 15) == "hhhhh" + "e" * 15
    # The 20th percentile is the fourth place; the fifth and sixth equal it.
    assert letters([0.0, 0.05, 0.06, *[0.07] * 3, *[0.08] * 14]) == "h" + "m" * 5 + "e" * 14


def test_few_places() -> None:
    assert classify([]) == []
    assert letters([0.9]) == "h"
    assert letters([0.2, 0.1]) == "eh"
    assert letters([0.1, 0.1]) == "hh"
    # 20 % of 6 is 1.2: the second is medium.
    assert letters([0.10, 0.11, 0.12, 0.13, 0.14, 0.15]) == "hmeeee"
    assert classify(np.array([0.1]))[0] == "hard"


def test_bad_shares_are_refused() -> None:
    for bad in (1.1, -0.1, float("nan")):
        with pytest.raises(ValueError, match=r"shares must be in \[0, 1\]"):
            classify([0.1, bad])
    with pytest.raises(ValueError, match="shares must have one dimension, not 2"):
        classify([[0.1]])


@settings(max_examples=50)
@given(st.lists(st.integers(0, 20).map(lambda number: number / 20), min_size=1, max_size=60))
def test_harder_places_are_seen_from_fewer_locations(shares: list[float]) -> None:
    order = {"hard": 0, "medium": 1, "easy": 2}
    found = classify(shares)
    ranks = [order[found[number]] for number in np.argsort(shares)]
    assert ranks == sorted(ranks)
    # At least 5 % are hard, and fewer than 5 % are harder than the easiest hard place.
    hardest = [share for share, difficulty in zip(shares, found, strict=True) if difficulty == "hard"]
    assert 20 * len(hardest) >= len(shares)
    assert 20 * sum(share < max(hardest) for share in shares) < len(shares)


def test_wilsons_interval_by_hand() -> None:
    # 44 of 100: centre (0.44 + 3.8415/200) / 1.038415 = 0.44222, reach 1.96 sqrt(0.002464 + 0.000096) / 1.038415.
    found = estimate_share(44, 100)
    assert (found.value, found.n) == (0.44, 100)
    assert found.low == pytest.approx(0.34672, abs=1e-5) and found.high == pytest.approx(0.53772, abs=1e-5)


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 20), (20, 20), (1, 20), (7, 9), (640, 1000)])
def test_wilsons_interval_against_scipy(successes: int, n: int) -> None:
    found = estimate_share(successes, n)
    expected = stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert found.low is not None and found.high is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="successes must be in 0 to the total.*not 0 of 0"):
        estimate_share(0, 0)


def test_mean_by_hand() -> None:
    # 1, 2, 3, 4, 5: deviation sqrt(2.5); t of 4 degrees of freedom 2.776445.
    reach = 2.776445 * np.sqrt(2.5) / np.sqrt(5)
    found = estimate_mean([1, 2, 3, 4, 5])
    assert (found.value, found.n) == (3, 5)
    assert (found.low, found.high) == pytest.approx((3 - reach, 3 + reach), abs=1e-6)
    assert estimate_mean([7, 7, 7]) == Estimate(7, 7, 7, 3)
    assert estimate_mean([7]) == Estimate(7, None, None, 1)
    with pytest.raises(ValueError, match="at least one value"):
        estimate_mean([])


def test_a_ratio_of_groups_by_hand() -> None:
    """Two groups: a resample is one of (1, 1), (1, 0), (0, 0), so the ends are the groups' own shares."""
    found = estimate_ratio([8, 0], [8, 2])
    assert (found.value, found.low, found.high, found.n) == (0.8, 0.0, 1.0, 10)
    assert estimate_ratio([1, 0], [2, 0]) == Estimate(0.5, None, None, 2)


def test_trials_that_all_miss_still_have_an_interval() -> None:
    """Wilson's upper end for 0 of 10 games is z^2 / (10 + z^2) = 3.8415 / 13.8415."""
    found = estimate_ratio([0] * 10, [12] * 10)
    assert (found.value, found.low, found.n) == (0.0, 0.0, 120)
    assert found.high == pytest.approx(0.27753, abs=1e-5)


def test_trials_that_go_together_make_the_interval_wider() -> None:
    """Ten games whose attempts all hit or all miss tell less than a hundred attempts on their own."""
    together = estimate_ratio([10, 0] * 5, [10] * 10)
    alone = estimate_share(50, 100)
    assert None not in (together.low, together.high, alone.low, alone.high)
    assert together.high - together.low > 2 * (alone.high - alone.low)  # type: ignore[operator]


@pytest.mark.parametrize(("parts", "wholes"), [([], []), ([0], [0]), ([3, 0], [2, 5])])
def test_impossible_ratios_are_refused(parts: list[int], wholes: list[int]) -> None:
    with pytest.raises(ValueError, match="parts"):
        estimate_ratio(parts, wholes)

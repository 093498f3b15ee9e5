"""Eq. 7 and its variants by hand; sampling against exact probabilities of sequential draws."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from replay.config import MODES
from replay.interaction.priorities import OFFSET, PRIORITY_MODES, priority_from_score
from replay.selectors import sample_without_replacement


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        # scores             0      0.25     0.5    1
        ("priority", [0.27, 0.0825, 0.02, 0.27]),
        ("low_iou", [0.27, 0.160625, 0.0825, 0.02]),
        ("high_iou", [0.02, 0.035625, 0.0825, 0.27]),
        ("uniform", [1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_priorities_by_hand(mode: str, expected: list[float]) -> None:
    np.testing.assert_allclose(priority_from_score([0.0, 0.25, 0.5, 1.0], mode), expected, rtol=1e-15)


def test_eq_7_is_the_default_and_float32_scores_become_float64() -> None:
    result = priority_from_score(np.array([[0.5, 1.0]], dtype=np.float32))
    assert result.dtype == np.float64 and result.shape == (1, 2)
    np.testing.assert_allclose(result, [[0.02, 0.27]])
    assert float(priority_from_score(0.9)) == pytest.approx(0.18)


@given(st.sampled_from(sorted(PRIORITY_MODES)), st.floats(0, 1), st.floats(0, 1))
def test_variants_rise_and_fall_as_they_say_and_never_shut_a_record_out(mode: str, a: float, b: float) -> None:
    low, high = priority_from_score([min(a, b), max(a, b)], mode)
    assert min(low, high) >= OFFSET
    if mode == "low_iou":
        assert low >= high
    elif mode == "high_iou":
        assert low <= high
    elif mode == "priority":
        assert (low <= high) == (abs(min(a, b) - 0.5) <= abs(max(a, b) - 0.5)) or low == pytest.approx(high)


@pytest.mark.parametrize("score", [-0.01, 1.01, float("nan")])
def test_a_score_that_is_no_iou_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match=r"scores must be IoUs in \[0, 1\], not"):
        priority_from_score([0.5, score])


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="replay.mode must be one of"):
        priority_from_score(0.5, "best")


def test_the_configuration_knows_every_mode() -> None:
    assert tuple(PRIORITY_MODES) == MODES


def sequence_probabilities(weights: list[float], count: int) -> dict[tuple[int, ...], float]:
    """Probability of each ordered outcome when one index after another is drawn from the weights that are left."""
    result = {}
    for outcome in permutations(range(len(weights)), count):
        probability, left = 1.0, sum(weights)
        for index in outcome:
            probability *= weights[index] / left
            left -= weights[index]
        result[outcome] = probability
    return result


def test_the_enumeration_itself_by_hand() -> None:
    # weights 1, 2, 3: first 0 then 1 has probability 1/6 * 2/5
    assert sequence_probabilities([1, 2, 3], 2)[(0, 1)] == pytest.approx(1 / 15)
    assert sum(sequence_probabilities([1, 2, 3, 5], 3).values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("weights", "count", "chi_square_999"),
    [
        ([0.02, 0.27, 0.5, 0.1], 2, 31.26),  # 12 ordered outcomes, 11 degrees of freedom
        ([1.0, 1.0, 1.0], 3, 20.52),  # 6 outcomes, 5 degrees
        ([0.5, 0.02, 0.02, 0.27, 0.03], 2, 43.82),  # 20 outcomes, 19 degrees
    ],
)
def test_ordered_draws_follow_the_exact_distribution(weights: list[float], count: int, chi_square_999: float) -> None:
    generator = np.random.default_rng(3)
    draws = 20_000
    seen: dict[tuple[int, ...], int] = {}
    for _ in range(draws):
        outcome = tuple(sample_without_replacement(np.array(weights), count, generator).tolist())
        seen[outcome] = seen.get(outcome, 0) + 1
    expected = sequence_probabilities(weights, count)
    assert seen.keys() <= expected.keys()
    chi_square = sum((seen.get(o, 0) - draws * p) ** 2 / (draws * p) for o, p in expected.items())
    assert chi_square < chi_square_999


def test_inclusion_probabilities_of_a_larger_draw() -> None:
    weights = [0.5, 0.02, 0.27, 0.1, 0.08, 0.02, 0.2]
    expected = np.zeros(len(weights))
    for outcome, probability in sequence_probabilities(weights, 4).items():
        expected[list(outcome)] += probability
    assert expected.sum() == pytest.approx(4)
    generator = np.random.default_rng(11)
    draws = 20_000
    counts = np.zeros(len(weights))
    for _ in range(draws):
        counts[sample_without_replacement(np.array(weights), 4, generator)] += 1
    deviation = np.sqrt(expected * (1 - expected) / draws)
    assert np.all(np.abs(counts / draws - expected) < 4 * deviation)


@given(
    arrays(np.float64, st.integers(1, 40), elements=st.floats(1e-6, 1e6)),
    st.integers(0, 40),
    st.integers(0, 2**32),
)
def test_draws_are_different_indices_and_repeat_with_the_seed(weights: np.ndarray, count: int, seed: int) -> None:
    count = min(count, len(weights))
    drawn = sample_without_replacement(weights, count, np.random.default_rng(seed))
    assert drawn.dtype == np.int64 and drawn.shape == (count,)
    assert len(set(drawn.tolist())) == count and set(drawn.tolist()) <= set(range(len(weights)))
    again = sample_without_replacement(weights, count, np.random.default_rng(seed))
    assert np.array_equal(drawn, again)
    scaled = sample_without_replacement(weights * 4.0, count, np.random.default_rng(seed))
    assert np.array_equal(drawn, scaled), "only ratios of weights matter"


@pytest.mark.parametrize("count", [-1, 4])
def test_more_draws_than_records_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"cannot draw {count} different records from 3"):
        sample_without_replacement(np.ones(3), count, np.random.default_rng(0))

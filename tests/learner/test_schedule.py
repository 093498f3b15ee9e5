"""The schedule's numbers, worked by hand for the paper's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learner.schedule import (
    PhaseConfig,
    batches_before_round,
    batches_in_round,
    learning_rate,
    locations_before_round,
    round_of_batch,
    total_batches,
    total_locations,
)
from tests.learner.helpers import config

PHASES = config().phases
SEGMENTATION, JOINT = PHASES["segmentation"], PHASES["joint"]


def test_the_papers_numbers() -> None:
    assert [batches_in_round(SEGMENTATION, r) for r in (0, 29, 30, 59, 60, 899)] == [15, 15, 16, 16, 17, 44]
    # int(15 + 30 r / 900) is each of 15 ... 44 for 30 rounds: 30 * (15 + 44) * 30 / 2
    assert total_batches(SEGMENTATION) == 26_550  # "roughly 25k gradient steps"
    assert total_locations(SEGMENTATION) == 66_000  # "approximately 65k locations"
    # 15 ... 34, each for 45 rounds
    assert total_batches(JOINT) == 45 * 20 * (15 + 34) // 2
    assert locations_before_round(SEGMENTATION, 0) == 3070
    assert (SEGMENTATION.greedy, SEGMENTATION.random, JOINT.greedy, JOINT.random) == (10, 10, 5, 5)
    assert JOINT.force_head_only_rounds == 100 and JOINT.force_trials and JOINT.fresh_bank
    assert list(PHASES) == ["segmentation", "joint"]


@given(rounds=st.integers(1, 60), first=st.integers(0, 50), last=st.integers(0, 50))
def test_batches_are_linear_and_their_sums_consistent(rounds: int, first: int, last: int) -> None:
    phase = replace(SEGMENTATION, rounds=rounds, batches_first=first, batches_last=last)
    counts = [batches_in_round(phase, r) for r in range(rounds)]
    assert counts[0] == first
    for r, count in enumerate(counts):
        exact = first + (last - first) * r / rounds
        assert exact - 1 - 1e-9 < count <= exact + 1e-9
    starts = batches_before_round(phase)
    assert len(starts) == rounds + 1 and starts[-1] == total_batches(phase) == sum(counts)
    expected = [r for r, count in enumerate(counts) for _ in range(count)]
    assert [round_of_batch(phase, batch) for batch in range(len(expected))] == expected
    assert round_of_batch(phase, len(expected)) == rounds


def test_a_phase_without_rounds_is_left_out() -> None:
    phase = replace(SEGMENTATION, rounds=0)
    assert total_batches(phase) == 0 and total_locations(phase) == 0


def test_rounds_and_batches_that_do_not_exist() -> None:
    with pytest.raises(ValueError, match="phase segmentation has rounds 0 to 899, not 900"):
        batches_in_round(SEGMENTATION, 900)
    with pytest.raises(ValueError, match="batch must be 0 or more, not -1"):
        round_of_batch(SEGMENTATION, -1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rounds": -1}, "learner.phases.joint.rounds must be 0 or more, not -1"),
        ({"locations_per_round": 0}, "learner.phases.joint.locations_per_round must be at least 1, not 0"),
        ({"greedy": 0, "random": 0}, "learner.phases.joint.greedy and learner.phases.joint.random must not both be 0"),
        ({"force_head_only_rounds": 901}, r"force_head_only_rounds must be between 0 and rounds \(900\), not 901"),
        ({"force_trials": False}, "learner.phases.joint.force_head_only_rounds needs learner.phases.joint.force_tri"),
    ],
)
def test_bad_phases_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PhaseConfig(**{**vars(JOINT), **changes})


def test_learning_rates_by_hand() -> None:
    assert [learning_rate(1e-3, "constant", 0.5, p) for p in (0, 1)] == [1e-3, 1e-3]
    assert [learning_rate(1.0, "linear", 0.4, p) for p in (0, 0.6, 0.8, 1)] == pytest.approx([1, 1, 0.5, 0])
    # (1 - cos(pi * left)) / 2 with left = 1, 3/4, 1/2, 0
    expected = [1, (1 + 0.5**0.5) / 2, 0.5, 0]
    assert [learning_rate(1.0, "cosine", 0.4, p) for p in (0.6, 0.7, 0.8, 1)] == pytest.approx(expected)
    with pytest.raises(ValueError, match=r"progress must be in \[0, 1\], not 1.2"):
        learning_rate(1.0, "linear", 0.4, 1.2)
    with pytest.raises(ValueError, match="learner.lr_schedule must be constant, linear or cosine, not 'step'"):
        learning_rate(1.0, "step", 0.4, 0.5)

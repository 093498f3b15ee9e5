"""The schedule's numbers, worked by hand for the paper's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learner.interaction.schedule import (
    PhaseConfig,
    batches_before_round,
    batches_in_round,
    learning_rate,
    total_batches,
    total_locations,
)
from tests.learner.helpers import config

PHASES = config().phases
SEGMENTATION, JOINT = PHASES["segmentation"], PHASES["joint"]


def test_the_papers_numbers() -> None:
    # K = 15 + 30 r / 899: 15.467 at r = 14, 15.501 at r = 15, 44.499 at r = 884, 44.533 at r = 885
    assert [batches_in_round(SEGMENTATION, r) for r in (0, 14, 15, 884, 885, 899)] == [15, 15, 16, 44, 45, 45]
    # No K is halfway between two numbers (60 r = 899 (2 k + 1) has an even and an odd side), so rounds r and 899 - r
    # have 15 + 45 = 60 batches together: 450 pairs.
    assert total_batches(SEGMENTATION) == 27_000  # "roughly 25k gradient steps"
    assert total_locations(SEGMENTATION) == 66_000  # "approximately 65k locations"
    assert (batches_in_round(JOINT, 0), batches_in_round(JOINT, 899)) == (15, 35)
    assert total_batches(JOINT) == 450 * (15 + 35)  # 22 500
    assert (SEGMENTATION.greedy, SEGMENTATION.random, JOINT.greedy, JOINT.random) == (10, 10, 5, 5)
    assert JOINT.force_head_only_rounds == 0 and JOINT.force_trials and JOINT.fresh_bank
    assert list(PHASES) == ["segmentation", "joint"]


def test_short_schedules_by_hand() -> None:
    def schedule(rounds: int, first: int, last: int) -> list[int]:
        phase = replace(SEGMENTATION, rounds=rounds, batches_first=first, batches_last=last)
        return [batches_in_round(phase, r) for r in range(rounds)]

    assert schedule(1, 3, 9) == [3]
    assert schedule(2, 3, 9) == [3, 9]
    assert schedule(4, 0, 5) == [0, 2, 3, 5]  # 1.67 and 3.33
    assert schedule(3, 1, 4) == [1, 3, 4]  # 2.5: halves go up
    assert schedule(4, 5, 0) == [5, 3, 2, 0]


@given(rounds=st.integers(1, 60), first=st.integers(0, 50), last=st.integers(0, 50))
def test_batches_are_linear_and_their_sums_consistent(rounds: int, first: int, last: int) -> None:
    phase = replace(SEGMENTATION, rounds=rounds, batches_first=first, batches_last=last)
    counts = [batches_in_round(phase, r) for r in range(rounds)]
    assert counts[0] == first and (rounds == 1 or counts[-1] == last)
    for r, count in enumerate(counts):
        assert abs(count - (first + (last - first) * r / max(1, rounds - 1))) <= 0.5 + 1e-9
    starts = batches_before_round(phase)
    assert len(starts) == rounds + 1 and starts[-1] == total_batches(phase) == sum(counts)


def test_a_phase_without_rounds_is_left_out() -> None:
    phase = replace(SEGMENTATION, rounds=0)
    assert total_batches(phase) == 0 and total_locations(phase) == 0


def test_rounds_that_do_not_exist() -> None:
    with pytest.raises(ValueError, match="phase segmentation has rounds 0 to 899, not 900"):
        batches_in_round(SEGMENTATION, 900)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rounds": -1}, "learner.phases.joint.rounds must be 0 or more, not -1"),
        ({"locations_per_round": 0}, "learner.phases.joint.locations_per_round must be at least 1, not 0"),
        ({"greedy": 0, "random": 0}, "learner.phases.joint.greedy and learner.phases.joint.random must not both be 0"),
        ({"force_head_only_rounds": 901}, r"force_head_only_rounds must be between 0 and rounds \(900\), not 901"),
        (
            {"force_trials": False, "force_head_only_rounds": 1},
            "learner.phases.joint.force_head_only_rounds needs learner.phases.joint.force_tri",
        ),
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

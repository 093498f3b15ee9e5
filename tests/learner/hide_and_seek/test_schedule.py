"""The schedule of hide and seek: the pattern of steps, and the limits that follow from it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learner.hide_and_seek.schedule import BatchSizes, MixConfig, PhaseConfig, pattern, phase_of, table_at

SIZES = BatchSizes(unrolls=4, triplets=64, memories=8, reuse=1)
PHASE = PhaseConfig(
    name="play", mix=MixConfig(0, 0, 0, 1), rounds=3, prefill=2, tasks_per_round=2, unrolls=10, triplets=32,
    memories=4, triplet_batches=2, memory_batches=1, hide_bonus=True, past_share=0.5, curriculum=0.0, minutes=None,
)  # fmt: skip
TABLES = ("unrolls", "triplets", "memories")


def test_a_pattern_by_hand() -> None:
    # Due at 0.1, 0.3, 0.5, 0.7, 0.9 (unrolls), 0.25, 0.75 (triplets) and 0.5 (memories).
    u, t, m = TABLES
    assert pattern(PHASE, SIZES) == (u, t, u, u, m, u, t, u)


def test_reuse_adds_steps() -> None:
    counts = Counter(pattern(PHASE, replace(SIZES, reuse=3)))
    assert counts == {"unrolls": 15, "triplets": 2, "memories": 1}


def test_unrolls_that_make_no_whole_batches_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unrolls x tasks_per_round x learner\.unroll_reuse = 20, must be a multiple"):
        pattern(PHASE, replace(SIZES, unrolls=8))


@given(first=st.integers(0, 10_000), rounds=st.integers(1, 5))
def test_whole_rounds_take_as_many_batches_wherever_they_begin(first: int, rounds: int) -> None:
    steps = pattern(PHASE, SIZES)
    taken = Counter(table_at(step, steps) for step in range(first, first + rounds * len(steps)))
    assert taken == {"unrolls": 5 * rounds, "triplets": 2 * rounds, "memories": rounds}


def test_the_phase_of_the_coordinator() -> None:
    found = phase_of(PHASE, SIZES, TABLES)
    assert (found.prefill, found.tasks_per_round, found.batches) == (2, 2, (8, 8, 8))
    unrolls = found.limits["unrolls"]
    assert (unrolls.prefill, unrolls.records_per_round, unrolls.batches_per_round) == (20, 20, (5, 5, 5))
    memories = found.limits["memories"]
    assert (memories.prefill, memories.records_per_round, memories.batches_per_round) == (8, 8, (1, 1, 1))
    assert found.player_orders["unrolls_per_task"] == 10


def test_a_table_without_records_takes_no_part() -> None:
    skills = replace(PHASE, mix=MixConfig(1, 1, 1, 0), memories=0, memory_batches=0)
    assert set(phase_of(skills, SIZES, TABLES).limits) == {"unrolls", "triplets"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rounds": -1}, r"learner\.phases\.play\.rounds must be 0 or more, not -1"),
        ({"unrolls": 0}, r"learner\.phases\.play\.unrolls must be at least 1"),
        ({"minutes": 0.0}, r"learner\.phases\.play\.minutes must be null or above 0"),
        ({"memories": 0}, r"learner\.phases\.play\.memories must be at least 1, because the phase learns from them"),
        ({"mix": MixConfig(1, 0, 0, 1)}, "memories needs a mix of whole games only"),
        ({"mix": MixConfig(0, 0, 0, 0), "memories": 0, "memory_batches": 0}, "mix must give a weight above 0"),
    ],
)
def test_impossible_phases_are_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(PHASE, **change)  # type: ignore[arg-type]

"""The limiter against a model in fractions, sequences worked by hand, and the refusal of every deadlock."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from replay.limiter import Phase, RateLimiter


def make(phase: Phase, ahead: tuple[int, int] = (1, 1), **changes: Any) -> RateLimiter:
    values = {"capacity": 100, "present": 0, "strict": False, "records_ahead": ahead[0], "batches_ahead": ahead[1]}
    return RateLimiter(phase, **{**values, **changes})


class Model:
    """The rate limiter's formulas in exact fractions, with C and its inverse written out."""

    def __init__(self, phase: Phase, strict: bool, records_ahead: int, batches_ahead: int) -> None:
        self.phase, self.strict = phase, strict
        self.records_ahead, self.batches_ahead = records_ahead, batches_ahead
        self.rounds_end = phase.records_per_round * len(phase.batches_per_round)

    def earned(self, n: int) -> Fraction:
        """C(n), record by record."""
        size = self.phase.records_per_round
        return sum((Fraction(self.phase.batches_per_round[i // size], size) for i in range(n)), Fraction(0))

    def inverse(self, sampled: int) -> Fraction:
        """The largest x with C(x) <= sampled; no end once everything is sampled."""
        size, x = self.phase.records_per_round, Fraction(0)
        left = Fraction(sampled)
        for batches in self.phase.batches_per_round:
            if batches > left:
                return x + left * size / batches
            x, left = x + size, left - batches
        return Fraction(10**9)

    def can_insert(self, inserted: int, sampled: int) -> bool:
        n = inserted - self.phase.prefill
        if n >= self.rounds_end:
            return False
        if n < 0:
            return True
        if self.strict:
            complete = n // self.phase.records_per_round
            return sampled >= sum(self.phase.batches_per_round[:complete])
        return n + 1 <= self.inverse(sampled) + self.records_ahead

    def can_sample(self, inserted: int, sampled: int) -> bool:
        n = inserted - self.phase.prefill
        if n < 0 or sampled >= self.phase.batches:
            return False
        if self.strict:
            complete = n // self.phase.records_per_round
            return sampled < sum(self.phase.batches_per_round[:complete])
        return sampled + 1 <= self.earned(n) + self.batches_ahead

    def deadlocks(self) -> bool:
        """Whether a state can be reached from which neither side may go on although the phase is not finished."""
        end = (self.phase.prefill + self.rounds_end, self.phase.batches)
        seen, border = {(0, 0)}, [(0, 0)]
        while border:
            state = border.pop()
            steps = []
            if self.can_insert(*state):
                steps.append((state[0] + 1, state[1]))
            if self.can_sample(*state):
                steps.append((state[0], state[1] + 1))
            if not steps and state != end:
                return True
            border += [step for step in steps if step not in seen]
            seen.update(steps)
        return False


phases = st.builds(
    Phase,
    prefill=st.integers(1, 4),
    records_per_round=st.integers(1, 4),
    batches_per_round=st.lists(st.integers(0, 5), min_size=1, max_size=4).map(tuple),
    batch_size=st.just(1),
)


def run(limiter: RateLimiter, prefer: str) -> str:
    """Plays to the end, taking the preferred side whenever it is allowed; I for a record, S for a batch."""
    trace = ""
    while not limiter.finished:
        for side in (prefer, "S" if prefer == "I" else "I"):
            if side == "I" and limiter.can_insert():
                limiter.inserted()
            elif side == "S" and limiter.can_sample():
                limiter.sampled()
            else:
                continue
            trace += side
            break
        else:
            pytest.fail(f"both sides are blocked after {trace}")
    return trace


HAND = Phase(prefill=4, records_per_round=2, batches_per_round=(1, 2), batch_size=4)


@pytest.mark.parametrize("prefer", ["I", "S"])
def test_strict_alternation_by_hand(prefer: str) -> None:
    # prefill, round 0 (2 records, 1 batch), round 1 (2 records, 2 batches); no freedom at any step
    assert run(make(HAND, strict=True), prefer) == "IIII" + "II" + "S" + "II" + "SS"


def test_overlap_by_hand_with_slacks_of_one() -> None:
    # C(0..4) = 0, 1/2, 1, 2, 3. A greedy learner: 1 batch at once (slack), then C + 1 rounded down.
    assert run(make(HAND), "S") == "IIII" + "S" + "II" + "S" + "I" + "S" + "I"
    # Greedy actors: record n + 1 needs C(n) <= s: the 1st needs 0, the 2nd 1/2, the 3rd 1, the 4th 2 batches.
    assert run(make(HAND), "I") == "IIII" + "I" + "S" + "II" + "S" + "I" + "S"


def test_overlap_by_hand_with_other_slacks() -> None:
    # 3 records ahead: record n + 1 needs C(n - 2) <= s, so 3 enter for nothing and the 4th needs 1/2 -> 1 batch.
    assert run(make(HAND, (3, 0)), "I") == "IIII" + "III" + "S" + "I" + "SS"
    # No batches ahead: the first batch comes when C reaches 1, after 2 records.
    assert run(make(HAND, (3, 0)), "S") == "IIII" + "II" + "S" + "I" + "S" + "I" + "S"


def test_the_paper_s_schedule_is_accepted() -> None:
    batches = tuple(np.linspace(15, 45, 900).round().astype(int))
    phase = Phase(3000, 70, batches, 64)
    assert phase.records == 66_000 and phase.batches == sum(batches)
    limiter = make(phase, (70, 8), capacity=20_000)
    limiter.inserted(3000)
    for _ in range(8):
        limiter.sampled()
    assert not limiter.can_sample() and limiter.can_insert()
    # batch 9 needs C = 1 record-worth: 15/70 a record, so 5 records
    limiter.inserted(4)
    assert not limiter.can_sample()
    limiter.inserted()
    assert limiter.can_sample()


@given(phases, st.booleans(), st.integers(0, 6), st.integers(0, 6))
@settings(max_examples=300, deadline=None)
def test_exactly_the_settings_that_deadlock_are_refused(
    phase: Phase, strict: bool, records_ahead: int, batches_ahead: int
) -> None:
    model = Model(phase, strict, records_ahead, batches_ahead)
    if model.deadlocks():
        with pytest.raises(ValueError, match="would block both sides after"):
            make(phase, (records_ahead, batches_ahead), strict=strict)
    else:
        limiter = make(phase, (records_ahead, batches_ahead), strict=strict)
        for prefer in "IS":
            limiter.set_state({"inserted": 0, "sampled": 0})
            run(limiter, prefer)


@given(phases, st.integers(1, 6), st.integers(1, 6), st.booleans())
def test_slacks_of_at_least_one_never_deadlock(phase: Phase, a: int, b: int, strict: bool) -> None:
    make(phase, (a, b), strict=strict)
    make(phase, (0, 0), strict=True)


@pytest.mark.parametrize(
    ("changes", "settings_changes", "sentence"),
    [
        ({"batch_size": 0}, {}, "the batch size must be at least 1, not 0"),
        ({"prefill": -1}, {}, "the prefill must be at least 0, not -1"),
        ({"records_per_round": -1}, {}, "a round's records must be at least 0, not -1"),
        ({"prefill": 0, "batches_per_round": ()}, {}, "a phase must have records to insert or batches to sample"),
        ({"batches_per_round": (3, -1)}, {}, "a round's batches must be at least 0, not -1"),
        (
            {"batch_size": 5},
            {},
            "the prefill must be at least 5, so that a batch of 5 can be sampled from 0 records present and 4 of the "
            "prefill",
        ),
        (
            {"prefill": 0},
            {"present": 3},
            "the prefill must be at least 1, so that a batch of 4 can be sampled from 3 records present and 0 of the "
            "prefill",
        ),
        (
            {"prefill": 12},
            {"capacity": 9},
            "replay.capacity must be at least 14, not 9: so many records come without a batch between them, and the "
            "first would be overwritten before any batch could hold them",
        ),
        (
            {"prefill": 1, "batch_size": 1, "batches_per_round": (1, 0, 0, 1, 1)},
            {"capacity": 5},
            "replay.capacity must be at least 6, not 5: so many records come without a batch between them, and the "
            "first would be overwritten before any batch could hold them",
        ),
        ({}, {"capacity": 3}, "replay.capacity must be at least 4 to hold a batch, not 3"),
        (
            {},
            {"records_ahead": 0, "batches_ahead": 0},
            "replay.locations_ahead=0 with replay.batches_ahead=0 would block both sides after 4 records and 0 "
            "batches: each should be at least 1",
        ),
        (
            # C(1) = 1/2: with one record ahead the next waits for batch 1, and batch 1 for the next record.
            {},
            {"records_ahead": 1, "batches_ahead": 0},
            "replay.locations_ahead=1 with replay.batches_ahead=0 would block both sides after 5 records and 0 "
            "batches: each should be at least 1",
        ),
    ],
)
def test_refusals(changes: dict[str, Any], settings_changes: dict[str, Any], sentence: str) -> None:
    values = {"prefill": 4, "records_per_round": 2, "batches_per_round": (1, 2), "batch_size": 4, **changes}
    with pytest.raises(ValueError) as error:
        make(Phase(**values), **settings_changes)
    assert str(error.value) == sentence


def test_a_kept_table_may_do_without_prefill() -> None:
    limiter = make(Phase(0, 2, (1, 2), 4), present=4)
    assert limiter.can_sample() and limiter.can_insert()


def test_a_phase_that_only_collects() -> None:
    assert run(make(Phase(2, 3, (0, 0), 1), strict=True), "S") == "I" * 8
    assert run(make(Phase(2, 3, (0, 0), 1)), "S") == "I" * 8
    # Also without rounds, however large a batch would be.
    for strict in (True, False):
        limiter = make(Phase(5, 0, (), 64), strict=strict)
        assert run(limiter, "S") == "I" * 5 and limiter.finished


@pytest.mark.parametrize("strict", [True, False])
def test_a_phase_that_only_samples(strict: bool) -> None:
    limiter = make(Phase(0, 0, (2, 3), 4), present=4, strict=strict)
    assert run(limiter, "I") == "S" * 5 and limiter.finished
    # With a prefill the batches begin when it is complete.
    assert run(make(Phase(4, 0, (2, 3), 4), strict=strict), "S") == "IIII" + "S" * 5
    with pytest.raises(ValueError, match="the prefill must be at least 1"):
        make(Phase(0, 0, (2, 3), 4), present=3, strict=strict)


def test_counting_against_the_rate_limit_is_an_error() -> None:
    limiter = make(HAND)
    with pytest.raises(RuntimeError, match="batch 0 was sampled against the rate limit"):
        limiter.sampled()
    limiter.inserted(5)
    with pytest.raises(RuntimeError, match="record 5 was inserted against the rate limit"):
        limiter.inserted()
    assert limiter.inserted_records == 5


def test_state_survives_json_and_wrong_states_are_refused() -> None:
    limiter = make(HAND)
    limiter.inserted(5)
    limiter.sampled()
    state = json.loads(json.dumps(limiter.get_state()))
    again = make(HAND)
    again.set_state(state)
    assert (again.inserted_records, again.sampled_batches) == (5, 1)
    for wrong in ({"inserted": 9, "sampled": 0}, {"inserted": 5, "sampled": 4}, {"inserted": 3, "sampled": 1}):
        with pytest.raises(ValueError, match="is not of this phase"):
            again.set_state(wrong)
    assert again.get_state() == state, "a refused state changes nothing"


@given(phases, st.integers(1, 3), st.integers(1, 3), st.data())
def test_a_state_under_other_slacks_never_blocks(phase: Phase, a: int, b: int, data: st.DataObject) -> None:
    loose = make(phase, (8, 8))
    for _ in range(data.draw(st.integers(0, 30))):
        if data.draw(st.booleans()) and loose.can_insert():
            loose.inserted()
        elif loose.can_sample():
            loose.sampled()
    tight = make(phase, (a, b))
    tight.set_state(loose.get_state())
    run(tight, data.draw(st.sampled_from("IS")))


class LimiterMachine(RuleBasedStateMachine):
    """Random operations: the limiter agrees with the model in every state, and one side can always go on."""

    @initialize(phase=phases, strict=st.booleans(), a=st.integers(1, 6), b=st.integers(1, 6))
    def start(self, phase: Phase, strict: bool, a: int, b: int) -> None:
        self.settings = (strict, a, b)
        self.phase = phase
        self.limiter = make(phase, (a, b), strict=strict)
        self.model = Model(phase, strict, a, b)
        self.inserted = self.sampled = 0

    @precondition(lambda self: self.limiter.can_insert())
    @rule()
    def insert(self) -> None:
        self.limiter.inserted()
        self.inserted += 1

    @precondition(lambda self: self.limiter.can_sample())
    @rule()
    def sample(self) -> None:
        self.limiter.sampled()
        self.sampled += 1

    @rule()
    def restart(self) -> None:
        strict, a, b = self.settings
        again = make(self.phase, (a, b), strict=strict)
        again.set_state(self.limiter.get_state())
        self.limiter = again

    @invariant()
    def agrees_with_the_model(self) -> None:
        assert self.limiter.can_insert() == self.model.can_insert(self.inserted, self.sampled)
        assert self.limiter.can_sample() == self.model.can_sample(self.inserted, self.sampled)
        assert (self.limiter.inserted_records, self.limiter.sampled_batches) == (self.inserted, self.sampled)

    @invariant()
    def never_both_blocked(self) -> None:
        blocked = not self.limiter.can_insert() and not self.limiter.can_sample()
        done = self.inserted == self.phase.records and self.sampled == self.phase.batches
        assert blocked == done == self.limiter.finished

    @invariant()
    def the_ratio_holds(self) -> None:
        strict, a, b = self.settings
        n = self.inserted - self.phase.prefill
        if n < 0:
            assert self.sampled == 0
        elif not strict:
            assert self.sampled <= self.model.earned(min(n, self.model.rounds_end)) + b
            assert n <= self.model.inverse(self.sampled) + a


TestLimiterMachine = LimiterMachine.TestCase
TestLimiterMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

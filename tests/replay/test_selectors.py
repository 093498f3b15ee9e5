"""Each selector against a simple model: random operations, exact order, groups and ages, and frequencies."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from replay.core import LimiterSettings, NothingToSample, PhaseFinished, RecordFormat, SelectorSettings, TableSpec
from replay.limiter import Phase, RateLimiter
from replay.table import Table
from tests.replay.helpers import FIELDS, STATE_FILE, numbers, record, same

FREE = LimiterSettings(strict=False, records_ahead=10**6, batches_ahead=10**6)
GROUPED = RecordFormat(FIELDS, "key", None, same, same, group_field="version")
"""Records of the helpers; the field `version` is the group."""


def spec_of(kind: str, capacity: int, limiter: LimiterSettings = FREE, **selector: Any) -> TableSpec:
    return TableSpec(GROUPED, SelectorSettings(kind, **selector), capacity, limiter)


def table_of(folder: Path, kind: str, capacity: int, phase: Phase, **selector: Any) -> Table:
    """A table in a phase in which only the selector can block, filled by `phase.prefill` records."""
    table = Table.create(spec_of(kind, capacity, **selector), folder, seed=3)
    table.start_phase(phase, fresh=True)
    for number in range(phase.prefill):
        assert table.insert(record(number), timeout=0).stored
    return table


def filled_phase(count: int, batches: int = 500) -> Phase:
    return Phase(prefill=count, records_per_round=1, batches_per_round=(1,) * batches, batch_size=1)


def chi_square(counts: dict[Any, int], expected: dict[Any, float]) -> float:
    """Chi-square statistic of observed counts against probabilities, which must cover all that was observed."""
    assert counts.keys() <= expected.keys()
    total = sum(counts.values())
    return sum((counts.get(key, 0) - total * p) ** 2 / (total * p) for key, p in expected.items())


class SelectorMachine(RuleBasedStateMachine):
    """Random inserts, samples and restarts against a list of the (number, group) that the table must hold."""

    kind = "uniform"
    selector: dict[str, Any] = {}

    @initialize(capacity=st.integers(4, 9))
    def start(self, capacity: int) -> None:
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.spec = spec_of(self.kind, capacity, **self.selector)
        self.table = Table.create(self.spec, self.path, seed=1)
        phase = Phase(prefill=2, records_per_round=1, batches_per_round=(1,) * 400, batch_size=1)
        self.table.start_phase(phase, fresh=True)
        self.held: list[tuple[int, int, int]] = []  # number, group, insertion id; oldest first
        self.inserted = 0
        self.consumed: list[int] = []

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.table.close()
            self.folder.cleanup()

    def expected(self, size: int) -> list[list[int]]:
        """Numbers of the records among which a batch may be, in lists of which one is chosen."""
        return [[number for number, _, _ in self.held]] if len(self.held) >= size else []

    def check_order(self, found: list[int], size: int) -> None:
        """Checks the order that a kind of selector promises."""

    @rule(group=st.integers(0, 2))
    def insert(self, group: int) -> None:
        receipt = self.table.insert(record(self.inserted, version=group), timeout=0)
        assert receipt.stored and receipt.insertion_id == self.inserted
        self.held = [*self.held, (self.inserted, group, self.inserted)][-self.spec.capacity :]
        self.inserted += 1

    @precondition(lambda self: self.inserted >= 2)
    @rule(size=st.integers(1, 4))
    def sample(self, size: int) -> None:
        allowed = self.expected(size)
        if not allowed:
            with pytest.raises((ValueError, TimeoutError, NothingToSample)):
                self.table.sample(size, timeout=0)
            return
        sample = self.table.sample(size, timeout=0)
        found = numbers(sample.columns)
        assert len(set(found)) == size, "a record twice in a batch"
        assert any(set(found) <= set(choice) for choice in allowed)
        assert sample.insertion_ids.tolist() == found
        self.check_order(found, size)

    @rule()
    def restart(self) -> None:
        self.table.save(self.path / STATE_FILE)
        self.table.close()
        self.table = Table.restore(self.spec, self.path, self.path / STATE_FILE)
        assert self.table.statistics()["size"] == len(self.held)


class PrioritizedMachine(SelectorMachine):
    kind = "prioritized"


class QueueMachine(SelectorMachine):
    """A queue gives each record once, in order; a full one takes no record."""

    kind = "queue"

    @rule(group=st.integers(0, 2))
    def insert(self, group: int) -> None:
        if len(self.held) == self.spec.capacity:
            with pytest.raises(TimeoutError):
                self.table.insert(record(self.inserted, version=group), timeout=0)
            return
        assert self.table.insert(record(self.inserted, version=group), timeout=0).stored
        self.held.append((self.inserted, group, self.inserted))
        self.inserted += 1

    def check_order(self, found: list[int], size: int) -> None:
        assert found == [number for number, _, _ in self.held[:size]]
        self.held = self.held[size:]
        self.consumed += found
        assert self.consumed == list(range(len(self.consumed))), "each record once, none lost"


class GroupedMachine(SelectorMachine):
    kind = "grouped"
    selector = {"max_age": 4}

    def expected(self, size: int) -> list[list[int]]:
        young = [entry for entry in self.held if self.inserted - 1 - entry[2] <= 4]
        groups = [[number for number, group, _ in young if group == wanted] for wanted in range(3)]
        return [members for members in groups if len(members) >= size]


LIMITS = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestUniform = SelectorMachine.TestCase
TestPrioritized = PrioritizedMachine.TestCase
TestQueue = QueueMachine.TestCase
TestGrouped = GroupedMachine.TestCase
for _case in (TestUniform, TestPrioritized, TestQueue, TestGrouped):
    _case.settings = LIMITS


@pytest.mark.parametrize(
    ("kind", "weights"), [("uniform", [1.0, 1.0, 1.0, 1.0]), ("prioritized", [0.02, 0.27, 0.5, 0.1])]
)
def test_frequencies_of_pairs(tmp_path: Path, kind: str, weights: list[float]) -> None:
    table = table_of(tmp_path, kind, 8, filled_phase(4, 4000))
    table.update_priorities(np.arange(4), np.arange(4), np.array(weights))
    counts: dict[tuple[int, ...], int] = {}
    for _ in range(4000):
        pair = tuple(sorted(numbers(table.sample(2, timeout=0).columns)))
        counts[pair] = counts.get(pair, 0) + 1
    w = np.array(weights) / sum(weights)
    expected = {(a, b): w[a] * w[b] / (1 - w[a]) + w[b] * w[a] / (1 - w[b]) for a, b in combinations(range(4), 2)}
    assert sum(expected.values()) == pytest.approx(1)
    assert chi_square(counts, expected) < 20.52  # 5 degrees of freedom, 0.999


def test_groups_are_drawn_alike_and_records_alike_within_one(tmp_path: Path) -> None:
    # Group 0 has records 0 to 3, group 1 has 4 and 5, group 2 only 6: too few for a pair.
    table = Table.create(spec_of("grouped", 8), tmp_path, seed=3)
    table.start_phase(filled_phase(7, 3000), fresh=True)
    for number, group in enumerate((0, 0, 0, 0, 1, 1, 2)):
        table.insert(record(number, version=group), timeout=0)
    counts: dict[tuple[int, ...], int] = {}
    for _ in range(3000):
        pair = tuple(sorted(numbers(table.sample(2, timeout=0).columns)))
        counts[pair] = counts.get(pair, 0) + 1
    expected = {(4, 5): 1 / 2} | {pair: 1 / 12 for pair in combinations(range(4), 2)}
    assert chi_square(counts, expected) < 22.46  # 6 degrees of freedom, 0.999


def test_a_mixed_batch_draws_a_group_for_each_record(tmp_path: Path) -> None:
    # Group 0 has records 0 to 3, group 1 has 4 and 5, group 2 only 6, which is then used up.
    table = Table.create(spec_of("grouped", 8, mixed=True), tmp_path, seed=3)
    table.start_phase(filled_phase(7, 3001), fresh=True)
    for number, group in enumerate((0, 0, 0, 0, 1, 1, 2)):
        table.insert(record(number, version=group), timeout=0)
    counts: dict[tuple[int, ...], int] = {}
    for _ in range(3000):
        pair = tuple(sorted(numbers(table.sample(2, timeout=0).columns)))
        counts[pair] = counts.get(pair, 0) + 1
    # Pairs of groups: 00, 11 have 1/9 each; 01 and 10 2/9 together; 02 and 20 1/9 + 1/6, because 2 has one record only.
    expected = {pair: 1 / 9 / 6 for pair in combinations(range(4), 2)} | {(4, 5): 1 / 9}
    expected |= {(a, b): 2 / 9 / 8 for a in range(4) for b in (4, 5)}
    expected |= {(a, 6): (1 / 9 + 1 / 6) / 4 for a in range(4)} | {(a, 6): (1 / 9 + 1 / 6) / 2 for a in (4, 5)}
    assert sum(expected.values()) == pytest.approx(1)
    assert chi_square(counts, expected) < 45.3  # 20 degrees of freedom, 0.999
    assert sorted(numbers(table.sample(7, timeout=0).columns)) == list(range(7)), "together they have seven"


def test_a_record_is_sampled_up_to_its_greatest_age(tmp_path: Path) -> None:
    table = Table.create(spec_of("grouped", 8, max_age=2), tmp_path, seed=3)
    table.start_phase(filled_phase(3), fresh=True)
    for number, group in enumerate((5, 6, 7)):
        table.insert(record(number, version=group), timeout=0)
    assert {numbers(table.sample(1, timeout=0).columns)[0] for _ in range(60)} == {0, 1, 2}
    table.insert(record(3, version=8), timeout=0)
    assert {numbers(table.sample(1, timeout=0).columns)[0] for _ in range(60)} == {1, 2, 3}


def test_a_batch_that_no_group_can_give_is_an_error_when_nothing_may_come(tmp_path: Path) -> None:
    spec = spec_of("grouped", 8, LimiterSettings(strict=True, records_ahead=0, batches_ahead=0))
    table = Table.create(spec, tmp_path, seed=3)
    table.start_phase(Phase(2, 2, (1, 1), 2), fresh=True)
    for number in range(3):
        table.insert(record(number, version=number), timeout=0)
    with pytest.raises(TimeoutError):
        table.sample(2, timeout=0)  # a record of the round is missing
    table.insert(record(3, version=3), timeout=0)
    with pytest.raises(NothingToSample, match="grouped finds no batch of 2 among 4 records"):
        table.sample(2)


def test_keys_of_consumed_records_are_known_until_their_slots_are_written_again(tmp_path: Path) -> None:
    table = table_of(tmp_path, "queue", 3, filled_phase(2))
    table.sample(2, timeout=0)
    assert not table.insert(record(1), timeout=0).stored
    for number in (2, 3, 4):
        assert table.insert(record(number), timeout=0).stored
    assert numbers(table.sample(3, timeout=0).columns) == [2, 3, 4]
    assert table.insert(record(1), timeout=0).stored, "the slot was written again by 4"


def queue_with_three_unused_batches(folder: Path, further: int) -> Table:
    """Restored from a save after 5 batches of 2, of which the learner used 2; `further` records came after it."""
    table = Table.create(spec_of("queue", 12), folder, seed=3)
    phase = Phase(prefill=2, records_per_round=2, batches_per_round=(1,) * 9, batch_size=2)
    table.start_phase(phase, fresh=True)
    for number in range(12):
        table.insert(record(number), timeout=0)
    for _ in range(5):
        table.sample(2, timeout=0)
    table.save(folder / STATE_FILE)
    for number in range(12, 12 + further):
        table.insert(record(number), timeout=0)
    table.close()
    again = Table.restore(spec_of("queue", 12), folder, folder / STATE_FILE)
    again.continue_phase(2)
    return again


def test_a_queue_takes_back_what_the_learner_has_not_used(tmp_path: Path) -> None:
    table = queue_with_three_unused_batches(tmp_path, further=0)
    assert table.statistics()["phase"]["inserted"] == 12
    assert numbers(table.sample(8, timeout=0).columns) == list(range(4, 12))


def test_what_a_queue_cannot_take_back_is_collected_again(tmp_path: Path) -> None:
    # Records 12 to 17 were written over 0 to 5: of the batches 4 to 9 that were not used, 6 to 9 are there.
    table = queue_with_three_unused_batches(tmp_path, further=6)
    assert table.statistics()["phase"]["inserted"] == 10, "two more are wanted"
    taken, key, found = 2, 20, []
    while taken < 9:
        try:
            found += numbers(table.sample(2, timeout=0).columns)
            taken += 1
        except TimeoutError:
            assert table.insert(record(key), timeout=0).stored
            key += 1
    assert found == [*range(6, 12), *range(20, 28)]
    with pytest.raises(PhaseFinished):
        table.sample(2)


@pytest.mark.parametrize(
    ("phase", "capacity", "sentence"),
    [
        (Phase(2, 1, (1, 1, 1), 2), 9, "both sides would wait|consume 6 records, but only 5 come"),
        (Phase(4, 4, (1, 1), 3), 12, None),
        (Phase(4, 8, (1, 1), 2), 12, "the table's capacity must be above 12"),
    ],
)
def test_queues_that_would_block_are_refused(phase: Phase, capacity: int, sentence: str | None) -> None:
    def make() -> RateLimiter:
        return RateLimiter(
            phase, capacity=capacity, present=0, strict=True, records_ahead=0, batches_ahead=0, consumes=True
        )

    if sentence is None:
        make()
    else:
        with pytest.raises(ValueError, match=sentence):
            make()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SelectorSettings("best"), "a selector's kind must be one of prioritized, uniform, queue, grouped"),
        (lambda: SelectorSettings("queue", once_a_round=True), "once_a_round is for the selectors prioritized and"),
        (lambda: SelectorSettings("queue", max_age=3), "max_age must be at least 0, for the selector grouped"),
        (lambda: SelectorSettings("queue", mixed=True), "mixed is for the selector grouped, not queue"),
        (lambda: SelectorSettings("prioritized", initial_priority=0.0), "initial_priority must be a finite number"),
        (
            lambda: RecordFormat(FIELDS, "key", None, same, same, group_field="bits"),
            "the records' group_field 'bits' must be an integer scalar",
        ),
        (
            lambda: TableSpec(RecordFormat(FIELDS, None, None, same, same), SelectorSettings("grouped"), 3, FREE),
            "the selector grouped needs records with a group_field",
        ),
        (lambda: spec_of("uniform", 0), "a table's capacity must be at least 1 record, not 0"),
        (lambda: spec_of("uniform", 3, once_a_round=True), "once_a_round needs strict alternation"),
    ],
)
def test_wrong_settings_are_refused(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()

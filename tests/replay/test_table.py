"""A table: what it stores and prefers, when its callers wait, and that no record is ever torn."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from replay.core import PhaseFinished, Receipt, RecordFormat, ReplayClosed, ReplayTimeout
from replay.limiter import Phase, RateLimiter
from replay.table import Table
from tests.replay.helpers import (
    BYTES,
    FIELDS,
    FORMAT,
    STATE_FILE,
    UNLIMITED,
    config,
    created,
    numbers,
    open_phase,
    record,
    restored,
    same,
)

SOON = 10.0
"""Seconds in which an unblocked thread surely continues; no test waits so long unless it fails."""


def table_with(folder: Path, count: int, capacity: int = 10, **changes: Any) -> Table:
    """A table in which nothing waits, with records 0 ... count - 1."""
    table = created(config(capacity, **{**UNLIMITED, **changes}), folder, FORMAT, seed=5)
    table.start_phase(open_phase(), fresh=True)
    for number in range(count):
        table.insert(record(number))
    return table


def in_thread(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Runs a call in a thread; its result or its exception is put into the list."""
    outcome: list[Any] = []

    def target() -> None:
        try:
            outcome.append(call())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread, outcome


def until(condition: Callable[[], bool]) -> None:
    """Waits until a condition holds that another thread brings about."""
    end = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.001)


# Records and priorities


def test_a_sample_holds_whole_different_records(tmp_path: Path) -> None:
    table = table_with(tmp_path, 25)
    for number in range(30):
        sample = table.sample(6)
        drawn = numbers(sample.columns)
        assert len(set(drawn)) == 6 and set(drawn) <= set(range(15, 25))
        assert sample.slots.tolist() == [key % 10 for key in drawn]
        assert sample.insertion_ids.tolist() == drawn, "insertion ids equal the numbers here"
        assert sample.number == number


def test_receipts_are_addresses(tmp_path: Path) -> None:
    table = table_with(tmp_path, 11)
    assert table.insert(record(11)) == Receipt(slot=1, insertion_id=11, stored=True)


def test_the_caller_s_arrays_are_copied(tmp_path: Path) -> None:
    table = table_with(tmp_path, 2)
    mine = record(7)
    table.insert(mine)
    for value in mine.values():
        value[...] = 99
    assert sorted(numbers(table.sample(3).columns)) == [0, 1, 7]


def share_drawn(table: Table, key: int, draws: int = 2000) -> float:
    return sum(int(table.sample(1).columns["key"][0]) == key for _ in range(draws)) / draws


def test_new_records_start_at_the_initial_priority_and_follow_what_is_returned(tmp_path: Path) -> None:
    table = table_with(tmp_path, 3)
    assert table.get_state()["priorities"].tolist() == [0.5, 0.5, 0.5]
    assert table.update_priorities(np.array([0, 2]), np.array([0, 2]), np.array([0.02, 0.27])) == 2
    assert table.get_state()["priorities"].tolist() == [0.02, 0.5, 0.27]
    expected = 0.27 / (0.02 + 0.5 + 0.27)
    assert abs(share_drawn(table, 2) - expected) < 4 * np.sqrt(expected * (1 - expected) / 2000)


def test_uniform_mode_ignores_priorities(tmp_path: Path) -> None:
    table = table_with(tmp_path, 2, mode="uniform")
    table.update_priorities(np.array([0]), np.array([0]), np.array([1e-6]))
    assert abs(share_drawn(table, 0) - 0.5) < 4 * np.sqrt(0.25 / 2000)


ONCE_A_ROUND = {"strict": True, "without_replacement": "round"}
ROUNDS = Phase(prefill=8, records_per_round=2, batches_per_round=(5, 4), batch_size=2)


def test_a_round_samples_no_record_twice(tmp_path: Path) -> None:
    table = created(config(12, **ONCE_A_ROUND), tmp_path, FORMAT, seed=2)
    table.start_phase(ROUNDS, fresh=True)
    for number in range(10):
        table.insert(record(number), timeout=0)
    drawn = []
    for _ in range(5):
        sample = table.sample(2, timeout=0)
        drawn += numbers(sample.columns)
        # A returned priority, however high, does not bring a record back within the round.
        table.update_priorities(sample.slots, sample.insertion_ids, np.full(2, 1e6))
    assert sorted(drawn) == list(range(10))
    for number in (10, 11):
        table.insert(record(number), timeout=0)
    drawn = [number for _ in range(4) for number in numbers(table.sample(2, timeout=0).columns)]
    assert len(set(drawn)) == 8 and not {10, 11} & set(drawn), (
        "the next round draws from all; 0.5 is negligible beside 1e6"
    )


def test_a_round_is_one_draw_by_priority(tmp_path: Path) -> None:
    # Two batches of one record are two draws without replacement: with weights 1 to 4, slot i and then slot j have the
    # probability w_i / 10 * w_j / (10 - w_i). The fifth slot is never drawn.
    phase = Phase(prefill=4, records_per_round=1, batches_per_round=(2,) * 3000, batch_size=1)
    table = created(config(5, **ONCE_A_ROUND), tmp_path, FORMAT, seed=4)
    table.start_phase(phase, fresh=True)
    ids = np.zeros(5, dtype=np.int64)
    weights = np.array([1.0, 2.0, 3.0, 4.0])
    found = np.zeros((5, 5))
    for number in range(4 + 3000):
        receipt = table.insert(record(number), timeout=0)
        ids[receipt.slot] = receipt.insertion_id
        if number >= 4:
            assert table.update_priorities(np.arange(5), ids, np.append(weights, 1e-9)) == 5
            first, second = (int(table.sample(1, timeout=0).slots[0]) for _ in range(2))
            found[first, second] += 1 / 3000
    expected = np.zeros((5, 5))
    expected[:4, :4] = weights[:, None] / 10 * weights / (10 - weights[:, None])
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(found, expected, atol=4 * np.sqrt(0.2 * 0.8 / 3000))


def test_a_round_that_takes_more_records_than_there_are_is_refused(tmp_path: Path) -> None:
    table = created(config(12, **ONCE_A_ROUND), tmp_path, FORMAT, seed=2)
    too_many = Phase(prefill=8, records_per_round=2, batches_per_round=(5, 7), batch_size=2)
    with pytest.raises(ValueError, match="round 1 takes 7 batches of 2 and the table then holds 12"):
        table.start_phase(too_many, fresh=True)


def test_priorities_of_overwritten_records_are_ignored(tmp_path: Path) -> None:
    table = table_with(tmp_path, 10)
    sample = table.sample(10)
    table.insert(record(10))  # over slot 0
    assert table.update_priorities(sample.slots, sample.insertion_ids, np.full(10, 0.1)) == 9
    assert table.get_state()["priorities"].tolist() == [0.5] + [0.1] * 9
    table.insert(record(11))  # over slot 1, whose 0.1 must not be inherited
    assert table.get_state()["priorities"].tolist() == [0.5, 0.5] + [0.1] * 8


def test_priorities_of_a_cleared_table_are_ignored(tmp_path: Path) -> None:
    table = table_with(tmp_path, 4)
    sample = table.sample(4)
    table.start_phase(open_phase(), fresh=True)
    assert table.update_priorities(sample.slots, sample.insertion_ids, np.full(4, 0.1)) == 0
    table.insert(record(20))
    assert table.update_priorities(sample.slots, sample.insertion_ids, np.full(4, 0.1)) == 0
    assert table.get_state()["priorities"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("slots", "ids", "priorities", "sentence"),
    [
        ([0], [0], [float("nan")], "priorities must be finite and above 0, not nan"),
        ([0, 1], [0, 1], [0.1, 0.0], r"priorities must be finite and above 0, not 0\.0"),
        ([0], [0], [-0.1], "priorities must be finite and above 0, not -0.1"),
        ([0], [0], [float("inf")], "priorities must be finite and above 0, not inf"),
        ([10], [0], [0.1], "slots must lie within the ring's 10"),
        ([-1], [0], [0.1], "slots must lie within the ring's 10"),
        ([0, 1], [0], [0.1], "slots, insertion_ids and priorities must be of one length"),
    ],
)
def test_wrong_priorities_change_nothing(
    tmp_path: Path, slots: list[int], ids: list[int], priorities: list[float], sentence: str
) -> None:
    table = table_with(tmp_path, 3)
    with pytest.raises(ValueError, match=sentence):
        table.update_priorities(np.array(slots), np.array(ids), np.array(priorities))
    assert table.get_state()["priorities"].tolist() == [0.5] * 3


def test_a_batch_larger_than_the_table_is_refused_and_not_counted(tmp_path: Path) -> None:
    table = table_with(tmp_path, 3)
    with pytest.raises(ValueError, match="cannot draw 4 different records from 3"):
        table.sample(4)
    assert table.sample(3).number == 0


def test_a_location_visited_twice_is_stored_once(tmp_path: Path) -> None:
    table = table_with(tmp_path, 3)
    assert table.insert(record(1)) == Receipt(slot=1, insertion_id=1, stored=False)
    counts = table.statistics()
    assert (counts["size"], counts["duplicates"], counts["phase"]["inserted"]) == (3, 1, 3)


def test_a_key_is_free_again_when_its_record_is_overwritten(tmp_path: Path) -> None:
    table = table_with(tmp_path, 13)
    assert table.insert(record(2)).stored and not table.insert(record(5)).stored
    assert sorted(numbers(table.sample(10).columns)) == [2, *range(4, 13)]


def test_records_without_keys_may_repeat(tmp_path: Path) -> None:
    plain = RecordFormat(FIELDS, key_field=None, version_field=None, to_columns=same, to_batch=same)
    table = created(config(**UNLIMITED, strict=True), tmp_path, plain, seed=0)
    table.start_phase(open_phase(), fresh=True)
    assert [table.insert(record(3)).stored for _ in range(2)] == [True, True]
    assert table.statistics(newest_version=4)["staleness"] is None


def test_one_seed_gives_one_sequence(tmp_path: Path) -> None:
    runs = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        table = created(config(**UNLIMITED), tmp_path / name, FORMAT, seed)
        table.start_phase(open_phase(), fresh=True)
        for number in range(8):
            table.insert(record(number))
        runs.append([numbers(table.sample(4).columns) for _ in range(5)])
    assert runs[0] == runs[1] != runs[2]


def test_strict_alternation_does_not_depend_on_the_order_of_arrival(tmp_path: Path) -> None:
    phase = Phase(prefill=6, records_per_round=4, batches_per_round=(2, 3, 2), batch_size=4)
    runs = []
    for name, seed in (("a", 0), ("b", 1), ("c", 2)):
        table = created(config(10, strict=True), tmp_path / name, FORMAT, seed=3)
        table.start_phase(phase, fresh=True)
        shuffle, sampled, first = np.random.default_rng(seed), [], 0
        for records, batches in ((6, 0), (4, 2), (4, 3), (4, 2)):
            for number in shuffle.permutation(np.arange(first, first + records)):
                table.insert(record(int(number)), timeout=0)
            first += records
            for _ in range(batches):
                sample = table.sample(4, timeout=0)
                sampled.append(numbers(sample.columns))
                table.update_priorities(sample.slots, sample.insertion_ids, 0.02 + sample.columns["key"] / 100)
        runs.append(sampled)
    assert runs[0] == runs[1] == runs[2]


# Waiting


def test_before_the_first_phase_nothing_is_possible(tmp_path: Path) -> None:
    table = created(config(), tmp_path, FORMAT, seed=0)
    for call in (lambda: table.insert(record(0)), lambda: table.sample(1)):
        with pytest.raises(RuntimeError, match="no phase of the replay table has been started"):
            call()
    assert table.statistics()["phase"] is None


def test_a_timeout_says_what_it_waited_for(tmp_path: Path) -> None:
    table = created(config(), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 2, (4, 4), 2), fresh=True)
    with pytest.raises(ReplayTimeout) as error:
        table.sample(2, timeout=0.01)
    assert str(error.value) == "no sample was possible for 0.01 s: 0 of 6 records are in and 0 of 8 batches are taken"
    for number in range(3):
        table.insert(record(number), timeout=0)
    with pytest.raises(ReplayTimeout, match="no insert was possible for 0 s: 3 of 6 records"):
        table.insert(record(3), timeout=0)
    assert table.statistics()["size"] == 3


def test_a_wrong_record_is_refused_before_it_waits(tmp_path: Path) -> None:
    def validate(value: Any) -> Any:
        raise ValueError("record field 'image' must be small")

    strict = RecordFormat(FIELDS, "key", "version", validate, same)
    table = created(config(), tmp_path, strict, seed=0)
    table.start_phase(Phase(1, 1, (1,), 1), fresh=True)
    with pytest.raises(ValueError, match="'image' must be small"):
        table.insert(record(0))
    assert table.statistics()["phase"]["inserted"] == 0


def test_a_sample_waits_for_records_and_an_insert_for_batches(tmp_path: Path) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 1, (1, 1), 2), fresh=True)
    sampler, sampled = in_thread(lambda: table.sample(2))
    until(lambda: table.statistics()["sample_waiting"] == 1)
    table.insert(record(0))
    table.insert(record(1))
    assert not sampled, "the first round's record is still missing"
    table.insert(record(2))
    sampler.join(SOON)
    assert len(numbers(sampled[0].columns)) == 2
    table.insert(record(3))
    table.sample(2)
    statistics = table.statistics()
    assert statistics["phase"]["finished"] and statistics["sample_wait_s"] > 0


def test_an_insert_waits_for_batches(tmp_path: Path) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 1, (1, 1), 2), fresh=True)
    for number in range(3):
        table.insert(record(number))
    inserter, inserted = in_thread(lambda: table.insert(record(3)))
    until(lambda: table.statistics()["insert_waiting"] == 1)
    assert not inserted and table.statistics()["size"] == 3
    table.sample(2)
    inserter.join(SOON)
    assert inserted == [Receipt(3, 3, True)]
    statistics = table.statistics()
    assert statistics["insert_wait_s"] > 0 and statistics["insert_waiting"] == 0


def test_two_visits_of_one_location_that_wait_together_are_stored_once(tmp_path: Path) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 2, (1, 1), 2), fresh=True)
    for number in range(4):
        table.insert(record(number))
    waiting = [in_thread(lambda: table.insert(record(4))) for _ in range(2)]
    until(lambda: table.statistics()["insert_waiting"] == 2)
    table.sample(2)
    for thread, _ in waiting:
        thread.join(SOON)
    assert sorted(outcome[0].stored for _, outcome in waiting) == [False, True]
    assert table.statistics()["phase"]["inserted"] == 5


def test_priorities_and_statistics_go_through_while_others_wait(tmp_path: Path) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 2, (1, 1), 2), fresh=True)
    table.insert(record(0))
    in_thread(lambda: table.sample(2))
    until(lambda: table.statistics()["sample_waiting"] == 1)
    assert table.update_priorities(np.array([0]), np.array([0]), np.array([0.3])) == 1
    table.close()


def test_closing_wakes_everybody(tmp_path: Path) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 2, (1, 1), 2), fresh=True)
    for number in range(2):
        table.insert(record(number))
    samplers = [in_thread(lambda: table.sample(2)) for _ in range(3)]
    until(lambda: table.statistics()["sample_waiting"] == 3)
    table.close()
    for thread, outcome in samplers:
        thread.join(SOON)
        assert isinstance(outcome[0], ReplayClosed)
    for call in (lambda: table.insert(record(2)), lambda: table.sample(2)):
        with pytest.raises(ReplayClosed, match="the replay buffer is closed"):
            call()
    assert table.statistics()["closed"]


def test_the_end_of_a_phase(tmp_path: Path) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 1, (1,), 2), fresh=True)
    for number in range(3):
        assert table.insert(record(number)).stored
    assert table.insert(record(3)) == Receipt(-1, -1, False), "one more than the phase has"
    assert not table.insert(record(2)).stored
    table.sample(2)
    with pytest.raises(PhaseFinished, match="the phase has all its batches, or has ended"):
        table.sample(2)


def test_a_sample_that_waits_ends_when_another_takes_the_last_batch(tmp_path: Path) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    table.start_phase(Phase(2, 1, (1,), 2), fresh=True)
    waiting = [in_thread(lambda: table.sample(2)) for _ in range(2)]
    until(lambda: table.statistics()["sample_waiting"] == 2)
    for number in range(3):
        table.insert(record(number))
    for thread, _ in waiting:
        thread.join(SOON)
    assert sorted(type(outcome[0]).__name__ for _, outcome in waiting) == ["PhaseFinished", "Sample"]


@pytest.mark.parametrize("how", ["end", "restart"])
def test_ending_a_phase_turns_away_what_waits(tmp_path: Path, how: str) -> None:
    table = created(config(strict=True), tmp_path, FORMAT, seed=0)
    phase = Phase(2, 2, (1, 1), 2)
    table.start_phase(phase, fresh=True)
    for number in range(2):
        table.insert(record(number))
    sampler, sampled = in_thread(lambda: table.sample(2))
    until(lambda: table.statistics()["sample_waiting"] == 1)
    if how == "end":
        table.end_phase()
    else:
        table.start_phase(phase, fresh=False)
    sampler.join(SOON)
    assert isinstance(sampled[0], PhaseFinished)
    if how == "end":
        assert table.insert(record(5)) == Receipt(-1, -1, False)
        table.start_phase(phase, fresh=False)
    assert table.insert(record(5)).stored


def test_a_new_phase_is_fresh_or_keeps_the_records(tmp_path: Path) -> None:
    table = table_with(tmp_path, 12)
    table.start_phase(Phase(0, 2, (2,), 4), fresh=False)
    assert table.statistics()["size"] == 10 and table.sample(4).number == 0
    assert not table.insert(record(5)).stored, "a kept record's key is known"
    table.start_phase(Phase(4, 2, (2,), 4), fresh=True)
    statistics = table.statistics()
    assert (statistics["size"], statistics["inserted"], statistics["sampled"]) == (0, 12, 1)
    assert statistics["phase"] == {
        "number": 3,
        "inserted": 0,
        "records": 6,
        "prefill": 4,
        "sampled": 0,
        "batches": 2,
        "finished": False,
    }
    assert table.insert(record(5)) == Receipt(0, 12, True)


def test_a_phase_that_cannot_work_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    table = table_with(tmp_path, 3)
    with pytest.raises(ValueError, match="the prefill must be at least 1, so that a batch of 4"):
        table.start_phase(Phase(0, 2, (2,), 4), fresh=False)
    with pytest.raises(ValueError, match="the prefill must be at least 4, so that a batch of 4"):
        table.start_phase(Phase(2, 2, (2,), 4), fresh=True)
    assert table.statistics()["size"] == 3 and table.insert(record(3)).stored


# Statistics


def test_statistics(tmp_path: Path) -> None:
    table = created(config(**UNLIMITED), tmp_path, FORMAT, seed=0)
    assert table.statistics()["size"] == 0
    table.start_phase(open_phase(), fresh=True)
    assert table.statistics(5)["priorities"] == {"counts": [], "edges": [], "mean": None}
    for number in range(4):
        table.insert(record(number, version=10 * number))
    table.update_priorities(np.array([3]), np.array([3]), np.array([0.1]))
    table.sample(2)
    statistics = json.loads(json.dumps(table.statistics(newest_version=40)))
    assert statistics["bytes_per_record"] == BYTES and statistics["bytes"] == 4 * BYTES
    assert statistics["capacity_bytes"] == 10 * BYTES
    assert (statistics["inserted"], statistics["sampled"], statistics["size"]) == (4, 1, 4)
    assert statistics["staleness"]["mean"] == 25  # 40, 30, 20, 10
    assert (statistics["staleness"]["edges"][0], statistics["staleness"]["edges"][-1]) == (10, 40)
    assert statistics["priorities"]["counts"][0] == 1 and statistics["priorities"]["counts"][-1] == 3
    assert statistics["priorities"]["mean"] == pytest.approx(0.4)
    assert table.statistics()["staleness"] is None


# Concurrency


def test_no_record_is_torn_under_concurrent_calls(tmp_path: Path) -> None:
    shape = (128, 1024)
    large = RecordFormat({"image": (shape, np.dtype(np.uint8))}, None, None, same, same)
    table = created(config(8, **UNLIMITED), tmp_path, large, seed=0)
    table.start_phase(open_phase(prefill=7), fresh=True)
    for number in range(8):
        table.insert({"image": np.full(shape, number, np.uint8)})
    stop = threading.Event()

    def insert(first: int) -> int:
        count = 0
        while not stop.is_set() and count < 400:
            table.insert({"image": np.full(shape, (first + 7 * count) % 256, np.uint8)})
            count += 1
        return count

    def sample() -> int:
        count = 0
        while not stop.is_set():
            drawn = table.sample(6)
            image = drawn.columns["image"]
            assert np.array_equal(image, np.broadcast_to(image[:, :1, :1], image.shape)), "a torn record"
            assert len(set(drawn.slots.tolist())) == 6
            table.update_priorities(drawn.slots, drawn.insertion_ids, np.full(6, 0.1))
            count += 1
        return count

    inserters = [in_thread(partial(insert, first)) for first in range(3)]
    samplers = [in_thread(sample) for _ in range(2)]
    for thread, _ in inserters:
        thread.join(60)
    stop.set()
    for thread, _ in samplers:
        thread.join(60)
    assert [outcome[0] for _, outcome in inserters] == [400] * 3
    assert all(isinstance(outcome[0], int) and outcome[0] > 0 for _, outcome in samplers), samplers


@pytest.mark.parametrize("strict", [False, True])
def test_many_threads_on_both_sides_reach_the_end_and_keep_the_rate_limit(tmp_path: Path, strict: bool) -> None:
    phase = Phase(prefill=12, records_per_round=7, batches_per_round=(3, 5, 0, 9, 12), batch_size=8)
    table = created(config(30, strict=strict, locations_ahead=5, batches_ahead=2), tmp_path, FORMAT, seed=0)
    table.start_phase(phase, fresh=True)
    tickets = iter(range(phase.records))
    lock = threading.Lock()
    events: list[str] = []
    limiter: Any = table._waiting.limiter

    def noting(original: Callable[[], None], letter: str) -> Callable[[], None]:
        def noted() -> None:
            original()
            events.append(letter)

        return noted

    # The limiter counts under the table's lock: this is the true order.
    limiter.inserted, limiter.sampled = noting(limiter.inserted, "I"), noting(limiter.sampled, "S")

    def insert() -> None:
        while True:
            with lock:
                number = next(tickets, None)
            if number is None:
                return
            table.insert(record(number))

    def sample() -> int:
        taken = 0
        while True:
            try:
                numbers(table.sample(8).columns)
            except PhaseFinished:
                return taken
            taken += 1

    threads = [in_thread(insert) for _ in range(6)] + [in_thread(sample) for _ in range(3)]
    for thread, _ in threads:
        thread.join(60)
    assert sum(outcome[0] for _, outcome in threads[6:]) == phase.batches
    assert events.count("I") == phase.records and events.count("S") == phase.batches
    assert table.statistics()["phase"]["finished"]
    if strict:
        assert "".join(events) == "I" * 12 + "".join("I" * 7 + "S" * k for k in phase.batches_per_round)


class TableMachine(RuleBasedStateMachine):
    """Random calls that never wait (timeout 0) against a dictionary; saved and restored in between."""

    @initialize(capacity=st.integers(5, 8), strict=st.booleans(), a=st.integers(1, 4), b=st.integers(1, 4))
    def start(self, capacity: int, strict: bool, a: int, b: int) -> None:
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.config = config(capacity, strict=strict, locations_ahead=a, batches_ahead=b)
        self.table = created(self.config, self.path, FORMAT, seed=1)
        self.held: list[int] = []  # keys, oldest first
        self.priority: dict[int, float] = {}
        self.addresses: dict[int, tuple[int, int]] = {}  # of every key ever stored
        self.next_key = self.batches = 0
        self.new_phase(Phase(3, 2, (1, 3, 2), 3), fresh=True)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.table.close()
            self.folder.cleanup()

    def new_phase(self, phase: Phase, fresh: bool) -> None:
        self.table.start_phase(phase, fresh)
        if fresh:
            self.held = []
        self.limiter = RateLimiter(
            phase,
            capacity=self.config.capacity,
            present=len(self.held),
            strict=self.config.strict,
            records_ahead=self.config.locations_ahead,
            batches_ahead=self.config.batches_ahead,
        )

    @rule()
    def insert(self) -> None:
        new = record(self.next_key)
        if self.limiter.can_insert():
            receipt = self.table.insert(new, timeout=0)
            assert receipt.stored
            self.limiter.inserted()
            self.addresses[self.next_key] = receipt[:2]
            self.priority[self.next_key] = 0.5
            self.held = [*self.held, self.next_key][-self.config.capacity :]
            self.next_key += 1
        elif self.limiter.all_inserted:
            assert self.table.insert(new, timeout=0) == Receipt(-1, -1, False)
        else:
            with pytest.raises(ReplayTimeout):
                self.table.insert(new, timeout=0)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def insert_again(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.held))
        assert self.table.insert(record(key), timeout=0) == Receipt(*self.addresses[key], False)

    @rule()
    def sample(self) -> None:
        if self.limiter.can_sample():
            sample = self.table.sample(3, timeout=0)
            self.limiter.sampled()
            keys = numbers(sample.columns)
            assert len(set(keys)) == 3 and set(keys) <= set(self.held)
            assert list(zip(sample.slots.tolist(), sample.insertion_ids.tolist(), strict=True)) == [
                self.addresses[key] for key in keys
            ]
            assert sample.number == self.batches
            self.batches += 1
        else:
            with pytest.raises(PhaseFinished if self.limiter.all_sampled else ReplayTimeout):
                self.table.sample(3, timeout=0)

    @precondition(lambda self: self.addresses)
    @rule(data=st.data(), priority=st.floats(0.02, 1))
    def update(self, data: st.DataObject, priority: float) -> None:
        keys = data.draw(st.lists(st.sampled_from(sorted(self.addresses)), unique=True, max_size=5))
        slots, ids = (np.array([self.addresses[key][i] for key in keys], dtype=np.int64) for i in range(2))
        alive = [key for key in keys if key in self.held]
        assert self.table.update_priorities(slots, ids, np.full(len(keys), priority)) == len(alive)
        self.priority.update(dict.fromkeys(alive, priority))

    @precondition(lambda self: self.limiter.finished)
    @rule(fresh=st.booleans())
    def next_phase(self, fresh: bool) -> None:
        self.new_phase(Phase(3 if fresh else 0, 1, (2, 0, 1), 3), fresh)

    @rule()
    def restart(self) -> None:
        self.table.save(self.path / STATE_FILE)
        expected = self.table.get_state()
        self.table.close()
        self.table = restored(self.config, self.path, FORMAT)
        found = self.table.get_state()
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert np.array_equal(found[name], value) if isinstance(value, np.ndarray) else found[name] == value, name

    @invariant()
    def agrees_with_the_model(self) -> None:
        if not hasattr(self, "table"):
            return
        state = self.table.get_state()
        by_id = dict(zip(state["insertion_ids"].tolist(), state["priorities"].tolist(), strict=True))
        assert by_id == {self.addresses[key][1]: self.priority[key] for key in self.held}
        counts = self.table.statistics()
        assert counts["phase"]["inserted"] == self.limiter.inserted_records
        assert counts["phase"]["sampled"] == self.limiter.sampled_batches


TestTableMachine = TableMachine.TestCase
TestTableMachine.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)

"""A table: what it stores and prefers. test_table_waiting.py tests its callers' waits and its phases."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from replay.core import Receipt, RecordFormat
from replay.limiter import Phase
from replay.table import Table
from tests.replay.helpers import (
    FIELDS,
    FORMAT,
    UNLIMITED,
    config,
    created,
    numbers,
    open_phase,
    record,
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

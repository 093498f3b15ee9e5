"""A table under many threads and under random operations: no record is ever torn, and the rate limit holds."""

from __future__ import annotations

import threading
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

from replay.core import PhaseFinished, Receipt, RecordFormat, ReplayTimeout
from replay.limiter import Phase, RateLimiter
from tests.replay.helpers import (
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
from tests.replay.test_table import in_thread


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

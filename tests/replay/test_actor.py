"""The replay actor in a real Ray: waiting, killing, refusing, restoring."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray

from common.remote import kill
from replay.actor import SAMPLE_THREADS, ReplayActor, start_replay
from replay.core import (
    LimiterSettings,
    PhaseFinished,
    ReplayClosed,
    ReplayTimeout,
    SelectorSettings,
    TableSpec,
    TooManySamples,
)
from replay.interaction.batch import LOCATION_RECORDS, LOCATIONS
from replay.interaction.record import Batch
from replay.limiter import Phase
from tests.replay.helpers import FORMAT, UNLIMITED, config, numbers, open_phase, record, spec
from tests.replay.test_batch import location

pytestmark = pytest.mark.usefixtures("ray_session")
LIMIT = 60.0
"""Seconds after which a call counts as stuck."""


@pytest.fixture
def started() -> Iterator[Callable[..., Any]]:
    """Starts replay actors, and ends them after the test."""
    actors: list[Any] = []

    def start(folder: Path, settings: Any, records: Any = FORMAT, actors_in_run: int = 3, **more: Any) -> Any:
        actors.append(start_replay({LOCATIONS: spec(settings, records)}, folder, seed=1, actors=actors_in_run, **more))
        return actors[-1]

    yield start
    for actor in actors:
        ray.kill(actor)


def get(reference: Any) -> Any:
    return ray.get(reference, timeout=LIMIT)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


class SenderActor:
    """Another process that inserts."""

    def pid(self) -> int:
        return os.getpid()

    def send(self, replay: Any, number: int, by_reference: bool = False) -> Any:
        value = record(number)
        return ray.get(replay.insert.remote(LOCATIONS, ray.put(value) if by_reference else value))

    def send_many(self, replay: Any, first: int) -> None:
        number = first
        while True:
            ray.get(replay.insert.remote(LOCATIONS, location(number)))
            number += 1


Sender: Any = ray.remote(num_cpus=0)(SenderActor)


def test_location_records_go_in_and_batches_come_out(started: Callable[..., Any], tmp_path: Path) -> None:
    replay = started(tmp_path, config(12, **UNLIMITED), LOCATION_RECORDS)
    get(replay.start_phase.remote({LOCATIONS: open_phase(8, 8)}, {LOCATIONS}))
    receipts = get([replay.insert.remote(LOCATIONS, location(number)) for number in range(8)])
    assert sorted(receipt.slot for receipt in receipts) == list(range(8))
    batch = get(replay.sample.remote(LOCATIONS, 8))
    assert isinstance(batch, Batch) and batch.image.shape == (8, 300, 300, 3)
    assert sorted(batch.location.tolist()) == list(range(8))
    for row, number in enumerate(batch.location.tolist()):
        assert np.array_equal(batch.image[row], location(number).image)
        assert np.array_equal(batch.masks[row], location(number).masks)
    assert get(replay.update_priorities.remote(LOCATIONS, batch.slots, batch.insertion_ids, np.full(8, 0.1))) == 8
    status = get(replay.statistics.remote(newest_version=10))[LOCATIONS]
    assert status["priorities"]["mean"] == pytest.approx(0.1) and status["staleness"]["mean"] == pytest.approx(6.5)
    assert get(replay.pid.remote()) != os.getpid()


def test_malformed_records_reach_the_caller_as_what_they_are(started: Callable[..., Any], tmp_path: Path) -> None:
    replay = started(tmp_path, config(12, **UNLIMITED), LOCATION_RECORDS)
    get(replay.start_phase.remote({LOCATIONS: open_phase(8, 8)}, {LOCATIONS}))
    with pytest.raises(ValueError, match="replay.capacity must be at least 31, not 12"):
        get(replay.start_phase.remote({LOCATIONS: Phase(30, 1, (1,), 8)}, {LOCATIONS}))
    with pytest.raises(ReplayTimeout, match="no sample was possible for 0.01 s"):
        get(replay.sample.remote(LOCATIONS, 8, 0.01))
    with pytest.raises(ValueError, match="record field 'touches' must be uint8"):
        get(replay.insert.remote(LOCATIONS, replace(location(0), touches=np.array(3))))


def test_waiting_calls_leave_the_rest_alone_and_end_on_close(started: Callable[..., Any], tmp_path: Path) -> None:
    replay = started(tmp_path, config(40, strict=True))
    get(replay.start_phase.remote({LOCATIONS: Phase(4, 2, (1, 1), 4)}, {LOCATIONS}))
    samples = [replay.sample.remote(LOCATIONS, 4) for _ in range(3 * SAMPLE_THREADS)]  # more than there are threads
    until(lambda: get(replay.statistics.remote())[LOCATIONS]["sample_waiting"] == SAMPLE_THREADS)
    assert all(receipt.stored for receipt in get([replay.insert.remote(LOCATIONS, record(n)) for n in range(6)]))
    inserts = [replay.insert.remote(LOCATIONS, record(10 + n)) for n in range(20)]  # more than threads, too
    # One batch of the first round, the two records of the second, its batch, and then the phase is over.
    outcomes: list[list[int] | None] = []
    for reference in samples:
        try:
            outcomes.append(numbers(get(reference).columns))
        except PhaseFinished:
            outcomes.append(None)
    assert sum(outcome is not None for outcome in outcomes) == 2
    assert sum(receipt.stored for receipt in get(inserts)) == 2

    get(replay.start_phase.remote({LOCATIONS: Phase(0, 2, (1, 1), 4)}))
    inserts = [replay.insert.remote(LOCATIONS, record(100 + n)) for n in range(20)]
    until(lambda: get(replay.statistics.remote())[LOCATIONS]["insert_waiting"] >= 6)
    assert get(replay.update_priorities.remote(LOCATIONS, np.array([0]), np.array([0]), np.array([0.2]))) == 1
    get(replay.save.remote())
    get(replay.close.remote())
    closed = 0
    for reference in inserts:
        try:
            get(reference)
        except ReplayClosed as error:
            assert "the replay buffer is closed" in str(error)
            closed += 1
    assert closed == 18


def test_records_outlive_the_process_that_sent_them(started: Callable[..., Any], tmp_path: Path) -> None:
    replay = started(tmp_path, config(10, **UNLIMITED))
    get(replay.start_phase.remote({LOCATIONS: open_phase(2, 2)}, {LOCATIONS}))
    sender = Sender.remote()
    get(sender.send.remote(replay, 1, by_reference=True))
    get(sender.send.remote(replay, 2))
    ray.kill(sender)
    assert sorted(numbers(get(replay.sample.remote(LOCATIONS, 2)).columns)) == [1, 2]


def test_a_caller_killed_while_it_waits(started: Callable[..., Any], tmp_path: Path) -> None:
    replay = started(tmp_path, config(10, strict=True))
    get(replay.start_phase.remote({LOCATIONS: Phase(2, 2, (1, 1), 2)}, {LOCATIONS}))
    for number in range(4):
        get(replay.insert.remote(LOCATIONS, record(number)))
    sender = Sender.remote()
    pid = get(sender.pid.remote())
    sender.send.remote(replay, 4)
    until(lambda: get(replay.statistics.remote())[LOCATIONS]["insert_waiting"] == 1)
    os.kill(pid, signal.SIGKILL)
    again = replay.insert.remote(LOCATIONS, record(4))  # the location is visited again by another actor
    get(replay.sample.remote(LOCATIONS, 2))
    get(again)
    status = get(replay.statistics.remote())[LOCATIONS]
    assert (status["phase"]["inserted"], status["size"]) == (5, 5), "stored once, whoever came first"
    assert get(replay.insert.remote(LOCATIONS, record(5))).stored
    assert len(numbers(get(replay.sample.remote(LOCATIONS, 2)).columns)) == 2


def test_a_caller_killed_while_it_sends(started: Callable[..., Any], tmp_path: Path) -> None:
    replay = started(tmp_path, config(12, **UNLIMITED), LOCATION_RECORDS)
    get(replay.start_phase.remote({LOCATIONS: open_phase(8, 8)}, {LOCATIONS}))
    senders = [Sender.remote() for _ in range(2)]
    pids = get([sender.pid.remote() for sender in senders])
    for index, sender in enumerate(senders):
        sender.send_many.remote(replay, 10_000 * index)
    until(lambda: get(replay.statistics.remote())[LOCATIONS]["inserted"] > 20)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    get(replay.insert.remote(LOCATIONS, location(50_000)))
    batch = get(replay.sample.remote(LOCATIONS, 12))
    for row, number in enumerate(batch.location.tolist()):
        assert np.array_equal(batch.image[row], location(number).image)


def test_refusals_keep_the_original_error(started: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no replay table was saved there"):
        started(tmp_path, config(10), restore_from=tmp_path / "nowhere")
    with pytest.raises(OSError, match=r"the replay table needs \d+ bytes in .*, where \d+ are free: lower replay"):
        started(tmp_path, config(10**12))
    first = started(tmp_path, config(10))
    with pytest.raises(OSError, match="is in use by another process: end that one first"):
        started(tmp_path, config(10))
    assert get(first.statistics.remote())[LOCATIONS]["size"] == 0


def test_a_killed_replay_is_restored(started: Callable[..., Any], tmp_path: Path) -> None:
    settings = config(10, **UNLIMITED)
    replay = started(tmp_path / "replay", settings)
    get(replay.start_phase.remote({LOCATIONS: open_phase(2, 2)}, {LOCATIONS}))
    get([replay.insert.remote(LOCATIONS, record(number)) for number in range(8)])
    get(replay.sample.remote(LOCATIONS, 4))
    assert get(replay.save.remote(str(tmp_path / "step_1"))).folder == tmp_path / "step_1"
    expected = sorted(numbers(get(replay.sample.remote(LOCATIONS, 4)).columns))
    get(replay.insert.remote(LOCATIONS, record(8)))
    os.kill(get(replay.pid.remote()), signal.SIGKILL)

    def again() -> bool:  # the folder is free as soon as the process is gone
        try:
            restored.append(started(tmp_path / "replay", settings, restore_from=tmp_path / "step_1"))
        except OSError:
            return False
        return True

    restored: list[Any] = []
    until(again)
    status = get(restored[0].statistics.remote())[LOCATIONS]
    assert (status["size"], status["sampled"], status["phase"]["inserted"]) == (8, 1, 8)
    assert sorted(numbers(get(restored[0].sample.remote(LOCATIONS, 4)).columns)) == expected
    assert get(restored[0].insert.remote(LOCATIONS, record(8))).stored


def test_end_phase(started: Callable[..., Any], tmp_path: Path) -> None:
    replay = started(tmp_path, config(10))
    get(replay.start_phase.remote({LOCATIONS: Phase(2, 2, (1, 1), 2)}, {LOCATIONS}))
    waiting = replay.sample.remote(LOCATIONS, 2)
    until(lambda: get(replay.statistics.remote())[LOCATIONS]["sample_waiting"] == 1)
    get(replay.end_phase.remote())
    with pytest.raises(PhaseFinished):
        get(waiting)
    assert not get(replay.insert.remote(LOCATIONS, record(0))).stored


def test_an_actor_without_tables_says_so() -> None:
    with pytest.raises(RuntimeError, match="start it with replay.actor.start_replay"):
        ReplayActor().statistics()


TWO = {
    "locations": spec(config(10, **UNLIMITED)),
    "unrolls": TableSpec(FORMAT, SelectorSettings("queue"), 4, LimiterSettings(False, 10**6, 10**6)),
}
QUEUED = Phase(prefill=1, records_per_round=1, batches_per_round=(1,) * 60, batch_size=1)


@pytest.fixture
def two_tables(tmp_path: Path) -> Iterator[Any]:
    """A replay actor with two tables, in a phase of both."""
    replay = start_replay(TWO, tmp_path, seed=1, actors=3)
    get(replay.start_phase.remote({"locations": open_phase(2, 2), "unrolls": QUEUED}))
    yield replay
    kill(replay)


def test_blocked_samples_of_one_table_leave_the_other_alone(two_tables: Any) -> None:
    waiting = [two_tables.sample.remote("unrolls", 1) for _ in range(SAMPLE_THREADS)]
    until(lambda: get(two_tables.statistics.remote())["unrolls"]["sample_waiting"] == SAMPLE_THREADS)
    with pytest.raises(TooManySamples, match="8 samples of the replay table 'unrolls' are on their way"):
        get(two_tables.sample.remote("unrolls", 1))
    for number in range(3):
        assert get(two_tables.insert.remote("locations", record(number))).stored
    batch = get(two_tables.sample.remote("locations", 2))
    priorities = two_tables.update_priorities.remote("locations", batch.slots, batch.insertion_ids, np.full(2, 0.1))
    assert get(priorities) == 2
    for number in range(SAMPLE_THREADS):
        get(two_tables.insert.remote("unrolls", record(number)))
    assert sorted(numbers(get(reference).columns)[0] for reference in waiting) == list(range(SAMPLE_THREADS))


def test_a_full_queue_leaves_the_other_table_alone(two_tables: Any) -> None:
    waiting = [two_tables.insert.remote("unrolls", record(number)) for number in range(7)]  # for a queue of 4
    until(lambda: get(two_tables.statistics.remote())["unrolls"]["insert_waiting"] == 3)
    for number in range(3):
        assert get(two_tables.insert.remote("locations", record(number))).stored
    assert len(numbers(get(two_tables.sample.remote("locations", 2)).columns)) == 2
    found = [numbers(get(two_tables.sample.remote("unrolls", 1)).columns)[0] for _ in range(7)]
    assert sorted(found) == list(range(7)), "each once"
    assert all(get(reference).stored for reference in waiting)


def test_a_killed_replay_restores_both_tables(two_tables: Any, tmp_path: Path) -> None:
    for number in range(4):
        get(two_tables.insert.remote("locations", record(number)))
        get(two_tables.insert.remote("unrolls", record(number)))
    assert numbers(get(two_tables.sample.remote("unrolls", 2)).columns) == [0, 1]
    get(two_tables.save.remote(str(tmp_path / "step_1")))
    os.kill(get(two_tables.pid.remote()), signal.SIGKILL)

    def again() -> bool:  # the folders are free as soon as the process is gone
        try:
            restored.append(start_replay(TWO, tmp_path, seed=1, actors=3, restore_from=tmp_path / "step_1"))
        except OSError:
            return False
        return True

    restored: list[Any] = []
    until(again)
    assert numbers(get(restored[0].sample.remote("unrolls", 2)).columns) == [2, 3]
    assert sorted(numbers(get(restored[0].sample.remote("locations", 4)).columns)) == [0, 1, 2, 3]
    ray.kill(restored[0])

"""Saving and restoring: exact continuation, also after a kill, and one sentence for each damaged file.

It is one file because all tests share the records, the tiny disk and the process that is killed.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from replay.core import RecordFormat, ReplayClosed, Sample
from replay.limiter import Phase
from replay.ring import Ring
from replay.state_file import read_state, write_state
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

PHASE = Phase(prefill=6, records_per_round=3, batches_per_round=(4, 5, 6, 7), batch_size=4)


def half_way(folder: Path, **changes: Any) -> Table:
    """A table in the middle of a phase: wrapped round, priorities returned, the generator advanced."""
    table = created(config(10, **{"locations_ahead": 4, "batches_ahead": 3, **changes}), folder, FORMAT, seed=9)
    table.start_phase(PHASE, fresh=True)
    for number in range(6):
        table.insert(record(number), timeout=0)
    play_rounds(table, 6, rounds=2)
    return table


def play_rounds(table: Table, first: int, rounds: int) -> list[Sample]:
    """Plays rounds of the phase; returns the samples."""
    samples = []
    for index in range(rounds):
        for number in range(3):
            table.insert(record(first + 3 * index + number), timeout=0)
        batches = PHASE.batches_per_round[(first - 6) // 3 + index]
        for _ in range(batches):
            samples.append(table.sample(4, timeout=0))
            priorities = 0.02 + samples[-1].columns["key"] / 50
            table.update_priorities(samples[-1].slots, samples[-1].insertion_ids, priorities)
    return samples


@pytest.mark.parametrize("mode", ["priority", "uniform"])
@pytest.mark.parametrize("strict", [False, True])
def test_a_restored_table_continues_bit_for_bit(tmp_path: Path, strict: bool, mode: str) -> None:
    table = half_way(tmp_path / "a", strict=strict, mode=mode)
    table.save(tmp_path / "a" / STATE_FILE)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    expected = play_rounds(table, 12, rounds=2)
    settings = config(10, locations_ahead=4, batches_ahead=3, strict=strict, mode=mode)
    again = restored(settings, tmp_path / "b", FORMAT)
    found = play_rounds(again, 12, rounds=2)
    assert len(found) == len(expected) == 13
    for a, b in zip(expected, found, strict=True):
        assert a.number == b.number
        assert np.array_equal(a.slots, b.slots) and np.array_equal(a.insertion_ids, b.insertion_ids)
        for name in FIELDS:
            assert np.array_equal(a.columns[name], b.columns[name])
    states = table.get_state(), again.get_state()
    assert json.dumps(states[0]["generator"]) == json.dumps(states[1]["generator"])
    assert states[0]["limiter"] == states[1]["limiter"] == {"inserted": 18, "sampled": 22}
    assert again.statistics()["phase"]["finished"] and again.statistics()["replaced"] == 0


def test_a_restored_table_remembers_what_the_round_has_drawn(tmp_path: Path) -> None:
    once = {"strict": True, "without_replacement": "round"}
    phase = Phase(prefill=10, records_per_round=2, batches_per_round=(6,), batch_size=2)
    table = created(config(12, **once), tmp_path / "a", FORMAT, seed=9)
    table.start_phase(phase, fresh=True)
    for number in range(12):
        table.insert(record(number), timeout=0)
    first = [numbers(table.sample(2, timeout=0).columns) for _ in range(4)]
    table.save(tmp_path / "a" / STATE_FILE)
    table.close()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    again = restored(config(12, **once), tmp_path / "a", FORMAT)
    rest = [numbers(again.sample(2, timeout=0).columns) for _ in range(2)]
    assert sorted(sum(first + rest, [])) == list(range(12))
    # The learner had used three of the four batches: what the fourth held can be sampled again.
    behind = restored(config(12, **once), tmp_path / "b", FORMAT)
    behind.continue_phase(3)
    rest = [numbers(behind.sample(2, timeout=0).columns) for _ in range(3)]
    assert sorted(sum(first[:3] + rest, [])) == list(range(12))


def test_a_state_without_drawn_records_is_restored(tmp_path: Path) -> None:
    table = half_way(tmp_path)
    table.save(tmp_path / STATE_FILE)
    table.close()
    state = read_state(tmp_path / STATE_FILE)
    del state["drawn"]
    write_state(tmp_path / STATE_FILE, state)
    again = restored(config(10, locations_ahead=4, batches_ahead=3), tmp_path, FORMAT)
    assert len(numbers(again.sample(4, timeout=0).columns)) == 4


def test_a_save_counts_only_the_records_since_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / STATE_FILE
    table = half_way(tmp_path)
    assert table.save(path) == (path.stat().st_size, 10 * BYTES), "12 were inserted into 10 slots"
    play_rounds(table, 12, rounds=1)
    assert table.save(path)[1] == 3 * BYTES
    assert table.save(path)[1] == 0
    table.close()
    again = restored(config(10, locations_ahead=4, batches_ahead=3), tmp_path, FORMAT)
    assert again.save(path)[1] == 0


def test_a_restored_limiter_makes_no_burst(tmp_path: Path) -> None:
    table = half_way(tmp_path)
    before = table.statistics()["phase"]
    table.save(tmp_path / STATE_FILE)
    table.close()
    again = restored(config(10, locations_ahead=4, batches_ahead=3), tmp_path, FORMAT)
    assert again.statistics()["phase"] == before
    allowed = 0
    try:
        while True:
            again.sample(4, timeout=0)
            allowed += 1
    except TimeoutError:
        pass
    assert allowed == 3, "the slack, as in the table that was saved: all 9 batches of two rounds were taken"


def test_the_state_may_lie_in_a_checkpoint_of_its_own(tmp_path: Path) -> None:
    table = half_way(tmp_path / "table")
    table.save(tmp_path / "checkpoints" / "step_9" / STATE_FILE)
    assert not (tmp_path / "table" / STATE_FILE).exists()
    table.close()
    again = restored(config(10), tmp_path / "table", FORMAT, tmp_path / "checkpoints" / "step_9")
    assert again.statistics()["sampled"] == 9


def test_saving_is_possible_after_closing_and_between_phases(tmp_path: Path) -> None:
    table = half_way(tmp_path)
    table.end_phase()
    table.close()
    table.save(tmp_path / STATE_FILE)
    again = restored(config(10), tmp_path, FORMAT)
    assert again.statistics()["phase"] is None and not again.statistics()["closed"]
    assert not again.insert(record(50)).stored, "no phase is open"
    again.start_phase(Phase(0, 1, (1,), 4), fresh=False)
    assert again.insert(record(50)).stored and len(numbers(again.sample(4).columns)) == 4
    with pytest.raises(ReplayClosed):
        table.sample(4)


def test_a_table_saved_before_its_first_phase(tmp_path: Path) -> None:
    table = created(config(10), tmp_path, FORMAT, seed=4)
    table.save(tmp_path / STATE_FILE)
    table.close()
    again = restored(config(10), tmp_path, FORMAT)
    with pytest.raises(RuntimeError, match="no phase of the replay table has been started"):
        again.insert(record(0))


def test_records_after_the_save_are_inserted_again(tmp_path: Path) -> None:
    table = created(config(5, **UNLIMITED), tmp_path, FORMAT, seed=0)
    table.start_phase(open_phase(), fresh=True)
    for number in range(7):  # slots hold 5 6 2 3 4
        table.insert(record(number))
    table.update_priorities(np.arange(5), np.array([5, 6, 2, 3, 4]), np.full(5, 0.1))
    table.save(tmp_path / STATE_FILE)
    table.insert(record(7))  # over 2
    table.insert(record(8))  # over 3
    table.close()

    again = restored(config(5, **UNLIMITED), tmp_path, FORMAT)
    statistics = again.statistics()
    assert (statistics["size"], statistics["inserted"], statistics["replaced"]) == (5, 7, 2)
    assert statistics["phase"]["inserted"] == 7
    assert again.get_state()["priorities"].tolist() == [0.1, 0.1, 0.5, 0.5, 0.1]
    assert sorted(numbers(again.sample(5).columns)) == [4, 5, 6, 7, 8], "the newer ones serve meanwhile"
    assert not again.insert(record(4)).stored, "a record of the save is known"
    for number in (7, 8, 9):
        assert again.insert(record(number)).stored, "one after the save is not, so it can be inserted again"
    assert sorted(numbers(again.sample(5).columns)) == [5, 6, 7, 8, 9]


def test_a_phase_after_the_save_does_not_hide_the_records(tmp_path: Path) -> None:
    table = half_way(tmp_path)
    table.save(tmp_path / STATE_FILE)
    table.start_phase(PHASE, fresh=True)
    table.insert(record(100))
    table.close()
    again = restored(config(10), tmp_path, FORMAT)
    assert sorted(numbers(again.sample(10).columns)) == [*range(2, 10), 11, 100], "slot 0 held 10"


KILLED = """
import sys
from pathlib import Path
from tests.replay.helpers import STATE_FILE, UNLIMITED, config, created, open_phase
from tests.replay.test_persistence import LARGE, large
table = created(config(6, **UNLIMITED), Path(sys.argv[1]), LARGE, seed=0)
table.start_phase(open_phase(), fresh=True)
for number in range(8):
    table.insert(large(number))
table.save(Path(sys.argv[1]) / STATE_FILE)
print("saved", flush=True)
number = 8
while True:
    table.insert(large(number))
    number += 1
"""
LARGE_SHAPE = (2048, 2048)
LARGE = RecordFormat(
    {"image": (LARGE_SHAPE, np.dtype(np.uint8)), "key": ((), np.dtype(np.int64))}, "key", None, same, same
)


def large(number: int) -> dict[str, Any]:
    """A record that takes a good part of a millisecond to write."""
    return {"image": np.full(LARGE_SHAPE, number % 256, np.uint8), "key": np.array(number)}


@pytest.mark.parametrize("delay", [0.02, 0.05, 0.11])
def test_a_process_killed_while_it_inserts_leaves_whole_records(tmp_path: Path, delay: float) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "saved\n"
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    table = restored(config(6, **UNLIMITED), tmp_path, LARGE)
    columns = table.sample(6).columns
    assert np.array_equal(columns["image"], np.broadcast_to(columns["image"][:, :1, :1], columns["image"].shape))
    assert np.array_equal(columns["image"][:, 0, 0], columns["key"] % 256)
    assert table.statistics()["phase"]["inserted"] == 8
    assert table.insert(large(10**6)).stored


# Files that are wrong


def saved(folder: Path) -> Path:
    table = half_way(folder)
    table.save(folder / STATE_FILE)
    table.close()
    return folder / STATE_FILE


def test_damaged_states_are_one_sentence(tmp_path: Path) -> None:
    path = saved(tmp_path)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-10], b"", b"nonsense", b"PK\x03\x04" + bytes(50)):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=f"{STATE_FILE} is not a saved replay table, or is damaged: "):
            restored(config(10), tmp_path, FORMAT)
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 255
    path.write_bytes(flipped)
    with pytest.raises(ValueError, match=STATE_FILE):
        restored(config(10), tmp_path, FORMAT)
    path.unlink()
    with pytest.raises(ValueError, match=f"{STATE_FILE} does not exist: no replay table was saved there"):
        restored(config(10), tmp_path, FORMAT)
    path.write_bytes(whole)
    restored(config(10), tmp_path, FORMAT)


class Forged:
    """Would leave a trace if it were unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("executed"),))


def test_a_forged_state_is_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path / "table")
    state = read_state(path)
    np.savez(path, json=np.array([Forged()], dtype=object), order=state["order"], allow_pickle=True)
    with pytest.raises(ValueError, match="is not a saved replay table"):
        restored(config(10), path.parent, FORMAT)
    assert not Path("executed").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"capacity": 11}, "replay.capacity must be 11 as when it was saved"),
        ({"fields": {}}, "the records have other fields"),
        ({"priorities": np.full(10, np.nan)}, "its priorities must be finite and above 0, one for each record"),
        ({"priorities": np.full(9, 0.5)}, "its priorities must be finite and above 0, one for each record"),
        ({"order": np.zeros(10, np.int64)}, "the state is not that of a ring of 10 records"),
        ({"limiter": {"inserted": 99, "sampled": 0}}, "the limiter's state of 99 records and 0 batches is not"),
        ({"generator": {"bit_generator": "MT19937"}}, "state must be for a PCG64"),
        ({"phase": None, "batches": None}, "int"),
        ({"waited": None}, "it lacks 'waited'"),
    ],
)
def test_states_that_do_not_fit(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    path = saved(tmp_path)
    state = {**read_state(path), **change}
    if "waited" in change:
        del state["waited"]
    write_state(path, state)
    with pytest.raises(ValueError, match=sentence) as error:
        restored(config(10), tmp_path, FORMAT)
    assert str(error.value).startswith(f"{path} does not fit the replay table in {tmp_path}: ")
    Ring.reopen(tmp_path, FIELDS, 10)  # a refusal leaves the folder free


def test_settings_that_do_not_fit(tmp_path: Path) -> None:
    saved(tmp_path)
    with pytest.raises(ValueError, match=r"picture.npy must hold float16\(12, 3, 5\), not float16\(10, 3, 5\)"):
        restored(config(12), tmp_path, FORMAT)
    other = RecordFormat({**FIELDS, "bits": ((7,), np.dtype(np.int8))}, "key", "version", same, same)
    with pytest.raises(ValueError, match=r"bits.npy must hold int8\(10, 7\), not uint8\(10, 7\)"):
        restored(config(10), tmp_path, other)
    restored(config(10), tmp_path, FORMAT)  # a refusal leaves the folder free


# Atomic writing


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_save_leaves_the_earlier_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / STATE_FILE
    write_state(path, {"a": 1, "b": np.arange(3)})

    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError) as error:
        write_state(path, {"a": 2, "b": np.arange(4)})
    monkeypatch.undo()
    assert str(error.value) == f"the replay's state cannot be written to {path}: No space left on device"
    assert read_state(path)["a"] == 1 and read_state(path)["b"].tolist() == [0, 1, 2]
    assert [entry.name for entry in tmp_path.iterdir()] == [STATE_FILE]


def test_a_full_disk_leaves_the_earlier_state(tiny_disk: Path) -> None:
    path = tiny_disk / STATE_FILE
    write_state(path, {"a": 1, "b": np.arange(3)})
    with pytest.raises(OSError, match="cannot be written to .*: No space left on device"):
        write_state(path, {"a": 2, "b": np.zeros(2**20)})
    assert read_state(path)["a"] == 1
    assert [entry.name for entry in tiny_disk.iterdir()] == [STATE_FILE]


def test_a_restored_phase_continues_at_the_learners_count(tmp_path: Path) -> None:
    table = half_way(tmp_path / "a")  # 12 records and 4 + 5 batches
    table.save(tmp_path / "a" / STATE_FILE)
    table.close()
    again = restored(config(10, locations_ahead=4, batches_ahead=3), tmp_path / "a", FORMAT)
    again.continue_phase(7)
    assert again.statistics()["phase"]["sampled"] == 7
    with pytest.raises(ValueError, match="is not of this phase"):
        again.continue_phase(1000)
    again.end_phase()
    with pytest.raises(RuntimeError, match="start_phase begins one"):
        again.continue_phase(7)


@pytest.mark.parametrize("batches", [1, 9])
def test_a_restored_phase_takes_the_schedule_that_is_configured_now(batches: int, tmp_path: Path) -> None:
    """Neither side waits for ever, whether its rounds have fewer or more batches than when it was saved."""
    table = half_way(tmp_path / "a")  # 12 records and 4 + 5 batches
    table.save(tmp_path / "a" / STATE_FILE)
    table.close()
    now = replace(PHASE, batches_per_round=(batches,) * len(PHASE.batches_per_round))
    again = restored(config(10, locations_ahead=4, batches_ahead=3), tmp_path / "a", FORMAT)
    again.continue_phase(9, now)
    number, sampled = 12, min(9, now.batches)
    while number < now.records or sampled < now.batches:
        before = number, sampled
        with suppress(TimeoutError):
            if number < now.records and again.insert(record(number), timeout=0).stored:
                number += 1
        with suppress(TimeoutError):
            if sampled < now.batches:
                again.sample(4, timeout=0)
                sampled += 1
        assert (number, sampled) != before, "both sides wait"
    again.close()

"""The ring: against a list under random operations, its files, and every way they can be wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import replay.ring as ring_module
from replay.interaction.record import RECORD_BYTES, RECORD_FIELDS
from replay.ring import INSERTION_IDS_FILE, Ring, bytes_per_record
from tests.replay.helpers import BYTES, FIELDS, numbers, record


def filled(folder: Path, capacity: int, count: int) -> Ring:
    ring = Ring.create(folder, FIELDS, capacity)
    for number in range(count):
        assert ring.append(record(number)) == (number % capacity, number)
    return ring


def test_the_newest_overwrites_the_oldest(tmp_path: Path) -> None:
    ring = filled(tmp_path, 4, 6)
    assert ring.size == 4 and ring.appended == 6 and ring.next_slot == 2
    assert ring.occupied.tolist() == [0, 1, 2, 3]
    assert ring.insertion_ids(np.arange(4)).tolist() == [4, 5, 2, 3]
    assert numbers(ring.gather(np.array([1, 2, 1]))) == [5, 2, 5]


def test_gathered_records_are_contiguous_copies(tmp_path: Path) -> None:
    ring = filled(tmp_path, 3, 3)
    columns = ring.gather(np.array([2, 0]))
    for name, (shape, dtype) in FIELDS.items():
        assert columns[name].shape == (2, *shape) and columns[name].dtype == dtype
        assert columns[name].flags.c_contiguous and columns[name].flags.writeable
        assert not isinstance(columns[name], np.memmap)
        columns[name][...] = 0
    assert numbers(ring.gather(np.array([2, 0]))) == [2, 0]


def test_bytes_are_stated_and_bounded(tmp_path: Path) -> None:
    ring = filled(tmp_path, 50, 120)
    assert bytes_per_record(FIELDS) == ring.bytes_per_record == BYTES
    assert ring.capacity_bytes == 50 * BYTES
    on_disk = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert on_disk == ring.capacity_bytes + 128 * (len(FIELDS) + 1)
    assert bytes_per_record(RECORD_FIELDS) == RECORD_BYTES + 8 == 475_133


def test_space_is_reserved_up_front(tmp_path: Path) -> None:
    Ring.create(tmp_path, {"image": ((1000,), np.dtype(np.uint8))}, 1000)
    assert (tmp_path / "image.npy").stat().st_blocks * 512 >= 1_000_000


def test_columns_are_plain_npy_files(tmp_path: Path) -> None:
    filled(tmp_path, 4, 3).close()
    assert np.load(tmp_path / "key.npy", mmap_mode="r").tolist() == [0, 1, 2, 0]
    assert np.load(tmp_path / INSERTION_IDS_FILE).tolist() == [0, 1, 2, -1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"bits": np.zeros(6, np.uint8)}, r"record field 'bits' must be uint8\(7,\), not uint8\(6,\)"),
        ({"picture": np.zeros((3, 5), np.float32)}, r"'picture' must be float16\(3, 5\), not float32\(3, 5\)"),
        ({"more": np.zeros(1)}, "a record must have the fields picture, bits, key, version, not .*more"),
    ],
)
def test_a_malformed_record_changes_nothing(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    ring = filled(tmp_path, 3, 3)
    with pytest.raises(ValueError, match=sentence):
        ring.append({**record(9), **change})
    assert numbers(ring.gather(ring.occupied)) == [0, 1, 2] and ring.appended == 3


def test_an_address_holds_until_it_is_overwritten(tmp_path: Path) -> None:
    ring = filled(tmp_path, 3, 4)
    slots, ids = np.array([0, 0, 1, 2]), np.array([0, 3, 1, 1])
    assert ring.holds(slots, ids).tolist() == [False, True, True, False]
    ring.clear()
    assert not ring.holds(slots, ids).any(), "a cleared ring holds nothing, though its files do"
    assert ring.append(record(7)) == (0, 4), "insertion ids are not used again"
    assert ring.holds(slots, np.array([3, 4, 1, 2])).tolist() == [False, True, False, False]


def test_sorting_makes_the_order_of_arrival_irrelevant(tmp_path: Path) -> None:
    contents = []
    for name, arrivals in (("a", [5, 3, 4, 9, 7, 8, 10]), ("b", [3, 4, 5, 8, 9, 7, 10])):
        ring = Ring.create(tmp_path / name, FIELDS, 5)
        for number in arrivals[:3]:
            ring.append(record(number))
        ring.sort_newest(3, "key")
        assert numbers(ring.gather(ring.occupied)) == [3, 4, 5]
        for number in arrivals[3:6]:  # two free places, then over the oldest: 3
            ring.append(record(number))
        ring.sort_newest(3, "key")
        assert numbers(ring.gather(ring.occupied)) == [9, 4, 5, 7, 8]
        ring.append(record(arrivals[6]))
        contents.append(numbers(ring.gather(ring.occupied)))
    assert contents == [[9, 10, 5, 7, 8]] * 2


def test_sorting_more_than_there_are_sorts_all(tmp_path: Path) -> None:
    ring = Ring.create(tmp_path, FIELDS, 4)
    for number in (2, 1):
        ring.append(record(number))
    ring.sort_newest(9, "key")
    assert numbers(ring.gather(ring.occupied)) == [1, 2]


def test_names_that_would_escape_the_folder_are_refused(tmp_path: Path) -> None:
    for name in ("../image", "_insertion_ids", ""):
        with pytest.raises(ValueError, match="must be named by a word that begins with a letter"):
            Ring.create(tmp_path / "ring", {name: ((), np.dtype(np.uint8))}, 3)
    assert list(tmp_path.iterdir()) == []


# Files


def test_reopening_continues(tmp_path: Path) -> None:
    ring = filled(tmp_path, 4, 6)
    state = ring.get_state()
    ring.close()
    again = Ring.reopen(tmp_path, FIELDS, 4)
    assert again.size == 0
    assert again.set_state(state).tolist() == []
    assert numbers(again.gather(again.occupied)) == [4, 5, 2, 3]
    assert again.append(record(6)) == (2, 6)


def test_records_after_the_state_are_forgotten_or_replace_older_ones(tmp_path: Path) -> None:
    ring = filled(tmp_path, 4, 6)
    state = ring.get_state()
    ring.append(record(100))
    ring.append(record(101))
    ring.close()
    again = Ring.reopen(tmp_path, FIELDS, 4)
    assert again.set_state(state).tolist() == [2, 3]
    assert again.size == 4 and again.appended == 6
    assert numbers(again.gather(again.occupied)) == [4, 5, 100, 101]
    assert again.holds(np.array([2]), np.array([2])).all(), "under the ids of the records that they replace"
    third = again.get_state()
    again.close()
    assert Ring.reopen(tmp_path, FIELDS, 4).set_state(third).tolist() == [], "known from then on"


def test_records_after_the_state_in_free_slots_are_forgotten(tmp_path: Path) -> None:
    ring = filled(tmp_path, 4, 2)
    state = ring.get_state()
    ring.append(record(100))
    ring.close()
    again = Ring.reopen(tmp_path, FIELDS, 4)
    assert again.set_state(state).tolist() == []
    assert numbers(again.gather(again.occupied)) == [0, 1]


def test_a_half_written_record_is_repaired(tmp_path: Path) -> None:
    ring = filled(tmp_path, 3, 3)
    state = ring.get_state()
    ring.column("bits")[1] = 99
    ring._ids[1] = -1  # as `append` leaves it when the process is killed inside
    ring.close()
    again = Ring.reopen(tmp_path, FIELDS, 3)
    assert again.set_state(state).tolist() == [1]
    assert numbers(again.gather(again.occupied)) == [0, 0, 2]


def test_a_ring_of_only_a_half_written_record_is_refused(tmp_path: Path) -> None:
    ring = filled(tmp_path, 1, 1)
    state = ring.get_state()
    ring._ids[0] = -1
    ring.close()
    with pytest.raises(ValueError, match="holds no complete record"):
        Ring.reopen(tmp_path, FIELDS, 1).set_state(state)


@pytest.mark.parametrize(
    "change",
    [
        {"order": np.array([0, 1, 2, 2])},
        {"order": np.arange(3)},
        {"size": 5},
        {"size": 3},
        {"position": 4},
        {"position": -1},
        {"insertion_ids": np.array([4, 5, 2])},
        {"insertion_ids": np.array([4, 5, 2, 6])},
        {"insertion_ids": np.array([4, 5, 2, -1])},
    ],
)
def test_a_state_of_another_ring_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    ring = filled(tmp_path, 4, 6)
    with pytest.raises(ValueError, match="the state is not that of a ring of 4 records"):
        ring.set_state({**ring.get_state(), **change})
    assert ring.size == 4 and ring.appended == 6


@pytest.mark.parametrize("name", ["bits.npy", INSERTION_IDS_FILE])
def test_damaged_files_are_one_sentence(tmp_path: Path, name: str) -> None:
    filled(tmp_path, 4, 4).close()
    path = tmp_path / name
    whole = path.read_bytes()

    path.write_bytes(whole[:-1])
    with pytest.raises(ValueError, match=f"{name} is damaged: "):
        Ring.reopen(tmp_path, FIELDS, 4)
    assert path.stat().st_size == len(whole) - 1, "not lengthened by opening it"

    path.write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=f"{name} is damaged: "):
        Ring.reopen(tmp_path, FIELDS, 4)

    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=f"{name} is damaged: "):
        Ring.reopen(tmp_path, FIELDS, 4)

    np.save(path, np.zeros(4, np.float32))
    with pytest.raises(ValueError, match=rf"{name} must hold (uint8\(4, 7\)|int64\(4,\)), not float32\(4,\)"):
        Ring.reopen(tmp_path, FIELDS, 4)

    path.unlink()
    with pytest.raises(ValueError, match=f"lacks the file {name}"):
        Ring.reopen(tmp_path, FIELDS, 4)

    path.write_bytes(whole)
    Ring.reopen(tmp_path, FIELDS, 4)


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere is not the folder of a replay table"):
        Ring.reopen(tmp_path / "nowhere", FIELDS, 4)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    ring = filled(tmp_path, 4, 4)
    code = (
        "import sys; from pathlib import Path; from replay.ring import Ring; from tests.replay.helpers import FIELDS\n"
        "Ring.reopen(Path(sys.argv[1]), FIELDS, 4)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode and "is in use by another process: end that one first" in refused.stderr
    with pytest.raises(OSError, match="is in use by another process"):
        Ring.create(tmp_path, FIELDS, 4)
    assert numbers(ring.gather(ring.occupied)) == [0, 1, 2, 3], "the refused one did not touch the files"
    ring.close()
    subprocess.run(command, env=environment, check=True)


# Full disks


def ring_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".npy")


def test_a_disk_that_is_too_small(tiny_disk: Path) -> None:
    with pytest.raises(OSError) as error:
        Ring.create(tiny_disk / "table", FIELDS, 100_000)
    assert str(error.value) == (
        f"the replay table needs {100_000 * BYTES} bytes in {tiny_disk / 'table'}, where {2**20} are free: "
        "lower replay.capacity or choose another disk"
    )
    assert ring_files(tiny_disk / "table") == []
    Ring.create(tiny_disk / "table", FIELDS, 1000).close()


def test_a_disk_that_fills_up_while_space_is_reserved(tiny_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring_module.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(2**40, 0, 2**40))
    with pytest.raises(OSError, match=r"the replay table needs .* bytes in .* \(No space left on device\)"):
        Ring.create(tiny_disk, FIELDS, 100_000)
    assert ring_files(tiny_disk) == []


def test_a_new_ring_replaces_an_old_one_in_its_space(tiny_disk: Path) -> None:
    capacity = 600_000 // BYTES
    for _ in range(2):
        filled(tiny_disk, capacity, 3).close()


class RingMachine(RuleBasedStateMachine):
    """Random operations against a list of numbers in ring order, with restarts on the files."""

    @initialize(capacity=st.integers(1, 6))
    def start(self, capacity: int) -> None:
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.capacity = capacity
        self.ring = Ring.create(self.path, FIELDS, capacity)
        self.model: list[tuple[int, int]] = []  # (insertion id, number) by position
        self.position = self.appended = 0
        self.saved: Any = None

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.ring.close()
            self.folder.cleanup()

    @rule(number=st.integers(0, 10**6))
    def append(self, number: int) -> None:
        slot, insertion_id = self.ring.append(record(number))
        assert insertion_id == self.appended
        assert self.ring.occupied[self.position] == slot
        self.model[self.position : self.position + 1] = [(insertion_id, number)]
        self.position = (self.position + 1) % self.capacity
        self.appended += 1

    @rule()
    def clear(self) -> None:
        self.ring.clear()
        self.model, self.position = [], 0

    @rule(count=st.integers(0, 8))
    def sort(self, count: int) -> None:
        self.ring.sort_newest(count, "key")
        count = min(count, len(self.model))
        positions = [(self.position - count + i) % self.capacity for i in range(count)]
        for position, entry in zip(
            positions, sorted((self.model[p] for p in positions), key=lambda entry: entry[1]), strict=True
        ):
            self.model[position] = entry

    @rule()
    def save(self) -> None:
        self.saved = (self.ring.get_state(), list(self.model), self.position, self.appended)

    @precondition(lambda self: self.saved is not None)
    @rule()
    def restart(self) -> None:
        state, model, self.position, self.appended = self.saved
        ids, keys = self.ring._ids.copy(), self.ring.column("key").copy()
        self.ring.close()
        self.ring = Ring.reopen(self.path, FIELDS, self.capacity)
        lost = self.ring.set_state(state).tolist()
        slots = state["order"][: state["size"]].tolist()
        assert lost == [slot for slot, (insertion_id, _) in zip(slots, model, strict=True) if ids[slot] != insertion_id]
        self.model = [
            (insertion_id, int(keys[slot]) if slot in lost else number)
            for slot, (insertion_id, number) in zip(slots, model, strict=True)
        ]
        self.saved = (self.ring.get_state(), list(self.model), self.position, self.appended)

    @invariant()
    def agrees_with_the_model(self) -> None:
        if not hasattr(self, "ring"):
            return
        occupied = self.ring.occupied
        assert len(set(occupied.tolist())) == self.ring.size == len(self.model) <= self.capacity
        assert numbers(self.ring.gather(occupied)) == [number for _, number in self.model]
        ids = [insertion_id for insertion_id, _ in self.model]
        assert sorted(self.ring.insertion_ids(occupied).tolist()) == sorted(ids)
        assert self.ring.appended == self.appended
        assert self.ring.holds(occupied, self.ring.insertion_ids(occupied)).all()


TestRingMachine = RingMachine.TestCase
TestRingMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)

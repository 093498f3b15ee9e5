"""A ring of records in memory-mapped files: a table's storage, and its persistence.

Each field is a column, one `.npy` file in the ring's folder (so `numpy.load(path, mmap_mode="r")` shows it to anybody);
one more column holds the insertion id of each record. Space is reserved when the ring is made: a full disk is one
sentence then instead of a bus error later. A folder is used by one process at a time.

Not safe under concurrent calls; `replay.table.Table` holds a lock around each.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from replay.core import Fields

INSERTION_IDS_FILE = "_stamp.npy"
"""Column of the insertion ids, under the name that the first version gave it."""
_WRITING = -1
"""Insertion id of a slot whose record is not, or not completely, written."""


def bytes_per_record(fields: Fields) -> int:
    """Bytes that one record takes on disk: its fields and an 8-byte insertion id."""
    return 8 + sum(int(np.prod(shape)) * np.dtype(dtype).itemsize for shape, dtype in fields.values())


def describe(fields: Fields) -> dict[str, Any]:
    """Shape and dtype of each field, JSON-able."""
    return {name: [list(shape), np.dtype(dtype).str] for name, (shape, dtype) in fields.items()}


class Ring:
    """`capacity` records; the newest overwrites the oldest.

    A record lives in a *slot*, the same in each column. Its *insertion id* counts the records appended before it in
    the ring's life; slot and insertion id together name a record for good. The order in which slots are reused is a
    permutation that `sort_newest` may change. A queue removes the oldest records before they are overwritten.
    """

    def __init__(self, folder: Path, columns: dict[str, NDArray[Any]], ids: NDArray[np.int64], lock: int) -> None:
        """For `create` and `reopen`."""
        self._folder = folder
        self._columns = columns
        self._ids = ids
        self._lock: int | None = lock
        self._order = np.arange(len(ids))
        self._position = 0
        self._size = 0
        self._next_id = 0

    @classmethod
    def create(cls, folder: Path, fields: Fields, capacity: int) -> Ring:
        """Makes an empty ring, with all its space reserved; files of an earlier ring in the folder are replaced.

        Raises:
            ValueError: a field's name cannot be a file name.
            OSError: the disk is too full, or another process uses the folder. No files of the ring are left then.
        """
        for name in fields:
            if not name.isidentifier() or name.startswith("_"):
                raise ValueError(f"a field of a record must be named by a word that begins with a letter, not '{name}'")
        folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(folder)
        paths = {name: folder / f"{name}.npy" for name in fields}
        try:
            for path in (*paths.values(), folder / INSERTION_IDS_FILE):
                path.unlink(missing_ok=True)
            needed = capacity * bytes_per_record(fields)
            free = shutil.disk_usage(folder).free
            if needed > free:
                raise OSError(_full(folder, needed, free))
            try:
                columns = {
                    name: _make_column(paths[name], (capacity, *shape), np.dtype(dtype))
                    for name, (shape, dtype) in fields.items()
                }
                ids = _make_column(folder / INSERTION_IDS_FILE, (capacity,), np.dtype(np.int64))
                ids[:] = _WRITING
            except OSError as error:
                for path in (*paths.values(), folder / INSERTION_IDS_FILE):
                    path.unlink(missing_ok=True)
                reason = _full(folder, needed, shutil.disk_usage(folder).free)
                raise OSError(f"{reason} ({error.strerror})") from error
        except BaseException:
            os.close(lock)
            raise
        return cls(folder, columns, ids, lock)

    @classmethod
    def reopen(cls, folder: Path, fields: Fields, capacity: int) -> Ring:
        """Opens the files of a ring made before. It counts as empty until `set_state` says what it holds.

        Raises:
            ValueError: a file is missing, damaged, or of another shape or dtype.
            OSError: another process uses the folder.
        """
        if not folder.is_dir():
            raise ValueError(f"{folder} is not the folder of a replay table")
        lock = _lock(folder)
        try:
            columns = {
                name: _open_column(folder / f"{name}.npy", (capacity, *shape), np.dtype(dtype))
                for name, (shape, dtype) in fields.items()
            }
            ids = _open_column(folder / INSERTION_IDS_FILE, (capacity,), np.dtype(np.int64))
        except BaseException:
            os.close(lock)
            raise
        return cls(folder, columns, ids, lock)

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        return self._folder

    @property
    def capacity(self) -> int:
        """Most records that it holds."""
        return len(self._ids)

    @property
    def size(self) -> int:
        """Records that it holds now."""
        return self._size

    @property
    def appended(self) -> int:
        """Records appended in the ring's life: the next insertion id."""
        return self._next_id

    @property
    def bytes_per_record(self) -> int:
        """Bytes on disk of one record, its insertion id included."""
        return self._ids.itemsize + sum(column[:1].nbytes for column in self._columns.values())

    @property
    def capacity_bytes(self) -> int:
        """Bytes reserved on disk, up to a 128-byte header for each file. The ring never takes more."""
        return self.capacity * self.bytes_per_record

    @property
    def occupied(self) -> NDArray[np.int64]:
        """(size,) int64 slots that hold a record, in the order in which slots are reused (perhaps a view: do not
        write). A ring from which nothing was removed starts at the order's first slot, not at the oldest record."""
        if self._size in (self.capacity, self._position):
            return self._order[: self._size]
        return self.oldest(self._size)

    def oldest(self, count: int) -> NDArray[np.int64]:
        """(count,) int64 slots of the oldest records, the oldest first. `count` must be at most the size."""
        return self._order[(self._position - self._size + np.arange(count)) % self.capacity]

    @property
    def next_slot(self) -> int:
        """The slot that the next `append` writes, over the record there if the ring is full."""
        return int(self._order[self._position])

    def append(self, record: Mapping[str, NDArray[Any]]) -> tuple[int, int]:
        """Copies a record in.

        Returns:
            its slot and its insertion id.

        Raises:
            ValueError: a field is missing, unknown, or of another shape or dtype; the ring is unchanged.
        """
        if record.keys() != self._columns.keys():
            raise ValueError(f"a record must have the fields {', '.join(self._columns)}, not {', '.join(record)}")
        for name, column in self._columns.items():
            value = record[name]
            if value.shape != column.shape[1:] or value.dtype != column.dtype:
                expected = f"{column.dtype}{column.shape[1:]}"
                raise ValueError(f"record field '{name}' must be {expected}, not {value.dtype}{value.shape}")
        slot, insertion_id = self.next_slot, self._next_id
        # In this order, so that a process killed in between leaves a slot that is known to be half-written.
        self._ids[slot] = _WRITING
        for name, column in self._columns.items():
            column[slot] = record[name]
        self._ids[slot] = insertion_id
        self._next_id += 1
        self._position = (self._position + 1) % self.capacity
        self._size = min(self._size + 1, self.capacity)
        return slot, insertion_id

    def gather(self, slots: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Copies records out: each field as a contiguous array with a leading axis like `slots`."""
        return {name: np.take(column, slots, axis=0) for name, column in self._columns.items()}

    def column(self, name: str) -> NDArray[Any]:
        """(capacity, ...) one field of all slots, the mapped file itself (do not write)."""
        return self._columns[name]

    def insertion_ids(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Insertion ids of the records in the slots, as `slots` in shape."""
        return self._ids[slots]

    def holds(self, slots: NDArray[np.int64], insertion_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each slot still holds the record of that id; same shape. Slots must be within the capacity."""
        occupied = np.zeros(self.capacity, dtype=bool)
        occupied[self.occupied] = True
        return occupied[slots] & (self._ids[slots] == insertion_ids)

    def remove_oldest(self, count: int) -> None:
        """Forgets the oldest `count` records, at most all; their slots are free."""
        self._size -= min(count, self._size)

    def take_back(self, count: int) -> int:
        """Undoes the newest removals, as far as no other record has been written over them.

        Returns:
            how many records, at most `count`, are in the ring again.
        """
        taken = 0
        while taken < count and self._size < self.capacity:
            slot = self._order[(self._position - self._size - 1) % self.capacity]
            if not 0 <= self._ids[slot] < self._next_id:
                break
            self._size += 1
            taken += 1
        return taken

    def clear(self) -> None:
        """Forgets all records. Insertion ids go on counting, so that no old address fits a new record."""
        self._order = np.arange(self.capacity)
        self._position = 0
        self._size = 0

    def sort_newest(self, count: int, name: str) -> None:
        """Rearranges the newest `count` records by a scalar field, as if they had been appended in that order.

        Records that came from several actors in any order are then sampled and overwritten as if from one.
        """
        positions = (self._position - min(count, self._size) + np.arange(min(count, self._size))) % self.capacity
        slots = self._order[positions]
        self._order[positions] = slots[np.argsort(self._columns[name][slots], kind="stable")]

    def flush(self) -> None:
        """Writes what the operating system still holds in memory to the disk. May run beside `append`."""
        for name in (*(f"{name}.npy" for name in self._columns), INSERTION_IDS_FILE):
            file = os.open(self._folder / name, os.O_RDONLY)
            try:
                os.fsync(file)  # mmap.flush would hold the interpreter's lock meanwhile
            finally:
                os.close(file)

    def close(self) -> None:
        """Lets another process open the folder. No `append` may follow."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def get_state(self) -> dict[str, Any]:
        """Which records it holds: arrays `order` (capacity,) and `insertion_ids` (size,), both int64, and numbers."""
        return {
            "position": self._position,
            "size": self._size,
            "next_id": self._next_id,
            "order": self._order.copy(),
            "insertion_ids": self._ids[self.occupied],
        }

    def set_state(self, state: Mapping[str, Any]) -> NDArray[np.int64]:
        """Continues from `get_state`, on the files as they are now.

        Records appended after the state was taken are forgotten, but may have overwritten older ones. Such a slot
        keeps the newer content under the old insertion id; the slot that a killed process left half-written gets a copy
        of another record. So a restart never shrinks the ring, and no call that waits for its size is blocked by one.

        Returns:
            (k,) int64 slots that no longer hold the record of the state.

        Raises:
            ValueError: not a state of a ring of this capacity, or no slot holds a complete record.
        """
        order, ids = np.asarray(state["order"]), np.asarray(state["insertion_ids"])
        position, size, next_id = int(state["position"]), int(state["size"]), int(state["next_id"])
        if not (
            order.shape == (self.capacity,)
            and np.array_equal(np.sort(order), np.arange(self.capacity))
            and 0 <= size <= self.capacity
            and 0 <= position < self.capacity
            and ids.shape == (size,)
            and np.all((ids >= 0) & (ids < next_id))
        ):
            raise ValueError(f"the state is not that of a ring of {self.capacity} records")
        # `occupied` needs these three; nothing else changes before the state is known to be good.
        before = self._order, self._position, self._size
        self._order, self._position, self._size = order.astype(np.int64), position, size
        slots = self.occupied.copy()
        found = self._ids[slots]
        torn, intact = slots[found == _WRITING], slots[found != _WRITING]
        if len(torn):
            if not len(intact):
                self._order, self._position, self._size = before
                raise ValueError(f"{self._folder} holds no complete record")
            for column in self._columns.values():
                column[torn] = column[intact[0]]
        self._ids[slots] = ids
        self._next_id = next_id
        return slots[found != ids]


def in_use(folder: Path) -> bool:
    """Whether a process has a ring in this folder open."""
    try:
        os.close(_lock(folder))
    except OSError:
        return True
    return False


def _lock(folder: Path) -> int:
    """Claims the folder for this process until the descriptor returned is closed, or the process ends."""
    lock = os.open(folder / "_lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise OSError(f"the replay table in {folder} is in use by another process: end that one first") from error
    return lock


def _make_column(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> NDArray[Any]:
    column = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    file = os.open(path, os.O_RDWR)
    try:
        os.posix_fallocate(file, 0, path.stat().st_size)
    finally:
        os.close(file)
    return np.asarray(column)


def _open_column(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> NDArray[Any]:
    try:
        # Read-only first: numpy would lengthen a truncated file that it may write to.
        found = np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError as error:
        raise ValueError(f"the replay table in {path.parent} lacks the file {path.name}") from error
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if found.shape != shape or found.dtype != dtype or not found.flags.c_contiguous:
        raise ValueError(f"{path} must hold {dtype}{shape}, not {found.dtype}{found.shape}")
    return np.asarray(np.lib.format.open_memmap(path, mode="r+"))


def _full(folder: Path, needed: int, free: int) -> str:
    return (
        f"the replay table needs {needed} bytes in {folder}, where {free} are free: "
        "lower replay.capacity or choose another disk"
    )

"""The memory bank: a ring of records, their priorities, and the rate limiter, safe under concurrent calls.

Source: paper, section "Priorities in the memory bank"; spec/interaction section 6; DESIGN "How data flows" 3 and 5.
Knows nothing of what a record means. Inserting and sampling wait as `replay.limiter.RateLimiter` says.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.config import ReplayConfig
from replay.limiter import Phase, RateLimiter
from replay.priorities import sample_without_replacement
from replay.ring import Fields, Ring
from replay.state_file import STATE_FILE, read_state, write_state


class BankTimeout(TimeoutError):
    """A call waited for the limiter longer than its timeout."""


class BankClosed(RuntimeError):
    """The bank was closed before or while the call waited."""


class PhaseFinished(RuntimeError):
    """The phase has all its batches, or it ended before or while the call waited."""


@dataclass(frozen=True)
class RecordFormat:
    """What the bank must know of a system's records."""

    fields: Fields
    """Shape and dtype of each field."""
    key_field: str | None
    """An integer scalar field that is unique in a run: a record whose key the bank holds is not stored again, and
    strict alternation orders a round's records by it. None: neither."""
    version_field: str | None
    """An integer scalar field, the version of the weights that the record was made with, for the staleness."""
    to_columns: Callable[[Any], dict[str, NDArray[Any]]]
    """Validates a record (ValueError) and gives its fields by name."""
    to_batch: Callable[[Sample], Any]
    """Makes of a sample what the learner consumes."""


class Receipt(NamedTuple):
    """Where an inserted record went."""

    slot: int
    """Slot in the ring; -1 if the phase was over."""
    stamp: int
    """Records inserted before it in the life of the bank; -1 if the phase was over."""
    stored: bool
    """False if the phase was over, or if the bank held a record of this key already (slot and stamp are of that)."""


class Sample(NamedTuple):
    """B records drawn without replacement."""

    columns: dict[str, NDArray[Any]]
    """Each field with a leading axis B, contiguous, the caller's own."""
    slots: NDArray[np.int64]
    """(B,) slot of each record."""
    stamps: NDArray[np.int64]
    """(B,) stamp of each record."""
    number: int
    """Batches sampled before this one in the life of the bank."""


class SavedBank(NamedTuple):
    """What `save` has written."""

    path: Path
    """The state's file."""
    state_bytes: int
    """Its size: order, stamps, priorities and counters are written whole."""
    record_bytes: int
    """Records that came since the save before, at most a ringful: the others lay on disk already."""


class MemoryBank:
    """See the module. `start_phase` must come before the first `insert` and `sample`."""

    def __init__(self, config: ReplayConfig, folder: Path, records: RecordFormat, seed: int) -> None:
        """Makes an empty bank with its files in `folder` and all its space reserved.

        Raises:
            ValueError: the folder holds a saved bank.
            OSError: see `Ring.create`.
        """
        if (folder / STATE_FILE).exists():
            raise ValueError(f"{folder} holds a saved memory bank: restore it or choose another folder")
        self._prepare(config, records, Ring.create(folder, records.fields, config.capacity), seed)

    @classmethod
    def restore(
        cls, config: ReplayConfig, folder: Path, records: RecordFormat, state_folder: Path | None = None
    ) -> MemoryBank:
        """Reopens a bank from its files and the state that `save` wrote, to continue exactly as it would have.

        Records inserted after the save are forgotten; where they had overwritten older ones, see `Ring.set_state`.
        The slacks, strictness and priorities' mode are those of `config`; the capacity must be the saved one.

        Raises:
            ValueError: a file is missing, damaged, or does not fit the settings.
            OSError: another process uses the folder.
        """
        path = (state_folder or folder) / STATE_FILE
        state = read_state(path)
        bank = cls.__new__(cls)
        ring = Ring.reopen(folder, records.fields, config.capacity)
        try:
            bank._prepare(config, records, ring, seed=0)
            bank.set_state(state)
        except (KeyError, TypeError, ValueError) as error:
            ring.close()
            reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"{path} does not fit the memory bank in {folder}: {reason}") from error
        return bank

    def _prepare(self, config: ReplayConfig, records: RecordFormat, ring: Ring, seed: int) -> None:
        self._config = config
        self._records = records
        self._ring = ring
        self._generator = np.random.Generator(np.random.PCG64(seed))
        self._priorities = np.full(config.capacity, config.initial_priority)
        self._slot_of_key: dict[int, int] = {}
        self._limiter: RateLimiter | None = None
        self._present = 0
        self._drawn = np.empty(0, dtype=np.int64)
        """Slots sampled in the current round, in their order; only if a round is sampled without replacement."""
        self._phase_number = 0
        self._closed = False
        # Over the life of the bank.
        self._batches = 0
        self._duplicates = 0
        self._replaced = 0
        self._unsorted = 0
        self._waited = {"insert": 0.0, "sample": 0.0}
        self._waiting = {"insert": 0, "sample": 0}
        self._flushed = 0
        """Records that had been appended when the bank was last saved."""
        self._changed = threading.Condition()
        self._saving = threading.Lock()

    def start_phase(self, phase: Phase, fresh: bool) -> None:
        """Begins a phase: a new limiter and, if `fresh`, an emptied bank.

        The phase before ends, as by `end_phase`.

        Raises:
            ValueError: the phase would block for ever; the bank is unchanged. See `RateLimiter`.
        """
        with self._changed:
            present = 0 if fresh else self._ring.size
            self._limiter = self._make_limiter(phase, present)
            self._present = present
            self._drawn = np.empty(0, dtype=np.int64)
            self._phase_number += 1
            self._sort()
            if fresh:
                self._ring.clear()
                self._slot_of_key.clear()
            self._changed.notify_all()

    def continue_phase(self, sampled: int, phase: Phase | None = None) -> None:
        """Goes on in a restored phase at so many batches.

        A learner that died may have asked for batches that it never used, or may have been saved a moment before or
        after the bank was: its count is the one that is true of the weights.

        Args:
            sampled: batches of the phase that the learner has trained on.
            phase: the phase as it is configured now. If it differs from the saved one, its counts go on from there: a
                side that is then too far ahead waits for the other. None: as it was saved.

        Raises:
            RuntimeError: the bank was not restored within a phase.
            ValueError: a count that the phase cannot have.
        """
        with self._changed:
            if self._limiter is None:
                raise RuntimeError("the memory bank was not saved within a phase: start_phase begins one")
            before, state = self._limiter.sampled_batches, self._limiter.get_state()
            in_round_before = self._limiter.sampled_in_round
            if phase is not None and phase != self._limiter.phase:
                self._limiter = self._make_limiter(phase, self._present)
                state["inserted"] = min(state["inserted"], phase.locations)
                sampled = min(sampled, phase.batches)
                self._drawn = self._drawn[:0]
            self._limiter.set_state({**state, "sampled": sampled})
            if sampled < before:  # batches that will be sampled again do not keep their records from it
                in_round = self._limiter.sampled_in_round
                same_round = sampled - in_round == before - in_round_before
                self._drawn = self._drawn[: in_round * self._limiter.phase.batch_size if same_round else 0]
            self._changed.notify_all()

    def end_phase(self) -> None:
        """Ends the phase early (without effect if it has ended): what waits, and what comes, is turned away.

        Records are then not stored, and samples end with PhaseFinished, until the next `start_phase`.
        """
        with self._changed:
            self._limiter = None
            self._changed.notify_all()

    def _make_limiter(self, phase: Phase, present: int) -> RateLimiter:
        return RateLimiter(
            phase,
            capacity=self._config.capacity,
            present=present,
            strict=self._config.strict,
            locations_ahead=self._config.locations_ahead,
            batches_ahead=self._config.batches_ahead,
            once_a_round=self._config.without_replacement == "round",
        )

    def insert(self, record: Any, timeout: float | None = None) -> Receipt:
        """Copies a record in, once the limiter allows it. Nothing of the caller's is kept.

        Args:
            record: what `RecordFormat.to_columns` takes.
            timeout: longest wait in seconds; None: no limit.

        Returns:
            where it went. It is not stored if the phase has all its locations or ended meanwhile (an actor need not
            care), nor if a record of its key is there (an actor died when it had sent its record; another one
            visited the location again).

        Raises:
            ValueError: a malformed record.
            BankTimeout, BankClosed: it is not stored.
        """
        columns = self._records.to_columns(record)
        key = None if self._records.key_field is None else int(columns[self._records.key_field])
        with self._changed:
            limiter = self._wait(
                "insert",
                lambda limiter: limiter.can_insert() or key in self._slot_of_key,
                lambda limiter: limiter.all_inserted,
                timeout,
            )
            if limiter is None:
                return Receipt(-1, -1, stored=False)
            if key is not None and key in self._slot_of_key:
                slot = self._slot_of_key[key]
                self._duplicates += 1
                return Receipt(slot, int(self._ring.stamps(np.array(slot))), stored=False)
            if self._records.key_field is not None:
                overwritten = int(self._ring.column(self._records.key_field)[self._ring.next_slot])
                if self._slot_of_key.get(overwritten) == self._ring.next_slot:
                    del self._slot_of_key[overwritten]
            slot, stamp = self._ring.append(columns)
            if key is not None:
                self._slot_of_key[key] = slot
            self._priorities[slot] = self._config.initial_priority
            self._unsorted += 1
            limiter.inserted()
            self._changed.notify_all()
            return Receipt(slot, stamp, stored=True)

    def sample(self, batch_size: int, timeout: float | None = None) -> Any:
        """Draws a batch by priority without replacement, once the limiter allows it.

        With replay.without_replacement=round, what earlier batches of the round have drawn is left out: together they
        are one draw without replacement by the priorities that each record had before the round.

        Args:
            batch_size: records, at most those that the bank holds.
            timeout: longest wait in seconds; None: no limit.

        Returns:
            `RecordFormat.to_batch` of the `Sample`.

        Raises:
            ValueError: fewer records than `batch_size`.
            PhaseFinished: the phase has all its batches, or has ended.
            BankTimeout, BankClosed: as for `insert`.
        """
        with self._changed:
            limiter = self._wait("sample", RateLimiter.can_sample, lambda limiter: limiter.all_sampled, timeout)
            if limiter is None:
                raise PhaseFinished("the phase has all its batches, or has ended")
            self._sort()
            candidates = self._ring.occupied
            if self._config.without_replacement == "round":
                if limiter.sampled_in_round == 0:
                    self._drawn = np.empty(0, dtype=np.int64)
                candidates = candidates[~np.isin(candidates, self._drawn)]
            weights = np.ones(len(candidates)) if self._config.mode == "uniform" else self._priorities[candidates]
            slots = candidates[sample_without_replacement(weights, batch_size, self._generator)]
            if self._config.without_replacement == "round":
                self._drawn = np.concatenate([self._drawn, slots])
            sample = Sample(self._ring.gather(slots), slots, self._ring.stamps(slots), self._batches)
            self._batches += 1
            limiter.sampled()
            self._changed.notify_all()
        return self._records.to_batch(sample)

    def _sort(self) -> None:
        """Under strict alternation, makes the bank independent of the order in which a round's records arrived.

        The limiter's check of the capacity makes sure that none of them was overwritten by another before.
        """
        if self._config.strict and self._records.key_field is not None:
            self._ring.sort_newest(self._unsorted, self._records.key_field)
        self._unsorted = 0

    def update_priorities(
        self, slots: NDArray[np.int64], stamps: NDArray[np.int64], priorities: NDArray[np.floating]
    ) -> int:
        """Sets the priorities of sampled records; those overwritten since are ignored.

        Args:
            slots, stamps: (B,) as the batch gave them.
            priorities: (B,) finite and above 0 (`replay.priorities.priority_from_score`).

        Returns:
            how many were set.

        Raises:
            ValueError: shapes that differ, a slot outside the ring, or a priority that is not finite or not above 0;
                nothing is set then.
        """
        slots, stamps, priorities = np.asarray(slots), np.asarray(stamps), np.asarray(priorities, dtype=np.float64)
        if not slots.shape == stamps.shape == priorities.shape or slots.ndim != 1:
            raise ValueError(
                "slots, stamps and priorities must be of one length, "
                f"not {slots.shape}, {stamps.shape} and {priorities.shape}"
            )
        if not np.all((slots >= 0) & (slots < self._config.capacity)):
            raise ValueError(f"slots must lie within the ring's {self._config.capacity}")
        wrong = priorities[~(np.isfinite(priorities) & (priorities > 0))]
        if len(wrong):
            raise ValueError(f"priorities must be finite and above 0, not {wrong[0]}")
        with self._changed:
            held = self._ring.holds(slots, stamps)
            self._priorities[slots[held]] = priorities[held]
        return int(held.sum())

    def statistics(self, newest_version: int | None = None) -> dict[str, Any]:
        """Counts, waits and histograms; JSON-able, without effect on the bank.

        Args:
            newest_version: the newest published weights; with it, `staleness` tells how far behind the weights were
                with which the records now in the bank were made.

        Returns:
            size, capacity, bytes (in use), capacity_bytes, bytes_per_record; inserted, sampled, duplicates, replaced
            (records lost to a restart) over the life of the bank; insert_wait_s, sample_wait_s (thread seconds,
            calls that still wait not included), insert_waiting, sample_waiting (calls that wait now); phase (None or
            its number, its counts, its totals, finished); priorities and staleness (None or counts (n,), edges (n+1,)
            and mean).
        """
        with self._changed:
            occupied = self._ring.occupied.copy()
            priorities = self._priorities[occupied]
            staleness = None
            if newest_version is not None and self._records.version_field is not None:
                staleness = newest_version - self._ring.column(self._records.version_field)[occupied]
            limiter = self._limiter
            return {
                "size": self._ring.size,
                "capacity": self._ring.capacity,
                "bytes": self._ring.size * self._ring.bytes_per_record,
                "capacity_bytes": self._ring.capacity_bytes,
                "bytes_per_record": self._ring.bytes_per_record,
                "inserted": self._ring.appended,
                "sampled": self._batches,
                "duplicates": self._duplicates,
                "replaced": self._replaced,
                "insert_wait_s": self._waited["insert"],
                "sample_wait_s": self._waited["sample"],
                "insert_waiting": self._waiting["insert"],
                "sample_waiting": self._waiting["sample"],
                "phase": None
                if limiter is None
                else {
                    "number": self._phase_number,
                    "inserted": limiter.inserted_locations,
                    "locations": limiter.phase.locations,
                    "prefill": limiter.phase.prefill,
                    "sampled": limiter.sampled_batches,
                    "batches": limiter.phase.batches,
                    "finished": limiter.finished,
                },
                "priorities": _histogram(priorities),
                "staleness": None if staleness is None else _histogram(staleness),
                "closed": self._closed,
            }

    def close(self) -> None:
        """Ends every call that waits, and every later insert or sample, with BankClosed; saving is still possible."""
        with self._changed:
            self._closed = True
            self._ring.close()
            self._changed.notify_all()

    def save(self, folder: Path | None = None) -> SavedBank:
        """Writes the state, atomically, to `folder` (default: beside the ring's files); the records stay in the ring.

        Inserting and sampling go on meanwhile.

        Raises:
            OSError: the disk is full; an earlier state there is untouched.
        """
        with self._saving:
            state = self.get_state()
            self._ring.flush()  # after the state was taken: all its records reach the disk before it does
            path = (folder or self._ring.folder) / STATE_FILE
            write_state(path, state)
            appended = state["ring"]["next_stamp"]
            new = min(appended - self._flushed, self._ring.capacity)
            self._flushed = appended
            return SavedBank(path, path.stat().st_size, new * self._ring.bytes_per_record)

    def get_state(self) -> dict[str, Any]:
        """Everything but the records: numbers and arrays by name, arrays only at the top."""
        with self._changed:
            ring = self._ring.get_state()
            limiter = self._limiter
            return {
                "fields": {n: [list(shape), np.dtype(dtype).str] for n, (shape, dtype) in self._records.fields.items()},
                "capacity": self._ring.capacity,
                "ring": {name: ring[name] for name in ("position", "size", "next_stamp")},
                "order": ring["order"],
                "stamps": ring["stamps"],
                "priorities": self._priorities[self._ring.occupied],
                "generator": self._generator.bit_generator.state,
                "phase": None if limiter is None else asdict(limiter.phase),
                "limiter": None if limiter is None else limiter.get_state(),
                "present": self._present,
                "drawn": self._drawn.copy(),
                "phase_number": self._phase_number,
                "batches": self._batches,
                "duplicates": self._duplicates,
                "replaced": self._replaced,
                "unsorted": self._unsorted,
                "waited": dict(self._waited),
            }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continues from `get_state` on the ring's files as they are. See `restore`, which callers should prefer.

        Raises:
            KeyError, TypeError, ValueError: not a state of a bank of these fields and this capacity.
        """
        fields = {n: [list(shape), np.dtype(dtype).str] for n, (shape, dtype) in self._records.fields.items()}
        if state["fields"] != fields:
            raise ValueError("the records have other fields")
        if state["capacity"] != self._config.capacity:
            raise ValueError(f"replay.capacity must be {state['capacity']} as when it was saved")
        priorities = np.asarray(state["priorities"], dtype=np.float64)
        if priorities.shape != (state["ring"]["size"],) or not np.all(np.isfinite(priorities) & (priorities > 0)):
            raise ValueError("its priorities must be finite and above 0, one for each record")
        generator = np.random.PCG64()
        generator.state = state["generator"]
        limiter = None
        if state["phase"] is not None:
            values = dict(state["phase"])
            limiter = self._make_limiter(
                Phase(**{**values, "batches_per_round": tuple(values["batches_per_round"])}), int(state["present"])
            )
            limiter.set_state(state["limiter"])
        with self._changed:
            replaced = self._ring.set_state({**state["ring"], "order": state["order"], "stamps": state["stamps"]})
            occupied = self._ring.occupied
            self._priorities[:] = self._config.initial_priority
            self._priorities[occupied] = priorities
            self._priorities[replaced] = self._config.initial_priority
            self._slot_of_key = {}
            if self._records.key_field is not None:
                # A location whose record was replaced will be visited again: its key must not count as held.
                kept = np.setdiff1d(occupied, replaced)
                keys = self._ring.column(self._records.key_field)[kept]
                self._slot_of_key = dict(zip(keys.tolist(), kept.tolist(), strict=True))
            self._generator = np.random.Generator(generator)
            self._limiter = limiter
            self._present = int(state["present"])
            self._drawn = np.asarray(state.get("drawn", []), dtype=np.int64)
            self._phase_number = int(state["phase_number"])
            self._batches = int(state["batches"])
            self._duplicates = int(state["duplicates"])
            self._replaced = int(state["replaced"]) + len(replaced)
            self._unsorted = int(state["unsorted"])
            self._flushed = self._ring.appended
            self._waited = {side: float(state["waited"][side]) for side in ("insert", "sample")}
            self._changed.notify_all()

    def _wait(
        self,
        side: str,
        ready: Callable[[RateLimiter], bool],
        over: Callable[[RateLimiter], bool],
        timeout: float | None,
    ) -> RateLimiter | None:
        """Waits, with the lock held, until `ready`; None if this side of the phase is over before that."""
        if self._phase_number == 0:
            raise RuntimeError("no phase of the memory bank has been started: call start_phase first")
        limiter = self._limiter
        began = time.monotonic()
        self._waiting[side] += 1
        try:
            in_time = self._changed.wait_for(
                lambda: (
                    self._closed or limiter is None or limiter is not self._limiter or ready(limiter) or over(limiter)
                ),
                timeout,
            )
        finally:
            self._waiting[side] -= 1
            self._waited[side] += time.monotonic() - began
        if self._closed:
            raise BankClosed("the memory bank is closed")
        if limiter is None or limiter is not self._limiter:
            return None
        if not in_time:
            raise BankTimeout(
                f"no {side} was possible for {timeout} s: {limiter.inserted_locations} of {limiter.phase.locations} "
                f"locations are in and {limiter.sampled_batches} of {limiter.phase.batches} batches are taken"
            )
        return limiter if ready(limiter) else None


def _histogram(values: NDArray[Any], bins: int = 20) -> dict[str, Any]:
    """{"counts", "edges", "mean"} of (n,) values, over `bins` equal bins from the smallest to the largest."""
    if not len(values):
        return {"counts": [], "edges": [], "mean": None}
    counts, edges = np.histogram(values, bins=bins)
    return {"counts": counts.tolist(), "edges": edges.tolist(), "mean": float(np.mean(values))}

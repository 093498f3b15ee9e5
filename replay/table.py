"""A table: a ring of records, a selector and a rate limiter, safe under concurrent calls.

Inserting and sampling wait as `replay.limiter.RateLimiter` and the table's selector say. The model is Reverb's
table; see also the paper, section "Priorities in the memory bank", and docs/interaction.md, Schedule.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from replay.core import NothingToSample, PhaseFinished, Receipt, Sample, TableSpec
from replay.keys import Keys
from replay.layout import in_new_words
from replay.limiter import Phase, RateLimiter, make_limiter, restored_limiter
from replay.ring import Ring, describe
from replay.selectors import check_priorities, make_selector
from replay.state_file import read_state, write_state
from replay.statistics import histogram, progress, ring_figures
from replay.waiting import SIDES, Waiting


class Table:
    """See the module. `start_phase` must come before the first `insert` and `sample`."""

    def __init__(self, spec: TableSpec, ring: Ring, seed: int) -> None:
        """For `create` and `restore`.

        Args:
            spec: its settings.
            ring: of the table's fields and capacity, empty.
            seed: of the sampling.
        """
        self._spec = spec
        self._ring = ring
        self._selector = make_selector(spec, ring, seed)
        self._keys = Keys(ring, spec.records.key_field)
        self._waiting = Waiting()
        self._changed = self._waiting.changed
        self._present = 0
        # Over the life of the table.
        self._batches = 0
        self._duplicates = 0
        self._replaced = 0
        self._unsorted = 0
        self._flushed = 0
        """Records that had been appended when the table was last saved."""
        self._saving = threading.Lock()

    @classmethod
    def create(cls, spec: TableSpec, folder: Path, seed: int) -> Table:
        """Makes an empty table with its files in `folder` and all its space reserved. Raises as `Ring.create`."""
        return cls(spec, Ring.create(folder, spec.records.fields, spec.capacity), seed)

    @classmethod
    def restore(cls, spec: TableSpec, folder: Path, state_path: Path) -> Table:
        """Reopens a table from its files and the state that `save` wrote, to continue exactly as it would have.

        Records inserted after the save are forgotten; where they had overwritten older ones, see `Ring.set_state`.

        Raises:
            ValueError: a file is missing, damaged, or does not fit the settings.
            OSError: another process uses the folder.
        """
        state = read_state(state_path)
        ring = Ring.reopen(folder, spec.records.fields, spec.capacity)
        try:
            table = cls(spec, ring, seed=0)
            table.set_state(in_new_words(state))
        except (KeyError, TypeError, ValueError) as error:
            ring.close()
            reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"{state_path} does not fit the replay table in {folder}: {reason}") from error
        return table

    def check_phase(self, phase: Phase | None, fresh: bool) -> None:
        """Raises ValueError as `start_phase` would, without effect."""
        with self._changed:
            if phase is not None:
                make_limiter(self._spec, phase, 0 if fresh else self._ring.size)

    def start_phase(self, phase: Phase | None, fresh: bool) -> None:
        """Begins a phase: a new limiter and, if `fresh`, an emptied table. The phase before ends, as by `end_phase`.

        Args:
            phase: what it asks of the table. None: the table takes no part: records are not stored, and samples end
                with PhaseFinished.
            fresh: whether the records of earlier phases are forgotten.

        Raises:
            ValueError: the phase would block for ever; the table is unchanged. See `RateLimiter`.
        """
        with self._changed:
            present = 0 if fresh else self._ring.size
            self._waiting.limiter = None if phase is None else make_limiter(self._spec, phase, present)
            self._present = present
            self._waiting.phase_number += 1
            self._sort()
            self._selector.cleared()
            if fresh:
                self._ring.clear()
                self._keys.clear()
            self._changed.notify_all()

    def continue_phase(self, sampled: int, phase: Phase | None = None) -> None:
        """Goes on in a restored phase at so many batches.

        A learner that died may have asked for batches that it never used, or may have been saved a moment before or
        after the table was: its count is the one that is true of the weights. A queue takes the records of unused
        batches back; where others were written over them already, as many more are inserted in the phase.

        Args:
            sampled: batches of the phase that the learner has trained on.
            phase: the phase as it is configured now. If it differs from the saved one, its counts go on from there: a
                side that is then too far ahead waits for the other. None: as it was saved.

        Raises:
            RuntimeError: the table was not restored within a phase.
            ValueError: a count that the phase cannot have.
        """
        with self._changed:
            if self._waiting.limiter is None:
                raise RuntimeError("the replay table was not saved within a phase: start_phase begins one")
            limiter = self._waiting.limiter
            before, state, in_round_before = limiter.sampled_batches, limiter.get_state(), limiter.sampled_in_round
            changed = phase is not None and phase != limiter.phase
            if phase is not None and changed:
                limiter = make_limiter(self._spec, phase, self._present)
                state["inserted"] = min(state["inserted"], phase.records)
                sampled = min(sampled, phase.batches)
            limiter.set_state({**state, "sampled": sampled})
            if self._selector.consumes:
                self._consume(sampled - before, limiter)
            if changed:
                self._selector.keep_drawn(0)
            if sampled < before:  # batches that will be sampled again do not keep their records from it
                in_round = limiter.sampled_in_round
                same_round = sampled - in_round == before - in_round_before
                self._selector.keep_drawn(in_round * limiter.phase.batch_size if same_round else 0)
            self._waiting.limiter = limiter
            self._changed.notify_all()

    def _consume(self, batches: int, limiter: RateLimiter) -> None:
        """Removes the records of so many batches, or takes those of so many removed ones back if negative."""
        records = batches * limiter.phase.batch_size
        if records >= 0:
            self._ring.remove_oldest(records)
            return
        taken = self._ring.take_back(-records)
        self._keys.add(self._ring.oldest(taken))
        counts = limiter.get_state()
        limiter.set_state({**counts, "inserted": max(0, counts["inserted"] + records + taken)})

    def end_phase(self) -> None:
        """Ends the phase early (without effect if it has ended): waiting and later calls are turned away.

        Records are then not stored, and samples end with PhaseFinished, until the next `start_phase`.
        """
        with self._changed:
            self._waiting.limiter = None
            self._changed.notify_all()

    def insert(self, record: Any, timeout: float | None = None) -> Receipt:
        """Copies a record in, once the limiter allows it and, for a queue, a slot is free.

        Args:
            record: what `RecordFormat.to_columns` takes; nothing of it is kept by reference.
            timeout: longest wait in seconds; None: no limit.

        Returns:
            where it went. It is not stored if the phase has all its records, ended meanwhile or leaves the table out
            (an actor need not care), nor if the table holds a record of its key already (an actor died after it had
            sent its record, and another one repeated the task).

        Raises:
            ValueError: a malformed record.
            ReplayTimeout, ReplayClosed: it is not stored.
        """
        columns = self._spec.records.to_columns(record)
        key = self._keys.of(columns)
        with self._changed:
            limiter = self._waiting.wait(
                "insert",
                lambda limiter: self._can_insert(limiter) or self._keys.find(key) is not None,
                lambda limiter: limiter.all_inserted,
                timeout,
            )
            if limiter is None:
                return Receipt(-1, -1, stored=False)
            if (slot := self._keys.find(key)) is not None:
                self._duplicates += 1
                return Receipt(slot, int(self._ring.insertion_ids(np.array(slot))), stored=False)
            self._keys.before_append()
            slot, insertion_id = self._ring.append(columns)
            self._keys.appended(key, slot)
            self._selector.inserted(slot)
            self._unsorted += 1
            limiter.inserted()
            self._changed.notify_all()
            return Receipt(slot, insertion_id, stored=True)

    def _can_insert(self, limiter: RateLimiter) -> bool:
        return limiter.can_insert() and not (self._selector.consumes and self._ring.size == self._ring.capacity)

    def sample(self, batch_size: int, timeout: float | None = None) -> Any:
        """Makes a batch of different records, once the limiter and the selector allow it.

        Args:
            batch_size: records, at most those that the table holds.
            timeout: longest wait in seconds; None: no limit.

        Returns:
            `RecordFormat.to_batch` of the `Sample`.

        Raises:
            ValueError: fewer records than `batch_size`.
            PhaseFinished: the phase has all its batches, ended, or leaves the table out.
            NothingToSample: the selector finds no batch, and the limiter lets no further record in.
            ReplayTimeout, ReplayClosed: as for `insert`.
        """

        def stuck(limiter: RateLimiter) -> bool:
            return limiter.can_sample() and not (self._can_insert(limiter) or self._selector.can_select(batch_size))

        with self._changed:
            phase = self._waiting.limiter
            limiter = self._waiting.wait(
                "sample",
                lambda limiter: limiter.can_sample() and self._selector.can_select(batch_size),
                lambda limiter: limiter.all_sampled or stuck(limiter),
                timeout,
            )
            if limiter is None:
                if phase is not None and phase is self._waiting.limiter and stuck(phase):
                    raise NothingToSample(
                        f"the selector {self._spec.selector.kind} finds no batch of {batch_size} among "
                        f"{self._ring.size} records, and the rate limit lets no further record in"
                    )
                raise PhaseFinished("the phase has all its batches, or has ended")
            self._sort()
            if self._spec.selector.once_a_round and limiter.sampled_in_round == 0:
                self._selector.begin_round()
            slots = self._selector.select(batch_size)
            sample = Sample(self._ring.gather(slots), slots, self._ring.insertion_ids(slots), self._batches)
            if self._selector.consumes:
                self._ring.remove_oldest(batch_size)
            self._batches += 1
            limiter.sampled()
            self._changed.notify_all()
        return self._spec.records.to_batch(sample)

    def _sort(self) -> None:
        """Under strict alternation, makes the table independent of the order in which a round's records arrived.

        The limiter's check of the capacity makes sure that none of them was overwritten by another before.
        """
        if self._spec.limiter.strict and self._spec.records.key_field is not None:
            self._ring.sort_newest(self._unsorted, self._spec.records.key_field)
        self._unsorted = 0

    def update_priorities(
        self, slots: NDArray[np.int64], insertion_ids: NDArray[np.int64], priorities: NDArray[np.floating]
    ) -> int:
        """Sets the priorities of sampled records; those overwritten or removed since are ignored.

        Args:
            slots, insertion_ids: (B,) as the batch gave them.
            priorities: (B,) finite and above 0.

        Returns:
            how many of the records the table still holds. Selectors other than `prioritized` ignore the values.

        Raises:
            ValueError: shapes that differ, a slot outside the ring, or a priority that is not finite or not above 0;
                nothing is set then.
        """
        slots, ids, values = np.asarray(slots), np.asarray(insertion_ids), np.asarray(priorities, dtype=np.float64)
        check_priorities(slots, ids, values, self._spec.capacity)
        with self._changed:
            held = self._ring.holds(slots, ids)
            self._selector.set_priorities(slots[held], values[held])
        return int(held.sum())

    def statistics(self, newest_version: int | None = None) -> dict[str, Any]:
        """Counts, waits and histograms; JSON-able, without effect on the table.

        Args:
            newest_version: the newest published weights; with it, `staleness` tells how far behind the weights were
                with which the records now in the table were made.

        Returns:
            `ring_figures`; batches sampled, duplicates and replaced (records lost to a restart) over the life of the
            table; insert_wait_s, sample_wait_s (thread seconds of calls that wait no longer), insert_waiting,
            sample_waiting (calls that wait now); phase (None, or its number and `progress`); priorities and staleness
            (None or `histogram`); closed.
        """
        with self._changed:
            priorities = self._selector.priorities()
            staleness = None
            if newest_version is not None and self._spec.records.version_field is not None:
                versions = self._ring.column(self._spec.records.version_field)[self._ring.occupied]
                staleness = newest_version - versions
            limiter = self._waiting.limiter
            return {
                **ring_figures(self._ring),
                "sampled": self._batches,
                "duplicates": self._duplicates,
                "replaced": self._replaced,
                **{f"{side}_wait_s": self._waiting.seconds[side] for side in SIDES},
                **{f"{side}_waiting": self._waiting.calls[side] for side in SIDES},
                "phase": None if limiter is None else {"number": self._waiting.phase_number, **progress(limiter)},
                "priorities": None if priorities is None else histogram(priorities),
                "staleness": None if staleness is None else histogram(staleness),
                "closed": self._waiting.closed,
            }

    def close(self) -> None:
        """Ends every call that waits, and every later insert or sample, with ReplayClosed; saving still works."""
        with self._changed:
            self._waiting.closed = True
            self._ring.close()
            self._changed.notify_all()

    def save(self, path: Path) -> tuple[int, int]:
        """Writes the state, atomically, to a file, while inserting and sampling go on; the records stay in the ring.

        Returns:
            bytes of the state, and of the records inserted since the save before.

        Raises:
            OSError: the disk is full; an earlier state there is untouched.
        """
        with self._saving:
            state = self.get_state()
            self._ring.flush()  # after the state was taken: all its records reach the disk before it does
            write_state(path, state)
            appended = state["ring"]["next_id"]
            new = min(appended - self._flushed, self._ring.capacity)
            self._flushed = appended
            return path.stat().st_size, new * self._ring.bytes_per_record

    def get_state(self) -> dict[str, Any]:
        """Everything but the records: numbers and arrays by name, arrays only at the top."""
        with self._changed:
            ring = self._ring.get_state()
            limiter = self._waiting.limiter
            return {
                "fields": describe(self._spec.records.fields),
                "capacity": self._ring.capacity,
                "ring": {name: ring[name] for name in ("position", "size", "next_id")},
                "order": ring["order"],
                "insertion_ids": ring["insertion_ids"],
                **self._selector.get_state(),
                "phase": None if limiter is None else asdict(limiter.phase),
                "limiter": None if limiter is None else limiter.get_state(),
                "present": self._present,
                "phase_number": self._waiting.phase_number,
                "batches": self._batches,
                "duplicates": self._duplicates,
                "replaced": self._replaced,
                "unsorted": self._unsorted,
                "waited": dict(self._waiting.seconds),
            }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continues from `get_state` on the ring's files as they are. Callers should prefer `restore`.

        Raises:
            KeyError, TypeError, ValueError: not a state of a table of these fields and this capacity.
        """
        if state["fields"] != describe(self._spec.records.fields):
            raise ValueError("the records have other fields")
        if state["capacity"] != self._spec.capacity:
            raise ValueError(f"replay.capacity must be {state['capacity']} as when it was saved")
        ring = {**state["ring"], "order": state["order"], "insertion_ids": state["insertion_ids"]}
        present = int(state["present"])
        limiter = restored_limiter(self._spec, state["phase"], state["limiter"], present)
        with self._changed:
            replaced = self._ring.set_state(ring)
            self._selector.set_state(state, replaced)
            self._keys.clear()
            # A replaced record may be made and inserted again, so its key must not count as held.
            self._keys.add(np.setdiff1d(self._ring.occupied, replaced))
            self._waiting.limiter = limiter
            self._present = present
            self._waiting.phase_number = int(state["phase_number"])
            self._batches = int(state["batches"])
            self._duplicates = int(state["duplicates"])
            self._replaced = int(state["replaced"]) + len(replaced)
            self._unsorted = int(state["unsorted"])
            self._flushed = self._ring.appended
            self._waiting.seconds = {side: float(state["waited"][side]) for side in SIDES}
            self._changed.notify_all()

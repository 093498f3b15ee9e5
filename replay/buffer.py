"""The replay buffer: tables by name in one folder, each with its own files, lock, selector and rate limiter.

No call to a table waits for another table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from replay.core import Receipt, Saved, TableSpec
from replay.layout import REPLAY_FOLDER, adopt_old_folder, find_state, state_file
from replay.limiter import Phase
from replay.table import Table


class ReplayBuffer:
    """See the module. `start_phase` must come before the first `insert` and `sample`."""

    def __init__(self, specs: Mapping[str, TableSpec], folder: Path, seed: int) -> None:
        """Makes empty tables with their files in `folder`/NAME and all their space reserved.

        Args:
            specs: settings of each table, by its name.
            folder: of all tables.
            seed: of the sampling. Each table has a generator of its own, and each of this seed.

        Raises:
            ValueError: a name cannot be that of a folder, or the folder holds a saved replay buffer.
            OSError: see `Ring.create`.
        """
        self._prepare(specs, folder)
        for name in specs:
            if find_state(folder, name).exists():
                raise ValueError(f"{folder} holds a saved replay table '{name}': restore it or choose another folder")
        with _closing_on_error(self._tables):
            for name, spec in specs.items():
                self._tables[name] = Table.create(spec, folder / name, seed)

    @classmethod
    def restore(cls, specs: Mapping[str, TableSpec], folder: Path, state_folder: Path | None = None) -> ReplayBuffer:
        """Reopens tables from their files and the state that `save` wrote, to continue exactly as they would have.

        In a run of an older version, the files of its one table are moved to their place first.

        Args:
            specs: settings of each table.
            folder: of all tables.
            state_folder: where `save` wrote; None: to `folder`.

        Raises:
            ValueError, OSError: see `Table.restore`; no table stays open.
        """
        buffer = cls.__new__(cls)
        buffer._prepare(specs, folder)
        if folder.name == REPLAY_FOLDER:
            adopt_old_folder(folder.parent)
        with _closing_on_error(buffer._tables):
            for name, spec in specs.items():
                state = find_state(state_folder or folder, name)
                buffer._tables[name] = Table.restore(spec, folder / name, state)
        return buffer

    def _prepare(self, specs: Mapping[str, TableSpec], folder: Path) -> None:
        if not specs:
            raise ValueError("a replay buffer must have at least one table")
        for name in specs:
            if not name.isidentifier():
                raise ValueError(f"a table must be named by a word that begins with a letter, not '{name}'")
        self._folder = folder
        self._tables: dict[str, Table] = {}

    def table(self, name: str) -> Table:
        """The table of this name. Raises ValueError, with the names, if there is none."""
        if name not in self._tables:
            raise ValueError(f"there is no replay table '{name}': the tables are {', '.join(self._tables)}")
        return self._tables[name]

    def start_phase(self, phases: Mapping[str, Phase], fresh: Collection[str] = ()) -> None:
        """Begins a phase of all tables.

        A table without a phase takes no part: its inserts return a receipt with slot -1, as after the end of a phase,
        and its samples raise PhaseFinished. It keeps its records, unless it is `fresh`.

        Args:
            phases: what the phase asks of each table.
            fresh: tables that forget the records of earlier phases.

        Raises:
            ValueError: an unknown table, or a phase that would block for ever; all tables are unchanged.
        """
        for name in (*phases, *fresh):
            self.table(name)
        for name, table in self._tables.items():
            table.check_phase(phases.get(name), name in fresh)
        for name, table in self._tables.items():
            table.start_phase(phases.get(name), name in fresh)

    def continue_phase(self, phases: Mapping[str, tuple[int, Phase | None]]) -> None:
        """Goes on in a restored phase; see `Table.continue_phase`. Tables that are not named go on as they were saved.

        Args:
            phases: for each table, the batches that the learner has trained on, and the phase as it is configured now.
        """
        for name, (sampled, phase) in phases.items():
            self.table(name).continue_phase(sampled, phase)

    def end_phase(self) -> None:
        """Ends the phase of all tables; see `Table.end_phase`."""
        for table in self._tables.values():
            table.end_phase()

    def insert(self, table: str, record: Any, timeout: float | None = None) -> Receipt:
        """See `Table.insert`."""
        return self.table(table).insert(record, timeout)

    def sample(self, table: str, batch_size: int, timeout: float | None = None) -> Any:
        """See `Table.sample`."""
        return self.table(table).sample(batch_size, timeout)

    def update_priorities(
        self,
        table: str,
        slots: NDArray[np.int64],
        insertion_ids: NDArray[np.int64],
        priorities: NDArray[np.floating],
    ) -> int:
        """See `Table.update_priorities`."""
        return self.table(table).update_priorities(slots, insertion_ids, priorities)

    def statistics(self, newest_version: int | None = None) -> dict[str, dict[str, Any]]:
        """`Table.statistics` of each table, by its name."""
        return {name: table.statistics(newest_version) for name, table in self._tables.items()}

    def save(self, folder: Path | None = None) -> Saved:
        """Writes the state of each table, atomically, to a file of its own; the records stay in the rings.

        Inserting and sampling go on meanwhile, so the states of two tables are of slightly different moments.

        Args:
            folder: of a checkpoint; None: beside the folders of the tables.

        Raises:
            OSError: the disk is full; an earlier state of that table is untouched.
        """
        folder = folder or self._folder
        sizes = [table.save(folder / state_file(name)) for name, table in self._tables.items()]
        return Saved(folder, sum(state for state, _ in sizes), sum(records for _, records in sizes))

    def close(self) -> None:
        """Closes all tables; see `Table.close`."""
        for table in self._tables.values():
            table.close()


@contextmanager
def _closing_on_error(tables: dict[str, Table]) -> Iterator[None]:
    """Closes the tables that are open if another one fails, so that their folders are free."""
    try:
        yield
    except BaseException:
        for table in tables.values():
            table.close()
        raise

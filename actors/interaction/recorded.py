"""Visits that other runs recorded: a player without a simulator pushes their records into a run's replay buffer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.core import Push
from actors.interaction.statistics import PlayStatistics
from replay.core import Fields
from replay.interaction.batch import LOCATIONS
from replay.interaction.record import is_success, make_record
from replay.layout import table_folder
from replay.ring import INSERTION_IDS_FILE


class RecordError(ValueError):
    """Records that cannot be used; the message is one sentence."""


@dataclass(frozen=True)
class RecordedVisit:
    """A task: the record in one slot of a table's files."""

    folder: Path
    """Folder of the table's files."""
    slot: int

    @property
    def key(self) -> str:
        """See `actors.core.Task`."""
        return str(self)

    def __str__(self) -> str:
        return f"record {self.slot} in {self.folder}"


def recorded_visits(path: Path, fields: Fields) -> list[RecordedVisit]:
    """The records that a run's replay buffer holds.

    Args:
        path: of the run, of its replay buffer, or of the table of locations.
        fields: that the records must have.

    Raises:
        RecordError: there are no such records.
    """
    folder = table_folder(path, LOCATIONS)
    ids = _column(folder, Path(INSERTION_IDS_FILE).stem, path)
    for name, (shape, dtype) in fields.items():
        column = _column(folder, name, path)
        if column.shape != (len(ids), *shape) or column.dtype != dtype:
            raise RecordError(f"{folder / name}.npy has other records than this run's actors.supervision makes")
    return [RecordedVisit(folder, int(slot)) for slot in np.flatnonzero(ids >= 0)]


def count_masks(visits: list[RecordedVisit], labels: bool) -> int:
    """Number of labelled objects, or of successful touches, in all records."""
    slots: dict[Path, list[int]] = {}
    for visit in visits:
        slots.setdefault(visit.folder, []).append(visit.slot)
    masks = 0
    for folder, chosen in slots.items():
        column = _column(folder, "objects" if labels else "feedback", folder)[chosen]
        masks += int(column.sum() if labels else is_success(column).sum())
    return masks


@dataclass(frozen=True)
class MakeRecordPlayer:
    """Makes an actor's player of records.

    Args:
        fields: of the records.
        touching: whether their touches were made; full supervision makes none.
    """

    fields: Fields
    touching: bool

    def __call__(self, actor: int) -> RecordPlayer:
        """Makes the player of actor number `actor`."""
        return RecordPlayer(self.fields, self.touching, actor)


@dataclass(frozen=True)
class RecordPlayer:
    """An `actors.core.Player`; its tasks are recorded visits."""

    fields: Fields
    touching: bool
    actor: int
    controller_keywords: None = None

    def load(self, weights: NDArray[np.float32]) -> None:
        """The weights have no effect on records."""

    def play(
        self,
        simulator: None,
        task: RecordedVisit,
        number: int,
        orders: Mapping[str, Any],
        version: int,
        push: Push,
    ) -> PlayStatistics:
        """See `actors.core.Player.play`. The record gets this run's number, and version 0 of its weights."""
        columns = {name: np.array(_column(task.folder, name, task.folder)[task.slot]) for name in self.fields}
        columns["location"] = np.array(number, dtype=np.int64)
        columns["weights_version"] = np.array(0, dtype=np.int64)
        statistics = PlayStatistics(
            number,
            self.actor,
            weights_version=0,
            entry=int(columns["entry"]),
            touches=int(columns["touches"]) if self.touching else 0,
        )
        with statistics.clock("push"):
            statistics.stored = push(LOCATIONS, make_record(columns))
        return statistics


def _column(folder: Path, name: str, where: Path) -> NDArray[Any]:
    """A field of all records, memory-mapped; `where` names the records in errors."""
    try:
        return np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError):
        raise RecordError(
            f"{where} holds no replay buffer of this kind of records: {name}.npy is missing or damaged; a run keeps "
            "its buffer with keep_bank=true"
            if where.exists()
            else f"{where} does not exist"
        ) from None

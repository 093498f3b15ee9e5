"""Small records for the tests of the replay buffer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from replay.config import ReplayConfig
from replay.core import Fields, RecordFormat, TableSpec
from replay.interaction.batch import LOCATIONS, location_table
from replay.layout import find_state, state_file
from replay.limiter import Phase
from replay.table import Table

FIELDS: Fields = {
    "picture": ((3, 5), np.dtype(np.float16)),
    "bits": ((7,), np.dtype(np.uint8)),
    "key": ((), np.dtype(np.int64)),
    "version": ((), np.dtype(np.int32)),
}
BYTES = 3 * 5 * 2 + 7 + 8 + 4 + 8
"""Bytes of one record with its insertion id, worked out by hand."""


def record(number: int, version: int = 0) -> dict[str, NDArray[Any]]:
    """A record of FIELDS filled with `number`."""
    return {
        "picture": np.full((3, 5), number % 1000, dtype=np.float16),
        "bits": np.full(7, number % 256, dtype=np.uint8),
        "key": np.array(number, dtype=np.int64),
        "version": np.array(version, dtype=np.int32),
    }


def numbers(columns: dict[str, NDArray[Any]]) -> list[int]:
    """The numbers of gathered records, after checking that every field of each holds its own."""
    keys = columns["key"]
    assert np.array_equal(columns["picture"], np.broadcast_to((keys % 1000)[:, None, None], (len(keys), 3, 5)))
    assert np.array_equal(columns["bits"], np.broadcast_to((keys % 256)[:, None], (len(keys), 7)))
    return keys.tolist()


def same(value: Any) -> Any:
    """The identity, by name so that it can be sent to another process."""
    return value


FORMAT = RecordFormat(fields=FIELDS, key_field="key", version_field="version", to_columns=same, to_batch=same)


def config(capacity: int = 10, **changes: Any) -> ReplayConfig:
    """Settings with slacks of 1."""
    values = {
        "initial_priority": 0.5,
        "mode": "priority",
        "image_score": "min",
        "without_replacement": "batch",
        "strict": False,
        "locations_ahead": 1,
        "batches_ahead": 1,
    }
    return ReplayConfig(**{"capacity": capacity, **values, **changes})


def open_phase(prefill: int = 2, batch_size: int = 1) -> Phase:
    """A long phase in which, with UNLIMITED slacks, nothing waits after the prefill."""
    return Phase(prefill=prefill, records_per_round=1, batches_per_round=(1,) * 2000, batch_size=batch_size)


UNLIMITED = {"locations_ahead": 10**6, "batches_ahead": 10**6}

STATE_FILE = state_file(LOCATIONS)


def spec(settings: ReplayConfig, records: RecordFormat = FORMAT) -> TableSpec:
    """A prioritized or uniform table of these settings."""
    return location_table(settings, records)


def created(settings: ReplayConfig, folder: Path, records: RecordFormat, seed: int) -> Table:
    """A new table, with its files directly in the folder."""
    return Table.create(spec(settings, records), folder, seed)


def restored(settings: ReplayConfig, folder: Path, records: RecordFormat, state_folder: Path | None = None) -> Table:
    """The table whose files lie in a folder, from the state there or in another one."""
    return Table.restore(spec(settings, records), folder, find_state(state_folder or folder, LOCATIONS))

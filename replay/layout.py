"""Where the replay buffer's files lie in a run's folder and in a checkpoint, in this version and in older ones.

A run's folder holds `replay/NAME/` with the files of each table, and a checkpoint `replay-NAME.npz` with its state.
Older versions had one table: its files were in `bank/` and its state in `bank.npz`.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from replay.ring import in_use

REPLAY_FOLDER = "replay"
"""Folder of all tables in a run's folder."""
OLD_FOLDER = "bank"
"""Folder of the one table, in runs of older versions."""
OLD_STATE_FILE = "bank.npz"
"""State of the one table, in checkpoints of older versions."""
OLD_TABLE = "locations"
"""Name that the one table of older versions has now."""


def state_file(table: str) -> str:
    """Name of a table's state in a checkpoint."""
    return f"replay-{table}.npz"


def find_state(folder: Path, table: str) -> Path:
    """A table's state in a checkpoint, also one that an older version wrote; it need not exist."""
    path = folder / state_file(table)
    old = folder / OLD_STATE_FILE
    return old if table == OLD_TABLE and not path.exists() and old.exists() else path


def holds_state(folder: Path) -> bool:
    """Whether a checkpoint holds the state of a table."""
    return any(folder.glob(state_file("*"))) or (folder / OLD_STATE_FILE).is_file()


def table_folders(run: Path) -> list[Path]:
    """The folders of a run's tables, which exist; of whichever version."""
    found = sorted(path for path in (run / REPLAY_FOLDER).glob("*") if path.is_dir())
    return [*found, *([run / OLD_FOLDER] if (run / OLD_FOLDER).is_dir() else [])]


def is_used(run: Path) -> bool:
    """Whether a process has a table of the run open."""
    return any(in_use(folder) for folder in table_folders(run))


def table_folder(path: Path, table: str) -> Path:
    """The folder of a table's files.

    Args:
        path: of a run, of all its tables, or of the table itself.
        table: its name.
    """
    old = [path / OLD_FOLDER] if table == OLD_TABLE else []
    found = (place for place in (path / REPLAY_FOLDER / table, path / table, *old) if place.is_dir())
    return next(found, path)


def run_folder(path: Path) -> Path:
    """The run's folder, for a path as `table_folder` takes it."""
    if path.name in (REPLAY_FOLDER, OLD_FOLDER):
        return path.parent
    return path.parents[1] if path.parent.name == REPLAY_FOLDER else path


def in_new_words(state: dict[str, Any]) -> dict[str, Any]:
    """A table's state under the names of this version.

    Older versions called an insertion id a stamp, and a record of a phase a location.
    """
    phase = state["phase"]
    if phase is not None and "locations_per_round" in phase:
        records = {"records_per_round": phase["locations_per_round"]}
        rest = {name: value for name, value in phase.items() if name != "locations_per_round"}
        state = {**state, "phase": {**rest, **records}}
    if "stamps" in state:
        ring = {**state["ring"], "next_id": state["ring"]["next_stamp"]}
        state = {**state, "ring": ring, "insertion_ids": state["stamps"]}
    return state


def adopt_old_folder(run: Path) -> None:
    """Moves the files that an older version left in the run's folder to where they belong now; without effect else."""
    new = run / REPLAY_FOLDER / OLD_TABLE
    if (run / OLD_FOLDER).is_dir() and not new.exists():
        new.parent.mkdir(exist_ok=True)
        (run / OLD_FOLDER).rename(new)


def remove_tables(run: Path) -> None:
    """Removes the files of all tables of a run, as far as the disk allows."""
    for name in (REPLAY_FOLDER, OLD_FOLDER):
        shutil.rmtree(run / name, ignore_errors=True)

"""A table's state in one file: arrays, and the rest as JSON among them. Reading it executes nothing."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from common.files import atomic


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Writes a state, atomically and durably; see `common.files.atomic`.

    Args:
        path: the file; its folder is made if need be.
        state: numpy arrays and JSON-able values by name.

    Raises:
        OSError: it could not be written; a file that was there is untouched, and no temporary file is left.
    """
    arrays: dict[str, Any] = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
    rest = {name: value for name, value in state.items() if name not in arrays}
    arrays["json"] = np.frombuffer(json.dumps(rest).encode(), dtype=np.uint8)
    try:
        with atomic(path, durable=True) as file:
            np.savez(file, **arrays)
    except OSError as error:
        raise OSError(f"the replay's state cannot be written to {path}: {error.strerror}") from error


def read_state(path: Path) -> dict[str, Any]:
    """Reads what `write_state` wrote. Raises ValueError, one sentence, if the file is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        rest = json.loads(arrays.pop("json").tobytes())
        return {**rest, **arrays}
    except FileNotFoundError as error:
        raise ValueError(f"{path} does not exist: no replay table was saved there") from error
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a saved replay table, or is damaged: {error}") from error

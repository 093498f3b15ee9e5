"""Atomic file writing, through a temporary file in the same folder and a rename."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Opens a file for binary writing; `path` is created or replaced only when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        # mkstemp makes private files, but results should have the user's default permissions.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as JSON, atomically."""
    text = json.dumps(value, allow_nan=False)
    with atomic(path) as file:
        file.write(text.encode())


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text, atomically."""
    with atomic(path) as file:
        file.write(text.encode())


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Writes an array in numpy's format, atomically."""
    with atomic(path) as file:
        np.save(file, array)

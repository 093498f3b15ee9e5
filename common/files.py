"""Atomic writes, through a temporary file in the same folder and a rename, and locks on files."""

from __future__ import annotations

import fcntl
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
def atomic(path: Path, durable: bool = False) -> Iterator[IO[bytes]]:
    """Opens `path` for binary writing; it appears (or is replaced) only when the block ends without an error.

    Args:
        path: the file; its folder is made if necessary.
        durable: flushes the content to the disk before the rename, so that a power cut leaves no truncated file. The
            rename itself is durable once `sync_folder` was called.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        # mkstemp makes private files, but results should have the user's default permissions.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Makes renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def locked(path: Path) -> IO[bytes]:
    """Opens a file (made if necessary) with an exclusive lock, which is held until it is closed or the process ends.

    The file may be removed by its holder; whoever gets the lock holds the file that has this path now.

    Raises:
        BlockingIOError: the file is locked already.
        FileNotFoundError: the folder does not exist, or was removed meanwhile.
    """
    while True:
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The previous holder may have removed or replaced the file after it was opened here.
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


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

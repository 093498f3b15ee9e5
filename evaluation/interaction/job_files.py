"""What the jobs of an unfinished data set file gave, kept on disk until the file is whole.

Each job has a file of its own in `train.partial/` or `test.partial/`, beside the file to be made. It appears whole or
not at all, so a kill costs the jobs that were running. A lock in that folder lets one process at a time work on it.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from actors.observation import Observation
from common.files import atomic
from evaluation.interaction.dataset import save_entries
from replay.interaction.record import IMAGE_SIZE

POLL_S = 0.5
"""Seconds between two looks at whether Ctrl-C was pressed, and at whether another process has released its lock."""


@dataclass(frozen=True)
class Made:
    """One accepted location."""

    fields: dict[str, Any]
    """Its entry but for image_id."""
    observation: Observation | None
    """The look, if the split is annotated."""


def observation_paths(path: Path) -> tuple[Path, Path]:
    """Files beside an annotated file with its looks: (n, 300, 300, 3) uint8 and (n, 300, 300) float16."""
    return path.with_suffix(".images.npy"), path.with_suffix(".depths.npy")


def partial_folder(path: Path) -> Path:
    """Where the jobs of an unfinished file are kept."""
    return path.with_suffix(".partial")


def job_path(path: Path, number: int) -> Path:
    """Where a job of an unfinished file is kept."""
    return partial_folder(path) / f"job_{number:07d}.npz"


@contextmanager
def alone(path: Path, interrupted: threading.Event) -> Iterator[None]:
    """Makes the folder of an unfinished file, and waits until no other process works on it.

    Raises:
        KeyboardInterrupt: `interrupted` was set while another process worked on it.
    """
    said = False
    while (lock := _locked(partial_folder(path))) is None:
        if not said:
            said = True
            print(f"waiting for another process that makes {path}", file=sys.stderr, flush=True)
        if interrupted.wait(POLL_S):
            raise KeyboardInterrupt
    with lock:
        yield


def _locked(folder: Path) -> IO[bytes] | None:
    """The lock of a folder, held until it is closed; None if another process holds it."""
    folder.mkdir(exist_ok=True)
    path = folder / "lock"
    with suppress(FileNotFoundError, BlockingIOError):
        file = path.open("wb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had the lock has perhaps removed the folder since this file was opened.
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BaseException:
            file.close()
            raise
        file.close()
    return None


def write_job(path: Path, made: Sequence[Made]) -> None:
    """Keeps what a job gave, whole or not at all."""
    looks = [location.observation for location in made if location.observation is not None]
    with atomic(path) as file:
        np.savez(
            file,
            entries=np.frombuffer(json.dumps([location.fields for location in made]).encode(), dtype=np.uint8),
            images=np.array([look.image for look in looks], dtype=np.uint8).reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 3),
            depths=np.array([look.depth for look in looks], dtype=np.float16).reshape(-1, IMAGE_SIZE, IMAGE_SIZE),
        )


def _read_job(path: Path) -> tuple[list[dict[str, Any]], NDArray[np.uint8], NDArray[np.float16]]:
    """Entries, images (n, 300, 300, 3) and depths (n, 300, 300) of a job; n is 0 if the split is not annotated."""
    with np.load(path, allow_pickle=False) as arrays:
        return json.loads(arrays["entries"].tobytes()), arrays["images"], arrays["depths"]


def kept_jobs(path: Path) -> dict[int, int]:
    """Number of locations in each stored job. Damaged files, as after a power cut, are removed."""
    found = {}
    for file in partial_folder(path).glob("job_*.npz"):
        try:
            found[int(file.stem.removeprefix("job_"))] = len(_read_job(file)[0])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            file.unlink()
    return found


def put_together(path: Path, jobs: int, wanted: int, annotated: bool) -> None:
    """Writes a file, and its looks if it is annotated; memory holds the looks of one job at a time.

    Args:
        path: of the file.
        jobs: so many jobs, from the first on, hold enough locations.
        wanted: locations of the file.
        annotated: whether the jobs kept looks.
    """
    for left in path.parent.glob(f".{path.stem}.*"):  # of a process that was killed in the midst of this
        left.unlink()
    entries: list[dict[str, Any]] = []
    images, depths = observation_paths(path)
    if annotated:
        with atomic(images) as image_file, atomic(depths) as depth_file:
            _write_header(image_file, (wanted, IMAGE_SIZE, IMAGE_SIZE, 3), np.dtype(np.uint8))
            _write_header(depth_file, (wanted, IMAGE_SIZE, IMAGE_SIZE), np.dtype(np.float16))
            for number in range(jobs):
                fields, image, depth = _read_job(job_path(path, number))
                room = wanted - len(entries)
                image_file.write(image[:room].tobytes())
                depth_file.write(depth[:room].tobytes())
                entries += fields[:room]
    else:
        for number in range(jobs):
            entries += _read_job(job_path(path, number))[0]
    # Last: where this file is, its looks are.
    save_entries(path, [{"image_id": number, **fields} for number, fields in enumerate(entries[:wanted])])


def _write_header(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Begins a .npy file whose rows are written one after the other."""
    description = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, description)

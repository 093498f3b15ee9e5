"""Results of finished jobs, stored until the data set file is complete.

Each job writes one file in `train.partial/` or `test.partial/`, beside the final file. Job files are written
atomically, so a kill costs only the running jobs. A lock in that folder lets one process at a time work on it.
"""

from __future__ import annotations

import json
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
from common.files import atomic, locked
from evaluation.interaction.dataset import save_entries
from replay.interaction.record import IMAGE_SIZE

POLL_S = 0.5
"""Seconds between two checks for Ctrl-C and for the release of another process's lock."""


@dataclass(frozen=True)
class MadeLocation:
    """One accepted location."""

    fields: dict[str, Any]
    """The entry, without image_id."""
    observation: Observation | None
    """The observation, if the split is annotated."""


def observation_paths(path: Path) -> tuple[Path, Path]:
    """Returns the files of an annotated file's observations: (n, 300, 300, 3) uint8 and (n, 300, 300) float16."""
    return path.with_suffix(".images.npy"), path.with_suffix(".depths.npy")


def partial_folder(path: Path) -> Path:
    """Returns the folder with the jobs of an unfinished file."""
    return path.with_suffix(".partial")


def job_path(path: Path, number: int) -> Path:
    """Returns the file of one job of an unfinished file."""
    return partial_folder(path) / f"job_{number:07d}.npz"


@contextmanager
def alone(path: Path, interrupted: threading.Event) -> Iterator[None]:
    """Makes the folder of an unfinished file and locks it; waits while another process works on it.

    Raises:
        KeyboardInterrupt: `interrupted` was set during the wait.
    """
    shown = False
    while (lock := _try_lock(partial_folder(path))) is None:
        if not shown:
            shown = True
            print(f"waiting for another process that makes {path}", file=sys.stderr, flush=True)
        if interrupted.wait(POLL_S):
            raise KeyboardInterrupt
    with lock:
        yield


def _try_lock(folder: Path) -> IO[bytes] | None:
    """Returns the lock of a folder, which is made if necessary; None if another process holds it."""
    folder.mkdir(exist_ok=True)
    # The process that holds the lock removes the folder at its end: then the next try makes it again.
    with suppress(FileNotFoundError, BlockingIOError):
        return locked(folder / "lock")
    return None


def write_job(path: Path, made: Sequence[MadeLocation]) -> None:
    """Stores the locations of a job, atomically."""
    observations = [location.observation for location in made if location.observation is not None]
    with atomic(path) as file:
        np.savez(
            file,
            entries=np.frombuffer(json.dumps([location.fields for location in made]).encode(), dtype=np.uint8),
            images=np.array([one.image for one in observations], dtype=np.uint8).reshape(-1, IMAGE_SIZE, IMAGE_SIZE, 3),
            depths=np.array([one.depth for one in observations], dtype=np.float16).reshape(-1, IMAGE_SIZE, IMAGE_SIZE),
        )


def _read_job(path: Path) -> tuple[list[dict[str, Any]], NDArray[np.uint8], NDArray[np.float16]]:
    """Reads a job: entries, images (n, 300, 300, 3), depths (n, 300, 300); n is 0 if the split is not annotated."""
    with np.load(path, allow_pickle=False) as arrays:
        return json.loads(arrays["entries"].tobytes()), arrays["images"], arrays["depths"]


def stored_jobs(path: Path) -> dict[int, int]:
    """Returns the number of locations in each stored job; removes files that a power cut damaged."""
    found = {}
    for file in partial_folder(path).glob("job_*.npz"):
        try:
            found[int(file.stem.removeprefix("job_"))] = len(_read_job(file)[0])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            file.unlink()
    return found


def assemble_file(path: Path, jobs: int, wanted: int, annotated: bool) -> None:
    """Writes the final file, and its observations if it is annotated. Memory holds the observations of one job.

    Args:
        path: the final file.
        jobs: number of jobs, from the first on, that hold enough locations.
        wanted: number of locations in the file.
        annotated: whether the jobs hold observations.
    """
    for left in path.parent.glob(f".{path.stem}.*"):  # left by a process that was killed here
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
    # Written last: if this file exists, so do its observations.
    save_entries(path, [{"image_id": number, **fields} for number, fields in enumerate(entries[:wanted])])


def _write_header(file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Writes the header of a .npy file whose rows follow one by one."""
    description = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, description)

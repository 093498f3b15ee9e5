"""Makes data set files of locations in the embedded rooms (docs/interaction.md, Evaluation; format: dataset.py).

A *job* is one visit to a room of the split (dataset_job.py). Jobs are used in the order of their numbers, so the file
does not depend on the number of workers. Several poses may share (scene, seed); each is reproduced from its own
`thor_meta`.

Finished jobs are stored (job_files.py). The same command continues after a kill or an interrupt, and the finished file
is the same byte for byte.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from actors.config import SimulatorConfig
from actors.controller import SimulatorError, SimulatorProcess
from actors.interaction.geometry import reach_keywords
from actors.launch import check_launch
from common.progress import Progress
from evaluation.interaction.config import DatasetConfig, SplitConfig
from evaluation.interaction.dataset_folder import SPLITS, dataset_folder
from evaluation.interaction.dataset_job import locations_of_job
from evaluation.interaction.job_files import (
    POLL_S,
    alone,
    assemble_file,
    job_path,
    partial_folder,
    stored_jobs,
    write_job,
)
from replay.interaction.record import IMAGE_SIZE

JOBS_PER_LOCATION = 20
"""Jobs per wanted location after which a split is given up."""
OBSERVATION_BYTES = 5 * IMAGE_SIZE**2
"""Bytes of an annotated location's observation: three of colour and two of depth per pixel."""


def make_dataset(
    config: DatasetConfig,
    simulator: SimulatorConfig,
    interrupted: threading.Event | None = None,
    splits: Sequence[str] = SPLITS,
) -> dict[str, Path]:
    """Makes the data set's files that do not exist yet.

    Args:
        config: what the files hold.
        simulator: renders the rooms.
        interrupted: setting it raises KeyboardInterrupt within seconds; the message says how to continue.
        splits: the files to make.

    Returns:
        The path of each split.

    Raises:
        SimulatorError: a simulator does not start, or fails repeatedly.
        ValueError: a folder is not writable, its disk is full, or the rooms hold too few suitable locations.
    """
    paths = {split: dataset_folder(config, simulator, split) / f"{split}.json" for split in splits}
    missing = [split for split in splits if not paths[split].exists()]
    if missing:
        check_launch(simulator)
        for split in missing:
            check_folder(config, paths[split], split)
        with _workers(config, simulator) as pool:
            for split in missing:
                _make_split(config, split, paths[split], pool, interrupted or threading.Event())
    return paths


def check_folder(config: DatasetConfig, path: Path, name: str) -> None:
    """Makes the folder of a split's file and checks it before minutes are spent on the content.

    Raises:
        ValueError: the folder is not writable, or its disk has too little space.
    """
    split: SplitConfig = getattr(config, name)
    # Each observation is on disk twice for a while: in its job's file and in the final file.
    needed = 2 * split.locations * OBSERVATION_BYTES if split.annotated else 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise ValueError(
            f"evaluation.dataset.folder={config.folder} must be a writable folder: {error.strerror}"
        ) from error
    free += sum(file.stat().st_size for file in partial_folder(path).glob("job_*"))
    if needed > free:
        raise ValueError(
            f"evaluation.dataset.folder={config.folder} has {free / 1e6:.0f} MB free, but making the observations "
            f"of evaluation.dataset.{name}.locations needs {needed / 1e6:.0f} MB; choose another disk or fewer "
            "locations"
        )


def _make_split(
    config: DatasetConfig, name: str, path: Path, pool: ProcessPoolExecutor, interrupted: threading.Event
) -> None:
    """Makes one file; continues from the stored jobs."""
    split: SplitConfig = getattr(config, name)
    with alone(path, interrupted):
        if not path.exists():  # another process may have made it in the meantime
            jobs = _do_jobs(config, name, path, pool, interrupted)
            assemble_file(path, jobs, split.locations, split.annotated)
        shutil.rmtree(partial_folder(path))


def _do_jobs(
    config: DatasetConfig, name: str, path: Path, pool: ProcessPoolExecutor, interrupted: threading.Event
) -> int:
    """Runs the jobs that are not stored yet; returns how many jobs, from the first on, give enough locations."""
    split: SplitConfig = getattr(config, name)
    wanted, last_job = split.locations, JOBS_PER_LOCATION * split.locations
    found = stored_jobs(path)  # number of a job -> number of its locations
    waiting: dict[Future[int], int] = {}
    next_job = counted = made = 0
    kept = min(sum(found.values()), wanted)
    try:
        with Progress(f"data set {config.name}, {name}", wanted, "location", done=kept) as progress:
            while True:
                while counted in found and made < wanted:
                    made += found[counted]
                    counted += 1
                if made >= wanted:
                    break
                enough = sum(found.values()) >= wanted  # then only gaps between the stored jobs are missing
                while len(waiting) < 2 * config.workers and next_job < (max(found) if enough else last_job):
                    if next_job not in found:
                        waiting[pool.submit(_run_job, name, next_job, job_path(path, next_job))] = next_job
                    next_job += 1
                if not waiting:
                    raise ValueError(
                        f"the rooms of evaluation.dataset.{name} gave only {made} of {wanted} locations; "
                        "lower evaluation.dataset.min_objects or min_pixels."
                    )
                for future in wait(waiting, POLL_S, FIRST_COMPLETED).done:
                    found[waiting.pop(future)] = future.result()
                progress.update(sum(found.values()))
                if interrupted.is_set():
                    raise KeyboardInterrupt
    except BrokenProcessPool:
        raise SimulatorError(
            "a process that makes locations died; finished jobs are kept: run the same command again to continue."
        ) from None
    except KeyboardInterrupt:
        kept = min(sum(found.values()), wanted)
        raise KeyboardInterrupt(
            f"{kept} of {wanted} locations of {path} are kept; run the same command again to continue"
        ) from None
    finally:
        running = [future for future in waiting if not future.cancel()]
    wait(running)  # otherwise a job could write its file while the folder is removed
    return counted


@contextmanager
def _workers(config: DatasetConfig, simulator: SimulatorConfig) -> Iterator[ProcessPoolExecutor]:
    """Worker processes with a simulator each; spawned, since a forked process cannot use OpenGL if its parent has."""
    pool = ProcessPoolExecutor(
        config.workers, multiprocessing.get_context("spawn"), initializer=_start, initargs=(config, simulator)
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Worker:
    """State of a worker process."""

    def __init__(self, config: DatasetConfig, simulator: SimulatorConfig) -> None:
        self.config = config
        self.simulator_config = simulator
        self.process: SimulatorProcess | None = None

    def simulator(self) -> SimulatorProcess:
        """Returns the running simulator; starts it at first use and after a failure."""
        if self.process is None or not self.process.alive:
            keywords = reach_keywords(self.config.reach(), self.simulator_config)
            self.process = SimulatorProcess(self.simulator_config, renderInstanceSegmentation=True, **keywords)
        return self.process

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()


_worker: _Worker | None = None


def _start(config: DatasetConfig, simulator: SimulatorConfig) -> None:
    """Initialises a worker process."""
    global _worker
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the parent handles Ctrl-C and a closed terminal
    _worker = _Worker(config, simulator)
    atexit.register(_worker.stop)
    threading.Thread(target=_end_with_parent, args=(_worker,), daemon=True).start()


def _end_with_parent(worker: _Worker) -> None:
    """Ends this process when its parent ends, since a killed parent cannot end its workers."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    worker.stop()
    os._exit(1)


def _run_job(split: str, number: int, path: Path) -> int:
    """Runs a job in a worker process and stores its locations; retries once in a new simulator.

    Returns:
        The number of locations.
    """
    assert _worker is not None
    try:
        made = locations_of_job(_worker.config, split, number, _worker.simulator())
    except SimulatorError:
        made = locations_of_job(_worker.config, split, number, _worker.simulator())
    write_job(path, made)
    return len(made)

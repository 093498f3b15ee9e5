"""The memory bank as a Ray actor: transport, threads and nothing else.

Calls that wait for the limiter take threads of their own group (`insert`, `sample`), so that however many of them wait,
statistics, priorities, saving and closing (`control`) go through, and neither side can take the other's threads.
By-value arguments are views of Ray's object store: `insert` copies the record into the ring before it returns, and
nothing is kept by reference, so that no data dies with the actor or the node that sent it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray

from replay.bank import MemoryBank, Receipt, RecordFormat, SavedBank
from replay.config import ReplayConfig
from replay.limiter import Phase

SAMPLE_THREADS = 8
"""Batches that may be on their way at a time: more prefetched ones queue."""
CONTROL_THREADS = 4


class ReplayActor:
    """Shell around `MemoryBank`, whose methods it has; start it with `start_replay` or `begin_replay`."""

    def __init__(self) -> None:
        self._bank: MemoryBank | None = None

    @ray.method(concurrency_group="control")
    def open(
        self, config: ReplayConfig, records: RecordFormat, folder: str, seed: int, restore_from: str | None
    ) -> None:
        """Makes the bank, or restores it from the state in the folder `restore_from`.

        Not part of the constructor, whose errors Ray wraps in "the actor died": this way they reach the caller as
        they are. Raises as `MemoryBank` and `MemoryBank.restore`.
        """
        if restore_from is None:
            self._bank = MemoryBank(config, Path(folder), records, seed)
        else:
            self._bank = MemoryBank.restore(config, Path(folder), records, Path(restore_from))

    @property
    def _opened(self) -> MemoryBank:
        if self._bank is None:
            raise RuntimeError("the replay actor has no memory bank yet: start it with replay.shell.start_replay")
        return self._bank

    @ray.method(concurrency_group="control")
    def start_phase(self, phase: Phase, fresh: bool) -> None:
        """See `MemoryBank.start_phase`."""
        self._opened.start_phase(phase, fresh)

    @ray.method(concurrency_group="control")
    def continue_phase(self, sampled: int, phase: Phase | None = None) -> None:
        """See `MemoryBank.continue_phase`."""
        self._opened.continue_phase(sampled, phase)

    @ray.method(concurrency_group="control")
    def end_phase(self) -> None:
        """See `MemoryBank.end_phase`."""
        self._opened.end_phase()

    @ray.method(concurrency_group="insert")
    def insert(self, record: Any, timeout: float | None = None) -> Receipt:
        """See `MemoryBank.insert`. The record may be a value or a reference; it is copied before this returns."""
        return self._opened.insert(record, timeout)

    @ray.method(concurrency_group="sample")
    def sample(self, batch_size: int, timeout: float | None = None) -> Any:
        """See `MemoryBank.sample`. One object of numpy arrays, read-only views where it is received."""
        return self._opened.sample(batch_size, timeout)

    @ray.method(concurrency_group="control")
    def update_priorities(
        self, slots: NDArray[np.int64], stamps: NDArray[np.int64], priorities: NDArray[np.floating]
    ) -> int:
        """See `MemoryBank.update_priorities`."""
        return self._opened.update_priorities(slots, stamps, priorities)

    @ray.method(concurrency_group="control")
    def status(self, newest_version: int | None = None) -> dict[str, Any]:
        """See `MemoryBank.statistics`."""
        return self._opened.statistics(newest_version)

    @ray.method(concurrency_group="control")
    def save(self, folder: str | None = None) -> SavedBank:
        """See `MemoryBank.save`."""
        return self._opened.save(None if folder is None else Path(folder))

    @ray.method(concurrency_group="control")
    def close(self) -> None:
        """See `MemoryBank.close`. Every waiting call ends with BankClosed; the actor itself goes on until killed."""
        self._opened.close()

    @ray.method(concurrency_group="control")
    def pid(self) -> int:
        """Process id of the actor on its node."""
        return os.getpid()


def begin_replay(
    config: ReplayConfig,
    records: RecordFormat,
    folder: Path,
    *,
    seed: int,
    actors: int,
    restore_from: Path | None = None,
    options: dict[str, Any] | None = None,
) -> tuple[ray.actor.ActorHandle, ray.ObjectRef]:
    """Starts a replay actor and its bank, without waiting for them, nor ending the actor where the bank fails.

    Call `start_phase` on it next, unless it was restored within a phase.

    Args:
        config: settings of the bank.
        records: the system's records, e.g. `replay.interaction.batch.LOCATION_RECORDS`.
        folder: where the ring's files lie, on the actor's node.
        seed: of the sampling; unused when restored.
        actors: processes that insert, one call each at a time. The bank has threads for two calls of each, since a
            call may outlast a caller that was killed.
        restore_from: folder of a state that `save` wrote, to continue a bank; None: a new bank.
        options: further Ray options of the actor, e.g. {"num_cpus": 1} or a scheduling strategy.

    Returns:
        the handle, and a reference that is ready when the bank can be used. Getting it raises RayTaskError, which is
        also an instance of the original error, as `MemoryBank` and `restore` raise it.
    """
    groups = {"insert": 2 * actors + 2, "sample": SAMPLE_THREADS, "control": CONTROL_THREADS}
    make_remote: Any = ray.remote  # its type hints lack concurrency_groups
    actor = make_remote(concurrency_groups=groups, **{"num_cpus": 0, **(options or {})})(ReplayActor).remote()
    restored = None if restore_from is None else str(restore_from)
    return actor, actor.open.remote(config, records, str(folder), seed, restored)


def start_replay(config: ReplayConfig, records: RecordFormat, folder: Path, **settings: Any) -> ray.actor.ActorHandle:
    """As `begin_replay`, but waits until the bank can be used.

    Raises:
        ray.exceptions.RayTaskError: see there; the actor is ended then.
    """
    actor, opened = begin_replay(config, records, folder, **settings)
    try:
        ray.get(opened)
    except BaseException:
        ray.kill(actor)
        raise
    return actor

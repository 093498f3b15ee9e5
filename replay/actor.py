"""The replay buffer as a Ray actor: transport, threads and nothing else.

Calls that may wait take threads of their own group (`insert`, `sample`), so that statistics, priorities, saving and
closing (`control`) go through however many of them wait. No table can take the threads of another: an inserting
process waits in one call at a time and has threads of its own, and `sample` has SAMPLE_THREADS threads for each table,
beyond which a further sample of that table is refused.

By-value arguments are views of Ray's object store: `insert` copies the record into the ring before it returns, and
nothing is kept by reference, so that no data dies with the actor or the node that sent it.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import ray
from numpy.typing import NDArray
from ray import ObjectRef

from common.remote import Handle, RemoteMethod, concurrency_group, kill
from replay.buffer import ReplayBuffer
from replay.core import Receipt, Saved, TableSpec, TooManySamples
from replay.limiter import Phase

SAMPLE_THREADS = 8
"""Samples of a table that may be on their way at a time. With one table, further ones queue; with several, a further
one is refused, since it would take a thread from another table."""
CONTROL_THREADS = 4


class ReplayActor:
    """Ray actor around `ReplayBuffer`, whose methods it has; start it with `start_replay` or `begin_replay`."""

    def __init__(self) -> None:
        self._buffer: ReplayBuffer | None = None
        self._sampling: Counter[str] = Counter()
        self._lock = threading.Lock()

    @concurrency_group("control")
    def open(self, specs: dict[str, TableSpec], folder: str, seed: int, restore_from: str | None) -> None:
        """Makes the tables, or restores them from the states in the folder `restore_from`.

        Not part of the constructor, whose errors Ray wraps in "the actor died": this way they reach the caller as
        they are. Raises as `ReplayBuffer` and `ReplayBuffer.restore`.
        """
        if restore_from is None:
            self._buffer = ReplayBuffer(specs, Path(folder), seed)
        else:
            self._buffer = ReplayBuffer.restore(specs, Path(folder), Path(restore_from))

    @property
    def _opened(self) -> ReplayBuffer:
        if self._buffer is None:
            raise RuntimeError("the replay actor has no tables yet: start it with replay.actor.start_replay")
        return self._buffer

    @concurrency_group("control")
    def start_phase(self, phases: Mapping[str, Phase], fresh: Collection[str] = ()) -> None:
        """See `ReplayBuffer.start_phase`."""
        self._opened.start_phase(phases, fresh)

    @concurrency_group("control")
    def continue_phase(self, phases: Mapping[str, tuple[int, Phase | None]]) -> None:
        """See `ReplayBuffer.continue_phase`."""
        self._opened.continue_phase(phases)

    @concurrency_group("control")
    def end_phase(self) -> None:
        """See `ReplayBuffer.end_phase`."""
        self._opened.end_phase()

    @concurrency_group("insert")
    def insert(self, table: str, record: Any, timeout: float | None = None) -> Receipt:
        """See `Table.insert`. The record may be a value or a reference; it is copied before this returns."""
        return self._opened.insert(table, record, timeout)

    @concurrency_group("sample")
    def sample(self, table: str, batch_size: int, timeout: float | None = None) -> Any:
        """See `Table.sample`. One object of numpy arrays, read-only views where it is received.

        Raises:
            TooManySamples: SAMPLE_THREADS other samples of this table wait.
        """
        with self._one_of_few(table):
            return self._opened.sample(table, batch_size, timeout)

    @contextmanager
    def _one_of_few(self, table: str) -> Iterator[None]:
        with self._lock:
            if self._sampling[table] >= SAMPLE_THREADS:
                raise TooManySamples(
                    f"{SAMPLE_THREADS} samples of the replay table '{table}' are on their way: wait for one of them"
                )
            self._sampling[table] += 1
        try:
            yield
        finally:
            with self._lock:
                self._sampling[table] -= 1

    @concurrency_group("control")
    def update_priorities(
        self,
        table: str,
        slots: NDArray[np.int64],
        insertion_ids: NDArray[np.int64],
        priorities: NDArray[np.floating],
    ) -> int:
        """See `Table.update_priorities`."""
        return self._opened.update_priorities(table, slots, insertion_ids, priorities)

    @concurrency_group("control")
    def statistics(self, newest_version: int | None = None) -> dict[str, dict[str, Any]]:
        """See `ReplayBuffer.statistics`."""
        return self._opened.statistics(newest_version)

    @concurrency_group("control")
    def save(self, folder: str | None = None) -> Saved:
        """See `ReplayBuffer.save`."""
        return self._opened.save(None if folder is None else Path(folder))

    @concurrency_group("control")
    def close(self) -> None:
        """See `ReplayBuffer.close`. Waiting calls end with ReplayClosed; the actor itself goes on until killed."""
        self._opened.close()

    @concurrency_group("control")
    def pid(self) -> int:
        """Process id of the actor on its node."""
        return os.getpid()


class ReplayHandle(Handle):
    """Type of the replay actor's handle."""

    open = RemoteMethod(ReplayActor.open)
    start_phase = RemoteMethod(ReplayActor.start_phase)
    continue_phase = RemoteMethod(ReplayActor.continue_phase)
    end_phase = RemoteMethod(ReplayActor.end_phase)
    insert = RemoteMethod(ReplayActor.insert)
    sample = RemoteMethod(ReplayActor.sample)
    update_priorities = RemoteMethod(ReplayActor.update_priorities)
    statistics = RemoteMethod(ReplayActor.statistics)
    save = RemoteMethod(ReplayActor.save)
    close = RemoteMethod(ReplayActor.close)
    pid = RemoteMethod(ReplayActor.pid)


def begin_replay(
    specs: dict[str, TableSpec],
    folder: Path,
    *,
    seed: int,
    actors: int,
    restore_from: Path | None = None,
    options: dict[str, Any] | None = None,
) -> tuple[ReplayHandle, ObjectRef[None]]:
    """Starts a replay actor and its tables, without waiting for them, nor ending the actor where a table fails.

    Call `start_phase` on it next, unless it was restored within a phase.

    Args:
        specs: settings of each table, by its name.
        folder: where the tables' folders lie, on the actor's node.
        seed: of the sampling; unused when restored.
        actors: processes that insert, one call each at a time. There are threads for two calls of each, since a call
            may outlast a caller that was killed.
        restore_from: folder of the states that `save` wrote, to continue; None: new tables.
        options: further Ray options of the actor, e.g. {"num_cpus": 1} or a scheduling strategy.

    Returns:
        the handle, and a reference that is ready when the tables can be used. Getting it raises RayTaskError, which is
        also an instance of the original error, as `ReplayBuffer` and `restore` raise it.
    """
    groups = {"insert": 2 * actors + 2, "sample": SAMPLE_THREADS * len(specs), "control": CONTROL_THREADS}
    make_remote: Any = ray.remote  # its type hints lack concurrency_groups
    remote_class = make_remote(concurrency_groups=groups, **{"num_cpus": 0, **(options or {})})(ReplayActor)
    actor = cast(ReplayHandle, remote_class.remote())
    restored = None if restore_from is None else str(restore_from)
    return actor, actor.open.remote(specs, str(folder), seed, restored)


def start_replay(specs: dict[str, TableSpec], folder: Path, **settings: Any) -> ReplayHandle:
    """As `begin_replay`, but waits until the tables can be used.

    Raises:
        ray.exceptions.RayTaskError: see there; the actor is ended then.
    """
    actor, opened = begin_replay(specs, folder, **settings)
    try:
        ray.get(opened)
    except BaseException:
        kill(actor)
        raise
    return actor

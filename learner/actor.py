"""The learner as a Ray actor: it adds transport and timing to a system's `LearnerCore`.

The next batches are in flight while one is computed, so the learner waits only when the rate limiter blocks it. Each
version of the weights is published as one `ray.put` of a flat float32 vector; actors get the reference with their next
tasks (docs/architecture.md, How data flows).
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import ray
import torch
from ray import ObjectRef

from common.devices import assigned_device
from common.remote import Handle, RemoteMethod, WeightsReference
from learner.core import MakeLearner, SampledBatch, Source
from replay.actor import ReplayHandle
from replay.core import PhaseFinished


@dataclass(frozen=True)
class Weights:
    """One published version."""

    reference: WeightsReference
    version: int
    """Optimiser steps at the time of publication."""


@dataclass
class TrainReport:
    """Result of one call of `train`."""

    batches: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    """Means over the call's batches, of metrics named "..._max" maxima; steps that lack a metric do not count."""
    wait_s: float = 0.0
    """Seconds spent waiting for batches."""
    compute_s: float = 0.0
    staleness: list[int] = field(default_factory=list)
    """Policy lag of each sampled record: optimiser steps by which its weights were older than the learner's."""
    weights: Weights | None = None


class LearnerActor:
    """Runs in a Ray actor with two threads: `train` occupies one, the other answers `save`, `stop` and `health`."""

    def __init__(self, make_learner: MakeLearner, replay: ReplayHandle, threads: int | None) -> None:
        """Builds the learner on the GPU that Ray assigned, else on the CPU.

        Args:
            make_learner: makes the system's learner.
            replay: handle of the replay's Ray actor.
            threads: PyTorch's CPU threads; None: the number of cores that this process may use.
        """
        torch.set_num_threads(threads or available_cores())
        self.learner = make_learner(assigned_device())
        self.replay = replay
        self.stopping = threading.Event()
        self.in_flight: deque[tuple[Source, ObjectRef[Any]]] = deque()

    def publish(self) -> Weights:
        """Puts the current weights into the object store."""
        vector, version = self.learner.weights()
        return Weights([ray.put(vector)], version)

    def start_phase(self, name: str) -> None:
        """Begins a phase of the schedule."""
        self.in_flight.clear()
        self.stopping.clear()
        self.learner.start_phase(name)

    def batches_taken(self, first: int, steps: int) -> dict[str, int]:
        """Returns how many batches `steps` steps of the current phase took from each table, from step `first` on."""
        return dict(Counter(self.learner.source(step).table for step in range(first, first + steps)))

    def train(
        self, batches: int, left_in_phase: int, progress: float, orders: Mapping[str, Any], prefetch: int
    ) -> TrainReport:
        """Takes `batches` steps and publishes.

        Args:
            batches: steps to take now.
            left_in_phase: steps left in the phase, including these; no more batches than that are requested.
            progress: share of the run done, in [0, 1], for the learning rate.
            orders: the round's, see `LearnerCore.steer`.
            prefetch: batches in flight beside the one in use; 0 requests a batch only after the priorities of the
                previous one are stored, which makes strict alternation repeatable.

        Returns:
            the report; it has fewer batches than requested if `stop` was called.
        """
        report = TrainReport()
        sums: dict[str, list[float]] = {}
        prepared: tuple[Source, SampledBatch, Any] | None = None
        self.learner.steer(progress, orders)
        for step in range(batches):
            if self.stopping.is_set():
                break  # before another batch is drawn, so that strict alternation continues exactly here
            started = time.perf_counter()
            wanted = min(1 + prefetch, left_in_phase - step)
            while (ahead := len(self.in_flight) + (prepared is not None)) < wanted:
                source = self.learner.source(self.learner.version + ahead)
                self.in_flight.append((source, self.replay.sample.remote(source.table, source.batch_size)))
            found = prepared[:2] if prepared else self.next_batch()
            if found is None:
                break
            source, batch = found
            received = time.perf_counter()
            report.staleness += [int(age) for age in self.learner.version - batch.weights_version]
            begun = self.learner.begin(prepared[2] if prepared else self.learner.prepare(batch))
            prepared = None
            if step + 1 < batches and self.in_flight and ray.wait([self.in_flight[0][1]], timeout=0)[0]:
                following = self.next_batch()  # while a GPU computes
                prepared = following and (*following, self.learner.prepare(following[1], ahead=1))
            result = self.learner.finish(begun)
            if result.priorities is not None:
                stored = self.replay.update_priorities.remote(
                    source.table, batch.slots, batch.insertion_ids, result.priorities
                )
                if prefetch == 0:
                    ray.get(stored)
            for name, value in result.metrics.items():
                sums.setdefault(name, []).append(value)
            report.batches += 1
            report.wait_s += received - started
            report.compute_s += time.perf_counter() - received
        report.metrics = {
            name: float(max(values) if name.endswith("_max") else np.mean(values)) for name, values in sums.items()
        }
        report.weights = self.publish()
        return report

    def next_batch(self) -> tuple[Source, SampledBatch] | None:
        """Returns the oldest batch in flight and its source; None once `stop` was called or the phase has ended."""
        source, future = self.in_flight.popleft()
        while not self.stopping.is_set():
            ready, _ = ray.wait([future], timeout=0.5)
            if ready:
                try:
                    return source, ray.get(future)
                except PhaseFinished:
                    return None
        return None

    def save(self, folder: str, extra: dict[str, Any]) -> int:
        """Writes a checkpoint; may be called while `train` computes.

        Args:
            folder: the checkpoint's folder, created atomically.
            extra: JSON-able facts about the run that go into the checkpoint.

        Returns:
            bytes written.
        """
        return self.learner.save(Path(folder), extra)

    def load(self, folder: str) -> None:
        """Continues from a checkpoint."""
        self.learner.load(Path(folder))

    def stop(self) -> None:
        """Makes a running `train` return after its current step."""
        self.stopping.set()

    def health(self) -> dict[str, Any]:
        """Returns process id, steps and device, for the health monitor."""
        return {"pid": os.getpid(), "steps": self.learner.version, "device": str(self.learner.device)}


def available_cores() -> int:
    """Returns the number of cores that this process may use; torch's own default counts the whole machine."""
    return len(os.sched_getaffinity(0))


KEEP_MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**32),
    "MALLOC_TRIM_THRESHOLD_": str(2**33),
    "MALLOC_TOP_PAD_": str(2**26),
}
"""Environment of the learner's process: glibc keeps the memory of one step's tensors for the next. By default it
returns blocks above 32 MB to the system, and the page faults take a tenth of a step on a CPU."""

_remote: Any = ray.remote  # its type hints lack max_concurrency
_RemoteLearnerActor: Any = _remote(max_concurrency=3, runtime_env={"env_vars": KEEP_MEMORY})(LearnerActor)


class LearnerHandle(Handle):
    """Type of the learner actor's handle."""

    publish = RemoteMethod(LearnerActor.publish)
    start_phase = RemoteMethod(LearnerActor.start_phase)
    batches_taken = RemoteMethod(LearnerActor.batches_taken)
    train = RemoteMethod(LearnerActor.train)
    save = RemoteMethod(LearnerActor.save)
    load = RemoteMethod(LearnerActor.load)
    stop = RemoteMethod(LearnerActor.stop)
    health = RemoteMethod(LearnerActor.health)


def start_learner(
    make_learner: MakeLearner, replay: ReplayHandle, threads: int | None, options: Mapping[str, Any]
) -> LearnerHandle:
    """Starts the learner as a Ray actor, without waiting for it.

    Args:
        make_learner: makes the system's learner in the actor's process.
        replay: handle of the replay's Ray actor.
        threads: PyTorch's CPU threads; None: the number of cores that the process may use.
        options: Ray options of the actor, e.g. {"num_cpus": 1, "num_gpus": 1}.
    """
    return cast(LearnerHandle, _RemoteLearnerActor.options(**options).remote(make_learner, replay, threads))

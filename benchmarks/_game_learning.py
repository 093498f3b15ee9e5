"""The parts of `bench play` that learn: the learner alone, and beside acting processes, without Ray."""

from __future__ import annotations

import multiprocessing
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

import cv2
import numpy as np
import torch

from benchmarks._game_parts import Acting, Turns
from cluster.hide_and_seek.schedule import tables
from cluster.hide_and_seek.train_config import GameTrainConfig
from learner.hide_and_seek.make import MakeGameLearner
from replay.core import Sample
from replay.hide_and_seek.memory import MEMORIES
from replay.hide_and_seek.triplet import TRIPLETS
from replay.hide_and_seek.unroll import UNROLLS

READY_S = 300.0
"""Seconds in which the acting processes must begin to play."""
Records = Mapping[str, list[dict[str, Any]]]
"""Records by table."""


class Kept:
    """Keeps the first records of each table that are pushed and drops the others.

    Args:
        most: number of records that are kept, by table.
    """

    def __init__(self, most: Mapping[str, int]) -> None:
        self.most = most
        self.records: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def push(self, table: str, record: dict[str, Any]) -> bool:
        """See `actors.core.Push`."""
        if len(self.records[table]) < self.most[table]:
            self.records[table].append({name: np.array(value) for name, value in record.items()})
        return True


def kept_for(config: GameTrainConfig) -> Kept:
    """Keeps two batches of each table."""
    learner = config.learner
    sizes = {UNROLLS: learner.batch_unrolls, TRIPLETS: learner.batch_triplets, MEMORIES: learner.batch_memories}
    return Kept({table: 2 * size for table, size in sizes.items()})


class Learning:
    """A learner that takes batches of kept records, in the order of a phase.

    Args:
        config: of the run.
        phase: whose steps it takes.
        records: at least one of each table that the phase learns from.
        device: of the learner.
    """

    def __init__(self, config: GameTrainConfig, phase: str, records: Records, device: torch.device) -> None:
        self.learner = MakeGameLearner(config.models, config.learner, config.seed)(device)
        self.learner.start_phase(phase)
        self._formats = {name: spec.records for name, spec in tables(config).items()}
        self._records, self._random = records, np.random.default_rng(0)
        self._length = config.actors.learning.unroll_length
        self.seconds: dict[str, list[float]] = defaultdict(list)
        """Durations of the steps, by table."""
        self.frames = 0
        """Steps of the game that were learned from."""

    def warm_up(self, wanted: Collection[str]) -> None:
        """Takes steps that do not count until each wanted table has given a batch."""
        self.run(0, wanted)

    def step(self) -> None:
        """Takes one step."""
        learner = self.learner
        source = learner.source(learner.version)
        batch = self._batch(source.table, source.batch_size)
        started = time.perf_counter()
        # Reading the metrics waits for the device.
        learner.finish(learner.begin(learner.prepare(batch)))
        self.seconds[source.table].append(time.perf_counter() - started)
        if source.table == UNROLLS:
            self.frames += source.batch_size * self._length

    def _batch(self, table: str, size: int) -> Any:
        records = self._records[table]
        if not records:
            raise SystemExit(f"playpen: no {table} were collected; give more --seconds")
        chosen = self._random.choice(len(records), size, replace=len(records) < size)
        columns = {name: np.stack([records[index][name] for index in chosen]) for name in records[0]}
        none = np.zeros(size, dtype=np.int64)
        return self._formats[table].to_batch(Sample(columns, none, none, 0))

    def run(self, seconds: float, wanted: Collection[str] = ()) -> float:
        """Takes steps for so long, and until each wanted table has given a batch; returns the frames a second."""
        self.seconds.clear()
        self.frames, started = 0, time.perf_counter()
        while (spent := time.perf_counter() - started) < seconds or not set(wanted) <= set(self.seconds):
            self.step()
        return self.frames / spent


class _Stopped(Exception):
    """The measurement is over."""


def _act(config: GameTrainConfig, phase: str, device: str, actor: int, made: Any, ready: Any, stop: Any) -> None:
    """An acting process: plays until `stop` is set; `made` counts the steps of the unrolls that it dropped."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    acting = Acting(config, phase, torch.device(device), actor)
    length = config.actors.learning.unroll_length

    def push(table: str, record: Any) -> bool:
        if stop.is_set():
            raise _Stopped
        if table == UNROLLS:
            with made.get_lock():
                made.value += length
        return True

    try:
        turns = Turns(config, phase, actor)
        acting.warm_up(turns)
        ready.release()
        while True:
            acting.play(turns.next(), push)
    except _Stopped:
        pass
    finally:
        acting.stop()


def together(
    config: GameTrainConfig, phase: str, records: Records, device: torch.device, processes: int, seconds: float
) -> dict[str, float]:
    """Acting processes, which drop their records, beside a learner, which takes kept ones, at the same time.

    Args:
        config: of the run.
        phase: what is played and learned.
        records: for the learner.
        device: of the learner and of all policies.
        processes: number of acting processes, each with the configuration's simulators.
        seconds: duration.

    Returns:
        steps of the game a second of both.
    """
    context = multiprocessing.get_context("spawn")
    made, ready, stop = context.Value("q", 0), context.Semaphore(0), context.Event()
    started = [
        context.Process(target=_act, args=(config, phase, str(device), number, made, ready, stop))
        for number in range(processes)
    ]
    for process in started:
        process.start()
    try:
        learning = Learning(config, phase, records, device)
        learning.warm_up([UNROLLS])
        deadline = time.monotonic() + READY_S
        for _ in started:
            while not ready.acquire(timeout=1):
                if time.monotonic() > deadline or not all(process.is_alive() for process in started):
                    raise SystemExit("playpen: an acting process did not begin to play")
        before, began = made.value, time.perf_counter()
        learned = learning.run(seconds)
        acted = (made.value - before) / (time.perf_counter() - began)
    finally:
        stop.set()
        for process in started:
            process.join(60)
            if process.is_alive():
                process.terminate()
                process.join()
    return {"act_steps_per_s": acted, "learner_frames_per_s": learned}

"""A light actor for several benchmarks: a small process with the calls of `actors.actor.PlayerActor`.

It takes locations and weights, and pushes records of the real shape and size, as a real actor does. It has no simulator
and no network, so that many fit on one machine.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import ray

from actors.interaction.statistics import PlayStatistics
from replay.interaction.batch import LOCATIONS
from replay.interaction.record import LocationRecord


class LightActorProcess:
    """Plays no task and pushes a prepared record; `LightActor` is this class as a Ray actor.

    Args:
        number: this actor's number.
        replay: handle of the replay buffer's Ray actor.
        record: the record that it pushes for each location, under that location's number.
    """

    def __init__(self, number: int, replay: Any, record: LocationRecord) -> None:
        self._number, self._replay, self._record = number, replay, record
        self._weights: np.ndarray | None = None
        self._version: int | None = None
        self._locations = 0
        self._pushing = False

    def play(
        self, task: Any, number: int, orders: Mapping[str, Any], weights: list[Any], version: int
    ) -> PlayStatistics:
        """Acts like `PlayerActor.play`, without the visit."""
        if version != self._version:
            self.fetch(weights)
            self._version = version
        own = {"location": number, "entry": task.entry, "weights_version": version, "actor": self._number}
        record = LocationRecord(
            **vars(self._record)
            | {name: np.array(value, getattr(self._record, name).dtype) for name, value in own.items()}
        )
        statistics = PlayStatistics(number, self._number, version, entry=task.entry, touches=int(record.touches))
        self._pushing = True
        with statistics.clock("push"):
            statistics.stored = ray.get(self._replay.insert.remote(LOCATIONS, record)).slot >= 0
        self._pushing = False
        self._locations += 1
        return statistics

    def fetch(self, weights: list[Any]) -> float:
        """Copies new weights as an actor's model does; returns the CPU seconds of this process."""
        started = time.process_time()
        self._weights = np.array(ray.get(weights[0]))
        return time.process_time() - started

    def take(self, vector: np.ndarray) -> None:
        """Copies new weights that were passed as an argument."""
        self._weights = np.array(vector)

    @ray.method(concurrency_group="control")
    def health(self) -> dict[str, Any]:
        """Acts like `PlayerActor.health`."""
        return {
            "actor": self._number,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "node": ray.get_runtime_context().get_node_id(),
            "simulator_pid": None,
            "simulator_starts": 0,
            "tasks": self._locations,
            "pushing": self._pushing,
            "weights_version": self._version,
        }


_remote: Any = ray.remote  # the type hints lack concurrency_groups
LightActor: Any = _remote(concurrency_groups={"control": 2}, num_cpus=0)(LightActorProcess)

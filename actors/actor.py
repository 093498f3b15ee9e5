"""The Ray actor that plays tasks: weights, restarts of its simulator, health. The system's `Player` does the work.

Records go straight to the replay buffer; the caller gets small statistics. The simulator is started with the first
task. If it fails, it is restarted and the task is played once more; if that fails too, the caller gets the
SimulatorError and may ask again. A caller that replaces dead actors needs no restarts by Ray: all state that matters
is in the arguments of `play`. When the actor's process is killed, its action pipe closes and its simulator exits.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping
from typing import Any, cast

import cv2
import numpy as np
import ray
import torch
from numpy.typing import NDArray

from actors.config import SimulatorConfig
from actors.controller import SimulatorError, SimulatorProcess
from actors.core import MakePlayer, Push, Statistics, WrongFrame
from common.remote import Handle, RemoteMethod, WeightsReference, concurrency_group
from replay.actor import ReplayHandle


class PlayerActor:
    """One actor; `start_player` starts it as a Ray actor.

    Args:
        number: the actor's number, for records and messages.
        simulator: which simulator to start, and how.
        make_player: makes the system's player in this process.
        replay: handle of the replay's Ray actor.
    """

    def __init__(self, number: int, simulator: SimulatorConfig, make_player: MakePlayer, replay: ReplayHandle) -> None:
        # An actor and its simulator take turns, so one core serves both.
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self._number = number
        self._simulator_config = simulator
        self._replay = replay
        self._player = make_player(number)
        self._weights_version: int | None = None
        self._simulator: SimulatorProcess | None = None
        self._starts = 0
        self._tasks = 0
        self._pushing = False
        self._stopped = threading.Event()

    def play(
        self,
        task: Any,
        number: int,
        orders: Mapping[str, Any],
        weights: WeightsReference | NDArray[np.float32],
        version: int,
    ) -> Statistics:
        """Plays a task and pushes its records to the replay buffer; waits there if the learner lags.

        Args:
            task: what to play.
            number: running number of the task in the run.
            orders: the phase's, see `learner.schedule.Phase.player_orders`.
            weights: flat vector of the model's weights, or a list with one reference to it; the reference is fetched
                only if the version is new.
            version: version of these weights.

        Raises:
            SimulatorError: the simulator failed twice; the next call starts a new one.
            TaskError: the simulator refuses the task.
        """
        if version != self._weights_version:
            self._player.load(ray.get(weights[0]) if isinstance(weights, list) else weights)
            self._weights_version = version
        starts = self._starts
        try:
            statistics = self._attempt(task, number, orders, version)
        except SimulatorError as error:
            if self._stopped.is_set():
                raise
            statistics = self._attempt(task, number, orders, version)
            statistics.fault, statistics.wrong_frame = str(error), isinstance(error, WrongFrame)
        # The first start in an actor's life is no restart.
        statistics.restarts = self._starts - max(starts, 1)
        self._tasks += 1
        return statistics

    @concurrency_group("control")
    def health(self) -> dict[str, Any]:
        """Returns counters, process ids and the node, also while a task is played; serves as the actor's heartbeat."""
        simulator = self._simulator
        running = simulator is not None and simulator.alive
        return {
            "actor": self._number,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "node": ray.get_runtime_context().get_node_id(),
            "simulator_pid": simulator.pid if simulator is not None and running else None,
            "simulator_starts": self._starts,
            "tasks": self._tasks,
            "pushing": self._pushing,
            "weights_version": self._weights_version,
        }

    @concurrency_group("control")
    def stop(self) -> None:
        """Ends the simulator, also in the middle of a task, whose `play` then raises SimulatorError."""
        self._stopped.set()
        if (simulator := self._simulator) is not None:
            simulator.stop()

    def _attempt(self, task: Any, number: int, orders: Mapping[str, Any], version: int) -> Statistics:
        if self._stopped.is_set():
            raise SimulatorError(f"actor {self._number} was stopped")
        keywords = self._player.controller_keywords
        if self._simulator is None and keywords is not None:
            self._simulator = SimulatorProcess(self._simulator_config, **keywords)
            self._starts += 1
            if self._stopped.is_set():  # while it was starting
                self._simulator.stop()
        push: Push = self._push
        try:
            return self._player.play(self._simulator, task, number, orders, version, push)
        except SimulatorError:
            # After a frame of another scene or pose the process still runs, but it cannot be trusted.
            if self._simulator is not None:
                self._simulator.stop()
            self._simulator = None
            raise

    def _push(self, table: str, record: Any) -> bool:
        """See `actors.core.Push`."""
        self._pushing = True
        try:
            # A record that the table holds already (its actor died after sending) counts as stored.
            return ray.get(self._replay.insert.remote(table, record)).slot >= 0
        finally:
            self._pushing = False


_remote: Any = ray.remote  # its type hints lack concurrency_groups
_RemotePlayerActor: Any = _remote(concurrency_groups={"control": 2})(PlayerActor)


class PlayerHandle(Handle):
    """Type of a player actor's handle."""

    play = RemoteMethod(PlayerActor.play)
    health = RemoteMethod(PlayerActor.health)
    stop = RemoteMethod(PlayerActor.stop)


def start_player(
    number: int,
    simulator: SimulatorConfig,
    make_player: MakePlayer,
    replay: ReplayHandle,
    options: Mapping[str, Any],
) -> PlayerHandle:
    """Starts a player as a Ray actor, without waiting for it.

    Args:
        number: the actor's number, for records and messages.
        simulator: which simulator to start, and how.
        make_player: makes the system's player in the actor's process.
        replay: handle of the replay's Ray actor.
        options: Ray options of the actor, e.g. {"num_cpus": 1, "num_gpus": 0.1}.
    """
    return cast(PlayerHandle, _RemotePlayerActor.options(**options).remote(number, simulator, make_player, replay))

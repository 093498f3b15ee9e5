"""The Ray actor that plays locations: transport, restarts of its simulator, health; the work is `Player`'s.

A record goes straight to the replay; the caller gets small statistics. The simulator is started with the first
location. If it fails it is started anew and the location played once more; if that fails too the caller gets the
SimulatorError and may ask again. A caller that replaces dead actors needs no restarts by Ray: all state that matters
is in the arguments of `play`. When the actor's process is killed, its simulator exits at the end of its action pipe.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import Any

import cv2
import numpy as np
import ray
import torch
from numpy.typing import NDArray

from actors.config import ActorConfig, SimulatorConfig
from actors.controller import SimulatorError, SimulatorProcess
from actors.interaction.choose import TouchPlan
from actors.interaction.interact import Player
from actors.interaction.locations import Location, WrongFrame
from actors.interaction.oracles import simulator_keywords
from actors.interaction.statistics import PlayStatistics
from models.config import NetworkConfig
from models.interaction.inference import Predictor
from models.interaction.network import build_network
from replay.interaction.batch import LOCATIONS
from replay.interaction.record import LocationRecord


class ActorShell:
    """One actor. `InteractionActor` is this class as a Ray actor.

    Args:
        number: of the actor, for records and messages.
        simulator: which simulator, and how it is started.
        config: how locations are played.
        network: architecture of the model.
        replay: handle of the replay's Ray actor, which has `insert`.
        seed: the run's.
    """

    def __init__(
        self,
        number: int,
        simulator: SimulatorConfig,
        config: ActorConfig,
        network: NetworkConfig,
        replay: Any,
        seed: int,
    ) -> None:
        # One core for an actor and its simulator, which take turns.
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self._number = number
        self._simulator_config = simulator
        self._config = config
        self._replay = replay
        self._seed = seed
        self._predictor = Predictor(build_network(network, seed))
        self._weights_version: int | None = None
        self._simulator: SimulatorProcess | None = None
        self._starts = 0
        self._locations = 0
        self._pushing = False
        self._stopped = threading.Event()

    def play(
        self,
        location: Location,
        number: int,
        greedy: int,
        random: int,
        force_trials: bool,
        weights: list[Any] | NDArray[np.float32],
        version: int,
    ) -> PlayStatistics:
        """Plays a location and pushes its record to the replay; waits there if the learner lags.

        Args:
            location: where.
            number: running number of the location in the run.
            greedy, random, force_trials: see `TouchPlan`.
            weights: flat vector of the model's weights, or a list with one reference to it, which is fetched only if
                the version is new.
            version: of these weights.

        Raises:
            SimulatorError: the simulator failed twice; nothing was pushed, and the next call starts a new one.
            LocationError: the simulator refuses the location.
        """
        plan = TouchPlan(greedy, random, force_trials)
        if version != self._weights_version:
            self._predictor.load(ray.get(weights[0]) if isinstance(weights, list) else weights)
            self._weights_version = version
        starts = self._starts
        try:
            record, statistics = self._visit(location, number, plan, version)
        except SimulatorError as error:
            if self._stopped.is_set():
                raise
            record, statistics = self._visit(location, number, plan, version)
            statistics.fault, statistics.wrong_frame = str(error), isinstance(error, WrongFrame)
        # The first start of an actor's life is none anew.
        statistics.restarts = self._starts - max(starts, 1)
        self._pushing = True
        try:
            with statistics.clock("push"):
                # A location that the replay holds already (its actor died after sending) counts as stored.
                statistics.stored = self._push(LOCATIONS, record)
        finally:
            self._pushing = False
        self._locations += 1
        return statistics

    @ray.method(concurrency_group="control")
    def health(self) -> dict[str, Any]:
        """Numbers, process ids and where they are; answers also while a location is played: the actor's heartbeat."""
        simulator = self._simulator
        running = simulator is not None and simulator.alive
        return {
            "actor": self._number,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "node": ray.get_runtime_context().get_node_id(),
            "simulator_pid": simulator.pid if simulator is not None and running else None,
            "simulator_starts": self._starts,
            "locations": self._locations,
            "pushing": self._pushing,
            "weights_version": self._weights_version,
        }

    @ray.method(concurrency_group="control")
    def stop(self) -> None:
        """Ends the simulator, also in the middle of a location, whose `play` then raises SimulatorError."""
        self._stopped.set()
        if (simulator := self._simulator) is not None:
            simulator.stop()

    def _push(self, table: str, record: Any) -> bool:
        """Sends a record to a table of the replay and waits until it is in; False if the phase is over there."""
        return bool(ray.get(self._replay.insert.remote(table, record)).slot >= 0)

    def _visit(
        self, location: Location, number: int, plan: TouchPlan, version: int
    ) -> tuple[LocationRecord, PlayStatistics]:
        if self._stopped.is_set():
            raise SimulatorError(f"actor {self._number} was stopped")
        if self._simulator is None:
            keywords = simulator_keywords(self._config, self._simulator_config)
            self._simulator = SimulatorProcess(self._simulator_config, **keywords)
            self._starts += 1
            if self._stopped.is_set():  # while it was starting
                self._simulator.stop()
        player = Player(self._simulator, self._predictor, self._config, self._seed, self._number)
        try:
            return player.play(location, number, plan, version)
        except SimulatorError:
            # A frame of another scene or pose leaves the process running: it is not to be trusted either.
            self._simulator.stop()
            self._simulator = None
            raise


_remote: Any = ray.remote  # its type hints lack concurrency_groups
InteractionActor: Any = _remote(concurrency_groups={"control": 2})(ActorShell)
"""Start it with `InteractionActor.options(num_cpus=..., num_gpus=...).remote(...)`."""

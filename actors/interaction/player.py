"""The player of the interaction system: visits a location, touches objects, and pushes one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.config import SimulatorConfig
from actors.controller import SimulatorProcess
from actors.core import Push
from actors.interaction.choose import TouchPlan
from actors.interaction.config import ActorConfig
from actors.interaction.interact import Visitor
from actors.interaction.locations import Location
from actors.interaction.oracles import simulator_keywords
from actors.interaction.statistics import PlayStatistics
from models.interaction.build import build_network
from models.interaction.config import NetworkConfig
from models.interaction.inference import Predictor
from replay.interaction.batch import LOCATIONS


@dataclass(frozen=True)
class MakePlayer:
    """Makes an actor's player.

    Args:
        simulator: settings of the simulator; its hand must cover the reach.
        config: how to play locations.
        network: architecture of the model; None: no touch is greedy, so no model is needed.
        seed: the run's seed.
    """

    simulator: SimulatorConfig
    config: ActorConfig
    network: NetworkConfig | None
    seed: int

    def __call__(self, actor: int) -> LocationPlayer:
        """Makes the player of actor number `actor`."""
        predictor = None
        if self.network is not None:
            predictor = Predictor(build_network(self.network, self.seed), confidence=self.config.confidence)
        return LocationPlayer(predictor, self.config, self.seed, actor, simulator_keywords(self.config, self.simulator))


@dataclass(frozen=True)
class LocationPlayer:
    """An `actors.core.Player`; its tasks are locations."""

    predictor: Predictor | None
    config: ActorConfig
    seed: int
    actor: int
    controller_keywords: Mapping[str, Any]

    def load(self, weights: NDArray[np.float32]) -> None:
        """See `actors.core.Player.load`."""
        if self.predictor is not None:
            self.predictor.load(weights)

    def play(
        self,
        simulator: SimulatorProcess,
        task: Location,
        number: int,
        orders: Mapping[str, Any],
        version: int,
        push: Push,
    ) -> PlayStatistics:
        """See `actors.core.Player.play`; `orders` are the fields of `TouchPlan`."""
        visitor = Visitor(simulator, self.predictor, self.config, self.seed, self.actor)
        record, statistics = visitor.play(task, number, TouchPlan(**orders), version)
        with statistics.clock("push"):
            statistics.stored = push(LOCATIONS, record)
        return statistics

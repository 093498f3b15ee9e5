"""The player of hide and seek that makes training data: one task gives exactly the records that the orders ask for."""

from __future__ import annotations

import copy
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.config import SimulatorConfig
from actors.controller import SimulatorError, SimulatorProcess
from actors.core import Push
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.learning.config import LearningConfig, Orders
from actors.hide_and_seek.learning.policy import Policy, SharedPolicy
from actors.hide_and_seek.learning.statistics import LearningStatistics
from actors.hide_and_seek.learning.tasks import kind_of, work_on
from actors.hide_and_seek.learning.work import PlayTask, Share, Work
from actors.hide_and_seek.world import KEYWORDS, World, start_simulator
from common.devices import assigned_device
from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.network import HideAndSeekNetwork, build_network
from models.weights import load_flat_weights
from replay.hide_and_seek.unroll import record_key


@dataclass(frozen=True)
class MakePlayer:
    """Makes an actor's player.

    Args:
        simulator: settings of the actor's simulator, of `world.game_simulator`; further ones are started with it.
        rules: of the game.
        agent: sizes of the networks.
        learning: how to make training data.
        seed: the run's seed.
    """

    simulator: SimulatorConfig
    rules: GameConfig
    agent: AgentConfig
    learning: LearningConfig
    seed: int

    def __call__(self, actor: int) -> LearningPlayer:
        """Makes the player of actor number `actor`."""
        return LearningPlayer(self, actor)


def sender(
    number: int, share: int, push: Push, statistics: LearningStatistics
) -> Callable[[str, dict[str, Any]], None]:
    """A function that pushes the records of one share of a task, with their keys.

    The keys depend on the order of the records alone, so an attempt that repeats the one before, as a task determines
    its records, stores nothing twice.
    """
    made: Counter[str] = Counter()

    def send(table: str, record: dict[str, Any]) -> None:
        key = np.asarray(record_key(number, share, made[table]), np.int64)
        made[table] += 1
        with statistics.clock("push"):
            statistics.stored &= push(table, record | {"key": key})

    return send


class LearningPlayer:
    """An `actors.core.Player`; its tasks are `PlayTask`s. Its network is on the actor's GPU, if it has a share of one.

    With several simulators per actor, the actor's is the first; this player starts the others, and each does a share of
    the task in a thread of its own.

    If a simulator fails, the records that were pushed stay, and another attempt adds only the rest: see `sender`.
    """

    def __init__(self, make: MakePlayer, actor: int) -> None:
        self._make, self._actor = make, actor
        self._network: HideAndSeekNetwork = build_network(make.agent, make.seed).eval().requires_grad_(False)
        self._network.to(assigned_device())
        self._others: list[SimulatorProcess | None] = [None] * (make.learning.simulators - 1)

    @property
    def controller_keywords(self) -> Mapping[str, Any]:
        """See `actors.core.Player`."""
        return KEYWORDS

    def load(self, weights: NDArray[np.float32]) -> None:
        """See `actors.core.Player.load`."""
        load_flat_weights(self._network, weights)

    def play(
        self,
        simulator: SimulatorProcess,
        task: PlayTask,
        number: int,
        orders: Mapping[str, Any],
        version: int,
        push: Push,
    ) -> LearningStatistics:
        """See `actors.core.Player.play`; `orders` are the fields of `Orders`."""
        parsed, make = Orders.parse(orders), self._make
        kind = kind_of(parsed, make.seed, number)
        statistics = LearningStatistics(number, self._actor, version, kind=kind)
        whole = Share(parsed.unrolls_per_task, parsed.triplets_per_task, parsed.memories_per_task)
        if not self._others:
            policy = Policy(self._network.agent)
            self._share(simulator, policy, task, parsed, kind, number, 0, whole, statistics, push)
            return statistics
        shares = whole.split(1 + len(self._others))
        shared = SharedPolicy(self._network.agent, len(shares), make.learning.batch_wait_s)
        pushing = threading.Lock()

        def push_alone(table: str, record: Any) -> bool:
            with pushing:
                return push(table, record)

        def work(index: int) -> LearningStatistics:
            own = replace(statistics, seconds={}, stages={})
            try:
                process = simulator if index == 0 else self._other(index - 1)
                self._share(process, shared, task, parsed, kind, number, index, shares[index], own, push_alone)
            except SimulatorError:
                # The task is lost, so the other shares end at once.
                for other in range(len(self._others)):
                    self._stop(other)
                raise
            finally:
                shared.leave()
            return own

        with ThreadPoolExecutor(len(shares)) as pool:
            done = list(pool.map(work, range(len(shares))))
        for own in done:
            statistics.merge(own)
        return statistics

    def _share(
        self, simulator: SimulatorProcess, policy: Policy, task: PlayTask, orders: Orders, kind: str, number: int,
        index: int, share: Share, statistics: LearningStatistics, push: Push,
    ) -> None:  # fmt: skip
        make = self._make
        work = Work(
            world=World(simulator),
            task=task,
            orders=orders,
            config=make.learning,
            rules=make.rules,
            image_size=make.agent.image_size,
            seed=(make.seed, number, index),
            newest=policy,
            past=self._past,
            perspective=self._network.perspective,
        )
        send = sender(number, index, push, statistics)
        work_on(work, kind, share, make.agent.unroll_shape(make.learning.unroll_length), number, statistics, send)

    def _past(self, random: np.random.Generator) -> Policy | None:
        """One of the earlier agents that the weights hold; None if they hold none yet."""
        past = self._network.past
        filled = [row for row in range(len(past)) if bool(past[row].any())]
        if not filled:
            return None
        earlier = copy.deepcopy(self._network.agent)
        load_flat_weights(earlier, past[int(random.choice(filled))].cpu().numpy())
        return Policy(earlier)

    def _other(self, index: int) -> SimulatorProcess:
        simulator = self._others[index]
        if simulator is None:
            simulator = self._others[index] = start_simulator(self._make.simulator)
        return simulator

    def _stop(self, index: int) -> None:
        simulator, self._others[index] = self._others[index], None
        if simulator is not None:
            simulator.stop()

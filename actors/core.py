"""What a system gives the actors: the tasks that are handed out, and the player that plays them.

`actors.actor.PlayerActor` knows nothing else of a system. It is built from a top-level function that makes the player,
so that Ray can send it to another process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from actors.controller import SimulatorError, SimulatorProcess

Push = Callable[[str, Any], bool]
"""`push(table, record)` sends a record to a table of the replay buffer, which copies it. Waits while the learner lags.
Returns whether the table holds the record now: it takes none after the phase."""


class TaskError(ValueError):
    """The simulator refuses a task; the simulator itself works."""


class WrongFrame(SimulatorError):
    """The simulator answered with a frame of another scene or pose, so its answers cannot be trusted."""


class Task(Protocol):
    """What an actor is given to play: a location, a game. `str(task)` names it in messages."""

    @property
    def key(self) -> str:
        """Identifies the task among those of a run; the same each time that the task is handed out."""
        ...


@dataclass
class Statistics:
    """What a player reports of one task besides the records: small, and without images. Systems extend it."""

    number: int
    """Running number of the task in the run."""
    actor: int
    """Number of the actor that played it."""
    weights_version: int
    """Optimiser steps of the weights that it was played with."""
    stored: bool = True
    """Whether the replay buffer holds what the task gave; it takes no record after the phase."""
    restarts: int = 0
    """Simulators that had to be restarted for this task."""
    fault: str = ""
    """The simulator's error before the task was played again; empty if there was none."""
    wrong_frame: bool = False
    """Whether that error was a `WrongFrame`."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall-clock seconds by part of the work, such as inference, simulator, or push (waiting for the replay)."""

    @contextmanager
    def clock(self, part: str) -> Iterator[None]:
        """Adds the time that the block takes to a part."""
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + perf_counter() - start


class Player(Protocol):
    """Plays the tasks of one system. An actor makes one and keeps it, while simulators may come and go."""

    @property
    def controller_keywords(self) -> Mapping[str, Any]:
        """Further keywords of the AI2-THOR Controller that the player's simulators are started with."""
        ...

    def load(self, weights: NDArray[np.float32]) -> None:
        """Takes the model's weights from a flat vector, by a copy."""
        ...

    def play(
        self,
        simulator: SimulatorProcess,
        task: Any,
        number: int,
        orders: Mapping[str, Any],
        version: int,
        push: Push,
    ) -> Statistics:
        """Plays a task and pushes its records.

        Args:
            simulator: running; left in whatever state the task ends in.
            task: of the system.
            number: running number of the task in the run: with the run's seed it decides all random draws.
            orders: the phase's, see `learner.schedule.Phase.player_orders`.
            version: of the loaded weights.
            push: called for each record.

        Raises:
            TaskError: the simulator refuses the task.
            SimulatorError: the simulator failed; the task may be played again in another one.
        """
        ...


MakePlayer = Callable[[int], Player]
"""Makes the player of an actor, given the actor's number."""

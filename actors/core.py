"""The interface between actors and a system: the tasks that are handed out, and the player that plays them.

`actors.actor.PlayerActor` uses nothing else of a system. It gets a top-level factory of the player, which Ray can send
to another process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from actors.controller import SimulatorError

Push = Callable[[str, Any], bool]
"""`push(table, record)` sends a record to a table of the replay buffer, which copies it, and waits while the
learner lags. It returns whether the table holds the record now; a table accepts none after the phase."""


class TaskError(ValueError):
    """The simulator refuses a task; the simulator itself works."""


class WrongFrame(SimulatorError):
    """The simulator answered with a frame of another scene or pose, so its answers cannot be trusted."""


class Task(Protocol):
    """A task for an actor, such as a location or a game. `str(task)` names it in messages."""

    @property
    def key(self) -> str:
        """Identifies the task within a run; the same each time that the task is handed out."""
        ...


@dataclass
class Statistics:
    """A player's report of one task, beside the records: small, without images. Systems extend it."""

    number: int
    """Running number of the task in the run."""
    actor: int
    """Number of the actor that played it."""
    weights_version: int
    """Optimiser steps of the weights that were used."""
    stored: bool = True
    """Whether the replay buffer holds the task's records; it accepts none after the phase."""
    restarts: int = 0
    """Number of simulator restarts during this task."""
    fault: str = ""
    """The simulator's error that made the actor repeat the task; empty if there was none."""
    wrong_frame: bool = False
    """Whether that error was a `WrongFrame`."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall-clock seconds by part of the work, such as inference, simulator, or push (waiting for the replay)."""

    @contextmanager
    def clock(self, part: str) -> Iterator[None]:
        """Adds the duration of the block to a part."""
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + perf_counter() - start


class Player(Protocol):
    """Plays the tasks of one system. An actor keeps its player when it restarts its simulator."""

    @property
    def controller_keywords(self) -> Mapping[str, Any] | None:
        """Further keywords of the AI2-THOR Controller for the player's simulators; None: the player needs none."""
        ...

    def load(self, weights: NDArray[np.float32]) -> None:
        """Copies the model's weights from a flat vector."""
        ...

    def play(
        self,
        simulator: Any,
        task: Any,
        number: int,
        orders: Mapping[str, Any],
        version: int,
        push: Push,
    ) -> Statistics:
        """Plays a task and pushes its records.

        Args:
            simulator: a running `SimulatorProcess`, whose state after the task is arbitrary; None if the player needs
                none.
            task: one of the system's tasks.
            number: running number of the task in the run; it and the run's seed determine all random draws.
            orders: the phase's, see `learner.schedule.Phase.player_orders`.
            version: version of the loaded weights.
            push: stores a record; see `Push`.

        Raises:
            TaskError: the simulator refuses the task.
            SimulatorError: the simulator failed; the task may be played again in another one.
        """
        ...


MakePlayer = Callable[[int], Player]
"""Makes the player of an actor from the actor's number."""

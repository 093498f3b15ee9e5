"""What a system gives the chassis. `cluster/systems/NAME.py` composes one: the first file to read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from actors.core import MakePlayer, Statistics, Task
from cluster.run.config import RunConfig
from evaluation.core import FinalReport, MakeEvaluator
from evaluation.tables import Columns
from learner.core import MakeLearner
from learner.schedule import Phase
from replay.core import TableSpec


@dataclass(frozen=True)
class Command:
    """A command of `./playpen` that Hydra composes."""

    schema: type
    """Dataclass of its configuration."""
    module: str
    """Dotted name of the module whose `run(config, folder)` does the work and returns the exit code."""


@dataclass(frozen=True)
class Data:
    """What a run works on."""

    tasks: Sequence[Task]
    """What actors are given, in passes of shuffled order."""
    test: Any
    """What the evaluator measures on; opaque to the chassis."""


class Meter(Protocol):
    """Turns the actors' statistics into figures for the terminal, W&B, status and results."""

    @property
    def unit(self) -> str:
        """What a task is called in progress bars, in the singular."""
        ...

    def add(self, statistics: Statistics) -> None:
        """Takes in a task that was played and stored."""
        ...

    def progress(self, seconds: float) -> dict[str, float]:
        """Figures for the progress line.

        Args:
            seconds: since the run began.
        """
        ...

    def row(self, span: float) -> dict[str, float]:
        """Counts and shares for a row of metrics, and rates over the time since the row before.

        Args:
            span: seconds since then.
        """
        ...

    def results(self) -> dict[str, Any]:
        """Keys of the RESULT line."""
        ...

    def get_state(self) -> dict[str, Any]:
        """State for a checkpoint, JSON-able."""
        ...

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continues from what `get_state` returned; other keys are ignored."""
        ...


class System(Protocol):
    """One system."""

    name: str
    columns: Columns
    """Figures of the results table."""
    objective: str
    """Key of results.json that a sweep maximises."""
    commands: Mapping[str, Command]
    """By name; "train" has a schema that extends `RunConfig`."""
    variants: Mapping[str, Mapping[str, type]]
    """Schemas of alternative options of config groups, by group and name."""

    def schema_of(self, values: Mapping[str, Any]) -> type:
        """Dataclass of `train` with the alternatives that a saved configuration has."""
        ...

    def schema_like(self, values: Mapping[str, Any]) -> Any:
        """The OmegaConf schema of `train` with the alternatives that a saved configuration has."""
        ...

    def check(self, config: Any) -> None:
        """Refuses impossible settings before anything starts; reads the configuration alone.

        Raises:
            UsageError: one sentence naming the field.
        """
        ...

    def data(self, config: Any, interrupted: threading.Event | None = None) -> Data:
        """Finds or makes the data of a run."""
        ...

    def tables(self, config: Any, tasks: int) -> dict[str, TableSpec]:
        """The tables of the replay buffer, by name; `tasks` is how many different tasks there are."""
        ...

    def phases(self, config: Any, tasks: int) -> Sequence[Phase]:
        """The schedule; phases without work are left out. `tasks` is how many different tasks there are."""
        ...

    def player(self, config: Any) -> MakePlayer:
        """Makes an actor's player, in the actor's process."""
        ...

    def learner(self, config: Any) -> MakeLearner:
        """Makes the learner, in its process."""
        ...

    def evaluator(self, config: Any, test: Any) -> MakeEvaluator:
        """Makes the evaluator, in its process; `test` is of `Data`."""
        ...

    def meter(self, config: Any) -> Meter:
        """A new meter."""
        ...

    def curves(
        self, folder: Path, rows: list[dict[str, Any]], report: FinalReport, seconds: float, steps: int
    ) -> list[Path]:
        """Draws how the run learned.

        Args:
            folder: gets the pictures.
            rows: of metrics.jsonl.
            report: of the final weights.
            seconds: of training.
            steps: optimiser steps done.

        Returns:
            the pictures.
        """
        ...

    def evaluation_sentence(self, metrics: Mapping[str, float]) -> str:
        """An evaluation on the way, for the run's log."""
        ...

    def facts(self, config: Any) -> dict[str, Any]:
        """Keys of the RESULT line that come from the configuration."""
        ...

    def table_results(self, plan: Any, interrupted: threading.Event) -> Any:
        """The comparison of a table's runs."""
        ...


__all__ = ["Command", "Data", "Meter", "RunConfig", "System"]

"""The protocol between the chassis and a system. `cluster/systems/NAME.py` implements it; read such a file first."""

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
    """A command of `./playpen` whose configuration Hydra composes."""

    schema: type
    """Dataclass of its configuration."""
    module: str
    """Dotted name of the module whose `run(config, folder)` runs the command and returns its exit code."""
    config: str
    """Name of its file in `conf/`, without the ending; the file extends `CONFIG_schema`."""


@dataclass(frozen=True)
class Data:
    """Training tasks and test data of a run."""

    tasks: Sequence[Task]
    """Assigned to actors in repeated passes, each in random order."""
    test: Any
    """Test data of the evaluator; opaque to the chassis."""


Migration = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns a configuration, as plain values, into that of the next schema version."""


class Meter(Protocol):
    """Turns the actors' statistics into metrics for the terminal, W&B, status and results."""

    @property
    def unit(self) -> str:
        """Name of a task in progress bars, singular."""
        ...

    @property
    def shown_metrics(self) -> Mapping[str, str]:
        """Names of the learner's metrics beside the progress bar of steps, by what is shown for them."""
        ...

    def add(self, statistics: Statistics) -> None:
        """Adds a task that was played and stored."""
        ...

    def progress(self, seconds: float) -> dict[str, float]:
        """Values for the progress line.

        Args:
            seconds: since the run began.
        """
        ...

    def row(self, span: float) -> dict[str, float]:
        """Counts and shares for a row of metrics, and rates since the previous row.

        Args:
            span: seconds since the previous row.
        """
        ...

    def summary(self, row: Mapping[str, float]) -> str:
        """What a row of metrics holds, in words, for `./playpen status`."""
        ...

    def results(self) -> dict[str, Any]:
        """Values for the RESULT line."""
        ...

    def get_state(self) -> dict[str, Any]:
        """State for a checkpoint, JSON-able."""
        ...

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continues from what `get_state` returned; other keys are ignored."""
        ...


class Commands(Protocol):
    """What the command line needs of a system, also of one that cannot be trained."""

    name: str
    commands: Mapping[str, Command]
    """Commands by name; the schema of "train" extends `RunConfig`."""
    variants: Mapping[str, Mapping[str, type]]
    """Schemas of config options that have their own, by group and option."""


class System(Commands, Protocol):
    """What a system that can be trained implements."""

    columns: Columns
    """Columns of the results table."""
    objective: str
    """Key of results.json that a sweep maximises."""
    measures_data_sets: bool
    """Whether a table measures runs on data sets; else each run's own final evaluation counts."""
    migrations: Mapping[int, Migration]
    """By schema version: makes the configuration of the next version, after `cluster.run.identity.MIGRATIONS`."""

    def schema_of(self, values: Mapping[str, Any]) -> type:
        """Dataclass of `train` with the alternatives that a saved configuration has."""
        ...

    def schema_like(self, values: Mapping[str, Any]) -> Any:
        """The OmegaConf schema of `train` with the variants that a saved configuration uses."""
        ...

    def check(self, config: Any) -> None:
        """Refuses impossible settings before anything starts, from the configuration alone.

        Raises:
            UsageError: one sentence naming the field.
        """
        ...

    def data(self, config: Any, interrupted: threading.Event | None = None) -> Data:
        """Finds or generates the data of a run."""
        ...

    def tables(self, config: Any) -> dict[str, TableSpec]:
        """The tables of the replay buffer, by name."""
        ...

    def checkpoint_bytes(self, config: Any) -> int:
        """About the size of a checkpoint without the tables, for the check of the disk's free space."""
        ...

    def phases(self, config: Any, tasks: int) -> Sequence[Phase]:
        """The schedule without phases that have no work.

        Args:
            config: The run's configuration.
            tasks: Number of different tasks.

        Raises:
            UsageError: the schedule does not fit so many tasks.
        """
        ...

    def player(self, config: Any) -> MakePlayer:
        """Factory of an actor's player, called in the actor's process."""
        ...

    def learner(self, config: Any) -> MakeLearner:
        """Factory of the learner, called in its process."""
        ...

    def evaluator(self, config: Any, test: Any) -> MakeEvaluator:
        """Factory of the evaluator, called in its process; `test` is `Data.test`."""
        ...

    def meter(self, config: Any) -> Meter:
        """A new meter."""
        ...

    def curves(
        self, config: Any, folder: Path, rows: list[dict[str, Any]], report: FinalReport, seconds: float, steps: int
    ) -> list[Path]:
        """Draws learning curves.

        Args:
            config: of the run.
            folder: where the images are written.
            rows: of metrics.jsonl.
            report: of the final weights.
            seconds: duration of training.
            steps: optimiser steps done.

        Returns:
            paths of the images.
        """
        ...

    def evaluation_sentence(self, metrics: Mapping[str, float]) -> str:
        """Describes an evaluation during training, for the run's log."""
        ...

    def facts(self, config: Any) -> dict[str, Any]:
        """Values of the RESULT line that come from the configuration."""
        ...

    def table_results(self, plan: Any, interrupted: threading.Event) -> Any:
        """Measures and compares the runs of a table."""
        ...


__all__ = ["Command", "Commands", "Data", "Meter", "RunConfig", "System"]

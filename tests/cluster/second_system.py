"""A system with nothing but numbers: players count, the learner follows means. The chassis must run it, too.

Each task pushes one record into the table `numbers`, which is sampled uniformly, and two into the queue `stream`. Two
of three steps learn from `numbers`, the third from `stream`. There is no simulator.

    python -m tests.cluster.second_system [overrides]     trains it
"""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra.core.config_store import ConfigStore
from numpy.typing import NDArray
from omegaconf import OmegaConf

from actors.core import Push, Statistics
from cluster.run.config import RunConfig
from cluster.run.system import Command, Data
from evaluation.core import FinalReport
from evaluation.tables import Column, Row
from learner.checkpoint import load_checkpoint, save_checkpoint
from learner.core import Source
from learner.schedule import Phase
from learner.state import LearnerState
from models.weights import flatten_state, float_state, load_flat_weights
from replay import limiter
from replay.core import LimiterSettings, RecordFormat, Sample, SelectorSettings, TableSpec

FIELDS: dict[str, tuple[tuple[int, ...], np.dtype]] = {
    "value": ((), np.dtype(np.float32)),
    "number": ((), np.dtype(np.int64)),
    "version": ((), np.dtype(np.int64)),
}
PREFILL, PER_ROUND = 4, 3
"""Tasks before the first step, and tasks a round; each round has three steps."""


@dataclass(frozen=True)
class Number:
    """A task: a number to be pushed."""

    value: int

    @property
    def key(self) -> str:
        """See `actors.core.Task`."""
        return str(self.value)


@dataclass(frozen=True)
class Batch:
    """See `learner.core.SampledBatch`."""

    value: NDArray[np.float32]
    weights_version: NDArray[np.int64]
    slots: NDArray[np.int64]
    insertion_ids: NDArray[np.int64]


def to_batch(sample: Sample) -> Batch:
    """See `RecordFormat.to_batch`."""
    return Batch(sample.columns["value"], sample.columns["version"], sample.slots, sample.insertion_ids)


def same(record: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """See `RecordFormat.to_columns`."""
    return record


class Player:
    """See `actors.core.Player`."""

    controller_keywords = None

    def __init__(self, actor: int) -> None:
        self.actor = actor

    def load(self, weights: NDArray[np.float32]) -> None:
        """Nothing depends on the weights."""

    def play(
        self, simulator: None, task: Number, number: int, orders: Mapping[str, Any], version: int, push: Push
    ) -> Statistics:
        """Pushes the task's number."""
        statistics = Statistics(number, self.actor, version)
        time.sleep(orders["seconds"])
        record = {
            "value": np.array(task.value + orders["added"], dtype=np.float32),
            "number": np.array(number, dtype=np.int64),
            "version": np.array(version, dtype=np.int64),
        }
        statistics.stored = push("numbers", record)
        for _ in range(2):
            push("stream", record)
        return statistics


class Learner:
    """See `learner.core.LearnerCore`: one weight follows the mean of each batch."""

    def __init__(self, device: torch.device, seed: int) -> None:
        self.device, self.seed = device, seed
        self.network = torch.nn.Linear(1, 1, bias=False).to(device)
        self.version = 0
        self.phase = ""

    def start_phase(self, name: str) -> None:
        """See `LearnerCore.start_phase`."""
        self.phase = name

    def steer(self, progress: float, orders: Mapping[str, Any]) -> None:
        """See `LearnerCore.steer`."""

    def source(self, step: int) -> Source:
        """Two steps from the numbers, then one from the stream."""
        return Source("stream", 4) if step % 3 == 2 else Source("numbers", 2)

    def prepare(self, batch: Batch, ahead: int = 0) -> float:
        """The batch's mean."""
        return float(batch.value.mean())

    def begin(self, prepared: float) -> float:
        """See `LearnerCore.begin`."""
        return prepared

    def finish(self, begun: float) -> Any:
        """Moves the weight halfway to the mean."""
        with torch.no_grad():
            self.network.weight.lerp_(torch.full_like(self.network.weight, begun), 0.5)
        self.version += 1

        @dataclass
        class Outcome:
            metrics: dict[str, float]
            priorities: None = None

        return Outcome({"mean": begun})

    def weights(self) -> tuple[NDArray[np.float32], int]:
        """See `LearnerCore.weights`."""
        return flatten_state(float_state(self.network)), self.version

    def save(self, folder: Path, extra: dict[str, Any]) -> int:
        """See `LearnerCore.save`."""
        weights = {name: value.clone() for name, value in float_state(self.network).items()}
        state = LearnerState(weights, None, {}, self.version, self.phase, {}, 0.0, self.seed, {}, {})
        return save_checkpoint(folder, state, extra)

    def load(self, folder: Path) -> None:
        """See `LearnerCore.load`."""
        state = load_checkpoint(folder, self.network)
        self.network.load_state_dict(state.weights)
        self.version, self.phase = state.version, state.phase


class Evaluator:
    """See `evaluation.core.EvaluatorCore`."""

    def __init__(self) -> None:
        self.network = torch.nn.Linear(1, 1, bias=False)

    def prepare(self) -> None:
        """See `EvaluatorCore.prepare`."""

    def load(self, weights: NDArray[np.float32]) -> None:
        """See `EvaluatorCore.load`."""
        load_flat_weights(self.network, weights)

    def evaluate_quickly(self) -> dict[str, float]:
        """The weight."""
        return {"weight": float(self.network.weight)}

    def final(self, folder: Path) -> FinalReport:
        """The weight in all forms."""
        (folder / "figures").mkdir(exist_ok=True)
        weight = self.evaluate_quickly()
        return FinalReport("Weight", [Row("trained", [weight])], weight, dict(weight), {}, [])


class Meter:
    """See `cluster.run.system.Meter`."""

    unit = "number"
    shown_metrics = {"mean": "mean"}

    def __init__(self) -> None:
        self.numbers = 0

    def add(self, statistics: Statistics) -> None:
        """See `Meter.add`."""
        self.numbers += 1

    def progress(self, seconds: float) -> dict[str, float]:
        """See `Meter.progress`."""
        return {}

    def row(self, span: float) -> dict[str, float]:
        """See `Meter.row`."""
        return {"numbers": self.numbers}

    def summary(self, row: Mapping[str, float]) -> str:
        """See `Meter.summary`."""
        return f"{row['numbers']} numbers"

    def results(self) -> dict[str, Any]:
        """See `Meter.results`."""
        return {"numbers": self.numbers}

    def get_state(self) -> dict[str, Any]:
        """See `Meter.get_state`."""
        return {"numbers": self.numbers}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """See `Meter.set_state`."""
        self.numbers = state["numbers"]


@dataclass
class ReplayConfig:
    """The chassis reads `strict`."""

    strict: bool = False


@dataclass
class LearnerConfig:
    """What the chassis reads."""

    publish_every: int = 2
    prefetch: int = 1
    threads: int | None = 1


@dataclass
class EvaluationConfig:
    """What the chassis reads."""

    every_minutes: float | None = None


@dataclass
class CountingConfig(RunConfig):
    """Everything `train system=counting` reads."""

    replay: ReplayConfig
    learner: LearnerConfig
    evaluation: EvaluationConfig
    rounds: int
    """Rounds of each of the two phases."""
    seconds: float
    """Seconds that a player takes for a task."""


class CountingSystem:
    """Implements `cluster.run.system.System`."""

    name = "counting"
    columns = {"weight": Column("weight")}
    objective = "weight"
    measures_data_sets = False
    commands = {"train": Command(CountingConfig, "cluster.run.train", "counting")}
    variants: Mapping[str, Mapping[str, type]] = {}
    migrations: Mapping[int, Any] = {}

    def schema_of(self, values: Mapping[str, Any]) -> type:
        return CountingConfig

    def schema_like(self, values: Mapping[str, Any]) -> Any:
        return OmegaConf.structured(CountingConfig)

    def check(self, config: CountingConfig) -> None:
        pass

    def data(self, config: CountingConfig, interrupted: threading.Event | None = None) -> Data:
        return Data([Number(value) for value in range(5)], None)

    def checkpoint_bytes(self, config: CountingConfig) -> int:
        return 10_000

    def tables(self, config: CountingConfig) -> dict[str, TableSpec]:
        limits = LimiterSettings(config.replay.strict, records_ahead=4, batches_ahead=2)
        numbers = RecordFormat(FIELDS, "number", "version", same, to_batch)
        stream = RecordFormat(FIELDS, None, "version", same, to_batch)
        return {
            "numbers": TableSpec(numbers, SelectorSettings("uniform"), 20, limits),
            "stream": TableSpec(stream, SelectorSettings("queue"), 40, limits),
        }

    def phases(self, config: CountingConfig, tasks: int) -> Sequence[Phase]:
        rounds = config.rounds
        return [
            Phase(
                name=name,
                prefill=PREFILL,
                tasks_per_round=PER_ROUND,
                batches=(3,) * rounds,
                minutes=None,
                fresh=True,
                limits={
                    "numbers": limiter.Phase(PREFILL, PER_ROUND, (2,) * rounds, 2),
                    "stream": limiter.Phase(2 * PREFILL, 2 * PER_ROUND, (1,) * rounds, 4),
                },
                player_orders={"added": added, "seconds": config.seconds},
                learner_orders=({},) * rounds,
            )
            for name, added in (("first", 0), ("second", 100))
        ]

    def player(self, config: CountingConfig) -> Any:
        return Player

    def learner(self, config: CountingConfig) -> Any:
        return functools.partial(Learner, seed=config.seed)

    def evaluator(self, config: CountingConfig, test: Any) -> Any:
        return Evaluator

    def meter(self, config: CountingConfig) -> Meter:
        return Meter()

    def curves(
        self,
        config: CountingConfig,
        folder: Path,
        rows: list[dict[str, Any]],
        report: FinalReport,
        seconds: float,
        steps: int,
    ) -> list[Path]:
        return []

    def evaluation_sentence(self, metrics: Mapping[str, float]) -> str:
        return f"weight {metrics['weight']:.1f}"

    def facts(self, config: CountingConfig) -> dict[str, Any]:
        return {}

    def table_results(self, plan: Any, interrupted: threading.Event) -> Any:
        raise NotImplementedError


SYSTEM = CountingSystem()


def main() -> int:
    """`./playpen train system=counting` with the overrides of the command line."""
    import cluster.systems
    from cluster.command.cli import main as run_command

    cluster.systems.NAMES = (*cluster.systems.NAMES, "counting")  # type: ignore[assignment]
    sys.modules["cluster.systems.counting"] = sys.modules["tests.cluster.second_system"]
    groups = [{"simulator": "rooms"}, {"cluster": "local"}, {"tracking": "wandb"}]
    ConfigStore.instance().store(
        name="counting",
        node={
            "defaults": ["counting_schema", *groups, "_self_"],
            "system": "counting", "schema_version": 3, "experiment_name": "counting", "seed": 1,
            "checkpoint_minutes": 10, "checkpoints_kept": 2, "keep_bank": False, "resume": None,
            "actors": {}, "models": {}, "replay": {}, "learner": {}, "evaluation": {},
            "rounds": 3, "seconds": 0.0,
        },
    )  # fmt: skip
    run_command(["train", "system=counting", *sys.argv[1:]])
    return 0


if __name__ == "__main__":
    from tests.cluster.second_system import main as imported_main  # its classes must have an importable module

    sys.exit(imported_main())

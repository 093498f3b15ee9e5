"""What `bench faults` and `bench soak` run of each system, and how they read its runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from omegaconf import OmegaConf

from cluster.hide_and_seek import schedule
from cluster.hide_and_seek.train_config import GameTrainConfig
from learner.interaction.schedule import PhaseConfig, total_batches
from replay.config import ReplayConfig
from replay.core import TableSpec
from replay.hide_and_seek.unroll import UNROLLS
from replay.interaction.batch import LOCATIONS, location_table
from replay.layout import find_state, table_folder
from replay.table import Table as ReplayTable

ROUNDS = 8
"""Rounds of the phases of faults; the smoke experiments have fewer."""
QUICK = ("evaluation.games=0", "evaluation.shown=0")
"""What ends hide and seek's final evaluation early."""


@dataclass(frozen=True)
class Subject:
    """A system as these benchmarks run it."""

    experiment: str
    """Its smoke experiment."""
    longer: tuple[str, ...]
    """Overrides with which it is long enough for kills, with a replay buffer in which no record is overwritten."""
    interval: float
    """Seconds between two kills, on average: tasks must be short beside it, or none would ever be done."""
    phase: str
    """Its first phase."""
    others: tuple[str, ...]
    """The phases after it."""
    short: tuple[str, ...]
    """Overrides of a run that ends after the first phase."""
    collected: str
    """Key in rows of metrics and in results.json that counts what was collected."""
    capacity: str
    """Key of the replay buffer's capacity."""
    missing: Callable[[Path, dict[str, Any]], int]
    """Number of tasks that a run reports as done although the files of its replay buffer do not hold them."""
    scheduled_steps: Callable[[Path], int]
    """Steps in the schedule of a run."""


def held(run: Path, name: str, spec: TableSpec, field: str) -> np.ndarray:
    """A field of all records that a run's newest checkpoint holds in a table."""
    checkpoint = max((run / "checkpoints").glob("step_*"))
    folder = table_folder(run, name)
    table = ReplayTable.restore(spec, folder, find_state(checkpoint, name))
    slots = table.get_state()["order"][: table.statistics()["size"]]
    values = np.array(np.load(folder / f"{field}.npy", mmap_mode="r")[slots])
    table.close()
    return values


def _settings(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((run / "config.yaml").read_text())
    return found


def _missing_locations(run: Path, result: dict[str, Any]) -> int:
    spec = location_table(ReplayConfig(**_settings(run)["replay"]))
    return int(result["locations"]) - len(np.unique(held(run, LOCATIONS, spec, "location")))


def _interaction_steps(run: Path) -> int:
    return sum(total_batches(PhaseConfig(**phase)) for phase in _settings(run)["learner"]["phases"].values())


def _game_config(run: Path) -> GameTrainConfig:
    merged = OmegaConf.merge(OmegaConf.structured(GameTrainConfig), OmegaConf.load(run / "config.yaml"))
    config = OmegaConf.to_object(merged)
    assert isinstance(config, GameTrainConfig)
    return config


def wanted_unrolls(phases: Sequence[Any]) -> np.ndarray:
    """Unrolls that each task of a schedule gives, by the task's number.

    Args:
        phases: of `cluster.hide_and_seek.schedule.phases`.
    """
    return np.concatenate([np.full(one.total_tasks, one.player_orders["unrolls_per_task"]) for one in phases])


def _missing_tasks(run: Path, result: dict[str, Any]) -> int:
    config = _game_config(run)
    wanted = wanted_unrolls(schedule.phases(config))
    numbers = held(run, UNROLLS, schedule.tables(config)[UNROLLS], "number")
    # A task that another actor began again may have given some unrolls twice.
    return int((np.bincount(numbers, minlength=len(wanted))[: len(wanted)] < wanted).sum())


def _game_steps(run: Path) -> int:
    return sum(phase.total_batches for phase in schedule.phases(_game_config(run)))


SUBJECTS = {
    "interaction": Subject(
        experiment="smoke",
        longer=(
            f"learner.phases.segmentation.rounds={ROUNDS}",
            f"learner.phases.joint.rounds={ROUNDS}",
            "evaluation.figures=0",
        ),
        interval=8.0,
        phase="segmentation",
        others=("joint",),
        short=("evaluation.figures=0",),
        collected="locations",
        capacity="capacity",
        missing=_missing_locations,
        scheduled_steps=_interaction_steps,
    ),
    "hide_and_seek": Subject(
        experiment="hide_and_seek/smoke",
        # Unrolls that are used twice stay in the table.
        longer=(
            f"learner.phases.skills.rounds={ROUNDS}",
            "learner.phases.play.rounds=2",
            "learner.unroll_reuse=2",
            "replay.unrolls=400",
            *QUICK,
        ),
        # A whole game takes some 20 s.
        interval=30.0,
        phase="skills",
        others=("play",),
        short=QUICK,
        collected="env_steps",
        capacity="unrolls",
        missing=_missing_tasks,
        scheduled_steps=_game_steps,
    ),
}
"""Subjects by the system's name."""

"""The runs of a table: identified by their configuration, found on disk, with expected durations."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cluster.run.checkpoints import whole_checkpoints
from cluster.run.config import RunConfig, plain_values
from cluster.run.identity import migrated, run_key
from cluster.run.status import is_running
from cluster.systems import find
from common.errors import UsageError
from replay.layout import table_folders

REQUIRED_KEYS = ("learner", "cluster")
"""Configuration keys that every run has."""
OVERHEAD_S = 120.0
"""Duration of a run beside its phases: start, evaluation, figures."""

YAML_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""PyYAML's C parser is ten times as fast if available; it reads the files of `OmegaConf.save` in the same way."""

FINISHED, RUNNING, UNFINISHED, MISSING = "finished", "running", "unfinished", "missing"


@dataclass(frozen=True)
class FoundRun:
    """A run on disk."""

    folder: Path
    state: str
    """finished, running (in some process), or unfinished (can be resumed)."""
    values: Mapping[str, Any]
    """The run's configuration."""


@dataclass
class PlannedRun:
    """One run of a table."""

    key: str
    """`run_key` of its configuration."""
    label: str
    """Name in folders and messages."""
    overrides: tuple[str, ...]
    """Overrides of `./playpen train`."""
    config: RunConfig
    found: FoundRun | None = None
    failed: str = ""
    """Why it failed in this call; empty if it did not."""
    attempts: int = 0
    """How often it was started in this call."""

    @property
    def state(self) -> str:
        """finished, running, unfinished or missing."""
        return self.found.state if self.found else MISSING


def find_runs(patterns: Sequence[str]) -> dict[str, FoundRun]:
    """Finds runs on disk, by key; of several runs with the same key, the most advanced one.

    Folders without a run, or with one that died before its first checkpoint, are ignored.

    Args:
        patterns: glob patterns of folders.
    """
    order = (UNFINISHED, RUNNING, FINISHED)
    found: dict[str, FoundRun] = {}
    for folder in sorted({Path(name) for pattern in patterns for name in glob.glob(pattern) if Path(name).is_dir()}):
        if not (folder / "config.yaml").is_file():
            continue
        try:
            values = yaml.load((folder / "config.yaml").read_bytes(), YAML_LOADER)
        except (OSError, yaml.YAMLError):
            continue
        if not isinstance(values, dict) or not all(isinstance(values.get(part), dict) for part in REQUIRED_KEYS):
            continue
        state = state_of(folder)
        if state is None:
            continue
        try:
            values = migrated(values, str(folder / "config.yaml"))
            key = run_key(values, find(values["system"]).schema_of(values))
        except UsageError:  # of a newer version
            continue
        if key not in found or order.index(state) >= order.index(found[key].state):
            found[key] = FoundRun(folder, state, values)
    return found


def state_of(folder: Path) -> str | None:
    """finished, running or unfinished; None if the run in a folder can be neither used nor resumed."""
    if (folder / "results.json").is_file():
        return FINISHED if any(folder.glob("checkpoints/step_*/learner.json")) else None
    if is_running(folder):
        return RUNNING
    return UNFINISHED if whole_checkpoints(folder) and table_folders(folder) else None


def expected_seconds(run: PlannedRun, durations: Mapping[str, float]) -> float | None:
    """Expected duration of a run: the median of finished runs with the same schedule, batch size and actors.

    Without such runs it is computed from the minutes of the phases; None if a phase has no limit of minutes.

    Args:
        run: not yet finished.
        durations: median seconds of finished runs, by `budget_key`.
    """
    budget = budget_key(plain_values(run.config))
    if budget in durations:
        return durations[budget]
    phases = [phase for phase in run.config.learner.phases.values() if phase.rounds]
    minutes = [phase.minutes for phase in phases if phase.minutes is not None]
    return 60 * sum(minutes) + OVERHEAD_S if len(minutes) == len(phases) else None


def budget_key(values: Mapping[str, Any]) -> str:
    """A hash of schedule, batch sizes and number of actors: runs with the same hash take about the same time."""
    learner = values["learner"]
    sizes = {name: size for name, size in learner.items() if name.startswith("batch_")}
    parts = [learner["phases"], sizes, values["cluster"]["actors"]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def median_seconds(runs: Iterable[FoundRun]) -> dict[str, float]:
    """Median duration of finished runs, by `budget_key`; runs with damaged results are ignored."""
    taken: dict[str, list[float]] = {}
    for run in runs:
        if run.state == FINISHED:
            with contextlib.suppress(UsageError, KeyError):
                taken.setdefault(budget_key(run.values), []).append(read_results(run.folder)["wall_s"])
    return {key: statistics.median(seconds) for key, seconds in taken.items()}


def read_results(folder: Path, names: Sequence[str] = ()) -> dict[str, Any]:
    """Reads the results.json of a finished run.

    Args:
        folder: of the run.
        names: of numbers that the system needs besides "steps" and "wall_s".

    Raises:
        UsageError: the file is damaged.
    """
    try:
        values = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        for name in ("steps", "wall_s", *names):
            if not isinstance(values[name], int | float):
                raise ValueError
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{folder / 'results.json'} is damaged; move that run away, and it is trained again"
        ) from error
    return values

"""The runs of a table: told apart by their composed configuration, found again on disk, and estimated."""

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
from replay.ring import INSERTION_IDS_FILE

NEEDED = ("learner", "cluster")
"""Parts without which a configuration is none of a run."""
OVERHEAD_S = 120.0
"""Beside the minutes of its phases a run starts, evaluates and draws."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times as fast where PyYAML has its C parser; `OmegaConf.save` writes numbers as both read them."""

FINISHED, RUNNING, UNFINISHED, MISSING = "finished", "running", "unfinished", "missing"


@dataclass(frozen=True)
class FoundRun:
    """A run on disk."""

    folder: Path
    state: str
    """finished; running: a process works on it; unfinished: it can be resumed."""
    values: Mapping[str, Any]
    """Its configuration."""


@dataclass
class PlannedRun:
    """One run of a table."""

    key: str
    """Of its configuration."""
    label: str
    """For folders and messages."""
    overrides: tuple[str, ...]
    """Of `./playpen train`."""
    config: RunConfig
    found: FoundRun | None = None
    failed: str = ""
    """Why it failed in this call, in one sentence."""
    tries: int = 0
    """How often it was started in this call."""

    @property
    def state(self) -> str:
        """finished, running, unfinished or missing."""
        return self.found.state if self.found else MISSING

    @property
    def collects(self) -> bool:
        """See `state_of`."""
        return find(self.config.system).own_run(self.config) is not None


def find_runs(patterns: Sequence[str]) -> dict[str, FoundRun]:
    """The runs in the folders of some patterns, by key. Of several with one key that which is farthest counts.

    Folders that hold no run, or one that died before its first checkpoint, are left out.
    """
    order = (UNFINISHED, RUNNING, FINISHED)
    found: dict[str, FoundRun] = {}
    for folder in sorted({Path(name) for pattern in patterns for name in glob.glob(pattern) if Path(name).is_dir()}):
        if not (folder / "config.yaml").is_file():
            continue
        try:
            values = yaml.load((folder / "config.yaml").read_bytes(), LOADER)
        except (OSError, yaml.YAMLError):
            continue
        if not isinstance(values, dict) or not all(isinstance(values.get(part), dict) for part in NEEDED):
            continue
        state = state_of(folder, collects="mask_rcnn" in values["learner"])
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


def state_of(folder: Path, collects: bool) -> str | None:
    """finished, running or unfinished; None if there is nothing that could be used or gone on with.

    Args:
        folder: of a run.
        collects: whether it collects its data first, which can be gone on with before there is a checkpoint.
    """
    if (folder / "results.json").is_file():
        return FINISHED if any(folder.glob("checkpoints/step_*/learner.json")) else None
    if is_running(folder):
        return RUNNING
    kept, tables = bool(whole_checkpoints(folder)), table_folders(folder)
    collected = any((table / INSERTION_IDS_FILE).is_file() for table in tables)
    resumable = kept or collected if collects else kept and bool(tables)
    return UNFINISHED if resumable else None


def seconds_of(run: PlannedRun, known: Mapping[str, float]) -> float | None:
    """How long a run will take: as those did that differ from it in the seed alone, else by the minutes of its phases;
    None if neither is known.

    Args:
        run: not yet finished.
        known: seconds of finished runs, by `budget_key`.
    """
    budget = budget_key(plain_values(run.config))
    if budget in known:
        return known[budget]
    phases = [phase for phase in run.config.learner.phases.values() if phase.rounds]
    minutes = [phase.minutes for phase in phases if phase.minutes is not None]
    return 60 * sum(minutes) + OVERHEAD_S if len(minutes) == len(phases) else None


def budget_key(values: Mapping[str, Any]) -> str:
    """Equal for runs that take about as long: same schedule, batch and actors."""
    parts = [values["learner"]["phases"], values["learner"]["batch_size"], values["cluster"]["actors"]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def known_seconds(runs: Iterable[FoundRun]) -> dict[str, float]:
    """The median duration of finished runs, by `budget_key`; damaged ones may be of no table, and are left out."""
    taken: dict[str, list[float]] = {}
    for run in runs:
        if run.state == FINISHED:
            with contextlib.suppress(UsageError, KeyError):
                taken.setdefault(budget_key(run.values), []).append(results_of(run.folder)["wall_s"])
    return {key: statistics.median(seconds) for key, seconds in taken.items()}


def results_of(folder: Path) -> dict[str, Any]:
    """What a finished run wrote into its results.json.

    Raises:
        UsageError: it is damaged.
    """
    try:
        values = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        for name in ("touches", "steps", "wall_s"):
            if not isinstance(values[name], int | float):
                raise ValueError
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{folder / 'results.json'} is damaged: move that run away, then it is trained anew"
        ) from error
    return values

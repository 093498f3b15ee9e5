"""The plan of a table: its rows with their configurations, and their existing and missing runs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException

from cluster.command.compose import suggestion
from cluster.command.overrides import CONF
from cluster.run.config import RunConfig, first_line, instantiate, plain_values
from cluster.run.identity import check_version, key_of
from cluster.systems import chosen
from cluster.table.config import Request
from cluster.table.runs import (
    FINISHED,
    FoundRun,
    PlannedRun,
    find_runs,
)
from common.errors import UsageError


@dataclass
class PlannedRow:
    """One row of a table."""

    table: str
    name: str
    runs: list[PlannedRun]
    """One run per seed."""
    refused: str
    """Why the row cannot be run; empty if it can."""

    def note(self) -> str:
        """Why runs are missing; empty if none are."""
        failed = [f"{run.label} failed: {run.failed}" for run in self.runs if run.failed]
        missing = [run.label for run in self.runs if run.state != FINISHED and not run.failed]
        return self.refused or "; ".join(failed + ([f"not trained yet: {', '.join(missing)}"] if missing else []))


@dataclass(frozen=True)
class Plan:
    """All rows of a call, and the runs on disk."""

    request: Request
    base: RunConfig
    rows: list[PlannedRow]
    folder: Path
    """The table's folder."""
    found: Mapping[str, FoundRun]
    """All runs on disk, by key."""

    def runs(self) -> list[PlannedRun]:
        """All runs, each once even if several rows share it."""
        return list({run.key: run for row in self.rows for run in row.runs}.values())


def make_plan(request: Request) -> Plan:
    """Composes every row and finds its runs on disk.

    Raises:
        UsageError: the shared configuration is wrong, or no row can be run.
    """
    base = compose_train(request.base)
    found = find_runs(request.config.runs)
    runs: dict[str, PlannedRun] = {}
    rows = []
    for table, content in request.config.tables.items():
        for name, overrides in content.rows.items():
            try:
                config, used = compose_row(base, request.base, overrides)
            except UsageError as error:
                rows.append(PlannedRow(table, name, [], str(error)))
                continue
            row = PlannedRow(table, name, [], "")
            for seed in request.config.seeds:
                seeded = replace(config, seed=seed)
                key = key_of(seeded)
                if key not in runs:
                    label = f"{slug(name)}_seed{seed}"
                    runs[key] = PlannedRun(key, label, (*used, f"seed={seed}"), seeded, found.get(key))
                row.runs.append(runs[key])
            rows.append(row)
    if not runs:
        raise UsageError(f"no row of this table can be run: {rows[0].refused}")
    digest = key_of(replace(base, seed=0))
    folder = Path(request.config.folder) / f"{request.name}_{base.experiment_name}-{digest[:8]}"
    return Plan(request, base, rows, folder, found)


def compose_train(overrides: Sequence[str]) -> RunConfig:
    """Composes and checks the configuration of a run.

    Raises:
        UsageError: one sentence naming the override or the field.
    """
    system = chosen(overrides)
    train = system.commands["train"]
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose(train.config, overrides=list(overrides))
        built: Any = instantiate(config, train.schema)
        check_version(built)
        system.check(built)
    except UsageError as error:
        raise UsageError(str(error) + suggestion(train.config, error)) from error
    except HydraException as error:
        raise UsageError(first_line(error) + suggestion(train.config, error)) from error
    return built


def compose_row(base: RunConfig, shared: Sequence[str], own: Sequence[str]) -> tuple[RunConfig, list[str]]:
    """The configuration of a row and its overrides.

    An override of the row may also change settings of the evaluation, such as the reach of the ground truth. These are
    reset to those of the base, so that all rows are measured alike.

    Args:
        base: configuration without the row's overrides.
        shared: overrides of all rows.
        own: overrides of the row.

    Raises:
        UsageError: the row cannot be composed, or changes the evaluation.
    """
    config = compose_train([*shared, *own])
    before, after = flat(plain_values(base)["evaluation"]), flat(plain_values(config)["evaluation"])
    pins = [f"evaluation.{name}={json.dumps(before[name])}" for name in before if before[name] != after.get(name)]
    overrides = [*shared, *own, *pins]
    if pins:
        config = compose_train(overrides)
    if plain_values(config)["evaluation"] != plain_values(base)["evaluation"]:
        raise UsageError("the row's overrides change the evaluation, which must be the same for all rows")
    return config, overrides


def flat(values: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Flattens nested values to dotted names."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        result |= flat(value, f"{where}{name}.") if isinstance(value, Mapping) else {f"{where}{name}": value}
    return result


def slug(name: str) -> str:
    """The name as part of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")

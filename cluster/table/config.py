"""What `./playpen table` reads: its own settings, and the overrides of `./playpen train` that its base is made of."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException

from cluster.command.overrides import CONF, hydra_overrides
from cluster.run.config import first_line, instantiate
from common.errors import UsageError


@dataclass
class RowsConfig:
    """One table."""

    title: str
    """Its heading."""
    rows: dict[str, list[str]]
    """Overrides of `./playpen train` by the name of the row; those of the first are what the paper reports of."""


@dataclass
class PaperConfig:
    """One line of what the paper reports."""

    figures: dict[str, list[float]]
    """Mean, and standard deviation if there is one, by the names of `evaluation.tables.COLUMNS`."""
    confusion: list[list[float]] | None
    """Confusion matrix of mass classes, percent of each row; null: not reported."""


@dataclass
class PaperSetConfig:
    """What the paper reports of one data set."""

    lines: dict[str, PaperConfig]
    """By name."""


@dataclass
class TableConfig:
    """Settings of one call. Values and their reasons: conf/table.yaml."""

    tables: dict[str, RowsConfig]
    """The tables asked for, by name."""
    seeds: list[int]
    """One run of each row for each seed."""
    parallel: int | None
    """Runs at a time; null: as many as there is room for."""
    data_sets: list[str]
    """Names of conf/evaluation/: every run is measured on each."""
    figures: int
    """Images of each data set that are drawn for all rows."""
    runs: list[str]
    """Patterns of the folders in which runs are looked for."""
    folder: str
    """Gets a folder for each table and budget."""
    dry_run: bool
    """Whether only the runs and the time are listed."""
    paper: dict[str, PaperSetConfig]
    """What the paper reports, by the name of the data set."""

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise ValueError(f"seeds must be different numbers from 0 on, such as [1,2,3], not {list(self.seeds)}")
        if self.parallel is not None and self.parallel < 1:
            raise ValueError(f"parallel must be null or at least 1, not {self.parallel}")
        if not self.data_sets or len(set(self.data_sets)) < len(self.data_sets):
            raise ValueError(f"data_sets must be different names of conf/evaluation/, not {list(self.data_sets)}")
        if self.figures < 0:
            raise ValueError(f"figures must be 0 or more, not {self.figures}")
        if not self.runs:
            raise ValueError("runs must hold at least one pattern of folders, such as outputs/train/*")


OWN = {field.name for field in fields(TableConfig)} - {"tables", "paper"}
"""Keys of the command line that are settings of the table; the others are overrides of `./playpen train`."""
TAKEN = {"seed": "give seeds=[1,2] instead", "resume": "unfinished runs are resumed by themselves",
         "evaluation": "give data_sets=[novel_spaces] instead"}  # fmt: skip
"""Overrides of `./playpen train` that a table sets itself."""


@dataclass(frozen=True)
class Request:
    """The command line, understood."""

    name: str
    """Of the table, or "all"."""
    config: TableConfig
    base: tuple[str, ...]
    """Overrides of `./playpen train` that all rows share."""
    command: str
    """The command line that makes the table."""


def read_request(arguments: Sequence[str]) -> Request:
    """Sorts the arguments and composes the table's settings.

    Raises:
        UsageError: one sentence naming the argument.
    """
    typed = list(arguments)
    arguments = hydra_overrides(arguments)
    names = sorted(path.stem for path in (CONF / "table").glob("*.yaml"))
    own: list[str] = []
    base: list[str] = []
    name: str | None = None
    for argument in arguments:
        key, equals, value = argument.partition("=")
        bare = key.lstrip("+~")
        if argument == "--list":
            own.append("dry_run=true")
        elif key == "TABLE":
            name = value
        elif argument.startswith("-") or not equals:
            raise UsageError(f"table does not know '{argument}'; it takes TABLE=NAME, --list and KEY=VALUE")
        elif bare in TAKEN:
            raise UsageError(f"a table sets {bare} itself; {TAKEN[bare]}")
        elif bare.split(".")[0] == "hydra":
            raise UsageError(f"{bare}: a table places and starts its runs itself")
        else:
            (own if bare in OWN else base).append(argument)
    if name not in names:
        given = f"not '{name}'" if name else "which is missing"
        raise UsageError(f"TABLE must be one of {', '.join(names)}, {given}")
    ConfigStore.instance().store(name="table_schema", node=TableConfig)
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = instantiate(compose("table", overrides=[f"table={name}", *own]), TableConfig)
    except HydraException as error:
        raise UsageError(first_line(error)) from error
    known = sorted(path.stem for path in (CONF / "evaluation").glob("*.yaml"))
    for data_set in config.data_sets:
        if data_set not in known:
            raise UsageError(f"data_sets must be among {', '.join(known)}, not '{data_set}'")
    return Request(name, config, tuple(base), shlex.join(["./playpen", "table", *typed]))

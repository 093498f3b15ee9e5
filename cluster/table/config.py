"""The command line of `./playpen table`: its own settings, and overrides of `./playpen train` for all rows."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException

from cluster.command.overrides import CONF, hydra_overrides
from cluster.run.config import first_line, instantiate
from cluster.systems import DEFAULT, NAMES, find
from common.errors import UsageError


@dataclass
class RowsConfig:
    """The rows of one table."""

    system: str
    """Name of the system that the rows train."""
    title: str
    """Heading of the table."""
    rows: dict[str, list[str]]
    """Name of the row -> overrides of `./playpen train`. The first row is the paper's variant."""


@dataclass
class PaperConfig:
    """One method's results in the paper."""

    figures: dict[str, list[float]]
    """Mean, and standard deviation if reported, by the system's column names."""
    confusion: list[list[float]] | None
    """Confusion matrix of mass classes, percent of each row; null if not reported."""


@dataclass
class PaperSetConfig:
    """The paper's results on one data set."""

    lines: dict[str, PaperConfig]
    """Results by name of the method."""


@dataclass
class TableConfig:
    """Settings of one call; conf/table.yaml has the values."""

    tables: dict[str, RowsConfig]
    """The requested tables, by name; all of one system."""
    seeds: list[int]
    """Seeds; each row has one run per seed."""
    parallel: int | None
    """Number of runs at a time; null: as many as the CPUs and GPUs allow."""
    data_sets: list[str]
    """Names of conf/evaluation/; every run is measured on each, if its system has data sets."""
    figures: int
    """Number of images per data set that are drawn for all rows."""
    runs: list[str]
    """Glob patterns of folders that may hold runs."""
    folder: str
    """Parent of the tables' folders, one per table and budget."""
    dry_run: bool
    """Whether runs are only listed."""
    paper: dict[str, PaperSetConfig]
    """The paper's results, by name of the data set."""

    def __post_init__(self) -> None:
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise ValueError(f"seeds must be different integers of 0 or more, such as [1,2,3], not {list(self.seeds)}")
        if self.parallel is not None and self.parallel < 1:
            raise ValueError(f"parallel must be null or at least 1, not {self.parallel}")
        if not self.data_sets or len(set(self.data_sets)) < len(self.data_sets):
            raise ValueError(f"data_sets must be different names of conf/evaluation/, not {list(self.data_sets)}")
        if self.figures < 0:
            raise ValueError(f"figures must be 0 or more, not {self.figures}")
        if not self.runs:
            raise ValueError("runs must hold at least one pattern of folders, such as outputs/train/*")

    @property
    def system(self) -> str:
        """Name of the system that the tables' rows train."""
        return next(iter(self.tables.values())).system


TABLE_KEYS = {field.name for field in fields(TableConfig)} - {"tables", "paper"}
"""Keys of the command line that configure the table; all others are overrides of `./playpen train`."""
RESERVED_KEYS = {"seed": "give seeds=[1,2] instead", "resume": "unfinished runs are resumed by themselves",
         "evaluation": "give data_sets=[novel_spaces] instead"}  # fmt: skip
"""Overrides of `./playpen train` that a table sets itself."""
DATA_SET_KEYS = ("data_sets", "figures", "paper")
"""Settings of tables whose runs are measured on data sets."""


@dataclass(frozen=True)
class Request:
    """The parsed command line."""

    name: str
    """Name of the table, or "all"."""
    config: TableConfig
    base: tuple[str, ...]
    """Overrides of `./playpen train` that all rows share."""
    command: str
    """The command line as it was typed."""


def read_request(arguments: Sequence[str]) -> Request:
    """Parses the command line and composes the table's settings.

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
        elif bare in RESERVED_KEYS:
            raise UsageError(f"a table sets {bare} itself; {RESERVED_KEYS[bare]}")
        elif bare.split(".")[0] == "hydra":
            raise UsageError(f"{bare}: a table chooses the folders of its runs and starts them itself")
        else:
            (own if bare in TABLE_KEYS else base).append(argument)
    if name not in names:
        given = f"not '{name}'" if name else "which is missing"
        raise UsageError(f"TABLE must be one of {', '.join(names)}, {given}")
    ConfigStore.instance().store(name="table_schema", node=TableConfig)
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = instantiate(compose("table", overrides=[f"table={name}", *own]), TableConfig)
    except HydraException as error:
        raise UsageError(first_line(error)) from error
    _check_system(config, [one.partition("=")[0].lstrip("+~") for one in own], base)
    system = [] if config.system == DEFAULT else [f"system={config.system}"]
    return Request(name, config, (*system, *base), shlex.join(["./playpen", "table", *typed]))


def _check_system(config: TableConfig, own: Sequence[str], base: Sequence[str]) -> None:
    """Refuses another system than the table's, and settings that do not apply to it.

    Args:
        config: of the table.
        own: keys of the table's settings on the command line.
        base: overrides of `./playpen train`.
    """
    system = config.system
    for override in base:
        key, _, value = override.partition("=")
        if key.lstrip("+~") == "system" and value != system:
            raise UsageError(f"system is {system} for this table, not '{value}'; remove the override")
    if find(system).measures_data_sets:
        known = sorted(path.stem for path in (CONF / "evaluation").glob("*.yaml") if path.stem not in NAMES)
        for data_set in config.data_sets:
            if data_set not in known:
                raise UsageError(f"data_sets must be among {', '.join(known)}, not '{data_set}'")
        return
    for key in own:
        if key.split(".")[0] in DATA_SET_KEYS:
            raise UsageError(f"{key}: the runs of system={system} are compared by their own results, not on data sets")

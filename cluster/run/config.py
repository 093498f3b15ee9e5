"""The configuration that every run has, whichever system it trains.

The dataclasses say what there is and of which type; the values live in `conf/` alone. Hydra composes the YAML tree
over these schemas, so an unknown key or a wrong type is refused before anything starts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from actors.config import SimulatorConfig
from common.errors import UsageError


@dataclass
class ClusterConfig:
    """Where the processes of a run live, and how long the run goes on."""

    name: str
    """For the records: local, or the name of the cluster."""
    address: str | None
    """Address of a running Ray cluster; null starts Ray on this machine, on loopback, for this run alone."""
    actors: int
    """Number of actors, each with a simulator of its own."""
    actor_cpus: float
    """CPUs that Ray sets aside for an actor and its simulator."""
    actor_gpus: float | None
    """GPU share of an actor's simulator; null: an equal share of the second GPU if the cluster has two, else none."""
    learner_gpus: float | None
    """GPUs of the learner; null: one if the cluster has any, else none."""
    learner_cpus: float
    """CPUs that Ray sets aside for the learner."""
    object_store_bytes: int
    """Size of Ray's object store on this machine, bytes (only when Ray is started here)."""
    dashboard: bool
    """Whether Ray's dashboard runs, on loopback (only when Ray is started here)."""
    dashboard_port: int
    """Port of the dashboard."""
    heartbeat_s: float
    """Seconds between two questions to each actor, the learner and the memory bank whether they are there."""
    silent_after_s: float
    """A part that leaves such a question unanswered for so long is taken for hung, ended and started anew: at most
    heartbeat_s + silent_after_s after it fell silent."""
    start_timeout_s: float
    """An actor, a learner or a memory bank that has not started after so long is started anew."""
    location_timeout_s: float
    """An actor that answers but is busy with one location for so long is taken for stuck and replaced."""
    location_attempts: int
    """A location that failed so often is quarantined: left out from now on, with its last error in the log."""
    quarantined_locations: int
    """Most locations of the data set in quarantine; one more ends the run with its error."""
    actor_restarts: int
    """Failures of one actor in a row on one node (without a location done in between) after which the node is taken out
    of use; if it is the only one, the run stops with the last error."""
    part_restarts: int
    """How often the learner and the memory bank are started again from the last checkpoint, if one of them is lost,
    without progress in between; then the run stops. Also how often the evaluator is started again without a result in
    between; then the run goes on without evaluations on the way."""

    def __post_init__(self) -> None:
        for name in ("actors", "location_attempts"):
            if getattr(self, name) < 1:
                raise ValueError(f"cluster.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("actor_restarts", "part_restarts", "quarantined_locations"):
            if getattr(self, name) < 0:
                raise ValueError(f"cluster.{name} must be 0 or more, not {getattr(self, name)}")
        for name in ("heartbeat_s", "silent_after_s", "start_timeout_s", "location_timeout_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"cluster.{name} must be positive, not {getattr(self, name)}")
        for name in ("actor_cpus", "learner_cpus"):
            if getattr(self, name) < 0:
                raise ValueError(f"cluster.{name} must be 0 or more, not {getattr(self, name)}")
        if self.object_store_bytes < 80_000_000:
            raise ValueError(f"cluster.object_store_bytes must be at least 80e6, not {self.object_store_bytes}")
        if not 1024 <= self.dashboard_port <= 65535:
            raise ValueError(f"cluster.dashboard_port must be between 1024 and 65535, not {self.dashboard_port}")


@dataclass
class TrackingConfig:
    """Weights & Biases and the files beside it."""

    mode: str
    """auto (online where a login is found, else offline), online, offline or disabled."""
    project: str
    """W&B project."""
    entity: str | None
    """W&B user or team; null: the login's default."""
    group: str | None
    """W&B group, for sweeps and seeds."""
    tags: list[str]
    """W&B tags."""
    log_every_s: float
    """Least seconds between two rows of metrics."""

    def __post_init__(self) -> None:
        if self.mode not in ("auto", "online", "offline", "disabled"):
            raise ValueError(f"tracking.mode must be auto, online, offline or disabled, not '{self.mode}'")
        if self.log_every_s < 0:
            raise ValueError(f"tracking.log_every_s must be 0 or more, not {self.log_every_s}")


@dataclass
class RunConfig:
    """What `./playpen train` reads; each system has a schema that extends it with its own groups."""

    experiment_name: str
    """Name of the experiment, for the run's folder and W&B."""
    seed: int
    """Seed of the network, the touches, the order of locations, sampling and augmentation."""
    checkpoint_minutes: float
    """Minutes between checkpoints; one more is written at the end and on Ctrl-C."""
    checkpoints_kept: int
    """How many of the newest checkpoints are kept."""
    keep_bank: bool
    """Whether the replay buffer's files stay when the run is done."""
    resume: str | None
    """Folder of a run that was stopped or died, to go on with from its last checkpoint; null: a new run."""
    simulator: SimulatorConfig
    actors: Any
    """Of the system: how the players play."""
    replay: Any
    """Of the system: its tables. `strict` asks for strict alternation of collecting and training."""
    models: Any
    """Of the system: its networks."""
    learner: Any
    """Of the system; `publish_every`, `prefetch` and `threads` are what the chassis reads."""
    evaluation: Any
    """Of the system; `every_minutes` is what the chassis reads."""
    cluster: ClusterConfig
    tracking: TrackingConfig
    system: str = field(default="interaction", kw_only=True)
    """Name of a module of cluster/systems/. The default is what runs from before this value were."""
    schema_version: int = field(default=1, kw_only=True)
    """Version of the configuration, see `cluster.run.identity`."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, not {self.seed}")
        if self.checkpoint_minutes <= 0:
            raise ValueError(f"checkpoint_minutes must be positive, not {self.checkpoint_minutes}")
        if self.checkpoints_kept < 1:
            raise ValueError(f"checkpoints_kept must be at least 1, not {self.checkpoints_kept}")


Config = TypeVar("Config")


def instantiate(config: DictConfig, schema: type[Config]) -> Config:
    """The composed configuration as dataclasses, every field checked.

    Raises:
        UsageError: one sentence naming the field.
    """
    unknown = sorted(set(map(str, config)) - {item.name for item in fields(schema)})  # type: ignore[arg-type]
    if unknown:
        raise UsageError(f"{unknown[0]} is no field of the configuration; leave '+{unknown[0]}=...' out")
    missing = OmegaConf.missing_keys(config)
    if missing:
        name = sorted(missing)[0]
        raise UsageError(f"{name} has no value; give one on the command line: {name}=VALUE")
    check_finite(OmegaConf.to_container(config))
    try:
        built: Any = OmegaConf.to_object(config)
    except (ValueError, OmegaConfBaseException) as error:
        raise UsageError(first_line(error)) from error
    return cast(Config, built)


def check_finite(value: Any, key: str = "") -> None:
    """Refuses numbers that are infinite or not a number: comparisons with bounds would let nan pass."""
    if isinstance(value, dict):
        for name, item in value.items():
            check_finite(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_finite(item, f"{key}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{key} must be a finite number, not {value}")


def plain_values(config: RunConfig) -> dict[str, Any]:
    """The configuration as dictionaries, lists and single values."""
    plain = OmegaConf.to_container(OmegaConf.structured(config))
    assert isinstance(plain, dict)
    return {str(name): value for name, value in plain.items()}


def first_line(error: BaseException) -> str:
    """What an error says, in one line: OmegaConf and Hydra add lines about their internals."""
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    innermost = next((e for e in reversed(causes) if isinstance(e, ValueError | OmegaConfBaseException)), error)
    lines = [line.strip() for cause in (innermost, error) for line in str(cause).splitlines() if line.strip()]
    sentence = lines[0] if lines else type(error).__name__
    key = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("full_key:")), "")
    heading = next((line for line in lines if line.startswith("Available options")), None)
    if heading is not None:
        options = lines[lines.index(heading) + 1 :]
        end = next((n for n, line in enumerate(options) if line.startswith("Config search path")), len(options))
        sentence += f"; it must be one of {', '.join(options[:end])}"
    return f"{key}: {sentence}" if key and not sentence.startswith(key) else sentence

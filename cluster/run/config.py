"""The configuration that every run has, whichever system it trains.

The dataclasses define fields and types; the values are only in `conf/`. Hydra composes the YAML files over these
schemas, so an unknown key or a wrong type is refused before anything starts.
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
    """Where the processes of a run live, and which faults it tolerates."""

    name: str
    """Label in results: local, or the name of the cluster."""
    address: str | None
    """Address of a running Ray cluster; null starts a Ray for this run on this machine, on loopback."""
    actors: int
    """Number of actors, each with its own simulator."""
    actor_cpus: float
    """CPUs that Ray reserves for an actor and its simulator."""
    actor_gpus: float | None
    """GPU share of an actor, for its simulator and hide and seek's policy; null: an equal share of the second GPU if
    the cluster has two, else none."""
    learner_gpus: float | None
    """GPUs of the learner; null: one if the cluster has any, else none."""
    learner_cpus: float
    """CPUs that Ray reserves for the learner."""
    object_store_bytes: int
    """Size of Ray's object store on this machine, bytes (only when Ray is started here)."""
    dashboard: bool
    """Whether Ray's dashboard runs, on loopback (only when Ray is started here)."""
    dashboard_port: int
    """Port of the dashboard."""
    heartbeat_s: float
    """Seconds between heartbeats of each actor, the learner and the replay buffer."""
    silent_after_s: float
    """Seconds without an answer to a heartbeat after which a Ray actor counts as hung and is restarted."""
    start_timeout_s: float
    """Seconds after which an actor, a learner or a replay buffer that has not started is restarted."""
    location_timeout_s: float
    """Seconds after which an actor that is still busy with one task counts as stuck and is replaced."""
    location_attempts: int
    """Attempts at one task; after the last one fails, the task is quarantined: no longer played, its error logged."""
    quarantined_locations: int
    """Maximum number of quarantined tasks; one more ends the run with that task's error."""
    actor_restarts: int
    """Maximum consecutive failures of an actor on one node; one more takes the node out of use, or ends the run with
    the last error if it is the only node."""
    part_restarts: int
    """Maximum consecutive restarts of the learner and the replay buffer without progress before the run stops. Also the
    maximum consecutive restarts of the evaluator without a result before the run continues without evaluations."""

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
    """Settings of Weights & Biases and of the metrics files."""

    mode: str
    """auto (online if a login is found, else offline), online, offline or disabled."""
    project: str
    """W&B project."""
    entity: str | None
    """W&B user or team; null: the login's default."""
    group: str | None
    """W&B group, for sweeps and seeds."""
    tags: list[str]
    """W&B tags."""
    log_every_s: float
    """Minimum seconds between two rows of metrics."""

    def __post_init__(self) -> None:
        if self.mode not in ("auto", "online", "offline", "disabled"):
            raise ValueError(f"tracking.mode must be auto, online, offline or disabled, not '{self.mode}'")
        if self.log_every_s < 0:
            raise ValueError(f"tracking.log_every_s must be 0 or more, not {self.log_every_s}")


@dataclass
class RunConfig:
    """Configuration of `./playpen train`; each system extends it with its own groups."""

    experiment_name: str
    """Name of the experiment, for the run's folder and W&B."""
    seed: int
    """Seed of everything random: network, players, order of tasks, sampling, augmentation."""
    checkpoint_minutes: float
    """Minutes between checkpoints; another one is written at the end and on Ctrl-C."""
    checkpoints_kept: int
    """Number of newest checkpoints that are kept."""
    keep_bank: bool
    """Whether the replay buffer's files are kept when the run is finished."""
    resume: str | None
    """Folder of a stopped or failed run that continues from its last checkpoint; null: a new run."""
    simulator: SimulatorConfig
    actors: Any
    """The system's: how the players play."""
    replay: Any
    """The system's tables. `strict` asks for strict alternation of collecting and training."""
    models: Any
    """The system's networks."""
    learner: Any
    """The system's; the chassis reads `publish_every`, `prefetch` and `threads`."""
    evaluation: Any
    """The system's; the chassis reads `every_minutes`."""
    cluster: ClusterConfig
    tracking: TrackingConfig
    system: str = field(default="interaction", kw_only=True)
    """Name of a module of cluster/systems/. The default is the system of runs older than this field."""
    schema_version: int = field(default=1, kw_only=True)
    """Version of the configuration, see `cluster.run.identity`."""

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, not {self.seed}")
        if self.checkpoint_minutes <= 0:
            raise ValueError(f"checkpoint_minutes must be positive, not {self.checkpoint_minutes}")
        if self.checkpoints_kept < 1:
            raise ValueError(f"checkpoints_kept must be at least 1, not {self.checkpoints_kept}")


Config = TypeVar("Config")


def instantiate(config: DictConfig, schema: type[Config]) -> Config:
    """Converts a composed configuration to dataclasses, which check every field.

    Raises:
        UsageError: one sentence naming the field.
    """
    unknown = sorted(set(map(str, config)) - {item.name for item in fields(schema)})  # type: ignore[arg-type]
    if unknown:
        raise UsageError(f"{unknown[0]} is no field of the configuration; remove '+{unknown[0]}=...'")
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
    """Refuses infinite numbers and NaN, which would pass comparisons with bounds."""
    if isinstance(value, dict):
        for name, item in value.items():
            check_finite(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_finite(item, f"{key}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{key} must be a finite number, not {value}")


def plain_values(config: RunConfig) -> dict[str, Any]:
    """The configuration as nested dictionaries and lists."""
    plain = OmegaConf.to_container(OmegaConf.structured(config))
    assert isinstance(plain, dict)
    return {str(name): value for name, value in plain.items()}


def first_line(error: BaseException) -> str:
    """The message of an error in one line, without the lines that OmegaConf and Hydra add about their internals."""
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
        # Schemas are options for Hydra only.
        names = [option for option in options[:end] if not option.endswith("_schema")]
        sentence += f"; it must be one of {', '.join(names)}"
    return f"{key}: {sentence}" if key and not sentence.startswith(key) else sentence

"""Configuration schemas of the interaction system's commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from actors.config import SimulatorConfig
from actors.interaction.config import ActorConfig
from cluster.interaction.play_config import TouchPlayConfig
from cluster.run.config import RunConfig
from evaluation.interaction.config import EvaluationConfig
from learner.interaction.config import LearnerConfig
from models.interaction.config import NetworkConfig
from models.interaction.mask_rcnn.config import MaskRcnnConfig
from models.interaction.video_pca.config import SoftMaskNetworkConfig
from replay.config import ReplayConfig
from replay.interaction.record import IMAGE_SIZE


@dataclass
class TrainConfig(RunConfig):
    """Everything `./playpen train` reads."""

    actors: ActorConfig
    replay: ReplayConfig
    models: Any
    """Settings of the network, by the schema of its kind; see `MODELS`."""
    learner: LearnerConfig
    evaluation: EvaluationConfig
    start_from: str | None = field(default=None, kw_only=True)
    """Checkpoint with whose weights a new run begins: an exported model, a checkpoint folder, or a run folder (its
    newest checkpoint); null: new weights, as in older runs."""

    def __post_init__(self) -> None:
        super().__post_init__()
        # An absolute path, since the learner may run in another folder.
        self.start_from = self.start_from and str(Path(self.start_from).resolve())
        check_picture(self.simulator)
        check_model(self)

    @property
    def mass_classes(self) -> bool:
        """Whether records carry true masks and mass classes, as they do under full supervision."""
        return not self.actors.oracles.touching

    @property
    def images_per_step(self) -> int:
        """Number of images that an optimiser step learns from."""
        return self.learner.mask_rcnn.batch_size if self.learner.mask_rcnn else self.learner.batch_size

    @property
    def uses_records(self) -> bool:
        """Whether the run learns from records of other runs, instead of collecting its own."""
        return self.learner.mask_rcnn is not None and bool(self.learner.mask_rcnn.records)


@dataclass
class EvaluateConfig:
    """Everything `./playpen evaluate` reads."""

    checkpoint: str | None
    """An exported model, a checkpoint folder, or a run folder (its newest checkpoint); null: none ships."""
    seed: int
    """Seed of the touches in figures."""
    simulator: SimulatorConfig
    actors: ActorConfig
    """Taken from the checkpoint's run, except overridden values."""
    models: NetworkConfig
    """Taken from the checkpoint, except overridden values; input settings that its weights need are always kept."""
    evaluation: EvaluationConfig
    system: str = "interaction"

    def __post_init__(self) -> None:
        check_picture(self.simulator)


@dataclass
class DatasetConfig:
    """Everything `./playpen dataset` reads."""

    simulator: SimulatorConfig
    evaluation: EvaluationConfig
    system: str = "interaction"

    def __post_init__(self) -> None:
        check_picture(self.simulator)


@dataclass
class RoomsConfig:
    """Everything `./playpen rooms` reads."""

    scenes: list[str]
    """Scene names of the rooms."""
    views: int
    """Number of observations of each room."""
    touches: int
    """Total number of touches shown."""
    seed: int
    """Seed of arrangements, poses and touches."""
    simulator: SimulatorConfig
    actors: ActorConfig
    system: str = "interaction"

    def __post_init__(self) -> None:
        for name in ("views", "touches"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not self.scenes:
            raise ValueError("scenes must name at least one scene")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, not {self.seed}")
        check_picture(self.simulator)


@dataclass
class PredictConfig:
    """Everything `./playpen predict` reads."""

    checkpoint: str | None
    """An exported model, a checkpoint folder, or a run folder (its newest checkpoint); null: none ships."""
    image: str
    """Image file of 300x300 pixels; see `evaluation.interaction.predict.read_image`."""
    depth: str
    """File of depth along the camera axis; see `evaluation.interaction.predict.read_depth`."""
    depth_scale: float
    """Metres per unit of integer depth."""
    output: str
    """Folder for the COCO JSON and the overlay."""
    count: int
    """Maximum number of instances."""
    actors: ActorConfig
    """Taken from the checkpoint's run, except overridden values; `cluster_distance` makes instances."""
    models: NetworkConfig
    system: str = "interaction"


@dataclass
class ExportConfig:
    """Everything `./playpen export` reads."""

    checkpoint: str
    """A checkpoint folder, or a run folder (its newest checkpoint)."""
    output: str
    """Path of both files without their endings."""
    commit: str | None
    """Commit of the code that trained the model; null: the one that the checkpoint names."""
    system: str = "interaction"

    def __post_init__(self) -> None:
        if not Path(self.output).name:
            raise ValueError(f"output must be a path such as models/mine, not '{self.output}'")


def check_picture(simulator: SimulatorConfig) -> None:
    """Refuses image sizes that do not fit the records and the model."""
    for name in ("width", "height"):
        if getattr(simulator, name) != IMAGE_SIZE:
            raise ValueError(f"simulator.{name} must be {IMAGE_SIZE}, not {getattr(simulator, name)}")


def check_model(config: TrainConfig) -> None:
    """Refuses parts that are of different models, and what a model cannot do."""
    kind = config.models.kind
    if (kind == "mask_rcnn") != (config.learner.mask_rcnn is not None):
        group, other = ("models", "learner") if kind == "mask_rcnn" else ("learner", "models")
        raise ValueError(f"{group}=mask_rcnn needs {other}=mask_rcnn")
    check_depth(config)
    {"unet": lambda config: None, "soft_mask": check_soft_mask, "mask_rcnn": check_mask_rcnn}[kind](config)


def check_depth(config: TrainConfig) -> None:
    """Refuses a reach beyond the depth that the model sees."""
    reach = config.actors.reach
    farthest = config.simulator.unlimited_reach if reach.shape == "infinite" else reach.radius
    if config.models.max_depth < farthest:
        raise ValueError(
            f"models.max_depth must be at least {farthest:g} metres, as far as touches go with "
            f"actors.reach.shape={reach.shape}, not {config.models.max_depth}"
        )


def check_mask_rcnn(config: TrainConfig) -> None:
    """Refuses what models=mask_rcnn cannot do."""
    if config.actors.mask_source == "video_pca":
        raise ValueError("actors.mask_source=video_pca cannot be with models=mask_rcnn, which takes no soft masks")
    if config.actors.choice != "both":
        raise ValueError(
            f"actors.choice={config.actors.choice} cannot be with models=mask_rcnn, whose data are collected "
            "beforehand, at random points"
        )
    for name, only in (("mode", "priority"), ("image_score", "min"), ("without_replacement", "batch")):
        if (value := getattr(config.replay, name)) != only:
            raise ValueError(f"replay.{name}={value} cannot be with models=mask_rcnn, which samples all records alike")


def check_soft_mask(config: TrainConfig) -> None:
    """Refuses what models=video_pca cannot do."""
    if config.actors.mask_source != "video_pca":
        raise ValueError(f"models=video_pca needs actors.mask_source=video_pca, not {config.actors.mask_source}")
    unused = {
        "replay.image_score": (config.replay.image_score, "min"),
        "learner.mask_reduction": (config.learner.mask_reduction, "sum"),
        "learner.huber_square": (config.learner.huber_square, True),
        "learner.repeated_points": (config.learner.repeated_points, "once"),
    }
    for name, (value, neutral) in unused.items():
        if value != neutral:
            raise ValueError(
                f"{name} must be {str(neutral).lower()} with models=video_pca, which learns from one soft mask a "
                f"location, not {str(value).lower()}"
            )
    if config.actors.choice == "greedy" and not config.actors.oracles.points:
        raise ValueError(
            "actors.choice=greedy cannot be with models=video_pca, which finds no point once its map is low "
            "everywhere, unless an oracle adds some: actors.supervision=interaction_oracle"
        )


MODELS: dict[str, type] = {"unet": NetworkConfig, "soft_mask": SoftMaskNetworkConfig, "mask_rcnn": MaskRcnnConfig}
"""Schemas of the group `models`, by kind."""
VARIANTS: dict[str, dict[str, type]] = {
    "models": {"interaction": NetworkConfig, "video_pca": SoftMaskNetworkConfig, "mask_rcnn": MaskRcnnConfig},
    "play": {"interaction": TouchPlayConfig},
}
"""Schemas of groups that have several: `conf/GROUP/NAME.yaml` extends `NAME_schema` of its group."""


def to_version_2(values: dict[str, Any]) -> dict[str, Any]:
    """Drops what `models=mask_rcnn` did not use."""
    models, learner = values.get("models"), values.get("learner")
    if isinstance(models, dict) and "mask_rcnn" in models:
        values = {**values, "models": {"mask_rcnn": models["mask_rcnn"]}}
    if isinstance(learner, dict) and isinstance(learner.get("mask_rcnn"), dict):
        own = {name: value for name, value in learner["mask_rcnn"].items() if name != "log_every"}
        values = {**values, "learner": {**learner, "mask_rcnn": own}}
    return values


def to_version_3(values: dict[str, Any]) -> dict[str, Any]:
    """Names `learner.mixed_precision`, which was true or false, on or off."""
    learner = values.get("learner")
    if isinstance(learner, dict) and isinstance(learner.get("mixed_precision"), bool):
        values = {**values, "learner": {**learner, "mixed_precision": "on" if learner["mixed_precision"] else "off"}}
    return values


MIGRATIONS = {1: to_version_2, 2: to_version_3}
"""See `cluster.run.system.System.migrations`."""


def kind_of(models: Mapping[str, Any]) -> str:
    """The kind of a saved group `models`; runs from before it was saved show it by their keys."""
    return str(models.get("kind") or next((kind for kind in ("mask_rcnn", "soft_mask") if kind in models), "unet"))


def schema_of(values: Mapping[str, Any]) -> type:
    """Dataclass of `train` with the model that a saved configuration has."""
    return _schema_of(kind_of(values.get("models") or {}))


@cache
def _schema_of(kind: str) -> type:
    return make_dataclass("TrainConfig", [("models", MODELS[kind])], bases=(TrainConfig,))


def schema_like(values: Mapping[str, Any]) -> DictConfig:
    """The OmegaConf schema of `train` with the model that a saved configuration has."""
    schema = OmegaConf.structured(TrainConfig)
    schema.models = OmegaConf.structured(MODELS[kind_of(values.get("models") or {})])
    return cast(DictConfig, schema)

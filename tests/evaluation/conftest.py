"""Settings as the configuration has them, and small ones for tests."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import pytest
from omegaconf import DictConfig, OmegaConf

from actors.config import SimulatorConfig
from evaluation.interaction.config import DatasetConfig, EvaluationConfig
from evaluation.interaction.make_dataset import make_dataset

Config = TypeVar("Config")
CONF = Path(__file__).resolve().parents[2] / "conf"


def evaluation_config(name: str = "novel_spaces", **changes: object) -> EvaluationConfig:
    """conf/evaluation/NAME.yaml over its schema, as Hydra composes it; `changes` by dotted name with __ for dots."""
    parts = [OmegaConf.structured(EvaluationConfig), OmegaConf.load(CONF / "evaluation" / "novel_spaces.yaml")]
    if name != "novel_spaces":
        own = OmegaConf.load(CONF / "evaluation" / f"{name}.yaml")
        assert isinstance(own, DictConfig) and own.pop("defaults") == ["novel_spaces", "_self_"]
        parts.append(own)
    root = OmegaConf.create({"evaluation": OmegaConf.merge(*parts)})
    for key, value in changes.items():
        OmegaConf.update(root, "evaluation." + key.replace("__", "."), value)
    config = OmegaConf.to_object(root.evaluation)
    assert isinstance(config, EvaluationConfig)
    return config


def default(schema: type[Config], path: str) -> Config:
    """The values of a file of conf/ over its schema."""
    config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), OmegaConf.load(CONF / path)))
    assert isinstance(config, schema)
    return config


@pytest.fixture(scope="session")
def rooms() -> SimulatorConfig:
    """The embedded simulator, as configured."""
    return default(SimulatorConfig, "simulator/rooms.yaml")


def small(folder: Path, workers: int = 1, locations: int = 7) -> DatasetConfig:
    """A data set that is made in seconds."""
    return evaluation_config(
        dataset__folder=str(folder),
        dataset__workers=workers,
        dataset__train__locations=locations,
        dataset__test__locations=5,
        dataset__train__spawns_per_visit=1,
        dataset__test__spawns_per_visit=1,
    ).dataset


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, rooms: SimulatorConfig) -> tuple[DatasetConfig, dict[str, Path]]:
    """A small data set and its files."""
    config = small(tmp_path_factory.mktemp("datasets"))
    return config, make_dataset(config, rooms)

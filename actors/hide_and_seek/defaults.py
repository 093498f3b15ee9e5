"""The settings in `conf/`, for code that runs without Hydra, such as environments and benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from actors.config import SimulatorConfig
from actors.hide_and_seek.config import GameConfig

CONF = Path(__file__).resolve().parents[2] / "conf"


def rules(**changes: Any) -> GameConfig:
    """The rules of `conf/actors/hide_and_seek.yaml`, with some values changed."""
    return _load(GameConfig, "actors/hide_and_seek.yaml", changes)


def embedded_simulator(**changes: Any) -> SimulatorConfig:
    """The settings of `conf/simulator/rooms.yaml`, with some values changed."""
    return _load(SimulatorConfig, "simulator/rooms.yaml", changes)


def _load(schema: type, name: str, changes: dict[str, Any]) -> Any:
    return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), OmegaConf.load(CONF / name), changes))

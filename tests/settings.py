"""The values of conf/ for tests that need no whole configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from actors.config import SimulatorConfig

CONF = Path(__file__).resolve().parents[1] / "conf"


def simulator_settings(name: str = "rooms", **changes: Any) -> SimulatorConfig:
    """conf/simulator/NAME.yaml over its schema; `changes` are merged into it."""
    parts = [OmegaConf.structured(SimulatorConfig), OmegaConf.load(CONF / "simulator" / f"{name}.yaml"), changes]
    config = OmegaConf.to_object(OmegaConf.merge(*parts))
    assert isinstance(config, SimulatorConfig)
    return config

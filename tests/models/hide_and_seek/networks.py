"""Configurations and observations for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.inputs import Observations

CONFIGS = Path(__file__).resolve().parents[3] / "conf/models"


def from_file(name: str, **changes: Any) -> AgentConfig:
    """A configuration of conf/models/, with changes."""
    values = OmegaConf.load(CONFIGS / f"{name}.yaml")
    assert isinstance(values, DictConfig)
    del values["defaults"]
    config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(AgentConfig), values, changes))
    assert isinstance(config, AgentConfig)
    return config


def tiny(**changes: Any) -> AgentConfig:
    """A network for pictures of 28x28 with few channels."""
    sizes = {
        "image_size": 28,
        "stem_stride": 1,
        "encoder_channels": [4, 6, 8],
        "sir_channels": 6,
        "late_size": 5,
        "goal_size": 3,
        "action_size": 4,
        "posture_size": 2,
        "target_size": 3,
        "grid_channels": 7,
        "tiled_core_size": 8,
        "core_size": 10,
        "max_places": 12,
        "attention_size": 6,
        "map_features": 7,
        "window": 5,
        "map_channels": 4,
        "contrast_size": 5,
        "decoder_channels": [6, 4],
        "dynamics_size": 6,
    }
    return from_file("hide_and_seek_small", **(sizes | changes))


def observations(config: AgentConfig, steps: int, batch: int, seed: int = 0) -> Observations:
    """Random observations around few places; episodes and maps begin in the middle."""
    generator = torch.Generator().manual_seed(seed)

    def draw(low: int, high: int, *more: int) -> torch.Tensor:
        return torch.randint(low, high, (steps, batch, *more), generator=generator)

    return Observations(
        draw(0, 256, config.image_size, config.image_size, 3).to(torch.uint8),
        draw(0, 439),
        draw(0, 2) == 1,
        draw(0, 5),
        torch.stack([draw(-1, 2), draw(-1, 2), draw(0, 4), draw(0, 2)], -1),
        draw(-1, 147),
        draw(-1, 147),
        draw(0, 4) == 0,
        draw(0, 6) == 0,
    )

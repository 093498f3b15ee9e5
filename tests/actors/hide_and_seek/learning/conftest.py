"""Small networks and settings."""

from __future__ import annotations

import pytest
from omegaconf import DictConfig, OmegaConf

from actors.hide_and_seek.defaults import CONF
from actors.hide_and_seek.learning.config import LearningConfig
from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.network import HideAndSeekNetwork, build_network


@pytest.fixture(scope="session")
def agent() -> AgentConfig:
    """The small network of `conf/`, with few mental rollouts."""
    values = OmegaConf.load(CONF / "models" / "hide_and_seek_small.yaml")
    assert isinstance(values, DictConfig)
    del values["defaults"]
    values.perspective.update({"rollouts": 2, "bonus_rollouts": 5, "rollout_steps": 5})
    config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(AgentConfig), values))
    assert isinstance(config, AgentConfig)
    return config


@pytest.fixture(scope="session")
def network(agent: AgentConfig) -> HideAndSeekNetwork:
    """Initial weights."""
    return build_network(agent, 3).eval()


@pytest.fixture
def learning() -> LearningConfig:
    """Settings of the training data, with unrolls of 5 steps."""
    return LearningConfig(
        unroll_length=5,
        memory_steps=8,
        simulators=1,
        batch_wait_s=5.0,
        room_tries=5,
        manipulations_per_room=2,
        resting_candidates=8,
        target_near_m=0.4,
        target_far_m=1.2,
        facing_degrees=35.0,
        seek_candidates=2,
        seek_sample=6,
        expert_margin_m=0.1,
        searches_per_place=2,
        near_share=0.0,
        near_m=2.5,
        near_steps=20,
        led_share=0.0,
        glimpse_places=0,
        glimpses=1,
        games_per_task=1,
    )

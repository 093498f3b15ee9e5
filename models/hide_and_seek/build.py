"""Builds the networks that a configuration describes."""

from __future__ import annotations

import torch

from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.network import HideAndSeekNetwork


def build_network(config: AgentConfig, seed: int) -> HideAndSeekNetwork:
    """Builds networks with initial weights that depend only on the seed. The process's random state does not change."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = HideAndSeekNetwork(config)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

"""Builds the network that a configuration describes."""

from __future__ import annotations

import torch

from models.interaction.config import NetworkConfig
from models.interaction.network import InteractionNetwork
from models.interaction.video_pca.config import SoftMaskNetworkConfig
from models.interaction.video_pca.network import SoftMaskNetwork


def build_network(config: NetworkConfig, seed: int) -> InteractionNetwork:
    """Builds a network with initial weights that depend only on the seed: PyTorch's defaults and `smooth_upsampling`.

    The process's random state does not change.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = SoftMaskNetwork(config) if isinstance(config, SoftMaskNetworkConfig) else InteractionNetwork(config)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

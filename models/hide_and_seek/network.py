"""All networks of hide and seek as one module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.hide_and_seek.agent import Agent
from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.decoder import DynamicsDecoder
from models.hide_and_seek.perspective import PerspectiveSimulation
from models.weights import float_state


class HideAndSeekNetwork(nn.Module):
    """The agent, the decoder of visual dynamics replay, perspective simulation, and earlier versions of the agent."""

    past: Tensor
    """(K, W) float32: flat weights (`models.weights.flat_weights`) of earlier versions of the agent; zeros: none yet"""

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        self.config = config
        self.agent = Agent(config)
        self.decoder = DynamicsDecoder(config)
        self.perspective = PerspectiveSimulation(config)
        size = sum(value.numel() for value in float_state(self.agent).values())
        self.register_buffer("past", torch.zeros(config.past_versions, size))


def build_network(config: AgentConfig, seed: int) -> HideAndSeekNetwork:
    """Builds networks with initial weights that depend only on the seed. The process's random state does not change."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = HideAndSeekNetwork(config)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def count_parameters(config: AgentConfig) -> dict[str, int]:
    """Trainable parameters by part, and `total`."""
    with torch.device("meta"):
        network = HideAndSeekNetwork(config)
    parts = dict(network.named_children()) | {f"agent.{name}": part for name, part in network.agent.named_children()}
    counts = {name: sum(weight.numel() for weight in part.parameters()) for name, part in sorted(parts.items())}
    return counts | {"total": sum(weight.numel() for weight in network.parameters())}

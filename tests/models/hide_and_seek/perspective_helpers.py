"""A small perspective simulation, random maps, and memories."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.metric_map import AHEAD, MapState
from models.hide_and_seek.perspective import PerspectiveSimulation
from models.hide_and_seek.perspective_config import PerspectiveConfig

MAP_SIZE = 6
SETTINGS: dict[str, Any] = {
    "channels": 8, "blocks": 2, "factored": False, "detached": False, "reach": 10, "neighbours": True, "best": 5,
    "random": 5, "rollouts": 4, "ranking_rollouts": 4, "bonus_rollouts": 20, "rollout_steps": 12,
    "failure_length": 500, "temperature": 0.04, "seeker_channels": 4, "seeker_size": 12,
}  # fmt: skip


def simulation(map_size: int = MAP_SIZE, fresh: bool = False, **settings: Any) -> PerspectiveSimulation:
    """The model with seeded weights. P's are random, so that places differ; unless it is fresh."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        config = SimpleNamespace(map_size=map_size, perspective=PerspectiveConfig(**(SETTINGS | settings)))
        module = PerspectiveSimulation(cast(AgentConfig, config))
        if not fresh:
            torch.nn.init.normal_(module.p.weight)
    return module


def walk(seed: int, steps: int = 30, places: int = 80, map_size: int = MAP_SIZE) -> tuple[MapState, Tensor]:
    """A map (B = 1) of a random walk from the first pose, and where it ended, (1, 4)."""
    random = np.random.default_rng(seed)
    x = z = rotation = 0
    standing, keys = 1, {}
    for step in range(steps):
        keys[x, z, rotation, standing] = step
        action = int(random.integers(7))
        if action < 3:
            way = AHEAD[(rotation + (0, 3, 1)[action]) % 4]
            x, z = x + way[0], z + way[1]
        elif action < 5:
            rotation = (rotation + (3, 1)[action - 3]) % 4
        else:
            standing = int(action == 5)
    key = torch.zeros(1, places, 4, dtype=torch.long)
    written = torch.full((1, places), -1)
    key[0, : len(keys)] = torch.tensor(list(keys))
    written[0, : len(keys)] = torch.tensor(list(keys.values()))
    values = torch.from_numpy(random.normal(size=(1, places, map_size))).float()
    return MapState(values, key, written), torch.tensor([[x, z, rotation, standing]])


def both(first: MapState, second: MapState) -> MapState:
    """Two maps as a batch."""
    return MapState(*(torch.cat(pair) for pair in zip(first, second, strict=True)))

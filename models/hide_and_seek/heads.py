"""Policies and values of the four stages, and the heads of the other losses.

Source: Weihs et al., appendices C.4 and D.1.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from models.hide_and_seek.action_table import ALIKE, GOALS, GRID, STAGE_ACTIONS, TARGETS
from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.encoder import SMALL, kaiming
from replay.hide_and_seek.unroll import ACTIONS


class StageHead(nn.Module):
    """Policy and value of one stage: h -> actor(h + MLP(h)), value(h + MLP(h)).

    The first policy draws OpenAt, and each PlaceAt of a modality, as often as any single action, whatever the cell, and
    so the turns of the hand together (ours). Otherwise the 49 cells would take most of the steps, nearly all in vain,
    and turns half of those of manipulation, which decide little about where the object lands.
    """

    actions: Tensor

    def __init__(self, config: AgentConfig, stage: int) -> None:
        super().__init__()
        size = config.core_size
        legal = STAGE_ACTIONS[stage]
        self.register_buffer("actions", torch.tensor(legal), persistent=False)
        self.hidden = nn.Linear(size, size)
        self.actor = nn.Linear(size, len(legal))
        self.value = nn.Linear(size, 1)
        nn.init.kaiming_normal_(self.hidden.weight, nonlinearity="relu")
        for layer in (self.actor, self.value):
            nn.init.normal_(layer.weight, std=SMALL)
            nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.actor.bias.copy_(-torch.tensor(ALIKE[list(legal)]).log())

    def forward(self, core: Tensor) -> tuple[Tensor, Tensor]:
        """(..., H) -> logits (..., 219) float32, -inf for the actions that the stage forbids, and value (...)."""
        features = core + torch.relu(self.hidden(core))
        legal = self.actor(features).float()
        logits = legal.new_full((*legal.shape[:-1], ACTIONS), -torch.inf).index_copy(-1, self.actions, legal)
        return logits, self.value(features)[..., 0].float()


class Hittable(nn.Module):
    """Whether the manipulator will hit each target, from its core state and the cells of its grid."""

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        self.from_core = nn.Linear(config.core_size, TARGETS)
        self.from_grid = nn.Conv2d(config.grid_channels, TARGETS // GRID**2, 1, bias=False)

    def forward(self, core: Tensor, grid: Tensor) -> Tensor:
        """(T, B, H) and (T, B, G, 7, 7) -> logits (T, B, 147)."""
        cells = self.from_grid(grid.flatten(0, 1)).flatten(1)
        return self.from_core(core) + cells.view(*core.shape[:2], TARGETS)


SELDOM = -4.0
"""Logit of seeing a goal in a cell at the start: most cells show none."""


class Sighting(nn.Module):
    """In which cells of the picture a goal is seen that could be claimed (ours).

    Goals are a few pixels wide and the SIR has cells of a seventh of the picture, so the head reads the encoder's stage
    before, of twice as many cells, as well.
    """

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        channels = config.sighting_channels
        self.from_sir = nn.Conv2d(config.sir_channels, channels, 1)
        self.from_stage = nn.Conv2d(config.encoder_channels[-2], channels, 1)
        self.cells = nn.Conv2d(channels, GOALS, 1)
        self.trust = nn.Parameter(torch.ones(()))
        """Factor between the logit of the most certain cell and what it adds to that of ClaimVisible."""
        kaiming(self)
        # The most certain of 196 cells counts, so all must be nearly equal.
        nn.init.normal_(self.cells.weight, std=SMALL / 10)
        assert self.cells.bias is not None
        nn.init.constant_(self.cells.bias, SELDOM)

    def forward(self, stage: Tensor, sir: Tensor) -> Tensor:
        """(T, B, c, 14, 14) and (T, B, C, 7, 7) -> logits (T, B, 5, 14, 14) float32, of each goal."""
        size = sir.shape[:2]
        larger = interpolate(self.from_sir(sir.flatten(0, 1)), scale_factor=2, mode="nearest")
        features = torch.relu(self.from_stage(stage.flatten(0, 1)) + larger)
        cells: Tensor = self.cells(features).float()
        return cells.unflatten(0, size)

    def seeing(self) -> Iterator[nn.Parameter]:
        """The parameters that `forward` reads."""
        for part in (self.from_sir, self.from_stage, self.cells):
            yield from part.parameters()

    def claim(self, cells: Tensor, goals: Tensor) -> Tensor:
        """What the cells add to the logit of ClaimVisible: about 0 at the start. The policy's losses do not train them.

        Args:
            cells: (T, B, 5, 14, 14) logits.
            goals: (T, B) long, the game's goal.

        Returns:
            (T, B)
        """
        certain = cells.detach().amax((3, 4)).gather(2, goals[..., None])[..., 0]
        return self.trust * (certain - SELDOM)


class Recall(nn.Module):
    """What the hider remembers of its latest PlaceAt: its target, and where the object landed."""

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        self.tried = nn.Linear(config.core_size, TARGETS)
        self.landed = nn.Linear(config.core_size, TARGETS + 1)

    def forward(self, core: Tensor) -> tuple[Tensor, Tensor]:
        """(T, B, H) -> logits (T, B, 147) of the target and (T, B, 148) of the landing; the last one is "lost"."""
        return self.tried(core), self.landed(core)


class Contrast(nn.Module):
    """Embeddings of the next-SIR contrast."""

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        self.of_sir = nn.Linear(config.sir_channels * GRID**2, config.contrast_size)
        self.actions = nn.Embedding(ACTIONS, config.action_size)
        self.of_step = nn.Sequential(
            nn.Linear(config.core_size + config.action_size, config.core_size),
            nn.ReLU(inplace=True),
            nn.Linear(config.core_size, config.contrast_size),
        )

    def sir(self, sir: Tensor) -> Tensor:
        """E1: (..., C, 7, 7) -> (..., E)"""
        embedding: Tensor = self.of_sir(sir.flatten(-3))
        return embedding

    def prediction(self, core: Tensor, actions: Tensor) -> Tensor:
        """E2: (..., H) and (...) long actions -> (..., E)"""
        embedding: Tensor = self.of_step(torch.cat([core, self.actions(actions)], -1))
        return embedding

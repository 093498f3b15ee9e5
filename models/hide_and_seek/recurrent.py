"""The convolutional GRU and the table of targets.

Source: Weihs et al., appendix D.1. Ours: 3x3 kernels for what differs between cells, and 1x1 for vectors that are
repeated over the cells; the reset gate after the recurrent product (cuDNN's form), so that one convolution computes all
gates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.hide_and_seek.action_table import GRID, TARGETS
from models.hide_and_seek.config import AgentConfig


class TargetTable(nn.Module):
    """A learned table of 3 x channels x 13 x 13; a target's slice places entry (6, 6) at the target's cell."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(3, channels, 2 * GRID - 1, 2 * GRID - 1))

    def forward(self, targets: Tensor) -> Tensor:
        """(N,) long targets, -1: none -> (N, channels, 7, 7); zeros for none."""
        channels = self.table.shape[1]
        # [modality, channel, first row, first column, row, column]; the slice of row i begins at 6 - i.
        slices = self.table.unfold(2, GRID, 1).unfold(3, GRID, 1).flip(2, 3)
        slices = slices.permute(0, 2, 3, 1, 4, 5).reshape(TARGETS, -1)
        chosen = functional.embedding(targets.clamp_min(0), slices) * (targets >= 0)[:, None]
        return chosen.view(-1, channels, GRID, GRID)


class ConvolutionalGRU(nn.Module):
    """A GRU over G x 7 x 7.

    A convolution of concatenated inputs is the sum of their convolutions. So those that do not depend on the previous
    step are computed once for all steps, and those of repeated vectors once for all cells.
    """

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        gates = 3 * config.grid_channels
        vectors = 2 * config.action_size + config.posture_size + config.goal_size
        self.from_sir = nn.Conv2d(config.sir_channels, gates, 3, padding=1)
        self.from_target = nn.Conv2d(config.target_size, gates, 3, padding=1, bias=False)
        self.from_vectors = nn.Linear(vectors, gates, bias=False)
        self.from_core = nn.Linear(config.tiled_core_size, gates, bias=False)
        self.from_grid = nn.Conv2d(config.grid_channels, gates, 3, padding=1, bias=False)
        for part in (self.from_sir, self.from_target, self.from_vectors, self.from_core, self.from_grid):
            nn.init.kaiming_normal_(part.weight, nonlinearity="linear")
        assert self.from_sir.bias is not None
        nn.init.zeros_(self.from_sir.bias)

    def inputs(self, sir: Tensor, vectors: Tensor, slices: Tensor | None) -> Tensor:
        """The part of the gates that the observation alone decides.

        Args:
            sir: (N, C, 7, 7)
            vectors: (N, I), embeddings of action, landing, posture and goal
            slices: (N, target_size, 7, 7); None: zeros

        Returns:
            (N, 3 G, 7, 7)
        """
        gates: Tensor = self.from_sir(sir) + self.from_vectors(vectors)[..., None, None]
        return gates if slices is None else gates + self.from_target(slices)

    def forward(self, inputs: Tensor, core: Tensor, grid: Tensor) -> Tensor:
        """One step: inputs (B, 3 G, 7, 7), previous core (B, tiled_core_size), grid (B, G, 7, 7) -> next grid."""
        new_update, new_reset, new_state = (inputs + self.from_core(core)[..., None, None]).chunk(3, 1)
        old_update, old_reset, old_state = self.from_grid(grid).chunk(3, 1)
        update = torch.sigmoid(new_update + old_update)
        state = torch.tanh(new_state + torch.sigmoid(new_reset + old_reset) * old_state)
        return torch.lerp(state, grid, update)

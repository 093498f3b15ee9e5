"""The convolutional GRU, and convolutions of vectors that are repeated over the 7x7 cells.

Source: Weihs et al., appendix D.1. Ours: 3x3 kernels, and the reset gate after the recurrent product (cuDNN's form),
so that one convolution computes all gates.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.hide_and_seek.action_table import GRID, TARGETS
from models.hide_and_seek.config import AgentConfig


class TiledConvolution(nn.Module):
    """A 3x3 convolution, padded by zeros, of a vector repeated over 7x7 cells: (N, I) -> (N, O, 7, 7).

    A cell's output is the sum of the taps that lie inside the grid, so one matrix product for each of the nine taps is
    enough.
    """

    inside: Tensor

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(9, out_channels, channels))
        nn.init.normal_(self.weight, std=(9 * channels) ** -0.5)
        ones = torch.ones(1, 1, GRID, GRID)
        taps = functional.unfold(ones, 3, padding=1)[0]
        self.register_buffer("inside", taps.T.contiguous(), persistent=False)

    def forward(self, vectors: Tensor) -> Tensor:
        taps, out_channels, channels = self.weight.shape
        products = functional.linear(vectors, self.weight.view(-1, channels)).view(-1, taps, out_channels)
        cells = torch.matmul(self.inside, products)
        return cells.view(-1, GRID, GRID, out_channels).permute(0, 3, 1, 2)


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

    Equal to one convolution of the concatenation of all inputs, but computed by parts: those that do not depend on the
    previous step once for all steps.
    """

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        gates = 3 * config.grid_channels
        vectors = 2 * config.action_size + config.posture_size + config.goal_size
        self.from_sir = nn.Conv2d(config.sir_channels, gates, 3, padding=1)
        self.from_target = nn.Conv2d(config.target_size, gates, 3, padding=1, bias=False)
        self.from_vectors = TiledConvolution(vectors, gates)
        self.from_core = TiledConvolution(config.tiled_core_size, gates)
        self.from_grid = nn.Conv2d(config.grid_channels, gates, 3, padding=1, bias=False)
        for convolution in (self.from_sir, self.from_target, self.from_grid):
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="linear")
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
        gates: Tensor = self.from_sir(sir) + self.from_vectors(vectors)
        return gates if slices is None else gates + self.from_target(slices)

    def forward(self, inputs: Tensor, core: Tensor, grid: Tensor) -> Tensor:
        """One step: inputs (B, 3 G, 7, 7), previous core (B, tiled_core_size), grid (B, G, 7, 7) -> next grid."""
        new_update, new_reset, new_state = (inputs + self.from_core(core)).chunk(3, 1)
        old_update, old_reset, old_state = self.from_grid(grid).chunk(3, 1)
        update = torch.sigmoid(new_update + old_update)
        state = torch.tanh(new_state + torch.sigmoid(new_reset + old_reset) * old_state)
        return torch.lerp(state, grid, update)

"""The interaction network: from an observation to interaction score, force logits and embedding.

Source: supplement of the paper, "Model details"; docs/interaction.md, Network. A small UNet: stem of
stride 3, three residual blocks of stride 2, three up modules with lateral connections, absolute coordinates, one
shared 1x1 convolution, three 1x1 heads. With the paper's values 1 439 124 trainable parameters.

Sizes of the maps: 300 -> 100 (stem) -> 50 -> 25 -> 13 (blocks) -> 26, cropped to 25 -> 50 -> 100 (up modules).
"""

from __future__ import annotations

from copy import deepcopy
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.interaction.config import NetworkConfig
from models.interaction.inputs import input_channels
from replay.interaction.record import GRID_SIZE, GRID_STRIDE, MAGNITUDES


class NetworkOutput(NamedTuple):
    """Predictions on the 100x100 grid, all float32."""

    score: Tensor
    """(B, 100, 100) interaction score s: logit of "a touch here moves something"."""
    force: Tensor
    """(B, 3, 100, 100) force logits m, light to heavy."""
    embedding: Tensor
    """(B, 16, 100, 100) embedding vectors e_p, similar within an object."""


class PointwiseConvolution(nn.Conv2d):
    """A 1x1 convolution, computed as one matrix product: a third faster on a CPU in channels_last."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__(channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x.permute(0, 2, 3, 1), self.weight[:, :, 0, 0], self.bias).permute(0, 3, 1, 2)


def _normalised(convolution: nn.Module, channels: int, momentum: float) -> nn.Sequential:
    """A convolution followed by BatchNorm and ReLU; all but the heads are built like this."""
    return nn.Sequential(convolution, nn.BatchNorm2d(channels, momentum=momentum), nn.ReLU(inplace=True))


class DownBlock(nn.Module):
    """(B, c, H, W) -> (B, 2c, ceil(H/2), ceil(W/2)): 3x3, 1x1, residual sum, 3x3 of stride 2."""

    def __init__(self, channels: int, momentum: float) -> None:
        super().__init__()
        wide = 2 * channels
        self.widen = _normalised(nn.Conv2d(channels, wide, 3, padding=1, bias=False), wide, momentum)
        self.narrow = _normalised(PointwiseConvolution(wide, channels), channels, momentum)
        self.reduce = _normalised(nn.Conv2d(channels, wide, 3, stride=2, padding=1, bias=False), wide, momentum)

    def forward(self, x: Tensor) -> Tensor:
        return self.reduce(x + self.narrow(self.widen(x)))


class UpModule(nn.Module):
    """(B, c, h, w) and the lateral (B, l, H, W), H <= 2h -> (B, out, H, W)."""

    def __init__(self, channels: int, lateral_channels: int, out_channels: int, momentum: float) -> None:
        super().__init__()
        self.enlarge = _normalised(
            nn.ConvTranspose2d(channels, out_channels, 2, stride=2, bias=False), out_channels, momentum
        )
        self.merge = _normalised(
            nn.Conv2d(out_channels + lateral_channels, out_channels, 3, padding=1, bias=False), out_channels, momentum
        )

    def start_smooth(self) -> None:
        """See `start_smooth`."""
        convolution = self.enlarge[0]
        assert isinstance(convolution, nn.ConvTranspose2d)
        start_smooth(convolution)

    def forward(self, x: Tensor, lateral: Tensor) -> Tensor:
        height, width = lateral.shape[-2:]
        # 25 -> 13 -> 26: a block of stride 2 centres its output i on input 2i, so the last row and column are surplus.
        enlarged = self.enlarge(x)[..., :height, :width]
        return self.merge(torch.cat([enlarged, lateral], dim=1))


def start_smooth(convolution: nn.ConvTranspose2d) -> None:
    """Makes a transposed convolution repeat each value over its 2x2 cells, like a nearest-neighbour zoom."""
    with torch.no_grad():
        convolution.weight.copy_(convolution.weight[:, :, :1, :1].expand_as(convolution.weight).clone())


class InteractionNetwork(nn.Module):
    """Interaction score, force logits and embedding of one observation (paper, "Model details").

    `forward` is `heads(trunk(x))`; the learner calls the two halves itself to freeze the trunk and to measure
    gradients at the shared layer.
    """

    coordinates: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        base, momentum = config.base_channels, config.batch_norm_momentum
        widths = [base, 2 * base, 4 * base, 8 * base]
        self.config = config
        # padding 1: (300 + 2 - 5) // 3 + 1 = 100
        stem = nn.Conv2d(input_channels(config.depth_edges), base, 5, stride=GRID_STRIDE, padding=1, bias=False)
        self.stem = _normalised(stem, base, momentum)
        self.down = nn.ModuleList(DownBlock(width, momentum) for width in widths[:3])
        ups = list(config.up_channels)
        self.up = nn.ModuleList(
            UpModule(below, lateral, out, momentum)
            for below, lateral, out in zip([widths[3], *ups[:2]], reversed(widths[:3]), ups, strict=True)
        )
        self.shared = _normalised(
            PointwiseConvolution(ups[2] + 2, config.shared_channels), config.shared_channels, momentum
        )
        self.score_head = nn.Conv2d(config.shared_channels, 1, 1)
        self.force_head = nn.Conv2d(config.shared_channels, MAGNITUDES, 1)
        self.embedding_head = nn.Conv2d(config.shared_channels, config.embedding_channels, 1)
        if config.smooth_upsampling:
            for module in self.up:
                cast(UpModule, module).start_smooth()
        axis = torch.linspace(-1.0, 1.0, GRID_SIZE)
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1)  # (100, 100, 2): row, column
        self.register_buffer("coordinates", grid, persistent=False)

    def trunk(self, x: Tensor) -> Tensor:
        """(B, 4 or 6, 300, 300) float32 as made by `network_input` -> shared layer (B, 128, 100, 100)."""
        x = self.stem(x)
        laterals = []
        for block in self.down:
            laterals.append(x)
            x = block(x)
        for module, lateral in zip(self.up, reversed(laterals), strict=True):
            x = module(x, lateral)
        # Join with channels last in memory: torch.cat is three times as fast there as on an expanded map.
        coordinates = self.coordinates.to(x.dtype).expand(len(x), -1, -1, -1)
        return self.shared(torch.cat([x.permute(0, 2, 3, 1), coordinates], dim=3).permute(0, 3, 1, 2))

    def heads(self, shared: Tensor) -> NetworkOutput:
        """Shared layer (B, 128, 100, 100) -> predictions: the three 1x1 convolutions as one matrix product."""
        heads = (self.score_head, self.force_head, self.embedding_head)
        weight = torch.cat([head.weight for head in heads])[:, :, 0, 0]  # (1 + 3 + 16, 128)
        bias = torch.cat([head.bias for head in heads if head.bias is not None])
        joined = functional.linear(shared.permute(0, 2, 3, 1), weight, bias)  # (B, 100, 100, 20)
        score, force, embedding = joined.split([head.out_channels for head in heads], dim=3)
        return NetworkOutput(score[..., 0], force.permute(0, 3, 1, 2), embedding.permute(0, 3, 1, 2))

    def forward(self, x: Tensor) -> NetworkOutput:
        return self.heads(self.trunk(x))


def folded(network: InteractionNetwork) -> InteractionNetwork:
    """Returns a copy in evaluation mode with each BatchNorm folded into its convolution; the predictions are the same.

    It takes 15 to 20 % less time on one CPU thread. It cannot be trained, and its state dict differs.
    """
    copy = deepcopy(network).eval()
    for layer in copy.modules():
        if isinstance(layer, nn.Sequential) and isinstance(layer[1], nn.BatchNorm2d):
            convolution = cast(nn.Conv2d, layer[0])
            layer[0] = fuse_conv_bn_eval(convolution, layer[1], transpose=isinstance(convolution, nn.ConvTranspose2d))
            layer[1] = nn.Identity()
    return copy.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

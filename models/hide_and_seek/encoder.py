"""The encoder: from a picture to the static image representation (SIR).

Source: Weihs et al., section 4 and appendix D.1: a U-Net's contracting path of 13 convolutions, 3x224x224 -> 128x7x7.
Ours: stages of two 3x3 convolutions, the first of stride 2, then one of 1x1; no normalisation layers, so that actors
and learner compute the same numbers.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.inputs import normalised_images

SMALL = 0.01
"""Deviation of the weights of last layers at the start: policies are nearly uniform, and other predictions nearly 0."""


class Features(NamedTuple):
    """What the encoder says about pictures with leading dimensions (N) or (T, B)."""

    stages: tuple[Tensor, ...]
    """Outputs of the stages (..., c, h, w), from the largest to 7x7; the first is the first block's"""
    sir: Tensor
    """(..., C, 7, 7)"""
    late: Tensor
    """(..., late_size), for the metric map"""

    def rows(self, rows: Tensor) -> Features:
        """Of (T, B) pictures, the columns of some unrolls, (n,) long indices into B."""
        return Features(tuple(stage[:, rows] for stage in self.stages), self.sir[:, rows], self.late[:, rows])


class Encoder(nn.Module):
    """See the module's docstring."""

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        channels, stride = 3, config.stem_stride
        for width in config.encoder_channels:
            self.stages.append(
                nn.Sequential(
                    nn.Conv2d(channels, width, 3, stride, padding=1),
                    nn.ReLU(inplace=True),
                    nn.Conv2d(width, width, 3, padding=1),
                    nn.ReLU(inplace=True),
                )
            )
            channels, stride = width, 2
        self.sir = nn.Sequential(nn.Conv2d(channels, config.sir_channels, 1), nn.ReLU(inplace=True))
        self.late = nn.Linear(channels, config.late_size)
        kaiming(self)

    def forward(self, images: Tensor) -> Features:
        """(N, S, S, 3) uint8 RGB -> features with leading dimension N."""
        x = normalised_images(images)
        outputs = []
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return Features(tuple(outputs), self.sir(x), self.late(x.mean((2, 3))))


def kaiming(module: nn.Module) -> None:
    """Initialises all convolutions and linear layers of a module for ReLU (He et al. 2015), biases at 0."""
    for part in module.modules():
        if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            if isinstance(part, nn.ConvTranspose2d):
                # Each output sums over in_channels and (kernel / stride)^2 taps.
                taps = part.weight[0, 0].numel() / (part.stride[0] * part.stride[1])
                nn.init.normal_(part.weight, std=(2 / (part.in_channels * taps)) ** 0.5)
            else:
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)

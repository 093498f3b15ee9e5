"""The decoder of visual dynamics replay: predictions about a step from the pictures around it.

Source: Weihs et al., appendices C.2 and D.3: a U-Net's expanding path of 10 transposed convolutions from the SIR, then
1x1 convolutions, "inspired by spatial transformer networks". Ours: skip connections from the encoder's stages, and how
the next picture is made: most of it is the picture before, displaced by a flow, the rest is painted.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.hide_and_seek.action_table import GRID
from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.dynamics_metrics import averaged_down
from models.hide_and_seek.encoder import SMALL, Features, kaiming
from replay.hide_and_seek.unroll import ACTIONS

GREY = 0.5
"""Painted pixels are about grey at the start."""
FLOW = 0.1
"""Factor of the flow, so that the first ones are shorter than a pixel."""
COPIED = 4.0
"""Logit of the share of each pixel that is copied, at the start: predictions begin as copies."""


class Predictions(NamedTuple):
    """What the decoder predicts about N steps from the picture before them, the action and its success."""

    images: tuple[Tensor, ...]
    """(N, 3, n, n) for each n of `AgentConfig.prediction_sizes`: the picture after, RGB in [0, 1] (not clipped)"""
    changed: Tensor
    """(N, S, S) logits: the pixel changes"""
    confidence: Tensor
    """(N, S, S): l1 error of the largest picture, in the unit of `images`"""

    def float(self) -> Predictions:
        """The same in float32."""
        return Predictions(tuple(image.float() for image in self.images), self.changed.float(), self.confidence.float())


class DynamicsDecoder(nn.Module):
    """See the module's docstring."""

    def __init__(self, config: AgentConfig) -> None:
        super().__init__()
        size, hidden, sir = config.action_size, config.dynamics_size, config.sir_channels
        self.outcome_embedding = nn.Embedding(2 * ACTIONS, size)
        self.action_embedding = nn.Embedding(ACTIONS, size)
        self.success_embedding = nn.Embedding(2, size)
        skips = dict(zip(_stage_sizes(config), config.encoder_channels, strict=True))
        self.ups, self.merges, self.pictures = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        channels = sir + size
        for side, width in zip(config.prediction_sizes, config.decoder_channels, strict=True):
            self.ups.append(_transposed(channels, width, 2))
            self.merges.append(_transposed(width + skips.get(side, 0), width, 1))
            self.pictures.append(nn.Conv2d(width, 6, 1))
            channels = width
        self.pixels = nn.Conv2d(channels, 2, 1)
        self.success_layers = _judge(sir + size, hidden, 1)
        self.inverse_layers = _judge(2 * sir + size, hidden, ACTIONS)
        kaiming(self)
        for convolution in (*self.pictures, self.pixels):
            assert isinstance(convolution, nn.Conv2d)
            nn.init.normal_(convolution.weight, std=SMALL)

    def forward(self, before: Features, images: Tensor, actions: Tensor, succeeded: Tensor) -> Predictions:
        """Predicts the next picture.

        Args:
            before: features of N pictures
            images: (N, S, S, 3) uint8 RGB, these pictures
            actions: (N,) long
            succeeded: (N,) bool
        """
        skips = {stage.shape[-1]: stage for stage in before.stages}
        x = _with_vector(before.sir, self.outcome_embedding(2 * actions + succeeded))
        picture_before = images.permute(0, 3, 1, 2).contiguous().float() / 255
        flow: Tensor | None = None
        predicted = []
        for up, merge, picture in zip(self.ups, self.merges, self.pictures, strict=True):
            x = up(x)
            skip = skips.get(x.shape[-1])
            x = merge(x if skip is None else torch.cat([x, skip], 1))
            image, flow = _moved(picture_before, picture(x).float(), flow)
            predicted.append(image)
        changed, confidence = self.pixels(x).unbind(1)
        return Predictions(tuple(predicted), changed, confidence)

    def success(self, sir: Tensor, actions: Tensor) -> Tensor:
        """(N, C, 7, 7) and (N,) long actions -> (N,) logits: the action succeeds."""
        logits: Tensor = self.success_layers(_with_vector(sir, self.action_embedding(actions)))[:, 0]
        return logits

    def inverse(self, before: Tensor, after: Tensor, succeeded: Tensor) -> Tensor:
        """Two SIRs (N, C, 7, 7) and the action's success (N,) bool -> (N, 219) logits of the action."""
        both = torch.cat([before, after], 1)
        logits: Tensor = self.inverse_layers(_with_vector(both, self.success_embedding(succeeded.long())))
        return logits


def _moved(picture: Tensor, numbers: Tensor, coarse: Tensor | None) -> tuple[Tensor, Tensor]:
    """Displaces a picture and paints over it.

    Args:
        picture: (N, 3, S, S)
        numbers: (N, 6, n, n): flow by `FLOW`, logit of the share that is copied less `COPIED`, and colour less `GREY`
        coarse: (N, 2, n / 2, n / 2) flow of the next smaller picture, to which this one adds; None: zeros

    Returns:
        (N, 3, n, n), and the flow (N, 2, n, n): from where each pixel comes, to the right and down, in half widths.
    """
    size = numbers.shape[-1]
    flow, copied, colour = numbers.split((2, 1, 3), 1)
    flow = FLOW * flow
    if coarse is not None:
        flow = flow + functional.interpolate(coarse, size=size, mode="bilinear")
    centres = (torch.arange(size, device=flow.device) + 0.5) * (2 / size) - 1
    grid = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), -1) + flow.permute(0, 2, 3, 1)
    source = averaged_down(picture, size)
    moved = functional.grid_sample(source, grid, padding_mode="border", align_corners=False)
    share = torch.sigmoid(copied + COPIED)
    return share * moved + (1 - share) * (colour + GREY), flow


def _stage_sizes(config: AgentConfig) -> list[int]:
    return [config.image_size // config.stem_stride // 2**stage for stage in range(len(config.encoder_channels))]


def _transposed(channels: int, out_channels: int, stride: int) -> nn.Sequential:
    kernel = 2 * stride if stride > 1 else 3
    return nn.Sequential(nn.ConvTranspose2d(channels, out_channels, kernel, stride, padding=1), nn.ReLU(inplace=True))


def _judge(channels: int, hidden: int, out_size: int) -> nn.Sequential:
    """(N, channels, 7, 7) -> (N, out_size)"""
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(hidden, hidden, 3, 2, padding=1),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(hidden * ((GRID + 1) // 2) ** 2, out_size),
    )


def _with_vector(cells: Tensor, vectors: Tensor) -> Tensor:
    """Appends (N, I) vectors, repeated over the cells, to (N, C, 7, 7)."""
    return torch.cat([cells, vectors[..., None, None].expand(-1, -1, *cells.shape[2:])], 1)

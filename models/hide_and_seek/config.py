"""Sizes of the networks of hide and seek. Values and comments: `conf/models/hide_and_seek*.yaml`. It does not import
torch, so that mistakes are reported at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from models.hide_and_seek.action_table import GRID
from models.hide_and_seek.perspective_config import PerspectiveConfig
from replay.hide_and_seek.unroll import UnrollShape

OPTIONAL = ("sighting_channels", "past_versions")
"""Sizes that may be 0."""


@dataclass
class AgentConfig:
    """Sizes of agent, decoder and perspective simulation."""

    image_size: int
    """S, width and height of the pictures, pixels."""
    stem_stride: int
    """Stride of the encoder's first convolution; each later stage halves the size."""
    encoder_channels: list[int]
    """Channels of the encoder's stages, two convolutions each; the last stage has 7x7 cells."""
    sir_channels: int
    """C, channels of the static image representation (SIR)."""
    late_size: int
    """Numbers about a picture that the metric map keeps."""
    goal_size: int
    """Length of a goal's embedding."""
    action_size: int
    """Length of an action's embedding."""
    posture_size: int
    """Length of a posture's embedding."""
    target_size: int
    """Channels of the table of targets."""
    grid_channels: int
    """G, channels of the convolutional GRU; the last one is the change map."""
    tiled_core_size: int
    """Numbers of the previous core state that the convolutional GRU reads."""
    core_size: int
    """H, size of the LSTM."""
    max_places: int
    """P, location tuples that the metric map holds."""
    attention_size: int
    """Numbers that the attention over the map reads."""
    window: int
    """Width and height of the egocentric window on the map, cells of 0.25 m; odd."""
    map_channels: int
    """Channels of the convolutions over the window."""
    map_features: int
    """Numbers that the convolutions over the window read."""
    sighting_channels: int
    """Channels of the head that finds the goal in the picture; 0: there is none."""
    contrast_size: int
    """E, length of the embeddings of the next-SIR contrast."""
    decoder_channels: list[int]
    """Channels of the decoder after each doubling of the size, from 14x14 to S x S."""
    dynamics_size: int
    """Channels and hidden size of the decoder's success and inverse heads."""
    past_versions: int
    """K, earlier versions of the agent that are kept as opponents."""
    perspective: PerspectiveConfig
    """Sizes of perspective simulation."""

    kind: str = field(default="hide_and_seek", kw_only=True)
    """Which model it is."""

    def __post_init__(self) -> None:
        if self.kind != "hide_and_seek":
            raise ValueError(f"models.kind is hide_and_seek for this model, not {self.kind}: choose one by models=NAME")
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name in OPTIONAL and value < 0:
                raise ValueError(f"models.{entry.name} must be at least 0, not {value}")
            if entry.name not in (*OPTIONAL, "perspective", "kind"):
                numbers = value if isinstance(value, (int, float)) else min(value, default=0)
                if not numbers > 0:
                    raise ValueError(f"models.{entry.name} must be greater than 0, not {value}")
        if self.window % 2 == 0:
            raise ValueError(f"models.window must be odd, not {self.window}")
        if self.tiled_core_size > self.core_size:
            raise ValueError(f"models.tiled_core_size must be at most core_size, not {self.tiled_core_size}")
        if self.stem_stride * 2 ** (len(self.encoder_channels) - 1) * GRID != self.image_size:
            raise ValueError(
                f"models.encoder_channels: {len(self.encoder_channels)} stages and stem_stride {self.stem_stride} "
                f"must lead from image_size {self.image_size} to {GRID}"
            )
        if 2 ** len(self.decoder_channels) * GRID != self.image_size:
            raise ValueError(
                f"models.decoder_channels: {len(self.decoder_channels)} doublings must lead from {GRID} "
                f"to image_size {self.image_size}"
            )

    @property
    def map_size(self) -> int:
        """V, numbers that the metric map keeps for each location tuple."""
        return self.late_size + self.goal_size

    @property
    def reading_size(self) -> int:
        """Numbers that the agent reads from the map at each step."""
        return self.attention_size + self.map_features

    @property
    def prediction_sizes(self) -> tuple[int, ...]:
        """Widths of the predicted pictures, pixels, ascending from 14 to S."""
        return tuple(GRID * 2 ** (doubling + 1) for doubling in range(len(self.decoder_channels)))

    def unroll_shape(self, length: int) -> UnrollShape:
        """Sizes of an unroll of `length` steps."""
        return UnrollShape(length, self.image_size, self.grid_channels, self.core_size, self.max_places, self.map_size)

"""Settings of networks. Values and comments: `conf/models/`. It does not import torch, so that mistakes are reported
at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class NetworkConfig:
    """Widths of the network. Values and their reasons: conf/models/interaction.yaml."""

    base_channels: int
    """Channels after the stem; each of the three blocks doubles them."""
    up_channels: list[int]
    """Channels after each of the three up modules, from the coarsest (25x25) to the finest (100x100)."""
    shared_channels: int
    """Channels of the last shared layer, which the three heads read."""
    embedding_channels: int
    """Length of a cell's embedding vector."""
    batch_norm_momentum: float
    """Share of the newest batch in the running statistics that evaluation mode uses, in (0, 1]."""
    smooth_upsampling: bool
    """Whether the four taps of each 2x2 transposed convolution start equal (Aitken et al. 2017, "Checkerboard artifact
    free sub-pixel convolution"): otherwise masks are dotted during the first hundreds of steps."""
    # The defaults serve runs and checkpoints from before these values existed.
    normalize_input: bool = field(default=True, kw_only=True)
    """Whether colour and depth are scaled to about mean 0 and deviation 1; otherwise they stay in [0, 1] and metres."""
    max_depth: float = field(default=5.0, kw_only=True)
    """Maximum of the network's depth input, metres."""
    depth_edges: bool = field(default=False, kw_only=True)
    """Whether two more input channels show where depth folds and jumps; see `models.interaction.inputs`."""

    kind: str = field(default="unet", kw_only=True)
    """Which model it is: unet, soft_mask or mask_rcnn. Each file of conf/models/ has its own."""

    def __post_init__(self) -> None:
        check_kind(self)
        for name in ("base_channels", "shared_channels", "embedding_channels"):
            if getattr(self, name) < 1:
                raise ValueError(f"models.{name} must be at least 1, not {getattr(self, name)}")
        if len(self.up_channels) != 3 or min(self.up_channels) < 1:
            raise ValueError(f"models.up_channels must be three positive numbers, not {list(self.up_channels)}")
        if not self.max_depth > 0:
            raise ValueError(f"models.max_depth must be greater than 0 metres, not {self.max_depth}")
        if not 0 < self.batch_norm_momentum <= 1:
            raise ValueError(f"models.batch_norm_momentum must be in (0, 1], not {self.batch_norm_momentum}")


def check_kind(config: Any) -> None:
    """Refuses a `kind` that is not the model's own, which is the default of its field."""
    own = type(config).kind
    if config.kind != own:
        raise ValueError(f"models.kind is {own} for this model, not {config.kind}: choose a model by models=NAME")

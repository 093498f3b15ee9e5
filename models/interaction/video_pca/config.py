"""Settings of the soft-mask model. Values and comments: `conf/models/video_pca.yaml`. It does not import torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.interaction.config import NetworkConfig


@dataclass
class SoftMaskConfig:
    """How a predicted soft mask becomes instances."""

    threshold: float
    """Cells whose soft mask exceeds this are foreground."""
    least_cells: int
    """Smaller connected components are left out."""
    superpixel_scale: float
    """Felzenszwalb's scale: larger makes larger superpixels."""
    superpixel_sigma: float
    """Standard deviation of the Gaussian that smooths the image first, pixels."""
    superpixel_min_size: int
    """Minimum size of a superpixel, pixels."""
    superpixel_fraction: float
    """A superpixel joins the component that covers more than this fraction of its cells."""

    def __post_init__(self) -> None:
        where = "models.soft_mask"
        if not 0 < self.threshold < 1:
            raise ValueError(f"{where}.threshold must be between 0 and 1, not {self.threshold}")
        if not self.superpixel_scale > 0:
            raise ValueError(f"{where}.superpixel_scale must be greater than 0, not {self.superpixel_scale}")
        if self.superpixel_sigma < 0:
            raise ValueError(f"{where}.superpixel_sigma must be at least 0, not {self.superpixel_sigma}")
        for name in ("least_cells", "superpixel_min_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{where}.{name} must be at least 1, not {getattr(self, name)}")
        # Below one half, two components could claim the same superpixel.
        if not 0.5 <= self.superpixel_fraction < 1:
            raise ValueError(f"{where}.superpixel_fraction must be in [0.5, 1), not {self.superpixel_fraction}")


@dataclass
class SoftMaskNetworkConfig(NetworkConfig):
    """Settings of `models=video_pca`: our network's trunk with one head. `embedding_channels` has no effect."""

    soft_mask: SoftMaskConfig
    """How the prediction becomes instances."""
    kind: str = field(default="soft_mask", kw_only=True)
    """See `NetworkConfig.kind`."""

"""Settings of Mask R-CNN. Values and comments: `conf/models/mask_rcnn.yaml`. It does not import torch."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field

from models.interaction.config import check_kind

HOW_TO_GET = "python -m pip install --constraint constraints.txt --editable '.[mask-rcnn]'"


class TorchvisionMissing(ValueError):
    """torchvision is not there or does not fit; the message is one sentence that says how to get it."""


def check_installed() -> None:
    """Raises TorchvisionMissing if there is no torchvision at all; imports nothing."""
    if importlib.util.find_spec("torchvision") is None:
        raise TorchvisionMissing(f"models=mask_rcnn needs torchvision, which is not installed here: {HOW_TO_GET}")


@dataclass
class MaskRcnnNetworkConfig:
    """Sizes of Mask R-CNN: ResNet-18, a feature pyramid of five levels, and three heads."""

    image_size: int
    """Side of the picture that the network sees, pixels: observations are resized to it."""
    anchor_sizes: list[int]
    """Side of the square anchor of each level of the pyramid, from the finest, pixels of the enlarged picture."""
    aspect_ratios: list[float]
    """Height over width of the anchors; each level has one anchor of each."""
    pyramid_channels: int
    """Channels of every level of the pyramid."""
    box_channels: int
    """Width of the two layers of the box head."""
    mask_channels: int
    """Channels of the four convolutions of the mask head."""
    anchors_per_image: int
    """Anchors of an image that the proposals' loss is computed on."""
    boxes_per_image: int
    """Proposals of an image that the heads' loss is computed on, a quarter of them on objects."""
    proposals_before_nms: int
    """Best proposals of a level that non-maximum suppression chooses from."""
    proposals: int
    """Proposals of an image that remain."""
    proposal_nms: float
    """IoU from which on a worse proposal is suppressed."""
    detection_nms: float
    """IoU from which on a worse detection is suppressed."""
    least_score: float
    """Detections of a lower score are left out."""

    def __post_init__(self) -> None:
        for name in (
            "pyramid_channels", "box_channels", "mask_channels", "anchors_per_image", "boxes_per_image",
            "proposals_before_nms", "proposals",
        ):  # fmt: skip
            if getattr(self, name) < 1:
                raise ValueError(f"models.mask_rcnn.{name} must be at least 1, not {getattr(self, name)}")
        if self.image_size < 32:
            raise ValueError(f"models.mask_rcnn.image_size must be at least 32 pixels, not {self.image_size}")
        if len(self.anchor_sizes) != 5 or min(self.anchor_sizes) < 1:
            raise ValueError(
                f"models.mask_rcnn.anchor_sizes must be five positive numbers, not {list(self.anchor_sizes)}"
            )
        if not self.aspect_ratios or min(self.aspect_ratios) <= 0:
            raise ValueError(
                f"models.mask_rcnn.aspect_ratios must be at least one number above 0, not {list(self.aspect_ratios)}"
            )
        for name in ("proposal_nms", "detection_nms", "least_score"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"models.mask_rcnn.{name} must be in [0, 1], not {getattr(self, name)}")


@dataclass
class MaskRcnnConfig:
    """Settings of `models=mask_rcnn`."""

    mask_rcnn: MaskRcnnNetworkConfig
    """Sizes."""
    # The same settings as our network's, see `models.interaction.config.NetworkConfig`.
    smooth_upsampling: bool = field(default=False, kw_only=True)
    """Whether the transposed convolution of the mask head starts with four equal taps."""
    normalize_input: bool = field(default=True, kw_only=True)
    """Whether colour and depth are scaled to about mean 0 and deviation 1; otherwise they stay in [0, 1] and metres."""
    max_depth: float = field(default=5.0, kw_only=True)
    """Maximum of the network's depth input, metres."""
    depth_edges: bool = field(default=False, kw_only=True)
    """Whether two more input channels show where depth folds and jumps; see `models.interaction.inputs`."""
    kind: str = field(default="mask_rcnn", kw_only=True)
    """See `models.interaction.config.NetworkConfig.kind`."""

    def __post_init__(self) -> None:
        check_installed()
        check_kind(self)
        if not self.max_depth > 0:
            raise ValueError(f"models.max_depth must be greater than 0 metres, not {self.max_depth}")

"""Mask R-CNN with a ResNet-18 pyramid and four input channels (docs/interaction.md, Variants and baselines).

It is made of torchvision's parts. Source: He et al. 2017, "Mask R-CNN"; the paper's supplement, "Training details -
Mask-RCNN". Everything is trained from scratch, so batch norm is ordinary batch norm, not frozen. docs/mask_rcnn.md
compares it with detectron2's defaults.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from models.interaction.inputs import input_channels
from models.interaction.mask_rcnn.config import MaskRcnnConfig
from models.interaction.mask_rcnn.operators import load
from models.interaction.network import start_smooth

STAGES = {"layer1": ("0", 64), "layer2": ("1", 128), "layer3": ("2", 256), "layer4": ("3", 512)}
"""ResNet-18's stages: name of the level in the pyramid, and channels."""


def build_mask_rcnn(model: MaskRcnnConfig, classes: int, seed: int) -> nn.Module:
    """A freshly initialised network, the same one for the same seed; the process's random state stays as it was.

    It takes a list of (4 or 6, 300, 300) float32 tensors. In training mode it also takes a list of targets {"boxes":
    (n, 4) x1, y1, x2, y2 in pixels, "labels": (n,) from 1, "masks": (n, 300, 300) uint8} and returns its five losses by
    name; in evaluation mode it returns for each image boxes, labels, scores and masks (n, 1, 300, 300) in [0, 1], by
    falling score.

    Args:
        model: sizes and initial weights.
        classes: of objects, without the background.
        seed: of the initial weights.

    Raises:
        TorchvisionMissing: see `models.interaction.mask_rcnn.operators.load`.
    """
    load()
    from torchvision.models import resnet18
    from torchvision.models.detection import MaskRCNN
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.backbone_utils import BackboneWithFPN
    from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
    from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor

    from models.interaction.mask_rcnn.pooling import AlignedPyramidPooling

    config = model.mask_rcnn
    inputs = input_channels(model.depth_edges)
    pyramid, levels = config.pyramid_channels, [level for level, _ in STAGES.values()]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        resnet: Any = resnet18(weights=None)
        resnet.conv1 = nn.Conv2d(inputs, 64, kernel_size=7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(resnet.conv1.weight, mode="fan_out", nonlinearity="relu")
        backbone = BackboneWithFPN(
            resnet,
            return_layers={stage: level for stage, (level, _) in STAGES.items()},
            in_channels_list=[channels for _, channels in STAGES.values()],
            out_channels=pyramid,
        )
        mask_predictor = MaskRCNNPredictor(config.mask_channels, config.mask_channels, classes + 1)
        if model.smooth_upsampling:
            start_smooth(mask_predictor.conv5_mask)
        network: nn.Module = MaskRCNN(
            backbone,
            min_size=config.image_size,
            max_size=config.image_size,
            image_mean=[0.0] * inputs,  # `network_input` normalises
            image_std=[1.0] * inputs,
            rpn_anchor_generator=AnchorGenerator(
                sizes=tuple((size,) for size in config.anchor_sizes),
                aspect_ratios=(tuple(config.aspect_ratios),) * len(config.anchor_sizes),
            ),
            rpn_pre_nms_top_n_train=config.proposals_before_nms,
            rpn_pre_nms_top_n_test=config.proposals_before_nms,
            rpn_post_nms_top_n_train=config.proposals,
            rpn_post_nms_top_n_test=config.proposals,
            rpn_nms_thresh=config.proposal_nms,
            rpn_batch_size_per_image=config.anchors_per_image,
            box_roi_pool=AlignedPyramidPooling(levels, 7),
            box_head=TwoMLPHead(pyramid * 7 * 7, config.box_channels),
            box_predictor=FastRCNNPredictor(config.box_channels, classes + 1),
            box_score_thresh=config.least_score,
            box_nms_thresh=config.detection_nms,
            box_batch_size_per_image=config.boxes_per_image,
            mask_roi_pool=AlignedPyramidPooling(levels, 14),
            mask_head=MaskRCNNHeads(pyramid, (config.mask_channels,) * 4, 1),
            mask_predictor=mask_predictor,
        )
    return network


def limit_detections(network: nn.Module, count: int) -> None:
    """Limits the number of detections for each image from now on; the best ones stay."""
    heads: Any = network.roi_heads
    heads.detections_per_img = count

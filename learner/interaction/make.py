"""Makes the learner of the interaction system for the configured model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from learner.checkpoint import load_model
from learner.core import LearnerCore
from learner.interaction.config import LearnerConfig
from learner.interaction.learner import Learner
from learner.interaction.video_pca import SoftMaskLearner
from models.interaction.build import build_network
from models.interaction.config import NetworkConfig
from models.interaction.mask_rcnn.config import MaskRcnnConfig
from models.interaction.video_pca.config import SoftMaskNetworkConfig
from replay.interaction.record import MAGNITUDES


@dataclass(frozen=True)
class MakeLearner:
    """See `learner.core.MakeLearner`.

    Args:
        network: the model.
        config: the learner's settings.
        seed: of the initial weights and the augmentation.
        priority_mode: how scores become priorities (`replay.mode`).
        image_score: how the IoUs of an image's masks become its score (`replay.image_score`).
        mass_classes: Mask R-CNN: whether the records carry true masks and mass classes.
        start_from: checkpoint whose weights to evaluate replace our network's initial weights; None: they stay.
    """

    network: NetworkConfig | MaskRcnnConfig
    config: LearnerConfig
    seed: int
    priority_mode: str
    image_score: str
    mass_classes: bool
    start_from: Path | None = None

    def __call__(self, device: torch.device) -> LearnerCore:
        """Makes the learner on a device."""
        if isinstance(self.network, MaskRcnnConfig):
            return self.mask_rcnn(self.network, device)
        kind = SoftMaskLearner if isinstance(self.network, SoftMaskNetworkConfig) else Learner
        network = build_network(self.network, self.seed)
        if self.start_from is not None:
            load_model(self.start_from, network)
        return kind(network, self.config, self.seed, device, self.priority_mode, self.image_score)

    def mask_rcnn(self, config: MaskRcnnConfig, device: torch.device) -> LearnerCore:
        """Makes the learner of Mask R-CNN."""
        from learner.interaction.mask_rcnn.learner import MaskRcnnLearner
        from models.interaction.mask_rcnn.network import build_mask_rcnn  # torchvision is optional

        assert self.config.mask_rcnn is not None
        network = build_mask_rcnn(config, MAGNITUDES if self.mass_classes else 1, self.seed)
        return MaskRcnnLearner(network, config, self.config.mask_rcnn, self.mass_classes, self.seed, device)

"""Makes the learner of the interaction system for the configured model."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from learner.interaction.config import LearnerConfig
from learner.interaction.learner import Learner
from learner.interaction.video_pca import SoftMaskLearner
from models.interaction.build import build_network
from models.interaction.config import NetworkConfig
from models.interaction.video_pca.config import SoftMaskNetworkConfig


@dataclass(frozen=True)
class MakeLearner:
    """See `learner.core.MakeLearner`.

    Args:
        network: the model.
        config: the learner's settings.
        seed: of the initial weights and the augmentation.
        priority_mode: how scores become priorities (`replay.mode`).
        image_score: how the IoUs of an image's masks become its score (`replay.image_score`).
    """

    network: NetworkConfig
    config: LearnerConfig
    seed: int
    priority_mode: str
    image_score: str

    def __call__(self, device: torch.device) -> Learner:
        """Makes the learner on a device."""
        kind = SoftMaskLearner if isinstance(self.network, SoftMaskNetworkConfig) else Learner
        network = build_network(self.network, self.seed)
        return kind(network, self.config, self.seed, device, self.priority_mode, self.image_score)

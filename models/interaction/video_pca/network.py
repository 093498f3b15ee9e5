"""Our network's trunk with a single head, the soft foreground mask (paper, supplement, "The videoPCA baseline")."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from models.interaction.network import InteractionNetwork, NetworkOutput
from models.interaction.video_pca.config import SoftMaskNetworkConfig
from replay.interaction.record import MAGNITUDES


class SoftMaskNetwork(InteractionNetwork):
    """Predicts one map: the sigmoid of its score is the soft mask. It predicts neither force nor embedding."""

    config: SoftMaskNetworkConfig

    def __init__(self, config: SoftMaskNetworkConfig) -> None:
        super().__init__(config)
        del self.force_head, self.embedding_head

    def heads(self, shared: Tensor) -> NetworkOutput:
        """Shared layer (B, 128, 100, 100) -> its score; force and embedding (one channel) are zero."""
        (score,) = functional.conv2d(shared, self.score_head.weight, self.score_head.bias).unbind(dim=1)
        nothing = torch.zeros((), device=shared.device)
        batch, *side = score.shape
        return NetworkOutput(score, nothing.expand(batch, MAGNITUDES, *side), nothing.expand(batch, 1, *side))

"""Makes the learner of hide and seek."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from learner.core import LearnerCore
from learner.hide_and_seek.config import LearnerConfig
from learner.hide_and_seek.learner import GameLearner
from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.network import build_network


@dataclass(frozen=True)
class MakeGameLearner:
    """See `learner.core.MakeLearner`.

    Args:
        network: the model.
        config: the learner's settings.
        seed: of the initial weights and of mental rollouts.
    """

    network: AgentConfig
    config: LearnerConfig
    seed: int

    def __call__(self, device: torch.device) -> LearnerCore:
        """Makes the learner on a device."""
        return GameLearner(build_network(self.network, self.seed), self.config, self.seed, device)

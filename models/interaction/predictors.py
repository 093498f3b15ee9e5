"""The predictor of each kind of model, with initial weights."""

from __future__ import annotations

from models.interaction.build import build_network
from models.interaction.config import NetworkConfig
from models.interaction.inference import Predictor
from models.interaction.mask_rcnn.config import MaskRcnnConfig
from models.interaction.mask_rcnn.inference import MaskRcnnPredictor
from replay.interaction.record import MAGNITUDES

AnyPredictor = Predictor | MaskRcnnPredictor
"""Both have the attribute `network`, and the methods `load` and `predict`."""


def build_predictor(
    config: NetworkConfig | MaskRcnnConfig, seed: int, only_class: int | None, confidence: str
) -> AnyPredictor:
    """Builds the model of a configuration with initial weights.

    Args:
        config: the group `models`.
        seed: of the weights.
        only_class: Mass class of all instances of a Mask R-CNN with one class; None: it predicts the mass classes. The
            other models always do, or never.
        confidence: `actors.confidence`; it has no effect on a Mask R-CNN.

    Raises:
        TorchvisionMissing: the model is Mask R-CNN, but torchvision is not installed.
    """
    if not isinstance(config, MaskRcnnConfig):
        return Predictor(build_network(config, seed), confidence=confidence)
    from models.interaction.mask_rcnn.network import build_mask_rcnn  # torchvision is optional

    network = build_mask_rcnn(config, MAGNITUDES if only_class is None else 1, seed)
    return MaskRcnnPredictor(network, config, only_class)

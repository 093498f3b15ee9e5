"""Builds the predictor of a checkpoint, for each kind of model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cluster.interaction.config import kind_of
from evaluation.interaction.config import BASELINE_CLASS
from learner.checkpoint import load_model
from learner.checkpoint_index import CheckpointError, read_index
from models.interaction.config import NetworkConfig
from models.interaction.inference import Predictor
from models.interaction.mask_rcnn.config import MaskRcnnConfig, MaskRcnnNetworkConfig
from models.interaction.predictors import AnyPredictor, build_predictor
from models.interaction.video_pca.config import SoftMaskConfig, SoftMaskNetworkConfig

INPUT_SETTINGS = ("normalize_input", "max_depth", "depth_edges")
"""Settings of a network that decide its input."""
MASS_CLASSES_KEY = "mass_classes"
"""Key of a Mask R-CNN checkpoint: whether its classes are the mass classes; otherwise it has one class."""


def trained_predictor(models: NetworkConfig, checkpoint: Path, confidence: str) -> tuple[AnyPredictor, dict[str, Any]]:
    """The model with a checkpoint's weights, and the checkpoint's index.

    The checkpoint determines Mask R-CNN, the videoPCA baseline, and the input settings of our network, which the shapes
    of the weights do not show.

    Args:
        models: settings of our network.
        checkpoint: its folder.
        confidence: `actors.confidence`.

    Raises:
        CheckpointError: see `learner.checkpoint.load_model`.
        TorchvisionMissing: the model is Mask R-CNN, but torchvision is not installed.
    """
    index = read_index(checkpoint)
    predictor = untrained_predictor(models, index, index["seed"], confidence)
    return loaded(predictor, checkpoint), index


def loaded(predictor: AnyPredictor, checkpoint: Path) -> AnyPredictor:
    """Loads a checkpoint's weights into a predictor and returns it."""
    load_model(checkpoint, predictor.network)
    if isinstance(predictor, Predictor):
        return Predictor(predictor.network, confidence=predictor.confidence)
    return predictor


def untrained_predictor(models: NetworkConfig, index: dict[str, Any], seed: int, confidence: str) -> AnyPredictor:
    """The model of a checkpoint with its initial weights.

    Args:
        models: settings of our network.
        index: of the checkpoint.
        seed: of the initial weights.
        confidence: `actors.confidence`.
    """
    network = index["network"]
    kind = kind_of(network)
    if kind == "mask_rcnn":
        # Older checkpoints keep it beside the network's settings.
        mass_classes = bool(network.get(MASS_CLASSES_KEY, index["extra"].get(MASS_CLASSES_KEY)))
        return build_predictor(mask_rcnn_config(network), seed, None if mass_classes else BASELINE_CLASS, confidence)
    config = soft_mask_config(network) if kind == "soft_mask" else with_inputs_of(index, models)
    return build_predictor(config, seed, None, confidence)


def with_inputs_of(index: dict[str, Any], models: NetworkConfig) -> NetworkConfig:
    """The settings with the checkpoint's input settings, which its weights need and overrides cannot change.

    Raises:
        CheckpointError: the checkpoint's settings are invalid.
    """
    network = index["network"]
    try:
        return replace(models, **{name: network.get(name, getattr(NetworkConfig, name)) for name in INPUT_SETTINGS})
    except (TypeError, ValueError) as error:
        raise CheckpointError(f'the checkpoint\'s "network" does not describe a network: {error}') from error


def soft_mask_config(network: dict[str, Any]) -> SoftMaskNetworkConfig:
    """The network settings in a checkpoint of models=video_pca.

    Raises:
        CheckpointError: they are invalid.
    """
    try:
        return SoftMaskNetworkConfig(**{**network, "soft_mask": SoftMaskConfig(**network["soft_mask"])})
    except (TypeError, ValueError) as error:
        raise CheckpointError(f'the checkpoint\'s "network" does not describe a soft-mask network: {error}') from error


def mask_rcnn_config(network: dict[str, Any]) -> MaskRcnnConfig:
    """The network settings in a checkpoint of models=mask_rcnn.

    Raises:
        CheckpointError: they are invalid.
        TorchvisionMissing: torchvision is not installed.
    """
    try:
        sizes = MaskRcnnNetworkConfig(**network["mask_rcnn"])
    except (TypeError, ValueError) as error:
        raise CheckpointError(f'the checkpoint\'s "network" does not describe a Mask R-CNN: {error}') from error
    # Older checkpoints name input settings that had no effect.
    inputs = {name: network[name] for name in INPUT_SETTINGS if "kind" in network and name in network}
    return MaskRcnnConfig(sizes, **inputs)

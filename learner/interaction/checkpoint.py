"""Loads a network of the interaction system from a checkpoint."""

from __future__ import annotations

from pathlib import Path

import torch

from learner.checkpoint import check_architecture, copy_into, read_tensors
from learner.checkpoint_index import INDEX, CheckpointError, read_index
from models.interaction.config import NetworkConfig
from models.interaction.network import InteractionNetwork


def load_network(folder: Path) -> InteractionNetwork:
    """Builds the network that the checkpoint's config describes, with its weights to evaluate.

    Raises:
        CheckpointError: as `load_model`, or its config does not describe a network.
    """
    index = read_index(folder)
    try:
        config = NetworkConfig(**index["network"])
        with torch.device("meta"):  # shapes without memory: a forged config cannot ask for more than the file holds
            sketch = InteractionNetwork(config)
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f'{Path(folder) / INDEX}: "network" does not describe a network: {error}') from error
    check_architecture(folder, index, sketch)
    tensors = read_tensors(folder, index, "model", index["architecture"])
    network = InteractionNetwork(config)
    copy_into(network, tensors)
    return network

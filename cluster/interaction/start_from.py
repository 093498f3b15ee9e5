"""`start_from` of `./playpen train`: a new run begins with the weights of another one."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from cluster.interaction.config import TrainConfig, kind_of
from cluster.run.checkpoints import find_checkpoint
from common.errors import UsageError
from learner.checkpoint_index import CheckpointError, read_index

MAY_DIFFER = ("batch_norm_momentum", "smooth_upsampling", "kind")
"""Settings of a network on which the meaning of its weights does not depend."""


def first_weights(config: TrainConfig) -> Path | None:
    """The checkpoint with whose weights a run begins; None if it begins with new ones or is resumed.

    Raises:
        UsageError: there is no such checkpoint.
    """
    if config.start_from is None or config.resume is not None:
        return None
    return find_checkpoint(config.start_from, "start_from")


def check_start(config: TrainConfig) -> None:
    """Refuses weights that are damaged or of another network than the run's.

    Raises:
        UsageError: one sentence that names the checkpoint.
    """
    checkpoint = first_weights(config)
    if checkpoint is None:
        return
    from learner.checkpoint import load_model  # imports torch, which no other check needs
    from models.interaction.build import build_network

    named = f"start_from={config.start_from}"
    if config.models.kind != "unet":
        raise UsageError(f"{named} needs models=interaction, whose weights it loads")
    try:
        network = read_index(checkpoint)["network"]
        if kind_of(network) != "unet" or "base_channels" not in network:
            raise UsageError(f"{named} holds no network of models=interaction")
        for field in fields(config.models):
            theirs, ours = network.get(field.name, field.default), getattr(config.models, field.name)
            if field.name not in MAY_DIFFER and theirs != ours:
                raise UsageError(f"{named} holds another network: models.{field.name} is {theirs} there, not {ours}")
        load_model(checkpoint, build_network(config.models, config.seed))
    except CheckpointError as error:
        raise UsageError(f"{named}: {error}") from error

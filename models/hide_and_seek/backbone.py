"""The encoder of a trained agent as a backbone for other tasks: pictures -> SIR.

    backbone = load_backbone("outputs/train/RUN")
    features = backbone(images)  # (N, 3, H, W) in [0, 1] -> (N, C, 7, 7)

docs/howto/backbone.md has an example with a head on top.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn.functional import interpolate

from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.encoder import Encoder
from models.hide_and_seek.perspective_config import PerspectiveConfig

INDEX = "learner.json"
"""File of a checkpoint that describes it."""
PREFIX = "agent.encoder."
"""Of the names of the encoder's tensors in a checkpoint."""


class BackboneError(RuntimeError):
    """A checkpoint cannot be read as an agent of hide and seek; the message names the file and the problem."""


class Backbone(nn.Module):
    """The encoder without the agent around it.

    Args:
        encoder: with its weights.
        config: of the agent.
        frozen: whether the weights get no gradients.
    """

    def __init__(self, encoder: Encoder, config: AgentConfig, frozen: bool) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(not frozen)
        self.image_size = config.image_size
        """S, to which pictures of other sizes are resized."""
        self.channels = config.sir_channels
        """C, channels of the SIR."""

    def forward(self, images: Tensor) -> Tensor:
        """Pictures to their static image representation.

        Args:
            images: (N, 3, H, W) float, RGB in [0, 1]. Other sizes than S x S are resized bilinearly, without regard to
                their proportions.

        Returns:
            (N, C, 7, 7), not negative.

        Raises:
            ValueError: the pictures have another shape or are not float.
        """
        if images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
            raise ValueError(
                f"images must be (N, 3, H, W) float in [0, 1], not {images.dtype} of shape {tuple(images.shape)}"
            )
        size = (self.image_size, self.image_size)
        if images.shape[2:] != size:
            images = interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)
        sir: Tensor = self.encoder(255 * images.permute(0, 2, 3, 1)).sir
        return sir


def load_backbone(path: str | Path, frozen: bool = True) -> Backbone:
    """Loads the encoder of a checkpoint.

    Args:
        path: a checkpoint's folder, its learner.json, or a run's folder: then its newest checkpoint.
        frozen: whether the weights get no gradients, for heads on top. False: for fine-tuning.

    Raises:
        BackboneError: there is no checkpoint, it is of another system, or it was changed after it was written.
    """
    folder = _checkpoint(Path(path))
    index = _index(folder)
    config = agent_config(index["network"], folder / INDEX)
    encoder = Encoder(config)
    encoder.load_state_dict(_tensors(folder, index, encoder))
    return Backbone(encoder, config, frozen)


def agent_config(values: Mapping[str, Any], where: str | Path) -> AgentConfig:
    """The sizes of an agent from the "network" of a checkpoint's index.

    Args:
        values: the fields.
        where: names the checkpoint in messages.

    Raises:
        BackboneError: the checkpoint is of another system, or of another version of the networks.
    """
    if values.get("kind") != "hide_and_seek":
        raise BackboneError(f"{where} is no agent of hide and seek: its kind is {values.get('kind')!r}")
    try:
        return AgentConfig(**{**values, "perspective": PerspectiveConfig(**values["perspective"])})
    except (KeyError, TypeError, ValueError) as error:
        raise BackboneError(f'{where}: "network" does not describe an agent of this version: {error}') from error


def _checkpoint(path: Path) -> Path:
    """The folder of the checkpoint that a path names."""
    folder = path.parent if path.name == INDEX else path
    if (folder / INDEX).is_file():
        return folder
    found = sorted(index.parent for index in folder.glob(f"checkpoints/step_*/{INDEX}"))
    if not found:
        raise BackboneError(f"{path} is neither a checkpoint folder nor a run folder that holds one")
    return found[-1]


def _index(folder: Path) -> dict[str, Any]:
    """The index of a checkpoint, with the fields that are needed."""
    path = folder / INDEX
    try:
        index: dict[str, Any] = json.loads(path.read_bytes())
        entry = index["files"]["model"]
        if not isinstance(index["network"], dict) or Path(entry["name"]).name != entry["name"]:
            raise TypeError("network must be an object, and files.model.name a plain name")
        return index
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackboneError(f"{path} is no index of a checkpoint: {error}") from error


def _tensors(folder: Path, index: Mapping[str, Any], encoder: Encoder) -> dict[str, Tensor]:
    """The encoder's tensors, of the right shapes."""
    entry = index["files"]["model"]
    path = folder / entry["name"]
    try:
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise BackboneError(f"{path} was changed after it was written: its SHA-256 is not the one in {INDEX}")
        tensors = safetensors.torch.load(data)
    except (OSError, SafetensorError, ValueError) as error:
        raise BackboneError(f"{path} cannot be read: {error}") from error
    found = {name.removeprefix(PREFIX): value for name, value in tensors.items() if name.startswith(PREFIX)}
    expected = {name: value.shape for name, value in encoder.state_dict().items()}
    if {name: value.shape for name, value in found.items()} != expected:
        raise BackboneError(f"{path} does not hold the encoder that {INDEX} describes")
    if not all(bool(torch.isfinite(value).all()) for value in found.values()):
        raise BackboneError(f"{path} holds NaN or infinity")
    return found

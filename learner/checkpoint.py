"""Checkpoints of the learner: two safetensors files and one JSON file in a folder.

    model-<sha256>.safetensors      the weights to evaluate (the moving average if it is on)
    training-<sha256>.safetensors   Adam's moments, and the weights being trained if those are not the model's
    learner.json                    format, architecture, configs, counters, and name, size and hash of the two

`learner.json` is written last and names the other two, so a folder holds either a complete checkpoint or none, even
when a checkpoint replaces another one. Loading does not unpickle anything.

An exported model, for use without training, is two files beside each other:

    NAME.safetensors   the weights to evaluate
    NAME.json          the same index, of which "files" has the weights alone
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import threading
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from common.files import atomic, sync_folder
from learner.checkpoint_index import (
    FORMAT,
    FORMAT_VERSION,
    INDEX,
    MODEL_FORMAT,
    CheckpointError,
    index_path,
    is_exported,
    read_index,
)
from learner.state import LearnerState
from models.weights import architecture, architecture_signature, float_state

ADAM = ("step", "exp_avg", "exp_avg_sq")
"""Adam's state of each parameter."""


def save_checkpoint(folder: Path, state: LearnerState, extra: dict[str, Any]) -> int:
    """Writes a checkpoint; the folder appears, or changes, atomically.

    Args:
        folder: made if necessary; a checkpoint in it is replaced, other files stay.
        state: from `Learner.get_state`.
        extra: JSON-able facts; `read_index` returns them under "extra".

    Returns:
        bytes written.

    Raises:
        CheckpointError: the disk is full, the folder is not writable, or weights are not finite; the folder's former
            content is intact.
    """
    folder = Path(folder)
    model, training = state.weights, dict(state.moments)
    if state.average is not None:
        model = state.average
        training |= {f"weights.{name}": value for name, value in state.weights.items()}
    for name, value in {**model, **training}.items():
        if not bool(torch.isfinite(value).all()):
            raise CheckpointError(f"checkpoint {folder} was not written: tensor '{name}' holds NaN or infinity")
    shapes = {name: list(value.shape) for name, value in model.items()}
    files = {}
    contents = {}
    for kind, tensors in (("model", model), ("training", training)):
        data = safetensors.torch.save(tensors)
        digest = hashlib.sha256(data).hexdigest()
        name = f"{kind}-{digest[:16]}.safetensors"
        files[kind] = {"name": name, "bytes": len(data), "sha256": digest}
        contents[name] = data
    index = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "signature": architecture_signature(shapes),
        "architecture": shapes,
        "network": state.network_config,
        "learner": state.learner_config,
        "version": state.version,
        "phase": state.phase,
        "orders": state.orders,
        "progress": state.progress,
        "seed": state.seed,
        "averaged": state.average is not None,
        "files": files,
        "extra": extra,
    }
    contents[INDEX] = json.dumps(index, indent=1).encode()  # last: the commit
    target = (
        folder if folder.exists() else folder.with_name(f".{folder.name}.{os.getpid()}-{threading.get_ident()}.partial")
    )
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, data in contents.items():
            with atomic(target / name, durable=True) as file:
                file.write(data)
        sync_folder(target)
        if target != folder:
            os.replace(target, folder)
            sync_folder(folder.parent)
        for old in folder.glob("*-*.safetensors"):
            if old.name.split("-")[0] in files and old.name not in contents:
                old.unlink()
    except OSError as error:
        if target != folder:
            shutil.rmtree(target, ignore_errors=True)
        raise CheckpointError(f"checkpoint {folder} could not be written: {error.strerror or error}") from error
    return sum(map(len, contents.values()))


def export_model(checkpoint: Path, path: Path, extra: dict[str, Any]) -> int:
    """Writes a checkpoint's weights to evaluate and its index as an exported model; files of that name are replaced.

    Args:
        checkpoint: its folder.
        path: of the safetensors file.
        extra: JSON-able facts for the index, instead of the checkpoint's.

    Returns:
        bytes of the weights' file.

    Raises:
        CheckpointError: as `load_model`; or the files cannot be written, and former ones are intact.
    """
    index = read_index(checkpoint)
    data = safetensors.torch.save(read_tensors(checkpoint, index, "model", index["architecture"]))
    entry = {"name": path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    index |= {"format": MODEL_FORMAT, "files": {"model": entry}, "extra": extra}
    index["architecture"] = index.pop("architecture")  # last, as it is long, and only programs read it
    try:
        # Both are on the disk before either is renamed. Should the process die in between, the hash tells.
        with atomic(index_path(path)) as described, atomic(path, durable=True) as weights:
            described.write(json.dumps(index, indent=1).encode())
            described.flush()
            os.fsync(described.fileno())
            weights.write(data)
        sync_folder(path.parent)
    except OSError as error:
        raise CheckpointError(f"{path} could not be written: {error.strerror or error}") from error
    return len(data)


def load_model(folder: Path, network: nn.Module) -> dict[str, Any]:
    """Loads only the weights to evaluate into `network`, in place.

    Args:
        folder: of the checkpoint, or the safetensors file of an exported model.
        network: gets the weights.

    Returns:
        the index, see `read_index`.

    Raises:
        CheckpointError: as `read_index`, or the network has another architecture, or the weights' file is missing,
            truncated, changed, or holds NaN.
    """
    index = read_index(folder)
    check_architecture(folder, index, network)
    copy_into(network, read_tensors(folder, index, "model", index["architecture"]))
    return index


def copy_into(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Overwrites the network's floating point state."""
    with torch.no_grad():
        for name, value in float_state(network).items():
            value.copy_(tensors[name])


def load_checkpoint(
    folder: Path, network: nn.Module, moments_of: Sequence[str] = ADAM, optimizers: Sequence[str] = ("",)
) -> LearnerState:
    """Loads the whole state, for a learner that trains `network`, which is only compared, not changed.

    Args:
        folder: the checkpoint's folder.
        network: a network of the same architecture.
        moments_of: PyTorch's names of an optimiser's state of each parameter.
        optimizers: a prefix of these names for each optimiser.

    Raises:
        CheckpointError: as `load_model`, for both files.
    """
    index = read_index(folder)
    check_architecture(folder, index, network)
    shapes: dict[str, list[int]] = index["architecture"]
    model = read_tensors(folder, index, "model", shapes)
    parameters = {name: list(value.shape) for name, value in network.named_parameters()}
    raw = {f"weights.{name}": shape for name, shape in shapes.items()} if index["averaged"] else {}
    moments = {
        f"{optimizer}{key}.{name}": [] if key == "step" else shape
        for name, shape in parameters.items()
        for optimizer in optimizers
        for key in moments_of
    }
    training = read_tensors(folder, index, "training", raw, optional=moments)
    for name, optimizer in product(parameters, optimizers):
        if len({f"{optimizer}{key}.{name}" in training for key in moments_of}) > 1:
            raise CheckpointError(f"checkpoint {folder} holds only a part of Adam's moments of '{name}'")
    return LearnerState(
        weights={name: training.pop(f"weights.{name}") for name in shapes} if index["averaged"] else model,
        average=model if index["averaged"] else None,
        moments=training,
        version=index["version"],
        phase=index["phase"],
        orders=index["orders"],
        progress=index["progress"],
        seed=index["seed"],
        network_config=index["network"],
        learner_config=index["learner"],
    )


def check_architecture(folder: Path, index: dict[str, Any], network: nn.Module) -> None:
    """Raises CheckpointError, naming the first difference, if the network has another architecture."""
    theirs, ours = index["architecture"], architecture(network)
    for name in sorted(theirs.keys() | ours.keys()):
        if theirs.get(name) != ours.get(name):
            there, here = (f"shape {shapes[name]}" if name in shapes else "absent" for shapes in (theirs, ours))
            raise CheckpointError(
                f"checkpoint {folder} belongs to another model: '{name}' is {there} there, but {here} in the "
                "configured models group"
            )


def read_tensors(
    folder: Path,
    index: dict[str, Any],
    kind: str,
    required: dict[str, list[int]],
    optional: dict[str, list[int]] | None = None,
) -> dict[str, Tensor]:
    """Reads a file's float32 tensors: all `required` and some `optional` ones, finite and of the right shapes."""
    entry = index["files"][kind]
    path = folder if is_exported(folder) else folder / entry["name"]
    allowed = required | (optional or {})
    # Four bytes for each number; safetensors' header takes less than a kilobyte for each tensor.
    max_bytes = sum(4 * math.prod(shape) + 1024 for shape in allowed.values()) + 1024
    try:
        size = path.stat().st_size
        if size != entry["bytes"] or size > max_bytes:
            raise CheckpointError(f"{path} has {size} bytes, not the {entry['bytes']} it was written with or too many")
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise CheckpointError(
            f"{path} was changed after it was written: its SHA-256 is not the one in {index_path(folder).name}"
        )
    try:
        tensors = safetensors.torch.load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} is not a safetensors file: {error}") from error
    for name in required:
        if name not in tensors:
            raise CheckpointError(f"{path} lacks the tensor '{name}'")
    for name, value in tensors.items():
        if name not in allowed:
            raise CheckpointError(f"{path} holds an unexpected tensor '{name}'")
        if value.dtype != torch.float32 or list(value.shape) != allowed[name]:
            raise CheckpointError(
                f"{path}: tensor '{name}' must be float32 of shape {allowed[name]}, "
                f"not {str(value.dtype).removeprefix('torch.')} of shape {list(value.shape)}"
            )
        if not bool(torch.isfinite(value).all()):
            raise CheckpointError(f"{path}: tensor '{name}' holds NaN or infinity")
    return tensors

"""Reads and checks the index of a checkpoint (learner/checkpoint.py), without importing torch.

A checkpoint is a folder with `learner.json`, or an exported model: one safetensors file with a JSON file beside it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

FORMAT = "playpen learner"
MODEL_FORMAT = "playpen model"
"""Format of an exported model: the index of a checkpoint without the state of training."""
FORMAT_VERSION = 1
INDEX = "learner.json"
MODEL_SUFFIX = ".safetensors"
"""Ending of the path of an exported model."""
_MAX_INDEX_BYTES = 16 * 2**20

Value = TypeVar("Value")


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written or read; the message names the file and the problem."""


def is_exported(checkpoint: Path) -> bool:
    """Whether the path of a checkpoint names an exported model instead of a folder."""
    return checkpoint.suffix == MODEL_SUFFIX


def index_path(checkpoint: Path) -> Path:
    """The index of a checkpoint: in its folder, or beside the file of an exported model."""
    return checkpoint.with_suffix(".json") if is_exported(checkpoint) else checkpoint / INDEX


def read_index(checkpoint: Path) -> dict[str, Any]:
    """Reads the index of a checkpoint and checks the types of all fields that loading needs.

    Args:
        checkpoint: its folder, or the safetensors file of an exported model.

    Raises:
        CheckpointError: the index is missing, too large, not JSON, of another format, or lacks a field.
    """
    exported = is_exported(Path(checkpoint))
    path = index_path(Path(checkpoint))
    wanted = MODEL_FORMAT if exported else FORMAT
    try:
        if path.stat().st_size > _MAX_INDEX_BYTES:
            raise CheckpointError(f"{path} is no checkpoint index: it is larger than {_MAX_INDEX_BYTES} bytes")
        index = json.loads(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read, so there is no checkpoint: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not JSON: it is truncated or was changed") from error
    if not isinstance(index, dict) or index.get("format") != wanted:
        what = "exported model" if exported else "learner checkpoint"
        raise CheckpointError(f'{path} is no {what}: "format" must be "{wanted}"')
    if index.get("format_version") != FORMAT_VERSION:
        raise CheckpointError(
            f"{path} has format_version {index.get('format_version')!r}, but this program reads {FORMAT_VERSION}"
        )
    if "orders" not in index and type(index.get("force_head_only")) is bool:
        index["orders"] = {
            "force_head_only": index["force_head_only"]
        }  # written before orders had a field of their own
    for name, kind in {
        "architecture": dict, "network": dict, "learner": dict, "version": int, "phase": str, "orders": dict,
        "progress": float, "seed": int, "averaged": bool, "files": dict, "extra": dict,
    }.items():  # fmt: skip
        _field(index, name, kind, path)
    for name, shape in index["architecture"].items():
        if not isinstance(shape, list) or not all(type(side) is int and side >= 0 for side in shape):
            raise CheckpointError(f"{path}: architecture.{name} must be a list of whole numbers")
    if index["version"] < 0 or index["seed"] < 0 or not 0 <= index["progress"] <= 1:
        raise CheckpointError(f"{path}: version and seed must not be negative, and progress must be in [0, 1]")
    for part in ("model",) if exported else ("model", "training"):
        entry = _field(index["files"], part, dict, path)
        _field(entry, "name", str, path)
        _field(entry, "bytes", int, path)
        _field(entry, "sha256", str, path)
        if Path(entry["name"]).name != entry["name"] or not entry["name"].endswith(".safetensors"):
            raise CheckpointError(f"{path}: files.{part}.name must be the plain name of a .safetensors file")
    return index


def _field(values: dict[str, Any], name: str, kind: type[Value], path: Path) -> Value:
    """Returns a field; raises CheckpointError unless it has type `kind` (integers count as floats, bools do not)."""
    value = values.get(name)
    if kind is float and type(value) is int:
        value = values[name] = float(value)
    if type(value) is not kind:
        raise CheckpointError(f'{path}: "{name}" must be of type {kind.__name__}, not {type(value).__name__}')
    return value

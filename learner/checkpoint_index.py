"""Reads and checks `learner.json` of a checkpoint (learner/checkpoint.py), without importing torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

FORMAT = "playpen learner"
FORMAT_VERSION = 1
INDEX = "learner.json"
_MAX_INDEX_BYTES = 16 * 2**20

Value = TypeVar("Value")


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written or read; the message names the file and the problem."""


def read_index(folder: Path) -> dict[str, Any]:
    """Reads `learner.json` and checks the types of all fields that loading needs.

    Raises:
        CheckpointError: the file is missing, too large, not JSON, of another format, or lacks a field.
    """
    path = Path(folder) / INDEX
    try:
        if path.stat().st_size > _MAX_INDEX_BYTES:
            raise CheckpointError(f"{path} is no checkpoint index: it is larger than {_MAX_INDEX_BYTES} bytes")
        index = json.loads(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read, so there is no checkpoint: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not JSON: it is truncated or was changed") from error
    if not isinstance(index, dict) or index.get("format") != FORMAT:
        raise CheckpointError(f'{path} is no learner checkpoint: "format" must be "{FORMAT}"')
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
    for part in ("model", "training"):
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

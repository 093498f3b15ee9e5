"""Reads typed values, such as dataclasses, back from the plain ones of JSON, and checks them.

`dataclasses.asdict` and JSON write dataclasses and mappings as objects, tuples as arrays, and enumerations as their
values. The annotations say what each was.
"""

from __future__ import annotations

import base64
import binascii
import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from common.errors import UsageError

_NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def read_json(path: Path) -> Any:
    """The plain values in a JSON file.

    Raises:
        UsageError: the file cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is not JSON: {error}") from None


def from_plain(kind: Any, value: Any, where: str) -> Any:
    """Converts a plain value to an annotated type.

    Args:
        kind: int, float, str, bool, bytes, an enumeration, a dataclass, a NamedTuple, or tuple[...], dict[...] and
            Optional of these.
        value: from JSON.
        where: names the value in messages.

    Raises:
        UsageError: one sentence that names the part that is missing, unknown or of another type.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        (kind,) = (one for one in inner if one is not type(None))
        return from_plain(kind, value, where)
    if origin is tuple:
        values = _list(value, where, None if inner[-1] is Ellipsis else len(inner))
        kinds = [inner[0]] * len(values) if inner[-1] is Ellipsis else inner
        return tuple(
            from_plain(one, item, f"{where}[{i}]") for i, (one, item) in enumerate(zip(kinds, values, strict=True))
        )
    if origin is dict:
        if not isinstance(value, Mapping):
            raise _wrong(where, "an object with fields", value)
        return {
            _key(inner[0], name, where): from_plain(inner[1], item, f"{where}['{name}']")
            for name, item in value.items()
        }
    if isinstance(kind, type) and issubclass(kind, Enum):
        if isinstance(value, bool) or value not in [one.value for one in kind]:
            raise _wrong(where, f"one of {', '.join(str(one.value) for one in kind)}", value)
        return kind(value)
    if is_dataclass(kind):
        return _dataclass(kind, value, where)
    if isinstance(kind, type) and issubclass(kind, tuple):  # a NamedTuple
        hints = _hints(kind)
        values = _list(value, where, len(hints))
        return kind(
            *(from_plain(one, item, f"{where}.{name}") for (name, one), item in zip(hints.items(), values, strict=True))
        )
    if kind is bytes:
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            raise _wrong(where, "base64", value) from None
    accepted = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(where, _NAMES[kind], value)
    if kind is float and not abs(value) < float("inf"):
        raise _wrong(where, "a finite number", value)
    return kind(value)


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(where, "an object with fields", value)
    hints = _hints(kind)
    for name in value:
        if name not in hints:
            raise UsageError(f"{where} has an unknown field '{name}'; the fields are {', '.join(hints)}")
    for one in fields(kind):
        if one.name not in value and one.default is MISSING and one.default_factory is MISSING:
            raise UsageError(f"{where} lacks the field '{one.name}'")
    read = {name: from_plain(hints[name], item, f"{where}.{name}") for name, item in value.items()}
    try:
        return kind(**read)
    except ValueError as error:  # of the dataclass's own checks
        raise UsageError(f"{where}: {error}") from None


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _key(kind: Any, name: str, where: str) -> Any:
    if kind is int:
        if not name.isdecimal():
            raise UsageError(f"{where} must be by whole numbers, not '{name}'")
        return int(name)
    return from_plain(kind, name, f"a name in {where}")


def _list(value: Any, where: str, length: int | None) -> list[Any]:
    if not isinstance(value, (list, tuple)) or (length is not None and len(value) != length):
        raise _wrong(where, "a list" if length is None else f"a list of {length} values", value)
    return list(value)


def _wrong(where: str, right: str, value: Any) -> UsageError:
    return UsageError(f"{where} must be {right}, not {short(value)}")


def short(value: Any) -> str:
    """A value for a message, at most 60 characters long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

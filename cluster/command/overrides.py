"""Overrides: conversion of shell arguments to Hydra's grammar."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from common.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "conf"

PATHS = frozenset(
    {
        "checkpoint", "depth", "evaluation.dataset.folder", "evaluation.test_file", "evaluation.train_file", "folder",
        "hydra.run.dir", "hydra.sweep.dir", "image", "output", "places", "record", "resume", "simulator.build_path",
        "start_from",
    }
)  # fmt: skip
"""Keys whose value is a path, which is taken literally."""
PATH_LISTS = frozenset({"learner.mask_rcnn.records", "runs"})
"""Keys whose value is a list of paths."""
MAX_NAME_BYTES = 120
"""Maximum length of a name from `file_name`: file systems allow 255 bytes, and a number is put before it."""


def file_name(text: str) -> str:
    """Turns overrides into a folder name without separators, quotes or spaces, of at most `MAX_NAME_BYTES`."""
    plain = re.sub(r"[^\w.,=+-]+", "_", str(text).replace("'", "").replace('"', ""))
    return plain.encode()[:MAX_NAME_BYTES].decode(errors="ignore")


def shipped(path: str) -> str | None:
    """The path of a file that ships with the repository, whatever the working folder is; None if it is absent."""
    found = ROOT / path
    return str(found) if found.is_file() else None


# Registered at import, because a Ray worker of a sweep's launcher imports this module and resolves folder names.
OmegaConf.register_new_resolver("file_name", file_name, replace=True)
OmegaConf.register_new_resolver("shipped", shipped, replace=True)


def parse(parser: Any, override: str) -> Any:
    """Parses one override.

    Raises:
        UsageError: it is not of the form KEY=VALUE.
    """
    from hydra.errors import HydraException

    key = override.split("=")[0].lstrip("+~")
    try:
        if not key or ("=" not in override and not override.startswith("~")):
            raise HydraException
        return parser.parse_override(override)
    except HydraException as error:
        raise UsageError(f"'{override}' is not an override; write KEY=VALUE") from error


def hydra_overrides(arguments: Sequence[str]) -> list[str]:
    """Converts shell arguments to overrides in Hydra's grammar.

    In Hydra's grammar a value with `=`, commas, brackets, quotes or characters outside ASCII must be quoted twice, for
    the shell and for Hydra. Here a path is taken literally, and so is any other value that the grammar cannot parse.
    The grammar parses a path only if no file has that name and the value is null, quoted, an interpolation or (with -m)
    a list.

    Args:
        arguments: flags and overrides, as in `sys.argv`.

    Returns:
        the arguments, with values quoted where Hydra needs it.

    Raises:
        UsageError: an argument is not valid UTF-8.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser = OverridesParser.create()
    flagged = any(argument in ("-m", "--multirun") for argument in arguments)

    def understood(text: str) -> bool:
        try:
            parser.parse_override(text)
        except HydraException:
            return False
        return True

    def converted(argument: str) -> str:
        try:
            argument.encode("utf-8")
        except UnicodeEncodeError as error:
            raise UsageError(f"{argument!r} is not valid UTF-8; rename the file or folder that it names") from error
        key, equals, value = argument.partition("=")
        name = key.lstrip("+")
        if not equals or not value or not name or argument.startswith(("-", "~")):
            return argument
        exists = os.path.lexists(value)
        if name in PATH_LISTS and (exists or not understood(argument)):
            inner = value if exists else value.removeprefix("[").removesuffix("]")
            paths = [inner] if exists or inner == value else inner.split(",")
            return f"{key}=[{','.join(quoted(path.strip()) for path in paths)}]"
        if name in PATHS and (exists or not (value == "null" or _of_the_grammar(value, flagged))):
            return f"{key}={quoted(value)}"
        if understood(argument):
            return argument
        return f"{key}={quoted(value, interpolated=name in PATHS and not exists)}"

    return [converted(argument) for argument in arguments]


def _of_the_grammar(value: str, several: bool) -> bool:
    """Whether the value of a path is meant for Hydra's grammar; `several`: with -m."""
    in_quotes = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return in_quotes or "${" in value or (several and ("," in value or "(" in value))


def quoted(path: str | Path, interpolated: bool = False) -> str:
    """Quotes a path for Hydra's grammar; `interpolated` keeps the meaning of `${...}` in it."""
    from hydra.core.override_parser.types import Quote, QuotedString

    text = str(path)
    return QuotedString(text if interpolated else escaped(text), Quote.single).with_quotes()


def escaped(text: str) -> str:
    """Escapes `${` so that OmegaConf does not interpolate it."""
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", text)


def save_config(config: Any, path: Path) -> None:
    """Writes a configuration as YAML, such that `OmegaConf.load` returns the same values.

    Args:
        config: a dataclass.
        path: of the file.
    """

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        return escaped(value) if isinstance(value, str) else value

    OmegaConf.save(OmegaConf.create(plain(asdict(config))), path)


def multirun(arguments: Sequence[str]) -> bool:
    """Whether a command's arguments ask for several runs; `hydra.mode=RUN` overrides that."""
    asked = any(argument in ("-m", "--multirun") or argument.startswith("sweep=") for argument in arguments)
    return (asked or "hydra.mode=MULTIRUN" in arguments) and "hydra.mode=RUN" not in arguments

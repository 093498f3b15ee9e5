"""The identity of a run: what of its configuration tells it apart from others.

Configurations grow: a new version of this program adds values. Every value that is added gets the default in its
dataclass that older runs had, so an older configuration means the same as a newer one with that default. Values that
equal their default are therefore no part of a run's identity, and runs of older versions still match.

`schema_version` counts the changes that no default can express, such as a renamed value; `MIGRATIONS` turns an older
configuration into the next version's, and so do the system's own `migrations`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from cluster.run.config import plain_values
from cluster.run.system import Migration
from cluster.systems import find
from common.errors import UsageError

SCHEMA_VERSION = 3
"""Version of the configurations that this program writes."""
MIGRATIONS: dict[int, Migration] = {
    1: lambda values: {**values, "system": "interaction"},  # the only system that there was
    2: dict,  # the systems' own changes
}
"""By version: makes the configuration of the next version."""
NOT_IN_IDENTITY = (
    "experiment_name", "resume", "checkpoint_minutes", "checkpoints_kept", "keep_bank", "tracking", "cluster",
    "schema_version",
)  # fmt: skip
"""Parts of a configuration that do not change what is learned. The number of actors does, so `run_key` adds it."""


LATER_OPTIONS = {"inside_share": 0.15, "spare_objects": False}
"""Option of the embedded simulator that older runs do not have -> the value that agrees with them."""


def check_version(config: Any) -> None:
    """Refuses a configuration whose `schema_version` an override changed.

    Raises:
        UsageError: it is not this program's version.
    """
    if config.schema_version != SCHEMA_VERSION:
        raise UsageError(f"schema_version is {SCHEMA_VERSION} and cannot be changed; remove the override")


def migrated(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A saved configuration in the form of this program's version.

    Args:
        values: the configuration as plain values; without `schema_version` it is of version 1.
        where: names the file in errors.

    Raises:
        UsageError: it was written by a newer version of this program.
    """
    found = dict(values)
    version = found.get("schema_version", 1)
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        raise UsageError(
            f"{where}: schema_version must be 1 to {SCHEMA_VERSION}, not {version}; a newer version of this program "
            "wrote it, which you need to use it"
        )
    for number in range(version, SCHEMA_VERSION):
        found = MIGRATIONS[number](found)
        if migrate := find(str(found["system"])).migrations.get(number):
            found = migrate(found)
    return found | {"schema_version": SCHEMA_VERSION}


def run_key(values: Mapping[str, Any], schema: type) -> str:
    """A short name of a configuration; equal for runs that differ in nothing that matters.

    Args:
        values: migrated, as plain values.
        schema: dataclass of the configuration.
    """
    kept = {name: value for name, value in without_defaults(values, schema).items() if name not in NOT_IN_IDENTITY}
    simulator = kept.get("simulator")
    if isinstance(simulator, Mapping) and isinstance(simulator.get("options"), Mapping):
        # Options have no dataclass that could hold their defaults.
        options = {key: value for key, value in simulator["options"].items() if LATER_OPTIONS.get(key, ...) != value}
        kept["simulator"] = {**simulator, "options": options}
    kept["actors_at_work"] = (values.get("cluster") or {}).get("actors")
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:12]


def key_of(config: Any) -> str:
    """`run_key` of a configuration in use."""
    values = plain_values(config)
    return run_key(values, find(config.system).schema_of(values))


def without_defaults(values: Mapping[str, Any], schema: type) -> dict[str, Any]:
    """Plain values of a configuration, less those that equal the default of their field; unknown keys stay."""
    kept: dict[str, Any] = {}
    types = field_types(schema)
    for name, value in values.items():
        kind, default = types.get(name, (Any, dataclasses.MISSING))
        if isinstance(value, Mapping):
            inner = get_args(kind)[1] if get_origin(kind) is dict else kind
            if dataclasses.is_dataclass(inner) and isinstance(inner, type):
                if get_origin(kind) is dict:
                    value = {key: without_defaults(item, inner) for key, item in value.items()}
                else:
                    value = without_defaults(value, inner)
                    if not value and default is not dataclasses.MISSING:
                        continue
        if default is dataclasses.MISSING or value != default:
            kept[name] = value
    return kept


@cache
def field_types(schema: type) -> dict[str, tuple[Any, Any]]:
    """Type and default of each field of a dataclass; `dataclasses.MISSING` for no default."""
    hints = get_type_hints(schema)
    found = {}
    for field in dataclasses.fields(schema):
        default: Any = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        found[field.name] = (hints[field.name], default)
    return found

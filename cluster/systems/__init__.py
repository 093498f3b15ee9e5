"""The systems that run on the chassis. Each has a module here that composes it."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from hydra.core.config_store import ConfigStore

from cluster.run.system import System
from common.errors import UsageError

NAMES = ("interaction",)
DEFAULT = "interaction"


def find(name: str) -> System:
    """The system with a name.

    Raises:
        UsageError: there is no such system.
    """
    if name not in NAMES:
        raise UsageError(f"system must be one of {', '.join(NAMES)}, not '{name}'")
    system: System = importlib.import_module(f"cluster.systems.{name}").SYSTEM
    return system


def chosen(overrides: Sequence[str]) -> System:
    """The system that the override `system=NAME` chooses, or the default."""
    names = [text.partition("=")[2] for text in overrides if text.startswith("system=")]
    return find(names[-1] if names else DEFAULT)


def register() -> None:
    """Registers all schemas with Hydra; see `Command.config` and `System.variants`."""
    store = ConfigStore.instance()
    for name in NAMES:
        system = find(name)
        for entry in system.commands.values():
            store.store(name=f"{entry.config}_schema", node=entry.schema)
        for group, variants in system.variants.items():
            for variant, schema in variants.items():
                store.store(group=group, name=f"{variant}_schema", node=schema)

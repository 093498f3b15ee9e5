"""The systems that run on the chassis. Each has a module here that composes it."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from hydra.core.config_store import ConfigStore

from cluster.run.system import Commands, System
from common.errors import UsageError

NAMES = ("interaction", "hide_and_seek")
DEFAULT = "interaction"


def commands_of(name: str) -> Commands:
    """The system with a name, of which only its commands are known.

    Raises:
        UsageError: there is no such system.
    """
    if name not in NAMES:
        raise UsageError(f"system must be one of {', '.join(NAMES)}, not '{name}'")
    system: Commands = importlib.import_module(f"cluster.systems.{name}").SYSTEM
    return system


def find(name: str) -> System:
    """The system with a name, if it can be trained.

    Raises:
        UsageError: there is no such system, or it cannot be trained.
    """
    system: System = with_command(name, "train")  # type: ignore[assignment]
    return system


def with_command(name: str, command: str) -> Commands:
    """The system with a name, if it has a command.

    Raises:
        UsageError: there is no such system, or it does not have the command.
    """
    system = commands_of(name)
    if command not in system.commands:
        missing = "cannot be trained yet" if command == "train" else f"has no command '{command}'"
        raise UsageError(f"system={name} {missing}; its commands are {', '.join(sorted(system.commands))}")
    return system


def chosen_name(overrides: Sequence[str], command: str = "train") -> str:
    """The name in the override `system=NAME`, or else the default system, or the first that has the command."""
    names = [text.partition("=")[2] for text in overrides if text.startswith("system=")]
    if names:
        return names[-1]
    return next(
        (name for name in (DEFAULT, *NAMES) if command in commands_of(name).commands),
        DEFAULT,
    )


def chosen(overrides: Sequence[str]) -> System:
    """The system that is trained: that of the override `system=NAME`, or the default."""
    return find(chosen_name(overrides))


def register() -> None:
    """Registers all schemas with Hydra; see `Command.config` and `Commands.variants`."""
    store = ConfigStore.instance()
    for name in NAMES:
        system = commands_of(name)
        for entry in system.commands.values():
            store.store(name=f"{entry.config}_schema", node=entry.schema)
        for group, variants in system.variants.items():
            for variant, schema in variants.items():
                store.store(group=group, name=f"{variant}_schema", node=schema)

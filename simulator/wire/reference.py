"""The list of actions and arguments in Markdown, made from the declarations that also check the client's arguments.

`python -m simulator --actions` prints it; docs/simulator.md holds a copy.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin

from simulator.wire.actions import ACTIONS
from simulator.wire.arguments import AS_INITIALIZED, FREE, FREE_FLAGS, ONLY, Angles, Vector, parameters_of

KINDS: dict[Any, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Vector: "{x, y, z}",
    Angles: "{x, y, z} in degrees, or a number about the vertical",
}


def describe_actions() -> str:
    """Two Markdown tables: the keywords of every action, and one row for each action."""
    shared = [
        f"| {_names(FREE)} | any number or text |",
        f"| {_names(FREE_FLAGS)} | true or false |",
        f"| {_names(AS_INITIALIZED)} | the value that Initialize set |",
        *(f"| `{name}` | {_value(value)} |" for name, value in ONLY.items()),
    ]
    rows = [
        f"| `{name}` | {_parameters(entry.function)} | {_only(entry.only)} | {_summary(entry.function)} |"
        for name, entry in sorted(ACTIONS.items())
    ]
    return "\n".join(
        [
            "| with any action | accepted |",
            "|---|---|",
            *shared,
            "",
            "| action | arguments (= default) | accepted with this value alone | what it does |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def _names(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _value(value: Any) -> str:
    return f"`{json.dumps(value)}`"


def _only(only: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}` {_value(value)}" for name, value in only.items())


def _parameters(function: Callable[..., Any]) -> str:
    """Name, type and default of each argument."""
    defaults = {name: one.default for name, one in inspect.signature(function).parameters.items()}
    described = []
    for name, (kind, _, required) in parameters_of(function).items():
        listed = f"list of {KINDS[get_args(kind)[0]]}" if get_origin(kind) is list else KINDS[kind]
        described.append(f"`{name}`: {listed}" + ("" if required else f" = {_value(defaults[name])}"))
    return "; ".join(described)


def _summary(function: Callable[..., Any]) -> str:
    """The first paragraph of a function's docstring as one line."""
    return " ".join(inspect.getdoc(function).split("\n\n")[0].split())  # type: ignore[union-attr]

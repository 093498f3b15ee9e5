"""Arguments of actions: from JSON to typed values, with AI2-THOR's error codes for what does not fit.

An action is a function whose keyword parameters are annotated with one of `bool`, `int`, `float`, `str`, `Vector`,
`Angles` or one of them `| None`. A parameter without a default must be sent.
"""

from __future__ import annotations

import inspect
import math
import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

from simulator.environment import ActionFailed, Environment

MISSING, INVALID = "MissingArguments", "InvalidArgument"
shown = reprlib.repr
"""A client's value in a message: cut short, however long or deep it is."""

COMMON = frozenset(
    {
        "action", "sequenceId", "agentId", "renderImage", "visibilityDistance", "renderInstanceSegmentation",
        "renderObjectImage", "renderSemanticSegmentation", "renderClassImage", "fastActionEmit", "simplifyPhysics",
    }
)  # fmt: skip
"""Keywords that the client or AI2-THOR allow with any action."""


@dataclass(frozen=True)
class Vector:
    """Three numbers of Unity's frame; those not sent are 0."""

    x: float
    y: float
    z: float


@dataclass(frozen=True)
class Angles(Vector):
    """Euler angles in degrees; a plain number is the one about the vertical."""


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ActionFailed(f"The argument '{name}' must be a number, not {shown(value)}.", INVALID)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ActionFailed(f"The argument '{name}' must be a finite number, not {shown(value)}.", INVALID)
    return number


def _vector(name: str, value: Any, kind: type[Vector]) -> Vector:
    if kind is Angles and not isinstance(value, dict):
        return Angles(0.0, _number(name, value), 0.0)
    if not isinstance(value, dict) or not value or not set(value) <= {"x", "y", "z"}:
        raise ActionFailed(f"The argument '{name}' must be an object with x, y and z, not {shown(value)}.", INVALID)
    return kind(*(_number(f"{name}.{axis}", value.get(axis, 0.0)) for axis in "xyz"))


def _convert(name: str, value: Any, kind: type) -> Any:
    if kind is float:
        return _number(name, value)
    if kind is int:
        number = _number(name, value)
        if number != int(number):
            raise ActionFailed(f"The argument '{name}' must be a whole number, not {shown(value)}.", INVALID)
        return value if isinstance(value, int) else int(number)
    if kind in (bool, str):
        if not isinstance(value, kind):
            wanted = "true or false" if kind is bool else "a string"
            raise ActionFailed(f"The argument '{name}' must be {wanted}, not {shown(value)}.", INVALID)
        return value
    return _vector(name, value, kind)


@cache
def parameters_of(function: Callable[..., Any]) -> dict[str, tuple[type, bool, bool]]:
    """Name → (type, whether it may be null, whether it must be sent) of an action's arguments."""
    hints = get_type_hints(function)
    found = {}
    for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
        kinds = [kind for kind in (get_args(hints[name]) or (hints[name],)) if kind is not type(None)]
        found[name] = (kinds[0], len(kinds) < len(get_args(hints[name])), parameter.default is inspect.Parameter.empty)
    return found


def call(function: Callable[..., Any], environment: Environment, action: dict[str, Any], strict: bool) -> Any:
    """Calls an action's function with the arguments that the client sent.

    Args:
        function: function(environment, *, arguments...).
        environment: what it acts on.
        action: the client's JSON object.
        strict: whether arguments that the function does not have are an error; else they are ignored.

    Raises:
        ActionFailed: with MissingArguments or InvalidArgument.
    """
    name, parameters = action["action"], parameters_of(function)
    arguments = {}
    for key, (kind, nullable, required) in parameters.items():
        if action.get(key) is not None:
            arguments[key] = _convert(key, action[key], kind)
        elif required:
            raise ActionFailed(
                f"The action '{name}' needs the argument '{key}'; it takes {', '.join(parameters)}.", MISSING
            )
        elif key in action and not nullable:
            raise ActionFailed(f"The argument '{key}' must not be null.", INVALID)
    unknown = sorted(set(action) - set(parameters) - COMMON) if strict else []
    if unknown:
        takes = f"takes {', '.join(parameters)}" if parameters else "takes no arguments"
        raise ActionFailed(f"The action '{name}' has no argument {shown(unknown[0])}; it {takes}.", INVALID)
    return function(environment, **arguments)

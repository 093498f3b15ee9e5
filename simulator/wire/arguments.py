"""Arguments of actions: converts them from JSON to typed values and refuses wrong ones with AI2-THOR's error codes.

An action is a function whose keyword parameters are annotated with `bool`, `int`, `float`, `str`, `Vector` or `Angles`,
a `list` of one of them, or one of these `| None`. A parameter without a default must be sent. Any other argument is
refused unless it has the value that means "off", so that no client relies on an effect that does not happen.
`simulator.wire.reference` writes the documentation from the same declarations.
"""

from __future__ import annotations

import inspect
import json
import math
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from simulator.wire.environment import ActionFailed, Environment

MISSING, INVALID = "MissingArguments", "InvalidArgument"
shown = reprlib.repr
"""Shortens a client's value, however long or deep it is, for a message."""

FREE = ("action", "sequenceId")
"""Keywords of every message: the action's name and the client's sequence number."""
FREE_FLAGS = ("renderImage", "fastActionEmit")
"""Keywords that may be true or false with any action. The first sets whether the reply has images; the second is a hint
to the Unity build that changes no reply."""
AS_INITIALIZED = {
    "visibilityDistance": "visibility_distance",
    "renderInstanceSegmentation": "instances",
    "renderObjectImage": "instances",
    "renderNormalsImage": "normals",
}
"""Keyword that AI2-THOR allows with any action -> the field of `View` that it must agree with."""
ONLY: dict[str, Any] = {
    "agentId": 0,
    "renderSemanticSegmentation": False,
    "renderClassImage": False,
    "renderFlowImage": False,
    "simplifyPhysics": False,
}
"""Keyword that AI2-THOR allows with any action and this simulator does not implement -> the only accepted value, which
means "off"."""

MAX_LIST = 10_000
"""Largest number of entries of a list."""


@dataclass(frozen=True)
class Vector:
    """A vector in Unity's frame; components that are not sent are 0."""

    x: float
    y: float
    z: float


@dataclass(frozen=True)
class Angles(Vector):
    """Euler angles in degrees; the client may send only the angle about the vertical as a number."""


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


def _convert(name: str, value: Any, kind: Any) -> Any:
    if get_origin(kind) is list:
        if not isinstance(value, list):
            raise ActionFailed(f"The argument '{name}' must be a list, not {shown(value)}.", INVALID)
        if len(value) > MAX_LIST:
            raise ActionFailed(
                f"The argument '{name}' must have at most {MAX_LIST} entries, not {len(value)}.", INVALID
            )
        return [_convert(f"{name}[{index}]", entry, get_args(kind)[0]) for index, entry in enumerate(value)]
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


@dataclass(frozen=True)
class Action:
    """An action that a client can ask for."""

    function: Callable[..., Any]
    """function(environment, *, arguments...); its parameters are the arguments that are implemented."""
    only: Mapping[str, Any] = field(default_factory=dict)
    """AI2-THOR's arguments of this action that are not implemented, each with the only accepted value, which has no
    effect."""
    drawn: bool = True
    """Whether the reply has images."""


@cache
def parameters_of(function: Callable[..., Any]) -> dict[str, tuple[Any, bool, bool]]:
    """Name -> (type, whether it may be null, whether it must be sent) of an action's arguments."""
    hints = get_type_hints(function)
    found = {}
    for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
        kinds = get_args(hints[name]) if isinstance(hints[name], UnionType) else (hints[name],)
        kind = next(kind for kind in kinds if kind is not NoneType)
        found[name] = (kind, NoneType in kinds, parameter.default is inspect.Parameter.empty)
    return found


def call(action: Action, environment: Environment, request: dict[str, Any]) -> Any:
    """Calls an action's function with the arguments that the client sent.

    Args:
        action: the action to perform.
        environment: the state to act on.
        request: the client's JSON object.

    Raises:
        ActionFailed: with MissingArguments or InvalidArgument.
    """
    name, parameters = request["action"], parameters_of(action.function)
    arguments = {}
    for key, (kind, nullable, required) in parameters.items():
        if request.get(key) is not None:
            arguments[key] = _convert(key, request[key], kind)
        elif required:
            raise ActionFailed(
                f"The action '{name}' needs the argument '{key}'; it takes {', '.join(parameters)}.", MISSING
            )
        elif key in request and not nullable:
            raise ActionFailed(f"The argument '{key}' must not be null.", INVALID)
    _check_others(action, environment, request)
    return action.function(environment, **arguments)


def _check_others(action: Action, environment: Environment, request: dict[str, Any]) -> None:
    """Refuses arguments that the action's function does not have, unless they have no effect."""
    parameters = parameters_of(action.function)
    only = {**ONLY, **action.only}
    for key, value in sorted(request.items()):
        if key in parameters or (value is None and key in (*only, *FREE_FLAGS, *AS_INITIALIZED)):
            continue
        if key in FREE:
            continue
        if key in FREE_FLAGS:
            _convert(key, value, bool)
        elif key in AS_INITIALIZED:
            wanted = getattr(environment.view, AS_INITIALIZED[key])
            # The client sends these keywords also with its own actions before the first Initialize.
            if environment.initialized and not _same(value, wanted):
                raise ActionFailed(
                    f"The argument '{key}' must be {json.dumps(wanted)}, as Initialize set it, not {shown(value)}.",
                    INVALID,
                )
        elif key not in only:
            takes = f"takes {', '.join(parameters)}" if parameters else "takes no arguments"
            raise ActionFailed(f"The action '{request['action']}' has no argument {shown(key)}; it {takes}.", INVALID)
        elif not _same(value, only[key]):
            raise ActionFailed(
                f"The argument '{key}' must be {json.dumps(only[key])}, not {shown(value)}: this simulator implements "
                "no other value.",
                INVALID,
            )


def _same(value: Any, wanted: Any) -> bool:
    """Whether a client's value equals the wanted one. 1 equals 1.0 but not true, and case does not matter."""
    if isinstance(value, str) and isinstance(wanted, str):
        return value.lower() == wanted.lower()
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)

"""Arguments from JSON: right values are converted, wrong ones get an error code and a sentence."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.wire.actions import ACTIONS
from simulator.wire.arguments import Action, Angles, Vector, call, parameters_of
from simulator.wire.environment import ActionFailed, Environment

NOWHERE = cast(Environment, None)
"""Conversion never uses the environment."""


def taken(
    environment: Environment,
    *,
    number: float,
    whole: int = 3,
    text: str = "",
    yes: bool = False,
    place: Vector | None = None,
    turn: Angles = Angles(0, 0, 0),  # noqa: B008 - a frozen value
) -> dict[str, Any]:
    return {"number": number, "whole": whole, "text": text, "yes": yes, "place": place, "turn": turn}


TAKEN = Action(taken, {"speed": 1, "mode": "Plain", "limit": None, "left_out": []})


def send(**arguments: Any) -> dict[str, Any]:
    return call(TAKEN, NOWHERE, {"action": "Taken", **arguments})


def test_values_arrive_converted():
    got = send(number=1, whole=4.0, text="a", yes=True, place={"x": 1, "z": 2}, turn=90, renderImage=False)
    assert got == {
        "number": 1.0,
        "whole": 4,
        "text": "a",
        "yes": True,
        "place": Vector(1.0, 0.0, 2.0),
        "turn": Angles(0.0, 90.0, 0.0),
    }
    assert isinstance(got["number"], float) and isinstance(got["whole"], int)
    assert send(number=0, place=None)["place"] is None
    assert send(number=0, turn={"y": -5})["turn"] == Angles(0.0, -5.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        ({}, "MissingArguments", "number"),
        ({"number": None}, "MissingArguments", "number"),
        ({"number": "1"}, "InvalidArgument", "number"),
        ({"number": True}, "InvalidArgument", "number"),
        ({"number": float("nan")}, "InvalidArgument", "number"),
        ({"number": float("inf")}, "InvalidArgument", "number"),
        ({"number": 10**400}, "InvalidArgument", "number"),
        ({"number": []}, "InvalidArgument", "number"),
        ({"number": 1, "whole": 1.5}, "InvalidArgument", "whole"),
        ({"number": 1, "whole": None}, "InvalidArgument", "whole"),
        ({"number": 1, "text": 5}, "InvalidArgument", "text"),
        ({"number": 1, "yes": 1}, "InvalidArgument", "yes"),
        ({"number": 1, "yes": "true"}, "InvalidArgument", "yes"),
        ({"number": 1, "place": {}}, "InvalidArgument", "place"),
        ({"number": 1, "place": [1, 2, 3]}, "InvalidArgument", "place"),
        ({"number": 1, "place": {"x": 1, "w": 2}}, "InvalidArgument", "place"),
        ({"number": 1, "place": {"x": "1"}}, "InvalidArgument", r"place\.x"),
        ({"number": 1, "turn": "north"}, "InvalidArgument", "turn"),
        ({"number": 1, "unheard": 1}, "InvalidArgument", "unheard"),
        ({"number": 1, "unheard": None}, "InvalidArgument", "unheard"),
        ({"number": 1, "unheard": False}, "InvalidArgument", "unheard"),
        ({"number": 1, "speed": 2}, "InvalidArgument", "'speed' must be 1, not 2"),
        ({"number": 1, "speed": True}, "InvalidArgument", "'speed' must be 1, not True"),
        ({"number": 1, "mode": "Fancy"}, "InvalidArgument", "'mode' must be \"Plain\", not 'Fancy'"),
        ({"number": 1, "limit": 0}, "InvalidArgument", "'limit' must be null, not 0"),
        ({"number": 1, "left_out": ["a"]}, "InvalidArgument", r"'left_out' must be \[\], not \['a'\]"),
        ({"number": 1, "agentId": 1}, "InvalidArgument", "'agentId' must be 0, not 1"),
        ({"number": 1, "agentId": False}, "InvalidArgument", "'agentId' must be 0, not False"),
        ({"number": 1, "simplifyPhysics": True}, "InvalidArgument", "simplifyPhysics"),
        ({"number": 1, "renderImage": "no"}, "InvalidArgument", "renderImage"),
    ],
)
def test_what_does_not_fit(arguments, code, named):
    with pytest.raises(ActionFailed, match=named) as failure:
        send(**arguments)
    assert failure.value.code == code


@pytest.mark.parametrize(
    "off",
    [
        {"speed": 1.0}, {"speed": None}, {"mode": "plain"}, {"limit": None}, {"left_out": []}, {"agentId": 0},
        {"agentId": None}, {"simplifyPhysics": False}, {"renderImage": False}, {"fastActionEmit": True},
        {"sequenceId": 7},
    ],
)  # fmt: skip
def test_what_is_not_implemented_may_be_off(off):
    assert send(number=1, **off) == send(number=1)


@given(st.dictionaries(st.text(max_size=8), st.none() | st.text(max_size=5) | st.integers() | st.floats()))
def test_any_json_object_is_converted_or_refused(arguments):
    arguments.pop("action", None)
    try:
        send(**json.loads(json.dumps({"number": 1.0} | arguments)))
    except ActionFailed as failure:
        assert failure.code in ("MissingArguments", "InvalidArgument")


def test_every_action_can_be_inspected():
    for name, action in ACTIONS.items():
        with pytest.raises(ActionFailed):
            call(action, NOWHERE, {"action": name, "no such argument": 1})


def test_no_argument_is_both_implemented_and_fixed():
    for name, action in ACTIONS.items():
        assert not set(parameters_of(action.function)) & set(action.only), name

"""Arguments from JSON: what fits is converted, what does not gets an error code and a sentence."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.actions import ACTIONS
from simulator.arguments import Angles, Vector, call
from simulator.environment import ActionFailed, Environment

NOWHERE = cast(Environment, None)
"""Conversion never looks at the environment."""


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


def send(strict: bool = True, **arguments: Any) -> dict[str, Any]:
    return call(taken, NOWHERE, {"action": "Taken", **arguments}, strict)


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
        ({"number": 1, "place": {"x": "1"}}, "InvalidArgument", "place.x"),
        ({"number": 1, "turn": "north"}, "InvalidArgument", "turn"),
        ({"number": 1, "unheard": 1}, "InvalidArgument", "unheard"),
    ],
)
def test_what_does_not_fit(arguments, code, named):
    with pytest.raises(ActionFailed, match=named.replace(".", r"\.")) as failure:
        send(**arguments)
    assert failure.value.code == code


def test_unknown_arguments_may_be_ignored():
    assert send(strict=False, number=1, unheard=1)["number"] == 1.0


@given(st.dictionaries(st.text(max_size=8), st.none() | st.text(max_size=5) | st.integers() | st.floats()))
def test_any_json_object_is_converted_or_refused(arguments):
    arguments.pop("action", None)
    try:
        send(**json.loads(json.dumps({"number": 1.0} | arguments)))
    except ActionFailed as failure:
        assert failure.code in ("MissingArguments", "InvalidArgument")


def test_every_action_can_be_looked_into():
    for name, action in ACTIONS.items():
        with pytest.raises((ActionFailed, AttributeError)):
            call(action.function, NOWHERE, {"action": name, "no such argument": 1}, strict=True)

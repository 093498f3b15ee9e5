"""Whatever a client sends, it gets a reply in AI2-THOR's form, and the process and its state stay intact."""

from __future__ import annotations

import contextlib
import io
import json
import math
import struct
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.wire.actions import ACTIONS
from simulator.wire.arguments import parameters_of
from simulator.wire.environment import Environment, Limits
from simulator.wire.protocol import MalformedAction, read_action
from simulator.wire.server import Session
from simulator.world.rendering import Quality
from simulator.world.sources import rooms_of_module
from tests.simulator.raw_client import RawClient

CODES = {"", "InvalidAction", "MissingArguments", "InvalidArgument", "LookUpCantExceedMax", "LookDownCantExceedMin"}
"""Allowed values of errorCode; UnhandledException would be an error in the simulator."""
RESET: list[dict[str, Any]] = [
    {"action": "Reset", "sceneName": "FloorPlan1_physics"},
    {"action": "ChangeResolution", "x": 40, "y": 30},
    {"action": "Initialize", "renderDepthImage": True, "renderInstanceSegmentation": True},
    {"action": "Teleport", "x": 0.0, "z": 0.75, "horizon": 30.0},
]
RIGHT = {
    "x": 1, "y": 1, "moveMagnitude": 5, "handDistance": 1, "direction": {"x": 1}, "rotation": 0, "horizon": 0,
    "sceneName": "FloorPlan1", "objectId": "a", "objectIds": ["a"], "mass": 1, "drag": 0, "angularDrag": 0,
    "objectType": "Tomato", "position": {"x": 0, "y": 1, "z": 0},
}  # fmt: skip
"""A valid value for every required argument of any action."""
VASE = "Vase|+00.60|+00.88|+01.45"
"""Id of an object in the fresh room."""
NAMES = sorted(ACTIONS)
SCENES = st.sampled_from(["FloorPlan1_physics", "FloorPlan3", "FloorPlan4", "", "../FloorPlan1"])
NUMBERS = st.one_of(
    st.floats(),  # also NaN and the infinities, which the client's JSON allows
    st.integers(),
    st.floats(-3, 3),
    st.integers(-1, 100),
    st.sampled_from([0, -0.0, 1e-300, 1e300, -1e308, 2**63, -(2**64), 10**400, 1e16]),
)
TEXTS = st.text(max_size=12) | st.sampled_from(["\ud800", "x" * 5000, "\0", VASE, "default"])
AXES = st.sampled_from(["x", "y", "z"])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | AXES, inner, max_size=4),
    max_leaves=6,
)
VECTORS = st.dictionaries(AXES, NUMBERS, min_size=1)
FITTING = {bool: st.booleans(), int: NUMBERS, float: NUMBERS, str: TEXTS}


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """An action with arguments that are valid, nearly valid or wrong; or any JSON object."""
    name = draw(st.sampled_from(NAMES) | JSON)
    request = draw(st.dictionaries(TEXTS | st.sampled_from(["sequenceId", "renderImage", "agentId"]), JSON, max_size=2))
    if isinstance(name, str) and name in ACTIONS:
        for key, (kind, _, required) in parameters_of(ACTIONS[name].function).items():
            if draw(st.booleans()) or required and draw(st.integers(0, 9)):
                request[key] = draw(SCENES if key == "sceneName" else FITTING.get(kind, VECTORS | NUMBERS))
            if not draw(st.integers(0, 9)):
                request[key] = draw(JSON)
    return request | {"action": name}


def fields_of(data: bytes) -> dict[int, Any]:
    """Field type -> body of exactly one message, the metadata unpacked."""
    found: dict[int, Any] = {}
    while True:
        kind, length = struct.unpack("!BI", data[:5])
        body, data = data[5 : 5 + length], data[5 + length :]
        if kind == 255:
            assert not data and not length
            return found
        found[kind] = msgpack.loads(body) if kind == 1 else body


def ask(session: Session, request: dict[str, Any]) -> dict[int, Any]:
    pipe = io.BytesIO()
    session.answer(pipe, json.loads(json.dumps(request)))
    return fields_of(pipe.getvalue())


def agent(reply: dict[int, Any]) -> dict[str, Any]:
    return reply[1]["agents"][0]


def check(reply: dict[int, Any]) -> bool:
    """Checks that the client understands the reply; returns whether the action succeeded."""
    result = agent(reply)
    assert result["errorCode"] in CODES, result["errorMessage"]
    assert result["lastActionSuccess"] == (not result["errorMessage"]) and len(result["errorMessage"]) <= 1000
    for one in result["objects"]:
        assert all(map(math.isfinite, [*one["position"].values(), *one["rotation"].values(), one["mass"]]))
    assert all(map(math.isfinite, result["agent"]["position"].values()))
    for kind, channels in ((4, 3), (5, 4), (9, 4)):
        if kind in reply:
            assert len(reply[kind]) == result["screenWidth"] * result["screenHeight"] * channels
    return result["lastActionSuccess"]


@pytest.fixture(scope="module")
def environment():
    made = Environment(rooms_of_module("tests.simulator.box_room"), Limits(0.008, 1.0, 3), Quality(False, 0), 40, 30)
    yield made
    made.close()


@pytest.fixture(scope="module")
def reference(environment):
    return observation(Session(environment, ""))


def observation(session: Session) -> dict[int, Any]:
    """An observation of the fresh room, without the sequence number."""
    for request in RESET:
        reply = ask(session, request)
        assert check(reply), reply[1]
    assert VASE in [one["objectId"] for one in agent(reply)["objects"]]
    del reply[1]["sequenceId"]
    return reply


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(actions=st.lists(requests(), min_size=1, max_size=6))
def test_any_actions_are_answered_and_the_room_is_whole_afterwards(environment, reference, actions):
    session = Session(environment, "")
    observation(session)
    for request in actions:
        room, before = environment._room, (environment.agent, environment.view, list(environment.ids))
        positions = None if room is None else room.data.qpos.copy()
        if not check(ask(session, request)) and request["action"] != "Reset":
            # A failed action has changed nothing.
            assert before == (environment.agent, environment.view, environment.ids)
            if positions is not None:
                np.testing.assert_array_equal(positions, environment.room.data.qpos)
    assert observation(session) == reference


@pytest.mark.parametrize("action", NAMES)
def test_every_action_refuses_unknown_arguments(environment, action):
    session = Session(environment, "")
    observation(session)
    deep: Any = 0
    for _ in range(200):
        deep = [deep]
    parameters = parameters_of(ACTIONS[action].function)
    for key, (kind, _, _) in parameters.items():
        for value in (
            deep,
            {"a": deep},
            {},
            5 if kind in (bool, str) else True,
            *([] if kind is str else ["\ud800", ""]),
        ):
            sent = {name: right for name, right in RIGHT.items() if name in parameters} | {"action": action, key: value}
            reply = ask(session, sent)
            assert not check(reply)
            assert agent(reply)["errorCode"] == "InvalidArgument" and key in agent(reply)["errorMessage"], (key, value)


def test_texts_that_cannot_be_sent_back(environment):
    session = Session(environment, "")
    for request in (
        {"action": "\ud800"}, {"action": "x" * 10**6}, {"action": "Reset", "sceneName": "\udfff"},
        {"action": "Pass", "sequenceId": 2**70}, {"action": "Pass", "sequenceId": True},
        {"action": "MoveAhead", "\ud800": 1},
    ):  # fmt: skip
        assert not check(ask(session, request)) or request["action"] == "Pass"


# --- The process


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    client = RawClient(tmp_path_factory.mktemp("pipes"))
    yield client
    client.stop()


def observe(client: RawClient) -> dict[int, Any]:
    for request in RESET:
        reply = client.step(request)
        assert check(reply), reply[1]
    del reply[1]["sequenceId"]  # it is that of the last message with one
    return reply


BODIES = st.one_of(
    st.binary(max_size=40),
    JSON.map(lambda value: json.dumps(value).encode()),
    requests().map(lambda value: json.dumps(value).encode()),
    requests().map(lambda value: json.dumps(value).encode()[:-3]),
    requests().map(lambda value: json.dumps(value).encode("utf-16")),
    st.sampled_from([b"\xff\xfe\xfd", b"[" * 5000, b'{"a":' * 5000, b'{"action": "Pass", "n": ' + b"9" * 5000 + b"}"]),
)
FIELDS = st.lists(st.tuples(st.sampled_from([2, 2, 2, 1, 0, 3, 254]), BODIES), max_size=2)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=FIELDS, tail=st.binary(max_size=3))
def test_any_framed_message_gets_one_answer(raw, fields, tail):
    frames = [*fields, (255, tail)]
    raw.send(b"".join(struct.pack("!BI", kind, len(body)) + body for kind, body in frames))
    check(raw.read())


def test_afterwards_the_process_replies_as_a_new_one(raw, tmp_path):
    other = RawClient(tmp_path)
    try:
        new, old = observe(other), observe(raw)
    finally:
        other.stop()
    assert new == old
    raw.requests.close()
    assert raw.process.wait(10) == 0


@pytest.mark.parametrize("data", [struct.pack("!BI", 2, 2**31) + b"{", b"\x02", b"\xff" * 9, bytes(range(64))])
def test_frames_that_break_off_end_the_process_in_order(tmp_path, data):
    client = RawClient(tmp_path)
    try:
        client.send(data)
        client.requests.close()
        assert client.process.wait(10) == 0
    finally:
        client.stop()


@given(st.binary(max_size=200))
def test_any_bytes_are_actions_or_refused(data):
    stream = io.BytesIO(data)
    with contextlib.suppress(EOFError):
        while True:
            try:
                assert isinstance(read_action(stream), dict)
            except MalformedAction as error:
                assert str(error)

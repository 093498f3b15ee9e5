"""Opening, closing, carrying, walking and turning in any order leave a room in which everything is where it can be."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.wire.actions import perform
from simulator.wire.environment import ActionFailed, Environment, Limits
from simulator.world.rendering import Quality
from simulator.world.sources import generated_rooms

ROOMS = ("FloorPlan2", "FloorPlan207", "FloorPlan304", "FloorPlan411", "FloorPlan503")
SHARE = st.floats(0, 1).map(lambda value: round(value, 2))
ALONG = st.sampled_from([-0.3, -0.1, -0.04, 0.04, 0.1, 0.3])
WHICH = st.integers(0, 30)
"""Number of a visible object among those that an action suits."""
CHANCES = st.one_of(
    st.sampled_from(["MoveAhead", "MoveBack", "MoveLeft", "MoveRight", "RotateLeft", "RotateRight", "LookUp",
                     "LookDown", "Crouch", "Stand"]).map(lambda name: {"action": name}),
    st.sampled_from(["DropHeldObject", "CloseVisibleObjects"]).map(lambda name: {"action": name}),
    st.builds(lambda x, y: {"action": "OpenObjectAtLocation", "x": x, "y": y, "z": 0.2}, SHARE, SHARE),
    st.builds(lambda which, share: {"action": "OpenObject", "which": which, "openness": share}, WHICH, SHARE),
    st.builds(lambda which: {"action": "OpenObject", "which": which}, WHICH),
    st.builds(lambda which: {"action": "CloseObject", "which": which}, WHICH),
    st.builds(lambda which: {"action": "PickupObject", "which": which}, WHICH),
    st.builds(lambda which: {"action": "PutObject", "which": which}, WHICH),
    st.builds(lambda x, y, z: {"action": "MoveHandForce", "x": x, "y": y, "z": z}, ALONG, ALONG, ALONG),
    st.builds(lambda pitch, yaw: {"action": "RotateHeldObject", "pitch": pitch, "yaw": yaw},
              st.sampled_from([0, 30, -90]), st.sampled_from([0, 45, 180])),
    st.builds(lambda x, y: {"action": "TouchThenApplyForce", "x": x, "y": y, "direction": {"x": 0, "y": 0.3, "z": 1},
                            "moveMagnitude": 30, "handDistance": 1.4}, SHARE, SHARE),
)  # fmt: skip
SUITS = {"OpenObject": "openable", "CloseObject": "isOpen", "PickupObject": "pickupable", "PutObject": "receptacle"}
"""Action -> the key of the metadata that its object must have."""


@pytest.fixture(scope="module")
def environment():
    made = Environment(generated_rooms(), Limits(0.008, 4.0, len(ROOMS)), Quality(False, 0), 48, 48)
    yield made
    made.close()


def attempt(environment: Environment, request: dict[str, Any]) -> bool:
    """Performs a request; returns whether it succeeded."""
    try:
        perform(environment, request)
    except ActionFailed:
        return False
    return True


def resolved(environment: Environment, request: dict[str, Any]) -> dict[str, Any]:
    """The request with the id of a visible object in place of its number."""
    if "which" not in request:
        return request
    key = SUITS[request["action"]]
    fitting = [one["objectId"] for one in environment.describe()["objects"] if one["visible"] and one[key]]
    chosen = {"objectId": fitting[request["which"] % len(fitting)]} if fitting else {"x": 0.5, "y": 0.5}
    return {name: value for name, value in request.items() if name != "which"} | chosen


def start(environment: Environment, name: str, seed: int, place: int) -> None:
    """A room with objects placed by a seed, and the agent at a reachable place, facing any way."""
    for request in (
        {"action": "Reset", "sceneName": name},
        {"action": "Initialize", "gridSize": 0.25, "renderDepthImage": True},
        {"action": "InitialRandomSpawn", "randomSeed": seed},
    ):
        assert attempt(environment, request), request
    places = perform(environment, {"action": "GetReachablePositions"})[0]
    request = {"action": "TeleportFull", "position": places[place % len(places)], "rotation": 90 * (place % 4)}
    assert attempt(environment, {**request, "horizon": 30})


def everything(environment: Environment) -> tuple[Any, ...]:
    """The whole state, for comparison."""
    room = environment.room
    state = room.state()
    arrays = (state.positions, state.openness, state.present, room.data.qvel, room.model.geom_contype)
    return (environment.agent, environment.ids, state.carried, *(array.tobytes() for array in arrays))


def contents(environment: Environment) -> dict[int, set[int]]:
    """Drawer or cupboard -> what lies in it. What lies loosely in an open vessel may fall out of it."""
    room = environment.room
    found: dict[int, set[int]] = {}
    for number, holders in enumerate(room.containment.parents(room.present, room.held)):
        for holder in holders:
            if room.scene.objects[holder].openable and not room.scene.objects[holder].dynamic:
                found.setdefault(holder, set()).add(number)
    return found


def check(environment: Environment) -> None:
    room, data = environment.room, environment.room.data
    assert room.physics.at_rest
    x_min, x_max, y_min, y_max = room.scene.floor
    for number, obj in enumerate(room.scene.objects):
        if obj.dynamic and room.present[number]:
            x, y, z = data.xipos[room.object_bodies[number]]
            assert x_min < x < x_max and y_min < y < y_max and 0 < z < room.scene.height, obj.name
    assert (room.parts.openness >= 0).all() and (room.parts.openness <= 1).all()
    for part in room.parts.parts:
        if part.fixed:
            position, rotation = part.pose(float(room.parts.openness[part.object]))
            np.testing.assert_allclose(data.xpos[part.body], position, atol=1e-9)
            np.testing.assert_allclose(data.xquat[part.body], rotation, atol=1e-9)
    if room.held is not None:
        body = room.object_bodies[room.held]
        assert np.hypot(data.xpos[body][0] - environment.camera.position[0],
                        data.xpos[body][1] - environment.camera.position[1]) < 1.6  # fmt: skip
    first = [image.copy() for _, image in environment.images(True)]
    perform(environment, {"action": "Pass"})
    mujoco.mj_kinematics(room.model, data)
    for before, (_, after) in zip(first, environment.images(True), strict=True):
        np.testing.assert_array_equal(before, after)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(ROOMS),
    seed=st.integers(0, 5),
    place=st.integers(0, 500),
    chances=st.lists(CHANCES, min_size=4, max_size=25),
)
def test_any_order_of_actions_keeps_the_room_whole(environment, name, seed, place, chances):
    start(environment, name, seed, place)
    for chance in chances:
        request = resolved(environment, chance)
        before, inside = everything(environment), contents(environment)
        openness = environment.room.parts.openness.copy()
        held = environment.room.held
        if not attempt(environment, request):
            assert everything(environment) == before, request
            continue
        check(environment)
        changed = np.flatnonzero(openness != environment.room.parts.openness)
        if request["action"] in ("OpenObject", "CloseObject") and held is None:
            after = contents(environment)
            for number in changed.tolist():
                assert inside.get(number, set()) <= after.get(number, set()), (request, number)

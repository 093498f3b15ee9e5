"""Walking, turning, looking up and down, and teleporting: worked by hand, and for random sequences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.wire.actions import perform
from simulator.wire.environment import ActionFailed, Agent, Environment, Limits
from simulator.world.navigation import AGENT_RADIUS
from simulator.world.rendering import Quality
from simulator.world.sources import RoomSource, generated_rooms, rooms_of_module

Step = Callable[..., Any]
STEPS = ("MoveAhead", "MoveRight", "MoveBack", "MoveLeft")
INVERSE = dict(zip(STEPS, STEPS[2:] + STEPS[:2], strict=True)) | {
    "RotateLeft": "RotateRight", "RotateRight": "RotateLeft", "LookUp": "LookDown", "LookDown": "LookUp",
    "Crouch": "Stand", "Stand": "Crouch",
}  # fmt: skip


def environment_of(source: RoomSource) -> Environment:
    return Environment(source, Limits(0.008, 4.0, 4), Quality(False, 0), 48, 48)


@pytest.fixture(scope="module")
def boxes():
    made = environment_of(rooms_of_module("tests.simulator.box_room"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def generated():
    made = environment_of(generated_rooms())
    yield made
    made.close()


def do(environment: Environment, action: str, **arguments: Any) -> Any:
    return perform(environment, {"action": action, **arguments})[0]


def start(environment: Environment, scene: str = "FloorPlan1", **initialize: Any) -> Step:
    """A fresh room; returns do(action, **arguments) there."""
    do(environment, "Reset", sceneName=scene)
    do(environment, "Initialize", renderDepthImage=True, **initialize)
    return lambda action, **arguments: do(environment, action, **arguments)


def place(environment: Environment) -> tuple[float, float]:
    return environment.agent.x, environment.agent.y


def refused(step: Step, action: str, **arguments: Any) -> str:
    with pytest.raises(ActionFailed) as failure:
        step(action, **arguments)
    return str(failure.value)


@pytest.mark.parametrize(
    ("yaw", "action", "moved"),
    [
        (0, "MoveAhead", (0, 0.25)), (0, "MoveRight", (0.25, 0)), (0, "MoveBack", (0, -0.25)),
        (0, "MoveLeft", (-0.25, 0)), (90, "MoveAhead", (0.25, 0)), (180, "MoveLeft", (0.25, 0)),
        (270, "MoveBack", (0.25, 0)),
    ],
)  # fmt: skip
def test_steps_follow_the_body(boxes, yaw, action, moved):
    step = start(boxes)
    step("Teleport", x=0.0, z=-0.5, rotation={"y": yaw})
    step(action)
    assert place(boxes) == pytest.approx((moved[0], moved[1] - 0.5), abs=1e-12)


def test_magnitudes_and_slanted_headings(boxes):
    step = start(boxes, snapToGrid=False)
    step("Teleport", x=0.0, z=-0.5, rotation={"y": 30.0})
    step("MoveAhead", moveMagnitude=0.1)
    assert place(boxes) == pytest.approx((0.05, -0.5 + 0.1 * math.cos(math.radians(30))), abs=1e-9)
    # With snapToGrid a slanted step ends on the grid: at 45 degrees 0.25 m are 0.18 m along each axis.
    step = start(boxes, rotateStepDegrees=45)
    step("Teleport", x=0.0, z=-0.5)
    step("RotateRight")
    step("MoveAhead")
    assert boxes.agent.yaw == 45.0 and place(boxes) == (0.25, -0.25)
    step("MoveAhead", moveMagnitude=0.1)
    assert place(boxes) == (0.25, -0.25)
    step("Teleport", x=0.3, z=-0.4)
    assert place(boxes) == (0.25, -0.5)


def test_what_is_in_the_way_is_named(boxes):
    step = start(boxes)
    step("Teleport", x=0.0, z=1.0)
    said = refused(step, "MoveAhead")  # the table begins at 1.2
    assert said == f"{boxes.ids[-1]} is blocking Agent 0 from moving by (0.0000, 0.0000, 0.2500)."
    assert place(boxes) == (0.0, 1.0)
    step("Teleport", x=1.75, z=0.0, rotation=90.0)
    assert refused(step, "MoveAhead") == "wall_east is blocking Agent 0 from moving by (0.2500, 0.0000, 0.0000)."
    for length in (100.0, 1e300):
        assert refused(step, "MoveBack", moveMagnitude=length).startswith("wall_")
    step("MoveAhead", forceAction=True)
    assert place(boxes) == (2.0, 0.0)


def test_walls_without_thickness_block_too(generated):
    step = start(generated)
    step("Teleport", rotation=0.0)
    with pytest.raises(ActionFailed, match=" is blocking Agent 0 from moving by "):
        for _ in range(100):
            step("MoveAhead")


def test_a_step_is_swept_and_not_only_tried_at_its_end(boxes):
    step = start(boxes, "FloorPlan3")  # a low wall from x = -1.05 to -0.95
    step("Teleport", x=-0.5, z=0.0)
    assert boxes.room.obstacles().hit(-1.5, 0.0) is None
    assert refused(step, "MoveLeft", moveMagnitude=1.0).startswith("low_wall is blocking")
    step("Teleport", x=0.0, z=0.0)
    step("MoveRight", moveMagnitude=1.0)
    assert place(boxes) == (1.0, 0.0)


def test_wrong_arguments_of_moves(boxes):
    step = start(boxes)
    for action, wrong in (
        ("MoveAhead", {"moveMagnitude": 0.0}), ("MoveBack", {"moveMagnitude": -1.0}), ("RotateLeft", {"degrees": 0.0}),
        ("RotateRight", {"degrees": -90.0}), ("LookUp", {"degrees": 0.0}), ("LookDown", {"degrees": -5.0}),
        ("MoveAhead", {"turned": 90.0}), ("Crouch", {"degrees": 1.0}),
        ("Initialize", {"rotateStepDegrees": 0.0}),
    ):  # fmt: skip
        with pytest.raises(ActionFailed, match=next(iter(wrong))) as failure:
            step(action, **wrong)
        assert failure.value.code == "InvalidArgument"


def test_looking_ends_at_the_limits(boxes):
    step = start(boxes)
    for horizon in (30.0, 60.0):
        step("LookDown")
        assert boxes.agent.horizon == horizon
    assert refused(step, "LookDown") == "can't look down beyond 60 degrees below the forward horizon"
    for _ in range(3):
        step("LookUp")
    assert boxes.agent.horizon == -30.0
    assert refused(step, "LookUp", degrees=0.1) == "can't look up beyond 30 degrees above the forward horizon"
    step("LookDown", degrees=42.5)
    assert boxes.agent.horizon == 12.5


def test_crouching_lowers_the_camera(boxes):
    step = start(boxes)
    assert refused(step, "Stand") == "Already Standing"
    step("Crouch")
    assert boxes.camera.position[2] == pytest.approx(0.9)
    assert refused(step, "Crouch") == "Already Crouching"
    step("Stand")
    assert boxes.camera.position[2] == pytest.approx(1.575)


def test_a_partial_teleport_keeps_the_rest(boxes):
    step = start(boxes)
    step("TeleportFull", x=0.5, y=0.9, z=-0.5, rotation=90.0, horizon=30.0, standing=False)
    before = boxes.agent
    step("Teleport", z=0.25)
    assert place(boxes) == (0.5, 0.25)
    step("Teleport", position={"x": 0.5, "y": 0.9, "z": -0.5})
    assert boxes.agent == before
    step("Teleport", rotation={"y": 10.0})
    assert (boxes.agent.yaw, boxes.agent.horizon, boxes.agent.standing) == (10.0, 30.0, False)
    step("Teleport", horizon=0.0, standing=True)
    assert (boxes.agent.yaw, boxes.agent.horizon, boxes.agent.standing) == (10.0, 0.0, True)
    step("Teleport")
    assert place(boxes) == (0.5, -0.5)
    assert "taken by CounterTop" in refused(step, "Teleport", z=1.5)
    step("Teleport", z=1.5, forceAction=True)
    assert place(boxes) == (0.5, 1.5)


def test_what_came_into_the_agents_place_does_not_hold_it(boxes):
    step = start(boxes)
    step("Teleport", x=0.0, z=-0.5)
    room = boxes.room
    address = int(room.model.jnt_qposadr[room.model.body("Chair_a").jntadr[0]])
    positions = room.data.qpos.copy()
    positions[address : address + 2] = 0.1, -0.5
    room.physics.place(positions)
    assert "taken by Chair" in refused(step, "Teleport", x=0.25)
    assert refused(step, "MoveRight").startswith("Chair")
    step("MoveLeft", moveMagnitude=0.5)
    assert place(boxes) == (-0.5, -0.5)
    assert refused(step, "MoveRight").startswith("Chair")


@pytest.mark.parametrize("scene", ["FloorPlan5", "FloorPlan220", "FloorPlan315", "FloorPlan412"])
def test_every_reachable_position_can_be_teleported_and_walked_to(generated, scene):
    step = start(generated, scene)
    step("InitialRandomSpawn", randomSeed=3)
    origin = place(generated)
    points = {(point["x"], point["z"]) for point in step("GetReachablePositions")}
    assert origin in points
    for x, z in points:
        step("Teleport", x=x, z=z)
        assert place(generated) == (x, z)
    # A walk over all of them, each from a neighbour, by steps alone.
    ways = {"MoveAhead": (0.0, 0.25), "MoveRight": (0.25, 0.0), "MoveBack": (0.0, -0.25), "MoveLeft": (-0.25, 0.0)}
    reached, frontier = {origin}, [origin]
    while frontier:
        here = frontier.pop()
        for action, (dx, dz) in ways.items():
            step("Teleport", x=here[0], z=here[1], rotation=0.0)
            try:
                step(action)
            except ActionFailed:
                continue
            there = place(generated)
            assert there == (here[0] + dx, here[1] + dz)
            if there not in reached:
                reached.add(there)
                frontier.append(there)
    assert reached == points


ARGUMENTS: dict[str, dict[str, st.SearchStrategy[float | None]]] = {
    "MoveAhead": {"moveMagnitude": st.none() | st.floats(0.01, 3.0)},
    "RotateLeft": {"degrees": st.none() | st.floats(0.1, 400.0)},
    "LookUp": {"degrees": st.floats(1.0, 60.0)},
    "Crouch": {},
}
KIND = {name: "MoveAhead" for name in STEPS} | {
    "RotateLeft": "RotateLeft", "RotateRight": "RotateLeft", "LookUp": "LookUp", "LookDown": "LookUp",
    "Crouch": "Crouch", "Stand": "Crouch",
}  # fmt: skip
ACTIONS = st.sampled_from(sorted(KIND)).flatmap(
    lambda name: st.tuples(st.just(name), st.fixed_dictionaries(ARGUMENTS[KIND[name]]))
)
SHARED = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def pose(agent: Agent) -> np.ndarray:
    return np.array([agent.x, agent.y, agent.yaw, agent.horizon, agent.standing])


@SHARED
@given(snap=st.booleans(), rotate=st.sampled_from([90.0, 45.0, 30.0]), actions=st.lists(ACTIONS, max_size=25))
def test_whatever_it_does_the_agent_stands_free(generated, snap, rotate, actions):
    step = start(generated, "FloorPlan203", snapToGrid=snap, rotateStepDegrees=rotate)
    obstacles, (x_min, x_max, y_min, y_max) = generated.room.obstacles(), generated.room.scene.floor
    for name, arguments in actions:
        before = generated.agent
        try:
            step(name, **arguments)
        except ActionFailed:
            assert generated.agent == before
            continue
        x, y = place(generated)
        assert obstacles.hit(x, y) is None
        assert x_min + AGENT_RADIUS - 1e-3 < x < x_max - AGENT_RADIUS + 1e-3
        assert y_min + AGENT_RADIUS - 1e-3 < y < y_max - AGENT_RADIUS + 1e-3
        if snap:
            assert (x, y) == pytest.approx((round(x * 4) / 4, round(y * 4) / 4), abs=1e-9)
        # The inverse step leads back.
        after = pose(generated.agent)
        step(INVERSE[name], **arguments)
        change = pose(generated.agent) - pose(before)
        change[2] = (change[2] + 180.0) % 360.0 - 180.0
        np.testing.assert_allclose(change, 0.0, atol=1e-8)
        step(name, **arguments)
        np.testing.assert_allclose(pose(generated.agent), after, atol=1e-8)


@given(yaw=st.integers(0, 359_999_999).map(lambda number: number / 1e6), right=st.booleans())
def test_four_quarter_turns_are_none(boxes, yaw, right):
    if boxes._room is None:
        start(boxes)
    do(boxes, "Teleport", rotation={"y": yaw})
    for _ in range(4):
        do(boxes, "RotateRight" if right else "RotateLeft", degrees=90.0)
    assert boxes.agent.yaw == yaw


@pytest.mark.parametrize(
    ("action", "arguments"),
    [
        ("MoveAhead", {}), ("MoveAhead", {"moveMagnitude": -1}), ("Teleport", {"z": 1.5}),
        ("LookDown", {"degrees": 90}),
        ("Stand", {}), ("FlyAway", {}), ("TeleportFull", {"x": 1}), ("Teleport", {"x": 0.0, "y": 3.0}),
        ("TouchThenApplyForce", {"x": 0.5}), ("SetMassProperties", {"objectId": "", "mass": 1, "drag": 0}),
        ("AdvancePhysicsStep", {}), ("ChangeResolution", {"x": 0, "y": 5}), ("Initialize", {"fieldOfView": 0}),
        ("InitialRandomSpawn", {"randomSeed": -1}),
    ],
)  # fmt: skip
def test_a_refused_action_changes_no_pixel(boxes, action, arguments):
    step = start(boxes)
    step("Teleport", x=0.0, z=1.0, horizon=30.0)
    before = [image.copy() for _, image in boxes.images(True)]
    described = boxes.describe()
    refused(step, action, **arguments)
    for one, other in zip(before, boxes.images(True), strict=True):
        np.testing.assert_array_equal(one, other[1])
    assert boxes.describe() == described

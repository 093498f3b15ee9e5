"""Counting an object's pixels from many poses, against whole images; and nothing shows through closed doors."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import pytest

from simulator.rooms.scene import Container
from simulator.wire.actions import perform
from simulator.wire.environment import ActionFailed, Agent, Environment, Limits
from simulator.wire.metadata import visible_objects
from simulator.wire.protocol import Field
from simulator.world.rendering import Quality, instance_color
from simulator.world.sources import generated_rooms
from simulator.world.visibility import PixelCounter, pixel_counts


@pytest.fixture(scope="module")
def environment():
    made = Environment(generated_rooms(), Limits(0.008, 4.0, 3), Quality(False, 0), 224, 224)
    yield made
    made.close()


def do(environment: Environment, action: str, **arguments: Any) -> Any:
    return perform(environment, {"action": action, **arguments})[0]


def start(environment: Environment, scene: str, **initialize: Any) -> None:
    do(environment, "Reset", sceneName=scene)
    do(environment, "Initialize", renderInstanceSegmentation=True, **initialize)
    environment.move_agent(horizon=30.0)


def pixels_of(environment: Environment, number: int) -> int:
    """Counted in the whole image of instances."""
    drawn = dict(environment.images(True))[Field.INSTANCES]
    return int((drawn[..., :3] == instance_color(number)).all(-1).sum())


def present(environment: Environment) -> np.ndarray:
    return np.flatnonzero(environment.room.present)


def all_agents(environment: Environment) -> list[Agent]:
    return [
        Agent(x, y, yaw, 30.0, standing)
        for x, y in environment.reachable_places().tolist()
        for yaw in (0.0, 90.0, 180.0, 270.0)
        for standing in (True, False)
    ]


def put(environment: Environment, number: int, position: np.ndarray, rotation: Any = (1.0, 0.0, 0.0, 0.0)) -> None:
    """Moves a dynamic object, at rest."""
    room = environment.room
    address = room.model.jnt_qposadr[room.model.body_jntadr[room.object_bodies[number]]]
    room.data.qpos[address : address + 7] = (*position, *rotation)
    room.physics.place(room.data.qpos.copy())


def put_inside(environment: Environment, number: int, space: Container) -> None:
    """Moves a dynamic object into the middle of a container, turned as the container is."""
    data, body = environment.room.data, environment.room.model.body(space.body).id
    local = np.array(space.center) - environment.room.box_centers[number]
    put(environment, number, data.xpos[body] + data.xmat[body].reshape(3, 3) @ local, data.xquat[body].copy())


@pytest.mark.parametrize("scene", ["FloorPlan2", "FloorPlan203", "FloorPlan404"])
@pytest.mark.parametrize("angle", [0, 37])
def test_counts_equal_those_of_whole_images(environment, scene, angle):
    start(environment, scene, startAgentsRotatedBy=angle)
    rng, agents, seen = np.random.default_rng(0), all_agents(environment), 0
    graphics = environment.graphics()
    for number in rng.choice(present(environment), 8, replace=False).tolist():
        counts = list(
            PixelCounter(environment.room, graphics, number).counts([environment.camera_of(one) for one in agents])
        )
        chosen = [*rng.choice(len(agents), 6), *rng.permutation(np.flatnonzero(counts))[:6]]
        for index in chosen:
            environment.agent = agents[index]
            whole = pixels_of(environment, number)
            # A border that runs through the middle of a pixel may round to either side.
            assert abs(whole - counts[index]) <= 1
            seen += whole > 0
    assert seen > 20


def test_objects_close_to_the_camera_and_behind_it(environment):
    start(environment, "FloorPlan203")
    number = next(n for n in present(environment).tolist() if environment.room.scene.objects[n].pickupable)
    x, y = environment.place
    for offset in ([0.0, 0.2, -0.1], [0.0, 0.1, -0.05], [0.0, 0.0, 0.0], [0.0, -0.3, 0.0], [0.2, 0.15, -0.1]):
        put(environment, number, np.array([x, y, 1.575]) + offset)
        count, alone = pixel_counts(environment.room, environment.graphics(), environment.camera, number)
        assert abs(count - pixels_of(environment, number)) <= 1
        assert alone >= count
        if offset[1] != 0.1:
            # What is behind the camera is not projected to the other side. At 0.1 m the near plane cuts it.
            assert (count > 0) == (offset[1] > 0.1)


def test_objects_that_reach_behind_the_camera(environment):
    start(environment, "FloorPlan203")
    room, rng, cut = environment.room, np.random.default_rng(3), 0
    large = [n for n in present(environment).tolist() if room.scene.objects[n].dynamic and room.box_radii[n] > 0.3]
    x, y = environment.place
    for number in large[:4]:
        do(environment, "Reset", sceneName="FloorPlan203")
        do(environment, "Initialize", renderInstanceSegmentation=True)
        environment.move_agent(horizon=30.0)
        for _ in range(12):
            put(environment, number, np.array([x, y, 1.575]) + rng.uniform([-0.4, -0.2, -0.9], [0.4, 0.3, 0.0]))
            count, _ = pixel_counts(room, environment.graphics(), environment.camera, number)
            assert abs(count - pixels_of(environment, number)) <= 1
            ahead = room.data.geom_xpos[room.geom_instances == number, 1] - y
            cut += count > 0 and ahead.min() < 0.1
    assert cut > 3


def test_pixels_with_everything_else_invisible(environment):
    start(environment, "FloorPlan2")
    rng, agents, hidden = np.random.default_rng(1), all_agents(environment), 0
    for number in rng.choice(present(environment), 12, replace=False).tolist():
        for index in rng.choice(len(agents), 3).tolist():
            environment.agent = agents[index]
            seen, alone = pixel_counts(environment.room, environment.graphics(), environment.camera, number)
            do(environment, "EmphasizeObject", objectId=environment.ids[number])
            assert abs(alone - pixels_of(environment, number)) <= 1
            do(environment, "UnemphasizeAll")
            assert seen <= alone + 1
            hidden += alone > seen
    assert hidden > 5


def test_number_of_positions(environment):
    start(environment, "FloorPlan2")
    number = max(
        (n for n in present(environment).tolist() if environment.room.scene.objects[n].pickupable),
        key=lambda n: environment.room.data.xpos[environment.room.object_bodies[n], 2],
    )
    name, before = environment.ids[number], environment.agent
    found = do(environment, "NumberOfPositionsFromWhichItemIsVisible", objectId=name)
    assert environment.agent == before
    agents = all_agents(environment)
    assert found["total"] == len(agents) and found["count"] == len(found["tuples"])
    seen = {(pose["x"], pose["z"], pose["rotation"], pose["standing"]) for pose in found["tuples"]}
    assert len(seen) == found["count"] > 0
    for agent in agents[::7]:
        environment.agent = agent
        assert (pixels_of(environment, number) > 0) == ((agent.x, agent.y, agent.yaw, agent.standing) in seen)
    environment.agent = before
    # The points find the object from nearly the same poses.
    points = do(environment, "NumberOfPositionsFromWhichItemIsVisible", objectId=name, by="points")
    assert points["count"] <= found["count"] and points["total"] == found["total"]
    one = [{"x": agents[0].x, "y": 0.9, "z": agents[0].y}]
    assert do(environment, "NumberOfPositionsFromWhichItemIsVisible", objectId=name, positions=one)["total"] == 8
    assert do(environment, "NumberOfPositionsFromWhichItemIsVisible", objectId=name, positions=[])["total"] == 0
    with pytest.raises(ActionFailed, match="pixels or points"):
        do(environment, "NumberOfPositionsFromWhichItemIsVisible", objectId=name, by="guess")


def fitting(environment: Environment) -> list[tuple[int, int, Container]]:
    """(fixed container, dynamic object, its space inside): one object that fits for each container that closes."""
    room, found = environment.room, []
    for owner in present(environment).tolist():
        obj = room.scene.objects[owner]
        for space in () if obj.dynamic else obj.containers:
            small = [
                number
                for number in present(environment).tolist()
                if room.scene.objects[number].dynamic
                and (room.box_halves[number] < np.array(space.half) * 0.8).all()
                and not room.scene.objects[number].openable
            ]
            if space.closed and small:
                # The largest one is the most likely to show through a gap.
                found.append((owner, max(small, key=lambda number: room.box_radii[number]), space))
                break
    return found


@pytest.mark.parametrize("scene", ["FloorPlan3", "FloorPlan11", "FloorPlan204", "FloorPlan305", "FloorPlan406"])
def test_nothing_shows_through_what_is_closed(environment, scene):
    start(environment, scene)
    room, graphics = environment.room, environment.graphics()
    agents, rng = all_agents(environment), np.random.default_rng(2)
    cameras = [environment.camera_of(agent) for agent in agents]
    cases = fitting(environment)
    if not cases:
        pytest.skip("no furniture that closes")
    seen_when_open = 0
    for index in rng.permutation(len(cases))[:6].tolist():
        owner, number, space = cases[index]
        do(environment, "Reset", sceneName=scene)
        do(environment, "Initialize", renderInstanceSegmentation=True)
        put_inside(environment, number, space)
        name, container = environment.ids[number], environment.ids[owner]
        # Poses that see the object with everything else invisible, so that the test can fail.
        alone = np.array(list(PixelCounter(room, graphics, number, alone=True).counts(cameras)))
        looking = rng.permutation(np.flatnonzero(alone > 20))[:50].tolist()
        assert len(looking) > 10
        for place in looking:
            environment.agent = agents[place]
            assert pixels_of(environment, number) == 0, (name, container, agents[place])
        assert not any(PixelCounter(room, graphics, number).counts(cameras))
        # It shows when the container is not drawn, when its doors are seen through, and when it is open.
        best = int(np.argmax(alone))
        environment.agent = agents[best]
        do(environment, "HideAllObjectsExcept", objectIds=[name])
        assert abs(pixels_of(environment, number) - alone[best]) <= 1
        do(environment, "UnhideAllObjects")
        search = do(environment, "ExhaustiveSearchForItem", objectId=name)
        through = np.array(list(PixelCounter(room, graphics, number, through_parts=True).counts(cameras)))
        assert search["objectSeen"] == bool(through.any())
        room.parts.set(owner, 1.0)
        mujoco.mj_kinematics(room.model, room.data)
        put_inside(environment, number, space)
        seen_when_open += any(PixelCounter(room, graphics, number).counts(cameras))
        room.parts.set(owner, 0.0)
    assert seen_when_open > 0


def test_a_hidden_door_shows_what_is_behind_it(environment):
    start(environment, "FloorPlan3")
    room, graphics, shown = environment.room, environment.graphics(), 0
    agents = all_agents(environment)
    for owner, number, space in fitting(environment):
        put_inside(environment, number, space)
        cameras = [environment.camera_of(agent) for agent in agents]
        through = list(PixelCounter(room, graphics, number, through_parts=True).counts(cameras))
        environment.agent = agents[int(np.argmax(through))]
        do(environment, "HideObject", objectId=environment.ids[owner])
        insides = room.hidden_geoms() & ~room.hidden_geoms(insides=True)
        missing = environment.looks.hidden_geoms(room) & insides
        assert insides.any() and set(room.geom_instances[missing]) <= {owner}
        shown += pixels_of(environment, number) > 0
        do(environment, "UnhideObject", objectId=environment.ids[owner])
        assert pixels_of(environment, number) == 0
    assert shown > 0


def test_exhaustive_search_goes_by_distance(environment):
    start(environment, "FloorPlan2")
    agent = environment.agent
    places = [(pose.x, pose.y) for pose in all_agents(environment)[::8]]
    number = next(n for n in present(environment).tolist() if environment.room.scene.objects[n].pickupable)
    name = environment.ids[number]
    found = {seed: do(environment, "ExhaustiveSearchForItem", objectId=name, randomSeed=seed) for seed in range(4)}
    assert found[1] == do(environment, "ExhaustiveSearchForItem", objectId=name, randomSeed=1)
    counter = PixelCounter(environment.room, environment.graphics(), number, through_parts=True)
    distances = {}
    for x, y in places:
        eight = [Agent(x, y, yaw, 30.0, up) for yaw in (0.0, 90.0, 180.0, 270.0) for up in (True, False)]
        if any(counter.counts([environment.camera_of(one) for one in eight])):
            distances[x, y] = abs(x - agent.x) + abs(y - agent.y)
    nearest = min(distances.values())
    every = [abs(x - agent.x) + abs(y - agent.y) for x, y in places]
    for result in found.values():
        assert result["objectSeen"]
        assert sum(one < nearest - 1e-6 for one in every) < result["positionsTried"]
        assert result["positionsTried"] <= sum(one < nearest + 1e-6 for one in every)
    assert environment.agent == agent
    # Far above the room nobody sees it.
    put(environment, number, np.array([0.0, 0.0, 30.0]))
    result = do(environment, "ExhaustiveSearchForItem", objectId=name)
    assert result == {"objectSeen": False, "positionsTried": len(places)}


def test_interactable_poses(environment):
    start(environment, "FloorPlan2")
    name = "none"
    for number in present(environment).tolist():
        name = environment.ids[number]
        poses = do(environment, "GetInteractablePoses", objectId=name, horizons=[0, 30])
        if 5 < len(poses) < 200:
            break
    found = {(pose["x"], pose["z"], pose["rotation"], pose["horizon"], pose["standing"]) for pose in poses}
    assert len(found) == len(poses) > 5
    for agent in all_agents(environment):
        environment.agent = agent
        seen = visible_objects(environment.room, environment.camera, 1.5, number)[number]
        assert seen == ((agent.x, agent.y, agent.yaw, 30.0, agent.standing) in found)
    pose = poses[0]
    do(environment, "TeleportFull", **pose)
    # The metadata takes no such close look, so it may miss an object at the image's edge, but never shows a hidden one.
    described = {one["objectId"]: one["visible"] for one in environment.describe()["objects"]}
    for other, shown in described.items():
        assert (
            not shown or visible_objects(environment.room, environment.camera, 1.5, environment.ids.index(other)).any()
        )
    few = do(environment, "GetInteractablePoses", objectId=name, positions=[{key: pose[key] for key in "xyz"}],
             rotations=[pose["rotation"]], horizons=[pose["horizon"]], standings=[pose["standing"]])  # fmt: skip
    assert few == [pose]
    with pytest.raises(ActionFailed, match="horizons"):
        do(environment, "GetInteractablePoses", objectId=name, horizons=[80])

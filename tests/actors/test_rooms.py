"""An actor in the embedded simulator's rooms: real client, real process, real self-supervision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from actors.controller import SimulatorProcess
from actors.interaction.choose import Touch, TouchPlan
from actors.interaction.config import ReachConfig
from actors.interaction.geometry import hand_distance, reach_keywords, reach_mask
from actors.interaction.interact import Visitor
from actors.interaction.locations import Location, set_up
from actors.interaction.oracles import simulator_keywords
from actors.observation import NEAR_PLANE, Observation
from replay.interaction.record import Choice, LocationRecord, is_success, unpack_masks
from tests.actors.test_interact import CONFIG
from tests.settings import simulator_settings

SCENES = ("FloorPlan1", "FloorPlan201", "FloorPlan301", "FloorPlan401")


@pytest.mark.parametrize("name", ["rooms", "thor"])
def test_configurations(name: str) -> None:
    config = simulator_settings(name)
    assert config.name == name and (config.width, config.height, config.field_of_view) == (300, 300, 90)


def objects_in_reach(
    simulator: SimulatorProcess, observation: Observation, horizon: float
) -> list[tuple[np.ndarray, int, int]]:
    """(mask on the grid, row, column) of each moveable object with a well visible part in reach; ground truth."""
    event = simulator.last_event
    moveable = {item["objectId"] for item in event.metadata["objects"] if item["moveable"] or item["pickupable"]}
    reachable = reach_mask(observation.depth, horizon, CONFIG.reach, 90.0)
    found = []
    for name, mask in event.instance_masks.items():
        cells = mask[1::3, 1::3] & reachable
        if name in moveable and cells.sum() >= 30:
            rows, columns = np.nonzero(cells)
            middle = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
            found.append((mask[1::3, 1::3], int(rows[middle]), int(columns[middle])))
    return found


def find_place(simulator: SimulatorProcess) -> tuple[Location, list[tuple[np.ndarray, int, int]]]:
    """The location, among some random ones, with most objects in reach."""
    rng = np.random.default_rng(0)
    best: tuple[Location, list] | None = None
    for scene in SCENES:
        simulator.reset(scene)
        simulator.step("InitialRandomSpawn", randomSeed=3, forceVisible=True, numPlacementAttempts=5)
        places = simulator.step("GetReachablePositions").metadata["actionReturn"]
        for place in rng.choice(places, size=3):
            location = Location(0, scene, (place["x"], place["y"], place["z"]), float(rng.integers(8) * 45), 30.0, 3)
            found = objects_in_reach(simulator, set_up(simulator, location), 30.0)
            if best is None or len(found) > len(best[1]):
                best = location, found
    assert best is not None and len(best[1]) >= 2
    return best


def test_touched_objects_become_masks_alike_in_every_process() -> None:
    config = simulator_settings()
    first = SimulatorProcess(config, renderInstanceSegmentation=True)
    try:
        location, objects = find_place(first)

        def choose(*_: Any) -> list[Touch]:
            return [Touch(row, column, 2, (1.0, 1.0, 1.0), Choice.ORACLE) for _, row, column in objects[:10]]

        def play(simulator: SimulatorProcess) -> LocationRecord:
            player = Visitor(simulator, None, CONFIG, 0, choose=choose)
            return player.play(location, 0, TouchPlan(10, 0, False), 0)[0]

        record = play(first)
        made = int(record.touches)
        successful = is_success(record.feedback[:made])
        assert successful.sum() >= max(1, made / 3)
        masks = unpack_masks(record.masks)
        # B+ covers most of the object; now and then an earlier touch had moved the object.
        overlap = [(masks[i] & objects[i][0]).sum() / objects[i][0].sum() for i in np.flatnonzero(successful)]
        assert np.median(overlap) > 0.5
    finally:
        first.stop()
    second = SimulatorProcess(config)
    try:
        again = play(second)
    finally:
        second.stop()
    for name in ("image", "depth", "feedback", "masks"):
        assert (getattr(record, name) == getattr(again, name)).all(), name


@pytest.mark.parametrize("name", ["rooms", "thor"])
def test_the_infinite_reach_goes_beyond_the_usual_visibility(name: str) -> None:
    config = simulator_settings(name)
    assert reach_keywords(ReachConfig("infinite", 1.5), config)["visibilityDistance"] > config.visibility_distance


def test_an_infinite_reach_touches_what_is_far() -> None:
    # As in a room of more than 5 m, with a visibility of 0.6 m; looking ahead, everything is farther.
    settings = simulator_settings(visibility_distance=0.6)
    arms = {}
    for reach in (ReachConfig("sphere", 0.5), ReachConfig("infinite", 0.5)):
        simulator = SimulatorProcess(settings, **simulator_keywords(replace(CONFIG, reach=reach), settings))
        try:
            simulator.reset("FloorPlan201")
            observations = []
            for yaw in (0, 90, 180, 270):
                event = simulator.step("Teleport", rotation={"x": 0, "y": yaw, "z": 0}, horizon=0)
                observations.append((float(simulator.observe(event).depth[150, 150]), yaw))
            far, yaw = max(observations)
            simulator.step("Teleport", rotation={"x": 0, "y": yaw, "z": 0}, horizon=0)
            hand = hand_distance(reach, settings) if reach.shape == "infinite" else 2 * far
            event = simulator.step(
                "TouchThenApplyForce", x=0.5, y=0.5, direction={"x": 1, "y": 1, "z": 1}, moveMagnitude=5,
                handDistance=hand,
            )  # fmt: skip
            arms[reach.shape] = event.metadata["lastActionSuccess"] and event.metadata["actionReturn"]["armsLength"]
        finally:
            simulator.stop()
    assert arms["sphere"] is False
    assert far > 0.6 and arms["infinite"] == pytest.approx(far + NEAR_PLANE, abs=0.02)


def test_objects_are_described_only_on_request() -> None:
    """The picture is the same, and the next location has descriptions again."""
    location = Location(0, "FloorPlan1", (0.0, 0.9, 0.0), 0.0, 30.0, 1)
    simulator = SimulatorProcess(simulator_settings("rooms"))
    try:
        simulator.reset("FloorPlan1")
        simulator.step("InitialRandomSpawn", randomSeed=1, forceVisible=True)
        places = simulator.step("GetReachablePositions").metadata["actionReturn"]
        location = replace(location, position=tuple(places[0].values()))
        described = set_up(simulator, location)
        assert simulator.last_event.metadata["objects"]
        plain = set_up(simulator, location, describe_objects=False)
        assert not simulator.last_event.metadata["objects"]
        np.testing.assert_array_equal(plain.image, described.image)
        np.testing.assert_array_equal(plain.depth, described.depth)
        set_up(simulator, location)
        assert simulator.last_event.metadata["objects"]
    finally:
        simulator.stop()

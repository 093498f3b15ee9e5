"""Setting a location up through the real client, and the errors when it does not work."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ai2thor.server import Event

from actors.config import SimulatorConfig
from actors.controller import SimulatorError, SimulatorProcess
from actors.interaction.locations import Location, LocationError, set_up, verify

LOCATION = Location(17, "FloorPlan2", (0.5, 0.9, -1.25), 270.0, 30.0, 5)
TEXT = r"location 17 \(FloorPlan2, position 0.5 0.9 -1.25, rotation 270, horizon 30, seed 5\)"


@pytest.fixture
def simulator(fake_config: Callable[..., SimulatorConfig]) -> object:
    simulator = SimulatorProcess(fake_config())
    yield simulator
    simulator.stop()


def test_set_up(simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    step = SimulatorProcess.step

    def record(self: SimulatorProcess, action: str, **keywords: Any) -> Event:
        asked.append((action, keywords))
        return step(self, action, **keywords)

    monkeypatch.setattr(SimulatorProcess, "step", record)
    observation = set_up(simulator, LOCATION, 5)
    assert observation.image.shape == (300, 300, 3)
    assert simulator.last_event.metadata["sceneName"] == "FloorPlan2_physics"
    assert asked == [
        (
            "InitialRandomSpawn",
            {"randomSeed": 5, "forceVisible": True, "numPlacementAttempts": 5, "renderImage": False},
        ),
        ("MakeAllObjectsMoveable", {"renderImage": False}),
        (
            "TeleportFull",
            {
                "position": {"x": 0.5, "y": 0.9, "z": -1.25},
                "rotation": {"x": 0.0, "y": 270.0, "z": 0.0},
                "horizon": 30.0,
                "standing": True,
            },
        ),
    ]


def test_unknown_scene(simulator: SimulatorProcess) -> None:
    with pytest.raises(LocationError, match="location 17 .*: scene 'FloorPlan9' is not one of the 3 scenes"):
        set_up(simulator, replace(LOCATION, scene="FloorPlan9"))
    set_up(simulator, LOCATION)


@pytest.mark.parametrize("action", ["InitialRandomSpawn", "MakeAllObjectsMoveable", "TeleportFull"])
@pytest.mark.parametrize(("fault", "word"), [("fail", "failed: something is in the way"), ("refuse", "was refused: ")])
def test_refused_actions(fake_config: Callable[..., SimulatorConfig], action: str, fault: str, word: str) -> None:
    simulator = SimulatorProcess(fake_config((action, fault)))
    try:
        with pytest.raises(LocationError, match=f"{TEXT}: {action} {word}"):
            set_up(simulator, LOCATION)
        assert simulator.alive
    finally:
        simulator.stop()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"scene": "FloorPlan1"}, "is of scene FloorPlan2_physics"),
        ({"position": (0.5, 0.9, -1.15)}, "is of position z = -1.250"),
        ({"position": (0.5, 0.8, -1.25)}, "is of position y = 0.900"),
        ({"rotation": 269.0}, "is of rotation 270.00"),
        ({"horizon": 0.0}, "is of horizon 30.00"),
    ],
)
def test_frames_of_another_place(simulator: SimulatorProcess, changes: dict, text: str) -> None:
    set_up(simulator, LOCATION)
    with pytest.raises(SimulatorError, match=f"location 17 .*: the simulator's answer {text}"):
        verify(simulator.last_event, replace(LOCATION, **changes))
    # The same pose in another form: equivalent angles, and the suffix that the client adds to scenes.
    verify(simulator.last_event, replace(LOCATION, rotation=-90.2, horizon=390.0, scene="FloorPlan2_physics"))


@pytest.mark.parametrize(("action", "text"), [("Reset", "of scene FloorPlan1"), ("TeleportFull", "of position x")])
def test_set_up_verifies_the_frame(fake_config: Callable[..., SimulatorConfig], action: str, text: str) -> None:
    simulator = SimulatorProcess(fake_config((action, "stay")))
    try:
        with pytest.raises(SimulatorError, match=f"{TEXT}: the simulator's answer is {text}"):
            set_up(simulator, LOCATION)
    finally:
        simulator.stop()


def test_errors_travel_between_processes() -> None:
    for error in (LocationError("a"), SimulatorError("b")):
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error) and str(copy) == str(error)

"""Fixtures that start the real client with the simulator on hand-made rooms and stop it at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simulator.world.sources import generated_rooms, rooms_of_module
from tests.simulator.player import Player, player_in

ROOT = Path(__file__).resolve().parents[2]
EXECUTABLE = f"'{sys.executable}' -m simulator"
BOX_ROOMS = f"{EXECUTABLE} --rooms tests.simulator.box_room"


@pytest.fixture(scope="module")
def start_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable]:
    """Starts clients: start_client(command=..., **keywords of Controller). HOME is a temporary folder."""
    from ai2thor.controller import Controller

    started = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

        def start(command: str = BOX_ROOMS, **keywords: object) -> Controller:
            settings = {"scene": "FloorPlan1", "x_display": ":0", "server_timeout": 60.0} | keywords
            client = Controller.__new__(Controller)
            started.append(client)  # also a client whose start fails leaves a process to end
            client.__init__(local_executable_path=command, **settings)
            return client

        yield start
        for client in started:
            client.stop()


@pytest.fixture(scope="module")
def client(start_client: Callable):
    """A client with colour, depth and instance images in the box room; tests reset it themselves."""
    return start_client(
        renderDepthImage=True, renderInstanceSegmentation=True, visibilityDistance=1.5, snapToGrid=False
    )


@pytest.fixture(scope="module")
def play() -> Iterator[Player]:
    """A player in the box room."""
    yield from player_in(rooms_of_module("tests.simulator.box_room"))


@pytest.fixture(scope="module")
def homes() -> Iterator[Player]:
    """A player in generated rooms."""
    yield from player_in(generated_rooms())

"""A real simulator for the game's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.controller import SimulatorProcess
from actors.hide_and_seek.defaults import embedded_simulator
from actors.hide_and_seek.world import World, start_simulator


@pytest.fixture(scope="module")
def rooms() -> Iterator[SimulatorProcess]:
    """An embedded simulator for a module's games."""
    simulator = start_simulator(embedded_simulator())
    yield simulator
    simulator.stop()


@pytest.fixture
def world(rooms: SimulatorProcess) -> World:
    """A world for one game."""
    return World(rooms)

"""Whether a simulator has the scenes that a command asks for."""

from __future__ import annotations

from collections.abc import Iterable

from actors.config import SimulatorConfig
from actors.hide_and_seek.world import start_simulator
from common.errors import UsageError


def check_scenes(simulator: SimulatorConfig, scenes: Iterable[str]) -> None:
    """Starts a simulator, asks it for its scenes, and ends it. One that names no scenes may have any.

    Raises:
        UsageError: it lacks one of the scenes, which the sentence names.
    """
    process = start_simulator(simulator)
    try:
        known = process.scenes
    finally:
        process.stop()
    for scene in scenes:
        if known and scene.removesuffix("_physics") not in known:
            raise UsageError(f"scenes: the simulator has no scene '{scene}'")

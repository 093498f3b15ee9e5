"""What commands check before they play: scenes and players; and what they say of games that were not played."""

from __future__ import annotations

from collections.abc import Iterable

from actors.config import SimulatorConfig
from actors.hide_and_seek.players.core import Side
from actors.hide_and_seek.world import start_simulator
from cluster.hide_and_seek.players import make_any_player
from common.errors import UsageError
from evaluation.hide_and_seek.evaluate import Outcome


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


def check_players(field: str, names: Iterable[str], side: Side) -> None:
    """Refuses names that are no player of a side, and checkpoints that cannot be loaded.

    Raises:
        UsageError: one sentence that names the field.
    """
    for name in names:
        try:
            make_any_player(name, side)
        except UsageError as error:
            raise UsageError(f"{field}: {error}") from None


def not_played(outcome: Outcome) -> str:
    """A sentence on a game that could not be played."""
    return f"{outcome.goal} in {outcome.scene} with seed {outcome.seed} was not played: {outcome.reason}"

"""The actions that change or ask for what can be seen: masks, hidden objects, visibility from many poses."""

from __future__ import annotations

from simulator.wire.arguments import Action
from simulator.wire.environment import Environment


def rotate_universe_around_agent(environment: Environment, *, rotation: int) -> None:
    """Turns the world about the agent by whole degrees, clockwise seen from above; the agent and its grid stay."""
    environment.room  # noqa: B018 - fails without a scene
    environment.turn_world(rotation)


SEEING: dict[str, Action] = {
    "RotateUniverseAroundAgent": Action(rotate_universe_around_agent),
}
"""Name -> action."""

"""Hide and seek: agents learn representations by playing a game. Read this file first.

Source: *Learning Generalizable Visual Representations via Interactive Gameplay*; rules, formulas and choices are in
docs/hide_and_seek.md.

- A task is a game: a room, a goal object and a seed (actors/hide_and_seek/game.py). A hider explores the room, chooses
  from where to hide the object, and hides it; then a seeker looks for it.
- Players are scripted or human (actors/hide_and_seek/players/); no networks are trained yet.
- Evaluation plays pairs of players against each other, and seekers at exhaustive hiding places
  (evaluation/hide_and_seek/).
"""

from __future__ import annotations

from collections.abc import Mapping

from cluster.hide_and_seek.config import EvaluateConfig
from cluster.run.system import Command


class HideAndSeekSystem:
    """Implements `cluster.run.system.Commands`."""

    name = "hide_and_seek"
    commands: Mapping[str, Command] = {
        "evaluate": Command(EvaluateConfig, "cluster.hide_and_seek.evaluate", "game_evaluate"),
    }
    variants: Mapping[str, Mapping[str, type]] = {}


SYSTEM = HideAndSeekSystem()

"""Hide and seek: agents learn representations by playing a game. Read this file first.

Source: *Learning Generalizable Visual Representations via Interactive Gameplay*; rules, formulas and choices are in
docs/hide_and_seek.md.

- A task is a game: a room, a goal object and a seed (actors/hide_and_seek/game.py). A hider explores the room, chooses
  from where to hide the object, and hides it; then a seeker looks for it.
- Players are scripted or human (actors/hide_and_seek/players/, cluster/hide_and_seek/game_page.py); no networks are
  trained yet.
- Evaluation plays pairs of players against each other, and sends seekers to hiding places (evaluation/hide_and_seek/).

Imports are inside the functions so that the command line starts fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cluster.hide_and_seek.config import EvaluateConfig
from cluster.hide_and_seek.places_config import PlacesConfig
from cluster.hide_and_seek.play_config import GamePlayConfig
from cluster.hide_and_seek.rooms_config import GameRoomsConfig
from cluster.play.config import PlayConfig
from cluster.run.system import Command

if TYPE_CHECKING:
    from cluster.play.core import Mode


class HideAndSeekSystem:
    """Implements `cluster.run.system.Commands`."""

    name = "hide_and_seek"
    commands: Mapping[str, Command] = {
        "evaluate": Command(EvaluateConfig, "cluster.hide_and_seek.evaluate", "game_evaluate"),
        "places": Command(PlacesConfig, "cluster.hide_and_seek.places", "places"),
        "play": Command(PlayConfig, "cluster.play.command", "play"),
        "rooms": Command(GameRoomsConfig, "cluster.hide_and_seek.rooms", "game_rooms"),
    }
    variants: Mapping[str, Mapping[str, type]] = {"play": {"hide_and_seek": GamePlayConfig}}

    def play_mode(self, config: PlayConfig) -> Mode:
        from actors.hide_and_seek.players import make_player
        from cluster.hide_and_seek.game_page import GameMode

        return GameMode(config.modes[self.name], config.simulator, make_player)


SYSTEM = HideAndSeekSystem()

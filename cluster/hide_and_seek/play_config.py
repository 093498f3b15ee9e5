"""Configuration schema of hide and seek's tab in `./playpen play`. Values: `conf/play/hide_and_seek.yaml`."""

from __future__ import annotations

from dataclasses import dataclass

from actors.hide_and_seek.config import GameConfig


@dataclass
class GamePlayConfig:
    """Settings of games with people."""

    actors: GameConfig
    """The rules."""
    hiders: list[str]
    """Names of the players of the program that can hide."""
    seekers: list[str]
    """Names of the players of the program that can seek."""
    places: list[str]
    """Files of hiding places that people can seek at."""
    save_places: str
    """File to which the hiding places of the page's games are added."""
    records: str
    """Folder of the records of games: those of the page are saved in it, and all of them can be shown."""

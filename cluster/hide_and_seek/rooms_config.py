"""Configuration schema of `./playpen rooms system=hide_and_seek`. Values and comments: `conf/game_rooms.yaml`."""

from __future__ import annotations

from dataclasses import dataclass

from actors.config import SimulatorConfig
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.scenes import GOALS
from cluster.hide_and_seek.config import check_names


@dataclass
class GameRoomsConfig:
    """Everything `./playpen rooms system=hide_and_seek` reads."""

    system: str
    record: str | None
    """File of a game's record, which is drawn again; null: games are played."""
    scenes: list[str]
    """Names of the rooms; one game is played in each."""
    goals: list[str]
    """Types of the goal objects; each game takes the next."""
    hider: str
    """Name of the player that hides."""
    seeker: str
    """Name of the player that seeks."""
    measure: bool
    """Whether the hiding place is measured: from where the object is seen, and how soon a search finds it."""
    seed: int
    """Of all games."""
    simulator: SimulatorConfig
    actors: GameConfig

    def __post_init__(self) -> None:
        if not self.scenes:
            raise ValueError("scenes must name at least one scene")
        check_names("goals", self.goals, GOALS)
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, not {self.seed}")

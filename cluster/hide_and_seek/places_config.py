"""Configuration schema of `./playpen places`. Values and comments: `conf/places.yaml`."""

from __future__ import annotations

from dataclasses import dataclass

from actors.config import SimulatorConfig
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.scenes import GOALS, SPLITS, scenes
from cluster.hide_and_seek.config import check_names
from evaluation.hide_and_seek.make_places import PlaceRules


@dataclass
class PlacesConfig:
    """Everything `./playpen places` reads."""

    system: str
    scenes: list[str]
    """Names of rooms; train, validation and test stand for all rooms of games of a split."""
    goals: list[str]
    """Types of the goal objects."""
    count: int
    """Number of places of each difficulty, for each scene and goal."""
    candidates: int
    """Number of places that are measured for each scene and goal."""
    spawns: int
    """Number of arrangements of the room's objects among which the candidates are spread."""
    inside_share: float
    """Share of the candidates that are in or on furniture that opens."""
    folder: str | None
    """Holds SCENE/GOAL.json; null: a folder in outputs/places whose name is a hash of what decides the places."""
    workers: int
    """Number of simulators."""
    pictures: int
    """Number of places of each difficulty that are drawn, of the first scene and goal; 0: no sheet."""
    seed: int
    """Of everything that is random."""
    simulator: SimulatorConfig
    actors: GameConfig

    def __post_init__(self) -> None:
        if not self.scenes:
            raise ValueError("scenes must name at least one scene")
        check_names("goals", self.goals, GOALS)
        for name, least in (("workers", 1), ("pictures", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        self.rules()

    def rules(self) -> PlaceRules:
        """What decides which places are made.

        Raises:
            ValueError: a value is impossible.
        """
        return PlaceRules(self.count, self.candidates, self.spawns, self.inside_share, self.seed)

    def wanted(self) -> list[tuple[str, str]]:
        """All pairs of scenes and goals, each once."""
        rooms = [room for name in self.scenes for room in (scenes(name) if name in SPLITS else [name])]
        return [(room, goal) for room in dict.fromkeys(rooms) for goal in dict.fromkeys(self.goals)]

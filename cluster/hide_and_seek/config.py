"""Configuration schemas of hide and seek's evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from actors.config import SimulatorConfig
from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.scenes import GOALS, KINDS, SPLITS


@dataclass
class EvaluateConfig:
    """Everything `./playpen evaluate system=hide_and_seek` reads."""

    system: str
    hiders: list[str]
    """Names of hiders, or folders of checkpoints or runs; each plays against each seeker. Empty: only hiding places are
    sought."""
    seekers: list[str]
    """Names of seekers, or folders of checkpoints or runs."""
    split: str
    """train, validation or test: the rooms of the games."""
    kinds: list[str]
    """Kinds of these rooms."""
    scenes: list[str]
    """Names of the rooms; empty: those of the split and the kinds."""
    goals: list[str]
    """Types of the goal objects."""
    games: int
    """Number of games of each pair, spread over rooms and goals."""
    places: str | None
    """A file of hiding places, or a folder of such files; seekers are sent to them, too. null: none."""
    workers: int
    """Number of simulators."""
    measure: bool
    """Whether hiding places are measured: from where the object is seen, and how soon a search finds it."""
    sheets: int
    """Number of games of each pair that are drawn and recorded."""
    seed: int
    """Of the first game; each further game of a pair has the next. All pairs play the same games."""
    simulator: SimulatorConfig
    actors: GameConfig

    def __post_init__(self) -> None:
        if not self.seekers:
            raise ValueError("seekers must name at least one seeker")
        if not self.hiders and self.places is None:
            raise ValueError("hiders must name at least one hider, or places must name hiding places")
        if self.split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {self.split}")
        check_names("kinds", self.kinds, tuple(KINDS))
        check_names("goals", self.goals, GOALS)
        for name, least in (("games", 1), ("workers", 1), ("sheets", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")


def check_names(field: str, names: list[str], known: tuple[str, ...]) -> None:
    """Refuses an empty list and unknown names.

    Raises:
        ValueError: one sentence naming the field.
    """
    if not names:
        raise ValueError(f"{field} must name at least one of {', '.join(known)}")
    for name in names:
        if name not in known:
            raise ValueError(f"{field} must be of {', '.join(known)}, not {name}")

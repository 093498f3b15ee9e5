"""Settings of the evaluation of agents that learn to play hide and seek; conf/evaluation/hide_and_seek.yaml."""

from __future__ import annotations

from dataclasses import dataclass

from actors.hide_and_seek.scenes import GOALS, KINDS, SPLITS


@dataclass
class EpisodeCounts:
    """Numbers of episodes of each skill; 0 leaves it out."""

    explore: int
    """Episodes of exploration."""
    manipulate: int
    """Episodes of object manipulation."""
    seek: int
    """Episodes of seeking at easy places; at most as many as there are places."""

    def __post_init__(self) -> None:
        for name in ("explore", "manipulate", "seek"):
            if getattr(self, name) < 0:
                raise ValueError(f"evaluation: {name} must be 0 or more, not {getattr(self, name)}")


@dataclass
class LearnedEvaluationConfig:
    """What is measured of an agent during training and at the end."""

    every_minutes: float | None
    """Minutes between evaluations during training; null: none."""
    split: str
    """validation or test: the rooms, which training never shows."""
    kinds: list[str]
    """Kinds of these rooms."""
    goals: list[str]
    """Types of the goal objects."""
    folder: str
    """Folder of the test data, which are made once; names of subfolders carry a hash of what decides the content."""
    seed: int
    """Of all test data and of the players' draws; the same for all rows."""
    final: EpisodeCounts
    """Episodes of each row of the final table."""
    quick: EpisodeCounts
    """Episodes during training: the first of those of the final table."""
    claim_above: float | None
    """Agents take ClaimVisible if its probability is larger, and never otherwise; null: they draw it like others."""
    seek_steps: int
    """Steps after which an episode of seeking ends, instead of the rules' 500."""
    behind_share: float
    """Share of the manipulations with the target Behind; the same share gets ContainedIn, and the rest OnTop."""
    place_candidates: int
    """Candidates from which one easy hiding place is drawn, for each place."""
    triplets: int
    """Triplets for the visual dynamics."""
    walk_steps: int
    """Steps of a walk that collects triplets."""
    walks: int
    """Number of walks."""
    batch_size: int
    """Triplets in each batch of the network."""
    games: int
    """Whole games of the trained agent against itself in the final evaluation; the first is drawn."""
    shown: int
    """Triplets in the picture of the visual dynamics."""
    workers: int
    """Number of simulators."""

    def __post_init__(self) -> None:
        if self.every_minutes is not None and self.every_minutes <= 0:
            raise ValueError(f"evaluation.every_minutes must be null or above 0, not {self.every_minutes}")
        if self.split not in SPLITS:
            raise ValueError(f"evaluation.split must be one of {', '.join(SPLITS)}, not {self.split}")
        for name, values, known in (("kinds", self.kinds, tuple(KINDS)), ("goals", self.goals, GOALS)):
            if not values or not set(values) <= set(known):
                raise ValueError(f"evaluation.{name} must name some of {', '.join(known)}, not {', '.join(values)}")
        for name in ("seek_steps", "place_candidates", "triplets", "walk_steps", "walks", "batch_size", "workers"):
            if getattr(self, name) < 1:
                raise ValueError(f"evaluation.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("seed", "games", "shown"):
            if getattr(self, name) < 0:
                raise ValueError(f"evaluation.{name} must be at least 0, not {getattr(self, name)}")
        if not 0 <= self.behind_share <= 0.5:
            raise ValueError(f"evaluation.behind_share must be between 0 and 0.5, not {self.behind_share}")
        for name in ("explore", "manipulate", "seek"):
            if getattr(self.quick, name) > getattr(self.final, name):
                raise ValueError(f"evaluation.quick.{name} must be at most evaluation.final.{name}")

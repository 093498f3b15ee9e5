"""Configuration schema of `./playpen train system=hide_and_seek`."""

from __future__ import annotations

from dataclasses import dataclass

from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.learning.config import LearningConfig
from actors.hide_and_seek.scenes import KINDS
from cluster.run.config import RunConfig
from evaluation.hide_and_seek.config import LearnedEvaluationConfig
from learner.hide_and_seek.config import LearnerConfig
from models.hide_and_seek.config import AgentConfig
from replay.hide_and_seek.config import GameReplayConfig


@dataclass
class LearningActorConfig(GameConfig):
    """The rules, and how agents collect what is learned from."""

    learning: LearningConfig


@dataclass
class GameTrainConfig(RunConfig):
    """Everything `./playpen train system=hide_and_seek` reads."""

    kinds: list[str]
    """Kinds of the training rooms."""
    scenes: list[str]
    """Names of the training rooms; empty: the first twenty of each kind."""
    actors: LearningActorConfig
    replay: GameReplayConfig
    models: AgentConfig
    learner: LearnerConfig
    evaluation: LearnedEvaluationConfig

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.kinds or not set(self.kinds) <= set(KINDS):
            raise ValueError(f"kinds must name some of {', '.join(KINDS)}, not {list(self.kinds)}")
        from actors.hide_and_seek.world import game_simulator  # importing the client takes half a second

        self.simulator = game_simulator(self.simulator)

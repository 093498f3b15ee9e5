"""Configuration schema of `./playpen train system=hide_and_seek`."""

from __future__ import annotations

from dataclasses import dataclass

from actors.hide_and_seek.config import GameConfig
from actors.hide_and_seek.learning.config import LearningConfig
from cluster.run.config import RunConfig
from evaluation.hide_and_seek.config import LearnedEvaluationConfig
from learner.hide_and_seek.config import LearnerConfig
from models.hide_and_seek.config import AgentConfig
from replay.hide_and_seek.config import GameReplayConfig


@dataclass
class TrainedGameConfig(GameConfig):
    """The rules, and how agents collect what is learned from."""

    learning: LearningConfig


@dataclass
class GameTrainConfig(RunConfig):
    """Everything `./playpen train system=hide_and_seek` reads."""

    actors: TrainedGameConfig
    replay: GameReplayConfig
    models: AgentConfig
    learner: LearnerConfig
    evaluation: LearnedEvaluationConfig

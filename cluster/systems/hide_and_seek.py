"""Hide and seek: agents learn representations by playing a game. Read this file first.

Source: *Learning Generalizable Visual Representations via Interactive Gameplay*; rules, formulas and choices are in
docs/hide_and_seek.md.

- A task is a room and a goal object. A phase says what is practised in it: single stages of the game, or whole games
  (actors/hide_and_seek/game.py). Each task gives a fixed number of records (actors/hide_and_seek/learning/).
- Three tables hold unrolls (a queue), triplets of visual dynamics replay, and memories of whole games
  (replay/hide_and_seek/).
- The learner trains one network for both sides (learner/hide_and_seek/, models/hide_and_seek/).
- The evaluator measures exploring, manipulating, seeking and visual dynamics in other rooms
  (evaluation/hide_and_seek/). Pairs of players, learned or scripted, are compared by `./playpen evaluate`.

Imports are inside the functions so that the command line starts fast.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from cluster.hide_and_seek.config import EvaluateConfig
from cluster.hide_and_seek.places_config import PlacesConfig
from cluster.hide_and_seek.play_config import GamePlayConfig
from cluster.hide_and_seek.predict_config import GamePredictConfig
from cluster.hide_and_seek.rooms_config import GameRoomsConfig
from cluster.hide_and_seek.train_config import GameTrainConfig
from cluster.play.config import PlayConfig
from cluster.run.system import Command, Data, Meter, Migration
from evaluation.hide_and_seek.columns import COLUMNS
from evaluation.hide_and_seek.config import LearnedEvaluationConfig
from models.hide_and_seek.config import AgentConfig

if TYPE_CHECKING:
    from actors.core import MakePlayer
    from cluster.play.core import Mode
    from evaluation.core import FinalReport, MakeEvaluator
    from learner.core import MakeLearner
    from learner.schedule import Phase
    from replay.core import TableSpec


class HideAndSeekSystem:
    """Implements `cluster.run.system.System`."""

    name = "hide_and_seek"
    columns = COLUMNS
    objective = "coverage"
    measures_data_sets = False
    commands: Mapping[str, Command] = {
        "train": Command(GameTrainConfig, "cluster.run.train", "game_train"),
        "evaluate": Command(EvaluateConfig, "cluster.hide_and_seek.evaluate", "game_evaluate"),
        "predict": Command(GamePredictConfig, "cluster.hide_and_seek.predict", "game_predict"),
        "places": Command(PlacesConfig, "cluster.hide_and_seek.places", "places"),
        "play": Command(PlayConfig, "cluster.play.command", "play"),
        "rooms": Command(GameRoomsConfig, "cluster.hide_and_seek.rooms", "game_rooms"),
    }
    variants: Mapping[str, Mapping[str, type]] = {
        "play": {"hide_and_seek": GamePlayConfig},
        "models": {"agent": AgentConfig},
        "evaluation": {"hide_and_seek": LearnedEvaluationConfig},
    }
    migrations: Mapping[int, Migration] = {}

    def schema_of(self, values: Mapping[str, Any]) -> type:
        return GameTrainConfig

    def schema_like(self, values: Mapping[str, Any]) -> Any:
        return OmegaConf.structured(GameTrainConfig)

    def check(self, config: GameTrainConfig) -> None:
        from cluster.hide_and_seek.schedule import check_schedule

        check_schedule(config)

    def data(self, config: GameTrainConfig, interrupted: threading.Event | None = None) -> Data:
        from cluster.hide_and_seek.tasks import find_tasks

        return Data(find_tasks(config), None)

    def tables(self, config: GameTrainConfig) -> dict[str, TableSpec]:
        from cluster.hide_and_seek.schedule import tables

        return tables(config)

    def checkpoint_bytes(self, config: GameTrainConfig) -> int:
        from models.hide_and_seek.network import count_parameters

        # Weights and three moments; each past version has the agent's weights.
        counts = count_parameters(config.models)
        return 4 * (4 * counts["total"] + (4 + config.models.past_versions) * counts["agent"])

    def phases(self, config: GameTrainConfig, tasks: int) -> Sequence[Phase]:
        from cluster.hide_and_seek.schedule import phases

        return phases(config)

    def player(self, config: GameTrainConfig) -> MakePlayer:
        from actors.hide_and_seek.learning.player import MakePlayer

        return MakePlayer(config.simulator, config.actors, config.models, config.actors.learning, config.seed)

    def learner(self, config: GameTrainConfig) -> MakeLearner:
        from learner.hide_and_seek.make import MakeGameLearner

        return MakeGameLearner(config.models, config.learner, config.seed)

    def evaluator(self, config: GameTrainConfig, test: Any) -> MakeEvaluator:
        from evaluation.hide_and_seek.evaluator import MakeEvaluator

        return MakeEvaluator(config.evaluation, config.simulator, config.actors, config.actors.learning, config.models)

    def meter(self, config: GameTrainConfig) -> Meter:
        from cluster.hide_and_seek.meter import GameMeter

        return GameMeter()

    def curves(
        self,
        config: GameTrainConfig,
        folder: Path,
        rows: list[dict[str, Any]],
        report: FinalReport,
        seconds: float,
        steps: int,
    ) -> list[Path]:
        from evaluation.hide_and_seek.curves import draw_curves

        path = folder / "learning_curves.png"
        return [path] if draw_curves(path, rows, report.result, seconds / 60) else []

    def evaluation_sentence(self, metrics: Mapping[str, float]) -> str:
        from evaluation.hide_and_seek.learned_report import sentence

        return sentence(metrics)

    def facts(self, config: GameTrainConfig) -> dict[str, Any]:
        return {"model_image_size": config.models.image_size}

    def table_results(self, plan: Any, interrupted: threading.Event) -> Any:
        from cluster.hide_and_seek.table_results import Results

        return Results(plan, interrupted)

    def play_mode(self, config: PlayConfig) -> Mode:
        from actors.hide_and_seek.players import make_player
        from cluster.hide_and_seek.game_page import GameMode

        return GameMode(config.modes[self.name], config.simulator, make_player)


SYSTEM = HideAndSeekSystem()

"""The interaction system: agents learn to see objects by touching them. Read this file first.

Source: *Learning About Objects by Learning to Interact with Them*; formulas and choices are in docs/interaction.md.

- A task is a location: a place in a room, where the player touches objects (actors/interaction/).
- Each visit produces one record, which is stored in a table with priorities (replay/interaction/).
- The learner trains a small UNet on score, embedding and force (learner/interaction/, models/interaction/).
- The evaluator measures box and mask AP on locations of other rooms (evaluation/interaction/).

Imports are inside the functions so that commands without torch start fast.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.interaction.config import (
    MIGRATIONS,
    VARIANTS,
    DatasetConfig,
    EvaluateConfig,
    ExportConfig,
    PredictConfig,
    RoomsConfig,
    TrainConfig,
    schema_like,
    schema_of,
)
from cluster.run.system import Command, Data, Meter
from evaluation.interaction.columns import COLUMNS

if TYPE_CHECKING:
    from actors.core import MakePlayer
    from cluster.play.config import PlayConfig
    from cluster.play.core import Mode
    from evaluation.core import FinalReport, MakeEvaluator
    from learner.core import MakeLearner
    from learner.schedule import Phase
    from replay.core import TableSpec


class InteractionSystem:
    """Implements `cluster.run.system.System`."""

    name = "interaction"
    columns = COLUMNS
    objective = "mask_ap50"
    measures_data_sets = True
    commands = {
        "train": Command(TrainConfig, "cluster.run.train", "train"),
        "evaluate": Command(EvaluateConfig, "cluster.interaction.evaluate", "evaluate"),
        "dataset": Command(DatasetConfig, "cluster.interaction.dataset", "dataset"),
        "predict": Command(PredictConfig, "cluster.interaction.predict", "predict"),
        "export": Command(ExportConfig, "cluster.interaction.export", "export"),
        "rooms": Command(RoomsConfig, "cluster.interaction.rooms", "rooms"),
    }
    variants = VARIANTS
    migrations = MIGRATIONS

    def schema_of(self, values: Mapping[str, Any]) -> type:
        return schema_of(values)

    def schema_like(self, values: Mapping[str, Any]) -> Any:
        return schema_like(values)

    def check(self, config: TrainConfig) -> None:
        from cluster.interaction.schedule import check_schedule
        from cluster.interaction.start_from import check_start

        check_schedule(config)
        check_start(config)

    def data(self, config: TrainConfig, interrupted: threading.Event | None = None) -> Data:
        from cluster.interaction.dataset import find_locations, find_test_locations
        from cluster.interaction.records import find_records

        if config.uses_records:
            records = find_records(config)
            return Data(records, find_test_locations(config.evaluation, config.simulator, interrupted))
        return Data(*find_locations(config.evaluation, config.simulator, interrupted))

    def tables(self, config: TrainConfig) -> dict[str, TableSpec]:
        from replay.interaction.batch import LOCATIONS, location_table, record_format

        records = record_format(config.actors.record_fields)
        return {LOCATIONS: location_table(config.replay, records, uniform=config.models.kind == "mask_rcnn")}

    def checkpoint_bytes(self, config: TrainConfig) -> int:
        return 30_000_000  # weights, two moments and an average of 1.4 million parameters, rounded up

    def phases(self, config: TrainConfig, tasks: int) -> Sequence[Phase]:
        from cluster.interaction.schedule import phases

        return phases(config, tasks)

    def player(self, config: TrainConfig) -> MakePlayer:
        from actors.interaction.player import MakePlayer
        from actors.interaction.recorded import MakeRecordPlayer

        if config.uses_records:
            return MakeRecordPlayer(config.actors.record_fields, config.actors.oracles.touching)
        network = None if config.models.kind == "mask_rcnn" else config.models
        return MakePlayer(config.simulator, config.actors, network, config.seed)

    def learner(self, config: TrainConfig) -> MakeLearner:
        from cluster.interaction.start_from import first_weights
        from learner.interaction.make import MakeLearner

        replay = config.replay
        return MakeLearner(
            config.models,
            config.learner,
            config.seed,
            replay.mode,
            replay.image_score,
            config.mass_classes,
            first_weights(config),
        )

    def evaluator(self, config: TrainConfig, test: Any) -> MakeEvaluator:
        from evaluation.interaction.evaluator import MakeEvaluator

        return MakeEvaluator(
            config.evaluation, config.simulator, config.actors, config.models, test, config.seed, config.mass_classes
        )

    def meter(self, config: TrainConfig) -> Meter:
        from cluster.interaction.meter import TouchMeter

        return TouchMeter({"loss": "loss"} if config.models.kind == "mask_rcnn" else {"mask IoU": "mask_iou"})

    def curves(
        self,
        config: TrainConfig,
        folder: Path,
        rows: list[dict[str, Any]],
        report: FinalReport,
        seconds: float,
        steps: int,
    ) -> list[Path]:
        from evaluation.interaction.final import draw_learning_curve

        path = folder / "learning_curve.png"
        draw_learning_curve(path, rows, report, seconds / 60, steps, config.images_per_step)
        return [path]

    def evaluation_sentence(self, metrics: Mapping[str, float]) -> str:
        from evaluation.interaction.evaluator import quick_evaluation_sentence

        return quick_evaluation_sentence(metrics)

    def facts(self, config: TrainConfig) -> dict[str, Any]:
        started = {} if config.start_from is None else {"start_from": config.start_from}
        return {"dataset": config.evaluation.dataset.name, **started}

    def table_results(self, plan: Any, interrupted: threading.Event) -> Any:
        from cluster.interaction.table_results import Results

        return Results(plan, interrupted)

    def play_mode(self, config: PlayConfig) -> Mode:
        from cluster.interaction.touch_page import touch_mode

        return touch_mode(config)


SYSTEM = InteractionSystem()

"""`./playpen evaluate`: measures a checkpoint on a data set's test locations, in this process."""

from __future__ import annotations

import time
from pathlib import Path

from actors.launch import check_launch
from cluster.command.overrides import save_config
from cluster.command.result_line import print_result
from cluster.interaction.config import EvaluateConfig
from cluster.interaction.dataset import find_test_locations
from cluster.interaction.measure import measure
from cluster.interaction.predictors import trained_predictor, untrained_predictor
from cluster.interaction.run_settings import named_checkpoint, settings_of_run
from cluster.run.checkpoints import find_checkpoint
from cluster.run.results import show_table
from common.files import write_json
from evaluation.interaction.columns import COLUMNS
from evaluation.interaction.final import final_report


def run(config: EvaluateConfig, folder: Path) -> int:
    """Runs the command and returns its exit code."""
    started = time.monotonic()
    checkpoint = find_checkpoint(config.checkpoint)
    config = settings_of_run(config, checkpoint)
    check_launch(config.simulator)
    predictor, index = trained_predictor(config.models, checkpoint, config.actors.confidence)
    save_config(config, folder / "config.yaml")
    print(f"RUN {folder}", flush=True)
    print(named_checkpoint(checkpoint, index), flush=True)
    test = find_test_locations(config.evaluation, config.simulator)
    untrained = untrained_predictor(config.models, index, index["seed"], config.actors.confidence)
    report = final_report(measure(config, folder, test, predictor, untrained), config.evaluation.dataset.name)
    result = {
        "command": "evaluate",
        **report.result,
        "touches": index["extra"].get("touches"),
        "steps": index["version"],
        "wall_s": round(time.monotonic() - started, 1),
        "seed": config.seed,
        "dataset": config.evaluation.dataset.name,
        "checkpoint": str(checkpoint),
        "commit": index["extra"].get("commit"),
    }
    show_table(folder, report, COLUMNS)
    write_json(folder / "results.json", result | report.details)
    print_result(result)
    return 0

"""`./playpen evaluate`: a checkpoint on a data set's test locations, in this process."""

from __future__ import annotations

import time
from pathlib import Path

from actors.launch import check_launch
from cluster.command.compose import save_config
from cluster.command.result_line import print_result
from cluster.interaction.dataset import find_test_locations
from cluster.interaction.predictors import trained_predictor, untrained_predictor
from cluster.run.checkpoints import find_checkpoint
from cluster.run.config import EvaluateConfig
from cluster.run.results import details, measure, result_figures, show_table
from cluster.run.run_settings import settings_of_run
from common.files import write_json


def run(config: EvaluateConfig, folder: Path) -> int:
    """The whole command. Returns the exit code."""
    started = time.monotonic()
    checkpoint = find_checkpoint(config.checkpoint)
    config = settings_of_run(config, checkpoint)
    check_launch(config.simulator)
    predictor, index = trained_predictor(config.models, checkpoint)
    save_config(config, folder / "config.yaml")
    print(f"RUN {folder}", flush=True)
    test = find_test_locations(config.evaluation, config.simulator)
    untrained = untrained_predictor(config.models, index, index["seed"])
    report = measure(config, folder, test, predictor, untrained)
    result = {
        "command": "evaluate",
        **result_figures(report),
        "touches": index["extra"].get("touches"),
        "steps": index["version"],
        "wall_s": round(time.monotonic() - started, 1),
        "seed": config.seed,
        "dataset": config.evaluation.dataset.name,
        "checkpoint": str(checkpoint),
    }
    show_table(folder, report, config.evaluation.dataset.name)
    write_json(folder / "results.json", result | details(report))
    print_result(result)
    return 0

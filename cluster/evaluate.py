"""`./playpen evaluate`: a checkpoint on a data set's test locations, in this process."""

from __future__ import annotations

import time
from pathlib import Path

from omegaconf import OmegaConf

from actors.launch import check_launch
from cluster.checkpoints import find_checkpoint
from cluster.config import EvaluateConfig
from cluster.dataset import find_locations
from cluster.predictors import trained_predictor, untrained_predictor
from cluster.result_line import print_result
from cluster.results import details, measure, result_figures, show_table
from evaluation.files import write_json


def run(config: EvaluateConfig, folder: Path) -> int:
    """The whole command. Returns the exit code."""
    started = time.monotonic()
    checkpoint = find_checkpoint(config.checkpoint)
    check_launch(config.simulator)
    predictor, index = trained_predictor(config.models, checkpoint)
    OmegaConf.save(OmegaConf.structured(config), folder / "config.yaml")
    print(f"RUN {folder}", flush=True)
    _, test = find_locations(config.evaluation, config.simulator)
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
    write_json(folder / "results.json", result | details(report))
    show_table(folder, report, config.evaluation.dataset.name)
    print_result(result)
    return 0

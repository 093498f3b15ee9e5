"""`./playpen evaluate`: a checkpoint on a data set's test locations, in this process."""

from __future__ import annotations

import time
from pathlib import Path

from omegaconf import OmegaConf

from cluster.checkpoints import find_checkpoint
from cluster.config import EvaluateConfig
from cluster.dataset import find_locations
from cluster.predictors import known_figures, trained_predictor, untrained_predictor
from cluster.result_line import print_result
from cluster.results import RESULT_KEYS, show_table
from evaluation.evaluate import Evaluator
from evaluation.files import write_json
from evaluation.report import write_metric_figures, write_predictions, write_six_panels


def run(config: EvaluateConfig, folder: Path) -> int:
    """The whole command. Returns the exit code."""
    started = time.monotonic()
    checkpoint = find_checkpoint(config.checkpoint)
    predictor, index = trained_predictor(config.models, checkpoint)
    OmegaConf.save(OmegaConf.structured(config), folder / "config.yaml")
    print(f"RUN {folder}", flush=True)
    _, test = find_locations(config.evaluation, config.simulator)
    evaluator = Evaluator(config.evaluation, test.path, test.entries, config.simulator, config.seed)
    trained = evaluator.evaluate(predictor)
    untrained = evaluator.evaluate(untrained_predictor(config.models, index, index["seed"]), show=False)
    baselines = evaluator.baselines()
    (folder / "figures").mkdir(exist_ok=True)
    (folder / "predictions").mkdir(exist_ok=True)
    write_predictions(folder / "predictions", "trained", evaluator, trained)
    others = {"untrained": untrained.metrics} | {name: result.metrics for name, result in baselines.items()}
    write_metric_figures(folder / "figures", trained, others)
    write_six_panels(folder / "figures", evaluator, predictor, config.simulator, config.actors, config.seed)
    extra, figures = index["extra"], known_figures(predictor, trained.metrics)
    result = {
        "command": "evaluate",
        **{key: figures[key] for key in RESULT_KEYS if key in figures},
        "baselines": {
            name: {key: metrics.figures()[key] for key in ("mask_ap50", "mask_ap", "box_ap50", "box_ap")}
            for name, metrics in others.items()
        },
        "touches": extra.get("touches"),
        "steps": index["version"],
        "wall_s": round(time.monotonic() - started, 1),
        "seed": config.seed,
        "dataset": config.evaluation.dataset.name,
        "checkpoint": str(checkpoint),
    }
    write_json(folder / "results.json", result | {"confusion": trained.metrics.confusion.tolist()})
    rows = {"trained": figures} | {name: metrics.figures() for name, metrics in others.items()}
    show_table(folder, rows, config.evaluation.dataset.name)
    print_result(result)
    return 0

"""`./playpen predict`: finds the objects in one RGB-D image."""

from __future__ import annotations

import time
from pathlib import Path

from cluster.command.result_line import print_result
from cluster.interaction.config import PredictConfig
from cluster.interaction.predictors import trained_predictor
from cluster.interaction.run_settings import named_checkpoint, settings_of_run
from cluster.run.checkpoints import find_checkpoint
from cluster.run.run_folder import inside_run
from common.errors import UsageError
from evaluation.interaction.predict import predict_files


def run(config: PredictConfig, folder: Path) -> int:
    """Runs the command and returns its exit code."""
    started = time.monotonic()
    if inside_run(Path(config.output).resolve()):
        raise UsageError(
            f"output={config.output} is in the folder of a run, whose files would be mixed with these; choose another"
        )
    checkpoint = find_checkpoint(config.checkpoint)
    config = settings_of_run(config, checkpoint)
    predictor, index = trained_predictor(config.models, checkpoint, config.actors.confidence)
    try:
        written = predict_files(
            Path(config.image),
            Path(config.depth),
            config.depth_scale,
            Path(config.output),
            predictor,
            config.count,
            config.actors.cluster_distance,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    print(named_checkpoint(checkpoint, index))
    print(f"{written['instances']} instances in {written['predictions']}; drawn in {written['overlay']}")
    print_result(
        {
            "command": "predict",
            **written,
            "checkpoint": str(checkpoint),
            "steps": index["version"],
            "commit": index["extra"].get("commit"),
            "wall_s": round(time.monotonic() - started, 2),
        }
    )
    return 0

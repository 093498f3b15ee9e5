"""`./playpen predict system=hide_and_seek`: which actions would succeed in a picture, and what moves would show."""

from __future__ import annotations

import time
from pathlib import Path

from cluster.command.result_line import print_result
from cluster.hide_and_seek.players import load_network
from cluster.hide_and_seek.predict_config import GamePredictConfig
from cluster.run.checkpoints import find_checkpoint
from cluster.run.run_folder import inside_run
from common.errors import UsageError
from evaluation.hide_and_seek.predict import predict_files


def run(config: GamePredictConfig, folder: Path) -> int:
    """Runs the command and returns its exit code."""
    started = time.monotonic()
    if inside_run(Path(config.output).resolve()):
        raise UsageError(
            f"output={config.output} is in the folder of a run, whose files would be mixed with these; choose another"
        )
    checkpoint = find_checkpoint(config.checkpoint)
    network = load_network(config.checkpoint)
    written = predict_files(Path(config.image), Path(config.output), network)
    print(f"predictions in {written['predictions']}; drawn in {written['picture']}")
    seconds = round(time.monotonic() - started, 2)
    print_result(
        {"command": "predict", "system": config.system, **written, "checkpoint": str(checkpoint), "wall_s": seconds}
    )
    return 0

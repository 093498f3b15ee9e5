"""Measures a model in this process, for the commands that train nothing on the chassis."""

from __future__ import annotations

from pathlib import Path

from cluster.interaction.config import EvaluateConfig, TrainConfig
from cluster.interaction.predictors import AnyPredictor
from evaluation.interaction.evaluate import Evaluator
from evaluation.interaction.locations import TestSet
from evaluation.interaction.report import Report, measure_references, write_report


def measure(
    config: TrainConfig | EvaluateConfig, folder: Path, test: TestSet, trained: AnyPredictor, untrained: AnyPredictor
) -> Report:
    """Measures a model in this process, beside what it is compared with, and writes predictions and figures.

    Args:
        config: what is measured, the simulator, and the seed.
        folder: of the run.
        test: the locations.
        trained, untrained: the model as it is and as it was.

    Raises:
        SimulatorError, LocationError: a location cannot be rendered or played.
    """
    evaluator = Evaluator(config.evaluation, test.path, test.entries, config.simulator, config.seed)
    references = measure_references(evaluator, untrained, config.actors.cluster_distance)
    return write_report(folder, evaluator, trained, references, config.simulator, config.actors, show=True)

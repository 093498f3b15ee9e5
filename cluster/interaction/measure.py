"""Measures a model in this process, for commands that do not use the evaluator's Ray actor."""

from __future__ import annotations

from pathlib import Path

from cluster.interaction.config import EvaluateConfig, TrainConfig
from evaluation.interaction.evaluate import Evaluator
from evaluation.interaction.locations import TestSet
from evaluation.interaction.report import Report, measure_references, write_report
from models.interaction.predictors import AnyPredictor


def measure(
    config: TrainConfig | EvaluateConfig, folder: Path, test: TestSet, trained: AnyPredictor, untrained: AnyPredictor
) -> Report:
    """Measures a model and its baselines in this process, and writes predictions and figures.

    Args:
        config: of the evaluation, the simulator, the actors, and the seed.
        folder: of the run.
        test: the test locations.
        trained: the model.
        untrained: the model before training.

    Raises:
        SimulatorError, LocationError: a location cannot be rendered or played.
    """
    evaluator = Evaluator(config.evaluation, test.path, test.entries, config.simulator, config.seed)
    references = measure_references(evaluator, untrained, config.actors.cluster_distance)
    return write_report(folder, evaluator, trained, references, config.simulator, config.actors, show=True)

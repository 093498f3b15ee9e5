"""The evaluator as a Ray actor: it measures while the run goes on, beside actors and learner."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import ray
import torch

from actors.interaction.config import ActorConfig, SimulatorConfig
from evaluation.interaction.config import EvaluationConfig
from evaluation.interaction.evaluate import Evaluator
from evaluation.interaction.locations import TestSet
from evaluation.interaction.report import References, Report, known_figures, measure_references, write_report
from models.interaction.config import NetworkConfig
from models.interaction.inference import Predictor
from models.interaction.network import build_network


class EvaluationShell:
    """`EvaluationActor` is this class as a Ray actor. It uses one core.

    Args:
        config: what is measured and drawn.
        simulator: for the touches of the six-panel figures.
        actors: for these touches, and how the model's output becomes instances.
        network: architecture of the model.
        test: the test file.
        seed: the run's: it makes the same untrained network as the learner's.
    """

    def __init__(
        self,
        config: EvaluationConfig,
        simulator: SimulatorConfig,
        actors: ActorConfig,
        network: NetworkConfig,
        test: TestSet,
        seed: int,
    ) -> None:
        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self.config, self.simulator, self.actors, self.test, self.seed = config, simulator, actors, test, seed
        self.predictor = Predictor(build_network(network, seed))
        self.evaluator: Evaluator | None = None
        self.references: References | None = None

    @ray.method(concurrency_group="control")
    def pid(self) -> int:
        """Process id; answers also while something is measured: the evaluator's heartbeat."""
        return os.getpid()

    def prepare(self) -> None:
        """Loads (or renders) the looks, and measures what needs no training: the untrained network and baselines.

        Raises:
            SimulatorError, LocationError: a location cannot be rendered.
        """
        self.evaluator = Evaluator(self.config, self.test.path, self.test.entries, self.simulator, self.seed)
        self.references = measure_references(self.evaluator, self.predictor, self.actors.cluster_distance)

    def on_the_way(self, weights: list[Any], version: int, seconds: float) -> dict[str, float]:
        """Measures the model on `evaluation.images_on_the_way` locations.

        Args:
            weights: a list with one reference to the flat vector.
            version: of these weights.
            seconds: since the run began, for the curve.

        Returns:
            those of the figures of `Metrics.figures` that the model has, with steps and minutes.
        """
        assert self.evaluator is not None, "prepare comes first"
        self.predictor.load(ray.get(weights[0]))
        distance, images = self.actors.cluster_distance, self.config.images_on_the_way
        metrics = self.evaluator.evaluate(self.predictor, distance, images, show=False).metrics
        return {"steps": version, "minutes": seconds / 60, **known_figures(metrics, self.predictor.knows_mass)}

    def final(self, weights: list[Any], folder: str) -> Report:
        """Measures the model on all chosen locations and writes predictions and figures.

        Args:
            weights: a list with one reference to the flat vector.
            folder: of the run.
        """
        assert self.evaluator is not None and self.references is not None, "prepare comes first"
        self.predictor.load(ray.get(weights[0]))
        return write_report(
            Path(folder), self.evaluator, self.predictor, self.references, self.simulator, self.actors, show=False
        )


_remote: Any = ray.remote  # its type hints lack concurrency_groups
EvaluationActor: Any = _remote(concurrency_groups={"control": 1})(EvaluationShell)

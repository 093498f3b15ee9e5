"""The evaluator of the interaction system: AP on the locations of a test file, beside baselines without training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from actors.config import SimulatorConfig
from actors.interaction.config import ActorConfig
from evaluation.core import FinalReport
from evaluation.interaction.config import BASELINE_CLASS, EvaluationConfig
from evaluation.interaction.evaluate import Evaluator
from evaluation.interaction.final import final_report
from evaluation.interaction.locations import TestSet
from evaluation.interaction.report import References, Report, known_figures, measure_references, write_report
from models.interaction.config import NetworkConfig
from models.interaction.mask_rcnn.config import MaskRcnnConfig
from models.interaction.predictors import build_predictor


@dataclass(frozen=True)
class MakeEvaluator:
    """See `evaluation.core.MakeEvaluator`.

    Args:
        config: settings of the evaluation.
        simulator: for the touches of the six-panel figures.
        actors: settings of these touches and of the clustering.
        network: architecture of the model.
        test: the test set.
        seed: the run's seed; it gives the same untrained network as the learner's.
        mass_classes: Mask R-CNN: whether its classes are the mass classes.
    """

    config: EvaluationConfig
    simulator: SimulatorConfig
    actors: ActorConfig
    network: NetworkConfig | MaskRcnnConfig
    test: TestSet
    seed: int
    mass_classes: bool

    def __call__(self) -> LocationEvaluator:
        """Makes the evaluator, which is not prepared yet."""
        return LocationEvaluator(self)


class LocationEvaluator:
    """An `evaluation.core.EvaluatorCore`."""

    def __init__(self, settings: MakeEvaluator) -> None:
        self.settings = settings
        only_class = None if settings.mass_classes else BASELINE_CLASS
        self.predictor = build_predictor(settings.network, settings.seed, only_class, settings.actors.confidence)
        self.evaluator: Evaluator | None = None
        self.references: References | None = None

    def prepare(self) -> None:
        """Loads (or renders) the observations, and measures the untrained network and the baselines.

        Raises:
            SimulatorError, LocationError: a location cannot be rendered.
        """
        settings = self.settings
        self.evaluator = Evaluator(
            settings.config, settings.test.path, settings.test.entries, settings.simulator, settings.seed
        )
        self.references = measure_references(self.evaluator, self.predictor, settings.actors.cluster_distance)

    def load(self, weights: NDArray[np.float32]) -> None:
        """See `EvaluatorCore.load`."""
        self.predictor.load(weights)

    def evaluate_quickly(self) -> dict[str, float]:
        """Measures `evaluation.images_on_the_way` locations: the figures of `Metrics.figures` that the model has."""
        assert self.evaluator is not None, "prepare must be called first"
        distance, images = self.settings.actors.cluster_distance, self.settings.config.images_on_the_way
        metrics = self.evaluator.evaluate(self.predictor, distance, images, show=False, intervals=False).metrics
        return known_figures(metrics, self.predictor.knows_mass)

    def report(self, folder: Path) -> Report:
        """Measures all chosen locations and writes predictions and figures into a folder."""
        assert self.evaluator is not None and self.references is not None, "prepare must be called first"
        settings = self.settings
        return write_report(
            folder, self.evaluator, self.predictor, self.references, settings.simulator, settings.actors, show=False
        )

    def final(self, folder: Path) -> FinalReport:
        """See `EvaluatorCore.final`."""
        return final_report(self.report(folder), self.settings.config.dataset.name)


def quick_evaluation_sentence(metrics: Mapping[str, float]) -> str:
    """Describes an evaluation during training, for the run's log."""
    return f"mask AP50 {metrics['mask_ap50']:.1f}, AP {metrics['mask_ap']:.1f} on {metrics['images']:.0f} images"

"""Writes the results of an evaluation: prediction files, figures, the table (docs/interaction.md, Evaluation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from actors.config import SimulatorConfig
from actors.controller import SimulatorProcess
from actors.interaction.choose import TouchPlan
from actors.interaction.config import ActorConfig
from actors.interaction.geometry import reach_keywords
from actors.interaction.interact import Visitor
from common.files import write_json
from evaluation.interaction.baselines import BaselineResult
from evaluation.interaction.coco import Metrics, ground_truth_file, prediction_file
from evaluation.interaction.columns import MASS_COLUMNS
from evaluation.interaction.config import chosen_entries
from evaluation.interaction.evaluate import Evaluation, Evaluator
from evaluation.interaction.figures import Panels, confusion_figure, contact_sheet, precision_recall_figure, six_panels
from evaluation.interaction.masks import decode
from models.interaction.inference import InstancePredictor
from replay.interaction.record import IMAGE_SIZE, is_success, unpack_masks

DRAWN_SCORE = 0.25
"""Instances with a higher score are drawn. After a quickstart, six in ten of them show an object at IoU 0.5, which are
half of all objects."""
MIN_SHOWN = 3
"""Minimum number of drawn instances, whatever their scores."""
UNTRAINED_IMAGES = 100
"""Maximum number of images that the untrained model is measured on: finding nothing takes as long."""


@dataclass(frozen=True)
class References:
    """Results of the untrained model and the baselines on the evaluator's locations."""

    untrained: Evaluation
    """The same model before training, on at most `UNTRAINED_IMAGES`."""
    baselines: dict[str, BaselineResult]
    """See `Evaluator.baselines`."""


@dataclass(frozen=True)
class Report:
    """Result of `write_report`."""

    trained: Metrics
    untrained: Metrics
    baselines: dict[str, BaselineResult]
    figures: list[Path]
    knows_mass: bool
    """Whether the model predicts mass classes."""

    def known_figures(self) -> dict[str, float | int]:
        """Returns the trained model's figures, with those of mass only if it predicts mass."""
        return known_figures(self.trained, self.knows_mass)

    @property
    def others(self) -> dict[str, Metrics]:
        """Metrics of all methods but the trained model, by name."""
        return {"untrained": self.untrained} | {name: result.metrics for name, result in self.baselines.items()}


def known_figures(metrics: Metrics, knows_mass: bool) -> dict[str, float | int]:
    """Returns a model's figures, with those of mass only if it predicts mass."""
    return {key: value for key, value in metrics.figures().items() if knows_mass or key not in MASS_COLUMNS}


def measure_references(evaluator: Evaluator, untrained: InstancePredictor, cluster_distance: float) -> References:
    """Measures the untrained model and the baselines; `cluster_distance` as in `ActorConfig`."""
    start = evaluator.evaluate(untrained, cluster_distance, UNTRAINED_IMAGES, show=False)
    return References(start, evaluator.baselines())


def write_report(
    folder: Path,
    evaluator: Evaluator,
    predictor: InstancePredictor,
    references: References,
    simulator: SimulatorConfig,
    actors: ActorConfig,
    show: bool,
) -> Report:
    """Measures a trained model on all of the evaluator's locations and writes `predictions/` and `figures/`.

    Args:
        folder: parent of these two folders.
        evaluator: evaluator of the locations; its seed is also that of the figures' touches.
        predictor: the model; there is no confusion matrix if it does not predict mass.
        references: results of the same evaluator.
        simulator: for the touches of the six-panel figures.
        actors: for these touches, and how the model's output becomes instances.
        show: whether to show a progress bar.

    Raises:
        SimulatorError, LocationError: see `write_six_panels`.
    """
    trained = evaluator.evaluate(predictor, actors.cluster_distance, show=show)
    for part in ("predictions", "figures"):
        (folder / part).mkdir(exist_ok=True)
    write_predictions(folder / "predictions", evaluator, trained)
    report = Report(trained.metrics, references.untrained.metrics, references.baselines, [], predictor.knows_mass)
    report.figures.extend(write_metric_figures(folder / "figures", report))
    report.figures.extend(write_six_panels(folder / "figures", evaluator, predictor, simulator, actors, evaluator.seed))
    return report


def write_predictions(folder: Path, evaluator: Evaluator, evaluation: Evaluation) -> None:
    """Writes `ground_truth.json` and `predictions_trained.json`, both as COCO's own tools read them."""
    write_json(folder / "ground_truth.json", ground_truth_file(evaluator.ground_truths, IMAGE_SIZE))
    write_json(folder / "predictions_trained.json", prediction_file(evaluation.detections))


def write_metric_figures(folder: Path, report: Report) -> list[Path]:
    """Draws the precision-recall curves and, if the model knows mass, the confusion matrix; returns the files."""
    confusion, curves = folder / "confusion.png", folder / "precision_recall.png"
    precision_recall_figure(curves, {"trained": report.trained} | report.others)
    if not report.knows_mass:
        return [curves]
    confusion_figure(confusion, report.trained)
    return [confusion, curves]


def write_six_panels(
    folder: Path,
    evaluator: Evaluator,
    predictor: InstancePredictor,
    simulator: SimulatorConfig,
    actors: ActorConfig,
    seed: int,
) -> list[Path]:
    """Draws `evaluation.figures` locations, evenly spaced, one file each and a sheet of all.

    At each of them the model touches what it would touch in training; what that shows is the last panel. These
    touches serve the picture alone.

    Returns:
        the files, the sheet last; none if `evaluation.figures` is 0.

    Raises:
        SimulatorError, LocationError: see `Visitor.play`.
    """
    if not evaluator.config.figures or not evaluator.entries:
        return []
    chosen = chosen_entries(len(evaluator.entries), evaluator.config.figures)
    drawn = make_panels(evaluator, predictor, simulator, actors, seed, chosen)
    paths = []
    for index, panels in zip(chosen, drawn, strict=True):
        paths.append(folder / f"six_panels_{index:04d}.png")
        six_panels(paths[-1], panels)
    paths.append(folder / "six_panels.png")
    contact_sheet(paths[-1], drawn)
    return paths


def make_panels(
    evaluator: Evaluator,
    predictor: InstancePredictor,
    simulator: SimulatorConfig,
    actors: ActorConfig,
    seed: int,
    chosen: Sequence[int],
) -> list[Panels]:
    """What six-panel figures show of some of the evaluator's locations; see `write_six_panels`.

    Raises:
        SimulatorError, LocationError: see `Visitor.play`.
    """
    config = evaluator.config
    process = SimulatorProcess(simulator, **reach_keywords(actors.reach, simulator)) if config.figure_touches else None
    # The panel shows what touching tells, whatever the actors learned from, in the rooms of the data set.
    shown = replace(actors, supervision="self", placement_attempts=config.dataset.placement_attempts)
    drawn: list[Panels] = []
    try:
        for index in chosen:
            masks = points = None
            if process is not None:
                plan = TouchPlan(config.figure_touches, config.figure_touches, force_trials=False)
                player = Visitor(process, predictor, shown, seed)
                record, _ = player.play(evaluator.location(index), index, plan, weights_version=0)
                success = is_success(record.feedback)
                masks, points = unpack_masks(record.masks[success]), record.points[success].astype(np.int64)
            drawn.append(panels_of(evaluator, predictor, actors.cluster_distance, index, masks, points))
    finally:
        if process is not None:
            process.stop()
    return drawn


def panels_of(
    evaluator: Evaluator, predictor: InstancePredictor, cluster_distance: float, index: int, masks: Any, points: Any
) -> Panels:
    """What the six panels show of the index-th chosen location."""
    truth = evaluator.ground_truths[index]
    image = np.array(evaluator.observations.images[index])
    depth = np.asarray(evaluator.observations.depths[index], dtype=np.float32)
    (found,) = predictor.predict(image, depth, evaluator.config.max_detections, cluster_distance)
    truth_masks: Sequence[Any] = [decode(segmentation) for segmentation in truth.segmentations]
    return Panels(
        image=image,
        score_map=found.score_map,
        force_map=found.force_map,
        detections=found,
        truth_masks=np.stack(truth_masks) if truth_masks else np.zeros((0, IMAGE_SIZE, IMAGE_SIZE), dtype=bool),
        truth_classes=truth.mass_classes,
        touch_masks=masks,
        touch_points=points,
        shown=max(int((found.scores > DRAWN_SCORE).sum()), MIN_SHOWN),
        knows_mass=predictor.knows_mass,
    )

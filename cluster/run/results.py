"""The end of a command: results table, learning curve, results.json, and the RESULT line."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from cluster.interaction.predictors import AnyPredictor
from cluster.run.config import EvaluateConfig, TrainConfig
from cluster.run.evaluator import RunEvaluator
from cluster.run.interrupt import awaited
from cluster.run.reporting import Reporter
from cluster.run.tracking import finite, read_metrics
from common.files import write_json
from evaluation.interaction.evaluate import Evaluator
from evaluation.interaction.figures import LearningPoint, learning_curve
from evaluation.interaction.locations import TestSet
from evaluation.interaction.report import Report, measure_references, write_report
from evaluation.tables import DETECTION_COLUMNS, Row, terminal_table, write_tables
from learner.shell import Weights

NAMES = {
    "trained": "trained",
    "untrained": "untrained network",
    "superpixels": "superpixels, no priors",
    "depth_edges": "depth edges",
}
"""Rows of the table."""
RESULT_KEYS = ("mask_ap50", "mask_ap", "box_ap50", "box_ap", "mass_accuracy", "mass_ap50", "images")


def finish(
    config: TrainConfig,
    folder: Path,
    evaluator: RunEvaluator,
    weights: Weights,
    reporter: Reporter,
    seconds_before: float,
    interrupted: threading.Event,
) -> dict[str, Any]:
    """Evaluates the final weights, writes everything that a run ends with, and prints the table.

    Args:
        config: the run's.
        folder: the run's.
        evaluator: prepared.
        weights: the final ones.
        reporter: knows the counts, the success shares and the curve.
        seconds_before: how long the command had taken when training ended; the evaluation's time is added.
        interrupted: set by Ctrl-C.

    Returns:
        what the RESULT line holds.

    Raises:
        Interrupted: Ctrl-C, before the evaluation was done.
        PartLost, RayActorError: the evaluator fell silent or died.
    """
    started = reporter.seconds()
    reporter.note("evaluating the final weights and drawing the figures")
    reference = evaluator.handle.final.remote(weights.reference, str(folder))
    report: Report = awaited(reference, interrupted, look=evaluator.look)
    metrics = read_metrics(folder / "metrics.jsonl")
    curve = folder / "figures" / "learning_curve.png"
    trained = report.known_figures()
    points = [*learning_points(metrics), final_point(trained, reporter)]
    learning_curve(curve, points, {NAMES[name]: found.metrics.mask_ap50 for name, found in report.baselines.items()})
    figures = [*report.figures, curve]
    result = {
        "command": "train",
        **result_figures(report),
        "greedy_success": finite(round(reporter.success("greedy"), 4)),
        "random_success": finite(round(reporter.success("random"), 4)),
        "touches": reporter.touches,
        "locations": reporter.locations,
        "steps": reporter.steps,
        "faults": dict(reporter.faults),
        "redone": reporter.redone,
        "quarantined": len(reporter.quarantined),
        "wall_s": round(seconds_before + reporter.seconds() - started, 1),
        "seed": config.seed,
        "experiment": config.experiment_name,
        "dataset": config.evaluation.dataset.name,
        "simulator": config.simulator.name,
        "actors": config.cluster.actors,
    }
    reporter.tracker.log(
        {f"final/{key}": trained[key] for key in RESULT_KEYS if key in trained},
        images={f"figures/{path.stem}": path for path in figures},
    )
    reporter.tracker.summary(result)
    show_table(folder, report, config.evaluation.dataset.name)
    # The last file that a run writes: where it lies the run is finished.
    write_json(folder / "results.json", result | details(report) | {"quarantined": reporter.quarantined})
    return result


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


def result_figures(report: Report) -> dict[str, Any]:
    """What every RESULT line says of an evaluation."""
    trained = report.known_figures()
    return {
        **{key: trained[key] for key in RESULT_KEYS if key in trained},
        "baselines": {
            name: {key: metrics.figures()[key] for key in DETECTION_COLUMNS}
            | ({"variant": report.baselines[name].variant} if name in report.baselines else {})
            for name, metrics in report.others.items()
        },
    }


def details(report: Report) -> dict[str, Any]:
    """What results.json tells beside the RESULT line."""
    return {
        "confusion": report.trained.confusion.tolist(),
        "variants": {name: found.variants for name, found in report.baselines.items()},
    }


def show_table(folder: Path, report: Report, data_set: str) -> None:
    """Prints the table and writes it as Markdown and CSV."""
    trained = report.known_figures()
    rows = [Row(NAMES["trained"], [trained])]
    for name, metrics in report.others.items():
        figures, known = metrics.figures(), trained if name == "untrained" else DETECTION_COLUMNS
        rows.append(Row(NAMES[name], [{key: figures[key] for key in known}]))
    write_tables(folder, rows)
    sys.stderr.flush()
    Console(width=None if sys.stdout.isatty() else 100).print(terminal_table(f"{data_set}, test rooms", rows))


def learning_points(metrics: list[dict[str, Any]]) -> list[LearningPoint]:
    """The rows of metrics.jsonl that the learning curve needs, in the order of time."""
    points = []
    steps = 0
    for row in metrics:
        steps = int(row.get("steps") or row.get("evaluation/steps") or steps)
        minutes = row.get("evaluation/minutes", row["seconds"] / 60)
        if "evaluation/mask_ap50" in row or "actors/greedy_success" in row:
            points.append(
                LearningPoint(
                    minutes=minutes,
                    steps=steps,
                    mask_ap50=row.get("evaluation/mask_ap50"),
                    box_ap50=row.get("evaluation/box_ap50"),
                    greedy_success=row.get("actors/greedy_success"),
                    random_success=row.get("actors/random_success"),
                )
            )
    return sorted(points, key=lambda point: point.minutes)


def final_point(trained: Mapping[str, float], reporter: Reporter) -> LearningPoint:
    """The final evaluation as a point of the curve."""
    return LearningPoint(
        minutes=reporter.training_seconds / 60,
        steps=reporter.steps,
        mask_ap50=trained["mask_ap50"],
        box_ap50=trained["box_ap50"],
        greedy_success=None,
        random_success=None,
    )

"""Final results of an evaluation: rows of the results table, keys of the RESULT line, and the learning curve."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.core import FinalReport
from evaluation.interaction.coco import SCALARS, Metrics
from evaluation.interaction.columns import DETECTION_COLUMNS
from evaluation.interaction.figures import LearningPoint, learning_curve
from evaluation.interaction.report import Report
from evaluation.tables import Row, interval_of

NAMES = {
    "trained": "trained",
    "untrained": "untrained network",
    "superpixels": "superpixels, no priors",
    "depth_edges": "depth edges",
}
"""Names of the table's rows."""
RESULT_KEYS = (*SCALARS, "images")


def final_report(report: Report, data_set: str) -> FinalReport:
    """Converts a report into the form that the chassis writes and prints."""
    trained = report.known_figures()
    rows = [row_of(NAMES["trained"], report.trained, trained)]
    rows += [
        row_of(NAMES[name], metrics, trained if name == "untrained" else DETECTION_COLUMNS)
        for name, metrics in report.others.items()
    ]
    known_keys = [key for key in RESULT_KEYS if key in trained]
    return FinalReport(
        title=f"{data_set}, test rooms",
        rows=rows,
        logged={key: trained[key] for key in known_keys},
        result={
            **{key: trained[key] for key in known_keys},
            "intervals": intervals(rows[0]),
            "baselines": {
                name: {key: metrics.figures()[key] for key in DETECTION_COLUMNS}
                | {"intervals": intervals(row_of(name, metrics, DETECTION_COLUMNS))}
                | ({"variant": report.baselines[name].variant} if name in report.baselines else {})
                for name, metrics in report.others.items()
            },
        },
        details={
            "confusion": report.trained.confusion.tolist(),
            "variants": {name: found.variants for name, found in report.baselines.items()},
        },
        figures=list(report.figures),
    )


def row_of(name: str, metrics: Metrics, keys: Container[str]) -> Row:
    """A row of the results table with the figures of these keys and their resamples."""
    figures = {key: value for key, value in metrics.figures().items() if key in keys}
    return Row(name, [figures], resamples={key: one for key, one in metrics.resampled().items() if key in keys})


def intervals(row: Row) -> dict[str, list[float]]:
    """The 95 % intervals of a row's figures, for RESULT lines."""
    return {key: [round(end, 3) for end in interval_of(values)] for key, values in row.resamples.items()}


def draw_learning_curve(
    path: Path, rows: list[dict[str, Any]], report: FinalReport, minutes: float, steps: int, batch_size: int
) -> None:
    """Draws AP50 against minutes, images and touches, and the success shares, with the baselines as lines.

    Args:
        path: the figure's file.
        rows: rows of metrics.jsonl.
        report: report of the final weights.
        minutes: duration of training.
        steps: optimiser steps of the final weights.
        batch_size: images of each step.
    """
    final = LearningPoint(
        minutes=minutes,
        images=steps * batch_size,
        touches=touches_over_time(rows)(60 * minutes),
        mask_ap50=report.logged["mask_ap50"],
        box_ap50=report.logged["box_ap50"],
        greedy_success=None,
        random_success=None,
        intervals=report.result["intervals"],
    )
    baselines = {NAMES[name]: found for name, found in report.result["baselines"].items() if name != "untrained"}
    learning_curve(path, [*learning_points(rows, batch_size), final], baselines)


def learning_points(metrics: Sequence[Mapping[str, Any]], batch_size: int) -> list[LearningPoint]:
    """Returns the points of the learning curve from the rows of metrics.jsonl, in the order of time.

    Args:
        metrics: the rows.
        batch_size: images of each optimiser step.
    """
    points = []
    steps, touches = 0, touches_over_time(metrics)
    for row in metrics:
        steps = int(row.get("steps") or row.get("evaluation/steps") or steps)
        minutes = row.get("evaluation/minutes", row["seconds"] / 60)
        if "evaluation/mask_ap50" in row or "actors/greedy_success" in row:
            points.append(
                LearningPoint(
                    minutes=minutes,
                    images=steps * batch_size,
                    touches=touches(60 * minutes),
                    mask_ap50=row.get("evaluation/mask_ap50"),
                    box_ap50=row.get("evaluation/box_ap50"),
                    greedy_success=row.get("actors/greedy_success"),
                    random_success=row.get("actors/random_success"),
                )
            )
    return sorted(points, key=lambda point: point.minutes)


def touches_over_time(metrics: Sequence[Mapping[str, Any]]) -> Callable[[float], int]:
    """Returns a function from seconds to the touches made until then, from the rows of metrics.jsonl.

    An evaluation records when its weights were taken; the touches until then follow from other rows.
    """
    counted = [(row["seconds"], row["touches"]) for row in metrics if "touches" in row] or [(0.0, 0)]
    seconds, touches = zip(*counted, strict=True)
    # When a run goes back to a checkpoint, later touches are lost: counts must not exceed any later count.
    kept = np.minimum.accumulate(touches[::-1])[::-1]
    return lambda at: int(np.interp(at, seconds, kept))

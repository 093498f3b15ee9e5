"""Final results of an evaluation: rows of the results table, keys of the RESULT line, and the learning curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.core import FinalReport
from evaluation.interaction.columns import DETECTION_COLUMNS
from evaluation.interaction.figures import LearningPoint, learning_curve
from evaluation.interaction.report import Report
from evaluation.tables import Row

NAMES = {
    "trained": "trained",
    "untrained": "untrained network",
    "superpixels": "superpixels, no priors",
    "depth_edges": "depth edges",
}
"""Names of the table's rows."""
RESULT_KEYS = ("mask_ap50", "mask_ap", "box_ap50", "box_ap", "mass_accuracy", "mass_ap50", "images")


def final_report(report: Report, data_set: str) -> FinalReport:
    """Converts a report into the form that the chassis writes and prints."""
    trained = report.known_figures()
    rows = [Row(NAMES["trained"], [trained])]
    for name, metrics in report.others.items():
        figures, known = metrics.figures(), trained if name == "untrained" else DETECTION_COLUMNS
        rows.append(Row(NAMES[name], [{key: figures[key] for key in known}]))
    known_keys = [key for key in RESULT_KEYS if key in trained]
    return FinalReport(
        title=f"{data_set}, test rooms",
        rows=rows,
        logged={key: trained[key] for key in known_keys},
        result={
            **{key: trained[key] for key in known_keys},
            "baselines": {
                name: {key: metrics.figures()[key] for key in DETECTION_COLUMNS}
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


def draw_learning_curve(
    path: Path, rows: list[dict[str, Any]], report: FinalReport, minutes: float, steps: int
) -> None:
    """Draws mask AP50 and the success shares over time, with the baselines as lines.

    Args:
        path: the figure's file.
        rows: rows of metrics.jsonl.
        report: report of the final weights.
        minutes: duration of training.
        steps: optimiser steps of the final weights.
    """
    final = LearningPoint(
        minutes=minutes,
        steps=steps,
        mask_ap50=report.logged["mask_ap50"],
        box_ap50=report.logged["box_ap50"],
        greedy_success=None,
        random_success=None,
    )
    baselines = {
        NAMES[name]: found["mask_ap50"] for name, found in report.result["baselines"].items() if name != "untrained"
    }
    learning_curve(path, [*learning_points(rows), final], baselines)


def learning_points(metrics: Sequence[Mapping[str, Any]]) -> list[LearningPoint]:
    """Returns the points of the learning curve from the rows of metrics.jsonl, in the order of time."""
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

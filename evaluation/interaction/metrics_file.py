"""Metrics as JSON files, so that they are not measured again."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from common.files import write_json
from evaluation.interaction.coco import Metrics
from evaluation.interaction.intervals import RESAMPLES


def write_metrics(path: Path, metrics: Metrics) -> None:
    """Writes figures, resamples, curves and confusion matrix."""
    write_json(path, metrics_values(metrics))


def read_metrics(path: Path) -> Metrics | None:
    """Reads the file of `write_metrics`; None if it is missing or of another version, so that it is measured again."""
    try:
        return metrics_of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def metrics_values(metrics: Metrics) -> dict[str, Any]:
    """Returns metrics as plain values for JSON."""
    values = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(metrics).items()}
    # JSON has no NaN. Three digits, like other figures: six thousand numbers take 50 kB.
    resamples = [
        [None if math.isnan(value) else round(value, 3) for value in line] for line in metrics.resamples.tolist()
    ]
    return values | {"resamples": resamples}


def metrics_of(values: Any) -> Metrics | None:
    """Returns the metrics of `metrics_values`; None if they are of another version."""
    try:
        if set(values) != {field.name for field in fields(Metrics)} or len(values["resamples"]) != RESAMPLES:
            return None
    except TypeError:
        return None
    arrays = {
        name: np.array(values[name], dtype=np.int64 if name == "confusion" else np.float64)
        for name in ("confusion", "mask_precision", "box_precision", "resamples")
    }
    return Metrics(**{**values, **arrays})

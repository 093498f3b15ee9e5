"""What was measured of a run on a data set, kept in a folder: a table is made anew from it without measuring again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.coco import Metrics, prediction_file
from evaluation.config import EvaluationConfig
from evaluation.evaluate import Evaluation
from evaluation.files import write_json

METRICS = "metrics.json"
"""Written last: a folder that has it is whole."""


def measure_key(config: EvaluationConfig, test_file: Path) -> str:
    """A name of a data set and of how it is measured; equal only where figures can be compared."""
    how = [config.images, config.max_detections, asdict(config.baselines)]
    digest = hashlib.sha256(test_file.read_bytes() + json.dumps(how, sort_keys=True).encode()).hexdigest()[:12]
    return f"{config.dataset.name}-{digest}"


def write_measured(folder: Path, evaluation: Evaluation) -> None:
    """Writes the predictions and all that `read_measured` gives back."""
    write_json(folder / "predictions.json", prediction_file(evaluation.detections))
    write_metrics(folder / METRICS, evaluation.metrics)


def write_metrics(path: Path, metrics: Metrics) -> None:
    """Writes figures, curves and confusion matrix as JSON."""
    values = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(metrics).items()}
    write_json(path, values)


def read_metrics(path: Path) -> Metrics | None:
    """What `write_metrics` wrote; None if it is missing, or of another version: then it is to be measured again."""
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"))
        if set(values) != {field.name for field in fields(Metrics)}:
            return None
    except (OSError, ValueError, TypeError):
        return None
    for name, kind in (("confusion", np.int64), ("mask_precision", np.float64), ("box_precision", np.float64)):
        values[name] = np.array(values[name], dtype=kind)
    return Metrics(**values)

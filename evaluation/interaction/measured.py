"""Stores the measurements of a run on a data set, so that tables can be remade without measuring again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from common.files import atomic, write_json
from evaluation.interaction.coco import prediction_file
from evaluation.interaction.config import EvaluationConfig
from evaluation.interaction.evaluate import Evaluation
from evaluation.interaction.figures import Panels
from evaluation.interaction.metrics_file import write_metrics
from models.interaction.inference import Prediction

METRICS = "metrics.json"
"""Written last: a folder that has this file is complete."""
PANELS = "panels.npz"
DETECTED = ("seeds", "masks", "scores", "force")
TOUCHED = ("touch_masks", "touch_points")
SHOWN = ("image", "score_map", "force_map", "truth_masks", "shown", "knows_mass")


def measure_key(config: EvaluationConfig, test_file: Path, figures: int) -> str:
    """Returns a name for a data set and its measurement settings; equal names mean comparable figures."""
    how = [config.images, config.max_detections, config.figure_touches, figures, asdict(config.baselines)]
    if config.depth_noise:
        how.append(config.depth_noise)
    digest = hashlib.sha256(test_file.read_bytes() + json.dumps(how, sort_keys=True).encode()).hexdigest()[:12]
    return f"{config.dataset.name}-{digest}"


def write_measured(folder: Path, evaluation: Evaluation, panels: Sequence[Panels]) -> None:
    """Writes the predictions, and the files of `read_metrics` and `read_panels`."""
    write_json(folder / "predictions.json", prediction_file(evaluation.detections))
    write_panels(folder / PANELS, panels)
    write_metrics(folder / METRICS, evaluation.metrics)


def write_panels(path: Path, panels: Sequence[Panels]) -> None:
    """Writes the content of six-panel figures as arrays."""
    arrays: dict[str, Any] = {"count": np.array(len(panels))}
    for index, image in enumerate(panels):
        fields = {name: getattr(image, name) for name in SHOWN}
        fields |= {name: getattr(image.detections, name)[: image.shown] for name in DETECTED}
        fields |= {name: getattr(image, name) for name in TOUCHED if getattr(image, name) is not None}
        fields["truth_classes"] = np.array(image.truth_classes, dtype=np.int64)
        arrays |= {f"{index}_{name}": value for name, value in fields.items()}
    with atomic(path) as file:
        np.savez_compressed(file, **arrays)


def read_panels(folder: Path) -> list[Panels]:
    """Reads the panels that `write_measured` wrote; they hold only the drawn instances.

    Raises:
        OSError: the file is missing.
        ValueError, KeyError: the file is damaged.
    """
    with np.load(folder / PANELS, allow_pickle=False) as arrays:
        found = []
        for index in range(int(arrays["count"])):
            prefix = f"{index}_"
            one = {key.removeprefix(prefix): arrays[key] for key in arrays.files if key.startswith(prefix)}
            maps = {name: one[name] for name in ("score_map", "force_map")}
            found.append(
                Panels(
                    image=one["image"],
                    detections=Prediction(**{name: one[name] for name in DETECTED}, **maps),
                    truth_masks=one["truth_masks"],
                    truth_classes=one["truth_classes"].tolist(),
                    touch_masks=one.get("touch_masks"),
                    touch_points=one.get("touch_points"),
                    shown=int(one["shown"]),
                    knows_mass=bool(one.get("knows_mass", True)),
                    **maps,
                )
            )
        return found

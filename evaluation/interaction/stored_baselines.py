"""Results of the baselines beside the test file that they belong to: they depend on no model, and take minutes."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from common.files import write_json
from evaluation.interaction.baselines import BaselineResult
from evaluation.interaction.config import EvaluationConfig
from evaluation.interaction.metrics_file import metrics_of, metrics_values

VERSION = 1
"""Version of the results; it changes whenever the baselines do, so that old results are not used."""


def baselines_path(test_file: Path, config: EvaluationConfig) -> Path:
    """Returns the file of the baselines' results; its name carries a hash of everything that decides them.

    Args:
        test_file: the data set file that is evaluated on.
        config: settings of the evaluation.
    """
    how = [VERSION, config.images, config.depth_noise, asdict(config.baselines)]
    digest = hashlib.sha256(test_file.read_bytes() + json.dumps(how, sort_keys=True).encode()).hexdigest()[:12]
    return test_file.with_name(f"baselines-{digest}.json")


def read_baselines(path: Path) -> dict[str, BaselineResult] | None:
    """Reads the file of `write_baselines`; None if it is missing, damaged or of another version."""
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"))
        results = {
            name: BaselineResult(metrics, one["variant"], one["variants"])
            for name, one in values.items()
            if (metrics := metrics_of(one["metrics"])) is not None
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return results if len(results) == len(values) else None


def write_baselines(path: Path, results: Mapping[str, BaselineResult]) -> None:
    """Writes results; a folder that takes no files is no error, since they can be measured again."""
    values = {
        name: {"variant": result.variant, "variants": result.variants, "metrics": metrics_values(result.metrics)}
        for name, result in results.items()
    }
    with contextlib.suppress(OSError):
        write_json(path, values)

"""`./playpen dataset`: generates the location files of a data set."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from actors.config import SimulatorConfig
from actors.interaction.locations import Location
from cluster.command.result_line import print_result
from cluster.interaction.config import DatasetConfig
from cluster.run.run_folder import inside_run
from common.errors import UsageError
from evaluation.interaction.config import EvaluationConfig
from evaluation.interaction.dataset import load_entries
from evaluation.interaction.locations import TestSet, find_test_set, locations_for
from evaluation.interaction.make_dataset import make_dataset


def find_locations(
    evaluation: EvaluationConfig, simulator: SimulatorConfig, interrupted: threading.Event | None = None
) -> tuple[list[Location], TestSet]:
    """Like `evaluation.interaction.locations.locations_for`, but file errors become UsageError.

    Raises:
        UsageError: see there, ValueError.
        SimulatorError: see there.
    """
    try:
        return locations_for(evaluation, simulator, interrupted)
    except ValueError as error:
        raise UsageError(str(error)) from error


def find_test_locations(
    evaluation: EvaluationConfig, simulator: SimulatorConfig, interrupted: threading.Event | None = None
) -> TestSet:
    """Like `evaluation.interaction.locations.find_test_set`, but file errors become UsageError."""
    try:
        return find_test_set(evaluation, simulator, interrupted)
    except ValueError as error:
        raise UsageError(str(error)) from error


def run(config: DatasetConfig, folder: Path) -> int:
    """Runs the command and returns its exit code."""
    started = time.monotonic()
    place = config.evaluation.dataset.folder
    if inside_run(Path(place).resolve()):
        raise UsageError(f"evaluation.dataset.folder={place} is in the folder of a run; choose another")
    try:
        paths = make_dataset(config.evaluation.dataset, config.simulator)
    except ValueError as error:
        raise UsageError(str(error)) from error
    entries = {split: load_entries(path, annotated=split == "test") for split, path in paths.items()}
    objects = sum(len(entry.segmentations) for entry in entries["test"])
    for split, path in paths.items():
        print(f"{split}: {len(entries[split])} locations in {path}")
    print_result(
        {
            "command": "dataset",
            "dataset": config.evaluation.dataset.name,
            **{f"{split}_locations": len(found) for split, found in entries.items()},
            "test_objects_per_image": round(objects / len(entries["test"]), 2),
            "wall_s": round(time.monotonic() - started, 1),
            "seed": config.evaluation.dataset.seed,
            "files": {split: str(path) for split, path in paths.items()},
        }
    )
    return 0

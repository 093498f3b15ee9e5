"""Finds the locations of a run: in given data set files, or in files made for the embedded rooms."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from actors.config import SimulatorConfig
from actors.controller import SimulatorProcess
from actors.interaction.locations import Location
from evaluation.interaction.config import EvaluationConfig
from evaluation.interaction.dataset import Entry, load_entries
from evaluation.interaction.dataset_folder import SPLITS
from evaluation.interaction.make_dataset import make_dataset


@dataclass(frozen=True)
class TestSet:
    """An annotated data set file and its content."""

    path: Path
    entries: list[Entry]

    __test__ = False  # not a test case, whatever its name


def location_of(entry: Entry, index: int) -> Location:
    """Converts an entry to a location for the actors; `index` is its number in the file."""
    return Location(
        entry=index,
        scene=entry.scene,
        position=entry.position,
        rotation=entry.rotation,
        horizon=entry.horizon,
        seed=entry.seed,
    )


def locations_for(
    config: EvaluationConfig, simulator: SimulatorConfig, interrupted: threading.Event | None = None
) -> tuple[list[Location], TestSet]:
    """Returns the locations to train and to evaluate at; makes missing data set files.

    Args:
        config: names of the files, or how to make them.
        simulator: renders the rooms of files that are made.
        interrupted: setting it ends the making of files within seconds with KeyboardInterrupt.

    Returns:
        the training file's locations, and the test set.

    Raises:
        ValueError: a file lacks a field, or has a field of the wrong type or a scene that the simulator lacks.
        SimulatorError: no simulator starts to make the files.
    """
    files = _files(config, simulator, interrupted, SPLITS)
    training = [location_of(entry, index) for index, entry in enumerate(files["train"][1])]
    return training, TestSet(*files["test"])


def find_test_set(
    config: EvaluationConfig, simulator: SimulatorConfig, interrupted: threading.Event | None = None
) -> TestSet:
    """Returns the test set without reading or making the training file; arguments and errors as of `locations_for`."""
    return TestSet(*_files(config, simulator, interrupted, ("test",))["test"])


def _files(
    config: EvaluationConfig, simulator: SimulatorConfig, interrupted: threading.Event | None, splits: Sequence[str]
) -> dict[str, tuple[Path, list[Entry]]]:
    """Returns the files and their content; makes those that are not given."""
    given = {split: Path(path) for split in splits if (path := getattr(config, f"{split}_file"))}
    # Read given files first, so that their errors are reported before anything is made.
    files = {split: (path, load_entries(path, annotated=split == "test")) for split, path in given.items()}
    check_scenes(list(files.values()), simulator)
    if missing := [split for split in splits if split not in files]:
        for split, path in make_dataset(config.dataset, simulator, interrupted, missing).items():
            files[split] = (path, load_entries(path, annotated=split == "test"))
    return files


def check_scenes(files: list[tuple[Path, list[Entry]]], simulator: SimulatorConfig) -> None:
    """Checks that the simulator has the scenes of the files; does not start it without files.

    Raises:
        ValueError: the simulator lacks an entry's scene.
        SimulatorError: the simulator does not start.
    """
    if not files:
        return
    process = SimulatorProcess(simulator)
    try:
        for path, entries in files:
            for index, entry in enumerate(entries):
                if process.scenes and entry.scene.removesuffix("_physics") not in process.scenes:
                    raise ValueError(
                        f"{path}: entry {index}: thor_meta.scene '{entry.scene}' is not one of the "
                        f"{len(process.scenes)} scenes of simulator '{simulator.name}' (such as {min(process.scenes)})."
                    )
    finally:
        process.stop()

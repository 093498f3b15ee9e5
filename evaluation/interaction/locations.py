"""The locations of a run: from given data set files, or from files made for the embedded rooms."""

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
    """The place of an entry, for the actors; `index` is its number in the file."""
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
    """Where to train and where to evaluate; makes the data set's files that are needed and not there yet.

    Args:
        config: names the files, or says how to make them.
        simulator: makes them.
        interrupted: once it is set, making them ends within seconds with KeyboardInterrupt.

    Returns:
        The training file's locations, and the test file.

    Raises:
        ValueError: a file has a missing or ill-typed field or a scene that the simulator lacks; one sentence naming it.
        SimulatorError: no simulator starts to make the files.
    """
    files = _files(config, simulator, interrupted, SPLITS)
    training = [location_of(entry, index) for index, entry in enumerate(files["train"][1])]
    return training, TestSet(*files["test"])


def find_test_set(
    config: EvaluationConfig, simulator: SimulatorConfig, interrupted: threading.Event | None = None
) -> TestSet:
    """Where to evaluate; the training file is neither read nor made. Arguments and errors as of `locations_for`."""
    return TestSet(*_files(config, simulator, interrupted, ("test",))["test"])


def _files(
    config: EvaluationConfig, simulator: SimulatorConfig, interrupted: threading.Event | None, splits: Sequence[str]
) -> dict[str, tuple[Path, list[Entry]]]:
    """The wanted files and their content: given ones, and made ones where none is given."""
    given = {split: Path(path) for split in splits if (path := getattr(config, f"{split}_file"))}
    # Given files first: what is wrong with them is to be said before anything is made.
    files = {split: (path, load_entries(path, annotated=split == "test")) for split, path in given.items()}
    check_scenes(list(files.values()), simulator)
    if missing := [split for split in splits if split not in files]:
        for split, path in make_dataset(config.dataset, simulator, interrupted, missing).items():
            files[split] = (path, load_entries(path, annotated=split == "test"))
    return files


def check_scenes(files: list[tuple[Path, list[Entry]]], simulator: SimulatorConfig) -> None:
    """Asks the simulator for its scenes, if there are files to compare with them.

    Raises:
        ValueError: an entry's scene is none of them; one sentence naming it.
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

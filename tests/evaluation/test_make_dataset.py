"""Data sets made by the real client and the embedded simulator, in real processes.

They are in one file because they share what starts and watches these processes.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from actors.config import PushConfig, SimulatorConfig
from actors.controller import SimulatorProcess
from actors.interaction.ground_truth import objects_in_reach
from actors.interaction.locations import set_up
from common.progress import Progress
from evaluation.interaction.config import DatasetConfig
from evaluation.interaction.dataset import load_entries
from evaluation.interaction.dataset_folder import dataset_folder
from evaluation.interaction.dataset_job import rooms_of
from evaluation.interaction.evaluate import Evaluator, load_observations
from evaluation.interaction.job_files import observation_paths
from evaluation.interaction.locations import find_test_set, location_of, locations_for
from evaluation.interaction.make_dataset import _Worker, make_dataset
from evaluation.interaction.masks import decode
from evaluation.source import source_hash
from models.interaction.config import NetworkConfig
from models.interaction.inference import Predictor
from models.interaction.network import InteractionNetwork
from tests.evaluation.conftest import evaluation_config, small
from tests.evaluation.test_dataset import valid_entry


def test_files_hold_what_was_asked_for(made: tuple[DatasetConfig, dict[str, Path]], rooms: SimulatorConfig) -> None:
    config, paths = made
    train, test = load_entries(paths["train"], annotated=False), load_entries(paths["test"], annotated=True)
    assert len(train) == 7 and len(test) == 5
    assert {entry.scene for entry in train} <= set(rooms_of(config, config.train))
    assert {entry.scene for entry in test} <= set(rooms_of(config, config.test))
    assert all(entry.rotation in config.rotations and entry.horizon in config.horizons for entry in train + test)
    assert not any(entry.segmentations for entry in train) and all(len(entry.segmentations) >= 2 for entry in test)
    annotation = json.loads(paths["test"].read_text())[0]["annotations"][0]
    assert annotation["min_force"] in (5, 30, 200, -1) and annotation["gt_mass"] > 0 and annotation["objectType"]
    for split, names in (("train", ["train.json"]), ("test", ["test.depths.npy", "test.images.npy", "test.json"])):
        assert paths[split].parent == dataset_folder(config, rooms, split)
        assert sorted(path.name for path in paths[split].parent.iterdir()) == names


def test_a_second_call_makes_nothing(made: tuple[DatasetConfig, dict[str, Path]], rooms: SimulatorConfig) -> None:
    config, paths = made
    before = {path: path.stat().st_mtime_ns for path in paths.values()}
    # A simulator of the same name and command that could not start.
    assert make_dataset(config, replace(rooms, start_timeout_s=1e-6)) == paths
    assert {path: path.stat().st_mtime_ns for path in paths.values()} == before


def test_the_file_is_the_same_with_any_number_of_workers(
    made: tuple[DatasetConfig, dict[str, Path]], rooms: SimulatorConfig, tmp_path: Path
) -> None:
    _, paths = made
    again = make_dataset(small(tmp_path, workers=2), rooms)
    for split in ("train", "test"):
        assert again[split].read_bytes() == paths[split].read_bytes()
        assert again[split].parent.name == paths[split].parent.name


def test_each_location_reproduces_from_its_entry_alone(
    made: tuple[DatasetConfig, dict[str, Path]], rooms: SimulatorConfig
) -> None:
    config, paths = made
    entries = load_entries(paths["test"], annotated=True)
    images, depths = (np.load(path) for path in observation_paths(paths["test"]))
    process = SimulatorProcess(rooms, renderInstanceSegmentation=True)
    try:
        for index in reversed(range(len(entries))):
            entry = entries[index]
            observation = set_up(process, location_of(entry, index), config.placement_attempts)
            assert (observation.image == images[index]).all()
            assert (observation.depth.astype(np.float16) == depths[index]).all()
            found = objects_in_reach(
                process.last_event,
                observation.depth,
                entry.horizon,
                config.reach(),
                rooms.field_of_view,
                config.min_annotated_pixels,
                config.max_mass,
            )
            assert len(found) == len(entry.segmentations)
            for item, rle in zip(found, entry.segmentations, strict=True):
                assert (item.mask == decode(rle)).all()
    finally:
        process.stop()


def test_too_poor_rooms_are_reported_and_leave_no_file(
    tmp_path: Path, rooms: SimulatorConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(small(tmp_path, locations=1), min_objects=1000, attempts_per_spawn=1)
    monkeypatch.setattr("evaluation.interaction.make_dataset.JOBS_PER_LOCATION", 2)
    with pytest.raises(ValueError, match="evaluation.dataset.train gave only 0 of 1 locations"):
        make_dataset(config, rooms)
    assert not list(tmp_path.rglob("*.json"))


def test_an_interrupt_ends_the_making_and_its_processes(tmp_path: Path, rooms: SimulatorConfig) -> None:
    interrupted = threading.Event()
    interrupted.set()
    with pytest.raises(
        KeyboardInterrupt, match=r"\d of 7 locations of .*train.json are kept; run the same command again to continue"
    ):
        make_dataset(small(tmp_path), rooms, interrupted)
    assert not list(tmp_path.rglob("*.json"))
    left = [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
    assert not any("simulator" in " ".join(child.cmdline()) for child in left)


def start_dataset(folder: Path, *overrides: str) -> subprocess.Popen[str]:
    """Starts `./playpen dataset` with the settings of `small`."""
    command = [
        *(sys.executable, "-m", "cluster", "dataset", f"evaluation.dataset.folder={folder}"),
        *("evaluation.dataset.train.locations=7", "evaluation.dataset.test.locations=5"),
        *("evaluation.dataset.train.spawns_per_visit=1", "evaluation.dataset.test.spawns_per_visit=1"),
        *overrides,
    ]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(condition: Any, process: subprocess.Popen[str]) -> None:
    """Waits until a condition holds, as long as the process runs."""
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)


def jobs_in(folder: Path, split: str) -> dict[str, int]:
    """The jobs kept of an unfinished split: name of the file -> when it was written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob(f"*/{split}.partial/job_*.npz")}


@pytest.mark.slow
def test_a_command_killed_at_any_time_continues_to_the_same_files(
    made: tuple[DatasetConfig, dict[str, Path]], tmp_path: Path
) -> None:
    """Kills while the training file is made, while the test file is made, and once more; then lets it finish."""
    _, paths = made
    kept: dict[str, int] = {}
    for split in ("train", "test", "test"):
        process = start_dataset(tmp_path, "evaluation.dataset.workers=1")  # one job after the other
        try:
            before = set(jobs_in(tmp_path, split))
            wait_for(lambda split=split, before=before: set(jobs_in(tmp_path, split)) - before, process)
        finally:
            process.kill()  # SIGKILL
            process.communicate()
        now = jobs_in(tmp_path, split)
        assert not list(tmp_path.glob(f"*/{split}.json"))
        if split == "test":
            assert {name: now[name] for name in kept} == kept, "a job that was kept was done again"
            kept = now
    (damaged, *_) = tmp_path.glob("*/test.partial/job_*.npz")
    damaged.write_bytes(damaged.read_bytes()[:1000])  # as after a power cut
    done = start_dataset(tmp_path)
    output, errors = done.communicate(timeout=240)
    assert done.returncode == 0, errors
    for split in ("train", "test"):
        (again,) = tmp_path.glob(f"*/{split}.json")
        for path in paths[split].parent.iterdir():
            assert (again.parent / path.name).read_bytes() == path.read_bytes(), path.name
        assert sorted(path.name for path in again.parent.iterdir()) == sorted(
            path.name for path in paths[split].parent.iterdir()
        )


def test_ctrl_c_says_how_to_continue(tmp_path: Path) -> None:
    process = start_dataset(tmp_path, "evaluation.dataset.workers=1")
    try:
        wait_for(lambda: jobs_in(tmp_path, "train"), process)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert re.search(
        r"playpen: interrupted: \d of 7 locations of \S*train.json are kept; run the same command again to continue",
        errors,
    )
    assert jobs_in(tmp_path, "train")


def test_two_processes_make_one_file(made: tuple[DatasetConfig, dict[str, Path]], tmp_path: Path) -> None:
    _, paths = made
    first = start_dataset(tmp_path, "evaluation.dataset.workers=1")
    wait_for(lambda: jobs_in(tmp_path, "train"), first)
    # The first must not be done before the second has started, which takes seconds.
    first.send_signal(signal.SIGSTOP)
    second = start_dataset(tmp_path)
    try:
        assert any("waiting for another process that makes" in line for line in second.stderr or ())
    finally:
        first.send_signal(signal.SIGCONT)
    outputs = [process.communicate(timeout=240) for process in (first, second)]
    assert [process.returncode for process in (first, second)] == [0, 0], outputs
    for split in ("train", "test"):
        (again,) = tmp_path.glob(f"*/{split}.json")
        assert again.read_bytes() == paths[split].read_bytes()
        assert not (again.parent / f"{split}.partial").exists()


def test_earlier_steps_do_not_count_towards_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("common.progress.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    with Progress("data set", 22_000, "location", stream, done=20_000) as progress:
        now[0] = 100.0
        progress.update(20_500)
    # 500 in 100 s; the other 1500 take 300 s.
    assert stream.getvalue() == "data set: 20500/22000 locations in 01:40, 5/s, 05:00 left\n"


def test_only_wanted_files_are_made(
    made: tuple[DatasetConfig, dict[str, Path]], rooms: SimulatorConfig, tmp_path: Path
) -> None:
    dataset, paths = made
    given = tmp_path / "given.json"
    given.write_text(json.dumps([valid_entry(1)]))
    folder = tmp_path / "made"
    asked: list[Sequence[str]] = []

    def copied(config: DatasetConfig, simulator: Any, interrupted: Any, splits: Sequence[str]) -> dict[str, Path]:
        asked.append(splits)
        return {split: paths[split] for split in splits}

    config = evaluation_config(dataset__folder=str(folder))
    both = replace(config, train_file=str(given), test_file=str(given))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evaluation.interaction.locations.make_dataset", copied)
        patch.setattr("evaluation.interaction.locations.check_scenes", lambda files, simulator: None)
        for settings, find, wanted in (
            (config, locations_for, [["train", "test"]]),
            (replace(config, train_file=str(given)), locations_for, [["test"]]),
            (replace(config, test_file=str(given)), locations_for, [["train"]]),
            (both, locations_for, []),
            (config, find_test_set, [["test"]]),
            # A missing training file does not matter here.
            (replace(config, train_file="none.json"), find_test_set, [["test"]]),
            (replace(config, test_file=str(given)), find_test_set, []),
            (both, find_test_set, []),
        ):
            asked.clear()
            find(settings, rooms)
            assert [list(splits) for splits in asked] == wanted
    # The maker makes only the requested splits.
    alone = small(tmp_path / "alone", locations=1)
    assert list(make_dataset(alone, rooms, splits=["train"])) == ["train"]
    assert [path.name for path in (tmp_path / "alone").rglob("*") if path.is_file()] == ["train.json"]


def makes_locations(process: psutil.Process) -> bool:
    """Whether a process, if it still lives, is one of those that make locations."""
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def test_a_killed_command_leaves_no_process(tmp_path: Path) -> None:
    process = start_dataset(tmp_path)
    try:
        started: list[psutil.Process] = []
        deadline = time.monotonic() + 120
        while not any(makes_locations(child) for child in started):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
            started = psutil.Process(process.pid).children(recursive=True)
    finally:
        process.kill()
        process.communicate()
    _, left = psutil.wait_procs(started, timeout=60)
    assert not [child for child in left if child.status() != psutil.STATUS_ZOMBIE]


def test_the_folder_depends_on_all_that_decides_the_content(
    tmp_path: Path, rooms: SimulatorConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small(tmp_path)
    folder = dataset_folder(config, rooms, "test")
    assert dataset_folder(replace(config, workers=9), rooms, "test") == folder
    assert dataset_folder(config, replace(rooms, step_timeout_s=9), "test") == folder
    for other in (replace(config, seed=1), replace(config, min_pixels=61), replace(config, forces=[])):
        assert dataset_folder(other, rooms, "test") != folder
    assert dataset_folder(config, replace(rooms, command="python -m simulator --shadows"), "test") != folder
    assert dataset_folder(config, replace(rooms, options=rooms.options | {"shadows": True}), "test") != folder
    # Data sets were made with the simulator's own push before it was part of the settings.
    assert dataset_folder(config, replace(rooms, push=PushConfig()), "test") == folder
    assert dataset_folder(config, replace(rooms, push=replace(rooms.push, seconds=0.2)), "test") != folder
    # A split has a file of its own: settings that it does not depend on leave it as it is.
    longer = replace(config, train=replace(config.train, locations=22_000))
    assert dataset_folder(longer, rooms, "test") == folder != dataset_folder(config, rooms, "train")
    assert dataset_folder(longer, rooms, "train") != dataset_folder(config, rooms, "train")
    # A training file stores no objects, and so no forces.
    assert dataset_folder(replace(config, forces=[]), rooms, "train") == dataset_folder(config, rooms, "train")
    # A file of an older version of this program is not taken for one of this version.
    monkeypatch.setattr("evaluation.interaction.dataset_folder.CONTENT_VERSION", 1)
    assert dataset_folder(config, rooms, "test") != folder


def test_source_hash_sees_changes_of_the_simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "imaginary_rooms"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "scene.py").write_text("SIZE = 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = source_hash("python -m imaginary_rooms --option")
    assert len(before) == 64 and before == source_hash("python -m imaginary_rooms")
    (package / "scene.py").write_text("SIZE = 2")
    assert source_hash("python -m imaginary_rooms") != before
    assert source_hash(None) == source_hash("/opt/thor/build") == source_hash("python -m no_such_package") == ""


def test_observations_beside_a_made_file_are_taken_and_others_rendered_once(
    made: tuple[DatasetConfig, dict[str, Path]], rooms: SimulatorConfig, tmp_path: Path
) -> None:
    config, paths = made
    entries = load_entries(paths["test"], annotated=True)
    broken = replace(rooms, start_timeout_s=1e-6)
    observations = load_observations(paths["test"], entries, broken, config.placement_attempts)
    assert observations.images.shape == (5, 300, 300, 3) and observations.depths.dtype == np.float16
    copy = tmp_path / "copy.json"
    copy.write_bytes(paths["test"].read_bytes())
    rendered = load_observations(copy, entries, rooms, config.placement_attempts)
    assert (rendered.images == observations.images).all() and (rendered.depths == observations.depths).all()
    again = load_observations(copy, entries, broken, config.placement_attempts)  # would fail if it started a simulator
    assert (again.images == observations.images).all()
    # Chosen ones are read from the file of all; without such a file only they are rendered.
    some = load_observations(copy, entries, broken, config.placement_attempts, [3, 1])
    assert (some.images == observations.images[[3, 1]]).all() and (some.depths == observations.depths[[3, 1]]).all()
    other = tmp_path / "other.json"
    other.write_bytes(paths["test"].read_bytes())
    some = load_observations(other, entries, rooms, config.placement_attempts, [3, 1])
    assert (some.images == observations.images[[3, 1]]).all() and (some.depths == observations.depths[[3, 1]]).all()
    assert [len(np.load(path, mmap_mode="r")) for path in tmp_path.glob("other-*.images.npy")] == [2]
    assert len(load_observations(other, entries, broken, config.placement_attempts, [3, 1]).images) == 2


def test_evaluator_measures_what_is_chosen(made: tuple[DatasetConfig, dict[str, Path]], rooms: SimulatorConfig) -> None:
    dataset, _ = made
    config = replace(evaluation_config(images=4, batch_size=3, max_detections=5), dataset=dataset)
    training, test = locations_for(config, rooms)
    assert len(training) == 7 and [location.entry for location in training] == list(range(7))
    evaluator = Evaluator(config, test.path, test.entries, rooms, seed=0)
    network = NetworkConfig(
        base_channels=4,
        up_channels=[4, 4, 4],
        shared_channels=4,
        embedding_channels=2,
        batch_norm_momentum=0.1,
        smooth_upsampling=False,
        normalize_input=True,
    )
    evaluation = evaluator.evaluate(Predictor(InteractionNetwork(network)), 1.0)
    assert evaluation.metrics.images == 4 and evaluator.location(3).entry == 3
    assert [found.image_id for found in evaluation.detections] == [entry.image_id for entry in evaluator.entries]
    assert all(len(found.scores) <= 5 for found in evaluation.detections)
    assert evaluator.evaluate(Predictor(InteractionNetwork(network)), 1.0, images=2, show=False).metrics.images == 2
    results = evaluator.baselines()
    assert results["depth_edges"].metrics.images == 4 and results["superpixels"].metrics.detections > 4


def test_given_files_are_checked_before_anything_is_made(tmp_path: Path, rooms: SimulatorConfig) -> None:
    given = tmp_path / "given.json"
    given.write_text(json.dumps([valid_entry(1), valid_entry(2)]))
    config = evaluation_config(train_file=str(given), test_file=str(given), dataset__folder=str(tmp_path / "made"))
    training, test = locations_for(config, rooms)
    assert training[1].scene == "FloorPlan28" and test.path == given and len(test.entries) == 2
    wrong = replace(config, train_file=None, test_file=str(tmp_path / "none.json"))
    with pytest.raises(ValueError, match="none.json does not exist"):
        locations_for(wrong, rooms)
    assert os.listdir(tmp_path) == ["given.json"]


@pytest.mark.parametrize(("shape", "visibility"), [("sphere", 5.0), ("infinite", 100.0)])
def test_a_data_set_is_measured_as_far_as_its_reach_goes(
    tmp_path: Path, rooms: SimulatorConfig, shape: str, visibility: float
) -> None:
    worker = _Worker(replace(small(tmp_path), reach_shape=shape), rooms)
    try:
        assert worker.simulator()._controller.initialization_parameters["visibilityDistance"] == visibility
    finally:
        worker.stop()

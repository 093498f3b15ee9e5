"""Data sets made by the real client and the embedded simulator, in real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from actors.config import SimulatorConfig
from actors.controller import SimulatorProcess
from actors.ground_truth import objects_in_reach
from actors.interaction.locations import set_up
from evaluation.config import DatasetConfig
from evaluation.dataset import load_entries
from evaluation.evaluate import Evaluator, load_looks, render
from evaluation.locations import location_of, locations_for
from evaluation.make_dataset import (
    dataset_folder,
    make_dataset,
    observation_paths,
    rooms_of,
    source_hash,
)
from evaluation.masks import decode
from models.config import NetworkConfig
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
    folder = paths["test"].parent
    assert folder == dataset_folder(config, rooms)
    assert sorted(path.name for path in folder.iterdir()) == [
        "test.depths.npy", "test.images.npy", "test.json", "train.json",
    ]  # fmt: skip


def test_a_second_call_makes_nothing(made: tuple[DatasetConfig, dict[str, Path]], rooms: SimulatorConfig) -> None:
    config, paths = made
    before = {path: path.stat().st_mtime_ns for path in paths.values()}
    # A simulator that could not start, were it asked to, but of the same name and command.
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
            look = set_up(process, location_of(entry, index), config.placement_attempts)
            assert (look.image == images[index]).all()
            assert (look.depth.astype(np.float16) == depths[index]).all()
            found = objects_in_reach(
                process.last_event,
                look.depth,
                entry.horizon,
                config.reach(),
                rooms.field_of_view,
                config.min_annotated_pixels,
                config.max_mass,
            )
            assert len(found) == len(entry.segmentations)
            for thing, rle in zip(found, entry.segmentations, strict=True):
                assert (thing.mask == decode(rle)).all()
    finally:
        process.stop()


def test_too_poor_rooms_are_reported_and_leave_no_file(
    tmp_path: Path, rooms: SimulatorConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(small(tmp_path, locations=1), min_objects=1000, attempts_per_spawn=1)
    monkeypatch.setattr("evaluation.make_dataset.JOBS_PER_LOCATION", 2)
    with pytest.raises(ValueError, match="evaluation.dataset.train gave only 0 of 1 locations"):
        make_dataset(config, rooms)
    assert not list(tmp_path.rglob("*.json"))


def test_an_interrupt_ends_the_making_and_its_processes(tmp_path: Path, rooms: SimulatorConfig) -> None:
    interrupted = threading.Event()
    interrupted.set()
    with pytest.raises(KeyboardInterrupt):
        make_dataset(small(tmp_path), rooms, interrupted)
    assert not list(tmp_path.rglob("*.json"))
    left = [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
    assert not any("simulator" in " ".join(child.cmdline()) for child in left)


def test_killed_it_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cluster", "dataset", f"evaluation.dataset.folder={tmp_path}"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        started: list[psutil.Process] = []
        deadline = time.monotonic() + 120
        while not any("spawn_main" in " ".join(child.cmdline()) for child in started):  # those that make locations
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
            started = psutil.Process(process.pid).children(recursive=True)
    finally:
        process.kill()
        process.wait()
    _, left = psutil.wait_procs(started, timeout=60)
    assert not [child for child in left if child.status() != psutil.STATUS_ZOMBIE]


def test_the_folder_depends_on_all_that_decides_the_content(tmp_path: Path, rooms: SimulatorConfig) -> None:
    config = small(tmp_path)
    folder = dataset_folder(config, rooms)
    assert dataset_folder(replace(config, workers=9), rooms) == folder
    assert dataset_folder(config, replace(rooms, step_timeout_s=9)) == folder
    for other in (replace(config, seed=1), replace(config, min_pixels=61)):
        assert dataset_folder(other, rooms) != folder
    assert dataset_folder(config, replace(rooms, command="python -m simulator --shadows")) != folder
    assert dataset_folder(config, replace(rooms, options=rooms.options | {"shadows": True})) != folder


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


def test_looks_beside_a_made_file_are_taken_and_others_rendered_once(
    made: tuple[DatasetConfig, dict[str, Path]], rooms: SimulatorConfig, tmp_path: Path
) -> None:
    config, paths = made
    entries = load_entries(paths["test"], annotated=True)
    broken = replace(rooms, start_timeout_s=1e-6)
    looks = load_looks(paths["test"], entries, broken, config.placement_attempts)
    assert looks.images.shape == (5, 300, 300, 3) and looks.depths.dtype == np.float16
    copy = tmp_path / "copy.json"
    copy.write_bytes(paths["test"].read_bytes())
    rendered = load_looks(copy, entries, rooms, config.placement_attempts)
    assert (rendered.images == looks.images).all() and (rendered.depths == looks.depths).all()
    again = load_looks(copy, entries, broken, config.placement_attempts)  # would fail if it started a simulator
    assert (again.images == looks.images).all()
    assert (render(entries[3:4], rooms, config.placement_attempts).images[0] == looks.images[3]).all()


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
    evaluation = evaluator.evaluate(Predictor(InteractionNetwork(network)))
    assert evaluation.metrics.images == 4 and evaluator.location(3).entry == 3
    assert [found.image_id for found in evaluation.detections] == [entry.image_id for entry in evaluator.entries]
    assert all(len(found.scores) <= 5 for found in evaluation.detections)
    assert evaluator.evaluate(Predictor(InteractionNetwork(network)), images=2, show=False).metrics.images == 2
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

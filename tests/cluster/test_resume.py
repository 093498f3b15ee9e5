"""Runs that are stopped or killed and then resumed: real processes, the smoke experiment."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from cluster.command.compose import resumed_config, resumed_folder
from cluster.interaction.config import TrainConfig
from cluster.run.config import instantiate
from cluster.run.run_state import RunState, find_resumable
from cluster.run.tracking import remove_partial_line
from common.errors import UsageError
from tests.cluster.runs import SmokeRun, playpen, playpen_at_once, processes_of, result_of, start


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 180) -> None:
    """Waits while the process lives."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "too slow"
        time.sleep(0.2)


def run_folder(folder: Path) -> Path:
    return next(folder.glob("outputs/train/*"))


def steps_done(folder: Path) -> int:
    """Optimiser steps by the newest row of the run's metrics."""
    rows = [line for path in folder.glob("outputs/train/*/metrics.jsonl") for line in path.read_text().splitlines()]
    return max((json.loads(row).get("steps", 0) for row in rows if row.endswith("}")), default=0)


STRICT = (
    "evaluation.figures=0",
    "replay.strict=true",
    "tracking.log_every_s=0.1",
    "tracking.mode=disabled",
    # A step a call and six steps a round, one round and two, so that the run can be stopped in the middle of a round.
    "learner.publish_every=1",
    "learner.phases.segmentation.rounds=1",
    *(
        f"learner.phases.{phase}.{k}=6"
        for phase in ("segmentation", "joint")
        for k in ("batches_first", "batches_last")
    ),
)


@pytest.fixture(scope="module")
def uninterrupted(smoke: SmokeRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The working folder of a strict run that was not interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    process = start(folder, smoke.root, *STRICT)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("stop_after", [1, 4, 8])  # of 18
def test_stopped_and_resumed_strict_run_equals_the_uninterrupted_one(
    smoke: SmokeRun,
    uninterrupted: Path,
    tmp_path: Path,
    stop_after: int,
) -> None:
    process = start(tmp_path, smoke.root, *STRICT)
    wait_until(lambda: steps_done(tmp_path) >= stop_after, process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "./playpen train resume=" in errors
    assert stop_after <= find_resumable(run_folder(tmp_path), seed=1).steps < stop_after + 6
    done = playpen("train", f"resume={run_folder(tmp_path)}", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    result = result_of(done.stdout)
    models = [
        next(folder.glob("outputs/train/*/checkpoints/step_0000018/model-*")).name
        for folder in (uninterrupted, tmp_path)
    ]
    assert models[0] == models[1]  # the names hold the SHA-256 of the weights
    before = json.loads((run_folder(uninterrupted) / "results.json").read_text())
    for name in ("mask_ap50", "box_ap50", "touches", "locations", "steps", "greedy_success", "random_success"):
        assert result[name] == before[name], name


@pytest.mark.slow
def test_a_killed_run_leaves_no_process_and_can_be_resumed(smoke: SmokeRun, tmp_path: Path) -> None:
    process = start(
        tmp_path, smoke.root, "evaluation.figures=0", "checkpoint_minutes=0.02", "tracking.log_every_s=0.1", "seed=3"
    )
    try:
        wait_until(lambda: steps_done(tmp_path) >= 3, process)
        wait_until(
            lambda: bool(list(tmp_path.glob("outputs/train/*/checkpoints/step_*/replay-locations.npz"))), process
        )
    finally:
        process.kill()
    process.communicate()
    # Two of Ray's agents try for a minute to report to a server that died, too; everything else ends at once.
    for seconds, lingering in ((15, "Agent"), (90, "")):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            left = [line for line in processes_of(tmp_path) if not lingering or lingering not in line]
            if not left:
                break
            time.sleep(0.5)
        assert not left
    folder = run_folder(tmp_path)
    rows = len((folder / "metrics.jsonl").read_text().splitlines())
    done = playpen("train", f"resume={folder}", "tracking.log_every_s=1", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    result = result_of(done.stdout)
    # 6 + 3 * 3 + 2 * 3 locations; K = 2, 3, 4 and 2, 2 batches: no burst of steps, no location left out.
    assert (result["steps"], result["locations"]) == (13, 21)
    assert "resumed from step_" in (folder / "run.log").read_text()
    metrics = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert len(metrics) > rows
    # Every row of the resumed run lies later than the first step of the whole run.
    assert metrics[rows]["seconds"] > next(row["seconds"] for row in metrics if row.get("steps"))
    assert [row["seconds"] for row in metrics[rows:]] == sorted(row["seconds"] for row in metrics[rows:])
    assert len({path.suffix for path in folder.glob("wandb/offline-run-*")}) >= 1
    ids = {path.name.rpartition("-")[2] for path in folder.glob("wandb/offline-run-*")}
    assert ids == {(folder / "wandb_id").read_text()}
    again = playpen("train", f"resume={folder}", folder=tmp_path)
    assert again.returncode == 2 and "that run is finished" in again.stderr
    assert len(again.stderr.strip().splitlines()) == 1


def test_state_survives_json() -> None:
    state = RunState(1, True, 7, 3.5, 12, 40, [3, 4], {"5": "no such place"}, {"touches": 9})
    assert RunState.from_json(json.loads(json.dumps(state.as_json())), Path("x")) == state


@pytest.mark.parametrize("name", ["phase", "open_numbers", "report"])
def test_damaged_state_is_refused(name: str) -> None:
    values = RunState().as_json() | {name: "x"}
    with pytest.raises(UsageError, match=rf"run\.{name} must be of type"):
        RunState.from_json(values, Path("x"))
    del values[name]
    with pytest.raises(UsageError, match=rf"run\.{name} must be of type"):
        RunState.from_json(values, Path("x"))
    with pytest.raises(UsageError):
        RunState.from_json(None, Path("x"))


def test_a_refused_resume_leaves_the_folder_alone(smoke: SmokeRun, tmp_path: Path) -> None:
    """It may belong to a run that is generating its data set and holds only its configuration."""
    folder = tmp_path / "young"
    shutil.copytree(smoke.folder / ".hydra", folder / ".hydra")
    shutil.copy(smoke.folder / "config.yaml", folder)
    done = playpen_at_once("train", f"resume={folder}", folder=tmp_path)
    assert done.returncode == 2 and "holds no checkpoint with a replay buffer" in done.stderr
    assert {path.name for path in folder.iterdir()} == {".hydra", "config.yaml"}


def test_folders_that_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no config\.yaml"):
        resumed_folder([f"resume={tmp_path}"])
    (tmp_path / "config.yaml").write_text("seed: 1")
    with pytest.raises(UsageError, match="remove -m"):
        resumed_folder(["-m", f"resume={tmp_path}"])
    assert resumed_folder([f"resume={tmp_path}"]) == tmp_path
    assert resumed_folder(["seed=2"]) is None
    with pytest.raises(UsageError, match="holds no checkpoint with a replay buffer"):
        find_resumable(tmp_path, seed=1)
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(UsageError, match="that run is finished"):
        find_resumable(tmp_path, seed=1)


def test_resumed_configuration_takes_single_values_only(smoke: SmokeRun) -> None:
    changed = resumed_config(smoke.folder, ["resume=x", "learner.lr=0.25", "checkpoint_minutes=3"])
    assert (changed.learner.lr, changed.checkpoint_minutes, changed.seed) == (0.25, 3, 3)
    with pytest.raises(UsageError, match="resume continues with the run's experiment"):
        resumed_config(smoke.folder, ["experiment=paper"])
    with pytest.raises(UsageError, match="lrr"):
        resumed_config(smoke.folder, ["learner.lrr=1"])


ADDED = (
    "models.normalize_input", "models.max_depth", "learner.mask_reduction", "learner.huber_square",
    "learner.repeated_points", "replay.image_score", "replay.without_replacement",
    "actors.self_supervision.success_strictly_above", "actors.rgbd", "simulator.unlimited_reach",
    "simulator.push", "start_from",
)  # fmt: skip


def test_runs_older_than_a_config_value_keep_their_behaviour(smoke: SmokeRun, tmp_path: Path) -> None:
    saved = OmegaConf.load(smoke.folder / "config.yaml")
    for key in ADDED:
        group, _, name = key.rpartition(".")
        del (OmegaConf.select(saved, group) if group else saved)[name]  # type: ignore[arg-type]
    OmegaConf.save(saved, tmp_path / "config.yaml")
    config = instantiate(resumed_config(tmp_path, []), TrainConfig)
    assert (config.models.normalize_input, config.models.max_depth, config.learner.huber_square) == (True, 5.0, True)
    assert (config.learner.mask_reduction, config.learner.repeated_points) == ("sum", "add")  # points added up
    assert (config.replay.image_score, config.replay.without_replacement) == ("min", "batch")
    assert not config.actors.self_supervision.success_strictly_above and config.start_from is None


def test_cut_off_row_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert remove_partial_line(path) == 0
    path.write_text('{"a": 1}\n{"a": 2}\n{"a"')
    assert remove_partial_line(path) == 2
    assert path.read_text() == '{"a": 1}\n{"a": 2}\n'

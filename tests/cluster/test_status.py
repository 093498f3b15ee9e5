"""`./playpen status`, names of checkpoints, the quarantine, and which errors mean a lost process; without Ray."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from ray.exceptions import GetTimeoutError, ObjectLostError, RayActorError, RayTaskError

from cluster.command.cli import main
from cluster.interaction.meter import TouchMeter
from cluster.run.checkpoints import how_it_ended, is_disk_error, keep_newest, publish, staging_folder, whole_checkpoints
from cluster.run.run_state import RunState
from cluster.run.status import STATUS, StatusFile, is_alive, is_running, read_status, run
from cluster.workers.health import is_process_loss
from common.errors import Interrupted, NothingSaved, RunError, UsageError
from learner.checkpoint_index import INDEX
from replay.layout import state_file


def make_checkpoint(run: Path, steps: int) -> Path:
    staging = staging_folder(run, steps)
    staging.mkdir()
    (staging / INDEX).write_text("{}")
    (staging / state_file("locations")).write_bytes(b"")
    return publish(staging, steps)


def test_checkpoints_appear_whole_and_sort_by_age(tmp_path: Path) -> None:
    names = []
    for steps in (0, 0, 0, 7, 7, 12):
        names.append(make_checkpoint(tmp_path, steps).name)
        keep_newest(tmp_path / "checkpoints", 2)
    # The third checkpoint of step 0 must not reuse the name of the first, removed one: it would sort as the oldest.
    expected = ["step_0000000", "step_0000000-02", "step_0000000-03", "step_0000007", "step_0000007-02", "step_0000012"]
    assert names == expected == sorted(names)
    assert [path.name for path in whole_checkpoints(tmp_path)] == expected[-2:]


def test_half_written_checkpoints_do_not_count_and_are_removed(tmp_path: Path) -> None:
    kept = make_checkpoint(tmp_path, 3)
    left = staging_folder(tmp_path, 5)
    left.mkdir()
    (left / INDEX).write_text("{}")
    assert whole_checkpoints(tmp_path) == [kept]
    staging_folder(tmp_path, 6)
    assert not left.exists() and kept.exists()


def test_the_message_of_an_interrupted_run_names_the_existing_checkpoint(tmp_path: Path) -> None:
    assert how_it_ended(NothingSaved("nothing was trained yet"), tmp_path) == "nothing was trained yet"
    make_checkpoint(tmp_path, 3)
    assert how_it_ended(NothingSaved("nothing was trained yet"), tmp_path) == (
        f"nothing was trained since the last checkpoint; to resume: ./playpen train resume={tmp_path}"
    )
    assert how_it_ended(Interrupted("checkpoint saved in x"), tmp_path) == "checkpoint saved in x"


def test_disk_errors_are_recognised_by_their_text() -> None:
    assert is_disk_error(f"CheckpointError: checkpoint x could not be written: {os.strerror(errno.ENOSPC)}")
    assert not is_disk_error("CheckpointError: checkpoint x was not written: tensor 'y' holds NaN or infinity")


def test_quarantine_is_bounded_and_keeps_the_error() -> None:
    state = RunState()
    state.quarantine("4", "no such place", 2)
    state.quarantine("4", "no such place", 2)
    state.quarantine("9", "a bad room", 2)
    assert state.quarantined == {"4": "no such place", "9": "a bad room"}
    with pytest.raises(RunError, match=r"3 tasks could .*cluster\.quarantined_locations=2; the last error: too bright"):
        state.quarantine("1", "too bright", 2)


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (RayActorError(), True),
        (GetTimeoutError("late"), True),
        (ObjectLostError("00", b"owner", "stack"), True),
        (RayTaskError("play", "...", RayActorError()), True),
        (RayTaskError("train", "...", RayTaskError("sample", "...", RayActorError())), True),
        (RayTaskError("train", "...", ValueError("NaN")), False),
        (ValueError("x"), False),
    ],
)
def test_lost_processes_are_distinguished_from_errors(error: Exception, lost: bool) -> None:
    assert is_process_loss(error) == lost


@pytest.fixture
def other() -> Any:
    """A process that sleeps."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def show(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["status", str(folder)])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_status_of_running_dead_and_finished_runs(
    tmp_path: Path, other: subprocess.Popen[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    status = StatusFile(tmp_path)
    status.values |= {"pid": other.pid, "process_started": psutil.Process(other.pid).create_time()}
    status.update(
        phase="joint",
        seconds=90.0,
        unit="location",
        tasks=[3, 6],
        steps=[2, 4],
        summary=TouchMeter({}).summary({"locations": 9, "touches": 80, "rate/locations_per_s": 2.0}),
        row={"locations": 9, "touches": 80, "steps": 6, "replay/bytes": 4_750_000, "learner/staleness_mean": 1e400},
        faults={"actor_died": 2},
        quarantined={"4": "location 4 (FloorPlan1): no such place"},
        nodes_out_of_use={"f" * 56: "actor 1 failed 6 times"},
        actors=[
            {"actor": 0, "doing": "playing", "location": 8, "for_s": 3.0, "locations": 5, "restarts": 2}
            | {"last_restart": "the actor died", "host": "here", "pid": 12, "simulator_pid": 13}
        ],
    )  # fmt: skip
    text = show(tmp_path, capsys)
    for part in (
        f"{tmp_path}: running (process {other.pid}",
        "phase joint: 3/6 locations, 2/4 steps; in all, 90 s",
        "collected: 9 locations (2/s), 80 touches (–/s)",
        "learner: 6 steps (–/s)",
        "replay buffer 4.75 MB",
        "– steps old on average",
        "faults: actor died 2",
        "quarantined: location 4 (FloorPlan1): no such place",
        "node ffffffffffff out of use: actor 1 failed 6 times",
        "no checkpoint that can be resumed",
        "playing task 8",
        "the actor died",
    ):
        assert part in text, part
    make_checkpoint(tmp_path, 6)
    other.kill()
    other.wait()
    text = show(tmp_path, capsys)
    assert ": died: its last update was" in text
    assert f"last checkpoint: step_0000006, 0 s ago; to resume: ./playpen train resume={tmp_path}" in text
    status.update(state="finished")
    text = show(tmp_path, capsys)
    assert ": finished 0 s ago" in text and "to resume" not in text
    status.update(state="failed", sentence="the disk is full")
    text = show(tmp_path, capsys)
    assert ": failed 0 s ago" in text and "the disk is full" in text and "to resume" in text


def test_another_process_with_the_same_number_is_not_the_run(tmp_path: Path, other: subprocess.Popen[bytes]) -> None:
    status = StatusFile(tmp_path)
    assert is_alive(status.values), "this process"
    status.values |= {"pid": other.pid}
    assert is_alive(status.values) is False
    status.values |= {"host": "elsewhere"}
    assert is_alive(status.values) is None


def test_late_runs_may_hang(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    StatusFile(tmp_path).update()
    values = json.loads((tmp_path / STATUS).read_text()) | {"updated": time.time() - 600}
    (tmp_path / STATUS).write_text(json.dumps(values))
    assert "as of 10.0 min ago; that is late: it may hang" in show(tmp_path, capsys)


def test_folders_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run was started there"):
        read_status(tmp_path)
    (tmp_path / STATUS).write_text("[]")
    with pytest.raises(UsageError, match="is damaged"):
        read_status(tmp_path)


@pytest.mark.parametrize(
    "values",
    [{"pid": 1}, {"pid": 1, "state": "running"}, {"pid": -1}, {"updated": "y"}, {"phase": "joint"}],
    ids=str,
)
def test_a_damaged_status_is_reported(tmp_path: Path, values: dict[str, Any]) -> None:
    StatusFile(tmp_path).update()
    whole = json.loads((tmp_path / STATUS).read_text())
    kept = {} if set(values) <= {"pid", "state"} and values["pid"] == 1 else whole
    (tmp_path / STATUS).write_text(json.dumps(kept | values))
    with pytest.raises(UsageError, match="is damaged"):
        run([str(tmp_path)])


def test_a_run_whose_driver_lives_is_running(tmp_path: Path) -> None:
    """Even without a replay buffer: during the final evaluation, or while a lost one restarts."""
    assert not is_running(tmp_path)
    StatusFile(tmp_path).update()
    assert is_running(tmp_path)
    values = json.loads((tmp_path / STATUS).read_text())
    for change in ({"state": "finished"}, {"process_started": 1.0}, {"host": "another"}):
        (tmp_path / STATUS).write_text(json.dumps(values | change))
        assert not is_running(tmp_path), change

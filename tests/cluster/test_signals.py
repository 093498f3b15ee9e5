"""Ctrl-C, SIGTERM and a closed terminal end runs in order, also in sweeps: real processes, the smoke experiment."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cluster.run.checkpoints import whole_checkpoints
from common.signals import restored, stopping
from tests.cluster.runs import ROOT, SmokeRun, processes_of

LONG = ("experiment=smoke", "evaluation.figures=0", "learner.phases.joint.rounds=60", "tracking.log_every_s=0.2")


def test_a_closed_terminal_stops_a_command_unless_nohup_was_asked_for() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        assert stopping() == [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        assert stopping() == [signal.SIGINT, signal.SIGTERM]
    finally:
        signal.signal(signal.SIGHUP, before)


def test_ray_leaves_the_handlers_alone() -> None:
    handlers = [signal.getsignal(number) for number in stopping()]
    with restored():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as Ray takes it
    assert [signal.getsignal(number) for number in stopping()] == handlers


def start(folder: Path, smoke: SmokeRun, *overrides: str, terminal: int | None = None) -> subprocess.Popen[bytes]:
    (folder / "outputs").mkdir()
    (folder / "outputs" / "datasets").symlink_to(smoke.root / "outputs" / "datasets")
    errors = (folder / "errors").open("wb")
    arguments = [sys.executable, "-m", "cluster", "train", *LONG, *overrides]
    if terminal is not None:
        # The terminal controls the session: its processes get SIGHUP when it closes.
        arguments = ["setsid", "--ctty", "--wait", *arguments]
    process = subprocess.Popen(
        arguments,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(folder / "home")},
        stdin=terminal,
        stdout=subprocess.DEVNULL if terminal is None else terminal,
        stderr=errors if terminal is None else terminal,
        start_new_session=True,
    )
    errors.close()
    return process


def wait_for(condition: Callable[[], bool], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "too slow"
        time.sleep(0.3)


def has_trained(run: Path) -> bool:
    """Whether a run has done some steps."""
    metrics = run / "metrics.jsonl"
    rows = metrics.read_text().splitlines() if metrics.exists() else []
    return any(json.loads(row).get("steps", 0) >= 3 for row in rows if row.endswith("}"))


def saved_when_stopped(run: Path) -> bool:
    """Whether a run ended in order, with a checkpoint of its last step."""
    status = json.loads((run / "status.json").read_text())
    last = whole_checkpoints(run)[-1]
    return status["state"] == "interrupted" and last.name != "step_0000000" and f"saved in {last}" in status["sentence"]


@pytest.mark.slow
def test_a_closed_terminal_saves_a_checkpoint(smoke: SmokeRun, tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    process = start(tmp_path, smoke, terminal=follower)
    os.close(follower)
    os.set_blocking(leader, False)

    def busy() -> bool:
        with contextlib.suppress(OSError):
            os.read(leader, 65536)
        return any(has_trained(run) for run in tmp_path.glob("outputs/train/*"))

    wait_for(busy)
    os.close(leader)
    process.wait(240)
    (run,) = tmp_path.glob("outputs/train/*")
    wait_for(lambda: not processes_of(tmp_path), 90)
    assert saved_when_stopped(run)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sweep_lets_its_runs_save_a_checkpoint(
    number: signal.Signals, smoke: SmokeRun, tmp_path: Path
) -> None:
    process = start(tmp_path, smoke, "sweep=ray", "learner.lr=1e-3,4e-3")

    def busy() -> bool:
        assert process.poll() is None, (tmp_path / "errors").read_text()
        return any(has_trained(run) for run in tmp_path.glob("outputs/sweeps/*/0_*"))

    wait_for(busy)
    os.killpg(process.pid, number)  # the terminal and batch systems signal the whole group
    assert process.wait(240) == 130
    errors = (tmp_path / "errors").read_text()
    assert "saving and stopping the runs: 1" in errors and "playpen: interrupted" in errors
    assert "Traceback" not in errors and "stack" not in errors
    (run,) = tmp_path.glob("outputs/sweeps/*/0_*")
    assert saved_when_stopped(run)
    assert f"./playpen train resume={run}" in errors
    assert not [path for path in tmp_path.glob("outputs/sweeps/*/1_*/checkpoints")]
    wait_for(lambda: not processes_of(tmp_path), 90)


@pytest.mark.slow
def test_the_runs_of_a_killed_sweep_save_a_checkpoint(smoke: SmokeRun, tmp_path: Path) -> None:
    process = start(tmp_path, smoke, "sweep=ray", "learner.lr=1e-3,4e-3")
    wait_for(lambda: any(has_trained(run) for run in tmp_path.glob("outputs/sweeps/*/0_*")))
    psutil.Process(process.pid).kill()
    process.wait()
    wait_for(lambda: not processes_of(tmp_path), 120)
    (run,) = tmp_path.glob("outputs/sweeps/*/0_*")
    assert saved_when_stopped(run)

"""Ctrl-C and SIGTERM: detected in every wait, and not intercepted by Ray or the interpreter."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import cluster.run.interrupt
from cluster.run.interrupt import interrupt_flag, wait_for_result
from cluster.run.results import finish
from common.errors import Interrupted
from tests.cluster.runs import ROOT


@pytest.fixture
def never_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `ray.wait` return without results."""
    monkeypatch.setattr(cluster.run.interrupt.ray, "wait", lambda references, timeout: ([], references))


def run_script(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_sets_the_flag_and_a_later_one_interrupts(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    with interrupt_flag() as interrupted:
        signal.raise_signal(number)
        assert interrupted.is_set()
        signal.raise_signal(number)  # the same request: `timeout` and shells signal a process and its group
        monkeypatch.setattr(cluster.run.interrupt, "SAME_REQUEST_S", 0.0)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


def test_a_closed_terminal_may_signal_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell signals its jobs and the system the foreground; the run still saves a checkpoint."""
    monkeypatch.setattr(cluster.run.interrupt, "SAME_REQUEST_S", 0.0)
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        with interrupt_flag() as interrupted:
            for _ in range(3):
                signal.raise_signal(signal.SIGHUP)
            assert interrupted.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("never_ready")
def test_ctrl_c_ends_a_wait_for_a_result() -> None:
    interrupted = threading.Event()
    interrupted.set()
    reference: Any = "reference"
    with pytest.raises(Interrupted):
        wait_for_result(reference, interrupted)


@pytest.mark.usefixtures("never_ready")
def test_ctrl_c_ends_the_final_evaluation(tmp_path: Path) -> None:
    interrupted = threading.Event()
    interrupted.set()
    final = SimpleNamespace(remote=lambda reference, folder: "reference")
    evaluator: Any = SimpleNamespace(handle=SimpleNamespace(final=final), check=lambda: None)
    reporter: Any = SimpleNamespace(seconds=lambda: 0.0, note=lambda line: None)
    nothing: Any = SimpleNamespace(reference=None)
    with pytest.raises(Interrupted):
        finish(nothing, nothing, tmp_path, evaluator, nothing, reporter, 0.0, interrupted)


def test_ray_leaves_sigterm_to_the_run(tmp_path: Path) -> None:
    script = """
import os, signal
from cluster.run.interrupt import interrupt_flag
from cluster.machines.resources import ray_session
from tests.cluster.test_resources import LOCAL
with interrupt_flag() as interrupted, ray_session(LOCAL):
    os.kill(os.getpid(), signal.SIGTERM)
    print(interrupted.wait(5))
"""
    done = run_script(script, tmp_path)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_exit_code_after_an_interrupted_exec(tmp_path: Path) -> None:
    script = """
import cluster.command.cli
cluster.command.cli.dispatch = lambda command, rest: exec("raise KeyboardInterrupt")
cluster.command.cli.main(["train"])
"""
    done = run_script(script, tmp_path)
    assert (done.returncode, done.stderr) == (130, "playpen: interrupted\n")


def test_sigterm_ends_a_command_as_ctrl_c_does(tmp_path: Path) -> None:
    script = """
import os, signal, time
import cluster.command.cli
def work(command, rest):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    finally:
        print("processes are ended here")
cluster.command.cli.dispatch = work
cluster.command.cli.main(["dataset"])
"""
    done = run_script(script, tmp_path)
    assert (done.returncode, done.stdout) == (130, "processes are ended here\n"), done.stderr

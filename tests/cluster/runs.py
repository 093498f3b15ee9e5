"""Runs as users start them, with processes of their own."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]


def playpen(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command as `./playpen` would, in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "cluster", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(folder / "home")} | environment,
        capture_output=True,
        text=True,
        timeout=240,
    )


WARM = multiprocessing.get_context("forkserver")
WARM.set_forkserver_preload(
    [
        "cluster.run.train",
        "cluster.interaction.dataset",
        "cluster.interaction.evaluate",
        "cluster.interaction.predict",
        "hydra",
    ]
)


def playpen_at_once(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Like `playpen`, but forked from a process that has imported everything; for commands that do not start Ray."""
    outputs = folder / "stdout", folder / "stderr"
    process = WARM.Process(target=_command, args=(arguments, folder, *outputs))
    process.start()
    process.join(240)
    assert process.exitcode is not None, "still running"
    texts = [path.read_text() for path in outputs]
    for path in outputs:
        path.unlink()
    return subprocess.CompletedProcess(arguments, process.exitcode, *texts)


def _command(arguments: Sequence[str], folder: Path, *outputs: Path) -> None:
    os.chdir(folder)
    os.environ["HOME"] = str(folder / "home")
    for number, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    from cluster.command.cli import main

    main(arguments)


@dataclass(frozen=True)
class SmokeRun:
    """A finished `./playpen train experiment=smoke`."""

    folder: Path
    root: Path
    """The folder that it was started in, which holds outputs/."""
    result: dict[str, Any]
    errors: str


def result_of(output: str) -> dict[str, Any]:
    """The RESULT line, which must be the last one."""
    last = output.strip().splitlines()[-1]
    assert last.startswith("RESULT ")
    return json.loads(last.removeprefix("RESULT "))


def processes_of(folder: Path) -> list[str]:
    """Command lines of live processes whose working folder or environment points into `folder`."""
    found = []
    for process in psutil.process_iter():
        try:
            inside = str(folder) in process.environ().get("HOME", "") or process.cwd().startswith(str(folder))
            if inside and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except (psutil.Error, OSError):
            continue
    return found


def start(folder: Path, smoke_root: Path, *overrides: str) -> subprocess.Popen[str]:
    """Starts a smoke run in `folder`, on the data set that the smoke run in `smoke_root` has made."""
    (folder / "outputs").mkdir(parents=True)
    (folder / "outputs" / "datasets").symlink_to(smoke_root / "outputs" / "datasets")
    return subprocess.Popen(
        [sys.executable, "-m", "cluster", "train", "experiment=smoke", *overrides],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(folder / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )

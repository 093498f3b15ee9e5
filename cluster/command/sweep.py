"""Sweeps: what Hydra's multirun asks of a run, wherever its launcher starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cluster.command.child_run import TRAIN
from cluster.command.overrides import quoted
from common.errors import RunError
from common.output import say
from common.processes import last_words
from common.signals import restored

LOOK_EVERY_S = 0.5
STOP_TIMEOUT_S = 300.0
"""Longest wait for the runs of a sweep that is stopped; one whose node was lost never says that it ended."""
OF_THE_WORKER = (
    "RAY_JOB_ID", "RAY_RAYLET_PID", "RAY_NODE_ID", "RAY_ADDRESS", "RAY_kill_child_processes_on_worker_exit",
    "OMP_NUM_THREADS",
)  # fmt: skip
"""Environment of a Ray worker that would bind a run in it to the launcher's Ray and to one thread."""


def objective(folder: Path, key: str) -> float:
    """What a finished run reached.

    Args:
        folder: of the run.
        key: of results.json: the system's objective, which a sweeper maximises.

    Raises:
        RunError: it has no result.
    """
    try:
        return float(json.loads((folder / "results.json").read_text(encoding="utf-8"))[key])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{folder / 'results.json'} holds no {key}") from error


def inside_ray() -> bool:
    """Whether this process is a worker of Ray: a launcher's."""
    if "ray" not in sys.modules:
        return False
    import ray

    return bool(ray.is_initialized()) and ray.get_runtime_context().worker.mode == ray.WORKER_MODE


def run_apart(overrides: Sequence[str], folder: Path, key: str) -> float:
    """Trains in a process of its own, which starts a Ray of its own or joins the one that `cluster.address` names.

    A worker cannot start a second Ray, and a run has more parts than the worker has CPUs. When the sweep is stopped,
    the run is interrupted, as by Ctrl-C, and saves a checkpoint.

    Args:
        overrides: of `./playpen train`.
        folder: of the run.
        key: see `objective`.

    Returns:
        its objective.

    Raises:
        RunError: it failed; with its sentence.
    """
    from ray.experimental.internal_kv import _internal_kv_del, _internal_kv_exists, _internal_kv_put

    own = key_of("runs", str(folder))
    _internal_kv_put(own, b"")  # first, so that `stop_runs` misses no run that begins
    if _internal_kv_exists(key_of("stop")):
        _internal_kv_del(own)
        raise RunError(f"{folder}: the sweep was stopped before this run began")
    environment = {name: value for name, value in os.environ.items() if name not in OF_THE_WORKER}
    arguments = [*overrides, f"hydra.run.dir={quoted(folder.resolve())}", "hydra.mode=RUN"]
    log = folder / "output.log"
    folder.mkdir(parents=True, exist_ok=True)
    asked = False
    try:
        with log.open("ab") as file:
            child = subprocess.Popen(
                [*TRAIN, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,  # Ctrl-C reaches it through `stop_runs`, once
            )
        while child.poll() is None:
            time.sleep(LOOK_EVERY_S)
            if not asked and _internal_kv_exists(key_of("stop")):
                asked = True
                child.send_signal(signal.SIGINT)
    finally:
        _internal_kv_del(own)
    if child.returncode:
        raise RunError(f"{folder}: {last_words(log) or f'ended with code {child.returncode}, see {log}'}")
    return objective(folder, key)


def key_of(*words: str) -> bytes:
    """A key of this sweep in the key-value store of the launcher's Ray.

    Workers and the sweep's own process agree through this store on what goes on and what is to stop. A Ray actor would
    not do: a worker that waits for its answer gives its CPUs up meanwhile, and one run more would begin.
    """
    import ray

    return "/".join(["playpen", ray.get_runtime_context().get_job_id(), *words]).encode()


def start_launcher(settings: Mapping[str, Any]) -> None:
    """Starts Ray as the launcher would.

    Started here, Ray leaves the signals to this process, and its processes outlive those of the process group.

    Args:
        settings: arguments of `ray.init`.
    """
    from cluster.machines.resources import keep_loopback, ray_environment, use_own_sessions, warn_of_fallbacks

    warn_of_fallbacks(settings.get("object_store_memory"))
    # Runs outlive the worker that started them: when it is killed they save a checkpoint first (command/ending.py).
    own = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_kill_child_processes_on_worker_exit": "false"}
    os.environ.update(own | ray_environment())
    import ray

    keep_loopback()
    use_own_sessions()
    with restored():
        ray.init(**settings)


def stop_runs() -> list[str]:
    """Interrupts the runs of a launcher's Ray and waits until each has saved a checkpoint and ended.

    Returns:
        folders of the runs that were going on.

    Raises:
        KeyboardInterrupt: a second signal: the runs are left to end by themselves.
    """
    if "ray" not in sys.modules:
        return []
    import ray
    from ray.experimental.internal_kv import _internal_kv_list, _internal_kv_put

    if not ray.is_initialized():
        return []

    def going_on() -> list[str]:
        prefix = key_of("runs", "")
        return sorted(key.removeprefix(prefix).decode() for key in _internal_kv_list(prefix))

    _internal_kv_put(key_of("stop"), b"")
    folders = going_on()
    say(f"saving and stopping the runs: {len(folders)} (again to stop at once)")
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while going_on() and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
    return folders

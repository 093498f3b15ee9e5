"""Sweeps: the objective of a run, and runs that a Ray launcher starts."""

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

from cluster.command.child_run import TRAIN_COMMAND
from cluster.command.overrides import quoted
from common.errors import RunError
from common.output import print_message
from common.processes import last_message
from common.signals import restored

POLL_INTERVAL_S = 0.5
STOP_TIMEOUT_S = 300.0
"""Maximum wait for the runs of a stopped sweep; a run whose node was lost never reports its end."""
RAY_WORKER_VARIABLES = (
    "RAY_JOB_ID", "RAY_RAYLET_PID", "RAY_NODE_ID", "RAY_ADDRESS", "RAY_kill_child_processes_on_worker_exit",
    "OMP_NUM_THREADS",
)  # fmt: skip
"""Environment variables of a Ray worker that would tie a run to the launcher's Ray and to one thread."""


def objective(folder: Path, key: str) -> float:
    """The value that a sweeper maximises.

    Args:
        folder: of a finished run.
        key: of results.json.

    Raises:
        RunError: the run has no result.
    """
    try:
        return float(json.loads((folder / "results.json").read_text(encoding="utf-8"))[key])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{folder / 'results.json'} holds no {key}") from error


def inside_ray() -> bool:
    """Whether this process is a Ray worker, started by a launcher."""
    if "ray" not in sys.modules:
        return False
    import ray

    return bool(ray.is_initialized()) and ray.get_runtime_context().worker.mode == ray.WORKER_MODE


def run_in_subprocess(overrides: Sequence[str], folder: Path, key: str) -> float:
    """Trains in a subprocess, which starts its own Ray or joins the cluster of `cluster.address`.

    A Ray worker cannot start a second Ray, and a run needs more CPUs than the worker has. When the sweep is stopped,
    the run is interrupted as by Ctrl-C and saves a checkpoint.

    Args:
        overrides: of `./playpen train`.
        folder: of the run.
        key: see `objective`.

    Returns:
        the run's objective.

    Raises:
        RunError: the run failed; the message is the run's.
    """
    from ray.experimental.internal_kv import _internal_kv_del, _internal_kv_exists, _internal_kv_put

    own = store_key("runs", str(folder))
    _internal_kv_put(own, b"")  # before the check, so that `stop_runs` misses no run
    if _internal_kv_exists(store_key("stop")):
        _internal_kv_del(own)
        raise RunError(f"{folder}: the sweep was stopped before this run began")
    environment = {name: value for name, value in os.environ.items() if name not in RAY_WORKER_VARIABLES}
    arguments = [*overrides, f"hydra.run.dir={quoted(folder.resolve())}", "hydra.mode=RUN"]
    log = folder / "output.log"
    folder.mkdir(parents=True, exist_ok=True)
    asked = False
    try:
        with log.open("ab") as file:
            child = subprocess.Popen(
                [*TRAIN_COMMAND, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,  # Ctrl-C reaches it through `stop_runs`, once
            )
        while child.poll() is None:
            time.sleep(POLL_INTERVAL_S)
            if not asked and _internal_kv_exists(store_key("stop")):
                asked = True
                child.send_signal(signal.SIGINT)
    finally:
        _internal_kv_del(own)
    if child.returncode:
        raise RunError(f"{folder}: {last_message(log) or f'ended with code {child.returncode}, see {log}'}")
    return objective(folder, key)


def store_key(*words: str) -> bytes:
    """A key of this sweep in the key-value store of the launcher's Ray.

    Through this store the workers tell the sweep's process which runs exist, and learn that they must stop. A Ray actor
    would not work: a worker that waits for its answer releases its CPUs, so Ray would start another run.
    """
    import ray

    return "/".join(["playpen", ray.get_runtime_context().get_job_id(), *words]).encode()


def start_launcher(settings: Mapping[str, Any]) -> None:
    """Starts Ray in place of the launcher.

    This way Ray does not replace signal handlers, and its processes are not in this process's group.

    Args:
        settings: arguments of `ray.init`.
    """
    from cluster.machines.resources import keep_loopback, ray_environment, use_own_sessions, warn_about_fallbacks

    warn_about_fallbacks(settings.get("object_store_memory"))
    # Runs must outlive a killed worker for long enough to save a checkpoint (command/ending.py).
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
        folders of the runs that were interrupted.

    Raises:
        KeyboardInterrupt: a second signal ended the wait; the runs end by themselves.
    """
    if "ray" not in sys.modules:
        return []
    import ray
    from ray.experimental.internal_kv import _internal_kv_list, _internal_kv_put

    if not ray.is_initialized():
        return []

    def running() -> list[str]:
        prefix = store_key("runs", "")
        return sorted(key.removeprefix(prefix).decode() for key in _internal_kv_list(prefix))

    _internal_kv_put(store_key("stop"), b"")
    folders = running()
    print_message(f"saving and stopping the runs: {len(folders)} (again to stop at once)")
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while running() and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL_S)
    return folders

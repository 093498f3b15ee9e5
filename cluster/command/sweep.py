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
from typing import Any, cast

from omegaconf import OmegaConf

from cluster.command.compose import CONF, quoted
from cluster.command.ending import TRAIN, last_words
from common.errors import RunError, UsageError
from common.output import say
from common.signals import restored

OBJECTIVE = "mask_ap50"
"""Figure of results.json that a sweeper maximises."""
LOOK_EVERY_S = 0.5
STOP_TIMEOUT_S = 300.0
"""Longest wait for the runs of a sweep that is stopped; one whose node was lost never says that it ended."""
OF_THE_WORKER = (
    "RAY_JOB_ID", "RAY_RAYLET_PID", "RAY_NODE_ID", "RAY_ADDRESS", "RAY_kill_child_processes_on_worker_exit",
    "OMP_NUM_THREADS",
)  # fmt: skip
"""Environment of a Ray worker that would bind a run in it to the launcher's Ray and to one thread."""


def objective(folder: Path) -> float:
    """What a finished run reached.

    Raises:
        RunError: it has no result.
    """
    try:
        return float(json.loads((folder / "results.json").read_text(encoding="utf-8"))[OBJECTIVE])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{folder / 'results.json'} holds no {OBJECTIVE}") from error


def inside_ray() -> bool:
    """Whether this process is a worker of Ray: a launcher's."""
    if "ray" not in sys.modules:
        return False
    import ray

    return bool(ray.is_initialized()) and ray.get_runtime_context().worker.mode == ray.WORKER_MODE


def run_apart(overrides: Sequence[str], folder: Path) -> float:
    """Trains in a process of its own, which starts a Ray of its own or joins the one that `cluster.address` names.

    A worker cannot start a second Ray, and a run has more parts than the worker has CPUs. When the sweep is stopped,
    the run is interrupted, as by Ctrl-C, and saves a checkpoint.

    Args:
        overrides: of `./playpen train`.
        folder: of the run.

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
    return objective(folder)


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


def swept(overrides: Sequence[str]) -> list[str]:
    """The parameters of the sweep that some overrides choose, each as an override with several values.

    Raises:
        UsageError: the sweep is not understood, or a package of its launcher or sweeper cannot be imported.
    """
    hydra = sweep_config(overrides)
    try:
        if hydra.runtime.choices["hydra/launcher"] == "ray":
            import ray  # noqa: F401
        if hydra.runtime.choices["hydra/sweeper"] == "optuna":
            import optuna  # noqa: F401
    except ImportError as error:
        raise UsageError(f"the sweep needs a package that cannot be imported: {error}") from error
    given = {text.split("=")[0] for text in overrides}
    params = OmegaConf.select(hydra, "sweeper.params") or {}
    return [f"{name}={value}" for name, value in params.items() if name not in given]


def ray_launcher(overrides: Sequence[str]) -> dict[str, Any] | None:
    """Arguments of `ray.init` of the launcher that some overrides choose; None if it is not Ray's."""
    hydra = sweep_config(overrides)
    if hydra.runtime.choices["hydra/launcher"] != "ray":
        return None
    return cast(dict[str, Any], OmegaConf.to_container(hydra.launcher.ray.init, resolve=True))


def sweep_config(overrides: Sequence[str]) -> Any:
    """Hydra's own part of the configuration that some overrides of `train` choose.

    Raises:
        UsageError: the sweep is not understood.
    """
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException

    from cluster.run.config import first_line

    plain = [text for text in overrides if text.startswith(("sweep=", "hydra"))]
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return compose("train", overrides=plain, return_hydra_config=True).hydra
    except HydraException as error:
        raise UsageError(first_line(error)) from error

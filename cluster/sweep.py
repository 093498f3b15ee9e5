"""Sweeps: what Hydra's multirun asks of a run, wherever its launcher starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from cluster.ending import TRAIN, last_words
from cluster.errors import RunError, UsageError

OBJECTIVE = "mask_ap50"
"""Figure of results.json that a sweeper maximises."""
OF_THE_WORKER = ("RAY_JOB_ID", "RAY_RAYLET_PID", "RAY_NODE_ID", "RAY_ADDRESS", "OMP_NUM_THREADS")
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

    A worker cannot start a second Ray, and a run has more parts than the worker has CPUs.

    Args:
        overrides: of `./playpen train`.
        folder: of the run.

    Returns:
        its objective.

    Raises:
        RunError: it failed; with its sentence.
    """
    from cluster.cli import quoted

    environment = {name: value for name, value in os.environ.items() if name not in OF_THE_WORKER}
    arguments = [*overrides, f"hydra.run.dir={quoted(folder.resolve())}", "hydra.mode=RUN"]
    log = folder / "output.log"
    folder.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        done = subprocess.run(
            [*TRAIN, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    if done.returncode:
        raise RunError(f"{folder}: {last_words(log) or f'ended with code {done.returncode}, see {log}'}")
    return objective(folder)


def swept(overrides: Sequence[str]) -> list[str]:
    """The parameters of the sweep that some overrides choose, each as an override with several values.

    Where the launcher is Ray, it is kept to loopback, in this process, if its address says so.

    Raises:
        UsageError: the sweep is not understood, or a package of its launcher or sweeper cannot be imported.
    """
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf

    from cluster.cli import CONF
    from cluster.config import first_line

    plain = [text for text in overrides if text.startswith(("sweep=", "hydra"))]
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", overrides=plain, return_hydra_config=True)
    except HydraException as error:
        raise UsageError(first_line(error)) from error
    chosen = config.hydra.runtime.choices
    try:
        if chosen["hydra/launcher"] == "ray":
            from cluster.resources import RAY_SETTINGS, keep_loopback

            os.environ.update({"RAY_USAGE_STATS_ENABLED": "0"} | RAY_SETTINGS | os.environ)  # the runs inherit it
            keep_loopback()
        if chosen["hydra/sweeper"] == "optuna":
            import optuna  # noqa: F401
    except ImportError as error:
        raise UsageError(f"the sweep needs a package that cannot be imported: {error}") from error
    given = {text.split("=")[0] for text in overrides}
    params = OmegaConf.select(config, "hydra.sweeper.params") or {}
    return [f"{name}={value}" for name, value in params.items() if name not in given]

"""Ray's start-up, and who gets which CPUs and GPUs (spec section 7: the learner on one GPU, the actors on a second)."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.config import ClusterConfig
from cluster.errors import RunError, UsageError

WORKER_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Waiting OpenMP threads sleep: by default they spin, and where actors and learner share cores a step takes thrice as
long (benchmarks/learner.py)."""
CONNECT_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Resources:
    """Ray resources of each part of a run."""

    learner: dict[str, float]
    actor: dict[str, float]
    light: dict[str, float]
    """The replay and the evaluator: they wait most of the time."""


def plan(config: ClusterConfig, cluster_gpus: float) -> Resources:
    """Shares the cluster's GPUs out.

    Args:
        config: the cluster's settings; null GPU shares are filled in.
        cluster_gpus: how many GPUs Ray sees in all.

    Returns:
        options for `.options(**...)` of the Ray actors. The actors get equal shares of whatever GPU the learner
        leaves, so 35 actors take 1/35 of the second one each and Ray packs them onto it.
    """
    learner_gpus = config.learner_gpus if config.learner_gpus is not None else float(min(1.0, cluster_gpus))
    left = max(0.0, cluster_gpus - learner_gpus)
    # Ray counts GPUs in 1/10000; rounding down keeps the sum within one GPU.
    share = int(min(1.0, left) / config.actors * 10_000) / 10_000
    actor_gpus = config.actor_gpus if config.actor_gpus is not None else share
    if learner_gpus + actor_gpus * config.actors > cluster_gpus:
        raise UsageError(
            f"cluster.learner_gpus={learner_gpus:g} and {config.actors} actors of cluster.actor_gpus={actor_gpus:g} "
            f"need more than the {cluster_gpus:g} GPUs of this cluster; lower one of them or leave them null"
        )
    return Resources(
        learner={"num_cpus": config.learner_cpus, "num_gpus": learner_gpus},
        actor={"num_cpus": config.actor_cpus, "num_gpus": actor_gpus},
        light={"num_cpus": 0},
    )


def check_before_start(config: ClusterConfig) -> None:
    """What can be known before Ray starts.

    Raises:
        UsageError: nobody listens at the cluster's address, the dashboard's port is taken, or the object store does not
            fit into shared memory.
    """
    if config.address is not None:
        check_address(config.address)
    if config.address is None and config.dashboard and not port_is_free(config.dashboard_port):
        raise UsageError(
            f"cluster.dashboard_port={config.dashboard_port} is in use by another program; choose a free port"
        )
    if config.address is None and os.path.isdir("/dev/shm"):
        free = shutil.disk_usage("/dev/shm").free
        if config.object_store_bytes > free:
            raise UsageError(
                f"cluster.object_store_bytes={config.object_store_bytes} is more than the {free} bytes free in /dev/shm"
            )


def check_address(address: str) -> None:
    """Tries a cluster's address: Ray itself would try for minutes. Ray's own words ("auto", "ray://...") are its own.

    Raises:
        UsageError: it is no HOST:PORT, or nobody listens there.
    """
    if address == "auto" or "://" in address:
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"cluster.address must be HOST:PORT of a running Ray cluster, not '{address}'")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"cluster.address={address}: no Ray cluster answers there ({error}); start one with ray start --head"
        ) from error


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def use_ray_token() -> None:
    """Lets Ray show its token to a running cluster; to be called before Ray is imported, which reads this only then.

    Ray's first local start leaves a token in the home folder. From then on `ray start` asks for it, but
    `ray.init(address)` shows it only if told to.
    """
    named = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    if named or (Path.home() / ".ray" / "auth_token").is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def local_environment() -> dict[str, Any]:
    """Ray's runtime environment for processes on this machine.

    Ray starts a worker through a shell with the interpreter's path as it is: one with a space in it must be quoted.
    """
    return {"env_vars": WORKER_ENVIRONMENT, "py_executable": shlex.quote(sys.executable)}


@contextmanager
def ray_session(config: ClusterConfig) -> Iterator[Resources]:
    """Ray, connected or started here, and shut down on the way out.

    Started here, everything listens on loopback, and the CPUs are as many as the run's parts ask for: Ray's count is
    bookkeeping, and more parts than cores share the cores.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    # Ray's default of 15 starves the run beside any other program of the user's.
    os.environ.setdefault("RAY_worker_niceness", "0")
    import ray

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        if config.address is None:
            ray.init(
                address="local",  # never a cluster that happens to run on this machine
                num_cpus=max(os.cpu_count() or 1, int(config.actors * config.actor_cpus + config.learner_cpus + 1)),
                object_store_memory=config.object_store_bytes,
                include_dashboard=config.dashboard,
                dashboard_host="127.0.0.1",
                dashboard_port=config.dashboard_port,
                _node_ip_address="127.0.0.1",
                runtime_env=local_environment(),
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        else:
            ray.init(
                address=config.address,
                runtime_env={"env_vars": WORKER_ENVIRONMENT},
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    except ConnectionError as error:
        raise RunError(f"cluster.address={config.address}: no Ray cluster answers there ({error})") from error
    try:
        # Ray takes SIGTERM for itself: the process would abort with a trace of the stack, and nothing would be saved.
        for number, handler in handlers.items():
            signal.signal(number, handler)
        yield plan(config, float(ray.cluster_resources().get("GPU", 0)))
    finally:
        ray.shutdown()

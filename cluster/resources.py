"""Ray's start-up, and who gets which CPUs and GPUs (spec section 7: the learner on one GPU, the actors on a second)."""

from __future__ import annotations

import logging
import math
import os
import shlex
import shutil
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.errors import RunError, UsageError

if TYPE_CHECKING:  # importing it takes seconds, which `./playpen cluster` need not wait for
    from cluster.config import ClusterConfig

WORKER_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Waiting OpenMP threads sleep: by default they spin, and where actors and learner share cores a step takes thrice as
long (benchmarks/learner.py)."""
RAY_SETTINGS = {
    "RAY_worker_niceness": "0",
    "RAY_task_events_max_num_task_in_gcs": "10000",
    "RAY_prestart_worker_first_driver": "0",
}
"""Environment of Ray's own processes, unless the user's says otherwise. Ray's niceness of 15 starves the run beside any
other program. Of finished calls Ray keeps the last 100 000 in memory, to be listed: 70 MB more in each hour. The
processes that it starts beforehand lack the run's environment: nothing ever runs in them."""
CONNECT_TIMEOUT_S = 5.0

LEARNER, SIMULATION = "playpen_learner", "playpen_simulation"
"""Ray resources that a node offers by its role."""
ROLES = {"learner": (LEARNER,), "simulation": (SIMULATION,), "both": (LEARNER, SIMULATION)}
PLACE = 0.001
"""What a part takes of the 1 that a node of its role offers: it names the place, and bounds nothing in practice."""


def role_resources(role: str) -> dict[str, float]:
    """What a node of this role offers: `--resources` of `ray start`."""
    return {name: 1 for name in ROLES[role]}


@dataclass(frozen=True)
class Resources:
    """Ray resources of each part of a run: options for `.options(**...)` of the Ray actors."""

    learner: dict[str, Any]
    actor: dict[str, Any]
    light: dict[str, Any]
    """The replay and the evaluator: they wait most of the time."""


def plan(config: ClusterConfig, nodes: Sequence[Mapping[str, float]]) -> Resources:
    """Shares the cluster's GPUs and nodes out.

    If any node has a role, the learner, the replay and the evaluator go to a node with `playpen_learner` and the actors
    to nodes with `playpen_simulation`; what has no node yet waits for one. Without roles Ray chooses the nodes.

    The learner takes one GPU of its nodes. The actors get equal shares of one that it leaves, so 35 actors take 1/35
    of the second one each and Ray packs them onto it. With roles they share all GPUs of the simulation nodes evenly,
    or take none if one of these nodes has no GPU at all: it would stay idle.

    Args:
        config: the cluster's settings; null GPU shares are filled in.
        nodes: for each living node what it has in all, as `ray.nodes()` names it.

    Raises:
        UsageError: more GPUs are asked for than there are.
    """
    roles = any(LEARNER in node or SIMULATION in node for node in nodes)
    learner_nodes = [node for node in nodes if LEARNER in node] if roles else list(nodes)
    simulation_nodes = [node for node in nodes if SIMULATION in node] if roles else list(nodes)
    learner_gpus = config.learner_gpus
    if learner_gpus is None:
        learner_gpus = min(1.0, gpus(learner_nodes))
    # The learner goes to a node of its own role alone if there is one that is large enough.
    shared = not any(SIMULATION not in node and node.get("GPU", 0) >= learner_gpus for node in learner_nodes)
    left = max(0.0, gpus(simulation_nodes) - (learner_gpus if shared or not roles else 0.0))
    actor_gpus = config.actor_gpus
    if actor_gpus is None:
        if not roles:
            share = min(1.0, left) / config.actors
        elif left < 1 or any(not node.get("GPU") for node in simulation_nodes):
            share = 0.0
        else:
            share = 1 / math.ceil(config.actors / int(left))
        # Ray counts GPUs in 1/10000; rounding down keeps the sum within one GPU.
        actor_gpus = int(share * 10_000) / 10_000
    largest = max((node.get("GPU", 0) for node in learner_nodes), default=0)
    complete = learner_nodes and simulation_nodes  # else nodes are still to come, and what they have is not known
    if complete and (learner_gpus > largest or actor_gpus * config.actors > left):
        raise UsageError(
            f"cluster.learner_gpus={learner_gpus:g} and {config.actors} actors of cluster.actor_gpus={actor_gpus:g} "
            f"need more than the {gpus(nodes):g} GPUs of this cluster{' on nodes of their roles' if roles else ''}; "
            "lower one of them or leave them null"
        )
    place = {LEARNER: {"resources": {LEARNER: PLACE}}, SIMULATION: {"resources": {SIMULATION: PLACE}}}
    at_learner, at_simulation = (place[LEARNER], place[SIMULATION]) if roles else ({}, {})
    return Resources(
        learner={"num_cpus": config.learner_cpus, "num_gpus": learner_gpus, **at_learner},
        actor={"num_cpus": config.actor_cpus, "num_gpus": actor_gpus, **at_simulation},
        light={"num_cpus": 0, **at_learner},
    )


def gpus(nodes: Sequence[Mapping[str, float]]) -> float:
    """GPUs of some nodes."""
    return float(sum(node.get("GPU", 0) for node in nodes))


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
            f"cluster.address={address}: no Ray cluster answers there ({error}); ./playpen cluster head starts one"
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


def token_named() -> str | None:
    """Where Ray's token of this process comes from, in words; None: there is none."""
    if os.environ.get("RAY_AUTH_MODE", "").lower() == "disabled":
        return None
    if os.environ.get("RAY_AUTH_TOKEN"):
        return "the token in RAY_AUTH_TOKEN"
    file = os.environ.get("RAY_AUTH_TOKEN_PATH") or str(Path.home() / ".ray" / "auth_token")
    return f"the token in {file}" if Path(file).is_file() else None


def use_ray_token() -> None:
    """Lets Ray show its token to a running cluster; to be called before Ray is imported, which reads this only then.

    Ray's first local start leaves a token in the home folder. From then on `ray start` asks for it, but
    `ray.init(address)` shows it only if told to.
    """
    if token_named():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def keep_loopback() -> None:
    """Lets Ray use 127.0.0.1 where told so, in this process: it puts the machine's outer address in its place, at which
    a cluster that keeps to loopback does not listen."""
    from ray._private import services

    services.resolve_ip_for_localhost = lambda host: host


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
    os.environ.update(RAY_SETTINGS | os.environ)
    import ray

    keep_loopback()
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
    except ray.exceptions.AuthenticationError as error:
        raise RunError(
            f"the cluster at {config.address} does not accept {token_named() or 'a run without a token'}; "
            "copy the head's token file here and name it in RAY_AUTH_TOKEN_PATH"
        ) from error
    try:
        # Ray takes SIGTERM for itself: the process would abort with a trace of the stack, and nothing would be saved.
        for number, handler in handlers.items():
            signal.signal(number, handler)
        yield plan(config, [node["Resources"] for node in ray.nodes() if node["Alive"]])
    finally:
        ray.shutdown()

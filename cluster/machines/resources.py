"""Starts Ray, and assigns CPUs and GPUs to the parts of a run: like in the paper, one GPU to the learner, a second one
to the actors."""

from __future__ import annotations

import functools
import logging
import math
import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import RunError, UsageError
from common.output import print_message
from common.signals import restored

if TYPE_CHECKING:  # the import takes seconds, and `./playpen cluster` does not need it
    from cluster.run.config import ClusterConfig

WORKER_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Makes waiting OpenMP threads sleep. By default they spin, and when actors and learner share cores a step takes three
times as long (benchmarks/learner.py)."""
RAY_SETTINGS = {
    "RAY_worker_niceness": "0",
    "RAY_task_events_max_num_task_in_gcs": "10000",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_OBJECT_STORE_ALLOW_SLOW_STORAGE": "1",
}
"""Environment variables of Ray's processes, unless the user sets them. Ray's default niceness of 15 starves a run next
to any other program. By default Ray remembers the last 100 000 finished calls, which costs 70 MB per hour. Workers that
it starts in advance lack the run's environment and are never used. If /dev/shm is too small for the object store, as in
a container, Ray keeps it in files, which must be allowed explicitly beyond 10 GB."""
SHARED_MEMORY = "/dev/shm"
LONGEST_SOCKET = "/ray/session_2026-11-27_02-37-26_123456_1234567/sockets/plasma_store.99"
"""The longest path of a socket below Ray's temporary folder."""
MAX_SOCKET_BYTES = 107
"""The system's maximum length of a socket's path."""
SHORT_FOLDERS = ("/tmp", "/var/tmp", SHARED_MEMORY)
"""Folders for Ray's sockets if the path of the temporary folder is too long."""
CONNECT_TIMEOUT_S = 5.0
"""Maximum wait for a connection to a cluster's address."""

LEARNER, SIMULATION = "playpen_learner", "playpen_simulation"
"""Ray resources that a node offers by its role."""
ROLES = {"learner": (LEARNER,), "simulation": (SIMULATION,), "both": (LEARNER, SIMULATION)}
ROLE_SHARE = 0.001
"""Amount of a role's resource that a part requests of the 1 that a node offers: small enough to limit nothing."""


def role_resources(role: str) -> dict[str, float]:
    """Ray resources that a node of a role offers: `--resources` of `ray start`."""
    return {name: 1 for name in ROLES[role]}


@dataclass(frozen=True)
class Resources:
    """Ray resources of each part of a run: arguments of `.options(...)` of the Ray actors."""

    learner: dict[str, Any]
    actor: dict[str, Any]
    light: dict[str, Any]
    """Resources of the replay buffer and of the evaluator, which mostly wait."""


def allocate(config: ClusterConfig, nodes: Sequence[Mapping[str, float]]) -> Resources:
    """Assigns the cluster's nodes and GPUs to the parts of a run.

    If any node has a role, the learner, the replay buffer and the evaluator run on a node with `playpen_learner`, the
    actors on nodes with `playpen_simulation`; a part without a node waits for one. Without roles Ray chooses the nodes.

    The learner takes one GPU. Without roles the actors get equal shares of a second GPU, so that 35 actors take 1/35
    each and Ray packs them onto it. With roles they share all GPUs of the simulation nodes equally, or take none if one
    of these nodes has no GPU, as that node would otherwise stay idle.

    Args:
        config: the cluster's settings; GPU shares that are null are chosen here.
        nodes: total resources of each living node, as in `ray.nodes()`.

    Raises:
        UsageError: more GPUs are requested than available.
    """
    roles = any(LEARNER in node or SIMULATION in node for node in nodes)
    learner_nodes = [node for node in nodes if LEARNER in node] if roles else list(nodes)
    simulation_nodes = [node for node in nodes if SIMULATION in node] if roles else list(nodes)
    learner_gpus = config.learner_gpus
    if learner_gpus is None:
        learner_gpus = min(1.0, gpus(learner_nodes))
    # The learner prefers a large enough node that has only its role.
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
    complete = learner_nodes and simulation_nodes  # otherwise nodes with unknown resources are still to come
    if complete and (learner_gpus > largest or actor_gpus * config.actors > left):
        raise UsageError(
            f"cluster.learner_gpus={learner_gpus:g} and {config.actors} actors of cluster.actor_gpus={actor_gpus:g} "
            f"need more than the {gpus(nodes):g} GPUs of this cluster{' on nodes of their roles' if roles else ''}; "
            "lower one of them or leave them null"
        )
    at_learner = {"resources": {LEARNER: ROLE_SHARE}} if roles else {}
    at_simulation = {"resources": {SIMULATION: ROLE_SHARE}} if roles else {}
    return Resources(
        learner={"num_cpus": config.learner_cpus, "num_gpus": learner_gpus, **at_learner},
        actor={"num_cpus": config.actor_cpus, "num_gpus": actor_gpus, **at_simulation},
        light={"num_cpus": 0, **at_learner},
    )


def gpus(nodes: Sequence[Mapping[str, float]]) -> float:
    """Total number of GPUs of some nodes."""
    return float(sum(node.get("GPU", 0) for node in nodes))


def check_before_start(config: ClusterConfig) -> None:
    """Checks what can be known before Ray starts.

    Raises:
        UsageError: nothing listens at the cluster's address, the dashboard's port is in use, no folder is suitable for
            Ray's sockets, or the object store fits neither into shared memory nor onto the disk.
    """
    if config.address is not None:
        check_address(config.address)
    if config.address is None and config.dashboard and not port_is_free(config.dashboard_port):
        raise UsageError(
            f"cluster.dashboard_port={config.dashboard_port} is in use by another program; choose a free port"
        )
    if config.address is None:
        folder, _ = ray_temporary_folder()
        size = config.object_store_bytes
        if not shared_memory_holds(size) and (free := free_bytes(folder)) < size:
            raise UsageError(
                f"cluster.object_store_bytes={size} is more than the {free_bytes(SHARED_MEMORY)} bytes free in "
                f"{SHARED_MEMORY} and the {free} bytes free in {folder}; lower it, free space there, or start the "
                "container with a larger --shm-size"
            )


def free_bytes(folder: str) -> int:
    """Free bytes on the file system of a folder; 0 if it does not exist."""
    while not os.path.isdir(folder) and folder not in ("", os.sep):
        folder = os.path.dirname(folder)
    return shutil.disk_usage(folder).free if folder else 0


def shared_memory_holds(size: int) -> bool:
    """Whether an object store of `size` bytes fits into /dev/shm; True on systems where Ray does not use it."""
    return not os.path.isdir(SHARED_MEMORY) or shutil.disk_usage(SHARED_MEMORY).free >= size


def ray_temporary_folder() -> tuple[str, str]:
    """The folder in which Ray keeps its sockets and logs.

    Returns:
        the folder, and the folder of the environment if its path is too long for a socket (else "").

    Raises:
        UsageError: no folder with a short path can be written.
    """
    named = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or SHORT_FOLDERS[0]
    if len(os.fsencode(named + LONGEST_SOCKET)) <= MAX_SOCKET_BYTES:
        return named, ""
    for folder in SHORT_FOLDERS:
        if os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK):
            return folder, named
    raise UsageError(
        f"the path of the temporary folder {named} is too long for Ray's sockets; none of {', '.join(SHORT_FOLDERS)} "
        f"can be written; set RAY_TMPDIR to a folder whose path has at most {MAX_SOCKET_BYTES - len(LONGEST_SOCKET)} "
        "bytes"
    )


def ray_environment() -> dict[str, str]:
    """The environment of Ray's processes: `RAY_SETTINGS`, and a temporary folder with a short enough path.

    TMPDIR is also set, because Ray's dashboard creates sockets there.
    """
    folder, too_long = ray_temporary_folder()
    return RAY_SETTINGS | dict(os.environ) | ({"RAY_TMPDIR": folder, "TMPDIR": folder} if too_long else {})


def warn_about_fallbacks(size: int | None) -> None:
    """Warns if Ray's temporary folder or object store is not where it usually is.

    Args:
        size: of the object store, bytes; None: chosen by Ray.
    """
    folder, too_long = ray_temporary_folder()
    if too_long:
        print_message(
            f"the path of the temporary folder {too_long} is too long for Ray's sockets; Ray uses {folder} instead "
            "(set RAY_TMPDIR to choose another one)"
        )
    if size is not None and not shared_memory_holds(size):
        print_message(
            f"{SHARED_MEMORY} has {free_bytes(SHARED_MEMORY) / 1e6:.0f} MB free, less than the object store of "
            f"{size / 1e6:.0f} MB; Ray keeps it in files in {folder}, which is slower; in a container, use "
            f"--shm-size={max(1, math.ceil(1.2 * size / 1e9))}g"
        )


def check_address(address: str) -> None:
    """Tries to connect to a cluster's address; Ray itself would try for minutes.

    Raises:
        UsageError: it is not of the form HOST:PORT, or nothing listens there.
    """
    named = "cluster.address"
    if address == "auto":
        if "RAY_ADDRESS" not in os.environ:
            return
        named, address = "RAY_ADDRESS", os.environ["RAY_ADDRESS"]
    if address in ("auto", "local"):
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        dashboard = address.startswith(("http://", "https://"))
        raise UsageError(
            f"{named} must be HOST:PORT of a running Ray cluster, not '{address}'"
            + (", which is its dashboard; the head's port is 6379 unless it was changed" if dashboard else "")
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"{named}={address}: no Ray cluster answers there ({error}); ./playpen cluster head starts one"
        ) from error


def port_is_free(port: int) -> bool:
    """Whether a server could listen on a port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def token_source() -> str | None:
    """Describes where this process's Ray token comes from; None if there is no token."""
    if os.environ.get("RAY_AUTH_MODE", "").lower() == "disabled":
        return None
    if os.environ.get("RAY_AUTH_TOKEN"):
        return "the token in RAY_AUTH_TOKEN"
    file = os.environ.get("RAY_AUTH_TOKEN_PATH") or str(Path.home() / ".ray" / "auth_token")
    return f"the token in {file}" if Path(file).is_file() else None


def use_ray_token() -> None:
    """Makes Ray send its token to a running cluster. Must be called before Ray is imported, which reads this setting.

    Ray's first local start writes a token to the home folder. From then on `ray start` requires it, but
    `ray.init(address)` sends it only with this setting.
    """
    if token_source():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def keep_loopback() -> None:
    """Makes Ray in this process keep the address 127.0.0.1 where it is given.

    By default Ray replaces it by the machine's outer address, where a cluster on loopback does not listen.
    """
    from ray._private import services

    services.resolve_ip_for_localhost = lambda host: host


def use_own_sessions() -> None:
    """Makes Ray in this process start its processes in new sessions.

    Batch systems and closed terminals signal a whole process group, but Ray's processes must survive until a checkpoint
    is saved. They still end with this process.
    """
    from ray._private import services

    module: Any = services
    module.ConsolePopen = functools.partial(subprocess.Popen, start_new_session=True)


def local_environment() -> dict[str, Any]:
    """Ray's runtime environment for processes on this machine.

    Ray starts a worker through a shell without quoting the interpreter's path, so it is quoted here.
    """
    return {"env_vars": WORKER_ENVIRONMENT, "py_executable": shlex.quote(sys.executable)}


@contextmanager
def ray_session(config: ClusterConfig) -> Iterator[Resources]:
    """Starts Ray or connects to a cluster, and shuts it down after the block.

    A Ray that is started here listens only on loopback. It counts as many CPUs as the run's parts request, so that more
    parts than cores can share the cores.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS", "0")
    if config.address is None:
        warn_about_fallbacks(config.object_store_bytes)
    os.environ.update(ray_environment())
    import ray

    keep_loopback()
    use_own_sessions()
    try:
        if config.address is None:
            where: dict[str, Any] = {
                "address": "local",  # even if a cluster is running on this machine
                "num_cpus": max(os.cpu_count() or 1, int(config.actors * config.actor_cpus + config.learner_cpus + 1)),
                "object_store_memory": config.object_store_bytes,
                "include_dashboard": config.dashboard,
                "dashboard_host": "127.0.0.1",
                "dashboard_port": config.dashboard_port,
                "_node_ip_address": "127.0.0.1",
                "runtime_env": local_environment(),
            }
        else:
            where = {"address": config.address, "runtime_env": {"env_vars": WORKER_ENVIRONMENT}}
        with restored():
            ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
    except ConnectionError as error:
        if config.address == "auto" and "RAY_ADDRESS" not in os.environ:
            sentence = "no Ray cluster was started on this machine; ./playpen cluster head starts one"
        else:
            sentence = f"no Ray cluster answers there ({error})"
        raise RunError(f"cluster.address={config.address}: {sentence}") from error
    except ray.exceptions.AuthenticationError as error:
        raise RunError(
            f"the cluster at {config.address} does not accept {token_source() or 'a run without a token'}; "
            "copy the head's token file here and name it in RAY_AUTH_TOKEN_PATH"
        ) from error
    try:
        yield allocate(config, [node["Resources"] for node in ray.nodes() if node["Alive"]])
    finally:
        ray.shutdown()

"""Ray's start-up, and who gets which CPUs and GPUs (as in the paper, the learner one GPU and the actors a second)."""

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
from common.signals import restored

if TYPE_CHECKING:  # importing it takes seconds, which `./playpen cluster` need not wait for
    from cluster.run.config import ClusterConfig

WORKER_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Waiting OpenMP threads sleep: by default they spin, and where actors and learner share cores a step takes thrice as
long (benchmarks/learner.py)."""
RAY_SETTINGS = {
    "RAY_worker_niceness": "0",
    "RAY_task_events_max_num_task_in_gcs": "10000",
    "RAY_prestart_worker_first_driver": "0",
    "RAY_OBJECT_STORE_ALLOW_SLOW_STORAGE": "1",
}
"""Environment of Ray's own processes, unless the user's says otherwise. Ray's niceness of 15 starves the run beside any
other program. Of finished calls Ray keeps the last 100 000 in memory, to be listed: 70 MB more in each hour. The
processes that it starts beforehand lack the run's environment: nothing ever runs in them. Where /dev/shm is too small
for the object store, as in a container, Ray keeps it in files of its temporary folder; beyond 10 GB it must be allowed
to."""
SHARED_MEMORY = "/dev/shm"
LONGEST_SOCKET = "/ray/session_2026-11-27_02-37-26_123456_1234567/sockets/plasma_store.99"
"""Ray's sockets below its temporary folder, at their longest."""
MAX_SOCKET_BYTES = 107
"""The system's limit for the path of a socket."""
SHORT_FOLDERS = ("/tmp", "/var/tmp", SHARED_MEMORY)
"""Where Ray's sockets go if the path of the temporary folder is too long for them."""
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
        UsageError: nobody listens at the cluster's address, the dashboard's port is taken, no folder is fit for Ray's
            sockets, or the object store fits neither into shared memory nor onto the disk.
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
    """What is free on the file system of a folder; 0 if there is no such folder."""
    while not os.path.isdir(folder) and folder not in ("", os.sep):
        folder = os.path.dirname(folder)
    return shutil.disk_usage(folder).free if folder else 0


def shared_memory_holds(size: int) -> bool:
    """Whether an object store of so many bytes fits into /dev/shm; elsewhere than on Linux Ray does not use it."""
    return not os.path.isdir(SHARED_MEMORY) or shutil.disk_usage(SHARED_MEMORY).free >= size


def ray_temporary_folder() -> tuple[str, str]:
    """The folder below which Ray keeps its sockets and logs.

    Returns:
        the folder, and the one that the environment names if its path is too long for a socket (else "").

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
        f"the temporary folder {named} has too long a path for Ray's sockets, and none of {', '.join(SHORT_FOLDERS)} "
        f"can be written; set RAY_TMPDIR to a folder whose path has at most {MAX_SOCKET_BYTES - len(LONGEST_SOCKET)} "
        "bytes"
    )


def ray_environment() -> dict[str, str]:
    """The environment of Ray's processes: `RAY_SETTINGS`, and a temporary folder whose path is short enough.

    TMPDIR changes, too: Ray's dashboard puts sockets there.
    """
    folder, too_long = ray_temporary_folder()
    return RAY_SETTINGS | dict(os.environ) | ({"RAY_TMPDIR": folder, "TMPDIR": folder} if too_long else {})


def warn_of_fallbacks(size: int | None) -> None:
    """Says on standard error what Ray keeps elsewhere than usual.

    Args:
        size: of the object store, bytes; None: Ray chooses it.
    """
    folder, too_long = ray_temporary_folder()
    if too_long:
        print(
            f"playpen: the temporary folder {too_long} has too long a path for Ray's sockets; Ray uses {folder} "
            "instead (RAY_TMPDIR names another one)",
            file=sys.stderr,
        )
    if size is not None and not shared_memory_holds(size):
        print(
            f"playpen: {SHARED_MEMORY} has {free_bytes(SHARED_MEMORY) / 1e6:.0f} MB free, less than the object store "
            f"of {size / 1e6:.0f} MB: Ray keeps it in files in {folder}, which is slower; in a container, --shm-size="
            f"{max(1, math.ceil(1.2 * size / 1e9))}g makes room",
            file=sys.stderr,
        )


def check_address(address: str) -> None:
    """Tries a cluster's address: Ray itself would try for minutes.

    Raises:
        UsageError: it is no HOST:PORT, or nobody listens there.
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


def use_own_sessions() -> None:
    """Lets Ray start its processes in sessions of their own, in this process.

    A terminal that closes and batch systems signal a whole process group: Ray's processes must outlive the signal until
    what was trained is saved. They end with this process all the same.
    """
    from ray._private import services

    module: Any = services
    module.ConsolePopen = functools.partial(subprocess.Popen, start_new_session=True)


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
    if config.address is None:
        warn_of_fallbacks(config.object_store_bytes)
    os.environ.update(ray_environment())
    import ray

    keep_loopback()
    use_own_sessions()
    try:
        if config.address is None:
            where: dict[str, Any] = {
                "address": "local",  # never a cluster that happens to run on this machine
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
            f"the cluster at {config.address} does not accept {token_named() or 'a run without a token'}; "
            "copy the head's token file here and name it in RAY_AUTH_TOKEN_PATH"
        ) from error
    try:
        yield plan(config, [node["Resources"] for node in ray.nodes() if node["Alive"]])
    finally:
        ray.shutdown()

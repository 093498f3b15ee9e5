"""Ray nodes that `./playpen cluster` starts on this machine: start, record, find again, and end."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from cluster.machines.resources import ray_environment, role_resources, warn_about_fallbacks
from common.errors import RunError, UsageError

START_TIMEOUT_S = 180.0
"""Maximum time for a node to start; Ray gives up sooner, but a busy machine takes half a minute."""
STOP_TIMEOUT_S = 20.0
"""Maximum time for a node's processes to end by themselves."""
STARTED = "Ray runtime started"
"""Text that `ray start` prints when the node is ready."""


@dataclass(frozen=True)
class Node:
    """A node that was started on this machine, as recorded in the cache folder."""

    kind: str
    """head or join."""
    address: str
    """HOST:PORT of the cluster."""
    role: str
    pid: int
    started: float
    """Creation time of the process, since process ids are reused."""
    log: str

    def process(self) -> psutil.Process | None:
        """The node's first process; None if it has ended."""
        try:
            process = psutil.Process(self.pid)
            if process.create_time() == self.started and process.status() != psutil.STATUS_ZOMBIE:
                return process
        except psutil.NoSuchProcess:
            pass
        return None


def start_node(kind: str, address: str, options: argparse.Namespace, arguments: list[str]) -> Node:
    """Starts a node in the background and waits until it is ready.

    Args:
        kind: head or join.
        address: HOST:PORT of the cluster.
        options: of the command line.
        arguments: of `ray start`, which are extended by those of the options.

    Raises:
        UsageError: see `python_without_spaces`.
        RunError: the node ended or was not ready in time; its processes and files are removed.
    """
    arguments = [*arguments, "--resources", json.dumps(role_resources(options.role)), "--disable-usage-stats"]
    for name, value in (("num-cpus", options.cpus), ("num-gpus", options.gpus)):
        arguments += [] if value is None else [f"--{name}", str(value)]
    if options.object_store_bytes is not None:
        arguments += ["--object-store-memory", str(options.object_store_bytes)]
    warn_about_fallbacks(options.object_store_bytes)
    python = python_without_spaces()
    cache_folder().mkdir(parents=True, exist_ok=True)
    log = cache_folder() / f"{time.time_ns()}.log"
    environment = ray_environment()
    # `python` in a job's entrypoint must be this environment's.
    environment["PATH"] = os.pathsep.join([str(Path(python).parent), environment.get("PATH", os.defpath)])
    with log.open("w") as output:
        child = subprocess.Popen(
            [python, "-m", "cluster.machines.ray_process", "start", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that Ctrl-C in this terminal does not reach the node
        )
    process = psutil.Process(child.pid)
    node = Node(kind, address, options.role, child.pid, process.create_time(), str(log))
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while STARTED not in log.read_text(errors="replace"):
            if child.poll() is not None or time.monotonic() > deadline:
                raise RunError(f"Ray did not start on this machine: {last_line(log)}")
            time.sleep(0.2)
        record_file(child.pid).write_text(json.dumps(asdict(node)))
    except BaseException:
        end_node(process)
        log.unlink(missing_ok=True)
        raise
    return node


def end_node(process: psutil.Process) -> None:
    """Ends a node with all its processes: Ray ends them itself on SIGTERM, and what is left after a while is killed."""
    tree = [process]
    try:
        tree += process.children(recursive=True)
        process.terminate()
    except psutil.NoSuchProcess:
        pass
    _, left = psutil.wait_procs(tree, timeout=STOP_TIMEOUT_S)
    for one in left:
        one.kill()
    psutil.wait_procs(left, timeout=STOP_TIMEOUT_S)


def python_without_spaces() -> str:
    """A path without spaces of this environment's Python, through a link in the cache folder if need be.

    A node starts its workers through a shell, by the path that it was started with itself.

    Raises:
        UsageError: the cache folder's path has a space, too.
    """
    python = Path(sys.executable)
    if " " not in str(python):
        return str(python)
    links = cache_folder().parent / "environments"
    if " " in str(links):
        raise UsageError(f"neither {sys.prefix} nor {links} may have a space in its path; move the environment")
    links.mkdir(parents=True, exist_ok=True)
    link = links / hashlib.sha256(sys.prefix.encode()).hexdigest()[:12]
    if not link.is_symlink():
        link.symlink_to(sys.prefix, target_is_directory=True)
    return str(link / python.relative_to(sys.prefix))


def last_line(log: Path) -> str:
    """The last line of a log that is not empty."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it wrote nothing"


def cache_folder() -> Path:
    """The folder that holds a record file for each node started on this machine."""
    return Path.home() / ".cache" / "playpen" / "cluster"


def record_file(pid: int) -> Path:
    """The record file of a node."""
    return cache_folder() / f"{pid}.json"


def running_nodes() -> list[Node]:
    """The recorded nodes that are still running, oldest first; the records of others are removed."""
    found = []
    for path in cache_folder().glob("*.json"):
        node = Node(**json.loads(path.read_text()))
        if node.process() is None:
            path.unlink(missing_ok=True)
            Path(node.log).unlink(missing_ok=True)
        else:
            found.append(node)
    return sorted(found, key=lambda node: node.started)

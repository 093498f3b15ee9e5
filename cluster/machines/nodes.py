"""`./playpen cluster`: a Ray cluster from the machines one has.

`head` and `join` start a Ray node in the background (machines/ray_process.py) and note it in the user's cache folder;
`stop` ends the noted ones with all their processes and leaves every other Ray of the machine alone. What a node may
run is told by its role (cluster/machines/resources.py).
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import os
import secrets
import shlex
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import psutil

from cluster.machines.ray_process import TOKEN_REFUSED
from cluster.machines.resources import (
    LEARNER,
    ROLES,
    SIMULATION,
    check_address,
    ray_environment,
    role_resources,
    token_named,
    use_ray_token,
    warn_of_fallbacks,
)
from common.errors import RunError, UsageError
from common.output import command

LOOPBACK = "127.0.0.1"
START_TIMEOUT_S = 180.0
"""Ray itself gives up sooner; a busy machine takes half a minute."""
ASK_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
STARTED = "Ray runtime started"
"""What `ray start` writes when the node runs."""


@dataclass(frozen=True)
class Node:
    """A node that was started on this machine, as it is noted in the cache folder."""

    kind: str
    """head or join."""
    address: str
    """HOST:PORT of the cluster."""
    role: str
    pid: int
    started: float
    """The process's creation time: a process id may be given again."""
    log: str

    def process(self) -> psutil.Process | None:
        """The node's first process, if it still runs."""
        try:
            process = psutil.Process(self.pid)
            if process.create_time() == self.started and process.status() != psutil.STATUS_ZOMBIE:
                return process
        except psutil.NoSuchProcess:
            pass
        return None


def run(arguments: list[str]) -> int:
    """One of head, join, status and stop. Returns the exit code."""
    options = parser().parse_args(arguments)
    return int(options.work(options))


class Parser(argparse.ArgumentParser):
    """Errors as one sentence, options by their whole names."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see ./playpen cluster --help")


def count(text: str) -> int:
    """A whole number from 0 on."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number from 0 on, not {text}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The command line; what the options mean is told by `./playpen cluster --help` (cluster/command/cli.py)."""
    whole = Parser(prog="./playpen cluster", add_help=False)
    commands = whole.add_subparsers(dest="command", required=True, parser_class=Parser)
    node = Parser(add_help=False)
    node.add_argument("--token-file", type=Path)
    node.add_argument("--cpus", type=count)
    node.add_argument("--gpus", type=count)
    node.add_argument("--object-store-bytes", type=int)
    head_parser = commands.add_parser("head", parents=[node], add_help=False)
    head_parser.add_argument("--address", default=LOOPBACK)
    head_parser.add_argument("--port", type=int, default=6379)
    head_parser.add_argument("--dashboard-port", type=int, default=8265)
    head_parser.add_argument("--role", choices=sorted(ROLES), default="both")
    head_parser.set_defaults(work=head)
    join_parser = commands.add_parser("join", parents=[node], add_help=False)
    join_parser.add_argument("address")
    join_parser.add_argument("--node-address")
    join_parser.add_argument("--role", choices=sorted(ROLES), default="simulation")
    join_parser.set_defaults(work=join)
    status_parser = commands.add_parser("status", add_help=False)
    status_parser.add_argument("address", nargs="?")
    status_parser.add_argument("--token-file", type=Path)
    status_parser.set_defaults(work=status)
    commands.add_parser("stop", add_help=False).set_defaults(work=stop)
    return whole


def head(options: argparse.Namespace) -> int:
    """Starts the head of a cluster on this machine."""
    own = own_address("8.8.8.8") if options.address == "auto" else options.address
    address = f"{own}:{options.port}"
    for node in running():
        if node.kind == "head":
            raise UsageError(f"the head at {node.address} runs already; {command('cluster', 'stop')} ends it")
    check_port("--port", own, options.port)
    check_port("--dashboard-port", LOOPBACK, options.dashboard_port)
    if options.port == options.dashboard_port:
        raise UsageError(f"--port and --dashboard-port must differ, both are {options.port}")
    token = use_token(options.token_file, make=True)
    arguments = ["--head", "--node-ip-address", own, "--port", str(options.port)]
    arguments += ["--dashboard-host", LOOPBACK, "--dashboard-port", str(options.dashboard_port)]
    node = start("head", address, options, arguments)
    print(f"head       {address} (role {node.role}, process {node.pid}, log {node.log})")
    print(f"dashboard  http://{LOOPBACK}:{options.dashboard_port} (this machine only)")
    print(f"join with  ./playpen cluster join {address}" + (f" --token-file {shlex.quote(token)}" if token else ""))
    if own == LOOPBACK:
        print("           only from this machine: `head --address auto` or `--address IP` lets others join")
    elif token:
        print(f"           on each machine, after copying {token} there")
    else:
        print("           nothing asks for a token: whoever reaches this address can run programs here")
    print(f"train with {command('train', 'cluster=ray', f'cluster.address={address}')}")
    print(f"stop with  {command('cluster', 'stop')}")
    print("RESULT " + json.dumps({"address": address, "pid": node.pid, "role": node.role, "token": token is not None}))
    return 0


def join(options: argparse.Namespace) -> int:
    """Starts a node on this machine that joins a cluster."""
    address = str(options.address)
    for node in running():
        if node.kind == "join" and node.address == address:
            raise UsageError(f"this machine has joined {address} already; {command('cluster', 'stop')} ends it")
    use_token(options.token_file, make=False)
    ask(address)
    own = options.node_address or own_address(address.rpartition(":")[0].strip("[]"))
    check_port("--node-address", own, None)
    node = start("join", address, options, ["--address", address, "--node-ip-address", own])
    print(f"joined     {address} as {own} (role {node.role}, process {node.pid}, log {node.log})")
    print(f"stop with  {command('cluster', 'stop')}")
    print("RESULT " + json.dumps({"address": address, "pid": node.pid, "role": node.role, "node": own}))
    return 0


def status(options: argparse.Namespace) -> int:
    """Prints the nodes of a cluster."""
    address = options.address
    if address is None:
        here = running()
        if not here:
            raise UsageError("no node was started on this machine: name the cluster as HOST:PORT")
        address = here[-1].address
    use_token(options.token_file, make=False)
    nodes = sorted(ask(address), key=lambda node: (not node["alive"], not node["head"], node["address"], node["id"]))
    print_table(address, nodes)
    rows = [
        {
            "address": node["address"],
            "host": node["host"],
            "alive": node["alive"],
            "head": node["head"],
            "role": role_of(node["resources"]),
            "cpus": node["resources"].get("CPU", 0),
            "gpus": node["resources"].get("GPU", 0),
            "free_cpus": node["free"].get("CPU", 0),
            "free_gpus": node["free"].get("GPU", 0),
        }
        for node in nodes
    ]
    print("RESULT " + json.dumps({"address": address, "alive": sum(row["alive"] for row in rows), "nodes": rows}))
    return 0


def print_table(address: str, nodes: list[dict[str, Any]]) -> None:
    """The nodes as a table: free and all CPUs and GPUs, and the object store in 1e9 bytes."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Ray cluster {address}")
    for column in ("node", "host", "state", "role", "CPUs free", "GPUs free", "object store, GB"):
        table.add_column(column)
    for node in nodes:

        def shares(name: str, unit: float = 1, node: dict[str, Any] = node) -> str:
            return f"{node['free'].get(name, 0) / unit:.4g} of {node['resources'].get(name, 0) / unit:.4g}"

        table.add_row(
            node["address"] + (" (head)" if node["head"] else ""),
            node["host"],
            "alive" if node["alive"] else "dead",
            role_of(node["resources"]),
            *((shares("CPU"), shares("GPU"), shares("object_store_memory", 1e9)) if node["alive"] else ("", "", "")),
        )
    Console().print(table)


def stop(_: argparse.Namespace) -> int:
    """Ends the nodes that these commands started on this machine: those that joined first, then the head."""
    ended = 0
    for node in sorted(running(), key=lambda node: node.kind == "head"):
        process = node.process()
        if process is not None:
            end(process)
            ended += 1
            print(f"stopped    {node.kind} {node.address} (process {node.pid})")
        note_of(node.pid).unlink(missing_ok=True)
        Path(node.log).unlink(missing_ok=True)
    if not ended:
        print("no node that was started here is running")
    print("RESULT " + json.dumps({"stopped": ended}))
    return 0


def end(process: psutil.Process) -> None:
    """Ends a node with all its processes: Ray ends them itself on SIGTERM; what is left then is killed."""
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


def role_of(resources: dict[str, float]) -> str:
    """The role whose resources a node offers; any: it was started without one."""
    offered = {name for name in (LEARNER, SIMULATION) if resources.get(name)}
    return next((role for role, names in ROLES.items() if set(names) == offered), "any")


def start(kind: str, address: str, options: argparse.Namespace, arguments: list[str]) -> Node:
    """Starts a node in the background and waits until it runs.

    Raises:
        UsageError: see `unspaced_python`.
        RunError: it ended or did not come up in time; nothing of it is left.
    """
    arguments = [*arguments, "--resources", json.dumps(role_resources(options.role)), "--disable-usage-stats"]
    for name, value in (("num-cpus", options.cpus), ("num-gpus", options.gpus)):
        arguments += [] if value is None else [f"--{name}", str(value)]
    if options.object_store_bytes is not None:
        arguments += ["--object-store-memory", str(options.object_store_bytes)]
    warn_of_fallbacks(options.object_store_bytes)
    python = unspaced_python()
    cache_folder().mkdir(parents=True, exist_ok=True)
    log = cache_folder() / f"{time.time_ns()}.log"
    environment = ray_environment()
    # `python` in the entrypoint of a job is to be this one.
    environment["PATH"] = os.pathsep.join([str(Path(python).parent), environment.get("PATH", os.defpath)])
    with log.open("w") as output:
        child = subprocess.Popen(
            [python, "-m", "cluster.machines.ray_process", "start", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in this terminal later on is not meant for the node
        )
    process = psutil.Process(child.pid)
    node = Node(kind, address, options.role, child.pid, process.create_time(), str(log))
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while STARTED not in log.read_text(errors="replace"):
            if child.poll() is not None or time.monotonic() > deadline:
                raise RunError(f"Ray did not start on this machine: {last_words(log)}")
            time.sleep(0.2)
        note_of(child.pid).write_text(json.dumps(asdict(node)))
    except BaseException:
        end(process)
        log.unlink(missing_ok=True)
        raise
    return node


def unspaced_python() -> str:
    """This environment's Python by a path without spaces: a node starts its workers through a shell by the path that it
    was started by. Where the environment's has a space, through a link in the cache folder.

    Raises:
        UsageError: that folder's path has one, too.
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


def last_words(log: Path) -> str:
    """The last line of a log that says something."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it wrote nothing"


def cache_folder() -> Path:
    """Where the nodes of this machine are noted, one file each."""
    return Path.home() / ".cache" / "playpen" / "cluster"


def note_of(pid: int) -> Path:
    return cache_folder() / f"{pid}.json"


def running() -> list[Node]:
    """The noted nodes that still run, oldest first; notes of others (dead, or of before a reboot) are removed."""
    found = []
    for path in cache_folder().glob("*.json"):
        node = Node(**json.loads(path.read_text()))
        if node.process() is None:
            path.unlink(missing_ok=True)
            Path(node.log).unlink(missing_ok=True)
        else:
            found.append(node)
    return sorted(found, key=lambda node: node.started)


def ask(address: str) -> list[dict[str, Any]]:
    """The nodes of a cluster (see cluster/machines/ray_process.py).

    Raises:
        UsageError: nobody listens there, or the cluster does not accept the token.
        RunError: what listens there is no Ray cluster.
    """
    check_address(address)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "cluster.machines.ray_process", "nodes", address],
            capture_output=True,
            text=True,
            timeout=ASK_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise RunError(f"{address} does not answer as a Ray cluster does") from None
    if done.returncode == TOKEN_REFUSED:
        raise UsageError(
            f"the cluster at {address} does not accept {token_named() or 'a node without a token'}; "
            "copy the head's token file here and name it with --token-file"
        )
    if done.returncode:
        raise RunError(f"{address} does not answer as a Ray cluster does")
    return list(json.loads(done.stdout.splitlines()[-1]))


def own_address(other: str) -> str:
    """This machine's address on the way to another one; nothing is sent.

    Raises:
        UsageError: there is no way.
    """
    try:
        family = socket.getaddrinfo(other, 1, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family[0], socket.SOCK_DGRAM) as probe:
            probe.connect(family[4])
            return str(probe.getsockname()[0])
    except OSError as error:
        raise UsageError(f"no address of this machine was found on the way to {other} ({error}); name it") from error


def check_port(option: str, address: str, port: int | None) -> None:
    """Tries to listen there; None: on any port.

    Raises:
        UsageError: the address is not this machine's, or the port is taken.
    """
    if port is not None and not 1024 <= port <= 65535:
        raise UsageError(f"{option} must be between 1024 and 65535, not {port}")
    if address in ("", "0.0.0.0", "::"):
        raise UsageError(
            f"{address or 'an empty --address'} names no address that other machines can reach; name this machine's own"
        )
    try:
        with socket.create_server((address, port or 0), family=socket.AF_INET6 if ":" in address else socket.AF_INET):
            pass
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UsageError(f"{option}={port} is in use by another program on {address}; choose a free port") from None
        raise UsageError(f"{address} is no address of this machine ({error.strerror})") from None


def use_token(file: Path | None, make: bool) -> str | None:
    """Makes Ray's token explicit for the processes that are started: alike on the head and on every node.

    Args:
        file: the token file; None: what RAY_AUTH_MODE, RAY_AUTH_TOKEN and RAY_AUTH_TOKEN_PATH say, else
            ~/.ray/auth_token.
        make: whether a file that is not there is made (on the head).

    Returns:
        the token's file; None: RAY_AUTH_MODE=disabled, or the token is in RAY_AUTH_TOKEN.

    Raises:
        UsageError: there is no such file, or nothing in it.
    """
    if file is None:
        if os.environ.get("RAY_AUTH_MODE", "").lower() == "disabled":
            return None
        if os.environ.get("RAY_AUTH_TOKEN"):
            use_ray_token()
            return None
        named = os.environ.get("RAY_AUTH_TOKEN_PATH")
        file = Path(named) if named else Path.home() / ".ray" / "auth_token"
        if not named and not make and not file.is_file():
            return None  # a cluster without tokens needs none; one with them says so
    else:
        os.environ.pop("RAY_AUTH_TOKEN", None)  # it would win over the file
    file = file.expanduser().absolute()
    if not file.exists() and make:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
            output.write(secrets.token_hex(32))
    if not file.is_file() or not file.read_text(errors="replace").strip():
        raise UsageError(f"--token-file: {file} is no file with a token; copy the head's token file there")
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(file)}
    return str(file)

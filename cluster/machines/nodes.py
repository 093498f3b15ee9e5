"""`./playpen cluster`: makes a Ray cluster of existing machines.

`head` and `join` start a Ray node in the background and record it in the user's cache folder (local_nodes.py); `stop`
ends the recorded nodes and leaves every other Ray of the machine alone. A node's role determines what may run on it
(resources.py).
"""

from __future__ import annotations

import argparse
import json
import shlex
from pathlib import Path
from typing import Any

from cluster.command.parser import Parser
from cluster.machines.joining import check_port, own_address, query_nodes, use_token
from cluster.machines.local_nodes import end_node, record_file, running_nodes, start_node
from cluster.machines.resources import LEARNER, ROLES, SIMULATION
from common.errors import UsageError
from common.output import command

LOOPBACK = "127.0.0.1"


def run(arguments: list[str]) -> int:
    """Runs head, join, status or stop, and returns the exit code."""
    options = parser().parse_args(arguments)
    return int(options.work(options))


def count(text: str) -> int:
    """Parses an integer that is not negative."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be an integer of 0 or more, not {text}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    whole = Parser(prog="./playpen cluster")
    commands = whole.add_subparsers(dest="command", required=True, parser_class=Parser)
    node = Parser()
    node.add_argument("--token-file", type=Path)
    node.add_argument("--cpus", type=count)
    node.add_argument("--gpus", type=count)
    node.add_argument("--object-store-bytes", type=int)
    head_parser = commands.add_parser("head", parents=[node])
    head_parser.add_argument("--address", default=LOOPBACK)
    head_parser.add_argument("--port", type=int, default=6379)
    head_parser.add_argument("--dashboard-port", type=int, default=8265)
    head_parser.add_argument("--role", choices=sorted(ROLES), default="both")
    head_parser.set_defaults(work=head)
    join_parser = commands.add_parser("join", parents=[node])
    join_parser.add_argument("address")
    join_parser.add_argument("--node-address")
    join_parser.add_argument("--role", choices=sorted(ROLES), default="simulation")
    join_parser.set_defaults(work=join)
    status_parser = commands.add_parser("status")
    status_parser.add_argument("address", nargs="?")
    status_parser.add_argument("--token-file", type=Path)
    status_parser.set_defaults(work=status)
    commands.add_parser("stop").set_defaults(work=stop)
    return whole


def head(options: argparse.Namespace) -> int:
    """Starts the head of a cluster on this machine."""
    own = own_address("8.8.8.8") if options.address == "auto" else options.address
    address = f"{own}:{options.port}"
    for node in running_nodes():
        if node.kind == "head":
            raise UsageError(f"the head at {node.address} is already running; {command('cluster', 'stop')} ends it")
    check_port("--port", own, options.port)
    check_port("--dashboard-port", LOOPBACK, options.dashboard_port)
    if options.port == options.dashboard_port:
        raise UsageError(f"--port and --dashboard-port must differ, both are {options.port}")
    token = use_token(options.token_file, make=True)
    arguments = ["--head", "--node-ip-address", own, "--port", str(options.port)]
    arguments += ["--dashboard-host", LOOPBACK, "--dashboard-port", str(options.dashboard_port)]
    node = start_node("head", address, options, arguments)
    print(f"head       {address} (role {node.role}, process {node.pid}, log {node.log})")
    print(f"dashboard  http://{LOOPBACK}:{options.dashboard_port} (this machine only)")
    print(f"join with  ./playpen cluster join {address}" + (f" --token-file {shlex.quote(token)}" if token else ""))
    if own == LOOPBACK:
        print("           only from this machine; `head --address auto` or `--address IP` lets others join")
    elif token:
        print(f"           on each machine, after copying {token} there")
    else:
        print("           no token is required: whoever reaches this address can run programs here")
    print(f"train with {command('train', 'cluster=ray', f'cluster.address={address}')}")
    print(f"stop with  {command('cluster', 'stop')}")
    print("RESULT " + json.dumps({"address": address, "pid": node.pid, "role": node.role, "token": token is not None}))
    return 0


def join(options: argparse.Namespace) -> int:
    """Starts a node on this machine that joins a cluster."""
    address = str(options.address)
    for node in running_nodes():
        if node.kind == "join" and node.address == address:
            raise UsageError(f"this machine has already joined {address}; {command('cluster', 'stop')} ends it")
    use_token(options.token_file, make=False)
    query_nodes(address)
    own = options.node_address or own_address(address.rpartition(":")[0].strip("[]"))
    check_port("--node-address", own, None)
    node = start_node("join", address, options, ["--address", address, "--node-ip-address", own])
    print(f"joined     {address} as {own} (role {node.role}, process {node.pid}, log {node.log})")
    print(f"stop with  {command('cluster', 'stop')}")
    print("RESULT " + json.dumps({"address": address, "pid": node.pid, "role": node.role, "node": own}))
    return 0


def status(options: argparse.Namespace) -> int:
    """Prints the nodes of a cluster."""
    address = options.address
    if address is None:
        here = running_nodes()
        if not here:
            raise UsageError("no node was started on this machine; name the cluster as HOST:PORT")
        address = here[-1].address
    use_token(options.token_file, make=False)
    nodes = sorted(
        query_nodes(address), key=lambda node: (not node["alive"], not node["head"], node["address"], node["id"])
    )
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
    """Prints the nodes as a table with free and total CPUs, GPUs and object store (1e9 bytes)."""
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
    """Ends the nodes that these commands started on this machine, the head last."""
    ended = 0
    for node in sorted(running_nodes(), key=lambda node: node.kind == "head"):
        process = node.process()
        if process is not None:
            end_node(process)
            ended += 1
            print(f"stopped    {node.kind} {node.address} (process {node.pid})")
        record_file(node.pid).unlink(missing_ok=True)
        Path(node.log).unlink(missing_ok=True)
    if not ended:
        print("no node that was started here is running")
    print("RESULT " + json.dumps({"stopped": ended}))
    return 0


def role_of(resources: dict[str, float]) -> str:
    """The role whose resources a node offers; "any" if it was started without a role."""
    offered = {name for name in (LEARNER, SIMULATION) if resources.get(name)}
    return next((role for role, names in ROLES.items() if set(names) == offered), "any")

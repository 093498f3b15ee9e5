"""Nodes that disappear, lose their link, or on which every actor fails: real Ray nodes, actors that pretend to play."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray

from cluster.machines.local_nodes import python_without_spaces
from cluster.machines.resources import local_environment
from cluster.workers.actor_pool import ActorPool, Assignment, Finished
from common.processes import kill_tree
from tests.cluster.runs import ROOT
from tests.cluster.test_resources import LOCAL


class Visitor:
    """Returns its node; fails on the node that a file names."""

    def __init__(self, file: str) -> None:
        self.file = Path(file)

    def play(self, number: int) -> str:
        node = ray.get_runtime_context().get_node_id()
        if self.file.exists() and self.file.read_text() == node:
            raise RuntimeError("the driver of this node's GPU is broken")
        time.sleep(0.2)
        return node

    @ray.method(concurrency_group="control")
    def health(self) -> dict[str, Any]:
        return {"pushing": False, "node": ray.get_runtime_context().get_node_id()}

    @ray.method(concurrency_group="control")
    def stop(self) -> None:
        pass


remote: Any = ray.remote
VisitingActor = remote(concurrency_groups={"control": 2})(Visitor)


def assignment(number: int) -> Assignment:
    """A task of `Visitor`, whose `play` takes only the number."""
    arguments: Any = (number,)
    return Assignment(number, arguments)


def make_pool(file: Path, log: list[str], kinds: list[str], **changes: Any) -> ActorPool:
    """A pool of four actors with one CPU each."""

    def make(index: int, excluded_nodes: frozenset[str]) -> Any:
        options: dict[str, Any] = {"num_cpus": 1}
        if excluded_nodes:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(sorted(excluded_nodes))})"}
        return VisitingActor.options(**options).remote(str(file))

    settings = {"actors": 4, "heartbeat_s": 0.5, "silent_after_s": 8, "actor_restarts": 1, "location_attempts": 9}
    config = dataclasses.replace(LOCAL, **settings | changes)
    return ActorPool(make, config, log.append, kinds.append, lambda number: None)


def play(pool: ActorPool, numbers: range, until: Callable[[], bool] = lambda: True) -> list[Finished]:
    """Plays these tasks, and more until the condition holds."""
    finished: list[Finished] = []
    for number in numbers:
        pool.submit(assignment(number))
    deadline = time.monotonic() + 120
    number = numbers.stop
    while pool.in_flight or not until():
        assert time.monotonic() < deadline, "too slow"
        if not pool.waiting and not until():
            pool.submit(assignment(number))
            number += 1
        pool.dispatch()
        ready, _ = ray.wait(pool.futures, timeout=0.5) if pool.futures else ([], [])
        finished += pool.collect(ready)
    return finished


@pytest.fixture
def two_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A Ray cluster: the driver's node without CPUs, and two nodes with two each."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("HOME", str(tmp_path))
    os.environ["RAY_AUTH_MODE"] = "disabled"  # not restored, because a process keeps the token of its first home folder
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # Ray records the newest cluster there; the paths of its sockets must be short.
    folder = tempfile.mkdtemp(prefix="pp")
    monkeypatch.setenv("RAY_TMPDIR", folder)
    arguments = {"num_cpus": 0, "object_store_memory": 80_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=arguments)
    ray.init(cluster.address, log_to_driver=False, runtime_env=local_environment())
    nodes = [cluster.add_node(num_cpus=2, object_store_memory=80_000_000) for _ in range(2)]
    yield cluster, nodes
    ray.shutdown()
    cluster.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def nodes_of(pool: ActorPool) -> set[str]:
    return {actor.node for actor in pool.actors if actor.node}


@pytest.mark.slow
def test_actors_of_a_lost_node_are_replaced(two_nodes: Any, tmp_path: Path) -> None:
    cluster, nodes = two_nodes
    log: list[str] = []
    kinds: list[str] = []
    pool = make_pool(tmp_path / "none", log, kinds)
    play(pool, range(4), lambda: len(nodes_of(pool)) == 2 and pool.alive == 4)
    for number in range(100, 112):
        pool.submit(assignment(number))
    pool.dispatch()
    cluster.remove_node(nodes[0], allow_graceful=False)
    finished = play(pool, range(112, 113), lambda: pool.alive == 2)  # the node's processes live for another second
    assert sorted(one.number for one in finished) == list(range(100, 100 + len(finished))), "each once, none lost"
    assert kinds.count("actor_died") == 2, log
    assert {one.statistics for one in play(pool, range(200, 206))} == {nodes[1].node_id}
    # The two unscheduled actors start as soon as there is a node.
    cluster.add_node(num_cpus=2, object_store_memory=80_000_000)
    play(pool, range(300, 301), lambda: pool.alive == 4)
    pool.stop(3)


@pytest.mark.slow
def test_a_node_on_which_everything_fails_is_taken_out_of_use(two_nodes: Any, tmp_path: Path) -> None:
    _, nodes = two_nodes
    bad = tmp_path / "bad"
    bad.write_text(nodes[0].node_id)
    log: list[str] = []
    kinds: list[str] = []
    pool = make_pool(bad, log, kinds)
    play(pool, range(4), lambda: bool(pool.excluded_nodes))
    assert set(pool.excluded_nodes) == {nodes[0].node_id}
    [line] = [line for line in log if "out of use" in line]
    assert line.startswith(f"node {nodes[0].node_id[:12]} is out of use for this run: actor ")
    assert line.endswith("failed 2 times in a row; last: RuntimeError: the driver of this node's GPU is broken")
    before = len(log)
    finished = play(pool, range(100, 108), lambda: pool.alive == 2)
    assert {one.statistics for one in finished} == {nodes[1].node_id} and len(log) == before
    assert kinds.count("node_out_of_use") == 1
    pool.stop(3)


SCRIPT = """
import json, sys, time
from pathlib import Path
import ray
from tests.cluster.test_node_faults import make_pool, nodes_of, play
from cluster.machines.local_nodes import python_without_spaces
from cluster.machines.resources import local_environment
ray.init(sys.argv[1], log_to_driver=False, runtime_env=local_environment())
log, kinds = [], []
pool = make_pool(Path("none"), log, kinds)
play(pool, range(4), lambda: len(nodes_of(pool)) == 2 and pool.alive == 4)
print("actors are ready", flush=True)
input()
cut = time.monotonic()
finished = play(pool, range(100, 116))
print(json.dumps({
    "numbers": sorted(one.number for one in finished), "nodes": len({one.statistics for one in finished}),
    "kinds": kinds, "seconds": time.monotonic() - cut,
}))
"""


@pytest.mark.slow
def test_three_hosts_and_a_cut_link(tmp_path: Path) -> None:
    """Network namespaces as hosts, joined by a bridge; the link of one goes down, its processes keep running."""
    tag = f"pp{os.getpid() % 10_000}"
    hosts = [f"{tag}-{index}" for index in range(3)]
    setup: list[str] = [f"ip link add {tag} type bridge", f"ip link set {tag} up"]
    for index, host in enumerate(hosts):
        setup += [
            f"ip netns add {host}",
            f"ip link add {tag}v{index} type veth peer name eth0 netns {host}",
            f"ip link set {tag}v{index} master {tag} up",
            f"ip -n {host} addr add 10.213.7.{index + 1}/24 dev eth0",
            f"ip -n {host} link set eth0 up",
            f"ip -n {host} link set lo up",
        ]
    environment = os.environ | {
        "HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }

    def inside(host: str, *words: str) -> list[str]:
        return ["ip", "netns", "exec", host, python_without_spaces(), *words]

    started: list[subprocess.Popen[Any]] = []
    folder = tempfile.mkdtemp(prefix="pp")  # short, for the paths of Ray's sockets
    try:
        for line in setup:
            done = subprocess.run(line.split(), capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"no network namespaces can be made here (only root may): {done.stderr.strip()}")
        for index, host in enumerate(hosts):
            place = ["--head", "--port=6379"] if index == 0 else ["--address=10.213.7.1:6379"]
            words = ["-m", "ray.scripts.scripts", "start", *place, f"--node-ip-address=10.213.7.{index + 1}", "--block"]
            words += [f"--num-cpus={0 if index == 0 else 2}", "--object-store-memory=80000000"]
            words += [f"--temp-dir={folder}", "--include-dashboard=false"] if index == 0 else []
            log = (tmp_path / f"{host}.txt").open("w")
            started.append(
                subprocess.Popen(inside(host, *words), env=environment, stdout=log, stderr=log, cwd=tmp_path)
            )
            deadline = time.monotonic() + 60
            while "will now block" not in Path(log.name).read_text():  # in turn, as they share a folder
                assert started[-1].poll() is None and time.monotonic() < deadline, Path(log.name).read_text()
                time.sleep(0.2)
        driver = subprocess.Popen(
            inside(hosts[0], "-c", SCRIPT, "10.213.7.1:6379"),
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(driver)
        assert driver.stdout is not None and driver.stdout.readline() == "actors are ready\n", driver.communicate()[1]
        subprocess.run(["ip", "link", "set", f"{tag}v2", "down"], check=True)
        output, errors = driver.communicate("the link is cut\n", timeout=180)
        assert driver.returncode == 0, errors
        found = json.loads(output.splitlines()[-1])
        assert found["numbers"] == list(range(100, 116)), "each once, none lost"
        assert found["nodes"] <= 2 and found["kinds"].count("actor_silent") + found["kinds"].count("actor_died") >= 1
        assert found["seconds"] < 60  # Ray itself would take much longer
    finally:
        for process in started:
            kill_tree(process)
        for host in hosts:
            inhabitants = subprocess.run(["ip", "netns", "pids", host], capture_output=True, text=True, check=False)
            for number in inhabitants.stdout.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(number), signal.SIGKILL)
            subprocess.run(["ip", "netns", "del", host], capture_output=True, check=False)
        # A namespace, and its end of the link, disappears later, with its last connection.
        for link in (*(f"{tag}v{index}" for index in range(3)), tag):
            subprocess.run(["ip", "link", "del", link], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)

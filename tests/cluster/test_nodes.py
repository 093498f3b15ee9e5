"""`./playpen cluster`: refusals without Ray, and one real cluster of two nodes on this machine."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from cluster.machines import joining, local_nodes, nodes
from common.errors import RunError, UsageError
from tests.cluster.runs import ROOT, playpen

ACTORS = """
import dataclasses, json, sys
from cluster.machines.resources import ray_session, use_ray_token
use_ray_token()
import psutil, ray
from tests.cluster.test_resources import LOCAL

@ray.remote
class Part:
    def node(self):
        return ray.get_runtime_context().get_node_id()

with ray_session(dataclasses.replace(LOCAL, address=sys.argv[1])) as parts:
    actors = [Part.options(**options).remote() for options in (parts.learner, parts.light, parts.actor, parts.actor)]
    print(json.dumps([ray.get(actor.node.remote()) for actor in actors]))
    print(json.dumps([node["NodeID"] for node in ray.nodes() if "playpen_learner" in node["Resources"]]))
    trees = [psutil.Process(), *(psutil.Process(int(pid)) for pid in sys.argv[2:])]
    trees += [process for tree in list(trees) for process in tree.children(recursive=True)]
    print(json.dumps([connection.laddr for process in trees for connection in process.net_connections("inet")
                      if connection.status == psutil.CONN_LISTEN]))
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def result(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    name, _, text = done.stdout.splitlines()[-1].partition(" ")
    assert name == "RESULT"
    return dict(json.loads(text))


def ended(process: psutil.Process) -> bool:
    """Whether a process has ended; its parent need not have reaped it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_ADDRESS"):
        monkeypatch.setenv(name, "")  # so that what a test sets is taken back
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def ray_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ray's sockets need a short path, which tmp_path is not."""
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("RAY_TMPDIR", folder)
        yield


@pytest.mark.slow
def test_a_cluster_of_two_nodes_with_roles_tokens_and_loopback_only(home: Path, ray_folder: None) -> None:
    """Started, joined, asked, used by a part of each role, and stopped, all through the command line."""
    address = f"127.0.0.1:{free_port()}"
    token, wrong = home / "token", home / "wrong"
    wrong.write_text(secrets.token_hex(32))
    beside = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "gcs_server", "raylet"])

    def cluster(*arguments: str, token: Path = token) -> subprocess.CompletedProcess[str]:
        words = arguments if arguments[0] == "stop" else (*arguments, "--token-file", str(token))
        return playpen("cluster", *words, folder=home, HOME=str(home))

    try:
        ports = ["--port", address.rpartition(":")[2], "--dashboard-port", str(free_port())]
        done = cluster("head", *ports, "--role", "learner", "--cpus", "2", "--object-store-bytes", "100000000")
        head = result(done)
        assert f"./playpen cluster join {address} --token-file {token}" in done.stdout
        assert token.stat().st_mode & 0o777 == 0o600
        refused = cluster("head", *ports)
        assert refused.returncode == 2 and f"the head at {address} is already running" in refused.stderr
        for command in (("join", address), ("status", address)):
            refused = cluster(*command, token=wrong)
            assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1
            assert f"does not accept the token in {wrong}; copy the head's token file" in refused.stderr

        joined = result(cluster("join", address, "--cpus", "2", "--object-store-bytes", "100000000"))
        seen = result(cluster("status"))
        assert seen["alive"] == 2 and [row["role"] for row in seen["nodes"]] == ["learner", "simulation"]
        assert [row["head"] for row in seen["nodes"]] == [True, False]

        environment = os.environ | {"PYTHONPATH": str(ROOT), "RAY_AUTH_TOKEN_PATH": str(token)}
        script = [sys.executable, "-c", ACTORS, address, str(head["pid"]), str(joined["pid"])]
        used = subprocess.run(script, cwd=home, env=environment, capture_output=True, text=True, timeout=200)
        assert used.returncode == 0, used.stderr
        placed, learner_nodes, sockets = (json.loads(line) for line in used.stdout.splitlines()[-3:])
        assert len(learner_nodes) == 1
        assert [node in learner_nodes for node in placed] == [True, True, False, False]
        assert {ip.removeprefix("::ffff:") for ip, _ in sockets} == {"127.0.0.1"}
        assert {int(port) for port in ports[1::2]} <= {port for _, port in sockets}
        trees = [psutil.Process(pid) for pid in (head["pid"], joined["pid"])]
        trees += [process for root in list(trees) for process in root.children(recursive=True)]
        assert result(cluster("stop"))["stopped"] == 2
        assert all(map(ended, trees)), "processes left over"
        assert beside.poll() is None, "stop ends nothing but what was started"
        assert result(cluster("stop"))["stopped"] == 0
        assert not list((home / ".cache/playpen/cluster").iterdir())
    finally:
        cluster("stop")
        beside.kill()
        beside.wait()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["head", "--address", "0.0.0.0"], "0.0.0.0 is no address that other machines can reach"),
        (["head", "--address", "203.0.113.9"], "203.0.113.9 is not an address of this machine"),
        (["head", "--port", "80"], "--port must be between 1024 and 65535, not 80"),
        (["head", "--role", "cook"], "argument --role: invalid choice: 'cook'"),
        (["join"], "the following arguments are required: address"),
        (["join", "nowhere"], "must be HOST:PORT"),
        (["join", "127.0.0.1:1"], "127.0.0.1:1: no Ray cluster answers there"),
        (["join", "127.0.0.1:1", "--token-file", "none"], "none does not hold a token"),
        (["status"], "no node was started on this machine"),
        (["fly"], "argument command: invalid choice: 'fly'"),
        ([], "the following arguments are required: command"),
    ],
)
def test_refusals_start_nothing(arguments: list[str], sentence: str, home: Path) -> None:
    with pytest.raises(UsageError, match=sentence.replace(".", r"\.")):
        nodes.run(arguments)
    assert not list(home.rglob("*.log"))


def test_a_taken_port_is_refused(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        for option in ("--port", "--dashboard-port"):
            with pytest.raises(UsageError, match=f"{option}={port} is in use by another program"):
                nodes.run(["head", "--port", str(free_port()), option, port])


def test_a_node_that_does_not_start_leaves_nothing(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunError, match="Ray did not start on this machine: .*object store"):
        nodes.run(
            ["head", "--port", str(free_port()), "--dashboard-port", str(free_port()), "--object-store-bytes", "1"]
        )
    assert not list((home / ".cache/playpen/cluster").iterdir())


def test_stop_spares_a_process_that_reuses_a_recorded_id(home: Path) -> None:
    """After a reboot another program may have the same process id."""
    local_nodes.cache_folder().mkdir(parents=True)
    own = local_nodes.Node("head", "127.0.0.1:6379", "both", os.getpid(), started=1.0, log=str(home / "log"))
    local_nodes.record_file(own.pid).write_text(json.dumps(vars(own)))
    assert nodes.run(["stop"]) == 0
    assert not list(local_nodes.cache_folder().iterdir())


def test_stop_ends_all_descendants_of_a_recorded_process(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_nodes, "STOP_TIMEOUT_S", 1.0)  # the inner process does not end by itself
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline() == b"1\n"
        process = psutil.Process(child.pid)
        grandchild = process.children()[0]
        local_nodes.cache_folder().mkdir(parents=True)
        node = local_nodes.Node("join", "127.0.0.1:6379", "both", child.pid, process.create_time(), str(home / "log"))
        local_nodes.record_file(node.pid).write_text(json.dumps(vars(node)))
        assert local_nodes.running_nodes() == [node]
        assert nodes.run(["stop"]) == 0
        assert ended(grandchild) and local_nodes.running_nodes() == []


def test_tokens_come_from_the_option_then_the_environment_then_the_home_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert joining.use_token(None, make=False) is None and "RAY_AUTH_MODE" not in os.environ
    made = home / ".ray" / "auth_token"
    assert joining.use_token(None, make=True) == str(made)
    assert os.environ["RAY_AUTH_MODE"] == "token" and os.environ["RAY_AUTH_TOKEN_PATH"] == str(made)
    assert len(made.read_text()) == 64 and joining.use_token(None, make=True) == str(made), "a token is kept"
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "other"))
    with pytest.raises(UsageError, match="other does not hold a token"):
        joining.use_token(None, make=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "secret")
    monkeypatch.delenv("RAY_AUTH_MODE")
    assert joining.use_token(None, make=True) is None and os.environ["RAY_AUTH_MODE"] == "token"
    assert joining.use_token(made, make=False) == str(made) and "RAY_AUTH_TOKEN" not in os.environ
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert joining.use_token(None, make=True) is None


def test_an_environment_whose_path_has_a_space_is_used_through_a_link(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = home / "my work" / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    monkeypatch.setattr(sys, "prefix", str(environment))
    monkeypatch.setattr(sys, "executable", str(environment / "bin" / "python"))
    for _ in range(2):  # the link is made once
        python = local_nodes.python_without_spaces()
        assert " " not in python
        prefix = subprocess.run([python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True)
        assert Path(prefix.stdout.strip()).samefile(environment)
    monkeypatch.setenv("HOME", str(home / "my work"))
    with pytest.raises(UsageError, match="may have a space in its path; move the environment"):
        local_nodes.python_without_spaces()

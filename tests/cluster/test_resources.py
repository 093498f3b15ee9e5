"""GPU shares and what is refused before Ray starts."""

from __future__ import annotations

import dataclasses
import os
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.machines.resources import (
    SHARED_MEMORY,
    allocate,
    check_before_start,
    ray_environment,
    ray_temporary_folder,
    warn_about_fallbacks,
)
from cluster.run.config import ClusterConfig
from common.errors import UsageError
from tests.cluster.runs import ROOT, result_of

LOCAL = ClusterConfig(
    name="local",
    address=None,
    actors=35,
    actor_cpus=1,
    actor_gpus=None,
    learner_gpus=None,
    learner_cpus=1,
    object_store_bytes=100_000_000,
    dashboard=False,
    dashboard_port=8265,
    heartbeat_s=5,
    silent_after_s=30,
    start_timeout_s=120,
    location_timeout_s=60,
    location_attempts=3,
    quarantined_locations=10,
    actor_restarts=5,
    part_restarts=5,
)


def test_two_gpus_learner_takes_one_and_35_actors_share_the_other() -> None:
    resources = allocate(LOCAL, [{"GPU": 2}])
    assert resources.learner["num_gpus"] == 1
    assert resources.actor["num_gpus"] == 0.0285  # 1/35 rounded down to Ray's 1/10000
    assert 35 * resources.actor["num_gpus"] <= 1


def test_one_gpu_is_the_learners() -> None:
    resources = allocate(LOCAL, [{"GPU": 1}])
    assert resources.learner["num_gpus"] == 1
    assert resources.actor["num_gpus"] == 0


def test_without_gpus_nobody_asks_for_one() -> None:
    resources = allocate(LOCAL, [{"CPU": 2}])
    assert resources.learner["num_gpus"] == resources.actor["num_gpus"] == 0


def test_asking_for_more_gpus_than_there_are_is_refused() -> None:
    with pytest.raises(UsageError, match=r"cluster\.learner_gpus=1 and 35 actors of cluster\.actor_gpus=0\.1"):
        allocate(dataclasses.replace(LOCAL, actor_gpus=0.1), [{"GPU": 2}])


HEAD = {"CPU": 8.0, "GPU": 1.0, "playpen_learner": 1.0}
WITH_GPU = {"CPU": 8.0, "GPU": 1.0, "playpen_simulation": 1.0}
WITHOUT_GPU = {"CPU": 40.0, "playpen_simulation": 1.0}
BOTH = {"CPU": 40.0, "GPU": 2.0, "playpen_learner": 1.0, "playpen_simulation": 1.0}


@pytest.mark.parametrize(
    ("nodes", "learner_gpus", "actor_gpus"),
    [
        ([HEAD, WITHOUT_GPU], 1, 0),
        ([HEAD, WITH_GPU], 1, 0.0285),  # 1/35, rounded down to Ray's 1/10000
        ([HEAD, WITH_GPU, WITH_GPU], 1, 0.0555),  # 18 actors on one GPU and 17 on the other
        ([HEAD, WITH_GPU, WITHOUT_GPU], 1, 0),  # a share would leave the second node idle
        ([BOTH], 1, 0.0285),
        ([BOTH | {"GPU": 1.0}], 1, 0),
        ([HEAD, BOTH], 1, 0.0555),  # the learner goes to the node that is its alone
        ([HEAD | {"GPU": 0.0}, WITH_GPU], 0, 0.0285),
        ([HEAD, {"CPU": 8.0, "GPU": 4.0}], 1, 0),  # the second node has no role: it is for others
        ([HEAD], 1, 0),  # simulation nodes are still to come
    ],
)
def test_roles_place_the_parts_and_their_gpus(
    nodes: list[dict[str, float]], learner_gpus: float, actor_gpus: float
) -> None:
    resources = allocate(LOCAL, nodes)
    assert resources.learner == {"num_cpus": 1, "num_gpus": learner_gpus, "resources": {"playpen_learner": 0.001}}
    assert resources.light == {"num_cpus": 0, "resources": {"playpen_learner": 0.001}}
    assert resources.actor == {"num_cpus": 1, "num_gpus": actor_gpus, "resources": {"playpen_simulation": 0.001}}


def test_without_roles_ray_chooses_the_nodes() -> None:
    resources = allocate(LOCAL, [{"CPU": 8.0, "GPU": 1.0}, {"CPU": 8.0, "GPU": 1.0}])
    assert "resources" not in resources.learner | resources.actor | resources.light
    assert resources.actor["num_gpus"] == 0.0285


def test_gpus_beyond_those_of_a_role_are_refused() -> None:
    shares = dataclasses.replace(LOCAL, actor_gpus=0.02)
    with pytest.raises(UsageError, match="need more than the 1 GPUs of this cluster on nodes of their roles"):
        allocate(shares, [HEAD, WITHOUT_GPU])
    assert allocate(shares, [HEAD, WITH_GPU]).actor["num_gpus"] == 0.02
    assert allocate(shares, [HEAD]).actor["num_gpus"] == 0.02, "an autoscaler may bring nodes with GPUs"
    with pytest.raises(UsageError, match="cluster.learner_gpus=2"):
        allocate(dataclasses.replace(LOCAL, learner_gpus=2), [HEAD, WITHOUT_GPU])


@given(
    nodes=st.lists(
        st.fixed_dictionaries(
            {"CPU": st.just(64.0), "GPU": st.sampled_from([0.0, 1.0, 2.0, 8.0])},
            optional={"playpen_learner": st.just(1.0), "playpen_simulation": st.just(1.0)},
        ),
        min_size=1,
        max_size=5,
    ),
    actors=st.integers(1, 200),
)
def test_shares_always_fit_the_nodes_that_they_are_for(nodes: list[dict[str, float]], actors: int) -> None:
    """Placed one by one onto whole GPUs, as Ray does, the learner first."""
    resources = allocate(dataclasses.replace(LOCAL, actors=actors), nodes)
    left = [node["GPU"] for node in nodes]

    def fitting(part: dict[str, Any]) -> list[int]:
        return [i for i, node in enumerate(nodes) if all(name in node for name in part.get("resources", {}))]

    homes = fitting(resources.learner)
    if not homes or not fitting(resources.actor):
        return  # waits for a node
    # Ray may take any node of the role: prefer one that is the learner's alone, as `allocate` counts on.
    alone = [i for i in homes if i not in fitting(resources.actor) and left[i] >= resources.learner["num_gpus"]]
    chosen = (alone or sorted(homes, key=lambda i: -left[i]))[0]
    left[chosen] -= resources.learner["num_gpus"]
    assert left[chosen] >= 0
    share = resources.actor["num_gpus"]
    places = sum(int(left[i]) * int(1 / share) for i in fitting(resources.actor)) if share else actors
    assert places >= actors


def test_ray_shows_its_token_to_a_running_cluster(tmp_path: Path) -> None:
    script = (
        "from cluster.machines.resources import use_ray_token; use_ray_token()\n"
        "from ray._raylet import AuthenticationMode, get_authentication_mode\n"
        "print(get_authentication_mode() == AuthenticationMode.TOKEN)"
    )
    modes = []
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        modes.append(done.stdout.splitlines()[-1])
        (tmp_path / ".ray").mkdir(exist_ok=True)
        (tmp_path / ".ray" / "auth_token").write_text("0" * 64)
    assert modes == ["False", "True"]


def test_own_ray_is_started_beside_a_running_cluster_and_listens_on_loopback_only(tmp_path: Path) -> None:
    script = (
        "import dataclasses, psutil, ray; from cluster.machines.resources import ray_session\n"
        "from tests.cluster.test_resources import LOCAL\n"
        "with ray_session(dataclasses.replace(LOCAL, actors=1)) as parts:\n"
        "    ray.get(ray.remote(**parts.light)(lambda: None).remote())  # a worker, which listens too\n"
        "    run = [psutil.Process(), *psutil.Process().children(recursive=True)]\n"
        "    open_ports = [c for process in run for c in process.net_connections('inet') if c.status == 'LISTEN']\n"
        "    print('sockets', len(open_ports) > 5, {c.laddr.ip.removeprefix('::ffff:') for c in open_ports})\n"
        "    print('nodes', len(ray.nodes()))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        # What `ray start` leaves for whoever asks for no address.
        env=os.environ | {"HOME": str(tmp_path), "PYTHONPATH": str(root), "RAY_ADDRESS": "127.0.0.1:1"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines()[-2:] == ["sockets True {'127.0.0.1'}", "nodes 1"], done.stdout + done.stderr


def test_busy_dashboard_port_is_refused() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        config = dataclasses.replace(LOCAL, dashboard=True, dashboard_port=port)
        with pytest.raises(UsageError, match=f"cluster.dashboard_port={port} is in use"):
            check_before_start(config)
    check_before_start(config)


def test_an_object_store_that_fits_nowhere_is_refused() -> None:
    with pytest.raises(UsageError, match="cluster.object_store_bytes=.* is more than .* --shm-size"):
        check_before_start(dataclasses.replace(LOCAL, object_store_bytes=10**15))


def test_small_shared_memory_is_reported_with_a_fix(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    small = SimpleNamespace(free=67_108_864)
    usage = shutil.disk_usage
    monkeypatch.setattr(
        "cluster.machines.resources.shutil.disk_usage",
        lambda folder: small if folder == SHARED_MEMORY else usage(folder),
    )
    check_before_start(dataclasses.replace(LOCAL, object_store_bytes=300_000_000))
    warn_about_fallbacks(300_000_000)
    printed = capfd.readouterr().err
    assert "/dev/shm has 67 MB free, less than the object store of 300 MB" in printed and "--shm-size=1g" in printed
    warn_about_fallbacks(60_000_000)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", ["TMPDIR", "RAY_TMPDIR"])
def test_a_long_temporary_folder_is_replaced_for_rays_sockets(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for other in ("TMPDIR", "RAY_TMPDIR"):
        monkeypatch.delenv(other, raising=False)
    assert ray_temporary_folder() == ("/tmp", "")
    # A socket's path has at most 107 bytes, of which Ray's own part below the temporary folder takes up to 71.
    monkeypatch.setenv(name, "/" + "a" * 35)
    assert ray_temporary_folder() == ("/" + "a" * 35, "")
    assert "RAY_TMPDIR" not in ray_environment() or name == "RAY_TMPDIR"
    monkeypatch.setenv(name, "/" + "ü" * 18)
    assert ray_temporary_folder() == ("/tmp", "/" + "ü" * 18)
    assert ray_environment()["RAY_TMPDIR"] == "/tmp"
    warn_about_fallbacks(None)
    assert "is too long for Ray's sockets; Ray uses /tmp instead" in capfd.readouterr().err
    monkeypatch.setattr("cluster.machines.resources.SHORT_FOLDERS", (str(tmp_path / "none"),))
    with pytest.raises(UsageError, match="set RAY_TMPDIR to a folder whose path has at most 36 bytes"):
        check_before_start(LOCAL)


@pytest.mark.parametrize(
    ("address", "variable", "sentence"),
    [
        (
            "http://127.0.0.1:8265",
            "",
            "cluster.address must be HOST:PORT of a running Ray cluster, not 'http://127.0.0",
        ),
        ("auto", "http://127.0.0.1:8265", "RAY_ADDRESS must be HOST:PORT .*, which is its dashboard; the head's port"),
        ("auto", "head", "RAY_ADDRESS must be HOST:PORT of a running Ray cluster, not 'head'"),
        ("auto", "127.0.0.1:1", "RAY_ADDRESS=127.0.0.1:1: no Ray cluster answers there"),
        ("auto", "ray://127.0.0.1:10001", "RAY_ADDRESS must be HOST:PORT"),
        ("tcp://127.0.0.1:6379", "", "cluster.address must be HOST:PORT"),
    ],
)
def test_addresses_that_are_none(address: str, variable: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", variable)
    if not variable:
        monkeypatch.delenv("RAY_ADDRESS")
    with pytest.raises(UsageError, match=sentence):
        check_before_start(dataclasses.replace(LOCAL, address=address))


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small /dev/shm in a namespace of its own")
def test_a_run_in_a_container_as_containers_are(tmp_path: Path) -> None:
    """64 MB of shared memory, and a temporary folder with a long path."""
    temporary = tmp_path / ("t" * 100)
    temporary.mkdir()
    run = f"{shlex.quote(sys.executable)} -m cluster train experiment=smoke evaluation.figures=0"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f"mount -t tmpfs -o size=64m tmpfs /dev/shm && exec {run}"],
        cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "--shm-size=1g" in done.stderr and "is too long for Ray's sockets" in done.stderr
    assert result_of(done.stdout)["steps"] == 13


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("actors", 0),
        ("location_attempts", 0),
        ("location_timeout_s", 0),
        ("silent_after_s", 0),
        ("part_restarts", -1),
        ("object_store_bytes", 1),
        ("dashboard_port", 80),
    ],
)
def test_bad_values_name_their_field(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"cluster.{field} must be"):
        dataclasses.replace(LOCAL, **{field: value})

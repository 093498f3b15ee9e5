"""The Ray actor with real processes: pushes, restarts, health, and what a killed actor leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
import ray

from actors.actor import PlayerHandle, start_player
from actors.config import SimulatorConfig
from actors.controller import SimulatorError, SimulatorProcess
from actors.interaction.locations import Location, LocationError
from actors.interaction.player import MakePlayer
from cluster.machines.resources import local_environment
from common.remote import kill
from models.interaction.config import NetworkConfig
from models.interaction.network import InteractionNetwork
from models.weights import flat_weights
from replay.interaction.record import LocationRecord, check_record
from tests.actors.test_interact import CONFIG

NETWORK = NetworkConfig(4, [8, 8, 8], 8, 4, 0.1, False)
WEIGHTS = flat_weights(InteractionNetwork(NETWORK))
LOCATION = Location(0, "FloorPlan1", (0.0, 0.9, 0.0), 0.0, 30.0, 1)


class Receipt(NamedTuple):
    slot: int
    stored: bool


class Bank:
    """Replaces the replay buffer's Ray actor."""

    def __init__(self) -> None:
        self.records: list[LocationRecord] = []

    def insert(self, table: str, record: LocationRecord) -> Receipt:
        assert table == "locations"
        check_record(record)
        self.records.append(record)
        # The first is new, the second a duplicate of a held one, the third comes after the phase.
        return (Receipt(0, True), Receipt(0, False), Receipt(-1, False))[len(self.records) - 1]

    def all(self) -> list[LocationRecord]:
        return self.records


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    os.environ["RAY_AUTH_MODE"] = "disabled"
    root = str(Path(__file__).resolve().parents[2])
    home = tmp_path_factory.mktemp("home")
    environment = local_environment()
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=80_000_000,
        runtime_env=environment | {"env_vars": environment["env_vars"] | {"PYTHONPATH": root, "HOME": str(home)}},
    )
    yield
    ray.shutdown()


@pytest.fixture
def bank(cluster: None) -> Iterator[Any]:
    handle: Any = ray.remote(num_cpus=0)(Bank).remote()
    yield handle
    ray.kill(handle)


@pytest.fixture
def start(bank: Any) -> Iterator[Callable[[SimulatorConfig], PlayerHandle]]:
    """Starts actors, and ends them after the test."""
    handles = []

    def start(simulator: SimulatorConfig) -> PlayerHandle:
        player = MakePlayer(simulator, CONFIG, NETWORK, 1)
        handles.append(start_player(4, simulator, player, bank, {"num_cpus": 0}))
        return handles[-1]

    yield start
    for handle in handles:
        kill(handle)


def gone(pid: int) -> bool:
    """Waits until a process is gone, at most 10 s."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_play_push_and_health(start: Callable, bank: Any, fake_config: Callable[..., SimulatorConfig]) -> None:
    actor = start(fake_config())
    assert ray.get(actor.health.remote())["simulator_pid"] is None
    reference = [ray.put(WEIGHTS)]
    first = ray.get(actor.play.remote(LOCATION, 8, {"greedy": 2, "random": 3, "force_trials": False}, reference, 5))
    second = ray.get(actor.play.remote(LOCATION, 9, {"greedy": 0, "random": 4, "force_trials": True}, WEIGHTS, 6))
    third = ray.get(actor.play.remote(LOCATION, 8, {"greedy": 2, "random": 3, "force_trials": False}, reference, 5))
    records = ray.get(bank.all.remote())
    assert [int(record.location) for record in records] == [8, 9, 8]
    assert [int(record.weights_version) for record in records] == [5, 6, 5]
    assert (first.stored, second.stored, third.stored) == (True, True, False)
    assert (first.number, first.actor, first.restarts) == (8, 4, 0)
    # An untrained network's first instance may fill the grid: one or two greedy touches, and three random ones.
    assert first.touches_by_choice["random"] == 3 and 1 <= first.touches_by_choice["greedy"] <= 2
    assert second.touches_by_choice == {"random": 4} and second.seconds["push"] > 0
    # The same location, number and weights make the same touches.
    assert (records[0].points == records[2].points).all() and (records[0].magnitudes == records[2].magnitudes).all()
    health = ray.get(actor.health.remote())
    assert psutil.pid_exists(health["simulator_pid"])
    assert (health["actor"], health["tasks"], health["simulator_starts"]) == (4, 3, 1)
    assert health["weights_version"] == 5
    ray.get(actor.stop.remote())
    assert gone(health["simulator_pid"])


def test_killed_actor_takes_its_simulator_along(start: Callable, fake_config: Callable[..., SimulatorConfig]) -> None:
    actor = start(fake_config())
    ray.get(actor.play.remote(LOCATION, 0, {"greedy": 0, "random": 1, "force_trials": False}, WEIGHTS, 0))
    health = ray.get(actor.health.remote())
    os.kill(health["pid"], signal.SIGKILL)
    assert gone(health["simulator_pid"])
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(actor.health.remote())


@pytest.mark.slow
def test_dead_simulator_is_replaced(start: Callable, bank: Any, fake_config: Callable[..., SimulatorConfig]) -> None:
    actor = start(fake_config())
    ray.get(actor.play.remote(LOCATION, 0, {"greedy": 0, "random": 1, "force_trials": False}, WEIGHTS, 0))
    os.kill(ray.get(actor.health.remote())["simulator_pid"], signal.SIGKILL)
    statistics = ray.get(actor.play.remote(LOCATION, 1, {"greedy": 0, "random": 1, "force_trials": False}, WEIGHTS, 0))
    assert statistics.restarts == 1 and len(ray.get(bank.all.remote())) == 2
    assert "was killed by signal SIGKILL" in statistics.fault and not statistics.wrong_frame


@pytest.mark.slow
def test_failing_twice_is_reported(start: Callable, bank: Any, fake_config: Callable[..., SimulatorConfig]) -> None:
    actor = start(fake_config(("MakeAllObjectsMoveable", "leave")))
    with pytest.raises(SimulatorError, match="simulator 'fake' exited with code 7 during MakeAllObjectsMoveable"):
        ray.get(actor.play.remote(LOCATION, 0, {"greedy": 0, "random": 1, "force_trials": False}, WEIGHTS, 0))
    assert ray.get(actor.health.remote())["simulator_starts"] == 2
    with pytest.raises(SimulatorError):
        ray.get(actor.play.remote(LOCATION, 0, {"greedy": 0, "random": 1, "force_trials": False}, WEIGHTS, 0))
    assert ray.get(bank.all.remote()) == []


@pytest.mark.slow
def test_refused_location_costs_no_simulator(start: Callable, fake_config: Callable[..., SimulatorConfig]) -> None:
    actor = start(fake_config())
    with pytest.raises(LocationError, match=r"location 0 \(FloorPlan7.*: scene 'FloorPlan7' is not one of the 3"):
        unknown = Location(0, "FloorPlan7", (0.0, 0.9, 0.0), 0.0, 30.0, 1)
        ray.get(actor.play.remote(unknown, 0, {"greedy": 0, "random": 1, "force_trials": False}, WEIGHTS, 0))
    ray.get(actor.play.remote(LOCATION, 0, {"greedy": 0, "random": 1, "force_trials": False}, WEIGHTS, 0))
    assert ray.get(actor.health.remote())["simulator_starts"] == 1


@pytest.mark.slow
def test_stop_in_the_middle(start: Callable, fake_config: Callable[..., SimulatorConfig]) -> None:
    actor = start(fake_config(("InitialRandomSpawn", "hang"), step_timeout_s=60.0))
    playing = actor.play.remote(LOCATION, 0, {"greedy": 0, "random": 1, "force_trials": False}, WEIGHTS, 0)
    while ray.get(actor.health.remote())["simulator_pid"] is None:
        time.sleep(0.05)
    time.sleep(0.2)
    ray.get(actor.stop.remote())
    with pytest.raises(SimulatorError):
        ray.get(playing, timeout=10)
    with pytest.raises(SimulatorError, match="actor 4 was stopped"):
        ray.get(actor.play.remote(LOCATION, 0, {"greedy": 0, "random": 1, "force_trials": False}, WEIGHTS, 0))


@pytest.mark.parametrize("stopped", [False, True])
def test_orphaned_simulator_exits(stopped: bool, fake_config: Callable[..., SimulatorConfig], tmp_path: Path) -> None:
    """Without Ray: a process that drives a simulator is killed; a stopped simulator is ended by the next one."""
    script = tmp_path / "drive.py"
    script.write_text(
        "import sys, time\n"
        "from actors.config import PushConfig, SimulatorConfig\n"
        "from actors.controller import SimulatorProcess\n"
        f"print(SimulatorProcess({fake_config()!r}).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    root = str(Path(__file__).resolve().parents[2])
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root}
    ) as driver:
        assert driver.stdout is not None
        pid = int(driver.stdout.readline())
        assert psutil.pid_exists(pid)
        if stopped:
            os.kill(pid, signal.SIGSTOP)
        driver.kill()
    if stopped:
        assert psutil.pid_exists(pid)
        SimulatorProcess(fake_config()).stop()
    assert gone(pid)

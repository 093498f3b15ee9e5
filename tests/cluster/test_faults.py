"""Faults of simulators, learner, replay buffer and disk, in real processes: what is lost and what is reported."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray

from actors.actor import PlayerHandle, start_player
from actors.config import SimulatorConfig
from actors.core import Statistics
from actors.interaction.locations import Location
from actors.interaction.player import MakePlayer
from cluster.workers.actor_pool import ActorPool, Assignment
from tests.actors.conftest import fake_config  # noqa: F401  (a fixture)
from tests.actors.test_actor import NETWORK, WEIGHTS
from tests.actors.test_interact import CONFIG
from tests.cluster.runs import SmokeRun, playpen, processes_of, result_of, start
from tests.cluster.test_resources import LOCAL
from tests.cluster.test_resume import run_folder, steps_done, wait_until
from tests.machine import small_file_system


class FakeReplay:
    """Replaces the replay buffer's Ray actor: accepts every record."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def insert(self, table: str, record: Any) -> Any:
        from tests.actors.test_actor import Receipt

        self.numbers.append(int(record.location))
        return Receipt(0, True)

    def all(self) -> list[int]:
        return self.numbers


def test_tasks_survive_their_simulator(
    session: None,
    tmp_path: Path,
    fake_config: Callable[..., SimulatorConfig],  # noqa: F811
) -> None:
    """Simulators that die before they open their pipe, are killed, hang, or answer for another position."""
    once = tmp_path / "once"
    simulator = fake_config(step_timeout_s=3.0)
    simulator.command = f"{simulator.command} --once '{once}'"
    bank: Any = ray.remote(num_cpus=0)(FakeReplay).remote()
    log: list[str] = []
    config = dataclasses.replace(LOCAL, actors=1, heartbeat_s=0.2)

    def make(index: int, excluded_nodes: frozenset[str]) -> PlayerHandle:
        player = MakePlayer(simulator, CONFIG, NETWORK, 1)
        return start_player(index, simulator, player, bank, {"num_cpus": 0})

    pool = ActorPool(make, config, log.append, log.append, lambda number: None)

    weights = [ray.put(WEIGHTS)]

    def play(number: int) -> Statistics:
        location = Location(number, "FloorPlan1", (0.25 * number, 0.9, 0.0), 0.0, 30.0, 1)
        pool.submit(
            Assignment(number, (location, number, {"greedy": 0, "random": 1, "force_trials": False}, weights, 0))
        )
        while True:
            pool.dispatch()
            ready, _ = ray.wait(pool.futures, timeout=0.5)
            if finished := pool.collect(ready):
                assert finished[0].statistics is not None
                return finished[0].statistics

    def simulator_pid() -> int:
        return int(ray.get(pool.actors[0].handle.health.remote())["simulator_pid"])

    try:
        once.write_text("launch=leave")
        assert "exited with code 7 during its start" in play(0).fault
        os.kill(simulator_pid(), signal.SIGKILL)
        assert "was killed by signal SIGKILL" in play(1).fault
        stopped = simulator_pid()
        os.kill(stopped, signal.SIGSTOP)
        assert "did not finish reset to FloorPlan1 within 3 s" in play(2).fault
        assert not psutil.pid_exists(stopped)
        once.write_text("TeleportFull=stay")
        found = play(3)
        assert "the simulator's answer is of position x = 0.5" in found.fault and found.wrong_frame
        once.write_text("InitialRandomSpawn=crash")
        assert "was killed by signal SIGSEGV" in play(4).fault
        assert play(5).fault == ""
        assert ray.get(bank.all.remote()) == [0, 1, 2, 3, 4, 5], "each once"
        assert log == [] and pool.restarts == 0, "the actor itself did not fail"
    finally:
        pool.stop(3)


def process_of(driver: subprocess.Popen[str], title: str) -> psutil.Process:
    """The Ray worker of a run whose title starts with `title`."""
    for _ in range(100):
        for process in psutil.Process(driver.pid).children(recursive=True):
            try:
                if process.cmdline()[:1] and process.cmdline()[0].startswith(f"ray::{title}"):
                    return process
            except psutil.Error:
                continue
        time.sleep(0.1)
    raise AssertionError(f"no {title}")


FAST = (
    "evaluation.figures=0",
    "tracking.mode=disabled",
    "tracking.log_every_s=0.1",
    "cluster.heartbeat_s=1",
    "learner.publish_every=1",
)


@pytest.mark.slow
def test_a_run_survives_its_learner_and_its_replay_buffer(smoke: SmokeRun, tmp_path: Path) -> None:
    longer = "learner.phases.segmentation.rounds=14"
    process = start(tmp_path, smoke.root, *FAST, longer, "checkpoint_minutes=0.03", "cluster.silent_after_s=5")
    try:
        wait_until(lambda: steps_done(tmp_path) >= 2, process)
        process_of(process, "LearnerActor").kill()
        log = run_folder(tmp_path) / "run.log"
        wait_until(lambda: log.read_text().count("start again from step_") == 1, process)
        shown = playpen("status", str(run_folder(tmp_path)), folder=tmp_path)
        assert shown.returncode == 0 and ": running (process" in shown.stdout, shown.stdout + shown.stderr
        saved = log.read_text().count("checkpoint step_")
        wait_until(lambda: log.read_text().count("checkpoint step_") > saved, process)
        process_of(process, "ReplayActor").kill()
        wait_until(lambda: log.read_text().count("start again from step_") == 2, process)
        saved = log.read_text().count("checkpoint step_")
        wait_until(lambda: log.read_text().count("checkpoint step_") > saved, process)
        process_of(process, "LearnerActor").send_signal(signal.SIGSTOP)
        wait_until(lambda: log.read_text().count("start again from step_") == 3, process)
        output, errors = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    result = result_of(output)
    # 6 + 14 * 3 + 2 * 3 locations; K = 4 times 2, 6 times 3, 4 times 4, 2, 2 batches: nothing is missing or repeated.
    assert (result["steps"], result["locations"]) == (46, 54)
    assert result["faults"]["part_lost"] == 3
    reports = [line for line in log.read_text().splitlines() if "start again from step_" in line]
    # Either a call of the coordinator or a heartbeat reports it, whichever is first.
    assert any(f"the learner {how}" in reports[0] for how in ("was lost", "died")), reports
    assert "the replay buffer" in reports[1], reports
    assert "has been silent for 5 s" in reports[2], reports
    assert not processes_of(tmp_path)
    shown = playpen("status", str(run_folder(tmp_path)), folder=tmp_path)
    assert ": finished" in shown.stdout and "part lost" in shown.stdout


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 140 MB; skips where none can be mounted (only root may)."""
    with small_file_system(tmp_path / "small", 140) as folder:
        yield folder


@pytest.mark.slow
def test_a_full_disk_costs_checkpoints_only(smoke: SmokeRun, small_disk: Path) -> None:
    process = start(small_disk, smoke.root, *FAST, "checkpoint_minutes=0.03")
    try:
        wait_until(lambda: steps_done(small_disk) >= 1, process)
        ballast = small_disk / "ballast"
        with ballast.open("wb") as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(bytes(2**20))
                file.flush()
        folder = run_folder(small_disk)
        before = [path.name for path in sorted(folder.glob("checkpoints/step_*"))]
        # On a full disk the log cannot be written: status and log follow when there is space.
        time.sleep(4)
        assert process.poll() is None, "the run continues"
        assert [path.name for path in sorted(folder.glob("checkpoints/*"))] == before, "whole, and nothing half-written"
        ballast.unlink()
        output, errors = process.communicate(timeout=240)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert re.search(
        r"no checkpoint could be written at step \d+ \(.*No space left on device\); the previous one, step_\d+(-\d+)?, "
        r"is intact; the run continues and tries again in 0\.03 minutes",
        errors,
    )
    result = result_of(output)
    assert (result["steps"], result["locations"]) == (13, 21)
    assert result["faults"]["checkpoint_failed"] >= 1
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["final/images"] == 8
    shutil.rmtree(folder)

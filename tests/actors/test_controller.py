"""Every way a simulator can fail becomes one SimulatorError, and nothing stays behind: real processes."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from actors.config import SimulatorConfig
from actors.controller import SimulatorError, SimulatorProcess
from tests.actors.conftest import FAKE

MakeConfig = Callable[..., SimulatorConfig]


def children() -> list[psutil.Process]:
    """Child processes of this one, zombies included."""
    return psutil.Process().children(recursive=True)


@pytest.fixture(autouse=True)
def nothing_left() -> object:
    """No child process, no watchdog thread and no temporary file survives a test."""
    before = set(children())
    yield
    assert set(children()) <= before
    assert not [thread for thread in threading.enumerate() if thread.name == "simulator-watchdog"]
    assert os.listdir(tempfile.gettempdir()) == []


def test_round_trip(fake_config: MakeConfig) -> None:
    simulator = SimulatorProcess(fake_config())
    try:
        assert simulator.alive and simulator.pid in {child.pid for child in children()}
        assert simulator.scenes == {"FloorPlan1", "FloorPlan2", "FloorPlan201"}
        assert simulator.reset("FloorPlan2").metadata["sceneName"] == "FloorPlan2_physics"
        observation = simulator.observe(simulator.step("TouchThenApplyForce"))
        assert observation.image.shape == (300, 300, 3) and observation.image.dtype == np.uint8
        assert observation.image.flags.c_contiguous and (observation.image == 20).all()
        assert observation.depth.dtype == np.float32 and observation.depth.flags.c_contiguous
        # 2 m ahead; the corner's ray is sqrt(1 + 2 (149.5/150)^2) times as long; minus the near plane of 0.1 m.
        assert observation.depth[150, 150] == pytest.approx(1.9, abs=1e-4)
        assert observation.depth[0, 299] == pytest.approx(2 * np.sqrt(1 + 2 * (149.5 / 150) ** 2) - 0.1, abs=1e-5)
    finally:
        simulator.stop()
    simulator.stop()
    assert not simulator.alive
    with pytest.raises(SimulatorError):
        simulator.step("Pass")


def test_refusals_leave_it_running(fake_config: MakeConfig) -> None:
    simulator = SimulatorProcess(fake_config())
    try:
        with pytest.raises(ValueError, match="no such action: Fly"):
            simulator.step("Fly")
        with pytest.raises(ValueError, match=r"scene 'FloorPlan9' is not one of the 3 scenes of simulator 'fake'"):
            simulator.reset("FloorPlan9")
        assert simulator.step("Pass").metadata["lastActionSuccess"]
    finally:
        simulator.stop()


@pytest.mark.parametrize("event", ["launch", "open", "ready", "GetScenesInBuild", "Reset", "Initialize"])
@pytest.mark.parametrize("fault", ["leave", "crash", "hang"])
def test_fails_at_start(fake_config: MakeConfig, event: str, fault: str) -> None:
    texts = {
        "leave": "exited with code 7 during its start; its last output: the cat sat on the keyboard",
        "crash": "was killed by signal SIGSEGV during its start",
        "hang": "did not finish its start within 1 s",
    }
    config = fake_config((event, fault), start_timeout_s=1.0 if fault == "hang" else 30.0)
    with pytest.raises(SimulatorError, match=texts[fault]) as caught:
        SimulatorProcess(config)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fault", ["leave", "crash", "hang", "partial"])
def test_fails_in_a_step(fake_config: MakeConfig, fault: str) -> None:
    texts = {
        "leave": "exited with code 7 during Pass; its last output: the cat sat on the keyboard",
        "crash": "was killed by signal SIGSEGV during Pass",
        "hang": "did not finish Pass within 0.5 s",
        "partial": "exited with code 7 during Pass",
    }
    simulator = SimulatorProcess(fake_config(("Pass", fault), step_timeout_s=0.5 if fault == "hang" else 20.0))
    pid = simulator.pid
    with pytest.raises(SimulatorError, match=texts[fault]):
        simulator.step("Pass")
    assert not simulator.alive and not psutil.pid_exists(pid)
    again = SimulatorProcess(fake_config())
    again.step("Pass")
    again.stop()


def test_hangs_in_reset(fake_config: MakeConfig) -> None:
    # The first reset belongs to the start, so the fault is committed by an action that only tests know.
    simulator = SimulatorProcess(fake_config(step_timeout_s=0.5))
    os.kill(simulator.pid, signal.SIGSTOP)
    with pytest.raises(SimulatorError, match="did not finish reset to FloorPlan1 within 0.5 s"):
        simulator.reset("FloorPlan1")


def test_killed_between_steps(fake_config: MakeConfig) -> None:
    simulator = SimulatorProcess(fake_config())
    os.kill(simulator.pid, signal.SIGKILL)
    with pytest.raises(SimulatorError, match="was killed by signal SIGKILL (before|during) Pass"):
        simulator.step("Pass")


def test_stop_from_another_thread_ends_a_call(fake_config: MakeConfig) -> None:
    simulator = SimulatorProcess(fake_config(("Pass", "hang")))
    timer = threading.Timer(0.3, simulator.stop)
    timer.start()
    with pytest.raises(SimulatorError, match="was stopped during Pass"):
        simulator.step("Pass")
    timer.join()


def test_from_a_thread(fake_config: MakeConfig) -> None:
    results: list[object] = []

    def play() -> None:
        simulator = SimulatorProcess(fake_config(("Pass", "leave")))
        results.append(simulator.step("ChangeResolution").metadata["lastActionSuccess"])
        try:
            simulator.step("Pass")
        except SimulatorError as error:
            results.append(error)

    thread = threading.Thread(target=play)
    thread.start()
    thread.join()
    assert results[0] is True and isinstance(results[1], SimulatorError)


def test_descendants_go_too(fake_config: MakeConfig, tmp_path: Path) -> None:
    # A shell that does not exec: the process that the client knows is not the simulator.
    script = tmp_path / "start.sh"
    script.write_text(f'#!/bin/sh\n"{sys.executable}" "{FAKE}" --at Pass=hang "$@" &\nwait\n')
    script.chmod(0o755)
    simulator = SimulatorProcess(fake_config(step_timeout_s=0.5, command=str(script)))
    assert len(children()) >= 2
    with pytest.raises(SimulatorError):
        simulator.step("Pass")


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("no-such-simulator --fast", "simulator.command names 'no-such-simulator', which is not an executable"),
        ("python -m no_such_simulator", "exited with code 1 during its start; .*No module named no_such_simulator"),
    ],
)
def test_wrong_command(fake_config: MakeConfig, command: str, text: str) -> None:
    with pytest.raises(SimulatorError, match=text):
        SimulatorProcess(fake_config(command=command))


def test_what_the_simulator_inherits(fake_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    # A digit here would make the client ask vulkaninfo; the simulator itself needs it to find its GPU.
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    home = os.environ["HOME"]
    simulator = SimulatorProcess(fake_config(gpu_device=1))
    try:
        seen = simulator.step("Environment").metadata["actionReturn"]
        assert (seen["CUDA_VISIBLE_DEVICES"], seen["HOME"]) == ("3", home)
        assert "-force-device-index 1" in " ".join(psutil.Process(simulator.pid).cmdline())
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "3" and os.environ["HOME"] == home
        assert not (Path(home) / ".ai2thor").exists()
    finally:
        simulator.stop()


@pytest.mark.parametrize("platform", ["CloudRendering", "Linux64"])
def test_without_unity_build(fake_config: MakeConfig, platform: str) -> None:
    with pytest.raises(SimulatorError, match=f"needs the Unity build of AI2-THOR at .*thor-{platform}-.*: fetch it"):
        SimulatorProcess(fake_config(name="thor", command=None, platform=platform, x_display=None))


def test_unity_build_of_a_local_path(fake_config: MakeConfig, tmp_path: Path) -> None:
    # A build is a folder with an executable of the same name.
    build = tmp_path / "builds" / "thor-Linux64-0123456789"
    build.mkdir(parents=True)
    (build / "metadata.json").write_text('{"server_types": ["FIFO"]}')
    (build / build.name).write_text("#!/bin/sh\n")
    settings = fake_config(command=None, platform="Linux64", x_display=":77", build_path=str(build))
    # The client finds it, then asks for the display, and there is none here.
    with pytest.raises(SimulatorError, match="did not start: The following builds were found.*Invalid display: :77"):
        SimulatorProcess(settings)


def test_log_is_readable_and_bounded(fake_config: MakeConfig) -> None:
    simulator = SimulatorProcess(fake_config())
    try:
        with open(simulator.log_path, "ab") as log:
            log.write(b"x" * (5 * 2**20))
        simulator.reset("FloorPlan1")
        assert os.path.getsize(simulator.log_path) == 0
    finally:
        simulator.stop()


def test_abandoned_homes_are_swept(fake_config: MakeConfig) -> None:
    old = Path(tempfile.gettempdir()) / "playpen-simulator-old"
    old.mkdir()
    (old / "lock").touch()
    os.utime(old, (time.time() - 3600, time.time() - 3600))
    first = SimulatorProcess(fake_config())
    in_use = Path(first.log_path).parents[2]
    os.utime(in_use, (time.time() - 3600, time.time() - 3600))
    second = SimulatorProcess(fake_config())
    assert not old.exists() and in_use.exists()
    first.stop()
    second.stop()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"width": 0}, "simulator.width"),
        ({"field_of_view": 180.0}, "simulator.field_of_view"),
        ({"step_timeout_s": -1.0}, "simulator.step_timeout_s"),
        ({"command": None, "platform": "Atari"}, "simulator.platform"),
        ({"command": " "}, "simulator.command"),
        ({"gpu_device": -1}, "simulator.gpu_device"),
    ],
)
def test_settings_are_checked(fake_config: MakeConfig, changes: dict, field: str) -> None:
    with pytest.raises(ValueError, match=field):
        fake_config(**changes)

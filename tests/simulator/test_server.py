"""The process: its start and end, broken messages, and the same frames from another process."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator.__main__ import main
from tests.simulator.raw_client import COMMAND, ROOT, RawClient

RESET = {"action": "Reset", "sceneName": "FloorPlan1_physics", "sequenceId": 0}


@pytest.fixture
def raw(tmp_path):
    client = RawClient(tmp_path)
    yield client
    client.stop()


def agent(reply):
    return reply[1]["agents"][0]


def test_the_first_message_comes_unasked(raw):
    metadata = raw.first[1]
    assert metadata["sequenceId"] == 0 and metadata["activeAgentId"] == 0 and metadata["thirdPartyCameras"] == []
    assert metadata["clientToken"] == "token"
    assert metadata["agents"][0]["screenWidth"] == 300 and set(raw.first) == {1}


def test_without_a_scene_actions_fail_and_the_sequence_is_echoed(raw):
    for number, name in enumerate(("Pass", "GetReachablePositions", "Initialize", "TouchThenApplyForce"), start=5):
        reply = raw.step({"action": name, "sequenceId": number})
        assert reply[1]["sequenceId"] == number
        assert not agent(reply)["lastActionSuccess"]
    assert agent(raw.step({"action": "GetScenesInBuild"}))["actionReturn"][0] == "FloorPlan1_physics"
    assert agent(raw.step(RESET))["lastActionSuccess"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 50_000])
def test_messages_that_are_no_action_are_answered(raw, body):
    reply = raw.step(body)
    assert agent(reply)["errorCode"] == "InvalidAction" and agent(reply)["errorMessage"]
    assert agent(raw.step(RESET))["lastActionSuccess"]


@pytest.mark.parametrize("request_", [{}, {"action": None}, {"action": 5}, {"action": ""}, {"action": {"a": 1}}])
def test_messages_that_name_no_action_are_answered(raw, request_):
    assert agent(raw.step(request_))["errorCode"] == "MissingArguments"
    assert agent(raw.step({"action": "Reset", "sceneName": ["x"]}))["errorCode"] == "InvalidArgument"
    assert agent(raw.step({"action": "Pass", "sequenceId": "seven"}))["errorMessage"]


def test_the_end_of_the_action_pipe_ends_the_process(raw):
    raw.step(RESET)
    raw.requests.close()
    assert raw.process.wait(10) == 0


def test_half_a_message_and_the_end(raw):
    raw.send(struct.pack("!BI", 2, 100) + b"{")
    raw.requests.close()
    assert raw.process.wait(10) == 0


def test_a_reader_that_is_gone_ends_the_process(raw):
    raw.step(RESET)
    raw.step({"action": "Initialize", "renderDepthImage": True})
    raw.replies.close()
    for _ in range(3):
        try:
            raw.send(struct.pack("!BI", 2, 17) + b'{"action":"Pass"}' + struct.pack("!BI", 255, 0))
        except BrokenPipeError:
            break
        time.sleep(0.1)
    assert raw.process.wait(10) == 0


def test_the_end_of_the_parent_ends_the_process(tmp_path):
    # A shell starts the simulator in the background and is then killed. The pipes stay open here.
    client = RawClient(tmp_path, ["sh", "-c", '"$@" & echo $!; wait', "sh"])
    try:
        assert client.process.stdout is not None
        child = int(client.process.stdout.readline())
        client.process.kill()
        client.process.wait()
        for _ in range(100):
            # An orphan that no process waits for stays as a zombie.
            if not Path(f"/proc/{child}").exists() or " Z " in Path(f"/proc/{child}/stat").read_text():
                return
            time.sleep(0.1)
        os.kill(child, signal.SIGKILL)
        pytest.fail("the simulator outlived its parent")
    finally:
        client.stop()


def test_ctrl_c_is_left_to_the_client(tmp_path):
    # Tests that run in the background already ignore the signal; programs in a terminal do not.
    normal = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    client = RawClient(tmp_path, [sys.executable, "-c", normal])
    try:
        client.process.send_signal(signal.SIGINT)
        assert agent(client.step(RESET))["lastActionSuccess"]
    finally:
        client.stop()


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*COMMAND, *arguments], env=os.environ | environment, cwd=ROOT, capture_output=True, text=True, timeout=30
    )


def test_help_names_the_options():
    done = run("--help")
    assert done.returncode == 0
    for word in (
        "--shadows",
        "--samples",
        "--time-step",
        "--rest-timeout",
        "--cached-rooms",
        "--inside-share",
        "-force-device-index",
    ):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--samples", "99"], "--samples"),
        (["--time-step", "1"], "--time-step"),
        (["--time-step", "nan"], "--time-step"),
        (["--rest-timeout", "0"], "--rest-timeout"),
        (["--cached-rooms", "0"], "--cached-rooms"),
        (["--inside-share", "1.5"], "--inside-share"),
        (["--push-seconds", "0"], "--push-seconds"),
        (["--push-seconds", "0.003"], "--push-seconds"),
        (["--push-force-scale", "-1"], "--push-force-scale"),
        (["--push-vertical-share", "2"], "--push-vertical-share"),
        (["--push-hand-speed", "nan"], "--push-hand-speed"),
        (["--push-spin-limit", "inf"], "--push-spin-limit"),
        (["-screen-width", "-5"], "-screen-width"),
        (["--unheard-of"], "--unheard-of"),
    ],
)
def test_wrong_options_are_named(arguments, named, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert named in capsys.readouterr().err


def test_started_by_hand_it_names_the_client_that_starts_it(monkeypatch, capsys):
    monkeypatch.delenv("AI2THOR_FIFO_SERVER_PIPE_PATH", raising=False)
    assert main([]) == 2
    assert "local_executable_path" in capsys.readouterr().err


PIPES = {"AI2THOR_FIFO_SERVER_PIPE_PATH": "/nowhere/a", "AI2THOR_FIFO_CLIENT_PIPE_PATH": "/nowhere/b"}


def test_without_an_opengl_library_the_message_says_what_to_install():
    # A search path without any library stands for a machine that has none.
    code = (
        "import simulator.world.graphics as g, sys; g.loads = lambda name: False; "
        "from simulator.__main__ import main; sys.exit(main([]))"
    )
    environment = {key: value for key, value in os.environ.items() if key != "MUJOCO_GL"} | PIPES
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "libegl1 libegl-mesa0 libgl1-mesa-dri" in done.stderr


@pytest.mark.parametrize(
    ("variables", "options", "said"),
    [
        ({"MUJOCO_GL": "glfw"}, "", "MUJOCO_GL must be egl or osmesa, .*, not 'glfw'"),
        ({"MUJOCO_GL": "nonsense"}, "", "MUJOCO_GL must be egl or osmesa, .*, not 'nonsense'"),
        ({}, "-force-device-index 77", "There is no (GPU|device) 77"),
        ({}, "--samples 99", "--samples must be between 0 and 16, not 99"),
        ({}, "--sunlight", "unrecognized arguments: --sunlight"),
        ({}, "--rooms json", "--rooms must name a module with SCENE_NAMES"),
    ],
)
def test_the_client_gets_the_reason_why_the_simulator_cannot_start(start_client, monkeypatch, variables, options, said):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=said):
        start_client(f"'{sys.executable}' -m simulator {options}", server_timeout=20.0, server_start_timeout=20.0)


def test_a_module_without_rooms_is_named():
    done = run("--rooms", "json", **PIPES)
    assert done.returncode == 2 and "'json'" in done.stderr and "Traceback" not in done.stderr


def play(client, scene: str) -> list[np.ndarray]:
    """Frames and depths of a short game."""
    frames = []
    client.reset(scene)
    client.step("InitialRandomSpawn", randomSeed=3, forceVisible=True, numPlacementAttempts=5)
    client.step("MakeAllObjectsMoveable")
    points = client.step("GetReachablePositions").metadata["actionReturn"]
    client.step("TeleportFull", position=points[len(points) // 2], rotation=45, horizon=30, standing=True)
    rng = np.random.default_rng(0)
    touched = 0
    for _ in range(12):
        x, y = rng.uniform(0.1, 0.9, 2)
        direction = {"x": int(rng.choice([-1, 1])), "y": 1, "z": int(rng.choice([-1, 1]))}
        event = client.step("TouchThenApplyForce", x=x, y=y, direction=direction, moveMagnitude=200.0, handDistance=4.0)
        touched += "|" in event.metadata["actionReturn"]["objectId"]
        frames += [event.frame.copy(), event.depth_frame.copy(), event.instance_segmentation_frame.copy()]
    assert touched
    return frames


def test_another_process_shows_the_same_frames(start_client):
    settings = {"renderDepthImage": True, "renderInstanceSegmentation": True, "visibilityDistance": 4.0}
    ours = f"'{sys.executable}' -m simulator --cached-rooms 2"
    first = start_client(ours, scene="FloorPlan301", **settings)
    second = start_client(ours, scene="FloorPlan5", **settings)
    # Neither earlier actions nor whether the room was cached or evicted may matter.
    games = [play(first, "FloorPlan210"), play(first, "FloorPlan210"), play(second, "FloorPlan210")]
    for scene in ("FloorPlan5", "FloorPlan402", "FloorPlan210"):
        last = play(first, scene)
    games.append(last)
    assert any((frame != games[0][0]).any() for frame in games[0][3::3]), "something moved"
    for game in games[1:]:
        for one, other in zip(games[0], game, strict=True):
            np.testing.assert_array_equal(one, other)


def game(client, scene: str) -> list[Any]:
    """The images and metadata of a short game of hide and seek: opening, carrying, crouching, dropping, closing."""
    client.reset(scene)
    client.step("InitialRandomSpawn", randomSeed=4)
    places = client.step("GetReachablePositions").metadata["actionReturn"]
    client.step("TeleportFull", position=places[len(places) // 2], rotation=90, horizon=30, standing=True)
    client.step("RotateUniverseAroundAgent", rotation=37)
    client.step("CreateObject", objectType="Cup", forceAction=True)
    seen: list[Any] = []
    for number in range(8):
        for action, arguments in (
            ("RotateRight", {}),
            ("MoveHandForce", {"x": 0.0, "y": -0.1, "z": 0.05}),
            ("OpenObjectAtLocation", {"x": 0.5, "y": 0.6, "z": 0.4}),
            ("Crouch" if number % 2 == 0 else "Stand", {}),
            ("CloseVisibleObjects" if number % 3 == 2 else "MoveAhead", {}),
        ):
            event = client.step(action, **arguments)
            seen += [event.frame.copy(), event.metadata["objects"], event.metadata["lastActionSuccess"]]
    event = client.step("DropHeldObject", forceAction=True)
    return [*seen, event.frame.copy(), event.metadata["objects"], event.metadata["lastActionSuccess"]]


def test_another_process_plays_the_same_game(start_client):
    settings = {"gridSize": 0.25, "visibilityDistance": 1.5}
    ours = f"'{sys.executable}' -m simulator"
    first = start_client(ours, scene="FloorPlan2", **settings)
    second = start_client(ours, scene="FloorPlan430", **settings)
    games = [game(first, "FloorPlan2"), game(first, "FloorPlan2"), game(second, "FloorPlan2")]
    outcomes = games[0][2::3]
    assert outcomes[-1] and 0.3 < np.mean(outcomes) < 1.0
    assert any(one["isOpen"] for one in games[0][22 * 3 + 1])  # something stands open in the middle of the game
    for other in games[1:]:
        for one, same in zip(games[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_no_process_is_left_and_memory_stays_small(start_client):
    client = start_client(f"'{sys.executable}' -m simulator --cached-rooms 2", renderDepthImage=True)
    pid = client.unity_pid

    def resident() -> int:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) // 1024

    for number in range(1, 16):
        client.reset(f"FloorPlan{number}")
    assert resident() < 350
    client.stop()
    assert not Path(f"/proc/{pid}").exists()

"""The command: its settings, the address that it prints, and its end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.sync.client import connect

from actors.hide_and_seek.players import make_player
from cluster.hide_and_seek.game_page import GameMode
from cluster.interaction.touch_page import touch_mode
from cluster.play.command import listening, page_address
from cluster.play.config import PlayConfig, is_loopback
from common.errors import UsageError
from tests.settings import simulator_settings

ROOT = Path(__file__).resolve().parents[3]


def settings(**changes: Any) -> PlayConfig:
    values: dict[str, Any] = {
        "host": "127.0.0.1", "port": 0, "token": None, "max_sessions": 2, "idle_minutes": 5.0, "open_browser": False,
        "checkpoint": None, "simulator": simulator_settings(), "modes": {"fake": {}},
    }  # fmt: skip
    return PlayConfig(**values | changes)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"host": ""}, "host must be an address or a name"),
        ({"host": "http://a"}, "host must be an address or a name"),
        ({"port": 65536}, "port must be between 0 and 65535, not 65536"),
        ({"token": "short"}, "token must be null or 16 to 200 letters"),
        ({"token": "sixteen letters; no"}, "token must be null or 16 to 200 letters"),
        ({"max_sessions": 0}, "max_sessions must be at least 1, not 0"),
        ({"idle_minutes": 0.0}, "idle_minutes must be greater than 0"),
        ({"idle_minutes": float("nan")}, "idle_minutes must be greater than 0"),
        ({"modes": {}}, "modes must name at least one system"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        settings(**changes)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("10.0.0.1", False), ("lab.example", False), ("localhost.example", False)],
)  # fmt: skip
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_addresses() -> None:
    assert page_address("127.0.0.1", 83, None) == "http://127.0.0.1:83/"
    assert page_address("::1", 83, "abc") == "http://[::1]:83/?token=abc"
    assert page_address("0.0.0.0", 83, None) == f"http://{socket.gethostname()}:83/"


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port={port} of host=127.0.0.1 cannot be listened on"):
            listening("127.0.0.1", port)


def test_wrong_settings_of_a_mode_are_refused(game_mode: GameMode, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="simulator.width must be 300, not 224"):
        touch_mode(settings(simulator=simulator_settings(width=224)))
    game_mode.config.places = [str(tmp_path / "none.json")]
    with pytest.raises(UsageError, match="none.json: cannot be read"):
        GameMode(game_mode.config, game_mode.simulator, make_player)
    game_mode.config.hiders = ["searcher"]
    with pytest.raises(UsageError, match="hider must be a player of that side"):
        GameMode(game_mode.config, game_mode.simulator, make_player)


def test_the_command_serves_a_game_and_ends_with_its_simulators(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cluster", "play", "port=0", "modes.hide_and_seek.actors.explore_steps=7"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    started = subprocess.Popen(command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE)
    try:
        assert started.stdout is not None
        address = started.stdout.readline().removeprefix("PAGE ").strip()
        with urllib.request.urlopen(f"{address}api/modes", timeout=30) as answer:
            about = {mode["name"]: mode["about"] for mode in json.load(answer)}
        assert list(about) == ["hide_and_seek", "interaction"]
        assert about["hide_and_seek"]["hiders"][0] == "human"
        with connect(address.replace("http", "ws") + "socket/hide_and_seek", max_size=None) as tab:
            game = {"scene": "FloorPlan2", "goal": "Cup", "seed": 3, "hider": "human", "seeker": "searcher"}
            tab.send(json.dumps({"do": "start", **game}))
            assert json.loads(tab.recv(60))["steps_left"] == 7
            simulators = psutil.Process(started.pid).children(recursive=True)
            assert simulators
            started.send_signal(signal.SIGTERM)
            assert started.wait(30) == 0
        _, alive = psutil.wait_procs(simulators, timeout=10)
        assert not alive
        assert started.stdout.read().endswith('RESULT {"command": "play", "sessions": 1}\n')
    finally:
        started.kill()
        started.wait()

"""How a simulator is started: what of the configuration reaches its command line."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from actors.config import SimulatorConfig
from actors.launch import check_launch, controller_arguments
from actors.watchdog import SimulatorError

ROOMS = Path(__file__).resolve().parents[2] / "conf" / "simulator" / "rooms.yaml"


def rooms(**changes: Any) -> SimulatorConfig:
    settings = yaml.safe_load(ROOMS.read_text())
    options = settings["options"] | changes.pop("options", {})
    return SimulatorConfig(**settings | {"options": options} | changes)


def words(config: SimulatorConfig, folder: Path) -> list[str]:
    return shlex.split(controller_arguments(config, folder, {})["local_executable_path"])


def test_options_are_appended_to_the_command(fake_config: Callable[..., SimulatorConfig], tmp_path: Path) -> None:
    config = fake_config(options={"shadows": True, "fast_mode": False, "samples": 4, "rooms": "my rooms"}, gpu_device=2)
    expected = ["--shadows", "--no-fast-mode", "--samples", "4", "--rooms", "my rooms", "-force-device-index", "2"]
    assert words(config, tmp_path)[-len(expected) :] == expected


def test_the_configured_options_are_the_simulators(tmp_path: Path) -> None:
    check_launch(rooms())
    check_launch(rooms(options={"shadows": True, "samples": 4}))
    assert "--shadows" in words(rooms(options={"shadows": True}), tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"options": {"samples": 99}}, "--samples must be between 0 and 16, not 99"),
        ({"options": {"sunlight": True}}, "unrecognized arguments: --sunlight"),
        ({"gpu_device": 77}, "There is no (GPU|device) 77: .* of them, counted from 0"),
    ],
)
def test_wrong_options_and_devices_are_one_sentence(changes: dict, said: str) -> None:
    with pytest.raises(SimulatorError, match=f"simulator 'rooms' cannot start: .*{said}"):
        check_launch(rooms(**changes))


def test_a_wrong_opengl_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    with pytest.raises(SimulatorError, match="^simulator 'rooms' cannot start: MUJOCO_GL must be .*, not 'glfw'.$"):
        check_launch(rooms())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"options": {"Samples": 4}}, "simulator.options.Samples must be"),
        ({"options": {"samples": [4]}}, "simulator.options.samples must be"),
        ({"command": None, "platform": "CloudRendering"}, "simulator.options must be empty"),
    ],
)
def test_options_are_checked(changes: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rooms(**changes)

"""How a simulator is started: which settings reach its command line."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from actors.config import PushConfig, SimulatorConfig
from actors.launch import check_launch, controller_arguments
from actors.watchdog import SimulatorError
from simulator.world.push import PushSettings
from tests.settings import simulator_settings as rooms


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


def test_the_push_of_a_touch_is_appended_to_the_command(tmp_path: Path) -> None:
    found = words(rooms(push={"force_scale": 0.25, "seconds": 0.05}), tmp_path)
    assert found[found.index("--push-force-scale") + 1] == "0.25"
    assert found[found.index("--push-seconds") + 1] == "0.05"
    assert found[found.index("--push-spin-limit") + 1] == "30.0"
    assert not any(word.startswith("--push") for word in words(replace(rooms(), push=PushConfig()), tmp_path))


def test_a_unity_build_has_no_push() -> None:
    assert rooms("thor").push.given() == {}
    with pytest.raises(ValueError, match="simulator.push.seconds must be null without simulator.command"):
        rooms("thor", push={"seconds": 0.1})


def test_the_configured_push_is_the_simulators_own() -> None:
    push = rooms().push
    assert asdict(push) == asdict(PushSettings())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"options": {"samples": 99}}, "--samples must be between 0 and 16, not 99"),
        ({"options": {"sunlight": True}}, "unrecognized arguments: --sunlight"),
        ({"push": {"seconds": 2.0}}, "--push-seconds must be between 1e-06 and 1, not 2"),
        ({"gpu_device": 77}, "There is no (GPU|device) 77: .* of them, counted from 0"),
    ],
)
def test_wrong_options_and_devices_are_one_sentence(changes: dict, message: str) -> None:
    with pytest.raises(SimulatorError, match=f"simulator 'rooms' cannot start: .*{message}"):
        check_launch(rooms(**changes))


def test_a_wrong_opengl_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    with pytest.raises(SimulatorError, match="^simulator 'rooms' cannot start: MUJOCO_GL must be .*, not 'glfw'.$"):
        check_launch(rooms())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"options": {"Samples": 4}}, "simulator.options.Samples must be"),
        ({"options": {"samples": [4]}}, "simulator.options.samples must be"),
        ({"command": None, "platform": "CloudRendering"}, "simulator.options must be empty"),
        ({"push": {"seconds": 0.0}}, "simulator.push.seconds must be greater than 0, not 0.0"),
        ({"push": {"seconds": 0.001}}, r"simulator.push.seconds must be at least half of .*time_step \(0.004\).*0.001"),
        ({"push": {"vertical_share": 1.5}}, "simulator.push.vertical_share must be between 0 and 1, not 1.5"),
        ({"push": {"hand_speed": -1.0}}, "simulator.push.hand_speed must be greater than 0, not -1.0"),
    ],
)
def test_options_are_checked(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rooms(**changes)

"""A private home folder and temporary folder for every test here, and settings for the fake simulator."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.config import SimulatorConfig

FAKE = Path(__file__).with_name("fake_simulator.py")


@pytest.fixture(autouse=True)
def private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """HOME and the temporary folder below tmp_path."""
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return home


@pytest.fixture
def fake_config() -> Callable[..., SimulatorConfig]:
    """fake_config(("launch", "hang"), ..., start_timeout_s=2) makes the settings of a failing simulator."""

    def make(*faults: tuple[str, str], **changes: object) -> SimulatorConfig:
        command = f"python '{FAKE}' " + " ".join(f"--at {event}={fault}" for event, fault in faults)
        settings: dict = {
            "name": "fake",
            "command": command,
            "build_path": None,
            "platform": None,
            "x_display": ":0",
            "gpu_device": None,
            "width": 300,
            "height": 300,
            "field_of_view": 90.0,
            "visibility_distance": 1.5,
            "start_timeout_s": 30.0,
            "step_timeout_s": 20.0,
            "options": {},
            "controller": {},
        }
        return SimulatorConfig(**{**settings, **changes})

    return make

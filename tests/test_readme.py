"""README's Python runs as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SNIPPETS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("variables", [{}, {"CUDA_VISIBLE_DEVICES": "0"}])
@pytest.mark.parametrize("snippet", SNIPPETS)
def test_the_snippets_run(snippet: str, variables: dict[str, str], tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    # No tools of a GPU's driver are on the PATH, as on a machine that lacks them.
    environment |= {"HOME": str(tmp_path), "PATH": os.defpath, "PYTHONPATH": str(ROOT)} | variables
    done = subprocess.run(
        [sys.executable, "-c", snippet], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "didHandTouchSomething" in done.stdout


def test_a_wrong_opengl_library_is_said_before_the_client_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    from actors.launch import embedded_controller
    from actors.watchdog import SimulatorError

    monkeypatch.setenv("MUJOCO_GL", "glfw")
    with pytest.raises(SimulatorError, match="^simulator 'rooms' cannot start: MUJOCO_GL must be .*, not 'glfw'.$"):
        embedded_controller(scene="FloorPlan1")


def test_the_environment_is_as_before_afterwards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from actors.launch import embedded_controller

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    controller = embedded_controller("--rooms tests.simulator.box_room", scene="FloorPlan2", width=100, height=80)
    try:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"
        assert controller.step("Pass").frame.shape == (80, 100, 3)
    finally:
        controller.stop()

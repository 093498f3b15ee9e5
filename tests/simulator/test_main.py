"""The executable's own check of OpenGL, and its choice of a device."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EGL = {"MUJOCO_GL": "egl", "PYOPENGL_PLATFORM": "egl"}


def check(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "simulator", "--check-opengl"],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_opengl_is_found() -> None:
    done = check()
    assert done.returncode == 0, done.stderr
    backend, renderer = done.stdout.strip().split(": ", 1)
    assert backend in ("egl", "osmesa") and renderer


@pytest.mark.parametrize("value", ["glfw", "disable", "nonsense"])
def test_a_wrong_library_is_one_sentence_that_names_it(value: str) -> None:
    done = check(MUJOCO_GL=value)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr == (
        f"simulator: MUJOCO_GL must be egl or osmesa, which draw without a display, or not be set, not '{value}'.\n"
    )


@pytest.mark.parametrize("platform", ["", "glx", "nonsense"])
def test_the_platform_of_pyopengl_does_not_matter(platform: str) -> None:
    done = check(PYOPENGL_PLATFORM=platform)
    assert done.returncode == 0, done.stderr


def count_devices() -> int:
    """Number of devices that EGL lists, including software renderers."""
    code = "from mujoco.egl import egl_ext; print(len(egl_ext.eglQueryDevicesEXT()))"
    return int(subprocess.check_output([sys.executable, "-c", code], env=os.environ | EGL))


def test_every_device_can_be_chosen_and_another_is_one_sentence() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "CUDA_VISIBLE_DEVICES"} | EGL
    command = [sys.executable, "-m", "simulator", "--check-opengl", "-force-device-index"]
    done = subprocess.run([*command, "0"], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    count = count_devices()
    for index in (str(count), "-1"):
        done = subprocess.run([*command, index], env=environment, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 2 and not done.stdout
        assert len(done.stderr.strip().splitlines()) == 1
        assert "There is no" in done.stderr and f" {index}: EGL lists " in done.stderr


def test_a_device_that_is_no_number_is_one_sentence() -> None:
    done = check(MUJOCO_EGL_DEVICE_ID="first", **EGL)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1 and " first: " in done.stderr

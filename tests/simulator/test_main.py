"""The executable's own check of OpenGL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


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
    assert done.stdout.strip() in ("egl", "osmesa", "glfw")


def test_a_broken_library_is_one_sentence_with_advice() -> None:
    # No such EGL device: the context cannot be made although the library is there.
    done = check(MUJOCO_GL="egl", MUJOCO_EGL_DEVICE_ID="77")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "libegl1" in done.stderr

"""Settings of all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("MUJOCO_GL", "egl")  # before any test module imports mujoco in this process

# Background jobs of a shell ignore SIGINT, and processes that tests start and interrupt would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it
os.environ.pop("PLAYPEN_PROGRAM", None)  # commands that are printed begin with ./playpen

# A busy machine may take long for any example, which says nothing about correctness.
settings.register_profile("playpen", deadline=None)
settings.load_profile("playpen")

TESTS = Path(__file__).parent
RAY_FILES = ("test_actor.py",)
"""Files that start Ray, in folders where most do not."""
OTHER_FILES = ("test_cli.py", "test_deploy.py")
"""Files that do not start Ray, in folders where most do."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks those that start Ray or whole runs, which `./playpen test` runs beside all others."""
    folder = item.path.relative_to(TESTS).parts[0]
    name = item.path.name
    if name in RAY_FILES or (folder in ("benchmarks", "cluster") and name not in OTHER_FILES):
        item.add_marker(pytest.mark.runs)

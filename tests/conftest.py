"""Settings of all tests."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ.setdefault("MUJOCO_GL", "egl")  # before any test module imports mujoco in this process

# A busy machine may take long over any example: time says nothing about correctness.
settings.register_profile("playpen", deadline=None)
settings.load_profile("playpen")

"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# A busy machine may take long over any example: time says nothing about correctness.
settings.register_profile("playpen", deadline=None)
settings.load_profile("playpen")

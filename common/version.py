"""The version of the code that runs."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@cache
def commit() -> str | None:
    """The git commit of this checkout, followed by `-dirty` if files differ from it; None outside of git."""
    describe = ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    # A repository around this folder is not this project's.
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(ROOT.parent)}
    try:
        done = subprocess.run(describe, env=environment, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None

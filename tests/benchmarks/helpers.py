"""Running benchmarks as programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def result_of(output: str) -> dict[str, Any]:
    """The RESULT line, which must be the last one."""
    last = output.strip().splitlines()[-1]
    assert last.startswith("RESULT ")
    return json.loads(last.removeprefix("RESULT "))


def bench(name: str, *arguments: str, home: Path, timeout_s: float = 280) -> dict[str, Any]:
    """The RESULT of `./playpen bench NAME`."""
    done = subprocess.run(
        [sys.executable, "-m", "cluster", "bench", name, *arguments],
        cwd=home,
        env={**os.environ, "HOME": str(home), "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "disabled"},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return result_of(done.stdout)

"""A second system runs on the chassis, which knows nothing of it: two tables, no simulator, another configuration."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cluster.run.run_state import STATE_KEY
from learner.checkpoint_index import read_index
from replay.limiter import Phase as Limit
from tests.cluster.runs import ROOT, processes_of, result_of
from tests.cluster.second_system import SYSTEM, CountingConfig


def start(folder: Path, *overrides: str) -> subprocess.Popen[str]:
    """Starts `train system=counting` in `folder`."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.cluster.second_system", "tracking.mode=disabled", *overrides],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(folder / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_is_trained_and_resumed(tmp_path: Path) -> None:
    """It is stopped in its first phase; both tables go on where they were."""
    run = tmp_path / "run"
    process = start(
        tmp_path, f"hydra.run.dir={run}", "cluster.actors=1", "rounds=3", "seconds=0.3", "tracking.log_every_s=0.1"
    )
    try:
        while '"learner/mean"' not in (run / "metrics.jsonl").read_text() if (run / "metrics.jsonl").exists() else True:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130 and "checkpoint saved in" in errors, errors
    checkpoint = max(run.glob("checkpoints/step_*"))
    index = read_index(checkpoint)
    assert 0 < index["version"] < 18 and index["extra"][STATE_KEY]["report"]["numbers"] < 26
    assert {path.name for path in checkpoint.glob("replay-*.npz")} == {"replay-numbers.npz", "replay-stream.npz"}
    resumed = start(tmp_path, f"resume={run}", "seconds=0")
    try:
        output, errors = resumed.communicate(timeout=120)
    finally:
        resumed.kill()
    assert resumed.returncode == 0, errors
    result = result_of(output)
    # 4 + 3 * 3 tasks and 3 * 3 steps in each of two phases.
    assert (result["numbers"], result["steps"], result["faults"]) == (26, 18, {})
    assert 100 < result["weight"] < 104, "the second phase learned from 100 to 104"
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    last = {name: value for row in rows for name, value in row.items()}
    assert last["replay/numbers/size"] > 0 and "replay/stream/size" in last
    assert "trained" in (run / "results.md").read_text()
    assert not processes_of(tmp_path)


def test_a_phase_and_its_tables_must_agree_on_the_batches() -> None:
    (first, _) = SYSTEM.phases(config(), 5)
    assert sum(limit.batches for limit in first.limits.values()) == first.total_batches == 9
    with pytest.raises(ValueError, match="phase first has 9 batches, but its tables give 3"):
        type(first)(**{**vars(first), "limits": {"stream": Limit(4, 3, (1, 1, 1), 4)}})


def config() -> CountingConfig:
    """A configuration; the schedule reads only two of its values."""
    made = CountingConfig.__new__(CountingConfig)
    made.rounds, made.seconds = 3, 0.0
    return made

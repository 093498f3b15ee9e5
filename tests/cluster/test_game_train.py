"""Training agents of hide and seek: real processes, the smoke experiment; refusals before anything starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cluster.run.checkpoints import find_checkpoint
from learner.checkpoint_index import read_index
from tests.cluster.runs import ROOT, playpen, playpen_at_once, processes_of, result_of

SMOKE = ("system=hide_and_seek", "experiment=hide_and_seek/smoke")
SMALL = (
    "evaluation.final={explore:1,manipulate:2,seek:1}",
    "evaluation.quick={explore:1,manipulate:1,seek:1}",
    "evaluation.walks=1",
    "evaluation.triplets=16",
    "evaluation.place_candidates=2",
    "evaluation.seek_steps=10",
    "evaluation.goals=[Cup]",
)
"""Overrides that shorten the evaluation of a smoke run."""


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("learner.phases.skills.unrolls=0", "learner.phases.skills.unrolls must be at least 1, not 0"),
        ("learner.batch_unrolls=7", "must be a multiple of learner.batch_unrolls, 7"),
        ("learner.phases.skills.memories=1", "memories needs a mix of whole games only"),
        ("replay.unrolls=5", "replay.unrolls must be at least"),
        ("learner.actor_critic.correction=q", "learner.actor_critic.correction must be one of vtrace, ppo, a3c"),
        ("models.image_size=100", "models.encoder_channels: 4 stages and stem_stride 2 must lead from image_size 100"),
        ("kinds=[garage]", "kinds must name some of kitchen"),
        ("learner.mixed_precision=half", "learner.mixed_precision must be on, off or auto, not 'half'"),
        ("evaluation.every_minutes=0", "evaluation.every_minutes must be null or above 0, not 0"),
        ("actors.learning.near_share=2", "learning.near_share must be in [0, 1], not 2"),
        ("replay.tasks_ahead=-1", "replay.tasks_ahead must be 0 or more, not -1"),
    ],
)
def test_mistakes_are_named_before_anything_starts(tmp_path: Path, override: str, sentence: str) -> None:
    found = playpen_at_once("train", *SMOKE, override, folder=tmp_path)
    assert found.returncode == 2
    assert sentence in found.stderr and found.stderr.count("\n") == 1
    assert not (tmp_path / "outputs").exists()


NAMES = ("quickstart", "smoke", "explore", "manipulate", "seek", "play", "paper")
SHORT = ("dynamics", "explore", "manipulate", "seek", "games")


@pytest.mark.parametrize("name", [*NAMES, *(f"short/{name}" for name in SHORT)])
def test_experiments_compose(tmp_path: Path, name: str) -> None:
    found = playpen_at_once(
        "train", "system=hide_and_seek", f"experiment=hide_and_seek/{name}", "--cfg", "job", folder=tmp_path
    )
    assert found.returncode == 0, found.stderr
    assert "experiment_name: hide_and_seek" in found.stdout


def start(folder: Path, *overrides: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "cluster", "train", *SMOKE, *SMALL, "tracking.mode=disabled", *overrides],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(folder / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def steps_done(folder: Path) -> int:
    rows = [line for path in folder.glob("outputs/train/*/metrics.jsonl") for line in path.read_text().splitlines()]
    return max((json.loads(row).get("steps", 0) for row in rows if row.endswith("}")), default=0)


@pytest.mark.slow
def test_a_smoke_run_ends_with_a_result(tmp_path: Path) -> None:
    process = start(tmp_path, "tracking.mode=offline")
    output, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    result = result_of(output)
    # Three rounds of a skill and a round of whole games; 10 and 20 unrolls a task, in batches of 5; one step of VDR.
    assert result["steps"] == 3 * 3 + 6
    assert result["env_steps"] >= 4 * 200 and result["games"] >= 3
    for name in ("coverage", "coverage_random", "om_hit", "om_hit_random", "found", "found_random"):
        assert 0 <= result[name] <= 1.5
    assert {"vdr_inverse_accuracy", "vdr_inverse_majority", "vdr_forward_gain", "wall_s", "seed"} <= set(result)
    folder = next(tmp_path.glob("outputs/train/*"))
    assert {"skills.png", "dynamics.png"} <= {path.name for path in (folder / "figures").iterdir()}
    assert read_index(find_checkpoint(str(folder)))["version"] == result["steps"]
    assert processes_of(tmp_path) == []
    status = playpen("status", str(folder), folder=tmp_path)
    assert "whole games" in status.stdout


@pytest.mark.slow
def test_stopped_and_resumed_strict_run_equals_the_uninterrupted_one(tmp_path: Path) -> None:
    # The sweep's objective is left out of the evaluation: a run by itself needs none.
    only = ("evaluation.final={explore:0,manipulate:1,seek:0}", "evaluation.quick={explore:0,manipulate:1,seek:0}")
    strict = ("replay.strict=true", "learner.publish_every=1", "tracking.log_every_s=0.1", *only)
    weights = []
    for name in ("whole", "stopped"):
        folder = tmp_path / name
        folder.mkdir()
        process = start(folder, *strict)
        if name == "stopped":
            deadline = time.monotonic() + 300
            while steps_done(folder) < 4:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.2)
            os.kill(process.pid, signal.SIGINT)
            _, errors = process.communicate(timeout=120)
            assert process.returncode == 130, errors
            run = next(folder.glob("outputs/train/*"))
            found = playpen("train", f"resume={run}", folder=folder)
            assert found.returncode == 0, found.stderr
        else:
            _, errors = process.communicate(timeout=600)
            assert process.returncode == 0, errors
        index = read_index(find_checkpoint(str(next(folder.glob("outputs/train/*")))))
        weights.append({kind: entry["sha256"] for kind, entry in index["files"].items()})
    assert weights[0] == weights[1]

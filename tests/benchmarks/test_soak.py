"""What `./playpen bench soak` measures, and its last line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.soak import Sample, growth, main, overrides, role_of
from tests.benchmarks.helpers import bench
from tests.cluster.runs import processes_of


@pytest.mark.parametrize(
    ("command", "role"),
    [
        ("ray::LearnerActor.train()", "learner"),
        ("ray::PlayerActor.play()", "actors"),
        ("ray::IDLE", "Ray's idle workers"),
        ("python -m simulator --port 1", "simulators"),
        ("/venv/site-packages/ray/core/src/ray/raylet/raylet --x", "Ray's daemons"),
        ("/venv/site-packages/wandb/bin/wandb-core", "W&B"),
        ("sh", "others"),
    ],
)
def test_roles_follow_from_command_lines(command: str, role: str) -> None:
    assert role_of(command) == role


def test_growth_is_that_after_the_first_third() -> None:
    samples = [Sample(36.0 * n, Counter(), Counter(), Counter(), 0, 0, 0, 0) for n in range(10)]
    # A steep rise until 108 s, then 1 MB in 36 s.
    values = [50.0 * min(n, 3) + n for n in range(10)]
    assert growth(samples, values) == pytest.approx((100, 0), abs=1e-6)
    assert growth(samples[:2], values[:2]) == (0, 0)


def test_the_replay_buffer_is_the_smallest_that_the_schedule_allows() -> None:
    assert "replay.capacity=9" in overrides(1)


@pytest.mark.parametrize("arguments", [["--minutes", "0"], ["--every", "-1"]])
def test_wrong_arguments_end_with_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


@pytest.mark.slow
def test_the_result_holds_memory_disk_and_object_store(tmp_path: Path) -> None:
    result = bench("soak", "--minutes", "0.2", "--every", "0.5", "checkpoint_minutes=0.1", home=tmp_path)
    assert {"driver", "learner", "memory bank", "actors", "simulators", "Ray's daemons"} <= set(
        result["growth_mb_per_h"]
    )
    assert 0 < result["object_store_peak_mb"] < result["object_store_bound_mb"] == 200
    assert result["locations"] > result["capacity"] == 9 and result["steps"] > 0 and result["minutes"] == 0.2
    assert isinstance(result["disk_growth_mb_per_h"], float)
    (drawn,) = tmp_path.glob("outputs/train/*/soak.png")
    assert drawn.stat().st_size > 10_000
    assert not processes_of(tmp_path)

"""The forecast of `./playpen bench scale`, and its last line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.scale import Assumed, main, paper_config, per_record_and_batch, saturation

ROOT = Path(__file__).parents[2]


def test_costs_of_records_and_batches_are_told_apart() -> None:
    # 2 ms a record and 10 ms a batch.
    collecting = {"records": 100, "batches": 1, "cpu": 0.21}
    both = {"records": 70, "batches": 45, "cpu": 0.59}
    assert per_record_and_batch(collecting, both, "cpu") == pytest.approx((2, 10))


def test_forecast_by_hand() -> None:
    point = {
        "bank_cpu_ms_per_record": 2.0,
        "bank_cpu_ms_per_batch": 28.0,
        "daemons_cpu_ms_per_location": 1.0,
        "daemons_cpu_ms_per_batch": 0.0,
        "broadcast_bytes": 5_000_000,
    }
    curve = [point | {"actors": n, "coordinator_cpu_ms_per_location": 1 + 0.5 * n} for n in (2, 4)]
    config = paper_config(512)
    phase = config.learner.phases["segmentation"]
    full = saturation(curve, config, phase, Assumed(rate=0.5, step_s=0.2, nic_gbit=10, actors_per_node=16))
    # 45 batches for 70 locations: 2 + 28 * 45 / 70 = 20 ms a location.
    assert full["memory bank"] == pytest.approx(1000 / 20 / 0.5)
    # N locations every 2 s at 1 + N / 2 ms: N + N^2 / 2 = 2000.
    assert full["coordinator"] == pytest.approx(-1 + 4001**0.5)
    assert full["Ray's daemons"] == pytest.approx(2000)
    assert full["learner"] == pytest.approx(70 / 45 / 0.2 / 0.5)
    assert full["network in"] == pytest.approx(1.25e9 / 475_125 * 2)
    # N / 16 nodes, one version for 70 locations: N^2 * 5e6 * 0.5 / 70 / 16 = 1.25e9.
    assert full["network out"] == pytest.approx((1.25e9 / 5e6 * 16 * 70 * 2) ** 0.5)
    # Three batches, three versions; for each actor a record and, for a second, half of one and 0.5 * 45 / 70 batches.
    batch = 64 * 475_125
    each = 1.5 * 475_125 + 0.5 * 45 / 70 * batch
    assert full["object store"] == pytest.approx((1e9 - 3 * batch - 15e6) / each)


@pytest.mark.slow
def test_the_result_holds_the_curve(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", "--counts", "1,2", "--seconds", "0.5", "--step-s", "1"],
        cwd=ROOT,
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout.splitlines()[-1].removeprefix("RESULT "))
    assert result["saturates"] in result["parts"] and result["at_actors"] == min(result["parts"].values()) > 0
    assert [point["actors"] for point in result["curve"]] == [1, 2]
    for point in result["curve"]:
        assert point["records_per_s"] > 0 and point["batches_per_s_while_training"] > 0
        # A record is half a megabyte, a batch 30: neither goes through a process for nothing.
        assert point["bank_cpu_ms_per_record"] + point["bank_cpu_ms_per_batch"] > 0.1
        assert point["coordinator_cpu_ms_per_location"] > 0.1
        assert point["broadcast_ms_per_actor"] > 0 and point["broadcast_bytes"] > 5e6
    assert {"cores", "load", "step_s", "locations_per_s_of_an_actor", "nic_gbit"} <= set(result["conditions"])
    assert f"The {result['saturates']} is full at" in done.stdout


@pytest.mark.parametrize("arguments", [["--counts", "x"], ["--counts", "0"], ["--rate", "0"], ["--records", "100"]])
def test_wrong_arguments_end_with_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and arguments[0] in capsys.readouterr().err

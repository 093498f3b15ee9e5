"""The forecast of `./playpen bench scale`, and its last line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks._forecast import CORES, Assumed, fitted, full_at, saturation
from benchmarks._report import REPLAY, configuration
from benchmarks.scale import main
from tests.benchmarks.helpers import bench


def curve(f0: float, f1: float, a: float, b: float, c: float) -> list[dict[str, Any]]:
    """The measurements if each part had exactly these costs."""
    points = []
    for n, records, batches in ((1, 50.0, 20.0), (4, 90.0, 35.0), (16, 80.0, 30.0)):
        spans = {}
        for kind, (per_s, batches_per_s) in {"collecting": (2 * records, 1.0), "training": (records, batches)}.items():
            cores = f0 + f1 * n + (a + b * n) * per_s + c * batches_per_s
            spans[kind] = {
                "records_per_s": per_s,
                "batches_per_s": batches_per_s,
                **dict.fromkeys(CORES.values(), cores),
            }
        points.append({"actors": n, "broadcast_bytes": 5_000_000, **spans})
    return points


def test_costs_are_found_again() -> None:
    costs = [0.01, 0.002, 0.003, 0.0001, 0.02]
    assert fitted(curve(*costs), "bank_cores") == pytest.approx(costs)


def test_forecast_by_hand() -> None:
    # 2 ms a record and 28 ms a batch; 45 batches for 70 locations: 20 ms a location, a location every 2 s.
    config = configuration()
    phase = config.learner.phases["segmentation"]
    given = Assumed(rate=0.5, step_s=0.2, nic_gbit=10, actors_per_node=16)
    full = saturation(curve(0, 0, 0.002, 0, 0.028), config, phase, given)
    assert full[REPLAY] == full["coordinator"] == full["Ray's daemons"] == pytest.approx(100)
    assert full["learner"] == pytest.approx(70 / 45 / 0.2 / 0.5)
    assert full["network in"] == pytest.approx(1.25e9 / 475_125 * 2)
    # N / 16 nodes, one version for 70 locations: N^2 * 5e6 * 0.5 / 70 / 16 = 1.25e9.
    assert full["network out"] == pytest.approx((1.25e9 / 5e6 * 16 * 70 * 2) ** 0.5)
    # Three batches, three versions; for each actor a record and, for a second, half of one and 0.5 * 45 / 70 batches.
    batch = 64 * 475_125
    each = 1.5 * 475_125 + 0.5 * 45 / 70 * batch
    assert full["object store"] == pytest.approx((1e9 - 3 * batch - 15e6) / each)


def test_a_core_is_full_by_hand() -> None:
    # A constant fifth of a core, 3 ms an actor, N / 2 records/s of 2 ms and N / 10 ms: 0.8 = 0.004 N + 0.00005 N^2.
    assert full_at([0.2, 0.003, 0.002, 0.0001, 0], 0.5, 0) == pytest.approx(-40 + 17_600**0.5)
    assert full_at([1.5, 0, 0.001, 0, 0], 0.5, 0) == 0


@pytest.mark.slow
def test_the_result_holds_the_curve(tmp_path: Path) -> None:
    result = bench("scale", "--counts", "1,2", "--seconds", "0.5", "--step-s", "1", home=tmp_path)
    assert result["saturates"] in result["parts"] and result["at_actors"] == min(result["parts"].values()) > 0
    assert [point["actors"] for point in result["curve"]] == [1, 2]
    for point in result["curve"]:
        for kind in ("collecting", "training"):
            span = point[kind]
            assert span["records_per_s"] > 0 and all(span[part] > 0 for part in CORES.values())
        assert point["training"]["batches_per_s"] > 0
        assert point["broadcast_ms_per_actor"] > 0 and point["broadcast_bytes"] > 5e6
    # A record is half a megabyte, a batch 30: they must cost something.
    assert sum(result["costs"][REPLAY]) > 1e-4
    assert {"cores", "load", "step_s", "locations_per_s_of_an_actor", "nic_gbit"} <= set(result["conditions"])


@pytest.mark.parametrize("arguments", [["--counts", "x"], ["--counts", "0"], ["--rate", "0"], ["--records", "100"]])
def test_wrong_arguments_end_with_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and arguments[0] in capsys.readouterr().err

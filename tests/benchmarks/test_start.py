"""How `./playpen bench start` records the first touch, and its figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks._stamped_simulator import stamping
from tests.benchmarks.helpers import bench


def test_the_first_touch_writes_the_time_and_later_ones_do_not(tmp_path: Path) -> None:
    actions = iter(["Reset", "TouchThenApplyForce", "TouchThenApplyForce"])
    read = stamping(lambda stream: {"action": next(actions)}, tmp_path / "first_touch")
    assert read(None) == {"action": "Reset"}
    assert not (tmp_path / "first_touch").exists()
    read(None)
    first = (tmp_path / "first_touch").read_text()
    assert float(first) > 1e9
    read(None)
    assert (tmp_path / "first_touch").read_text() == first


@pytest.mark.slow
def test_the_result_holds_the_seconds(tmp_path: Path) -> None:
    result = bench("start", "--actors", "1", "experiment=smoke", home=tmp_path)
    assert 0 < result["run_folder_s"] < result["memory_bank_s"] < result["seconds_to_first_touch"]
    assert result["conditions"]["actors"] == 1

"""The figures of `./playpen bench overlap`."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.overlap import main
from tests.benchmarks.helpers import bench


@pytest.mark.slow
def test_the_result_holds_the_shares(tmp_path: Path) -> None:
    result = bench("overlap", "--seconds", "0.1", "--actors", "1", "--batch", "1", "--steps", "1", home=tmp_path)
    assert 0 <= result["limiter_share"] <= result["wait_share"] <= result["idle_share"] < 1
    assert result["batches"] >= 1 and 0 <= result["strict_wait_share"] < 1


def test_wrong_arguments_end_with_code_2() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--actors", "0"])
    assert ended.value.code == 2

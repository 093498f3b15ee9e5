"""The figures of `./playpen bench broadcast`."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.broadcast import main
from tests.benchmarks.helpers import bench


@pytest.mark.slow
def test_the_result_holds_the_time_to_the_last_actor(tmp_path: Path) -> None:
    result = bench("broadcast", "--actors", "2", "--repeats", "2", home=tmp_path)
    assert result["actors"] == 2 and result["weights_bytes"] > 4 * 1_439_124
    assert 0 < result["learner_ms"] < result["ms_to_last_actor"]
    assert result["by_value_ms"] > 0


@pytest.mark.parametrize("arguments", [["--actors", "0"], ["--repeats", "0"], ["--actors", "1000000"]])
def test_wrong_arguments_end_with_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2

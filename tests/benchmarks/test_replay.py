"""The benchmark's last line, and its refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.replay import main
from tests.benchmarks.helpers import bench


@pytest.mark.slow
def test_the_result_holds_the_figures(tmp_path: Path) -> None:
    figures = bench("replay", "--records", "70", "--seconds", "0.2", "--folder", str(tmp_path), home=tmp_path)
    for name in ("batch_vs_copy", "index_ms", "inserts_per_s", "ray_batches_per_s", "ray_inserts_per_s"):
        assert figures[name] > 0
    assert figures["bytes_per_record"] == 475_133 and figures["conditions"]["records"] == 70
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith("tmp")] == []


@pytest.mark.parametrize("arguments", [["--records", "63"], ["--seconds", "0"], ["--folder", "not_there"]])
def test_wrong_arguments_end_with_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and arguments[0] in capsys.readouterr().err

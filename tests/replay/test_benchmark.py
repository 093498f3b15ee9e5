"""The benchmark's last line, and its refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.replay import main


@pytest.mark.slow
def test_the_result_holds_the_figures(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.replay", "--records", "70", "--seconds", "0.2", "--folder", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    last = done.stdout.splitlines()[-1]
    assert last.startswith("RESULT ")
    figures = json.loads(last.removeprefix("RESULT "))
    for name in ("batch_vs_copy", "index_ms", "inserts_per_s", "ray_batches_per_s", "ray_inserts_per_s"):
        assert figures[name] > 0
    assert figures["bytes_per_record"] == 475_133 and figures["records"] == 70
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith("tmp")] == []


@pytest.mark.parametrize("arguments", [["--records", "63"], ["--seconds", "0"]])
def test_wrong_arguments_end_with_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and arguments[0] in capsys.readouterr().err

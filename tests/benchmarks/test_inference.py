"""The figures of `./playpen bench inference`."""

from __future__ import annotations

import pytest

from benchmarks.inference import MIN_OBSERVATIONS, main
from tests.benchmarks.helpers import result_of


def test_the_result_holds_the_rate(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--seconds", "0.01"])
    result = result_of(capsys.readouterr().out)
    assert result["images_per_s"] > 0 and result["network_ms"] > 0
    assert result["best_images_per_s"] >= result["images_per_s"]
    assert result["conditions"]["instances"] == 10 and result["conditions"]["looks"] >= MIN_OBSERVATIONS

"""The figures of `./playpen bench actor`."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.actor import main
from tests.benchmarks.helpers import bench


@pytest.mark.slow
def test_the_result_holds_the_ratio_and_the_parts(tmp_path: Path) -> None:
    result = bench("actor", "--locations", "2", home=tmp_path)
    assert result["actor_vs_simulator"] == pytest.approx(
        result["simulator_ms_a_location"] / result["ms_a_location"], rel=1e-2
    )
    assert set(result["parts"]) == {"set_up", "simulator", "inference", "masks", "push", "rest"}
    assert sum(result["parts"].values()) == pytest.approx(result["ms_a_location"], rel=1e-2)
    assert (result["locations"], result["touches"]) == (1, 20) and result["trials"] <= 20


def test_a_single_location_is_refused() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--locations", "1"])
    assert ended.value.code == 2

"""Whole small runs with each kind of supervision."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.interaction.config import SUPERVISIONS
from tests.cluster.runs import playpen, result_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that the data set is made once."""
    return tmp_path_factory.mktemp("supervision")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SUPERVISIONS if name != "self"])
def test_a_whole_run(name: str, folder: Path) -> None:
    done = playpen("train", "experiment=smoke", f"actors.supervision={name}", folder=folder)
    assert done.returncode == 0, done.stderr
    result = result_of(done.stdout)
    assert result["locations"] == 21 and result["steps"] == 13
    # 15 locations with up to 20 touches and 6 with up to 10; oracles take some and add others.
    assert (result["touches"] == 0) == (name == "full")

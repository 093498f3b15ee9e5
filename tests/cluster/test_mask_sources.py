"""Whole small runs with each source of masks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.runs import playpen, result_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that the data set is made once."""
    return tmp_path_factory.mktemp("mask_sources")


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ["actors.mask_source=module"],
        ["actors.mask_source=optical_flow"],
        ["actors.mask_source=video_pca"],
        ["actors.mask_source=video_pca", "models=video_pca", "actors.supervision=interaction_oracle"],
    ],
)
def test_a_whole_run(overrides: list[str], folder: Path) -> None:
    done = playpen("train", "experiment=smoke", *overrides, folder=folder)
    assert done.returncode == 0, done.stderr
    result = result_of(done.stdout)
    assert result["locations"] == 21 and result["steps"] == 13 and result["touches"] > 100

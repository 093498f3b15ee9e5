"""Fixtures of several test files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from evaluation.interaction.dataset import save_entries
from evaluation.interaction.job_files import observation_paths
from tests.cluster.runs import ROOT, SmokeRun, playpen, result_of
from tests.evaluation.test_dataset import valid_entry
from tests.machine import small_ray


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> SmokeRun:
    """A complete smoke run; takes a minute. Tests must not change its folder."""
    root = tmp_path_factory.mktemp("a folder with spaces")
    done = playpen("train", "experiment=smoke", "seed=3", folder=root)
    assert done.returncode == 0, done.stderr
    run = next(line.removeprefix("RUN ") for line in done.stdout.splitlines() if line.startswith("RUN "))
    return SmokeRun(Path(run), root, result_of(done.stdout), done.stderr)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A small Ray whose processes find this checkout, with a temporary home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with small_ray(cpus=2):
        yield


@pytest.fixture(scope="session")
def test_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set file of three locations with observations beside it, so that no simulator is needed."""
    path = tmp_path_factory.mktemp("data") / "mine.json"
    save_entries(path, [valid_entry(number) for number in range(3)])
    rng = np.random.default_rng(0)
    images, depths = observation_paths(path)
    np.save(images, rng.integers(0, 256, (3, 300, 300, 3), dtype=np.uint8))
    np.save(depths, rng.uniform(0.5, 3, (3, 300, 300)).astype(np.float16))
    return path

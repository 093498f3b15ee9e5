"""Fixtures of several test files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.runs import ROOT, SmokeRun, playpen, result_of
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

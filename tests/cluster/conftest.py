"""What several test files share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.runs import SmokeRun, playpen, result_of


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> SmokeRun:
    """One smoke run with every real part; a minute. Nobody may change its folder."""
    root = tmp_path_factory.mktemp("a folder with spaces")
    done = playpen("train", "experiment=smoke", "seed=3", folder=root)
    assert done.returncode == 0, done.stderr
    run = next(line.removeprefix("RUN ") for line in done.stdout.splitlines() if line.startswith("RUN "))
    return SmokeRun(Path(run), root, result_of(done.stdout), done.stderr)

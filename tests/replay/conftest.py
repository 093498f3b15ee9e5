"""A tiny disk, and a Ray of our own."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine import small_file_system


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 1 MiB; skips where none can be mounted (only root may)."""
    with small_file_system(tmp_path / "tiny", 1) as folder:
        yield folder


@pytest.fixture(scope="package")
def ray_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A local Ray with two CPUs; it leaves the user's home alone."""
    import ray

    from cluster.machines.resources import local_environment

    os.environ["RAY_AUTH_MODE"] = "disabled"  # for good: a process keeps the token of its first home folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.delenv("RAY_ADDRESS", raising=False)
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            object_store_memory=120_000_000,
            _node_ip_address="127.0.0.1",
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env=local_environment(),
        )
        yield
        ray.shutdown()

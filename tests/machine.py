"""What tests need of the machine: a small file system, and a Ray of their own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import ray

from cluster.machines.resources import local_environment


@contextmanager
def small_file_system(folder: Path, mebibytes: int) -> Iterator[Path]:
    """The folder, made, on a file system of that size; skips the test where none can be mounted (only root may)."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def small_ray(cpus: int) -> Iterator[None]:
    """A local Ray with an object store of 80 MB."""
    os.environ["RAY_AUTH_MODE"] = "disabled"  # for good: a process keeps the token of its first home folder
    ray.init(
        address="local",
        num_cpus=cpus,
        object_store_memory=80_000_000,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env=local_environment(),
    )
    yield
    ray.shutdown()

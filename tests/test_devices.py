"""Where processes compute, and which of them start without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest
import ray
import torch

from common.devices import assigned_device


@pytest.mark.parametrize(
    ("started", "assigned", "available", "expected"),
    [(False, [0], True, "cpu"), (True, [], True, "cpu"), (True, [0], False, "cpu"), (True, [0], True, "cuda")],
)
def test_a_process_computes_on_the_gpu_that_ray_assigned(
    monkeypatch: pytest.MonkeyPatch, started: bool, assigned: list[int], available: bool, expected: str
) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: started)
    monkeypatch.setattr(ray, "get_gpu_ids", lambda: assigned)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert assigned_device() == torch.device(expected)


def test_the_replay_buffer_starts_without_torch() -> None:
    code = "import sys, replay.actor; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""Where a process computes. Processes without a network, such as the replay buffer's, start without torch."""

from __future__ import annotations

import ray
import torch


def assigned_device() -> torch.device:
    """The GPU, or the share of one, that Ray assigned to this process; the CPU if there is none."""
    assigned = ray.is_initialized() and ray.get_gpu_ids()
    return torch.device("cuda" if assigned and torch.cuda.is_available() else "cpu")

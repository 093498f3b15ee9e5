"""bfloat16 where it is faster."""

from __future__ import annotations

import contextlib
from pathlib import Path

import torch

PRECISIONS = ("on", "off", "auto")
"""Settings of `learner.mixed_precision`: always, never, or where the device has units for bfloat16."""
CPU_FLAGS = Path("/proc/cpuinfo")
"""Where Linux lists what the processor can do."""


def check_precision(setting: str) -> None:
    """Refuses an unknown setting.

    Raises:
        ValueError: names the setting and the known ones.
    """
    if setting not in PRECISIONS:
        raise ValueError(f"learner.mixed_precision must be on, off or auto, not '{setting}'")


def uses_bfloat16(setting: str, device: torch.device) -> bool:
    """Whether convolutions shall compute in bfloat16.

    Args:
        setting: `learner.mixed_precision`.
        device: of the convolutions.
    """
    if setting != "auto":
        return setting == "on"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    with contextlib.suppress(OSError):
        flags = CPU_FLAGS.read_text()
        return "avx512_bf16" in flags or "amx_bf16" in flags
    return False

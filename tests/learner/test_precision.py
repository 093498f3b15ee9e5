"""bfloat16: where it is used."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from learner import precision


@pytest.mark.parametrize(
    ("setting", "flags", "expected"),
    [
        ("on", "", True),
        ("off", "avx512_bf16", False),
        ("auto", "flags: avx2 avx512_bf16", True),
        ("auto", "avx2", False),
    ],
)
def test_auto_follows_the_processor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: str, flags: str, expected: bool
) -> None:
    (tmp_path / "cpuinfo").write_text(flags)
    monkeypatch.setattr(precision, "CPU_FLAGS", tmp_path / "cpuinfo")
    assert precision.uses_bfloat16(setting, torch.device("cpu")) is expected


def test_a_system_without_the_list_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(precision, "CPU_FLAGS", tmp_path / "missing")
    assert not precision.uses_bfloat16("auto", torch.device("cpu"))

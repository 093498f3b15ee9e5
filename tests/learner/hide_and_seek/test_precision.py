"""bfloat16 for convolutions: where it is used, and that it changes little."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from learner.hide_and_seek import precision
from tests.learner.hide_and_seek.records import unroll_batch
from tests.learner.hide_and_seek.test_learner import learner, shape, step


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


def test_losses_in_bfloat16_are_nearly_those_in_float32() -> None:
    batch = unroll_batch(shape(), [0, 2, 3])
    exact, rough = (step(learner(mixed_precision=setting), batch) for setting in ("off", "on"))
    assert exact.keys() == rough.keys() and exact != rough
    for name in ("explore/policy_loss", "manipulate/hittable", "seek/imitation", "unrolls/loss"):
        assert rough[name] == pytest.approx(exact[name], rel=0.02, abs=0.01), name

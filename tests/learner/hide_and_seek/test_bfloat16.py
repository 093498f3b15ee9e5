"""bfloat16 for convolutions changes the losses little."""

from __future__ import annotations

import pytest

from tests.learner.hide_and_seek.records import unroll_batch
from tests.learner.hide_and_seek.test_learner import learner, shape, step


def test_losses_in_bfloat16_are_nearly_those_in_float32() -> None:
    batch = unroll_batch(shape(), [0, 2, 3])
    exact, rough = (step(learner(mixed_precision=setting), batch) for setting in ("off", "on"))
    assert exact.keys() == rough.keys() and exact != rough
    for name in ("explore/policy_loss", "manipulate/hittable", "seek/imitation", "unrolls/loss"):
        assert rough[name] == pytest.approx(exact[name], rel=0.02, abs=0.01), name

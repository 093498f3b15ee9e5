"""The policy lag of each stage that the learner reports."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.play import configuration
from cluster.hide_and_seek.schedule import tables
from learner.hide_and_seek.make import MakeGameLearner
from replay.core import Sample
from replay.hide_and_seek.unroll import STAGES, UNROLLS, unroll_fields


def test_the_lag_is_that_of_each_stages_unrolls() -> None:
    config = configuration(["experiment=hide_and_seek/smoke"], "skills")
    learner = MakeGameLearner(config.models, config.learner, 0)(torch.device("cpu"))
    learner.start_phase("skills")
    learner.version = 7
    fields = unroll_fields(config.models.unroll_shape(2))
    columns = {name: np.zeros((3, *shape), kind) for name, (shape, kind) in fields.items()}
    columns["stage"][:] = [STAGES.index("explore"), STAGES.index("seek"), STAGES.index("explore")]
    columns["version"][:] = [2, 6, 5]
    columns["map_written"][:] = -1
    none = np.zeros(3, dtype=np.int64)
    prepared = learner.prepare(tables(config)[UNROLLS].records.to_batch(Sample(columns, none, none, 0)))
    metrics = learner.finish(learner.begin(prepared)).metrics
    # Lags 5 and 2 of exploring, 1 of seeking.
    assert metrics["explore/lag_mean"] == pytest.approx(3.5) and metrics["explore/lag_max"] == 5
    assert metrics["seek/lag_mean"] == metrics["seek/lag_max"] == 1
    assert "hide/lag_mean" not in metrics

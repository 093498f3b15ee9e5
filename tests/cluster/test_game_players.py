"""Checkpoints as players."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from cluster.command.overrides import CONF
from cluster.hide_and_seek.players import claim_above
from common.errors import UsageError

DEFAULT = OmegaConf.load(CONF / "evaluation" / "hide_and_seek.yaml").claim_above


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint in a run's folder, without its content."""
    folder = tmp_path / "run" / "checkpoints" / "step_0000003"
    folder.mkdir(parents=True)
    (folder / "learner.json").write_text("{}")
    return folder


@pytest.mark.parametrize("value", ["0.05", "null"])
def test_a_checkpoint_claims_as_its_run_was_evaluated(checkpoint: Path, value: str) -> None:
    run = checkpoint.parent.parent
    assert claim_above(str(run)) == claim_above(str(checkpoint)) == DEFAULT
    (run / "config.yaml").write_text(f"evaluation: {{claim_above: {value}}}")
    assert claim_above(str(run)) == claim_above(str(checkpoint)) == (None if value == "null" else float(value))


def test_a_configuration_that_cannot_be_read_is_named(checkpoint: Path) -> None:
    (checkpoint.parent.parent / "config.yaml").write_text("evaluation: [")
    with pytest.raises(UsageError, match="run/config.yaml is not the configuration of a run"):
        claim_above(str(checkpoint))

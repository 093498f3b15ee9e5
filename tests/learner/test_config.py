"""Values of the configuration files, and settings that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from learner.interaction.config import AugmentationConfig
from models.interaction.config import NetworkConfig
from models.interaction.network import InteractionNetwork
from tests.learner.helpers import config, values


def test_the_files_hold_the_papers_values() -> None:
    settings = config()
    assert (settings.batch_size, settings.lr, settings.weight_decay) == (64, 5e-4, 1e-4)
    assert (settings.force_weight, settings.kernel, settings.lr_schedule) == (0.1, "paper", "constant")
    assert settings.embedding_area_floor == 1  # a mask has at least one cell
    assert settings.ema_decay == 0 and settings.max_gradient_norm == 0
    network = yaml.safe_load((Path(__file__).parents[2] / "conf/models/interaction.yaml").read_text())
    del network["defaults"]
    # Two more input channels add 2 x 5 x 5 x 32 weights to the paper's.
    for edges, wanted in ((False, 1_439_124), (True, 1_440_724)):
        parameters = InteractionNetwork(NetworkConfig(**{**network, "depth_edges": edges})).parameters()
        assert sum(parameter.numel() for parameter in parameters) == wanted


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lr": 0.0}, "learner.lr must be positive, not 0.0"),
        ({"lr": float("nan")}, "learner.lr must be positive, not nan"),
        ({"embedding_area_floor": 0.0}, "learner.embedding_area_floor must be positive, not 0.0"),
        ({"batch_size": 0}, "learner.batch_size must be at least 1, not 0"),
        ({"weight_decay": -1.0}, "learner.weight_decay must be 0 or more"),
        ({"kernel": "sharp"}, "learner.kernel must be one of paper, released, delta, box, gaussian, not 'sharp'"),
        ({"lr_schedule": "step"}, "learner.lr_schedule must be one of constant, linear, cosine, not 'step'"),
        ({"mask_reduction": "max"}, "learner.mask_reduction must be sum or mean, not 'max'"),
        ({"repeated_points": "twice"}, "learner.repeated_points must be once or add, not 'twice'"),
        ({"lr_decay_fraction": 0.0}, r"learner.lr_decay_fraction must be in \(0, 1\], not 0.0"),
        ({"ema_decay": 1.0}, r"learner.ema_decay must be in \[0, 1\), not 1.0"),
        ({"threads": 0}, "learner.threads must be at least 1 or null, not 0"),
        ({"phases": {}}, "learner.phases must hold at least one phase"),
        ({"phases": {"first": values()["phases"]["joint"]}}, "learner.phases.first.name must be 'first', not 'joint'"),
    ],
)
def test_bad_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**changes)


@pytest.mark.parametrize(("field", "value"), [("flip_probability", 1.1), ("contrast", -0.1), ("hue", 0.6)])
def test_bad_augmentation_is_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"learner.augmentation.{field} must be in \[0, .+\], not {value}"):
        AugmentationConfig(**{**values()["augmentation"], field: value})

"""Settings: the file in conf/ fits the dataclass, and each wrong value is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from replay.config import ReplayConfig
from tests.replay.helpers import config

BANK_YAML = Path(__file__).parents[2] / "conf" / "replay" / "bank.yaml"


def test_the_default_file_gives_the_paper_s_numbers() -> None:
    merged = OmegaConf.merge(OmegaConf.structured(ReplayConfig), OmegaConf.load(BANK_YAML))
    settings = OmegaConf.to_object(merged)
    assert isinstance(settings, ReplayConfig)
    assert (settings.capacity, settings.initial_priority, settings.mode) == (20_000, 0.5, "priority")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("capacity", 0, "replay.capacity must be at least 1 record, not 0"),
        ("initial_priority", 0.0, "replay.initial_priority must be a finite number above 0, not 0.0"),
        ("initial_priority", float("nan"), "replay.initial_priority must be a finite number above 0, not nan"),
        ("initial_priority", float("inf"), "replay.initial_priority must be a finite number above 0, not inf"),
        ("mode", "td", "replay.mode must be one of priority, low_iou, high_iou, uniform, not 'td'"),
        ("image_score", "max", "replay.image_score must be min or mean, not 'max'"),
        ("without_replacement", "phase", "replay.without_replacement must be batch or round, not 'phase'"),
        ("locations_ahead", -1, "replay.locations_ahead must be at least 0, not -1"),
        ("batches_ahead", -2, "replay.batches_ahead must be at least 0, not -2"),
    ],
)
def test_refusals_name_the_field(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(ValueError) as error:
        config(**{name: value})
    assert str(error.value) == sentence

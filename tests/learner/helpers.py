"""Batches and settings for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from learner.interaction.config import AugmentationConfig, LearnerConfig
from learner.interaction.schedule import PhaseConfig
from models.interaction.config import NetworkConfig
from replay.interaction.record import MAX_TOUCHES, RECORD_FIELDS, Batch, Feedback, pack_masks

SMALL = NetworkConfig(
    base_channels=4,
    up_channels=[8, 6, 6],
    shared_channels=10,
    embedding_channels=3,
    batch_norm_momentum=0.1,
    smooth_upsampling=False,
    normalize_input=True,
)


def values() -> dict[str, Any]:
    """conf/learner/interaction.yaml as a dictionary."""
    return yaml.safe_load((Path(__file__).parents[2] / "conf/learner/interaction.yaml").read_text())


def config(**changes: Any) -> LearnerConfig:
    """The settings of conf/learner/interaction.yaml with some of them changed."""
    fields = {**values(), **changes}
    if isinstance(fields["augmentation"], dict):
        fields["augmentation"] = AugmentationConfig(**fields["augmentation"])
    fields["phases"] = {
        key: phase if isinstance(phase, PhaseConfig) else PhaseConfig(**phase)
        for key, phase in fields["phases"].items()
    }
    return LearnerConfig(**fields)


PLAIN = AugmentationConfig(
    flip_probability=0, jitter_probability=0, brightness=0, contrast=0, saturation=0, hue=0
)  # no augmentation


def batch_of(size: int, seed: int = 0, number: int = 0) -> Batch:
    """Coloured squares on a noisy ground; each image has three successful touches and three others."""
    rng = np.random.default_rng(seed)
    columns: dict[str, np.ndarray] = {
        name: np.zeros((size, *shape), dtype) for name, (shape, dtype) in RECORD_FIELDS.items()
    }
    for b in range(size):
        image = rng.integers(90, 110, (300, 300, 3)).astype(np.uint8)
        depth = np.full((300, 300), 2.0)
        masks = np.zeros((MAX_TOUCHES, 100, 100), bool)
        corners = [(8, 8), (8, 60), (60, 30)]
        for t, (row, column) in enumerate(corners):
            row, column = row + int(rng.integers(0, 8)), column + int(rng.integers(0, 8))
            side = int(rng.integers(14, 24))
            masks[t, row : row + side, column : column + side] = True
            pixels = masks[t].repeat(3, axis=0).repeat(3, axis=1)
            image[pixels] = rng.integers(0, 256, 3)
            depth[pixels] = 1.0 + 0.2 * t
            columns["points"][b, t] = row + side // 2, column + side // 2
            columns["feedback"][b, t] = Feedback.JUST_RIGHT
            columns["magnitudes"][b, t] = t
        ground = np.argwhere(~masks.any(axis=0))
        columns["points"][b, 3:6] = ground[rng.integers(0, len(ground), 3)]
        columns["image"][b], columns["depth"][b], columns["masks"][b] = image, depth, pack_masks(masks)
        columns["touches"][b] = 6
    return Batch(**columns, slots=np.arange(size), insertion_ids=np.arange(size), number=number)

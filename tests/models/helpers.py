"""Networks for the tests."""

from __future__ import annotations

from models.interaction.config import NetworkConfig

PAPER = NetworkConfig(
    base_channels=32,
    up_channels=[128, 64, 64],
    shared_channels=128,
    embedding_channels=16,
    batch_norm_momentum=0.1,
    smooth_upsampling=False,
    normalize_input=True,
)
SMALL = NetworkConfig(
    base_channels=4,
    up_channels=[8, 6, 6],
    shared_channels=10,
    embedding_channels=3,
    batch_norm_momentum=0.1,
    smooth_upsampling=False,
    normalize_input=True,
)

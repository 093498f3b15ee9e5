"""VideoPCA on synthetic motion with known masks, and its parts against values worked by hand."""

from __future__ import annotations

from actors.config import VideoPcaConfig

CONFIG = VideoPcaConfig(
    frame_seconds=0.04,
    most_frames=30,
    components=4,
    smoothing=1.0,
    error_threshold=0.01,
    color_levels=16,
    bell_extent=2.0,
    soft_threshold=0.5,
)

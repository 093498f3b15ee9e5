"""The choice of what tells which cells a touch changed: `actors.mask_source`."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai2thor.server import Event
from numpy.typing import NDArray

from actors.controller import SimulatorProcess
from actors.interaction.config import ActorConfig
from actors.interaction.optical_flow import OpticalFlow
from actors.interaction.self_supervision import Changes, SelfSupervision
from actors.interaction.video import film_touch
from actors.interaction.video_pca import VideoPca


def make_supervision(first: NDArray[np.uint8], config: ActorConfig) -> SelfSupervision:
    """The judge of a location's touches, from its first (H, W, 3) RGB image."""
    changes: Changes | None = None
    if config.mask_source == "optical_flow":
        changes = OpticalFlow(first, config.flow_threshold)
    elif config.mask_source == "video_pca":
        changes = VideoPca(first, config.video_pca)
    return SelfSupervision(first, config.self_supervision, changes)


def video_of(judge: object) -> VideoPca | None:
    """What a judge watches the motion with; None if it looks at what is before and after alone."""
    changes = judge.changes if isinstance(judge, SelfSupervision) else None
    return changes if isinstance(changes, VideoPca) else None


def perform_touch(simulator: SimulatorProcess, arguments: dict[str, Any], judge: object) -> Event:
    """Touches with the arguments of TouchThenApplyForce; a judge that watches the motion gets its video.

    Raises:
        SimulatorError: the simulator failed.
    """
    video = video_of(judge)
    if video is not None:
        return film_touch(simulator, arguments, video.config.frame_seconds, video.config.most_frames, video.watch)
    return simulator.step("TouchThenApplyForce", **arguments)

"""Chooses the mask source that `actors.mask_source` names."""

from __future__ import annotations

from typing import Any

from ai2thor.server import Event

from actors.controller import SimulatorProcess
from actors.interaction.config import ActorConfig
from actors.interaction.optical_flow import OpticalFlow
from actors.interaction.rgbd import RgbdSupervision
from actors.interaction.self_supervision import Changes, SelfSupervision, Supervision
from actors.interaction.video import film_touch
from actors.interaction.video_pca import VideoPca
from actors.observation import Observation


def make_supervision(first: Observation, config: ActorConfig) -> Supervision:
    """Makes the supervision of a location's touches from its first observation."""
    if config.mask_source == "rgbd":
        return RgbdSupervision(first, config.self_supervision, config.rgbd)
    changes: Changes | None = None
    if config.mask_source == "optical_flow":
        changes = OpticalFlow(first.image, config.flow_threshold)
    elif config.mask_source == "video_pca":
        changes = VideoPca(first.image, config.video_pca)
    return SelfSupervision(first.image, config.self_supervision, changes)


def video_of(supervision: object) -> VideoPca | None:
    """Returns the part of a supervision that uses a video of the motion; None if it uses no video."""
    changes = supervision.changes if isinstance(supervision, SelfSupervision) else None
    return changes if isinstance(changes, VideoPca) else None


def perform_touch(simulator: SimulatorProcess, arguments: dict[str, Any], supervision: object) -> Event:
    """Performs TouchThenApplyForce with `arguments`; films the motion if the supervision uses a video.

    Raises:
        SimulatorError: the simulator failed.
    """
    video = video_of(supervision)
    if video is not None:
        return film_touch(simulator, arguments, video.config.frame_seconds, video.config.most_frames, video.watch)
    return simulator.step("TouchThenApplyForce", **arguments)

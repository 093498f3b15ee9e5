"""Camera geometry: which pixels and grid cells are within reach.

Pixel (row v, column u) of a W-pixel wide image with field of view 90 degrees looks along
((u - c)/f, (v - c)/f, 1) in camera coordinates (x right, y down, z forward), f = W/2 = 150 px, c = (W-1)/2 = 149.5
(docs/interaction.md, Observations and touches).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from actors.config import SimulatorConfig
from actors.interaction.config import ReachConfig
from actors.observation import NEAR_PLANE, pixel_offsets, ray_factor
from replay.interaction.record import GRID_STRIDE, centres


def hand_distance(reach: ReachConfig, simulator: SimulatorConfig) -> float:
    """Returns the handDistance of touches within a reach, metres.

    A cylinder or an infinite reach does not bound the distance along a ray; the reach is checked by depth before a
    touch.
    """
    return reach.radius if reach.shape in ("sphere", "intersection") else simulator.unlimited_reach


def reach_keywords(reach: ReachConfig, simulator: SimulatorConfig) -> dict[str, float]:
    """Returns the keywords with which a simulator must be started so that touches can use the whole reach.

    AI2-THOR refuses touches beyond visibilityDistance, so it must be at least the hand's distance.
    """
    return {"visibilityDistance": max(simulator.visibility_distance, hand_distance(reach, simulator))}


def reach_mask(
    depth: NDArray[np.floating], horizon: float, reach: ReachConfig, field_of_view: float
) -> NDArray[np.bool_]:
    """Returns which grid cells show a point within reach, measured at each cell's centre pixel.

    Args:
        depth: (H, H) metres along each ray minus the near plane, as `ray_distance` gives it.
        horizon: degrees that the camera looks down.
        reach: shape and radius; the sphere is measured from the camera itself.
        field_of_view: degrees.

    Returns:
        (H/3, H/3) bool.
    """
    factor, offsets = ray_factor(len(depth), field_of_view), pixel_offsets(len(depth), field_of_view)
    return _within(centres(depth), centres(factor), offsets[GRID_STRIDE // 2 :: GRID_STRIDE], horizon, reach)


def reachable_pixels(
    depth: NDArray[np.floating], horizon: float, reach: ReachConfig, field_of_view: float
) -> NDArray[np.bool_]:
    """Returns which pixels show a point within reach; arguments as of `reach_mask`.

    Returns:
        (H, H) bool.
    """
    return _within(
        depth, ray_factor(len(depth), field_of_view), pixel_offsets(len(depth), field_of_view), horizon, reach
    )


def _within(
    depth: NDArray[np.floating],
    factor: NDArray[np.float64],
    offsets: NDArray[np.float64],
    horizon: float,
    reach: ReachConfig,
) -> NDArray[np.bool_]:
    """Returns whether points are within reach, given (N, N) depths, (N, N) `ray_factor` and (N,) `pixel_offsets`."""
    distance = depth.astype(np.float64) + NEAR_PLANE
    reachable = np.ones(distance.shape, dtype=bool)
    if reach.shape in ("sphere", "intersection"):
        reachable &= distance <= reach.radius
    if reach.shape in ("cylinder", "intersection"):
        ahead = distance / factor
        pitch = np.radians(horizon)
        # With a camera that looks down, "down" in the image points down and back towards the agent.
        forward = ahead * (np.cos(pitch) - offsets[:, None] * np.sin(pitch))
        sideways = ahead * offsets[None, :]
        reachable &= np.hypot(forward, sideways) <= reach.radius
    return reachable

"""What the network gets of the game before each step: the observation fields of `replay.hide_and_seek.unroll`."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek.actions import INDEX, Stage, Target
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.locations import Location
from actors.hide_and_seek.pixels import GRID
from replay.hide_and_seek.unroll import STAGES, UNKNOWN

STAGE_INDEX = {Stage(name): index for index, name in enumerate(STAGES)}
"""Index into `replay.hide_and_seek.unroll.STAGES` of each stage that is learned by reinforcement."""

LocationKey = tuple[int, int, int, int]
"""x and z in steps, rotation / 90 degrees, standing (0 or 1); relative to the agent's first pose."""


class Observed(NamedTuple):
    """One observation; the fields are those of an unroll, without the leading axis."""

    image: NDArray[np.uint8]
    """(S, S, 3) RGB, with the game's augmentation."""
    last_action: int
    standing: bool
    goal: int
    location: LocationKey
    target: int
    landed: int
    first: bool
    new_map: bool


def shrink(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Makes the game's picture as large as the network's: each pixel is the mean of those that it covers.

    Args:
        image: (H, H, 3) RGB.
        size: S, at most H.

    Returns:
        (S, S, 3); `image` itself if it has this size.
    """
    if image.shape[0] == size:
        return image
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def location_key(location: Location) -> LocationKey:
    """A location as the unrolls keep it."""
    return location.x, location.z, location.rotation // 90, int(location.standing)


def from_key(key: LocationKey) -> Location:
    """The inverse of `location_key`."""
    x, z, turns, standing = (int(value) for value in key)
    return Location(x, z, 90 * turns, bool(standing))


def target_index(target: Target | None) -> int:
    """49 modality + 7 row + column; UNKNOWN if there is no target."""
    if target is None:
        return UNKNOWN
    modality, row, column = target
    return (int(modality) * GRID + row) * GRID + column


def action_index(action: int, succeeded: bool) -> int:
    """The number of a last action with its success: 1 + 2 a + success; 0 is left for "none"."""
    return 1 + 2 * action + int(succeeded)


def last_action_index(step: Step | None) -> int:
    """The same of an episode's last step; 0 if there is none."""
    return 0 if step is None else action_index(INDEX[step.action.name], step.succeeded)

"""Changes of all pictures of one game: a resized crop, a colour jitter and a rotation (Weihs et al., appendix C.1).

They are drawn once per game, so that pictures within a game stay consistent with each other. The rotation of the world
belongs to the same draw, but `apply` leaves it to whoever places the agent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

PROBABILITY = 0.5
"""Of a crop, of a rotation of the picture, and of one of the world, each drawn for itself (paper)."""
LARGEST_CROP = 10
"""Pixels of one side; a crop takes at least 1 (paper)."""
LARGEST_ROTATION = 3
"""Degrees by which the picture may turn, in whole degrees (paper)."""
BRIGHTNESS = CONTRAST = SATURATION = 0.1
"""Each factor is at most this far from 1 (ours; the paper says "small amounts")."""
HUE = 0.02
"""Largest shift of the hue, as a share of the circle of colours: 7.2 degrees (ours)."""

GREY = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in a grey value (ITU-R BT.601)."""
MIDDLE_GREY = 127.5
"""What the contrast stretches away from. A constant, so that pictures of one game change alike (ours)."""


@dataclass(frozen=True)
class Augmentation:
    """One game's augmentation. The defaults change nothing; `dataclasses.asdict` gives plain numbers for JSON."""

    left: int = 0
    """Pixels that the crop takes off the left side."""
    right: int = 0
    """Pixels that the crop takes off the right side."""
    top: int = 0
    """Pixels that the crop takes off the top."""
    bottom: int = 0
    """Pixels that the crop takes off the bottom."""
    brightness: float = 1.0
    """Factor of all colours."""
    contrast: float = 1.0
    """Factor of each colour's distance from middle grey."""
    saturation: float = 1.0
    """Factor of each colour's distance from the pixel's own grey."""
    hue: float = 0.0
    """Turn around the axis of greys, as a share of a full turn; red turns towards green."""
    rotation: int = 0
    """Degrees by which the picture turns about its centre, counter-clockwise."""
    world_rotation: int = 0
    """Degrees by which the world turns about the agent's first place, clockwise from above, 0 to 359."""

    @classmethod
    def none(cls) -> Augmentation:
        """Returns the augmentation that changes nothing."""
        return cls()

    @classmethod
    def draw(cls, generator: np.random.Generator) -> Augmentation:
        """Draws the augmentation of one game.

        The colours always change. Crop, rotation and rotation of the world each happen with `PROBABILITY`.
        """
        crops, turns, world_turns = (bool(chosen) for chosen in generator.random(3) < PROBABILITY)
        sides = (int(side) if crops else 0 for side in generator.integers(1, LARGEST_CROP, size=4, endpoint=True))
        left, right, top, bottom = sides
        brightness, contrast, saturation, hue = (float(share) for share in generator.uniform(-1, 1, size=4))
        rotation = int(generator.integers(-LARGEST_ROTATION, LARGEST_ROTATION, endpoint=True))
        world_rotation = int(generator.integers(360))
        return cls(
            left=left,
            right=right,
            top=top,
            bottom=bottom,
            brightness=1 + BRIGHTNESS * brightness,
            contrast=1 + CONTRAST * contrast,
            saturation=1 + SATURATION * saturation,
            hue=HUE * hue,
            rotation=rotation if turns else 0,
            world_rotation=world_rotation if world_turns else 0,
        )

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Crops and resizes a picture, then changes its colours, then turns it.

        Args:
            image: (H, W, 3) uint8 RGB; it is not changed.

        Returns:
            (H, W, 3) uint8 RGB; `image` itself if nothing changes. Corners that a turn leaves empty mirror the picture
            (ours), so that they hold no colour of their own.

        Raises:
            ValueError: if the picture is not (H, W, 3) uint8, or the crop leaves nothing of it.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"image must be (H, W, 3) uint8, not {image.shape} {image.dtype}")
        height, width, _ = image.shape
        if self.left + self.right >= width or self.top + self.bottom >= height:
            raise ValueError(f"image of {height}x{width} pixels must be larger than what the crop takes off")
        changed = image
        if self.left or self.right or self.top or self.bottom:
            cropped = changed[self.top : height - self.bottom, self.left : width - self.right]
            changed = _uint8(cv2.resize(cropped, (width, height), interpolation=cv2.INTER_LINEAR))
        if self._colours_change:
            changed = _uint8(cv2.transform(changed, self.colours))
        if self.rotation:
            coarse, fine = _turn_maps(self.rotation, height, width)
            turned = cv2.remap(changed, coarse, fine, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
            changed = _uint8(turned)
        return changed

    @cached_property
    def _colours_change(self) -> bool:
        return not np.array_equal(self.colours, np.eye(3, 4))

    @cached_property
    def colours(self) -> NDArray[np.float64]:
        """(3, 4): the colour jitter as one matrix for (red, green, blue, 1), values 0 to 255.

        Brightness, contrast, saturation and hue follow each other in this order (ours). All four are linear, so one
        pass over the picture does them all, and only the result is rounded and clipped.
        """
        matrix = np.eye(3, 4)
        if self.brightness != 1:
            matrix = self.brightness * matrix
        if self.contrast != 1:
            matrix = self.contrast * matrix
            matrix[:, 3] += (1 - self.contrast) * MIDDLE_GREY
        if self.saturation != 1:
            matrix = (self.saturation * np.eye(3) + (1 - self.saturation) * GREY) @ matrix
        if self.hue:
            matrix = _hue_turn(2 * np.pi * self.hue) @ matrix
        return matrix


@lru_cache(maxsize=16)
def _turn_maps(rotation: int, height: int, width: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Returns OpenCV's fixed-point maps from the pixels of a turned picture to those of the picture.

    They are kept, because a game turns all its pictures alike and OpenCV takes as long to work them out as to use them.
    """
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), rotation, 1.0)
    back = cv2.invertAffineTransform(turn)
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    x, y = ((back[i, 0] * columns + back[i, 1] * rows + back[i, 2]).astype(np.float32) for i in range(2))
    coarse, fine = cv2.convertMaps(x, y, cv2.CV_16SC2)
    return np.asarray(coarse), np.asarray(fine)


def _hue_turn(angle: float) -> NDArray[np.float64]:
    """Returns the (3, 3) rotation of RGB about the axis of greys by an angle in radians (Rodrigues' formula)."""
    axis = np.full(3, 1 / np.sqrt(3))
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


def _uint8(image: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Returns the same array with the type that OpenCV keeps but does not declare."""
    return np.asarray(image, dtype=np.uint8)

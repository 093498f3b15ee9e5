"""How many pixels of an object many cameras see, without drawing their whole images.

For each camera the corners of the object's geoms are projected. Only the rectangle of the image around them is drawn,
with only those other geoms that reach into its frustum and are not farther away than the object. Each pixel of it is
the same as in the whole image.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.world.camera import FAR, NEAR, Camera
from simulator.world.rendering import VISIBLE_GROUPS, RoomGraphics
from simulator.world.room import Room

_CORNERS = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
_CAMERAS_AT_ONCE = 256
"""Number of cameras for which corners are projected at once, which bounds the memory."""
_MARGIN = 1e-3
"""Part of a pixel by which rectangles are enlarged against rounding."""

Window = tuple[int, int, int, int]
"""First and last column (exclusive) from the left, first and last row (exclusive) from the bottom."""


class PixelCounter:
    """Counts the pixels of one object in the images of many cameras. The room must not change meanwhile.

    Args:
        room: its poses must be up to date.
        graphics: the room's.
        number: of the object.
        alone: whether everything else is invisible.
        through_parts: whether the doors, drawers and lids of other objects are invisible.
    """

    def __init__(
        self, room: Room, graphics: RoomGraphics, number: int, alone: bool = False, through_parts: bool = False
    ) -> None:
        model, data = room.model, room.data
        self._room, self._graphics = room, graphics
        visible = VISIBLE_GROUPS[model.geom_group] != 0
        self._counted = visible & (room.geom_instances == number) & bool(room.present[number])
        self._drawn = visible & ~self._counted & ~room.hidden_geoms(insides=through_parts) & (not alone)
        if through_parts:
            for part in room.parts.parts:
                self._drawn[part.geoms] = False
        self._others = np.flatnonzero(self._drawn)
        self._centers, self._radii = data.geom_xpos[self._others], room.geom_radii[self._others]
        geoms = np.flatnonzero(self._counted)
        local = model.geom_aabb[geoms, None, :3] + _CORNERS * model.geom_aabb[geoms, None, 3:]
        turns = data.geom_xmat[geoms].reshape(-1, 3, 3)
        corners = data.geom_xpos[geoms, None] + local @ turns.transpose(0, 2, 1)
        self._corners: NDArray[np.float64] = corners.reshape(-1, 3)

    def counts(self, cameras: Sequence[Camera]) -> Iterator[int]:
        """The number of pixels of the object in each camera's image, one after the other."""
        for start in range(0, len(cameras), _CAMERAS_AT_ONCE):
            some = cameras[start : start + _CAMERAS_AT_ONCE]
            for camera, window in zip(some, self._windows(some), strict=True):
                yield 0 if window is None else self._count(camera, *window)

    def _windows(self, cameras: Sequence[Camera]) -> list[tuple[Window, float] | None]:
        """The rectangle around the object in each camera's image and its largest depth; None if it is out of view."""
        if not len(self._corners):
            return [None] * len(cameras)
        axes = np.array([camera.axes() for camera in cameras])
        offsets = self._corners - np.array([camera.position for camera in cameras])[:, None]
        right, up, depth = np.moveaxis(offsets @ axes.transpose(0, 2, 1), -1, 0)
        found: list[tuple[Window, float] | None] = []
        for camera, across, upwards, depths in zip(cameras, right, up, depth, strict=True):
            nearest, farthest = float(depths.min()), float(depths.max())
            if farthest <= NEAR or nearest >= FAR:
                found.append(None)
                continue
            window = (0, camera.width, 0, camera.height)
            if nearest > NEAR:
                half_width, half_height = camera.half_size()
                columns = (across / depths / half_width + 1.0) * camera.width / 2
                rows = (upwards / depths / half_height + 1.0) * camera.height / 2
                window = (*_range(columns, camera.width), *_range(rows, camera.height))
            found.append((window, farthest) if window[0] < window[1] and window[2] < window[3] else None)
        return found

    def _count(self, camera: Camera, window: Window, farthest: float) -> int:
        drawn = self._drawn.copy()
        drawn[self._others[~self._may_hide(camera, window, farthest)]] = False
        return self._graphics.count_pixels(self._room.data, camera, window, drawn, self._counted)

    def _may_hide(self, camera: Camera, window: Window, farthest: float) -> NDArray[np.bool_]:
        """(n,) whether each of the other geoms may be in front of the object."""
        axes = np.array(camera.axes())
        across, upwards, depth = axes @ (self._centers - np.asarray(camera.position)).T
        half_width, half_height = camera.half_size()
        kept = (depth <= farthest + self._radii) & (depth >= NEAR - self._radii)
        left, right, bottom, top = window
        for offset, low, high, half, pixels in (
            (across, left, right, half_width, camera.width),
            (upwards, bottom, top, half_height, camera.height),
        ):
            for edge, sign in ((low, 1.0), (high, -1.0)):
                slope = (2 * edge / pixels - 1) * half
                kept &= sign * (offset - slope * depth) >= -self._radii * np.hypot(1.0, slope)
        return kept


def _range(values: NDArray[np.float64], size: int) -> tuple[int, int]:
    """The pixels from the smallest to the largest value, cut to an image of `size` pixels."""
    first, last = np.floor(values.min() - _MARGIN), np.ceil(values.max() + _MARGIN)
    return int(np.clip(first, 0, size)), int(np.clip(last, 0, size))


def pixel_counts(room: Room, graphics: RoomGraphics, camera: Camera, number: int) -> tuple[int, int]:
    """The number of pixels of an object that a camera sees, and that it would see with everything else invisible."""
    seen, alone = (next(PixelCounter(room, graphics, number, only).counts([camera])) for only in (False, True))
    return seen, alone

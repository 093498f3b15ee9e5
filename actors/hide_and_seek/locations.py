"""Location tuples: where the agent stands, whither it looks, and its posture (Weihs et al., appendix B).

The game gives the agent no global frame. Its locations are relative to its first pose: x counts steps of 0.25 m to the
right of it, z steps ahead of it, and rotation is clockwise from it, in degrees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

STEP = 0.25
"""Metres between neighbouring places (paper)."""
ROTATIONS = (0, 90, 180, 270)
"""Rotations of the agent, degrees (paper)."""
HORIZON = 30.0
"""Degrees by which the camera looks down (paper)."""

AHEAD = {0: (0, 1), 90: (1, 0), 180: (0, -1), 270: (-1, 0)}
"""Steps along x and z that a step ahead makes, by rotation."""


class Place(NamedTuple):
    """A place on the grid, in steps relative to the agent's first place."""

    x: int
    z: int


class Location(NamedTuple):
    """A location tuple, relative to the agent's first pose."""

    x: int
    """Steps to the right of the first pose."""
    z: int
    """Steps ahead of the first pose."""
    rotation: int
    """0, 90, 180 or 270 degrees clockwise from the first pose."""
    standing: bool

    @property
    def place(self) -> Place:
        """The location without rotation and posture."""
        return Place(self.x, self.z)

    @property
    def unrotated(self) -> tuple[int, int, bool]:
        """The location without its rotation: x, z, standing."""
        return self.x, self.z, self.standing

    def moved(self, ahead: int = 0, right: int = 0) -> Location:
        """The location after steps ahead and to the right, as the agent looks."""
        x, z = AHEAD[self.rotation]
        return self._replace(x=self.x + ahead * x + right * z, z=self.z + ahead * z - right * x)

    def turned(self, degrees: int) -> Location:
        """The location after a clockwise turn."""
        return self._replace(rotation=(self.rotation + degrees) % 360)

    def seen_from(self, origin: Location) -> Location:
        """This location in the frame of another pose: steps right and ahead of it, rotation from it."""
        x, z = self.x - origin.x, self.z - origin.z
        ahead_x, ahead_z = AHEAD[origin.rotation]
        return Location(
            x * ahead_z - z * ahead_x,
            x * ahead_x + z * ahead_z,
            (self.rotation - origin.rotation) % 360,
            self.standing,
        )

    def from_frame_of(self, origin: Location) -> Location:
        """The inverse of `seen_from`: this location is relative to `origin`; the result is in origin's own frame."""
        moved = origin.moved(ahead=self.z, right=self.x)
        return Location(moved.x, moved.z, (self.rotation + origin.rotation) % 360, self.standing)


def extrapolated(location: Location) -> tuple[Location, Location, Location]:
    """Locations one step ahead, then staying, left or right, as if the agent moved through objects (appendix B)."""
    ahead = location.moved(ahead=1)
    return ahead, ahead.moved(right=-1), ahead.moved(right=1)


def places(locations: Iterable[Location]) -> set[Place]:
    """The places of locations."""
    return {location.place for location in locations}


def all_locations(at: Iterable[Place]) -> set[Location]:
    """The eight location tuples of each place: four rotations, two postures."""
    return {Location(x, z, rotation, standing) for x, z in at for rotation in ROTATIONS for standing in (True, False)}


@dataclass(frozen=True)
class Frame:
    """The agent's first pose in AI2-THOR's world frame (x east, y up, z north, metres, degrees clockwise)."""

    x: float
    y: float
    """Height of the agent's origin; the same at all locations of a room."""
    z: float
    yaw: int

    def to_world(self, location: Location) -> dict[str, Any]:
        """Arguments of TeleportFull for a location."""
        x, z = self.position(location.place)
        return {
            "position": {"x": x, "y": self.y, "z": z},
            "rotation": float((location.rotation + self.yaw) % 360),
            "horizon": HORIZON,
            "standing": location.standing,
        }

    def position(self, place: Place) -> tuple[float, float]:
        """World x and z of a place, metres."""
        right_z, right_x = AHEAD[self.yaw][0], AHEAD[self.yaw][1]
        return (
            self.x + STEP * (place.x * right_x + place.z * right_z),
            self.z + STEP * (-place.x * right_z + place.z * right_x),
        )

    def place(self, position: Mapping[str, float]) -> Place:
        """The place nearest to a world position."""
        x, z = (position["x"] - self.x) / STEP, (position["z"] - self.z) / STEP
        ahead_x, ahead_z = AHEAD[self.yaw]
        return Place(round(x * ahead_z - z * ahead_x), round(x * ahead_x + z * ahead_z))

    def to_location(self, agent: Mapping[str, Any]) -> Location:
        """The location of the agent's metadata (`event.metadata["agent"]`).

        Raises:
            ValueError: the agent's rotation is no multiple of 90 degrees.
        """
        yaw = float(agent["rotation"]["y"])
        rotation = round((yaw - self.yaw) / 90) * 90
        if abs(yaw - self.yaw - rotation) > 1:
            raise ValueError(f"the agent's rotation must be a multiple of 90 degrees, not {yaw:g}")
        return Location(*self.place(agent["position"]), rotation % 360, bool(agent["isStanding"]))


def random_location(random: np.random.Generator, at: Iterable[Place]) -> Location:
    """A random standing location among places.

    Raises:
        ValueError: there is no place.
    """
    sorted_places = sorted(at)
    if not sorted_places:
        raise ValueError("there is no place to stand")
    x, z = sorted_places[int(random.integers(len(sorted_places)))]
    return Location(x, z, int(random.choice(ROTATIONS)), True)

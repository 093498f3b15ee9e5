"""The expert seeker in rooms that are drawn by hand."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from actors.hide_and_seek.actions import ACTIONS, INDEX, Stage
from actors.hide_and_seek.defaults import rules
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.learning.config import LearningConfig
from actors.hide_and_seek.learning.geometry import distance_and_bearing, facing, to_point
from actors.hide_and_seek.learning.seeking import Expert
from actors.hide_and_seek.locations import STEP, Frame, Location, Place
from actors.hide_and_seek.world import Pose, World


class Room:
    """A room without a simulator: the goal at a point, and whether it is to be seen."""

    def __init__(self, x: float, z: float) -> None:
        self.frame = Frame(0.0, 0.9, 0.0, 0)
        self.x, self.z, self.here = x, z, Location(0, 0, 0, True)
        self.pixels, self.counted = 50, 0

    def goal_pose(self) -> Pose:
        return Pose({"x": self.x, "y": 1.0, "z": self.z}, {"x": 0.0, "y": 0.0, "z": 0.0})

    def goal_distance(self) -> float:
        return float(np.hypot(self.x - self.here.x * STEP, self.z - self.here.z * STEP))

    def goal_pixels(self) -> np.ndarray:
        self.counted += 1
        return np.arange(224 * 224).reshape(224, 224) < self.pixels


def expert(room: Room, places: set[Place], learning: LearningConfig) -> Expert:
    return Expert(cast(World, room), places, rules(), learning)


def step(name: str, succeeded: bool, location: Location) -> Step:
    return Step(Stage.SEEK, ACTIONS[INDEX[name]], succeeded, 0.0, location, False)


def walk(guide: Expert, here: Location, steps: int) -> list[str]:
    """Follows the expert as long as it names moves and turns that succeed."""
    names = []
    for _ in range(steps):
        label = guide.label(here, False)
        if label < 0:
            break
        names.append(ACTIONS[label].name)
        match names[-1]:
            case "MoveAhead":
                here = here.moved(ahead=1)
            case "MoveLeft":
                here = here.moved(right=-1)
            case "MoveRight":
                here = here.moved(right=1)
            case "RotateLeft":
                here = here.turned(270)
            case "RotateRight":
                here = here.turned(90)
            case _:
                here = here._replace(standing=names[-1] == "Stand")
    return names


def test_it_walks_straight_to_where_the_goal_is_near_and_ahead(learning: LearningConfig) -> None:
    """A corridor along z, the goal 3 m ahead of its beginning: 1.4 m before it is reached after 7 steps of 0.25 m."""
    corridor = {Place(0, z) for z in range(13)}
    guide = expert(Room(0.0, 3.0), corridor, learning)
    assert walk(guide, Location(0, 0, 0, True), 7) == ["MoveAhead"] * 7
    # From behind it turns around first.
    assert walk(guide, Location(0, 0, 180, True), 3)[:2] in (["RotateLeft"] * 2, ["RotateRight"] * 2)
    assert guide.label(Location(0, 3, 0, True), True) == INDEX["ClaimVisible"]


def test_where_it_cannot_claim_it_goes_on_then_crouches(learning: LearningConfig) -> None:
    """Two places face the goal closely enough; after both it tries again crouching, and then knows no more."""
    guide = expert(Room(0.0, 1.0), {Place(0, 0), Place(0, 1)}, learning)
    assert walk(guide, Location(0, 0, 0, True), 2) == ["MoveAhead", "Crouch"]
    # Crouching it stands at one of the two; there is no step back, so it turns, goes sideways to the other, and turns.
    names = walk(guide, Location(0, 1, 0, False), 9)
    assert names in (["RotateLeft", "MoveLeft", "RotateRight"], ["RotateRight", "MoveRight", "RotateLeft"])
    assert guide.label(Location(0, 0, 0, False), False) == -1


def test_it_walks_around_what_blocked_it(learning: LearningConfig) -> None:
    """3 x 8 places: a step that failed is not named again, until something is opened or closed."""
    guide = expert(Room(0.25, 3.0), {Place(x, z) for x in range(3) for z in range(8)}, learning)
    here = Location(1, 0, 0, True)
    assert guide.label(here, False) == INDEX["MoveAhead"]
    guide.learn(here, step("MoveAhead", False, here))
    assert ACTIONS[guide.label(here, False)].name in ("MoveLeft", "MoveRight")
    guide.learn(here, step("CloseObjects", True, here))
    assert guide.label(here, False) == INDEX["MoveAhead"]


def test_it_walks_where_the_seeker_has_walked(learning: LearningConfig) -> None:
    guide = expert(Room(0.0, 3.0), {Place(0, z) for z in range(8)}, learning)
    beside = Location(1, 0, 0, True)
    assert guide.label(beside, False) == -1
    guide.learn(Location(0, 0, 0, True), step("MoveRight", True, beside))
    assert guide.label(beside, False) == INDEX["MoveLeft"]


def test_a_goal_that_was_moved_has_a_new_way(learning: LearningConfig) -> None:
    room = Room(0.0, 3.0)
    guide = expert(room, {Place(0, z) for z in range(-8, 9)}, learning)
    assert guide.label(Location(0, 0, 0, True), False) == INDEX["MoveAhead"]
    room.z = -3.0
    assert ACTIONS[guide.label(Location(0, 0, 0, True), False)].name.startswith("Rotate")


@pytest.mark.parametrize(
    ("here", "counted", "claimable"),
    [
        (Location(0, 0, 0, True), 0, False),  # 2 m away
        (Location(0, 3, 0, True), 1, True),  # 1.25 m ahead
        (Location(0, 3, 180, True), 0, False),  # behind
        (Location(5, 8, 0, True), 0, False),  # 1.25 m to the left
        (Location(0, 8, 180, True), 1, True),  # underneath: at any bearing
    ],
)
def test_pixels_are_counted_only_where_they_may_be(
    learning: LearningConfig, here: Location, counted: int, claimable: bool
) -> None:
    room = Room(0.0, 2.0)
    room.here = here
    assert (expert(room, {Place(0, 0)}, learning).sees(here) is not None) == claimable
    assert room.counted == counted
    room.pixels = 9
    assert expert(room, {Place(0, 0)}, learning).sees(here) is None


def test_pixels_are_counted_by_cells_of_16_by_16(learning: LearningConfig) -> None:
    room = Room(0.0, 2.0)
    room.here = here = Location(0, 3, 0, True)
    room.pixels = 17 * 224 + 5  # seventeen rows, and five pixels of the next one
    cells = expert(room, {Place(0, 0)}, learning).sees(here)
    assert cells is not None and cells.shape == (14, 14) and cells.dtype == np.uint8
    # 256 pixels do not fit into a byte.
    assert (cells[0] == 255).all()
    assert cells[1].tolist() == [21, *[16] * 13]
    assert not cells[2:].any()


def test_geometry_by_hand() -> None:
    """Looking east (90) from (1, 0) steps: a point at (1.25, 1) m is 1 m ahead and 1 m to the left."""
    distance, bearing = distance_and_bearing(1, 0, 90, (1.25, 1.0))
    assert distance == pytest.approx(2**0.5) and bearing == pytest.approx(45)
    assert distance_and_bearing(0, 0, 180, (0.0, 2.0)) == (2.0, 180.0)
    assert facing([Place(0, 0), Place(0, 3), Place(0, 9)], (0.0, 1.0), 0.5, 1.0, 35) == [(0, 0, 0)]
    for yaw in (0, 90, 180, 270):
        frame = Frame(1.0, 0.9, -2.0, yaw)
        x, z = frame.position(Place(3, -5))
        assert to_point(frame, {"x": x, "z": z}) == pytest.approx((3 * STEP, -5 * STEP))

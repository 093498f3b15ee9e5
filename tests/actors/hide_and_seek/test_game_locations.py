"""Location tuples and frames, by hand and as properties."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.hide_and_seek.locations import ROTATIONS, Frame, Location, Place, all_locations, extrapolated

LOCATIONS = st.builds(Location, st.integers(-20, 20), st.integers(-20, 20), st.sampled_from(ROTATIONS), st.booleans())
FRAMES = st.builds(
    Frame, st.floats(-5, 5, width=32), st.just(0.9), st.floats(-5, 5, width=32), st.sampled_from(ROTATIONS)
)


def test_steps_go_where_the_agent_looks() -> None:
    north, east = Location(0, 0, 0, True), Location(2, 3, 90, False)
    assert north.moved(ahead=1) == (0, 1, 0, True)
    assert north.moved(right=1) == (1, 0, 0, True)
    assert east.moved(ahead=1) == (3, 3, 90, False)
    assert east.moved(right=1) == (2, 2, 90, False)
    assert Location(0, 0, 180, True).moved(right=2) == (-2, 0, 180, True)
    assert Location(0, 0, 270, True).moved(ahead=1, right=1) == (-1, 1, 270, True)


def test_extrapolation_is_one_ahead_then_none_or_one_to_the_side() -> None:
    assert set(extrapolated(Location(0, 0, 90, True))) == {(1, 0, 90, True), (1, 1, 90, True), (1, -1, 90, True)}


def test_a_place_has_eight_location_tuples() -> None:
    assert len(all_locations([Place(0, 0), Place(1, 0)])) == 16


def test_a_frame_by_hand() -> None:
    """The agent starts at (1, 2) and looks east; its right is south."""
    frame = Frame(1.0, 0.9, 2.0, 90)
    assert frame.position(Place(x=0, z=4)) == (2.0, 2.0)
    assert frame.position(Place(x=4, z=0)) == (1.0, 1.0)
    assert frame.to_world(Location(4, 4, 270, False)) == {
        "position": {"x": 2.0, "y": 0.9, "z": 1.0},
        "rotation": 0.0,
        "horizon": 30.0,
        "standing": False,
    }


@given(FRAMES, LOCATIONS)
def test_to_the_world_and_back(frame: Frame, location: Location) -> None:
    world = frame.to_world(location)
    agent = {
        "position": world["position"],
        "rotation": {"y": world["rotation"] % 360},
        "isStanding": world["standing"],
    }
    assert frame.to_location(agent) == location


@given(LOCATIONS, LOCATIONS)
def test_to_another_pose_and_back(location: Location, origin: Location) -> None:
    assert location.seen_from(origin).from_frame_of(origin) == location
    assert origin.seen_from(origin)[:3] == (0, 0, 0)


@given(LOCATIONS, LOCATIONS)
def test_a_step_ahead_is_ahead_in_every_frame(location: Location, origin: Location) -> None:
    assert location.moved(ahead=1).seen_from(origin) == location.seen_from(origin).moved(ahead=1)

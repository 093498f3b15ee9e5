"""Streams of steps, cut into unrolls and joined again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.hide_and_seek.learning.observed import Observed
from actors.hide_and_seek.learning.unrolls import Recorded, Recurrent, Unroll, UnrollBuilder
from replay.hide_and_seek.unroll import UnrollShape, unroll_fields

SIZE = 2


def shape(length: int) -> UnrollShape:
    return UnrollShape(length, SIZE, grid_channels=1, core_size=1, max_places=1, map_size=1)


def state(at: float) -> Recurrent:
    """A state that is told from others by one number."""
    return Recurrent(
        np.full((1, 7, 7), at, np.float32), np.full(1, at, np.float32), np.full(1, at, np.float32),
        np.full((1, 1), at, np.float32), np.full((1, 4), at, np.int16), np.full(1, at, np.int32),
    )  # fmt: skip


def observed(number: int, first: bool = False) -> Observed:
    image = np.full((SIZE, SIZE, 3), number % 256, np.uint8)
    return Observed(image, number, bool(number % 2), 0, (number, 0, 0, 1), -1, -1, first, False)


def recorded(number: int, step: int, ended: bool, at: Recurrent | None) -> Recorded:
    logits = np.full(219, number, np.float32)
    return Recorded(observed(number, step == 0), number % 219, logits, number / 4, ended, True, step, at)


@given(st.integers(1, 6), st.lists(st.integers(1, 9), min_size=1, max_size=8), st.data())
def test_cut_and_joined_again_the_stream_is_as_before(length: int, episodes: list[int], data: st.DataObject) -> None:
    """The parts may be handed over whole episode by episode, or piece by piece as soon as they are made."""
    builder, unrolls, number = UnrollBuilder(shape(length), stage=2, version=7, number=9), list[Unroll](), 0
    for steps in episodes:
        waiting: list[Recorded] = []
        for step in range(steps):
            keeps = builder.keeps_state(len(waiting))
            assert keeps == (number % length == 0)
            waiting.append(recorded(number, step, step == steps - 1, state(number) if keeps else None))
            number += 1
            if data.draw(st.booleans()):
                unrolls += builder.add(waiting)
                waiting = []
        unrolls += builder.add(waiting)
    unrolls += builder.close(observed(number))

    count = number // length
    assert len(unrolls) == count
    for name, (size, dtype) in unroll_fields(shape(length)).items():
        if name == "key":
            continue  # the player adds it
        assert all(one[name].shape == size and one[name].dtype == dtype for one in unrolls), name
    if not count:
        return
    numbers = np.arange(count * length)
    for name, expected in (("rewards", numbers / 4), ("actions", numbers % 219), ("hits", np.full(len(numbers), -1))):
        assert np.concatenate([one[name] for one in unrolls]).tolist() == expected.tolist()
    ends = np.cumsum(episodes)
    starts = {0, *ends.tolist()}
    assert np.concatenate([one["ended"] for one in unrolls]).tolist() == [number + 1 in ends for number in numbers]
    for index, one in enumerate(unrolls):
        window = np.arange(index * length, (index + 1) * length + 1)
        assert one["last_actions"].tolist() == window.tolist()
        assert one["images"][:, 0, 0, 0].tolist() == (window % 256).tolist()
        # The observation after the stream's end is no episode's first.
        assert one["firsts"].tolist() == [at in starts and at < number for at in window]
        for name in ("grid", "hidden", "cell", "map_values", "map_keys", "map_written"):
            assert (one[name] == index * length).all(), name
        assert (one["stage"], one["version"], one["number"]) == (2, 7, 9)


def test_an_unroll_waits_for_the_observation_after_it() -> None:
    builder = UnrollBuilder(shape(2), 0, 0, 0)
    assert builder.add([recorded(0, 0, False, state(0)), recorded(1, 1, True, None)]) == []
    (unroll,) = builder.add([recorded(2, 0, False, state(2))])
    assert unroll["firsts"].tolist() == [True, False, True]
    assert builder.close(observed(3)) == []


def test_the_first_step_of_an_unroll_needs_its_state() -> None:
    with pytest.raises(ValueError, match="needs the recurrent state"):
        UnrollBuilder(shape(2), 0, 0, 0).add([recorded(0, 0, False, None)])


def test_labels_reach_their_fields() -> None:
    step = recorded(0, 0, True, state(0))
    step.hindsight, step.hit, step.tried, step.tried_landed = 1, 1, 3, 4
    step.contained, step.expert, step.claimable = 1, 6, 0
    step.feasible = np.arange(147, dtype=np.float32)
    other = recorded(1, 0, False, None)
    unroll, = UnrollBuilder(shape(2), 0, 0, 0).add([step, other, recorded(2, 1, False, state(2))])  # fmt: skip
    expected = {
        "hindsight": [1, -1], "hits": [1, -1], "tried": [3, -1], "tried_landed": [4, -1], "contained": [1, -1],
        "experts": [6, -1], "claimable": [0, -1],
    }  # fmt: skip
    assert {name: unroll[name].tolist() for name in expected} == expected
    assert unroll["feasible"][0].tolist() == list(range(147)) and np.isnan(unroll["feasible"][1]).all()


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (0, []),
        (2, [[0, 1, 0, 1, 0]]),
        (3, [[0, 1, 2, 0, 1]]),
        (4, [[0, 1, 2, 3, 0]]),
        (6, [[0, 1, 2, 3, 4], [4, 5, 0, 1, 2]]),
        (8, [[0, 1, 2, 3, 4], [4, 5, 6, 7, 0]]),
    ],
)
def test_the_last_unroll_of_a_game_is_filled_from_its_first_step(steps: int, expected: list[list[int]]) -> None:
    """Unrolls of 4 steps, each with the observation after it; then another game begins with its own state."""
    builder = UnrollBuilder(shape(4), 1, 0, 0)
    unrolls = builder.add(recorded(at, at, at == steps - 1, state(at)) for at in range(steps))
    unrolls += builder.fill()
    assert [one["last_actions"].tolist() for one in unrolls] == expected
    assert [one["hidden"].item() for one in unrolls] == [row[0] for row in expected]
    assert all(one["firsts"].tolist() == [at == 0 for at in row] for one, row in zip(unrolls, expected, strict=True))
    assert builder.keeps_state(0) and builder.fill() == []
    other = builder.add([recorded(50, 0, True, state(50))]) + builder.fill()
    assert [one["last_actions"].tolist() for one in other] == [[50] * 5]

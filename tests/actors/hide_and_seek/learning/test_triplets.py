"""Triplets that are balanced over what happened."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from actors.hide_and_seek.actions import INDEX
from actors.hide_and_seek.learning.triplets import GROUPS, NO_GROUP, Reservoir, Triplet, group
from replay.hide_and_seek.triplet import triplet_fields

AHEAD, LEFT, OPEN, OTHER = (INDEX[name] for name in ("MoveAhead", "MoveLeft", "OpenAt(1,1)", "OpenAt(7,7)"))


def triplet(number: int, action: int, succeeded: bool = True) -> Triplet:
    image = np.full((2, 2, 3), number % 256, np.uint8)
    return Triplet(image, image + 1, action, succeeded, goal=3)


def test_groups_are_actions_with_success_and_cells_do_not_matter() -> None:
    """24 actions without PlaceAt, the 49 of OpenAt as one, each with two outcomes."""
    assert GROUPS == 48
    assert group(OPEN, True) == group(OTHER, True) != group(OPEN, False)
    assert group(AHEAD, True) != group(LEFT, True)
    assert group(INDEX["PlaceAt(Behind,2,3)"], True) == NO_GROUP
    found = {group(action, succeeded) for action in range(219) for succeeded in (False, True)} - {NO_GROUP}
    assert found == set(range(GROUPS))


def test_a_frequent_action_does_not_dominate() -> None:
    """Of 900 moves ahead, 30 to the left and 3 openings, 12 are kept: all openings, the rest in equal parts."""
    reservoir, random = Reservoir(12, np.random.default_rng(1)), np.random.default_rng(2)
    actions = np.array([AHEAD] * 900 + [LEFT] * 30 + [OPEN] * 3)
    for number, action in enumerate(random.permutation(actions).tolist()):
        reservoir.add(triplet(number, action))
    records = reservoir.records(5)
    counts = Counter(int(record["action"]) for record in records)
    assert counts[OPEN] == 3 and sorted((counts[AHEAD], counts[LEFT])) in ([4, 5],)
    assert len({record["before"].tobytes() for record in records}) == 12
    for name, (size, dtype) in triplet_fields(2).items():
        if name == "key":
            continue  # the player adds it
        assert all(record[name].shape == size and record[name].dtype == dtype for record in records), name
    assert all((record["after"] == record["before"] + 1).all() and record["version"] == 5 for record in records)


def test_triplets_at_which_the_goal_could_be_claimed_are_grouped_by_the_goal() -> None:
    cells = np.zeros((14, 14), np.uint8)
    cells[2, 5] = 40
    plain = triplet(0, AHEAD)
    assert plain._replace(claimable=0).group == plain.group == group(AHEAD, True)
    seen = plain._replace(claimable=1, goal_cells=cells)
    assert seen.group == GROUPS + 3 and seen._replace(action=LEFT).group == seen.group
    reservoir = Reservoir(3, np.random.default_rng(0))
    for one in (plain, seen, plain._replace(claimable=0)):
        reservoir.add(one)
    found = {int(record["claimable"]): record["goal_cells"] for record in reservoir.records(0)}
    assert set(found) == {-1, 0, 1} and (found[1] == cells).all() and not found[0].any() and not found[-1].any()


def test_within_a_group_each_is_kept_as_often() -> None:
    """Of 10 equal steps 2 are kept: each with probability 0.2, so 200 of 1000 times, give or take 5 deviations."""
    kept: Counter[int] = Counter()
    for seed in range(1000):
        reservoir = Reservoir(2, np.random.default_rng(seed))
        for number in range(10):
            reservoir.add(triplet(number, AHEAD))
        kept.update(int(record["before"][0, 0, 0]) for record in reservoir.records(0))
    assert sum(kept.values()) == 2000
    assert max(abs(kept[number] - 200) for number in range(10)) < 5 * (1000 * 0.2 * 0.8) ** 0.5


def test_too_few_are_repeated_and_none_is_an_error() -> None:
    reservoir = Reservoir(7, np.random.default_rng(0))
    reservoir.add(triplet(0, INDEX["PlaceAt(OnTop,1,1)"]))
    with pytest.raises(ValueError, match="without a single triplet"):
        reservoir.records(0)
    for number in range(3):
        reservoir.add(triplet(number, AHEAD))
    records = reservoir.records(0)
    assert len(records) == 7 and {int(record["before"][0, 0, 0]) for record in records} == {0, 1, 2}
    assert Reservoir(0, np.random.default_rng(0)).records(0) == []

"""Chooses a task's triplets of visual dynamics replay, balanced over the kinds of what happened.

Source: Weihs et al., appendix C.2: triplets are grouped and subsampled so that no action dominates. Ours: those at
which the goal could be claimed are grouped by the goal instead, because they are few and teach what goals look like;
and a reservoir that always gives up a triplet of its largest group (class-balancing reservoir sampling, Chrysakis and
Moens, ICML 2020).
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek.actions import ACTIONS, Kind
from replay.hide_and_seek.triplet import SIGHT_GRID
from replay.hide_and_seek.unroll import UNKNOWN

NO_GROUP = -1
NO_CELLS = np.zeros((SIGHT_GRID, SIGHT_GRID), np.uint8)
NO_CELLS.setflags(write=False)


def _groups() -> list[int]:
    """Number of each action among those that triplets tell apart; NO_GROUP for PlaceAt."""
    names = dict.fromkeys(
        "OpenAt" if action.kind is Kind.OPEN else action.name for action in ACTIONS if action.kind is not Kind.PLACE
    )
    order = {name: number for number, name in enumerate(names)}
    return [order["OpenAt"] if action.kind is Kind.OPEN else order.get(action.name, NO_GROUP) for action in ACTIONS]


_GROUPS = _groups()
GROUPS = 2 * (max(_GROUPS) + 1)
"""Number of groups of actions: all cells of OpenAt are one action; PlaceAt has none, as many steps lie between its
images."""


def group(action: int, succeeded: bool) -> int:
    """The group of an action and its success; NO_GROUP if it makes no triplet."""
    number = _GROUPS[action]
    return NO_GROUP if number == NO_GROUP else 2 * number + int(succeeded)


class Triplet(NamedTuple):
    """The images before and after a step."""

    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    action: int
    succeeded: bool
    goal: int
    """Index into GOALS."""
    claimable: int = UNKNOWN
    """Whether ClaimVisible would have succeeded before the step."""
    goal_cells: NDArray[np.uint8] | None = None
    """(14, 14) pixels of the goal in each cell of the image before, if it could be claimed."""

    @property
    def group(self) -> int:
        """Number of the group; NO_GROUP if it makes no triplet."""
        return GROUPS + self.goal if self.claimable == 1 else group(self.action, self.succeeded)


class Reservoir:
    """Keeps N of the triplets that it sees, with groups as equal as they can be, and random within a group.

    Args:
        size: N; 0: it keeps nothing.
        random: draws what is kept.
    """

    def __init__(self, size: int, random: np.random.Generator) -> None:
        self._size, self._random = size, random
        self._kept: dict[int, list[Triplet]] = defaultdict(list)
        self._seen: dict[int, int] = defaultdict(int)
        self._count = 0

    def add(self, triplet: Triplet) -> None:
        """Sees a triplet."""
        number = triplet.group
        if not self._size or number == NO_GROUP:
            return
        kept = self._kept[number]
        self._seen[number] += 1
        if self._count < self._size:
            kept.append(triplet)
            self._count += 1
            return
        most = max(len(others) for others in self._kept.values())
        if len(kept) < most:
            largest = min(other for other, others in self._kept.items() if len(others) == most)
            others = self._kept[largest]
            others.pop(int(self._random.integers(len(others))))
            kept.append(triplet)
        else:
            at = int(self._random.integers(self._seen[number]))
            if at < len(kept):
                kept[at] = triplet

    def records(self, version: int) -> list[dict[str, NDArray[np.generic]]]:
        """N records of `replay.hide_and_seek.triplet`, in random order; some come twice if it saw fewer.

        Raises:
            ValueError: it saw none.
        """
        every = [(number, one) for number in sorted(self._kept) for one in self._kept[number]]
        if not every and self._size:
            raise ValueError("a task without a single triplet cannot give some")
        more = self._random.integers(len(every), size=self._size - len(every)).tolist() if every else []
        chosen = [*range(len(every)), *more]
        self._random.shuffle(chosen)
        return [
            {
                "before": one.before,
                "after": one.after,
                "action": np.asarray(one.action, np.int64),
                "succeeded": np.asarray(one.succeeded, np.bool_),
                "goal": np.asarray(one.goal, np.int64),
                "claimable": np.asarray(one.claimable, np.int8),
                "goal_cells": NO_CELLS if one.goal_cells is None else one.goal_cells,
                "group": np.asarray(number, np.int64),
                "version": np.asarray(version, np.int64),
            }
            for number, one in (every[index] for index in chosen)
        ]

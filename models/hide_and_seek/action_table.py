"""The order of the game's 219 actions and their legality by stage, for code that must not import the game.

`actors/hide_and_seek/actions.py` defines the actions; a test compares the two. Source: Weihs et al., Table G.1.
"""

from __future__ import annotations

import numpy as np

from replay.hide_and_seek.unroll import ACTIONS, STAGES

GRID = 7
"""Rows and columns of cells in a picture."""
TARGETS = 3 * GRID * GRID
"""Number of targets of a PlaceAt: 49 modality + 7 row + column."""
GOALS = 5
"""Number of the game's goal objects."""

MOVE = slice(0, 3)
ROTATE = slice(3, 5)
POSTURE = slice(5, 7)
MOVE_HAND = slice(7, 13)
ROTATE_HAND = slice(13, 19)
DROP = 19
OPEN = slice(20, 69)
"""By cell: 7 row + column."""
CLOSE = 69
PLACE = slice(70, 217)
"""By target: 49 modality (OnTop, ContainedIn, Behind) + 7 row + column."""
READY = 217
CLAIM = 218

ALIKE = np.ones(ACTIONS, np.int64)
"""(219,) of how many actions of its sort each action is one: cells of OpenAt, of PlaceAt with one modality, and ways to
turn the hand. Other actions are of a sort of their own."""
ALIKE[OPEN] = ALIKE[PLACE] = GRID**2
ALIKE[ROTATE_HAND] = ROTATE_HAND.stop - ROTATE_HAND.start
ALIKE.setflags(write=False)

EXPLORE_STAGE, HIDE_STAGE, MANIPULATE_STAGE, SEEK_STAGE = range(len(STAGES))
"""Indices into `replay.hide_and_seek.unroll.STAGES`."""

LEGAL: dict[int, tuple[slice | int, ...]] = {
    EXPLORE_STAGE: (MOVE, ROTATE, POSTURE, OPEN, CLOSE),
    HIDE_STAGE: (POSTURE, OPEN, CLOSE, PLACE, READY),
    MANIPULATE_STAGE: (MOVE_HAND, ROTATE_HAND, DROP, OPEN),
    SEEK_STAGE: (MOVE, ROTATE, POSTURE, OPEN, CLOSE, CLAIM),
}
"""Kinds of actions that a stage allows."""

MASKS = np.zeros((len(STAGES), ACTIONS), np.bool_)
"""(4, 219) bool: the legal actions of each stage."""
for _stage, _kinds in LEGAL.items():
    for _kind in _kinds:
        MASKS[_stage][_kind] = True
MASKS.setflags(write=False)

STAGE_ACTIONS: tuple[tuple[int, ...], ...] = tuple(tuple(mask.nonzero()[0].tolist()) for mask in MASKS)
"""By stage: the legal actions, ascending."""


def _mirrored() -> np.ndarray:
    table = np.arange(ACTIONS)
    # Left and right: moves, turns, moves of the hand (ahead, left, right, ...); turns of the hand about Y and Z.
    pairs = [(1, 2), (3, 4), (8, 9), (15, 16), (17, 18)]
    for first, second in pairs:
        table[[first, second]] = second, first
    for cells in (OPEN, PLACE):
        table[cells] = table[cells].reshape(-1, GRID)[:, ::-1].ravel()
    table.setflags(write=False)
    return table


MIRRORED = _mirrored()
"""(219,) int: what each action does as a mirror shows it, left and right exchanged."""

PREDICTABLE = np.ones(ACTIONS, np.bool_)
"""(219,) bool: the actions whose next picture visual dynamics replay predicts; after the others it changes too much, or
not at all (appendix C.2)."""
for _kind in (ROTATE, OPEN, CLOSE, PLACE, READY, CLAIM):
    PREDICTABLE[_kind] = False
PREDICTABLE.setflags(write=False)

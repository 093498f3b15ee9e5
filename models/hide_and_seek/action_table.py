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

MOVE = range(0, 3)
ROTATE = range(3, 5)
POSTURE = range(5, 7)
MOVE_HAND = range(7, 13)
ROTATE_HAND = range(13, 19)
DROP = range(19, 20)
OPEN = range(20, 69)
"""By cell: 7 row + column."""
CLOSE = range(69, 70)
PLACE = range(70, 217)
"""By target: 49 modality (OnTop, ContainedIn, Behind) + 7 row + column."""
READY = range(217, 218)
CLAIM = range(218, 219)

EXPLORE_STAGE, HIDE_STAGE, MANIPULATE_STAGE, SEEK_STAGE = range(len(STAGES))
"""Indices into `replay.hide_and_seek.unroll.STAGES`."""

LEGAL = {
    EXPLORE_STAGE: (MOVE, ROTATE, POSTURE, OPEN, CLOSE),
    HIDE_STAGE: (POSTURE, OPEN, CLOSE, PLACE, READY),
    MANIPULATE_STAGE: (MOVE_HAND, ROTATE_HAND, DROP, OPEN),
    SEEK_STAGE: (MOVE, ROTATE, POSTURE, OPEN, CLOSE, CLAIM),
}
"""Kinds of actions that a stage allows."""

STAGE_ACTIONS = tuple(tuple(action for kind in LEGAL[stage] for action in kind) for stage in range(len(STAGES)))
"""By stage: the legal actions, ascending."""

MASKS = np.zeros((len(STAGES), ACTIONS), np.bool_)
"""(4, 219) bool: the legal actions of each stage."""
for _stage, _actions in enumerate(STAGE_ACTIONS):
    MASKS[_stage, list(_actions)] = True
MASKS.setflags(write=False)

"""The table of actions for code that must not import the game."""

from __future__ import annotations

import numpy as np
import pytest

from actors.hide_and_seek.actions import ACTIONS, MASKS, Kind, Stage
from actors.hide_and_seek.scenes import GOALS
from models.hide_and_seek import action_table
from replay.hide_and_seek.unroll import STAGES


@pytest.mark.parametrize("kind", list(Kind))
def test_kinds_have_the_games_numbers(kind: Kind) -> None:
    name = kind.name
    part = getattr(action_table, name)
    expected = [number for number, action in enumerate(ACTIONS) if action.kind is kind]
    assert np.atleast_1d(np.arange(len(ACTIONS))[part]).tolist() == expected


def test_masks_are_the_games() -> None:
    assert action_table.MASKS.shape == (4, 219)
    for stage, name in enumerate(STAGES):
        np.testing.assert_array_equal(action_table.MASKS[stage], MASKS[Stage(name)])
        assert list(action_table.STAGE_ACTIONS[stage]) == MASKS[Stage(name)].nonzero()[0].tolist()


def test_cells_and_targets_are_in_the_games_order() -> None:
    for number, action in enumerate(ACTIONS):
        if action.kind is Kind.PLACE:
            modality, row, column = action.target
            assert number == action_table.PLACE.start + 49 * list(type(modality)).index(modality) + 7 * row + column
        if action.kind is Kind.OPEN:
            assert action.row is not None and action.column is not None
            assert number == action_table.OPEN.start + 7 * action.row + action.column


def test_predictable_actions_and_goals() -> None:
    kinds = {ACTIONS[number].kind for number in action_table.PREDICTABLE.nonzero()[0]}
    assert kinds == {Kind.MOVE, Kind.POSTURE, Kind.MOVE_HAND, Kind.ROTATE_HAND, Kind.DROP}
    assert len(GOALS) == action_table.GOALS


def test_numbers_of_stages() -> None:
    numbers = {name: getattr(action_table, f"{name.upper()}_STAGE") for name in STAGES}
    assert numbers == {"explore": 0, "hide": 1, "manipulate": 2, "seek": 3}


def test_a_mirror_exchanges_left_and_right() -> None:
    names = [action.name for action in ACTIONS]
    assert (action_table.MIRRORED[action_table.MIRRORED] == range(219)).all()
    changed = {names[a]: names[b] for a, b in enumerate(action_table.MIRRORED) if a != b and "At(" not in names[a]}
    assert changed == {
        "MoveLeft": "MoveRight", "MoveRight": "MoveLeft", "RotateLeft": "RotateRight", "RotateRight": "RotateLeft",
        "MoveHandLeft": "MoveHandRight", "MoveHandRight": "MoveHandLeft", "RotateHand-Y": "RotateHand+Y",
        "RotateHand+Y": "RotateHand-Y", "RotateHand-Z": "RotateHand+Z", "RotateHand+Z": "RotateHand-Z",
    }  # fmt: skip
    assert names[action_table.MIRRORED[names.index("OpenAt(2,1)")]] == "OpenAt(2,7)"
    assert names[action_table.MIRRORED[names.index("PlaceAt(Behind,3,4)")]] == "PlaceAt(Behind,3,4)"
    assert names[action_table.MIRRORED[names.index("PlaceAt(OnTop,7,6)")]] == "PlaceAt(OnTop,7,2)"

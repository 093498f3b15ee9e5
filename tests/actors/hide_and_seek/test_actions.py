"""The 219 actions, their names, and the masks of the stages."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from actors.hide_and_seek.actions import ACTIONS, INDEX, MASKS, IllegalAction, Kind, Stage, legal_action
from actors.hide_and_seek.pixels import Modality


def test_there_are_219_actions_of_eleven_kinds() -> None:
    """3 + 2 + 2 + 6 + 6 + 1 + 49 + 1 + 147 + 1 + 1, each with its own name."""
    assert len(ACTIONS) == len(INDEX) == 219
    assert Counter(action.kind for action in ACTIONS) == {
        Kind.MOVE: 3,
        Kind.ROTATE: 2,
        Kind.POSTURE: 2,
        Kind.MOVE_HAND: 6,
        Kind.ROTATE_HAND: 6,
        Kind.DROP: 1,
        Kind.OPEN: 49,
        Kind.CLOSE: 1,
        Kind.PLACE: 147,
        Kind.READY: 1,
        Kind.CLAIM: 1,
    }


def test_masks_allow_what_table_g1_says() -> None:
    assert {stage: int(mask.sum()) for stage, mask in MASKS.items()} == {
        Stage.EXPLORE: 3 + 2 + 2 + 49 + 1,
        Stage.PERSPECTIVE: 0,
        Stage.HIDE: 2 + 49 + 1 + 147 + 1,
        Stage.MANIPULATE: 6 + 6 + 1 + 49,
        Stage.SEEK: 3 + 2 + 2 + 49 + 1 + 1,
    }
    assert not MASKS[Stage.HIDE][INDEX["MoveAhead"]]
    assert not MASKS[Stage.MANIPULATE][INDEX["CloseObjects"]]
    assert not MASKS[Stage.EXPLORE][INDEX["ClaimVisible"]]
    assert not any(mask.flags.writeable for mask in MASKS.values())


def test_names_count_cells_from_one() -> None:
    action = ACTIONS[INDEX["PlaceAt(Behind,3,7)"]]
    assert action.target == (Modality.BEHIND, 2, 6)
    assert (ACTIONS[INDEX["OpenAt(1,1)"]].row, ACTIONS[INDEX["OpenAt(7,2)"]].column) == (0, 1)
    with pytest.raises(ValueError, match="only PlaceAt has one"):
        _ = ACTIONS[INDEX["OpenAt(1,1)"]].target


@pytest.mark.parametrize("number", [-1, 219, 1.0, True, "0", None])
def test_a_number_that_is_no_action_is_refused(number: object) -> None:
    with pytest.raises(IllegalAction, match="whole number from 0 to 218"):
        legal_action(number, Stage.SEEK)  # type: ignore[arg-type]


def test_an_action_of_another_stage_is_refused() -> None:
    with pytest.raises(IllegalAction, match=r"ClaimVisible is not legal in stage 'explore', which allows: close, move"):
        legal_action(INDEX["ClaimVisible"], Stage.EXPLORE)
    assert legal_action(np.int64(INDEX["ClaimVisible"]), Stage.SEEK).kind is Kind.CLAIM  # type: ignore[arg-type]

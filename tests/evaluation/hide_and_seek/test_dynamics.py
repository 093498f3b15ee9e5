"""Figures of visual dynamics, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from actors.hide_and_seek.actions import ACTIONS, INDEX
from evaluation.hide_and_seek.dynamics import (
    EXPLORE_ACTIONS,
    Predictions,
    Triplets,
    balanced,
    changed_pixels,
    figures,
    is_predicted,
    l1_changed,
    most_likely,
)

AHEAD, LEFT, TURN, CLAIM = (INDEX[name] for name in ("MoveAhead", "MoveLeft", "RotateLeft", "ClaimVisible"))


def triplets(actions: list[int], succeeded: list[bool]) -> Triplets:
    pictures = np.zeros((len(actions), 2, 2, 3), np.uint8)
    return Triplets(pictures, pictures, np.array(actions), np.array(succeeded), np.arange(len(actions)))


def test_only_actions_of_exploration_are_likely() -> None:
    assert len(EXPLORE_ACTIONS) == 57
    logits = np.zeros((2, len(ACTIONS)), np.float32)
    logits[0, [CLAIM, LEFT]] = 9, 1
    logits[1, TURN] = 1
    assert most_likely(logits).tolist() == [LEFT, TURN]


def test_errors_count_changed_pixels_alone() -> None:
    before, after = np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)
    after[0, 0] = 51, 0, 0
    after[1, 1] = 3, 3, 3  # too little
    changed = changed_pixels(before, after)
    assert changed.tolist() == [[True, False], [False, False]]
    assert l1_changed(np.full((2, 2, 3), 0.1, np.float32), after, changed) == pytest.approx(0.1 + 0.1 + 0.1)
    assert l1_changed((before / 255).astype(np.float32), after, changed) == pytest.approx(0.2)


def test_figures_by_hand() -> None:
    data = triplets([AHEAD, AHEAD, TURN, LEFT, AHEAD], [True, True, True, True, False])
    found = Predictions(
        inverse=np.array([AHEAD, LEFT, TURN, LEFT, AHEAD]),
        success=np.array([2.0, 1.0, 3.0, -1.0, 0.0], np.float32),
        errors=np.array([1.0, 2.0, 50.0, 3.0, 9.0]),
        copied=np.array([4.0, 4.0, 50.0, 4.0, 0.0]),
    )
    result = figures(data, found)
    assert result["vdr_inverse_accuracy"].value == 3 / 4
    assert result["vdr_inverse_accuracy_all"].value == 4 / 5
    assert (result["vdr_inverse_majority"].value, result["vdr_inverse_majority"].n) == (2 / 4, 4)
    assert result["vdr_inverse_majority_all"].value == 3 / 5
    # The rotation is not predicted, and the failed move changed nothing: 1 - (1 + 2 + 3) / 12.
    assert result["vdr_forward_gain"].value == pytest.approx(0.5)
    assert result["vdr_success_auc"].value == 3 / 4
    assert result["vdr_inverse_accuracy"].low is not None


def test_figures_without_triplets_are_left_out() -> None:
    found = figures(
        triplets([TURN], [True]),
        Predictions(np.array([TURN]), np.array([1.0], np.float32), np.array([1.0]), np.array([1.0])),
    )
    assert set(found) == {
        f"vdr_inverse_{name}{end}" for name in ("accuracy", "majority") for end in ("", "_all")
    }  # fmt: skip
    assert is_predicted(np.array([AHEAD, TURN, INDEX["OpenAt(1,1)"], INDEX["Crouch"]])).tolist() == [
        True, False, False, True,
    ]  # fmt: skip


def test_samples_are_balanced_over_groups() -> None:
    groups = [("move", True)] * 6 + [("open", False)] * 1 + [("open", True)] * 3
    chosen = balanced(groups, 5, np.random.default_rng(0))
    assert sorted(groups[index] for index in chosen) == [("move", True)] * 2 + [("open", False)] + [("open", True)] * 2
    assert balanced(groups, 99, np.random.default_rng(0)) == list(range(10))

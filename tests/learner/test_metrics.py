"""Reported figures worked by hand."""

from __future__ import annotations

import torch

from learner.interaction.metrics import force_agreement, foreground_iou
from learner.interaction.targets import Touches
from replay.interaction.record import Feedback


def touches(cells: list[int], magnitudes: list[int], feedback: list[Feedback]) -> Touches:
    return Touches(torch.tensor([cells]), torch.tensor([magnitudes]), torch.tensor([feedback]))


def test_foreground_iou() -> None:
    moved, still, dropped = Feedback.MOVED, Feedback.UNSUCCESSFUL, Feedback.DROPPED
    batch = touches([0, 1, 2, 3, 4, 5], [2] * 6, [moved, moved, still, still, dropped, moved])
    score = torch.full((1, 100, 100), 9.0)  # untouched cells do not count
    score[0, 0, :6] = torch.tensor([1.0, -1.0, 2.0, -3.0, 4.0, 0.5])
    # predicted: 0, 2, 5 (4 is dropped); successful: 0, 1, 5 -> 2 of 4
    assert foreground_iou(score, batch) == 0.5
    assert foreground_iou(score, touches([3], [2], [still])).isnan()


def test_force_agreement() -> None:
    force = torch.zeros(1, 3, 100, 100)
    force[0, 1, 0, :5] = 1.0  # cells 0 to 4 prefer the middle magnitude
    feedback = [
        Feedback.JUST_RIGHT,  # predicted 1: agrees
        Feedback.TOO_SMALL,  # predicted 0, so 1 or 2: agrees
        Feedback.TOO_LARGE,  # predicted 1, so 0: disagrees
        Feedback.TOO_SMALL,  # predicted 2: nothing to say, not counted
        Feedback.MOVED,  # not counted
    ]
    batch = touches([0, 1, 2, 3, 4], [1, 0, 1, 2, 1], feedback)
    torch.testing.assert_close(force_agreement(force, batch), torch.tensor(2 / 3))
    assert force_agreement(force, touches([4], [1], [Feedback.MOVED])).isnan()

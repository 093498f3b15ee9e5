"""Metrics of a training step; the paper's losses have no values to report (docs/interaction.md, Losses).

All functions return scalars on the device, NaN if nothing can be measured. A step moves them to the host once.
"""

from __future__ import annotations

import torch
from torch import Tensor

from learner.interaction.targets import Touches, force_marks
from replay.interaction.record import MAGNITUDES, Feedback


def foreground_iou(score: Tensor, touches: Touches) -> Tensor:
    """IoU of predicted (s > 0) and observed (successful) foreground over the touched cells of a batch.

    Untouched cells have no target and do not count; neither do dropped touches.

    Args:
        score: (B, 100, 100) interaction score s, a logit.
        touches: the batch's touches.
    """
    predicted = score.flatten(1).gather(1, touches.cells) > 0
    successful = touches.successful
    either = (predicted & (touches.feedback != Feedback.DROPPED)) | successful
    return (predicted & successful).sum() / either.sum()


def force_agreement(force: Tensor, touches: Touches) -> Tensor:
    """Share of touches with a force target whose largest force logit agrees with the feedback.

    Args:
        force: (B, 3, 100, 100) force logits.
        touches: the batch's touches; "just right" supports the predicted magnitude, "too small" ("too large") all
            larger (smaller) ones.
    """
    cells = touches.cells[:, None].expand(-1, MAGNITUDES, -1)
    choice = force.flatten(2).gather(2, cells).argmax(dim=1)  # (B, T)
    marks = torch.stack([force_marks(touches, magnitude) for magnitude in range(MAGNITUDES)], dim=1)  # (B, 3, T)
    agrees = marks.gather(1, choice[:, None])[:, 0]
    return agrees.sum() / marks.any(dim=1).sum()

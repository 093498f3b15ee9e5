"""Figures of visual dynamics on held-out triplets: inverse dynamics, the forward model, and success (appendix C.2).

All functions are pure: arrays in, arrays or estimates out. Intervals are bootstraps over the walks that collected the
triplets, because triplets of one walk depend on each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actors.hide_and_seek.actions import ACTIONS, MASKS, Kind, Stage
from actors.hide_and_seek.metrics import Estimate
from evaluation.hide_and_seek.estimates import bootstrap, ratio
from models.hide_and_seek.dynamics_metrics import area_under_roc

EXPLORE_ACTIONS = np.flatnonzero(MASKS[Stage.EXPLORE])
"""Numbers of the 57 actions of exploration."""
PREDICTED = (Kind.MOVE, Kind.POSTURE)
"""Kinds of exploration's actions for which the forward model is trained (paper; it leaves out rotations and doors)."""
CHANGED = 3
"""A pixel has changed if one of its channels differs by more than this, of 255 (ours)."""


@dataclass(frozen=True)
class Triplets:
    """N triplets of exploration."""

    before: NDArray[np.uint8]
    """(N, S, S, 3) RGB"""
    after: NDArray[np.uint8]
    """(N, S, S, 3)"""
    action: NDArray[np.int64]
    """(N,) index into the game's actions."""
    succeeded: NDArray[np.bool_]
    """(N,)"""
    walk: NDArray[np.int64]
    """(N,) number of the walk from which each comes."""

    def __len__(self) -> int:
        return len(self.action)


@dataclass(frozen=True)
class Predictions:
    """What a network says of N triplets."""

    inverse: NDArray[np.int64]
    """(N,) the most likely action of exploration, from both pictures and the success."""
    success: NDArray[np.float32]
    """(N,) logit of success, from the picture before and the action."""
    errors: NDArray[np.float64]
    """(N,) l1 between the predicted next picture and the true one, summed over changed pixels; see `l1_changed`."""
    copied: NDArray[np.float64]
    """(N,) the same for the picture before instead of the predicted one."""


def changed_pixels(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(..., H, W) which pixels of (..., H, W, 3) pictures differ."""
    difference = np.abs(before.astype(np.int16) - after.astype(np.int16)).max(axis=-1)
    found: NDArray[np.bool_] = difference > CHANGED
    return found


def l1_changed(picture: NDArray[np.float32], after: NDArray[np.uint8], changed: NDArray[np.bool_]) -> float:
    """Sum of the absolute differences of an (H, W, 3) picture in [0, 1] and the true one over changed pixels."""
    return float(np.abs(picture - after.astype(np.float32) / 255)[changed].sum(dtype=np.float64))


def most_likely(logits: NDArray[np.float32]) -> NDArray[np.int64]:
    """(N,) the action of exploration with the largest of (N, 219) logits."""
    best: NDArray[np.int64] = EXPLORE_ACTIONS[logits[:, EXPLORE_ACTIONS].argmax(axis=1)]
    return best


def is_predicted(action: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N,) whether the forward model is trained for an action."""
    kinds = np.array([one.kind in PREDICTED for one in ACTIONS])
    found: NDArray[np.bool_] = kinds[action]
    return found


def figures(triplets: Triplets, found: Predictions) -> dict[str, Estimate]:
    """The figures of visual dynamics with 95 % intervals; those without any triplet are left out.

    Keys:
        vdr_inverse_accuracy: share of the successful actions that are told right from both pictures. A failed action
            leaves the picture as it was, so nothing tells which it was.
        vdr_inverse_accuracy_all: the same with the failed actions.
        vdr_inverse_majority: share of the most frequent action among the successful ones.
        vdr_inverse_majority_all: the same among all.
        vdr_forward_gain: 1 - l1(prediction) / l1(copy of the picture before), over the changed pixels of successful
            moves and changes of posture. 0: no better than copying; 1: perfect.
        vdr_success_auc: area under the ROC curve of the predicted success.
    """
    result: dict[str, Estimate] = {}
    right = found.inverse == triplets.action
    for end, chosen in (("", triplets.succeeded), ("_all", np.ones(len(triplets), dtype=bool))):
        if chosen.any():
            groups, actions = triplets.walk[chosen].tolist(), triplets.action[chosen]
            same = actions == np.bincount(actions).argmax()
            result[f"vdr_inverse_accuracy{end}"] = bootstrap(_share_of(right[chosen]), groups, len(actions))
            result[f"vdr_inverse_majority{end}"] = bootstrap(_share_of(same), groups, len(actions))
    moved = triplets.succeeded & is_predicted(triplets.action) & (found.copied > 0)
    if moved.any():
        errors, copied = found.errors[moved], found.copied[moved]
        result["vdr_forward_gain"] = bootstrap(
            lambda at: 1 - ratio(errors[at].sum(), copied[at].sum()), triplets.walk[moved].tolist(), int(moved.sum())
        )
    if triplets.succeeded.any() and not triplets.succeeded.all():
        result["vdr_success_auc"] = bootstrap(
            lambda at: area_under_roc(found.success[at], triplets.succeeded[at]),
            triplets.walk.tolist(),
            len(triplets),
        )
    return result


def _share_of(values: NDArray[np.bool_]) -> Callable[[NDArray[np.int64]], float]:
    """The share of samples for which a condition holds, as a statistic of their indices."""
    return lambda at: float(values[at].mean())


def balanced(groups: Sequence[tuple[str, bool]], count: int, random: np.random.Generator) -> list[int]:
    """Chooses samples so that their groups are as equally large as possible.

    Args:
        groups: of each sample, such as kind of action and success.
        count: number of samples.
        random: draws them.

    Returns:
        Indices, ascending; all of them if there are at most `count`.
    """
    members: dict[tuple[str, bool], list[int]] = {}
    for index in random.permutation(len(groups)).tolist():
        members.setdefault(groups[index], []).append(index)
    queues = [members[group] for group in sorted(members)]
    chosen: list[int] = []
    while queues and len(chosen) < count:
        for queue in queues:
            if len(chosen) < count:
                chosen.append(queue.pop())
        queues = [queue for queue in queues if queue]
    return sorted(chosen)

"""Losses of single stages beside reinforcement: hiding, manipulation and seeking (Weihs et al., appendix C.4).

Logits of policies have the shape (T, B, 219) and are -inf where the stage forbids the action. Labels are whole numbers,
-1 where they are not known. Each function returns the mean over the steps to which it applies, and 0 if there is none.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from learner.hide_and_seek.means import mean_known
from models.hide_and_seek.action_table import CLAIM, CLOSE, GRID, OPEN, PLACE

CELLS = GRID**2
CONTAINED_IN, BEHIND = 1, 2
"""Modalities, in the order in which targets count them."""


# Hiding


def modality_collapse(logits: Tensor) -> Tensor:
    """-1/2 sum_m log pi(PlaceAt of modality m | PlaceAt) for ContainedIn and Behind.

    The probability is that among PlaceAt (ours), so the loss does not encourage PlaceAt itself, which fails once the
    object is hidden.

    Args:
        logits: (T, B, 219) of the hiding policy.
    """
    modalities = logits[..., PLACE].unflatten(-1, (3, CELLS)).logsumexp(-1).log_softmax(-1)
    return -modalities[..., [CONTAINED_IN, BEHIND]].mean()


def spatial_collapse(logits: Tensor, feasible: Tensor) -> Tensor:
    """KL(q || pi(. | PlaceAt)), q being the manipulator's probabilities of success divided by their sum.

    Its gradient is that of the cross-entropy, and it is 0 when the two are equal.

    Args:
        logits: (T, B, 219) of the hiding policy.
        feasible: (T, B, 147) probabilities, not normalised; NaN where the manipulator predicted none.
    """
    known = feasible.isfinite().all(-1) & (feasible.sum(-1) > 0)
    wanted = feasible.where(known[..., None], 1.0)
    wanted = wanted / wanted.sum(-1, keepdim=True)
    log_pi = logits[..., PLACE].log_softmax(-1)
    return mean_known((torch.xlogy(wanted, wanted) - wanted * log_pi).sum(-1), known)


def recall(
    tried_logits: Tensor, tried_landed_logits: Tensor, tried: Tensor, tried_landed: Tensor
) -> tuple[Tensor, Tensor]:
    """Cross-entropies of recalling the latest PlaceAt, and where its object landed.

    Args:
        tried_logits: (T, B, 147)
        tried_landed_logits: (T, B, 148), the last one for an object that was lost or not dropped.
        tried: (T, B) target of the episode's latest PlaceAt before the step; -1: there was none.
        tried_landed: (T, B) where its object landed; -1: lost, if there was a PlaceAt.
    """
    known = tried >= 0
    lost = tried_landed_logits.shape[-1] - 1
    outcomes = tried_landed.where(tried_landed >= 0, lost)
    return (
        mean_known(_cross_entropy(tried_logits, tried.clamp_min(0)), known),
        mean_known(_cross_entropy(tried_landed_logits, outcomes), known),
    )


def closing(logits: Tensor, actions: Tensor, contained: Tensor, firsts: Tensor) -> Tensor:
    """-log pi(CloseObjects) while the object lies ContainedIn, until the agent has tried it (ours).

    One attempt is enough, because many containers have no lid, and a second attempt from the same place would fail as
    the first did.

    Args:
        logits: (T, B, 219) of the hiding policy.
        actions: (T, B)
        contained: (T, B) whether the object lies ContainedIn before the step.
        firsts: (T, B) bool, whether an episode begins at the step.
    """
    inside = contained == 1
    return mean_known(-logits.log_softmax(-1)[..., CLOSE], inside & _not_yet(inside & (actions == CLOSE), firsts))


# Manipulation


class Relabelled(NamedTuple):
    """Manipulations as if their target had been the place where the object landed."""

    targets: Tensor
    """(T + 1, B) long, for the second pass through the network."""
    rewards: Tensor
    """(T, B) of Algorithm 3 with these targets."""
    changed: Tensor
    """(T, B) bool, steps of episodes that missed their target and have a new one; the others are as they were."""


HINDSIGHT_DROP = -0.01 + 1.0 + 1.0
"""Reward of a drop that hits its target OnTop: the step, a distance of 0 cells, the hit (Algorithm 3)."""
HINDSIGHT_MODALITY = 1.0
"""The same for another modality, in addition (Algorithm 3)."""


def relabel(
    targets: Tensor, rewards: Tensor, hindsight: Tensor, hits: Tensor, ended: Tensor, firsts: Tensor
) -> Relabelled:
    """Gives each episode that missed its target the place where its object landed as the target.

    Only the reward of the drop depends on the target. Episodes whose object was lost or not dropped stay as they are,
    and so does what comes after the unroll if another episode begins there.

    Args:
        targets: (T + 1, B) long, 49 modality + 7 row + column.
        rewards: (T, B)
        hindsight: (T, B) long, where the episode's object landed; -1: nowhere.
        hits: (T, B) whether the episode hit its target.
        ended: (T, B) bool, whether the step ended the episode; with a landing, this is the drop.
        firsts: (T + 1, B) bool, whether an episode begins at the observation.
    """
    changed = (hindsight >= 0) & (hits == 0)
    new = targets.clone()
    new[:-1] = hindsight.to(targets.dtype).where(changed, targets[:-1])
    goes_on = changed[-1] & ~firsts[-1]
    new[-1] = hindsight[-1].to(targets.dtype).where(goes_on, targets[-1])
    drop = HINDSIGHT_DROP + HINDSIGHT_MODALITY * (hindsight >= CELLS).to(rewards.dtype)
    return Relabelled(new, drop.where(changed & ended, rewards), changed)


def hindsight(log_probabilities: Tensor, values: Tensor, returns: Tensor, changed: Tensor) -> tuple[Tensor, Tensor]:
    """Self-imitation of the relabelled episodes (Oh et al. 2018, equations 1 to 3, without its replay).

    The policy's loss is -log pi(a) max(R - V, 0), the value's 1/2 max(R - V, 0)^2. The actions were chosen for another
    target, so their ratio of probabilities is mostly far from 1, and a policy gradient would ignore them. Imitation
    needs no ratio, and its weight fades once the agent does as well by itself (ours; the paper says only that failed
    trajectories become successful ones).

    Args:
        log_probabilities: (T, B) log pi(a) of the actions taken, from a pass with the new targets.
        values: (T, B) of that pass.
        returns: (T, B) R, targets of `advantages.gae` with lambda 1 for the new rewards and values.
        changed: (T, B) bool, see `Relabelled`.

    Returns:
        losses of the policy and of the value.
    """
    better = (returns.detach() - values).clamp_min(0)
    return mean_known(-log_probabilities * better.detach(), changed), mean_known(0.5 * better.square(), changed)


def opening(logits: Tensor, actions: Tensor, succeeded: Tensor, targets: Tensor, firsts: Tensor) -> Tensor:
    """-log of the probability of OpenAt, of any cell, while the target is ContainedIn and nothing has been opened.

    Args:
        logits: (T, B, 219) of the manipulation policy.
        actions: (T, B)
        succeeded: (T, B) bool
        targets: (T, B)
        firsts: (T, B) bool, whether an episode begins at the step.
    """
    opens = succeeded & (actions >= OPEN.start) & (actions < OPEN.stop)
    losses = -logits.log_softmax(-1)[..., OPEN].logsumexp(-1)
    return mean_known(losses, (targets // CELLS == CONTAINED_IN) & _not_yet(opens, firsts))


def hittable(logits: Tensor, targets: Tensor, hits: Tensor) -> Tensor:
    """Binary cross-entropy of whether the target will be hit.

    Args:
        logits: (T, B, 147)
        targets: (T, B)
        hits: (T, B) whether the episode hit its target, 0, 1 or -1: the episode has not ended.
    """
    chosen = logits.gather(-1, targets.long().clamp_min(0)[..., None])[..., 0]
    losses = binary_cross_entropy_with_logits(chosen, (hits == 1).to(chosen.dtype), reduction="none")
    return mean_known(losses, (hits >= 0) & (targets >= 0))


def landing(logits: Tensor, landed: Tensor, hits: Tensor) -> Tensor:
    """Binary cross-entropy of whether the object will land at each place, summed over the places (ours).

    At the target this is what `hittable` learns. Elsewhere it says what the manipulator hits by chance: the least that
    can be hit there, and a prediction for places that were never a target.

    Args:
        logits: (T, B, 147)
        landed: (T, B) where the object landed; -1: nowhere, if the episode has ended.
        hits: (T, B) whether the episode hit its target, 0, 1 or -1: the episode has not ended.
    """
    known = hits >= 0
    labels = one_hot(landed.long().clamp_min(0), logits.shape[-1]) * (landed >= 0)[..., None]
    losses = binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), reduction="none")
    return mean_known(losses.sum(-1), known)


# Seeking


def imitation(logits: Tensor, experts: Tensor) -> Tensor:
    """-log pi of the next action of a shortest way to a place that sees the goal.

    Args:
        logits: (T, B, 219) of the seeking policy.
        experts: (T, B) that action; -1: not known.
    """
    return mean_known(_cross_entropy(logits, experts.clamp_min(0)), experts >= 0)


def claim(logits: Tensor, claimable: Tensor, false_weight: float) -> Tensor:
    """Binary cross-entropy of pi(ClaimVisible) with whether it would succeed.

    Args:
        logits: (T, B, 219) of the seeking policy.
        claimable: (T, B) 0, 1 or -1: not known.
        false_weight: weight of a step that cannot claim, relative to one that can; above 1 the agent claims only when
            it is more certain.
    """
    others = torch.cat([logits[..., :CLAIM], logits[..., CLAIM + 1 :]], -1).logsumexp(-1)
    losses = binary_cross_entropy_with_logits(
        logits[..., CLAIM] - others, (claimable == 1).to(logits.dtype), reduction="none"
    )
    return mean_known(losses.where(claimable == 1, false_weight * losses), claimable >= 0)


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """(T, B) from logits (T, B, N) and labels (T, B)."""
    losses = cross_entropy(logits.flatten(0, 1), labels.long().flatten(), reduction="none")
    return losses.unflatten(0, labels.shape)


def _not_yet(events: Tensor, firsts: Tensor) -> Tensor:
    """(T, B) bool: whether no event happened earlier in the episode; false where its beginning is not in the unroll.

    Args:
        events: (T, B) bool, what happened in each step.
        firsts: (T, B) bool, whether an episode begins at the step.
    """
    result = torch.zeros_like(events)
    pending = torch.zeros_like(events[0])
    for step in range(len(events)):
        pending = pending | firsts[step]
        result[step] = pending
        pending = pending & ~events[step]
    return result

"""Losses of perspective simulation, from memories of whole games (Weihs et al., appendix C.3)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from learner.hide_and_seek.config import PerspectiveWeights
from learner.hide_and_seek.means import mean_known
from models.hide_and_seek.mental import CLAIM, NO_ACTION, SEEK_ACTIONS, Hiding, Poses, Room
from models.hide_and_seek.metric_map import MapState
from models.hide_and_seek.perspective import PerspectiveSimulation
from replay.hide_and_seek.unroll import ACTIONS


def ranking_loss(values: Tensor, lengths: Tensor) -> Tensor:
    """(B,): mean over all pairs of hidings of -log sigmoid((V_a - V_b) sign(mu_a - mu_b)); pairs with equal mu are left
    out. 0 where all are equal. The paper divides the sum by 30; the mean is our reading.

    Args:
        values: (B, K) V of K hidings.
        lengths: (B, K) mu of each.
    """
    first, second = torch.triu_indices(values.shape[1], values.shape[1], offset=1, device=values.device)
    sign = (lengths[:, first] - lengths[:, second]).sign()
    losses = F.softplus(-sign * (values[:, first] - values[:, second])) * sign.abs()
    return losses.sum(dim=1) / sign.abs().sum(dim=1).clamp_min(1)


def policy_loss(logits: Tensor, policy: Tensor, valid: Tensor) -> Tensor:
    """Mean over valid steps of -sum_a pi_a log softmax(logits)_a.

    Args:
        logits: (..., A) of the mental policy.
        policy: (..., A) probabilities of the seeker's actions.
        valid: (...) bool.
    """
    return mean_known(-(policy * logits.log_softmax(dim=-1)).sum(dim=-1), valid)


def binary_loss(logits: Tensor, targets: Tensor, valid: Tensor) -> Tensor:
    """Mean binary cross-entropy over valid entries; all arguments have the same shape."""
    return mean_known(F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype), reduction="none"), valid)


def mental_actions(actions: Tensor) -> Tensor:
    """Mental actions (indices into SEEK_ACTIONS) of action numbers; numbers that seeking does not allow become 0."""
    table = torch.zeros(ACTIONS, dtype=torch.long, device=actions.device)
    table[list(SEEK_ACTIONS)] = torch.arange(len(SEEK_ACTIONS), device=actions.device)
    return table[actions]


def perspective_loss(
    module: PerspectiveSimulation, memories: dict[str, Tensor], generator: torch.Generator, weights: PerspectiveWeights
) -> dict[str, Tensor]:
    """Loss of B memories, its parts by name and their weighted sum "total", all scalars.

    Memories without a seeker (length 0) train P alone. No gradient flows into the network that made the maps, nor
    through the rollouts.

    Args:
        module: the model.
        memories: fields of `replay.hide_and_seek.memory.memory_fields` with a leading axis B, on the module's device.
        generator: of rollouts, on the same device.
        weights: of the parts; a part of weight 0 is not computed.
    """
    keys, written = memories["map_keys"].long(), memories["map_written"].long()
    map_state = MapState(memories["map_values"], keys, written)
    room = module.encode(map_state, memories["origin"].long())
    parts = {}
    if weights.outcome:
        features = module.features_at(room, memories["chosen"].long()[:, None])[:, 0]
        parts["outcome"] = F.cross_entropy(module.outcome_logits(features), memories["outcome"].long())
    played = (memories["length"] > 0).nonzero()[:, 0]
    if len(played):
        if weights.ranking:
            parts["ranking"] = _ranking(module, Room(room.features[played], room.visited[played], room.low), generator)
        if weights.policy or weights.success or weights.claim:
            parts.update(_seeker_parts(module, room, memories, played, weights))
    total = sum((getattr(weights, name) * part for name, part in parts.items()), room.features.new_zeros(()))
    return {**parts, "total": total}


def _ranking(module: PerspectiveSimulation, room: Room, generator: torch.Generator) -> Tensor:
    evaluation, _ = module.evaluate(room, module.config.ranking_rollouts, generator)
    values = module.outcome_values(module.features_at(room, evaluation.locations))
    drawn = values.gather(-1, evaluation.outcomes)
    return ranking_loss(drawn.flatten(1), evaluation.lengths.flatten(1)).mean()


def _seeker_parts(
    module: PerspectiveSimulation,
    room: Room,
    memories: dict[str, Tensor],
    played: Tensor,
    weights: PerspectiveWeights,
) -> dict[str, Tensor]:
    """The mental seeker on the real seeker's way: the same places, actions and successes."""
    lengths = memories["length"].long()[played]
    steps = int(lengths.max())
    locations, numbers, succeeded, claimable, policy = (
        memories[name][played, :steps].transpose(0, 1)
        for name in ("locations", "actions", "succeeded", "claimable", "policy")
    )
    valid = torch.arange(steps, device=lengths.device)[:, None] < lengths
    actions = mental_actions(numbers.long().masked_fill(~valid, 0))
    last = F.pad((2 * actions + succeeded.long())[:-1], (0, 0, 1, 0), value=NO_ACTION)
    hiding = Hiding(
        memories["chosen"].long()[played, :3].expand(steps, -1, 3), memories["outcome"].long()[played].expand(steps, -1)
    )
    seeker = module.seeker
    observed = seeker.observe(
        seeker.slices(room), room.low, played.expand(steps, -1), hiding, Poses(locations.long(), last)
    )
    logits, success, _ = seeker.unroll(observed)
    parts = {}
    if weights.policy:
        parts["policy"] = policy_loss(logits, policy[..., list(SEEK_ACTIONS)], valid)
    if weights.success:
        taken = success.gather(-1, actions[..., None])[..., 0]
        parts["success"] = binary_loss(taken, succeeded, valid)
    if weights.claim:
        parts["claim"] = binary_loss(success[..., CLAIM], claimable.clamp_min(0), valid & (claimable >= 0))
    return parts

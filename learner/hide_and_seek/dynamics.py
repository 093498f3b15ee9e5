"""All losses of a batch of triplets (Weihs et al., appendix C.2; docs/hide_and_seek.md, Losses)."""

from __future__ import annotations

import torch
from torch import Tensor

from learner.hide_and_seek import dynamics_losses as losses
from learner.hide_and_seek.config import LearnerConfig
from models.hide_and_seek.action_table import MIRRORED, PREDICTABLE
from models.hide_and_seek.encoder import Features
from models.hide_and_seek.network import HideAndSeekNetwork


def triplet_losses(
    network: HideAndSeekNetwork, triplets: dict[str, Tensor], config: LearnerConfig, bfloat16: bool = False
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of the losses of visual dynamics replay.

    Args:
        network: whose encoder and decoder are trained, and the agent's head `Sighting`, if it has one.
        triplets: before and after (B, S, S, 3) uint8, action (B,) long, succeeded (B,) bool; goal (B,) long, claimable
            (B,), goal_cells (B, 14, 14).
        config: weights and settings.
        bfloat16: whether encoder and decoder compute in bfloat16.

    Returns:
        the sum, and detached scalars by "dynamics/name".
    """
    weights, decoder = config.weights, network.decoder
    actions, succeeded = triplets["action"], triplets["succeeded"]
    size = len(actions)
    autocast = torch.autocast(actions.device.type, torch.bfloat16, enabled=bfloat16)
    needed = [triplets["before"], triplets["after"]] if weights.inverse else [triplets["before"]]
    with autocast:
        encoded = network.agent.encoder(torch.cat(needed))
    sir_before, *others = encoded.sir.float().split(size)
    found: dict[str, tuple[float, Tensor]] = {}
    sighting = network.agent.sighting
    if weights.sighting and sighting is not None:
        cells = sighting(encoded.stages[-2][None, :size].float(), sir_before[None])[0]
        loss = losses.sighting_loss(
            cells, triplets["goal"], triplets["goal_cells"], triplets["claimable"], config.seen_weight
        )
        found["sighting"] = (weights.sighting, loss)
    if weights.inverse:
        (sir_after,) = others
        logits = decoder.inverse(sir_before, sir_after, succeeded)
        found["inverse"] = (weights.inverse, losses.inverse_dynamics(logits, actions, succeeded, config.failed_weight))
    if weights.success:
        logits = decoder.success(sir_before, actions)
        found["success"] = (weights.success, losses.success_loss(logits, succeeded))
    if weights.forward or weights.changed_pixels or weights.confidence:
        before, after = (triplets[name].permute(0, 3, 1, 2).contiguous().float() / 255 for name in ("before", "after"))
        predictable = torch.tensor(PREDICTABLE, device=actions.device)[actions]
        threshold = config.changed_threshold
        first = Features(tuple(stage[:size] for stage in encoded.stages), sir_before, encoded.late[:size])
        with autocast:
            predicted = decoder(first, triplets["before"], actions, succeeded)
        predicted = predicted.float()
        if weights.forward:
            loss = losses.forward_dynamics(
                predicted.images, before, after, predictable, config.changed_weight, threshold
            )
            found["forward"] = (weights.forward, loss)
        if weights.changed_pixels:
            loss = losses.changed_pixels_loss(predicted.changed, before, after, threshold)
            found["changed_pixels"] = (weights.changed_pixels, loss)
        if weights.confidence:
            loss = losses.confidence_loss(predicted.confidence, predicted.images[-1], after, predictable)
            found["confidence"] = (weights.confidence, loss)
    total = sum((factor * loss for factor, loss in found.values()), sir_before.new_zeros(()))
    return total, {f"dynamics/{name}": loss.detach() for name, (_, loss) in found.items()}


def mirrored(triplets: dict[str, Tensor], chosen: Tensor) -> dict[str, Tensor]:
    """Exchanges left and right in some triplets, in their pictures and actions.

    Args:
        triplets: see `triplet_losses`.
        chosen: (B,) bool.
    """
    rows = chosen[:, None, None, None]
    table = torch.tensor(MIRRORED, device=chosen.device)
    actions = triplets["action"]
    return triplets | {
        "before": triplets["before"].flip(2).where(rows, triplets["before"]),
        "after": triplets["after"].flip(2).where(rows, triplets["after"]),
        "goal_cells": triplets["goal_cells"].flip(2).where(chosen[:, None, None], triplets["goal_cells"]),
        "action": table[actions].where(chosen, actions),
    }

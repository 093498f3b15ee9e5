"""Losses of the actor and the critic, by V-trace, clipped PPO or A3C; docs/hide_and_seek.md, Losses.

Logits have the shape (T, B, A) and are -inf where an action is illegal, in all policies alike. Such an action has the
probability 0 and takes no part; 0 log 0 counts as 0.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from learner.hide_and_seek.advantages import Estimates, gae, vtrace
from learner.hide_and_seek.config import ActorCriticConfig

LARGEST_LOG_RATIO = 20.0
"""Ratios of probabilities stay between exp(-20) and exp(20), so that none is infinite."""


class ActorCritic(NamedTuple):
    """Losses, which the caller weighs and adds, and metrics without a gradient; all scalars."""

    losses: dict[str, Tensor]
    """policy, value (half the mean squared error), entropy (its negative: smaller is more random)."""
    metrics: dict[str, Tensor]
    """entropy (nats); value_error (root mean square); explained_variance (1 - Var(targets - values) / Var(targets), 0
    for targets that are all equal); ratio (mean over the steps); clipped (share of steps whose ratio is clipped: above
    rho_clip in V-trace, outside the interval in PPO, none in A3C); kl (from the behaviour policy, nats)."""


def actor_critic(
    logits: Tensor,
    behaviour_logits: Tensor,
    actions: Tensor,
    values: Tensor,
    bootstrap: Tensor,
    rewards: Tensor,
    discounts: Tensor,
    settings: ActorCriticConfig,
) -> ActorCritic:
    """Means over all steps of the losses of one stage.

    With pi the policy, mu the behaviour policy and rho = pi(a) / mu(a), the loss of the policy is

    - vtrace: -A log pi(a), A by V-trace (Espeholt et al. 2018);
    - ppo: -min(rho A, clip(rho, 1 - e, 1 + e) A), A by GAE (Schulman et al. 2017);
    - a3c: -A log pi(a), A by GAE, as if mu were pi (Mnih et al. 2016; the paper).

    Args:
        logits: (T, B, A) of the policy.
        behaviour_logits: (T, B, A) of the policy that chose the actions.
        actions: (T, B) long, legal ones.
        values: (T, B)
        bootstrap: (B,) value of the observation after the last step.
        rewards: (T, B)
        discounts: (T, B), see `advantages`.
        settings: correction, clips, lambda and normalisation of A; its weights are not applied.
    """
    log_pi = action_log_probabilities(logits, actions)
    log_mu = action_log_probabilities(behaviour_logits, actions)
    ratios = (log_pi - log_mu).clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO).exp()
    low, high = 1 - settings.ppo_clip, 1 + settings.ppo_clip
    if settings.correction == "vtrace":
        estimates = vtrace(
            values.detach(),
            bootstrap.detach(),
            rewards,
            discounts,
            ratios.detach(),
            settings.gae_lambda,
            settings.rho_clip,
            settings.c_clip,
        )
        policy = -(_scaled(estimates.advantages, settings) * log_pi).mean()
        clipped = ratios > settings.rho_clip
    else:
        estimates = gae(values.detach(), bootstrap.detach(), rewards, discounts, settings.gae_lambda)
        advantages = _scaled(estimates.advantages, settings)
        if settings.correction == "ppo":
            policy = -torch.minimum(ratios * advantages, ratios.clamp(low, high) * advantages).mean()
            clipped = (ratios < low) | (ratios > high)
        else:
            policy = -(advantages * log_pi).mean()
            clipped = torch.zeros_like(ratios, dtype=torch.bool)
    randomness = entropy(logits).mean()
    losses = {
        "policy": policy,
        "value": 0.5 * (estimates.targets - values).square().mean(),
        "entropy": -randomness,
    }
    with torch.no_grad():
        metrics = {
            "entropy": randomness.detach(),
            **_value_metrics(values.detach(), estimates),
            "ratio": ratios.detach().mean(),
            "clipped": clipped.float().mean(),
            "kl": kl_divergence(behaviour_logits, logits).mean(),
        }
    return ActorCritic(losses, metrics)


def _scaled(advantages: Tensor, settings: ActorCriticConfig) -> Tensor:
    """(T, B) advantages with mean 0 and deviation 1, if the settings say so; zeros if all are equal."""
    if not settings.normalise:
        return advantages
    centred = advantages - advantages.mean()
    return centred / centred.square().mean().sqrt().clamp_min(1e-6)


def action_log_probabilities(logits: Tensor, actions: Tensor) -> Tensor:
    """Log probabilities of the actions taken.

    Args:
        logits: (..., A), -inf where illegal.
        actions: (...) long, legal ones.

    Returns:
        (...)
    """
    return logits.log_softmax(-1).gather(-1, actions[..., None])[..., 0]


def entropy(logits: Tensor) -> Tensor:
    """Entropy in nats: logits (..., A), -inf where illegal, to (...)."""
    log_pi = logits.log_softmax(-1)
    return -(log_pi.exp() * log_pi.masked_fill(logits.isneginf(), 0)).sum(-1)


def kl_divergence(of: Tensor, to: Tensor) -> Tensor:
    """KL(of || to) in nats: two tensors of logits (..., A), -inf where illegal, to (...)."""
    log_p, log_q = of.log_softmax(-1), to.log_softmax(-1)
    return (log_p.exp() * (log_p - log_q).masked_fill(of.isneginf(), 0)).sum(-1)


def _value_metrics(values: Tensor, estimates: Estimates) -> dict[str, Tensor]:
    errors = estimates.targets - values
    variance = estimates.targets.var(correction=0)
    measurable = variance > 1e-10 * estimates.targets.square().mean()  # else it is rounding alone
    explained = 1 - errors.var(correction=0) / variance
    return {
        "value_error": errors.square().mean().sqrt(),
        "explained_variance": explained.where(measurable, 0.0),
    }

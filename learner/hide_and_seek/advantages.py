"""Advantages and targets of the values: generalised advantage estimation and V-trace.

All tensors have the shape (T, B): T consecutive steps of B unrolls. `discounts` is the discount factor, and 0 where the
step ended its episode, so nothing flows from one episode into the one before it. The results carry no gradient.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Estimates(NamedTuple):
    """What the steps turned out to be worth."""

    advantages: Tensor
    """(T, B) factor of the gradient of log pi(a)."""
    targets: Tensor
    """(T, B) what the values should have been."""


def step_discounts(ended: Tensor, gamma: float) -> Tensor:
    """(T, B) float32: gamma, and 0 where the step ended its episode.

    An episode that runs out of steps has ended as well: the number of steps is a rule of each stage.
    """
    return gamma * (~ended).float()


@torch.no_grad()
def gae(values: Tensor, bootstrap: Tensor, rewards: Tensor, discounts: Tensor, decay: float) -> Estimates:
    """Generalised advantage estimation (Schulman et al. 2015, equation 16).

    A_t = delta_t + discount_t decay A_{t+1} with delta_t = r_t + discount_t V_{t+1} - V_t; the targets are A + V.

    Args:
        values: (T, B) V_t.
        bootstrap: (B,) V_T, the value of the observation after the last step.
        rewards: (T, B)
        discounts: (T, B), see above.
        decay: lambda, the paper's tau; 1 gives returns of as many steps as there are.
    """
    return vtrace(values, bootstrap, rewards, discounts, torch.ones_like(values), decay, 1.0, 1.0)


@torch.no_grad()
def vtrace(
    values: Tensor,
    bootstrap: Tensor,
    rewards: Tensor,
    discounts: Tensor,
    ratios: Tensor,
    decay: float,
    rho_clip: float,
    c_clip: float,
) -> Estimates:
    """V-trace (Espeholt et al. 2018, equations 1 and 4, remark 2 for the decay).

    v_t = V_t + delta_t + discount_t c_t (v_{t+1} - V_{t+1}), delta_t = rho_t (r_t + discount_t V_{t+1} - V_t),
    rho_t = min(rho_clip, ratio_t), c_t = decay min(c_clip, ratio_t). The advantage is
    rho_t (r_t + discount_t q_{t+1} - V_t) with q = decay v + (1 - decay) V, so that ratios of 1 give `gae`.

    Args:
        values: (T, B) V_t.
        bootstrap: (B,) V_T, the value of the observation after the last step.
        rewards: (T, B)
        discounts: (T, B), see above.
        ratios: (T, B) probability of the action now, over that when it was chosen.
        decay: lambda.
        rho_clip: largest rho; it decides which policy the values belong to.
        c_clip: largest c before the decay; it decides how far corrections reach.
    """
    rho, c = ratios.clamp_max(rho_clip), decay * ratios.clamp_max(c_clip)
    following = torch.cat([values[1:], bootstrap[None]])
    deltas = rho * (rewards + discounts * following - values)
    corrections = values.new_zeros(len(values) + 1, *values.shape[1:])  # v_t - V_t, 0 after the last step
    for step in reversed(range(len(values))):
        corrections[step] = deltas[step] + discounts[step] * c[step] * corrections[step + 1]
    advantages = deltas + rho * discounts * decay * corrections[1:]
    return Estimates(advantages, values + corrections[:-1])

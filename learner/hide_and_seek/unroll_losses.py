"""All losses of a batch of unrolls, stage by stage (Weihs et al., appendix C; docs/hide_and_seek.md, Losses).

The losses of a stage are means over its steps in the batch; the stages' sums are added. A loss with the weight 0 is not
computed.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from learner.hide_and_seek import auxiliary, stage_losses
from learner.hide_and_seek.advantages import gae, step_discounts
from learner.hide_and_seek.config import LearnerConfig
from learner.hide_and_seek.policy_losses import action_log_probabilities, actor_critic
from models.hide_and_seek.agent import Agent, AgentState, Outputs
from models.hide_and_seek.encoder import Features
from models.hide_and_seek.inputs import Observations
from replay.hide_and_seek.unroll import STAGES


class Unrolls(NamedTuple):
    """A batch of unrolls on the device, time first."""

    observations: Observations
    """(T + 1, B, ...)"""
    state: AgentState
    """Before the first step."""
    stages: Tensor
    """(B,) long, index into STAGES."""
    steps: dict[str, Tensor]
    """(T, B, ...) fields of the steps and their labels, by the names of `replay.hide_and_seek.unroll.unroll_fields`."""


class Result(NamedTuple):
    """The loss of a batch, and what is logged."""

    total: Tensor
    """() with a gradient."""
    metrics: dict[str, Tensor]
    """Detached scalars, by "stage/name"."""


def unroll_losses(
    agent: Agent, unrolls: Unrolls, config: LearnerConfig, prevent_collapse: bool, bfloat16: bool = False
) -> Result:
    """The weighted sum of all losses of a batch.

    Args:
        agent: the network.
        unrolls: of any mixture of stages.
        config: weights and settings.
        prevent_collapse: whether hiding's two losses against an early collapse are on.
        bfloat16: whether the encoder computes in bfloat16.
    """
    images = unrolls.observations.images
    with torch.autocast(images.device.type, torch.bfloat16, enabled=bfloat16):
        features = agent.encode(images)
    # The encoder may have computed in bfloat16.
    features = Features(tuple(one.float() for one in features.stages), features.sir.float(), features.late.float())
    again = _in_hindsight(unrolls, config)
    played, state, stages = unrolls.observations, unrolls.state, unrolls.stages
    if again is not None:
        # The recurrences take as long for a few more rows, so manipulations in hindsight join the batch.
        played = Observations(*(torch.cat(parts, 1) for parts in zip(played, again.observations, strict=True)))
        rows = torch.cat([torch.arange(len(stages), device=stages.device), again.rows])
        state, stages, features = state.rows(rows), stages[rows], features.rows(rows)
    outputs, _ = agent.unroll(played, state, stages, features)
    total = outputs.value.new_zeros(())
    metrics: dict[str, Tensor] = {}
    present = set(unrolls.stages.tolist())
    for number, name in enumerate(STAGES):
        weight = getattr(config.weights, name)
        if number not in present or not weight:
            continue
        rows = torch.nonzero(unrolls.stages == number)[:, 0]
        losses, measured = _stage_losses(agent, name, rows, outputs, unrolls, config, prevent_collapse)
        if name == "manipulate" and again is not None:
            losses |= _hindsight(again, outputs, unrolls, config)
        total = total + weight * torch.stack([factor * loss for factor, loss in losses.values()]).sum()
        metrics |= {f"{name}/{key}": value.detach() for key, (_, value) in losses.items()}
        metrics |= {f"{name}/{key}": value for key, value in measured.items()}
    return Result(total, metrics)


Losses = dict[str, tuple[float, Tensor]]
"""Weight and value of each loss."""


def _stage_losses(
    agent: Agent,
    stage: str,
    rows: Tensor,
    outputs: Outputs,
    unrolls: Unrolls,
    config: LearnerConfig,
    prevent_collapse: bool,
) -> tuple[Losses, dict[str, Tensor]]:
    """The losses of one stage's rows of a batch, and metrics."""
    weights, settings = config.weights, config.actor_critic
    steps = {name: value[:, rows] for name, value in unrolls.steps.items()}
    firsts = unrolls.observations.firsts[:, rows]
    logits, values = outputs.logits[:-1, rows], outputs.value[:, rows]
    gamma = settings.gamma_hide if stage == "hide" else settings.gamma
    found = actor_critic(
        logits,
        steps["logits"],
        steps["actions"],
        values[:-1],
        values[-1],
        steps["rewards"],
        step_discounts(steps["ended"], gamma),
        settings,
    )
    factors = {"policy": 1.0, "value": settings.value, "entropy": settings.entropy}
    losses: Losses = {f"{name}_loss": (factors[name], loss) for name, loss in found.losses.items()}
    if weights.contrast:
        predictions = agent.prediction(outputs.core[:-1, rows], steps["actions"])
        embeddings = agent.next_sir(outputs.sir[:, rows])
        losses["contrast"] = (weights.contrast, auxiliary.next_sir_contrast(predictions, embeddings, firsts))
    if weights.localisation:
        cells = auxiliary.changed_cells(outputs.first_block[:, rows], firsts)
        loss = auxiliary.change_localisation(outputs.change_map[:, rows], cells)
        losses["localisation"] = (weights.localisation, loss)
    match stage:
        case "hide":
            losses |= _hide(logits, outputs, rows, steps, firsts, config, prevent_collapse)
        case "manipulate":
            losses |= _manipulate(logits, outputs, rows, steps, firsts, unrolls, config)
        case "seek":
            if weights.imitation:
                losses["imitation"] = (weights.imitation, stage_losses.imitation(logits, steps["experts"]))
            if weights.claim:
                loss = stage_losses.claim(logits, steps["claimable"], config.false_claim_weight)
                losses["claim"] = (weights.claim, loss)
    measured = found.metrics | {
        "reward": steps["rewards"].mean(),
        "failures": 1 - steps["succeeded"].float().mean(),
    }
    return losses, measured


def _hide(
    logits: Tensor,
    outputs: Outputs,
    rows: Tensor,
    steps: dict[str, Tensor],
    firsts: Tensor,
    config: LearnerConfig,
    prevent_collapse: bool,
) -> Losses:
    weights = config.weights
    losses: Losses = {}
    if weights.modality_collapse and prevent_collapse:
        losses["modality_collapse"] = (weights.modality_collapse, stage_losses.modality_collapse(logits))
    if weights.spatial_collapse and prevent_collapse:
        loss = stage_losses.spatial_collapse(logits, steps["feasible"])
        losses["spatial_collapse"] = (weights.spatial_collapse, loss)
    if weights.recall:
        tried, landed = outputs.tried[:-1, rows], outputs.tried_landed[:-1, rows]
        targets, places = stage_losses.recall(tried, landed, steps["tried"], steps["tried_landed"])
        losses["recall_target"] = (weights.recall, targets)
        losses["recall_landed"] = (weights.recall, places)
    if weights.closing:
        loss = stage_losses.closing(logits, steps["actions"], steps["contained"], firsts[:-1])
        losses["closing"] = (weights.closing, loss)
    return losses


def _manipulate(
    logits: Tensor,
    outputs: Outputs,
    rows: Tensor,
    steps: dict[str, Tensor],
    firsts: Tensor,
    unrolls: Unrolls,
    config: LearnerConfig,
) -> Losses:
    weights = config.weights
    targets = unrolls.observations.targets[:-1, rows]
    losses: Losses = {}
    if weights.opening:
        loss = stage_losses.opening(logits, steps["actions"], steps["succeeded"], targets, firsts[:-1])
        losses["opening"] = (weights.opening, loss)
    hittable = outputs.hittable[:-1, rows]
    if weights.hittable:
        losses["hittable"] = (weights.hittable, stage_losses.hittable(hittable, targets, steps["hits"]))
    if weights.landing:
        losses["landing"] = (weights.landing, stage_losses.landing(hittable, steps["hindsight"], steps["hits"]))
    return losses


class _Hindsight(NamedTuple):
    """Manipulations that missed, as if their target had been where the object landed."""

    rows: Tensor
    """(n,) long, of the batch."""
    observations: Observations
    """(T + 1, n, ...) with the new targets."""
    rewards: Tensor
    """(T, n)"""
    changed: Tensor
    """(T, n) bool, steps of episodes that have a new target."""


def _in_hindsight(unrolls: Unrolls, config: LearnerConfig) -> _Hindsight | None:
    """The rows of a batch that hindsight changes; None if there is none."""
    weights, seen, steps = config.weights, unrolls.observations, unrolls.steps
    if not (weights.hindsight and weights.manipulate):
        return None
    new = stage_losses.relabel(
        seen.targets, steps["rewards"], steps["hindsight"], steps["hits"], steps["ended"], seen.firsts
    )
    rows = torch.nonzero(new.changed.any(0))[:, 0]
    if not len(rows):
        return None
    observations = Observations(*(value[:, rows] for value in seen))._replace(targets=new.targets[:, rows])
    return _Hindsight(rows, observations, new.rewards[:, rows], new.changed[:, rows])


def _hindsight(again: _Hindsight, outputs: Outputs, unrolls: Unrolls, config: LearnerConfig) -> Losses:
    """The losses of manipulations in hindsight, whose outputs are the last columns."""
    weights, first = config.weights, -len(again.rows)
    values = outputs.value[:, first:]
    steps = {name: unrolls.steps[name][:, again.rows] for name in ("ended", "actions")}
    discounts = step_discounts(steps["ended"], config.actor_critic.gamma)
    returns = gae(values[:-1].detach(), values[-1].detach(), again.rewards, discounts, 1.0).targets
    log_probabilities = action_log_probabilities(outputs.logits[:-1, first:], steps["actions"])
    policy, value = stage_losses.hindsight(log_probabilities, values[:-1], returns, again.changed)
    factor = weights.hindsight
    return {"hindsight": (factor, policy), "hindsight_value": (factor * weights.hindsight_value, value)}

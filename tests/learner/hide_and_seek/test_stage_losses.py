"""Losses of hiding, manipulation and seeking: by hand, unknown labels, and learned from one batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from actors.hide_and_seek.actions import INDEX, MASKS, Stage
from actors.hide_and_seek.pixels import Landing, Modality
from actors.hide_and_seek.rewards import manipulate_reward
from learner.hide_and_seek import stage_losses
from learner.hide_and_seek.advantages import gae
from learner.hide_and_seek.policy_losses import action_log_probabilities

T, B = 4, 3
CLOSE, CLAIM, DROP, OPEN = (INDEX[name] for name in ("CloseObjects", "ClaimVisible", "DropObject", "OpenAt(3,4)"))


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def policy(stage: Stage, seed: int = 0) -> Tensor:
    """(T, B, 219) logits that are -inf where the stage forbids the action."""
    return random(T, B, 219, seed=seed).masked_fill(torch.from_numpy(~MASKS[stage]), -torch.inf)


def probabilities(logits: Tensor) -> np.ndarray:
    weights = np.exp(logits.numpy())
    return weights / weights.sum(-1, keepdims=True)


def learn(loss: Callable[[Tensor], Tensor], size: int, stage: Stage | None) -> tuple[float, float]:
    """First and last loss of a linear layer from random features to logits (T, B, size)."""
    torch.manual_seed(0)
    features, layer = torch.randn(T, B, 16), nn.Linear(16, size)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.05)
    losses = []
    for _ in range(100):
        logits = layer(features)
        if stage is not None:
            logits = logits.masked_fill(torch.from_numpy(~MASKS[stage]), -torch.inf)
        value = loss(logits)
        optimiser.zero_grad()
        value.backward()
        assert layer.weight.grad is not None and layer.weight.grad.isfinite().all()
        optimiser.step()
        losses.append(value.item())
    return losses[0], losses[-1]


# Hiding


def test_modality_collapse_is_the_mass_of_two_modalities() -> None:
    logits = policy(Stage.HIDE)
    placed = probabilities(logits)[..., 70:217].reshape(T, B, 3, 49).sum(-1)
    shares = placed / placed.sum(-1, keepdims=True)
    expected = -(np.log(shares[..., 1]) + np.log(shares[..., 2])).mean() / 2
    assert float(stage_losses.modality_collapse(logits)) == pytest.approx(expected, rel=1e-10)
    # Other actions do not matter, OnTop alone is the collapse, and the optimum has one half each: ln 2.
    logits[..., 217] += 5
    assert float(stage_losses.modality_collapse(logits)) == pytest.approx(expected, rel=1e-10)
    logits[..., 70:119] += 20
    assert float(stage_losses.modality_collapse(logits)) > 15
    _, last = learn(stage_losses.modality_collapse, 219, Stage.HIDE)
    assert last == pytest.approx(math.log(2), abs=0.02)


def test_spatial_collapse_is_the_divergence_from_what_is_feasible() -> None:
    logits, feasible = policy(Stage.HIDE), random(T, B, 147, seed=1).sigmoid()
    feasible[0] = torch.nan  # no prediction
    feasible[1, 0] = 0  # nothing is feasible
    feasible[1, 1, :146] = 0  # one target is
    pi = probabilities(logits)[..., 70:217]
    pi /= pi.sum(-1, keepdims=True)
    known = [(t, b) for t in range(1, T) for b in range(B) if (t, b) != (1, 0)]
    expected = []
    for t, b in known:
        q = (feasible[t, b] / feasible[t, b].sum()).numpy()
        expected.append(sum(q[i] * math.log(q[i] / pi[t, b, i]) for i in range(147) if q[i]))
    found = stage_losses.spatial_collapse(logits, feasible)
    assert float(found) == pytest.approx(np.mean(expected), rel=1e-9)
    equal = logits.clone()
    equal[..., 70:217] = feasible.nan_to_num(1.0).clamp_min(1e-30).log()
    assert float(stage_losses.spatial_collapse(equal, feasible)) == pytest.approx(0, abs=1e-9)
    assert float(stage_losses.spatial_collapse(logits, torch.full_like(feasible, torch.nan))) == 0
    first, last = learn(lambda x: stage_losses.spatial_collapse(x, feasible.float()), 219, Stage.HIDE)
    assert first > 0.3 and last < 0.1


def test_recall_counts_a_lost_object_as_the_last_outcome() -> None:
    tried = torch.tensor([[-1, 3, 140]] * T)
    landed = torch.tensor([[-1, -1, 5]] * T)
    first, second = random(T, B, 147, seed=0), random(T, B, 148, seed=1)
    p, q = probabilities(first), probabilities(second)
    expected_target = -(np.log(p[:, 1, 3]) + np.log(p[:, 2, 140])).mean() / 2
    expected_landed = -(np.log(q[:, 1, 147]) + np.log(q[:, 2, 5])).mean() / 2
    found = stage_losses.recall(first, second, tried, landed)
    assert [float(loss) for loss in found] == pytest.approx([expected_target, expected_landed], rel=1e-10)
    nothing = torch.full_like(tried, -1)
    assert [float(loss) for loss in stage_losses.recall(first, second, nothing, nothing)] == [0, 0]
    before, after = learn(
        lambda x: sum(stage_losses.recall(x[..., :147], x[..., 147:], tried, landed), torch.zeros(())), 295, None
    )
    assert before > 8 and after < 0.1


def test_closing_ends_with_the_first_attempt_of_an_episode() -> None:
    logits = policy(Stage.HIDE)
    actions, contained = torch.full((T, B), 75), torch.ones(T, B, dtype=torch.long)
    firsts = torch.zeros(T, B, dtype=torch.bool)
    # Row 0: an attempt in step 1. Row 1: an attempt before the object is contained, which is so from step 2.
    # Row 2: the episode's beginning is not known until another begins at step 3.
    firsts[0, :2] = True
    firsts[3, 2] = True
    actions[1, 0] = actions[0, 1] = CLOSE
    contained[:2, 1] = 0
    minus_log = -np.log(probabilities(logits)[..., CLOSE])
    expected = np.mean([minus_log[at] for at in ((0, 0), (1, 0), (2, 1), (3, 1), (3, 2))])
    assert float(stage_losses.closing(logits, actions, contained, firsts)) == pytest.approx(expected, rel=1e-10)
    assert float(stage_losses.closing(logits, actions, torch.full_like(contained, -1), firsts)) == 0
    first, last = learn(lambda x: stage_losses.closing(x, actions, contained, firsts), 219, Stage.HIDE)
    assert first > 3 and last < 0.1


# Manipulation


def missed(modality: Modality, row: int, column: int) -> Landing:
    counts = np.zeros((3, 7, 7), dtype=np.int64)
    counts[modality, row, column] = 50
    if modality == Modality.CONTAINED_IN:
        counts[Modality.ON_TOP, row, column] = 40  # fewer pixels, so that the target of hindsight is clear
    return Landing(counts)


@pytest.mark.parametrize("landing", [missed(Modality.ON_TOP, 2, 3), missed(Modality.BEHIND, 0, 6)])
def test_hindsight_rewards_are_those_of_algorithm_3(landing: Landing) -> None:
    def reward(target: tuple[Modality, int, int]) -> float:
        return manipulate_reward(
            succeeded=True, newly_opened=False, landing=landing, target=target, last_step=True, opens=False
        )

    assert landing.best is not None
    modality, row, column = landing.best
    place, old = 49 * modality + 7 * row + column, (Modality.CONTAINED_IN, 6, 0)
    rewards = torch.tensor([[-0.01], [-0.03], [reward(old)]], dtype=torch.float64)
    found = stage_losses.relabel(
        targets=torch.full((4, 1), 49 + 42),
        rewards=rewards,
        hindsight=torch.full((3, 1), place),
        hits=torch.zeros(3, 1, dtype=torch.long),
        ended=torch.tensor([[False], [False], [True]]),
        firsts=torch.tensor([[True], [False], [False], [True]]),
    )
    assert found.rewards[:2].equal(rewards[:2])
    assert float(found.rewards[2]) == pytest.approx(reward(landing.best))
    assert float(found.rewards[2]) > float(rewards[2]) + 1
    assert found.targets[:, 0].tolist() == [place] * 3 + [91]  # another episode begins after the unroll
    assert found.changed.all()


def test_hindsight_leaves_hits_losses_and_other_episodes_alone() -> None:
    targets = torch.arange(5)[:, None].repeat(1, 4)
    rewards = random(4, 4, seed=0)
    hindsight = torch.tensor([[9, -1, 9, -1], [9, -1, 9, -1], [-1, 9, 9, -1], [-1, 9, 9, -1]])
    hits = torch.tensor([[0, 0, 1, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0]])
    ended = torch.tensor([[False] * 4, [True] * 4, [False] * 4, [False, True, False, False]])
    firsts = torch.tensor([[True] * 4, [False] * 4, [True] * 4, [False] * 4, [False, True, False, False]])
    found = stage_losses.relabel(targets, rewards, hindsight, hits, ended, firsts)
    # Row 0: a miss, then a loss. Row 1: a loss, then a hit. Row 2: a hit, then a miss that goes on. Row 3: losses.
    assert found.changed.T.tolist() == [
        [True, True, False, False],
        [False] * 4,
        [False, False, True, True],
        [False] * 4,
    ]
    assert found.targets.T.tolist() == [[9, 9, 2, 3, 4], [0, 1, 2, 3, 4], [0, 1, 9, 9, 9], [0, 1, 2, 3, 4]]
    changed = (found.rewards != rewards).nonzero().tolist()
    assert changed == [[1, 0]]  # in row 2 the drop is not in the unroll
    assert targets[0, 0] == 0  # the argument is as it was


def test_hindsight_imitates_what_was_better_than_expected() -> None:
    log_pi, values, returns = random(T, B, seed=0), random(T, B, seed=1), random(T, B, seed=2)
    changed = torch.ones(T, B, dtype=torch.bool)
    changed[0, 0] = changed[2, 1] = False
    gaps = np.maximum((returns - values).numpy(), 0)[changed.numpy()]
    assert 0 < (gaps > 0).mean() < 1
    log_pi.requires_grad_()
    values.requires_grad_()
    policy_loss, value_loss = stage_losses.hindsight(log_pi, values, returns, changed)
    expected = -(log_pi.detach().numpy()[changed.numpy()] * gaps).mean()
    assert policy_loss.item() == pytest.approx(expected, rel=1e-10)
    assert value_loss.item() == pytest.approx(0.5 * (gaps**2).mean(), rel=1e-10)
    policy_loss.backward()
    assert values.grad is None  # the policy's loss must not lower the values


def test_hindsight_learns_one_batch() -> None:
    """A policy learns the actions that led to a landing, until its value knows the return."""
    torch.manual_seed(0)
    actions = torch.tensor([[7], [12], [8], [DROP]])
    ended = torch.tensor([[False], [False], [False], [True]])
    found = stage_losses.relabel(
        torch.full((5, 1), 3),
        torch.tensor([[-0.01], [-0.01], [-0.01], [-0.9]]),
        torch.full((4, 1), 10),
        torch.zeros(4, 1, dtype=torch.long),
        ended,
        torch.tensor([[True], [False], [False], [False], [True]]),
    )
    features, layer = torch.randn(4, 1, 8), nn.Linear(8, 220)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.03)
    for _ in range(200):
        out = layer(features)
        logits = out[..., :219].masked_fill(torch.from_numpy(~MASKS[Stage.MANIPULATE]), -torch.inf)
        values = out[..., 219]
        returns = gae(values, torch.zeros(1), found.rewards, 0.99 * (~ended).float(), 1.0).targets
        log_pi = action_log_probabilities(logits, actions)
        policy_loss, value_loss = stage_losses.hindsight(log_pi, values, returns, found.changed)
        optimiser.zero_grad()
        (policy_loss + 0.1 * value_loss).backward()
        optimiser.step()
    assert log_pi.exp().min().item() > 0.2  # of 63 legal actions; Adam lets the value learn as fast as the policy
    assert values[-1].item() > 1.9  # the return is 1.99; nothing lowers a value that is too large


def test_opening_ends_with_the_first_success() -> None:
    logits = policy(Stage.MANIPULATE)
    actions, succeeded = torch.full((T, B), 7), torch.ones(T, B, dtype=torch.bool)
    firsts = torch.zeros(T, B, dtype=torch.bool)
    firsts[0] = True
    # Row 0: fails to open in step 0, opens in step 2. Row 1: opens at once, another episode begins at 2.
    # Row 2: the target is OnTop, and Behind in the last step.
    actions[0, 0] = actions[2, 0] = actions[0, 1] = OPEN
    succeeded[0, 0] = False
    firsts[2, 1] = True
    targets = torch.tensor([[49, 97, 48], [49, 97, 0], [49, 97, 10], [49, 97, 98]])
    minus_log = -np.log(probabilities(logits)[..., 20:69].sum(-1))
    expected = np.mean([minus_log[at] for at in ((0, 0), (1, 0), (2, 0), (0, 1), (2, 1), (3, 1))])
    found = stage_losses.opening(logits, actions, succeeded, targets, firsts)
    assert float(found) == pytest.approx(expected, rel=1e-10)
    none = stage_losses.opening(logits, actions, succeeded, torch.full_like(targets, -1), firsts)
    assert float(none) == 0
    first, last = learn(lambda x: stage_losses.opening(x, actions, succeeded, targets, firsts), 219, Stage.MANIPULATE)
    assert first > 0.2 and last < 0.01


def test_hittable_is_binary_cross_entropy_at_one_place() -> None:
    logits = random(T, B, 147, seed=0).requires_grad_()
    places, labels = torch.tensor([[0, 5, -1]] * T), torch.tensor([[0, 1, 1]] * T)
    labels[3, 0] = -1
    p = 1 / (1 + np.exp(-logits.detach().numpy()))
    expected = np.mean([*(-np.log(1 - p[:3, 0, 0])), *(-np.log(p[:, 1, 5]))])
    found = stage_losses.hittable(logits, places, labels)
    assert found.item() == pytest.approx(expected, rel=1e-10)
    found.backward()
    assert logits.grad is not None and int((logits.grad != 0).sum()) == 7
    first, last = learn(lambda x: stage_losses.hittable(x, places, labels), 147, None)
    assert first > 0.4 and last < 0.05


def test_landing_asks_of_each_place_whether_the_object_lands_there() -> None:
    logits = random(T, B, 147, seed=0).requires_grad_()
    # One object lands at place 7, one is lost, and one episode goes on after the unroll.
    landed, hits = torch.tensor([[7, -1, -1]] * T), torch.tensor([[0, 0, -1]] * T)
    p = 1 / (1 + np.exp(-logits.detach().numpy()))
    each = -np.log(1 - p[:, :2])
    each[:, 0, 7] = -np.log(p[:, 0, 7])
    found = stage_losses.landing(logits, landed, hits)
    assert found.item() == pytest.approx(each.sum(-1).mean(), rel=1e-10)
    found.backward()
    assert logits.grad is not None and int((logits.grad != 0).sum()) == T * 2 * 147
    first, last = learn(lambda x: stage_losses.landing(x, landed, hits), 147, None)
    assert first > 50 and last < 1


# Seeking


def test_imitation_follows_known_experts() -> None:
    logits, experts = policy(Stage.SEEK), torch.tensor([[-1, 2, CLAIM]] * T)
    p = probabilities(logits)
    expected = -(np.log(p[:, 1, 2]) + np.log(p[:, 2, CLAIM])).mean() / 2
    assert float(stage_losses.imitation(logits, experts)) == pytest.approx(expected, rel=1e-10)
    assert float(stage_losses.imitation(logits, torch.full_like(experts, -1))) == 0
    first, last = learn(lambda x: stage_losses.imitation(x, experts), 219, Stage.SEEK)
    assert first > 3 and last < 0.05


def test_claim_is_binary_cross_entropy_of_its_probability() -> None:
    logits, claimable = policy(Stage.SEEK), torch.zeros(T, B, dtype=torch.long)
    claimable[0, 1] = 1
    claimable[2] = -1
    p = probabilities(logits)[..., CLAIM]
    positive, negative = -np.log(p[0, 1]), -np.log(1 - p[claimable.numpy() == 0])
    plain = stage_losses.claim(logits, claimable, 1.0)
    assert len(negative) == 8
    assert float(plain) == pytest.approx((positive + negative.sum()) / 9, rel=1e-10)
    careful = stage_losses.claim(logits, claimable, 3.0)
    assert float(careful) == pytest.approx((positive + 3 * negative.sum()) / 9, rel=1e-10)
    only_negative = stage_losses.claim(logits, torch.zeros_like(claimable), 2.0)
    assert float(only_negative) == pytest.approx(-2 * np.log(1 - p).mean(), rel=1e-10)
    for weight in (1.0, 3.0):
        first, last = learn(partial(stage_losses.claim, claimable=claimable, false_weight=weight), 219, Stage.SEEK)
        assert first > 0.05 and last < 0.05

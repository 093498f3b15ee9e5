"""Actor and critic: formulas against numpy, illegal actions, and learning from one batch."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import entropy as scipy_entropy
from torch import Tensor

from learner.hide_and_seek.advantages import gae, step_discounts, vtrace
from learner.hide_and_seek.config import ActorCriticConfig
from learner.hide_and_seek.policy_losses import ActorCritic, actor_critic, entropy, kl_divergence

SETTINGS = ActorCriticConfig(
    correction="vtrace",
    gamma=0.9,
    gamma_hide=0.8,
    gae_lambda=1.0,
    rho_clip=1.0,
    c_clip=1.0,
    normalise=False,
    ppo_clip=0.2,
    entropy=0.01,
    value=0.5,
)
T, B, A = 4, 3, 6


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def case(distance: float = 1.0) -> dict[str, Tensor]:
    """A batch in which the last two actions are illegal; `distance` from the behaviour policy to the policy."""
    behaviour = random(T, B, A, seed=0)
    logits = behaviour + distance * random(T, B, A, seed=1)
    for tensor in (behaviour, logits):
        tensor[..., 4:] = -torch.inf
    ended = torch.zeros(T, B, dtype=torch.bool)
    ended[1, 0] = ended[2, 2] = True
    return {
        "logits": logits,
        "behaviour_logits": behaviour,
        "actions": torch.randint(4, (T, B), generator=torch.Generator().manual_seed(2)),
        "values": random(T, B, seed=3),
        "bootstrap": random(B, seed=4),
        "rewards": random(T, B, seed=5),
        "discounts": step_discounts(ended, 0.9).double(),
    }


def run(correction: str, inputs: dict[str, Tensor]) -> ActorCritic:
    return actor_critic(**inputs, settings=dataclasses.replace(SETTINGS, correction=correction))


def probabilities(logits: Tensor) -> np.ndarray:
    weights = np.exp(logits.detach().numpy())
    return weights / weights.sum(-1, keepdims=True)


def taken(inputs: dict[str, Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the actions taken, by the policy and by the behaviour policy."""
    index = inputs["actions"].numpy()[..., None]
    pi, mu = probabilities(inputs["logits"]), probabilities(inputs["behaviour_logits"])
    return np.take_along_axis(pi, index, -1)[..., 0], np.take_along_axis(mu, index, -1)[..., 0]


def test_losses_are_their_formulas() -> None:
    inputs = case()
    arguments = {name: inputs[name] for name in ("values", "bootstrap", "rewards", "discounts")}
    pi, mu = taken(inputs)
    ratio = pi / mu
    traced = vtrace(**arguments, ratios=torch.from_numpy(ratio), decay=1.0, rho_clip=1.0, c_clip=1.0)
    plain = gae(**arguments, decay=1.0)
    a = plain.advantages.numpy()
    expected = {
        "vtrace": -(traced.advantages.numpy() * np.log(pi)).mean(),
        "ppo": -np.minimum(ratio * a, np.clip(ratio, 0.8, 1.2) * a).mean(),
        "a3c": -(a * np.log(pi)).mean(),
    }
    clipped = {"vtrace": (ratio > 1).mean(), "ppo": ((ratio < 0.8) | (ratio > 1.2)).mean(), "a3c": 0.0}
    for kind, policy in expected.items():
        losses, metrics = run(kind, inputs)
        assert float(losses["policy"]) == pytest.approx(policy, rel=1e-10)
        targets = (traced if kind == "vtrace" else plain).targets.numpy()
        errors = targets - inputs["values"].numpy()
        assert float(losses["value"]) == pytest.approx(0.5 * (errors**2).mean(), rel=1e-10)
        assert float(metrics["value_error"]) == pytest.approx((errors**2).mean() ** 0.5, rel=1e-10)
        assert float(metrics["explained_variance"]) == pytest.approx(1 - errors.var() / targets.var(), rel=1e-10)
        assert float(metrics["clipped"]) == pytest.approx(clipped[kind])
        assert float(metrics["ratio"]) == pytest.approx(ratio.mean(), rel=1e-10)
    assert 0 < clipped["ppo"] < 1 and 0 < clipped["vtrace"] < 1


def test_entropy_and_kl_are_scipys_and_have_gradients() -> None:
    inputs = case()
    logits = inputs["logits"].requires_grad_()
    pi, mu = probabilities(logits), probabilities(inputs["behaviour_logits"])
    np.testing.assert_allclose(entropy(logits).detach(), scipy_entropy(pi, axis=-1), rtol=1e-10)
    divergence = kl_divergence(inputs["behaviour_logits"], logits)
    np.testing.assert_allclose(divergence.detach(), scipy_entropy(mu[..., :4], pi[..., :4], axis=-1), rtol=1e-10)
    (entropy(logits).mean() + divergence.mean()).backward()
    assert logits.grad is not None and logits.grad.isfinite().all()
    assert not logits.grad[..., 4:].any() and logits.grad[..., :4].any()


def test_one_legal_action_has_no_entropy() -> None:
    logits = torch.tensor([[1.0, -torch.inf, -torch.inf]], requires_grad=True)
    found = entropy(logits).sum()
    found.backward()
    assert found.item() == 0
    assert logits.grad is not None and not logits.grad.any()


@pytest.mark.parametrize("kind", ["vtrace", "ppo", "a3c"])
def test_nothing_is_nan_far_from_the_behaviour_policy(kind: str) -> None:
    inputs = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in case(300.0).items()}
    inputs["logits"].requires_grad_()
    inputs["values"].requires_grad_()
    losses, metrics = run(kind, inputs)
    assert all(value.isfinite() for value in (*losses.values(), *metrics.values()))
    sum(losses.values(), torch.zeros(())).backward()
    for name in ("logits", "values"):
        assert (gradient := inputs[name].grad) is not None and gradient.isfinite().all()


def test_equal_policies_make_the_three_alike() -> None:
    gradients = []
    for kind in ("vtrace", "ppo", "a3c"):
        inputs = case(0.0)
        inputs["logits"].requires_grad_()
        losses, metrics = run(kind, inputs)
        losses["policy"].backward()
        gradients.append(inputs["logits"].grad)
        assert float(metrics["kl"]) == 0 and float(metrics["ratio"]) == 1 and float(metrics["clipped"]) == 0
    torch.testing.assert_close(gradients[0], gradients[2], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(gradients[1], gradients[2], rtol=1e-10, atol=1e-12)


def test_targets_that_are_all_equal_explain_nothing() -> None:
    inputs = case(0.0) | {"rewards": torch.ones(T, B), "discounts": torch.zeros(T, B)}
    assert float(run("a3c", inputs).metrics["explained_variance"]) == 0


@pytest.mark.parametrize("kind", ["vtrace", "ppo", "a3c"])
def test_one_batch_is_learned(kind: str) -> None:
    """Action 1 is rewarded, whatever else; a linear policy and value find that out from steps of a uniform policy."""
    actions = torch.randint(3, (8, 16), generator=torch.Generator().manual_seed(0))
    policy, value = torch.zeros(3, requires_grad=True), torch.zeros((), requires_grad=True)
    optimiser = torch.optim.Adam([policy, value], lr=0.05)
    for _ in range(60):
        losses, _ = actor_critic(
            logits=policy.expand(8, 16, 3),
            behaviour_logits=torch.zeros(8, 16, 3),
            actions=actions,
            values=value.expand(8, 16),
            bootstrap=value.expand(16).detach(),
            rewards=(actions == 1).float(),
            discounts=torch.zeros(8, 16),
            settings=dataclasses.replace(SETTINGS, correction=kind),
        )
        optimiser.zero_grad()
        (losses["policy"] + 0.5 * losses["value"] + 0.01 * losses["entropy"]).backward()
        optimiser.step()
    probability = policy.softmax(0)[1].item()
    assert probability > (0.35 if kind == "ppo" else 0.8)  # PPO stops at 1.2 times the old probability
    assert value.item() > 0.25


@pytest.mark.parametrize("correction", ["vtrace", "ppo", "a3c"])
def test_normalised_advantages_do_not_depend_on_the_rewards_scale(correction: str) -> None:
    # Without values, rewards of twice the size have twice the advantages; a constant reward has none after the shift.
    inputs = case(0.0) | {"values": torch.zeros(T, B).double(), "bootstrap": torch.zeros(B).double()}
    settings = dataclasses.replace(SETTINGS, correction=correction, normalise=True)

    def policy(rewards: Tensor) -> float:
        changed = inputs | {"rewards": rewards, "discounts": torch.zeros(T, B).double()}
        return float(actor_critic(**changed, settings=settings).losses["policy"])

    rewards = inputs["rewards"]
    log_pi = np.log(
        np.take_along_axis(probabilities(inputs["logits"]), inputs["actions"].numpy()[..., None], -1)[..., 0]
    )
    scaled = (rewards.numpy() - rewards.numpy().mean()) / rewards.numpy().std()
    # The ratio is 1 here, so PPO's loss is the mean of the scaled advantages, which is 0.
    expected = 0.0 if correction == "ppo" else -(scaled * log_pi).mean()
    assert policy(rewards) == pytest.approx(expected, abs=1e-9)
    assert policy(2 * rewards + 5) == pytest.approx(expected, abs=1e-9)
    assert policy(torch.ones(T, B).double()) == pytest.approx(0, abs=1e-9)

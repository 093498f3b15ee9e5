"""GAE and V-trace against sums over all later steps in float64, and by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from learner.hide_and_seek.advantages import gae, step_discounts, vtrace


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def case(steps: int = 6, rows: int = 5) -> dict[str, Tensor]:
    """Values, rewards and discounts with episode ends, ratios on both sides of 1."""
    ended = random(steps, rows, seed=4) > 0.6
    assert ended.any() and not ended.all()
    return {
        "values": random(steps, rows, seed=0),
        "bootstrap": random(rows, seed=1),
        "rewards": random(steps, rows, seed=2),
        "discounts": (0.9 * (~ended).double()),
    }


def vtrace_sum(
    row: int, start: int, inputs: dict[str, Tensor], ratios: Tensor, decay: float, rho_clip: float, c_clip: float
) -> float:
    """Equation 1 of Espeholt et al.: v_s = V_s + sum_t (prod discount c) rho_t (r_t + discount_t V_{t+1} - V_t)."""
    values = [*inputs["values"][:, row].tolist(), float(inputs["bootstrap"][row])]
    rewards, discounts = inputs["rewards"][:, row].tolist(), inputs["discounts"][:, row].tolist()
    ratio = ratios[:, row].tolist()
    total = values[start]
    for t in range(start, len(rewards)):
        trace = math.prod(discounts[i] * decay * min(c_clip, ratio[i]) for i in range(start, t))
        total += trace * min(rho_clip, ratio[t]) * (rewards[t] + discounts[t] * values[t + 1] - values[t])
    return total


@pytest.mark.parametrize(("decay", "rho_clip", "c_clip"), [(1.0, 1.0, 1.0), (0.7, 1.5, 0.8), (0.0, 2.0, 1.0)])
def test_vtrace_is_its_definition(decay: float, rho_clip: float, c_clip: float) -> None:
    inputs, ratios = case(), random(6, 5, seed=3).exp()
    found = vtrace(**inputs, ratios=ratios, decay=decay, rho_clip=rho_clip, c_clip=c_clip)
    following = torch.cat([inputs["values"], inputs["bootstrap"][None]])
    for row in range(5):
        targets = [vtrace_sum(row, t, inputs, ratios, decay, rho_clip, c_clip) for t in range(6)]
        targets.append(float(inputs["bootstrap"][row]))
        for t in range(6):
            assert float(found.targets[t, row]) == pytest.approx(targets[t], rel=1e-12)
            q = decay * targets[t + 1] + (1 - decay) * float(following[t + 1, row])
            error = float(inputs["rewards"][t, row] + inputs["discounts"][t, row] * q - inputs["values"][t, row])
            rho = min(rho_clip, float(ratios[t, row]))
            assert float(found.advantages[t, row]) == pytest.approx(rho * error, rel=1e-12)


@pytest.mark.parametrize("decay", [1.0, 0.6, 0.0])
def test_gae_is_the_sum_of_discounted_errors(decay: float) -> None:
    inputs = case()
    found = gae(**inputs, decay=decay)
    following = torch.cat([inputs["values"][1:], inputs["bootstrap"][None]])
    errors = inputs["rewards"] + inputs["discounts"] * following - inputs["values"]
    for row in range(5):
        for t in range(6):
            expected = sum(
                math.prod(decay * float(inputs["discounts"][i, row]) for i in range(t, k)) * float(errors[k, row])
                for k in range(t, 6)
            )
            assert float(found.advantages[t, row]) == pytest.approx(expected, rel=1e-12)
    torch.testing.assert_close(found.targets, found.advantages + inputs["values"])


def test_vtrace_of_equal_policies_is_gae_and_the_return() -> None:
    inputs = case()
    for decay in (1.0, 0.5):
        for found, expected in zip(
            vtrace(**inputs, ratios=torch.ones(6, 5, dtype=torch.float64), decay=decay, rho_clip=1.0, c_clip=1.0),
            gae(**inputs, decay=decay),
            strict=True,
        ):
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    returns = inputs["bootstrap"]
    for t in reversed(range(6)):
        returns = inputs["rewards"][t] + inputs["discounts"][t] * returns
        torch.testing.assert_close(gae(**inputs, decay=1.0).targets[t], returns, rtol=1e-12, atol=1e-12)


def test_three_steps_by_hand() -> None:
    # The second step ends an episode. Discount 1/2, decay 1, clips 1; ratios 2, 1/2, 1/2.
    column = torch.tensor([[1.0], [2.0], [4.0]])
    ended = torch.tensor([[False], [True], [False]])
    found = vtrace(
        values=column,
        bootstrap=torch.tensor([8.0]),
        rewards=torch.tensor([[1.0], [4.0], [2.0]]),
        discounts=step_discounts(ended, 0.5),
        ratios=torch.tensor([[2.0], [0.5], [0.5]]),
        decay=1.0,
        rho_clip=1.0,
        c_clip=1.0,
    )
    # delta_2 = 1/2 (2 + 4 - 4) = 1; v_2 = 5. delta_1 = 1/2 (4 - 2) = 1; v_1 = 3.
    # delta_0 = 1 (1 + 1 - 1) = 1; v_0 = 1 + 1 + 1/2 * 1 * 1 = 2.5.
    # Advantages: 1 (1 + 1.5 - 1), 1/2 (4 - 2), 1/2 (2 + 4 - 4).
    assert found.targets[:, 0].tolist() == [2.5, 3.0, 5.0]
    assert found.advantages[:, 0].tolist() == [1.5, 1.0, 1.0]


def test_nothing_flows_out_of_the_next_episode() -> None:
    inputs = case()
    inputs["discounts"][2] = 0
    before = vtrace(**inputs, ratios=torch.ones(6, 5), decay=1.0, rho_clip=1.0, c_clip=1.0)
    inputs["rewards"][3:] += 100
    inputs["values"][3:] -= 50
    after = vtrace(**inputs, ratios=torch.ones(6, 5), decay=1.0, rho_clip=1.0, c_clip=1.0)
    assert torch.equal(before.targets[:3], after.targets[:3])
    assert torch.equal(before.advantages[:3], after.advantages[:3])
    assert not torch.equal(before.targets[3:], after.targets[3:])


def test_estimates_carry_no_gradient() -> None:
    inputs = case()
    inputs["values"].requires_grad_()
    assert not gae(**inputs, decay=1.0).targets.requires_grad

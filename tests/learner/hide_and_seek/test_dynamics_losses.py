"""Visual dynamics replay: losses and measures by hand, and learned from one batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from learner.hide_and_seek.dynamics import mirrored
from learner.hide_and_seek.dynamics_losses import (
    changed_pixels_loss,
    confidence_loss,
    forward_dynamics,
    inverse_dynamics,
    sighting_loss,
    success_loss,
)
from models.hide_and_seek.dynamics_metrics import area_under_roc, changed_pixels, forward_gain, inverse_accuracy


def pictures() -> tuple[Tensor, Tensor]:
    """Two pictures of 4 x 4 pixels before and after; in the first one, one quarter of each changes by 0.5 or more."""
    before = torch.full((2, 3, 4, 4), 0.25, dtype=torch.float64)
    after = before.clone()
    after[0, 1, :2, :2] = 0.75  # one channel of the top left quarter
    return before, after


def test_a_pixel_changes_if_any_channel_does() -> None:
    before, after = pictures()
    after[1, 2, 3, 3] += 0.0199
    after[1, 0, 0, 3] -= 0.0201
    changed = changed_pixels(before, after, 0.02)
    assert changed[0].nonzero().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert changed[1].nonzero().tolist() == [[0, 3]]


def test_forward_loss_by_hand() -> None:
    before, after = pictures()
    predictions = [
        torch.full((2, 3, 2, 2), 0.25, dtype=torch.float64),  # the picture before
        torch.full((2, 3, 4, 4), 0.25, dtype=torch.float64),
    ]
    predictions[1][0, :, 0, 3] += 0.3
    # First picture. Size 2: error 0.5 / 3 in the one changed cell, weight 5 of 8. Size 4: the same in four changed
    # cells of 16, and 0.3 in an unchanged one; weights add up to 4 * 5 + 12 = 32. Second picture: 0.
    small, large = 5 * (0.5 / 3) / 8, (20 * 0.5 / 3 + 0.3) / 32
    both = torch.tensor([True, True])
    found = forward_dynamics(predictions, before, after, both, changed_weight=5.0, threshold=0.02)
    assert float(found) == pytest.approx((small + large) / 2, rel=1e-10)
    one = forward_dynamics(predictions, before, after, torch.tensor([True, False]), 5.0, 0.02)
    assert float(one) == pytest.approx(small + large, rel=1e-10)
    other = forward_dynamics(predictions, before, after, torch.tensor([False, True]), 5.0, 0.02)
    assert float(other) == 0
    plain = forward_dynamics(predictions[1:], before, after, both, changed_weight=1.0, threshold=0.02)
    assert float(plain) == pytest.approx(float((predictions[1] - after).abs().mean()), rel=1e-10)


def test_triplets_that_are_not_predictable_have_no_gradient() -> None:
    before, after = pictures()
    prediction = (before + 0.1).requires_grad_()
    confidence = torch.zeros(2, 4, 4, dtype=torch.float64, requires_grad=True)
    predictable = torch.tensor([False, True])
    loss = forward_dynamics([prediction], before, after, predictable, 5.0, 0.02)
    (loss + confidence_loss(confidence, prediction, after, predictable)).backward()
    for gradient in (prediction.grad, confidence.grad):
        assert gradient is not None and not gradient[0].any() and gradient[1].all()


def test_confidence_follows_the_error_without_moving_it() -> None:
    before, after = pictures()
    prediction = before.clone().requires_grad_()
    confidence = torch.full((2, 4, 4), 0.1, dtype=torch.float64, requires_grad=True)
    loss = confidence_loss(confidence, prediction, after, torch.tensor([True, True]))
    expected = (4 * (0.1 - 0.5 / 3) ** 2 + 28 * 0.1**2) / 32
    assert loss.item() == pytest.approx(expected, rel=1e-10)
    loss.backward()
    assert prediction.grad is None and confidence.grad is not None


def test_cross_entropies_by_hand() -> None:
    logits = torch.zeros(2, 219, dtype=torch.float64)
    logits[0, 7] = 3.0
    expected = (np.log(np.exp(3) + 218) - 3 + np.log(219)) / 2
    assert float(inverse_dynamics(logits, torch.tensor([7, 0]), torch.tensor([True, True]), 0.0)) == pytest.approx(
        expected, rel=1e-10
    )
    success = success_loss(torch.tensor([2.0, -1.0], dtype=torch.float64), torch.tensor([True, True]))
    assert float(success) == pytest.approx((np.log(1 + np.exp(-2)) + np.log(1 + np.exp(1))) / 2, rel=1e-10)
    before, after = pictures()
    pixels = changed_pixels_loss(torch.full((2, 4, 4), 1.0, dtype=torch.float64), before, after, 0.02)
    assert float(pixels) == pytest.approx((4 * np.log(1 + np.exp(-1)) + 28 * np.log(1 + np.exp(1))) / 32, rel=1e-10)
    halved = changed_pixels_loss(torch.full((2, 2, 2), 1.0, dtype=torch.float64), before, after, 0.02)
    assert float(halved) == pytest.approx(float(pixels), rel=1e-10)


def test_each_loss_learns_one_batch() -> None:
    torch.manual_seed(0)
    before, features = torch.rand(6, 3, 8, 8), torch.randn(6, 32)
    after = torch.where(torch.rand(6, 1, 8, 8) < 0.3, torch.rand(6, 3, 8, 8), before)
    actions, succeeded = torch.randint(219, (6,)), torch.rand(6) < 0.5
    predictable = torch.tensor([True] * 5 + [False])
    sizes = {"small": 3 * 16, "large": 3 * 64, "changed": 64, "confidence": 64, "success": 1, "inverse": 219}
    layers = nn.ModuleDict({name: nn.Linear(32, size) for name, size in sizes.items()})
    optimiser = torch.optim.Adam(layers.parameters(), lr=0.03)
    history: list[dict[str, float]] = []
    for _ in range(300):
        for group in optimiser.param_groups:
            group["lr"] *= 0.985
        found = {name: layer(features) for name, layer in layers.items()}
        small, large = found["small"].view(6, 3, 4, 4), found["large"].view(6, 3, 8, 8)
        losses = {
            "inverse": inverse_dynamics(found["inverse"], actions, torch.ones_like(actions, dtype=torch.bool), 1.0),
            "forward": forward_dynamics([small, large], before, after, predictable, 5.0, 0.02),
            "changed": changed_pixels_loss(found["changed"].view(6, 8, 8), before, after, 0.02),
            "confidence": confidence_loss(found["confidence"].view(6, 8, 8), large, after, predictable),
            "success": success_loss(found["success"][:, 0], succeeded),
        }
        optimiser.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimiser.step()
        history.append({name: loss.item() for name, loss in losses.items()})
    for name, last in history[-1].items():
        assert last < 0.1 * history[0][name], name
    changed = changed_pixels(before, after, 0.02)
    assert float(forward_gain(large[:5].detach(), before[:5], after[:5], changed[:5])) > 0.8
    assert float(inverse_accuracy(found["inverse"], actions)) == 1


def test_forward_gain_is_relative_to_a_copy() -> None:
    before, after = pictures()
    changed = changed_pixels(before, after, 0.02)
    assert float(forward_gain(before, before, after, changed)) == 0
    assert float(forward_gain(after, before, after, changed)) == 1
    halfway = (before + after) / 2
    halfway[0, :, 3, 3] = 9.0  # no changed pixel
    assert float(forward_gain(halfway, before, after, changed)) == pytest.approx(0.5)
    assert forward_gain(before, before, before, torch.zeros_like(changed)).isnan()


def test_inverse_accuracy_counts_the_largest_logit() -> None:
    assert float(inverse_accuracy(torch.eye(4)[:, :3], torch.tensor([0, 1, 0, 1]))) == 0.5


def test_area_under_roc_counts_pairs() -> None:
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 6, 60).astype(float), rng.random(60) < 0.3
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[positive] for n in scores[~positive]]
    assert area_under_roc(scores, positive) == pytest.approx(np.mean(pairs))
    assert area_under_roc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])) == 0.75
    assert np.isnan(area_under_roc(scores, np.ones(60, dtype=bool)))


def test_failed_actions_weigh_less_in_the_inverse_loss() -> None:
    logits, actions = torch.randn(3, 219, dtype=torch.float64), torch.tensor([1, 2, 3])
    one, two, three = -logits.log_softmax(-1)[range(3), actions]
    found = inverse_dynamics(logits, actions, torch.tensor([True, False, True]), 0.5)
    assert float(found) == pytest.approx(float((one + 0.5 * two + three) / 2.5))
    assert float(inverse_dynamics(logits, actions, torch.zeros(3, dtype=torch.bool), 0.0)) == 0


def test_a_mirror_exchanges_left_and_right() -> None:
    before = torch.arange(2 * 2 * 3 * 3, dtype=torch.uint8).view(2, 2, 3, 3)
    cells = torch.arange(2 * 14 * 14).view(2, 14, 14)
    triplets = {"before": before, "after": before + 1, "action": torch.tensor([1, 20]), "succeeded": torch.ones(2)}
    triplets |= {"goal_cells": cells}
    found = mirrored(triplets, torch.tensor([True, True]))
    assert torch.equal(found["before"], before.flip(2)) and torch.equal(found["after"], before.flip(2) + 1)
    assert torch.equal(found["goal_cells"], cells.flip(2))
    assert found["action"].tolist() == [2, 26], "MoveLeft is MoveRight; OpenAt(1,1) is OpenAt(1,7)"
    same = mirrored(triplets, torch.tensor([False, False]))
    assert all(torch.equal(same[name], value) for name, value in triplets.items())


def test_sighting_weighs_the_cells_that_show_the_goal() -> None:
    logits = torch.zeros(2, 5, 14, 14)
    goals, claimable = torch.tensor([1, 4]), torch.tensor([1, 0])
    cells = torch.zeros(2, 14, 14, dtype=torch.uint8)
    cells[0, 3, 4], cells[0, 3, 5] = 200, 4  # the second cell shows too little to teach anything
    # 980 cells; at logit 0 each costs log 2.
    expected = np.log(2) * ((980 - 2 + 10) + 980) / 2
    assert sighting_loss(logits, goals, cells, claimable, 10.0).item() == pytest.approx(expected, rel=1e-6)

    # A certain answer in the right cell of the right goal costs nothing; in another goal's map it costs.
    sure = torch.full_like(logits, -30.0)
    sure[0, 1, 3, 4] = 30.0
    assert sighting_loss(sure, goals, cells, claimable, 10.0).item() < 1e-9
    wrong = torch.full_like(logits, -30.0)
    wrong[0, 2, 3, 4] = 30.0
    assert sighting_loss(wrong, goals, cells, claimable, 10.0).item() == pytest.approx((300 + 30) / 2)

    # Pictures without the label do not count.
    claimable = torch.tensor([1, -1])
    assert sighting_loss(wrong, goals, cells, claimable, 10.0).item() == pytest.approx(330)

"""Gradients of the losses in float64: against plain formulas, against autograd, and against antiderivatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate, special
from torch import Tensor

from learner.interaction.losses import (
    distance_gradient,
    embedding_gradient,
    force_gradient,
    image_scores,
    rising,
    score_gradient,
    surrogate,
)
from learner.interaction.targets import Masks


def random(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_score_gradient_is_equation_2() -> None:
    score, fg, bg = random(1, 100, 100, scale=3), random(1, 100, 100, seed=1).abs(), random(1, 100, 100, seed=2).abs()
    found = score_gradient(score, fg, bg)
    for p in range(0, 10_000, 37):
        s, f, b = (float(x.flatten()[p]) for x in (score, fg, bg))
        expected = f * sigmoid(-s) * math.exp(-0.5 * max(s, 0) ** 2) - b * sigmoid(s) * math.exp(-0.5 * min(s, 0) ** 2)
        assert float(found.flatten()[p]) == pytest.approx(expected, rel=1e-12)


def test_score_gradient_by_hand() -> None:
    one, zero = torch.ones(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    s = torch.tensor([0.0, 2.0, -2.0], dtype=torch.float64)
    # sigma(0) = 0.5; sigma(-2) = 0.1192029, e^-2 = 0.1353353; sigma(2) = 0.8807971
    np.testing.assert_allclose(score_gradient(s, one, zero), [0.5, 0.0161323, 0.8807971], rtol=1e-5)
    np.testing.assert_allclose(score_gradient(s, zero, one), [-0.5, -0.8807971, -0.0161323], rtol=1e-5)


def test_force_gradient_is_equation_4() -> None:
    force, target = random(1, 3, 100, 100, scale=3), random(1, 3, 100, 100, seed=1)
    target[0, :, ::2] = 0
    found = force_gradient(force, target)
    for p in range(0, 30_000, 91):
        m, t = float(force.flatten()[p]), float(target.flatten()[p])
        expected = t * (t > 0) * sigmoid(-m) * math.exp(-0.5 * max(m, 0) ** 2)
        expected += t * (t < 0) * sigmoid(m) * math.exp(-0.5 * min(m, 0) ** 2)
        assert float(found.flatten()[p]) == pytest.approx(expected, rel=1e-12)


def antiderivative_of_rising(x: float) -> float:
    """log sigma(x) below 0, where the exponential factor is 1; above it the integral of the formula."""
    if x <= 0:
        return -math.log1p(math.exp(-x))
    return -math.log(2) + integrate.quad(lambda t: sigmoid(-t) * math.exp(-t * t / 2), 0, x, epsabs=1e-13)[0]


@pytest.mark.parametrize("x", [-6.0, -1.0, -1e-3, 1e-3, 0.7, 2.5])
def test_rising_is_the_derivative_of_its_antiderivative(x: float) -> None:
    h = 1e-4
    slope = (antiderivative_of_rising(x + h) - antiderivative_of_rising(x - h)) / (2 * h)
    assert float(rising(torch.tensor(x, dtype=torch.float64))) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("d", [0.05, 0.5, 1.0, 1.7, 3.0])
def test_equation_5_is_the_derivative_of_its_antiderivatives(d: float) -> None:
    def outside(d: float) -> float:  # integral of exp(-(t / 1.5)^4): an incomplete gamma function
        return 1.5 / 4 * special.gamma(0.25) * special.gammainc(0.25, (d / 1.5) ** 4)

    def inside(d: float) -> float:  # integral of -1.5 t / (1 + t)
        return -1.5 * (d - math.log1p(d))

    h = 1e-5
    distance = torch.tensor([d, d], dtype=torch.float64)
    push, pull = distance_gradient(distance, torch.tensor([False, True])).tolist()
    assert push == pytest.approx((outside(d + h) - outside(d - h)) / (2 * h), rel=1e-7, abs=1e-9)
    assert pull == pytest.approx((inside(d + h) - inside(d - h)) / (2 * h), rel=1e-7)


def test_equation_5_by_hand_and_equation_6() -> None:
    d = torch.tensor([0.0, 1.0, 1.5, 100.0], dtype=torch.float64)
    outside, inside = torch.zeros(4, dtype=torch.bool), torch.ones(4, dtype=torch.bool)
    np.testing.assert_allclose(distance_gradient(d, outside)[:3], [1, math.exp(-16 / 81), math.exp(-1)])
    assert 0 <= distance_gradient(d, outside)[3] < 1e-20
    np.testing.assert_allclose(distance_gradient(d, inside), [0, -0.75, -0.9, -150 / 101])
    assert math.exp(-16 / 81) == pytest.approx(0.75, abs=0.08)  # Eq. 6: nearly balanced at d = 1


class HuberSquare(torch.autograd.Function):
    """The paper's huber_square, literally: squared norm forward, truncated componentwise gradient backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x * x).sum(dim=0)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return upstream[0] * torch.clamp(2 * x, -1, 1)


def embedding_loops(embedding: Tensor, masks: Masks, weight: float, floor: float = 1) -> tuple[Tensor, list[float]]:
    """Ascent direction for the embedding: a loop over masks, autograd through huber_square and the mean."""
    total = torch.zeros_like(embedding)
    ious = []
    for b, mask in zip(masks.image.tolist(), masks.cells, strict=True):
        e = embedding[b].flatten(1).clone().requires_grad_()
        mean = e[:, mask].mean(dim=1)
        d = HuberSquare.apply(e - mean[:, None])
        value = d.detach()
        push = torch.exp(-((value / 1.5) ** 4))
        ascent = torch.where(mask, -1.5 * value / (1 + value), push) * weight / max(int(mask.sum()), floor)
        d.backward(ascent)
        assert e.grad is not None
        total[b] += e.grad.view_as(total[b])
        predicted = value < 1
        ious.append(float((predicted & mask).sum() / (predicted | mask).sum()))
    return total, ious


def some_masks() -> Masks:
    generator = torch.Generator().manual_seed(5)
    cells = torch.rand(7, 10_000, generator=generator) < torch.tensor([[0.5], [0.01], [0.1], [1e-3], [0.2], [0.3], [1]])
    cells[3] = False
    cells[3, 4321] = True  # a single cell: its own mean
    return Masks(torch.tensor([0, 0, 1, 1, 1, 3, 3]), cells)


@pytest.mark.parametrize("chunk_floats", [1, 3 * 4 * 10_000, 10**9])
@pytest.mark.parametrize(("scale", "floor"), [(0.1, 1), (0.7, 1), (0.7, 150)])
def test_embedding_gradient_agrees_with_autograd_mask_by_mask(chunk_floats: int, scale: float, floor: int) -> None:
    embedding = random(4, 4, 100, 100, scale=scale).to(memory_format=torch.channels_last)
    masks = some_masks()
    found = embedding_gradient(embedding, masks, weight=2.0, area_floor=floor, chunk_floats=chunk_floats)
    gradient, ious = embedding_loops(embedding, masks, weight=2.0, floor=floor)
    assert gradient.abs().max() > 1e-4
    torch.testing.assert_close(found.gradient, gradient, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(found.iou, ious, rtol=1e-12)
    expected = [min(ious[:2]), min(ious[2:5]), 0.5, min(ious[5:])]
    np.testing.assert_allclose(found.image_scores, expected, rtol=1e-12)


def test_where_nothing_is_truncated_it_is_the_derivative_of_the_integrated_loss() -> None:
    """With |2 x| < 1 everywhere huber_square is the squared norm, and Eq. 5 integrates to a true scalar."""
    embedding = random(1, 3, 100, 100, scale=0.05)
    cells = torch.zeros(1, 10_000, dtype=torch.bool)
    cells[0, 2000:2600] = True
    masks = Masks(torch.zeros(1, dtype=torch.int64), cells)
    found = embedding_gradient(embedding, masks, weight=600.0).gradient.flatten()

    def loss(values: Tensor) -> float:
        e = values.view(3, -1).numpy()
        x = e - e[:, cells[0].numpy()].mean(axis=1, keepdims=True)
        assert np.abs(2 * x).max() < 1
        d = (x * x).sum(axis=0)
        outside = 1.5 / 4 * special.gamma(0.25) * special.gammainc(0.25, (d / 1.5) ** 4)
        return float(np.where(cells[0].numpy(), -1.5 * (d - np.log1p(d)), outside).sum())

    for index in [0, 2000, 12_100, 15_000, 29_999]:
        step = torch.zeros(30_000, dtype=torch.float64)
        step[index] = 1e-4
        slope = (loss(embedding.flatten() + step) - loss(embedding.flatten() - step)) / 2e-4
        assert float(found[index]) == pytest.approx(slope, rel=1e-4, abs=1e-8)


def test_embedding_gradient_by_hand() -> None:
    """One component; a mask of cells 0 and 1 with e = 0.4 and 0, one other cell at 1.2, the rest far away."""
    embedding = torch.full((1, 1, 100, 100), 50.0, dtype=torch.float64)
    embedding[0, 0, 0, :3] = torch.tensor([0.4, 0.0, 1.2], dtype=torch.float64)
    cells = torch.zeros(1, 10_000, dtype=torch.bool)
    cells[0, :2] = True
    found = embedding_gradient(embedding, Masks(torch.zeros(1, dtype=torch.int64), cells), weight=2.0)
    # mean 0.2; x = 0.2, -0.2, 1.0; d = 0.04, 0.04, 1; h = 0.4, -0.4, 1 (truncated from 2)
    # weight / area = 1; a = -1.5 * 0.04 / 1.04 twice, and exp(-16/81)
    a, push = -0.06 / 1.04, math.exp(-16 / 81)
    # through the mean: -(1/2) (a * 0.4 - a * 0.4 + push * 1) at cells 0 and 1
    expected = [0.4 * a - push / 2, -0.4 * a - push / 2, push]
    np.testing.assert_allclose(found.gradient[0, 0, 0, :3], expected, rtol=1e-12)
    assert found.gradient[0, 0, 1:].abs().max() < 1e-15
    # d < 1 at cells 0 and 1 only (1 is exclusive)
    assert found.iou.tolist() == [1.0] and found.image_scores.tolist() == [1.0]


def test_masks_of_an_image_are_added_or_averaged() -> None:
    embedding, masks = random(4, 4, 100, 100, scale=0.7), some_masks()
    added = embedding_gradient(embedding, masks, weight=2.0)
    found = embedding_gradient(embedding, masks, weight=2.0, mask_reduction="mean")
    # Images 0, 1, 2 and 3 have 2, 3, 0 and 2 masks.
    numbers = torch.tensor([2.0, 3.0, 1.0, 2.0], dtype=torch.float64)[:, None, None, None]
    torch.testing.assert_close(found.gradient * numbers, added.gradient, rtol=1e-12, atol=1e-15)
    assert added.gradient[:2].abs().max() > 1e-4 and torch.equal(found.iou, added.iou)


def test_without_truncation_by_hand() -> None:
    """Like `test_embedding_gradient_by_hand`, with the derivative 2 x of the squared norm everywhere."""
    embedding = torch.full((1, 1, 100, 100), 50.0, dtype=torch.float64)
    embedding[0, 0, 0, :3] = torch.tensor([0.4, 0.0, 1.2], dtype=torch.float64)
    cells = torch.zeros(1, 10_000, dtype=torch.bool)
    cells[0, :2] = True
    masks = Masks(torch.zeros(1, dtype=torch.int64), cells)
    found = embedding_gradient(embedding, masks, weight=2.0, huber_square=False)
    # 2 x = 0.4, -0.4 and 2, where truncation would leave 1
    a, push = -0.06 / 1.04, math.exp(-16 / 81)
    expected = [0.4 * a - push, -0.4 * a - push, 2 * push]
    np.testing.assert_allclose(found.gradient[0, 0, 0, :3], expected, rtol=1e-12)


def test_without_truncation_it_is_the_derivative_of_the_integrated_loss() -> None:
    embedding, masks = random(4, 3, 100, 100, scale=0.8).requires_grad_(), some_masks()
    found = embedding_gradient(embedding, masks, weight=3.0, huber_square=False, chunk_floats=1)
    total = torch.zeros((), dtype=torch.float64)
    for b, mask in zip(masks.image.tolist(), masks.cells, strict=True):
        e = embedding[b].flatten(1)
        d = (e - e[:, mask].mean(dim=1, keepdim=True)).square().sum(dim=0)
        with torch.no_grad():
            ascent = torch.where(mask, -1.5 * d / (1 + d), torch.exp(-((d / 1.5) ** 4))) * 3 / mask.sum()
        total = total + (ascent * d).sum()
    total.backward()
    assert embedding.grad is not None
    torch.testing.assert_close(found.gradient, embedding.grad, rtol=1e-9, atol=1e-14)


def test_image_scores_by_hand() -> None:
    image, iou = torch.tensor([0, 0, 2, 2, 3]), torch.tensor([0.25, 0.75, 0.5, 1.0, 0.0], dtype=torch.float64)
    assert image_scores(image, iou, 4, "min").tolist() == [0.25, 0.5, 0.5, 0.0]
    # Image 1 has no masks; image 3's mean of 0 counts as none in the release.
    assert image_scores(image, iou, 4, "mean").tolist() == [0.5, 0.5, 0.75, 0.5]


def test_images_without_masks_score_one_half() -> None:
    masks = Masks(torch.zeros(0, dtype=torch.int64), torch.zeros(0, 10_000, dtype=torch.bool))
    found = embedding_gradient(random(2, 4, 100, 100), masks, weight=1.0)
    assert found.image_scores.tolist() == [0.5, 0.5] and not found.gradient.any()


def test_float32_is_close_to_float64_at_the_papers_width() -> None:
    embedding, masks = random(4, 16, 100, 100, scale=0.4), some_masks()
    exact = embedding_gradient(embedding, masks, weight=200.0)
    found = embedding_gradient(embedding.float(), masks, weight=200.0)
    torch.testing.assert_close(found.gradient.double(), exact.gradient, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.iou, exact.iou, atol=1e-3)


def test_without_differentiation_only_the_ious_are_found() -> None:
    embedding, masks = random(4, 4, 100, 100, scale=0.4), some_masks()
    found = embedding_gradient(embedding, masks, 2.0, differentiate=False)
    assert not found.gradient.any()
    torch.testing.assert_close(found.iou, embedding_gradient(embedding, masks, 2.0).iou)


def test_the_surrogates_derivative_is_minus_the_gradient() -> None:
    prediction, gradient = random(5).requires_grad_(), random(5, seed=1).requires_grad_()
    (3 * surrogate(prediction, gradient)).backward()
    assert prediction.grad is not None
    torch.testing.assert_close(prediction.grad, -3 * gradient.detach())
    assert gradient.grad is None

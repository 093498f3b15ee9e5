"""Augmentation against colorsys, numpy and hand-made mirrors; draws are repeatable and have the right frequencies."""

from __future__ import annotations

import colorsys
from dataclasses import replace

import numpy as np
import pytest
import torch

from learner.interaction.augmentation import (
    OPERATIONS,
    Draws,
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    color_jitter,
    draw,
    flip_columns,
    flip_points,
)
from tests.learner.helpers import config

SETTINGS = config().augmentation


def pixels(size: int = 2, count: int = 500) -> torch.Tensor:
    """(n, 3, P) colours, with greys and pure colours among them."""
    x = torch.rand(size, 3, count, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x[0, :, :8] = torch.tensor([[(n >> bit) & 1 for n in range(8)] for bit in range(3)], dtype=torch.float64)
    x[0, :, 8:11] = torch.tensor([0.2, 0.5, 0.7], dtype=torch.float64)
    return x


def gray(x: np.ndarray) -> np.ndarray:
    return 0.2989 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]


@pytest.mark.parametrize("factors", [(0.7, 1.3), (0.0, 1.0)])
def test_brightness_contrast_saturation_as_torchvision_defines_them(factors: tuple[float, float]) -> None:
    x = pixels()
    f = torch.tensor(factors, dtype=torch.float64)
    n, g = x.numpy(), f.numpy()[:, None, None]
    np.testing.assert_allclose(adjust_brightness(x.clone(), f), np.clip(g * n, 0, 1), atol=1e-12)
    mean = gray(n).mean(axis=1)[:, None, None]
    np.testing.assert_allclose(adjust_contrast(x.clone(), f), np.clip(g * n + (1 - g) * mean, 0, 1), atol=1e-7)
    expected = np.clip(g * n + (1 - g) * gray(n)[:, None], 0, 1)
    np.testing.assert_allclose(adjust_saturation(x.clone(), f), expected, atol=1e-7)


@pytest.mark.parametrize("shift", [-0.5, -0.3, 0.0, 0.17, 0.5])
def test_hue_as_colorsys_turns_it(shift: float) -> None:
    x = pixels()
    shifts = torch.tensor([shift, -shift], dtype=torch.float64)
    found = adjust_hue(x.clone(), shifts)
    for b in range(len(x)):
        for p in range(x.shape[2]):
            hue, saturation, value = colorsys.rgb_to_hsv(*x[b, :, p].tolist())
            expected = colorsys.hsv_to_rgb((hue + float(shifts[b])) % 1, saturation, value)
            np.testing.assert_allclose(found[b, :, p], expected, atol=1e-9)


def test_each_image_gets_its_operations_in_its_own_order() -> None:
    image = torch.randint(0, 256, (4, 5, 6, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    draws = Draws(
        flip=torch.zeros(4, dtype=torch.bool),
        jitter=torch.tensor([True, True, False, True]),
        order=torch.tensor([[0, 1, 2, 3], [3, 2, 1, 0], [0, 1, 2, 3], [1, 3, 0, 2]]),
        factors=torch.tensor([[1.3, 0.7, 1.2, 0.1], [1.3, 0.7, 1.2, 0.1], [0.7] * 4, [0.8, 1.3, 0.9, -0.2]]),
    )
    found = color_jitter(image, draws)
    assert found.shape == image.shape and found.dtype == torch.float32
    for b in range(4):
        x = (image[b].float() / 255).permute(2, 0, 1).flatten(1)[None]
        for number in draws.order[b].tolist() if draws.jitter[b] else []:
            x = OPERATIONS[number](x, draws.factors[b, number : number + 1])
        torch.testing.assert_close(found[b], x[0].view(3, 5, 6).permute(1, 2, 0))
    assert not torch.allclose(found[0], (image[0] / 255))
    torch.testing.assert_close(found[2], image[2] / 255)


def test_mirrors() -> None:
    maps = torch.arange(24).view(2, 3, 4)
    flip = torch.tensor([False, True])
    found = flip_columns(maps, flip)
    torch.testing.assert_close(found[0], maps[0])
    assert found[1].tolist() == [[15, 14, 13, 12], [19, 18, 17, 16], [23, 22, 21, 20]]
    assert maps[1, 0, 0] == 12  # the argument stays
    colours = torch.arange(2 * 1 * 3 * 2).view(2, 1, 3, 2)
    assert flip_columns(colours, flip)[1, 0].tolist() == [[10, 11], [8, 9], [6, 7]]
    points = torch.tensor([[[3, 0], [99, 70]], [[3, 0], [99, 70]]], dtype=torch.uint8)
    assert flip_points(points, flip).tolist() == [[[3, 0], [99, 70]], [[3, 99], [99, 29]]]


def test_draws_repeat_for_a_seed_and_step_and_differ_otherwise() -> None:
    first, again = draw(SETTINGS, 8, seed=1, step=5), draw(SETTINGS, 8, seed=1, step=5)
    assert all(torch.equal(a, b) for a, b in zip(vars(first).values(), vars(again).values(), strict=True))
    for other in (draw(SETTINGS, 8, seed=1, step=6), draw(SETTINGS, 8, seed=2, step=5), draw(SETTINGS, 8, 5, 1)):
        assert not torch.equal(first.factors, other.factors)


def test_draws_have_the_stated_frequencies_and_ranges() -> None:
    draws = draw(replace(SETTINGS, hue=0.1), 20_000, seed=0, step=0)
    # Five standard deviations of a mean of 20 000 draws are below 0.018.
    assert draws.flip.float().mean() == pytest.approx(0.5, abs=0.02)
    assert draws.jitter.float().mean() == pytest.approx(0.8, abs=0.02)
    assert draws.factors[:, :3].min() >= 0.7 and draws.factors[:, :3].max() <= 1.3
    assert draws.factors[:, 3].abs().max() <= 0.1
    np.testing.assert_allclose(draws.factors.mean(dim=0), [1, 1, 1, 0], atol=0.01)
    np.testing.assert_allclose(draws.factors.std(dim=0), np.array([0.6, 0.6, 0.6, 0.2]) / 12**0.5, rtol=0.03)
    counts = np.unique(draws.order.numpy() @ [64, 16, 4, 1], return_counts=True)[1]
    assert len(counts) == 24 and counts.min() > 20_000 / 24 * 0.8

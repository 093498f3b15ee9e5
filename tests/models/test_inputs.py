"""Normalisation of observations."""

from __future__ import annotations

import pytest
import torch

from models.interaction.inputs import network_input


def observation(batch: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(batch, 300, 300, 3, dtype=torch.uint8), torch.zeros(batch, 300, 300, dtype=torch.float16)


def test_values_worked_by_hand() -> None:
    image, depth = observation(2)
    image[1, 5, 7] = torch.tensor([255, 51, 0])
    depth[1, 5, 7] = 2.25
    depth[1, 5, 8] = torch.inf
    depth[1, 5, 9] = -0.5
    x = network_input(image, depth)
    assert x.dtype == torch.float32 and x.shape == (2, 4, 300, 300)
    assert x.is_contiguous(memory_format=torch.channels_last)
    # 4 (c - 0.5) with c = 1, 0.2, 0; depth 2.25 - 1.5
    torch.testing.assert_close(x[1, :, 5, 7], torch.tensor([2.0, -1.2, -2.0, 0.75]))
    assert x[1, 3, 5, 8] == 3.5  # clipped at 5 m
    assert x[1, 3, 5, 9] == -1.5
    assert torch.all(x[0, :3] == -2)


def test_depth_is_cut_off_where_it_is_said() -> None:
    image, depth = observation()
    depth[0, 0, 0], depth[0, 0, 1] = 12.5, 30.0
    x = network_input(image, depth, max_depth=20.0)
    assert x[0, 3, 0, 0] == 11.0 and x[0, 3, 0, 1] == 18.5


def test_raw_values_worked_by_hand() -> None:
    image, depth = observation()
    image[0, 5, 7] = torch.tensor([255, 51, 0])
    depth[0, 5, 7:10] = torch.tensor([7.25, torch.inf, -0.5])
    for colours in (image, image.float() / 255):
        x = network_input(colours, depth, max_depth=20.0, normalize=False)
        torch.testing.assert_close(x[0, :, 5, 7], torch.tensor([1.0, 0.2, 0.0, 7.25]))
        assert x[0, 3, 5, 8:10].tolist() == [20.0, 0.0]
        assert torch.all(x[0, :, 0, 0] == 0) and x.is_contiguous(memory_format=torch.channels_last)


def test_float_colours_in_0_1_are_the_same_colours() -> None:
    image, depth = observation()
    image[0, :, :, 1] = torch.arange(300) % 256
    torch.testing.assert_close(network_input(image.float() / 255, depth), network_input(image, depth))


def test_arguments_stay_as_they_were() -> None:
    image, depth = torch.rand(1, 300, 300, 3), torch.full((1, 300, 300), 9.0)
    network_input(image, depth)
    assert torch.all(depth == 9.0) and image.max() <= 1


@pytest.mark.parametrize(
    ("image", "depth", "message"),
    [
        (torch.zeros(1, 299, 300, 3), torch.zeros(1, 300, 300), r"image must have shape \(B, 300, 300, 3\)"),
        (torch.zeros(1, 300, 300, 3), torch.zeros(2, 300, 300), r"depth must have shape \(1, 300, 300\)"),
        (torch.zeros(1, 300, 300, 3), torch.zeros(1, 300, 300, dtype=torch.int16), "depth must be floating point"),
        (torch.zeros(1, 300, 300, 3, dtype=torch.int32), torch.zeros(1, 300, 300), "image must be uint8 or float"),
    ],
)
def test_bad_observations_are_refused(image: torch.Tensor, depth: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network_input(image, depth)

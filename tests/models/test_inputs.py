"""Normalisation of observations."""

from __future__ import annotations

import pytest
import torch

from actors.observation import NEAR_PLANE, ray_factor
from models.interaction.inputs import EDGE_LIMIT, network_input


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


def edges(inverse: torch.Tensor) -> torch.Tensor:
    """The last two channels (2, 300, 300) for inverse depth along the camera's axis (300, 300)."""
    image, depth = observation()
    depth = (torch.tensor(ray_factor(300, 90.0)) / inverse - NEAR_PLANE).float()[None]
    x = network_input(image, depth, depth_edges=True)
    assert x.shape == (1, 6, 300, 300) and x.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(x[:, :4], network_input(image, depth))
    return x[0, 4:]


def test_depth_edges_by_hand() -> None:
    rows, columns = torch.meshgrid(torch.arange(300.0), torch.arange(300.0), indexing="ij")
    # A plane has none, however it lies.
    tilted = 0.6 + 0.001 * rows - 0.0005 * columns
    torch.testing.assert_close(edges(tilted), torch.zeros(2, 300, 300), atol=2e-3, rtol=0)
    # A ridge at column 150: two pixels beside it inverse depth is 0.996 of its own, half of EDGE_SCALE less.
    ridge = 1 - 0.002 * (columns - 150).abs()
    found = edges(ridge)
    torch.testing.assert_close(found[1, 10, [140, 149, 150, 151, 160]], torch.tensor([0.0, 0.25, 0.5, 0.25, 0.0]),
                               atol=2e-3, rtol=1e-2)  # fmt: skip
    torch.testing.assert_close(found[0], torch.zeros(300, 300), atol=2e-3, rtol=0)
    # Rows below 100 are nearer: positive on the near side of the jump, negative on the far side, and cut off.
    jump = torch.where(rows < 100, 1.0, 0.5)
    wanted = EDGE_LIMIT * torch.tensor([0.0, 0, 1, 1, -1, -1, 0, 0])
    torch.testing.assert_close(edges(jump)[0, 96:104, 30], wanted, atol=2e-3, rtol=0)
    border = [0, 1, 298, 299]
    assert torch.all(edges(tilted)[0, border] == 0) and torch.all(edges(tilted)[1, :, border] == 0)


def test_depth_edges_are_finite_where_nothing_is_hit() -> None:
    image, depth = observation()
    depth[0, :, 150:] = torch.inf
    assert network_input(image, depth, depth_edges=True).isfinite().all()


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

"""The network's size and shapes, and what its outputs depend on."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from models.interaction.build import build_network
from models.interaction.network import (
    DownBlock,
    InteractionNetwork,
    NetworkConfig,
    PointwiseConvolution,
    UpModule,
    folded,
)
from tests.models.helpers import PAPER, SMALL

RECEPTIVE_BOX = 137
"""Side of the largest box of input pixels that one output cell depends on, pixels (paper, "Model details")."""
CELLS = [(0, 0), (0, 99), (99, 99), (3, 50), (47, 1), (48, 52), (49, 49), (50, 51), (51, 48), (98, 40)]


def test_the_papers_network_has_1_439_124_parameters() -> None:
    network = InteractionNetwork(PAPER)
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_439_124


def test_shapes_during_training() -> None:
    shapes = []
    network = InteractionNetwork(PAPER).eval()
    for module in [network.stem, *network.down, *network.up, network.shared]:
        module.register_forward_hook(lambda module, inputs, output: shapes.append(tuple(output.shape[1:])))
    with torch.no_grad():
        output = network(torch.zeros(2, 4, 300, 300))
    down = [(32, 100, 100), (64, 50, 50), (128, 25, 25), (256, 13, 13)]
    assert shapes == [*down, (128, 25, 25), (64, 50, 50), (64, 100, 100), (128, 100, 100)]
    assert output.score.shape == (2, 100, 100)
    assert output.force.shape == (2, 3, 100, 100)
    assert output.embedding.shape == (2, 16, 100, 100)


def test_every_convolution_but_the_heads_is_followed_by_batch_norm_and_relu() -> None:
    network = InteractionNetwork(PAPER)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    followed = [
        m[0]
        for m in network.modules()
        if isinstance(m, nn.Sequential) and isinstance(m[1], nn.BatchNorm2d) and isinstance(m[2], nn.ReLU)
    ]
    heads = [network.score_head, network.force_head, network.embedding_head]
    assert set(convolutions) == {*followed, *heads}
    assert len(convolutions) == 1 + 3 * 3 + 3 * 2 + 1 + 3


def extent(network: InteractionNetwork, x: torch.Tensor, row: int, column: int) -> tuple[int, int, int, int]:
    """First and last row and column of the input pixels with a gradient from one output cell."""
    x = x.clone().requires_grad_()
    output = network(x)
    value = output.score[0, row, column] + output.force[0, :, row, column].sum()
    (value + output.embedding[0, :, row, column].sum()).backward()
    assert x.grad is not None
    rows, columns = torch.nonzero(x.grad[0].abs().sum(dim=0), as_tuple=True)
    return int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())


def test_an_output_cell_depends_on_a_137_box_around_it_and_no_more() -> None:
    network = build_network(PAPER, seed=0).eval()
    x = torch.randn(1, 4, 300, 300, generator=torch.Generator().manual_seed(1))
    for row, column in CELLS:
        top, bottom, left, right = extent(network, x, row, column)
        assert bottom - top < RECEPTIVE_BOX and right - left < RECEPTIVE_BOX, (row, column)
        assert top <= 3 * row + 1 <= bottom and left <= 3 * column + 1 <= right, (row, column)


def test_the_box_is_tight() -> None:
    """With positive weights and inputs no path is cut by a ReLU: some cells then see all of a 137x137 box."""
    network = build_network(SMALL, seed=0).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_().add_(1e-3)
    network.coordinates = network.coordinates.abs()
    x = torch.rand(1, 4, 300, 300, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    sides = set()
    for row in range(44, 56):
        top, bottom, left, right = extent(network, x, row, 50)
        sides.add(bottom - top + 1)
        assert right - left + 1 <= RECEPTIVE_BOX
    assert max(sides) == RECEPTIVE_BOX
    assert min(sides) >= 113  # 24 pixels less: cells whose 3x3 windows touch two coarse cells instead of three


def test_the_same_seed_gives_the_same_network_and_leaves_the_random_state_alone() -> None:
    state = torch.random.get_rng_state()
    first, second, other = build_network(SMALL, 3), build_network(SMALL, 3), build_network(SMALL, 4)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("base_channels", 0, "models.base_channels must be at least 1, not 0"),
        ("up_channels", [8, 8], "models.up_channels must be three positive numbers"),
        ("up_channels", [8, 8, 0], "models.up_channels must be three positive numbers"),
        ("batch_norm_momentum", 0.0, r"models.batch_norm_momentum must be in \(0, 1\]"),
    ],
)
def test_bad_widths_are_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NetworkConfig(**{**vars(SMALL), field: value})


def test_a_block_adds_its_input_to_the_input_of_its_last_convolution() -> None:
    block = InteractionNetwork(SMALL).down[0].eval()
    assert isinstance(block, DownBlock)
    last = block.narrow[1]
    assert isinstance(last, nn.BatchNorm2d)
    x = torch.rand(1, SMALL.base_channels, 20, 20)
    with torch.no_grad():
        last.weight.zero_()
        last.bias.zero_()
        torch.testing.assert_close(block(x), block.reduce(x))
        last.bias.fill_(0.5)
        torch.testing.assert_close(block(x), block.reduce(x + 0.5))


def test_up_modules_take_the_lateral_of_their_resolution() -> None:
    network = build_network(SMALL, seed=0).eval()
    seen = []
    for module in network.up:
        module.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[1]))
    outputs = []
    for module in [network.stem, *network.down[:2]]:
        module.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    with torch.no_grad():
        network(torch.randn(1, 4, 300, 300))
    assert all(lateral is output for lateral, output in zip(seen, reversed(outputs), strict=True))


def test_heads_are_1x1_convolutions() -> None:
    network = build_network(SMALL, seed=0)
    shared = torch.randn(2, SMALL.shared_channels, 100, 100)
    output = network.heads(shared)
    torch.testing.assert_close(output.score, network.score_head(shared)[:, 0])
    torch.testing.assert_close(output.force, network.force_head(shared))
    torch.testing.assert_close(output.embedding, network.embedding_head(shared))


def test_the_shared_layer_reads_coordinates_from_minus_one_to_one() -> None:
    network = build_network(SMALL, seed=0).eval()
    seen = []
    network.shared.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        network(torch.zeros(1, 4, 300, 300))
    rows, columns = seen[0][0, -2:]
    torch.testing.assert_close(rows[:, 7], torch.linspace(-1, 1, 100))
    torch.testing.assert_close(columns[7], torch.linspace(-1, 1, 100))


def test_pointwise_convolutions_are_convolutions() -> None:
    layer, x = PointwiseConvolution(5, 7), torch.randn(2, 5, 4, 6)
    torch.testing.assert_close(layer(x), torch.nn.functional.conv2d(x, layer.weight))


def test_folding_batch_norm_changes_no_prediction_and_leaves_the_network_alone() -> None:
    network = build_network(SMALL, seed=0)
    x = torch.randn(2, 4, 300, 300)
    network.train()(x)  # running statistics unlike the initial ones
    before = {name: value.clone() for name, value in network.state_dict().items()}
    copy = folded(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in copy.modules())
    with torch.no_grad():
        for ours, theirs in zip(copy(x), network.eval()(x), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def enlargement(module: nn.Module) -> nn.ConvTranspose2d:
    """The transposed convolution of an UpModule."""
    assert isinstance(module, UpModule)
    convolution = module.enlarge[0]
    assert isinstance(convolution, nn.ConvTranspose2d)
    return convolution


def test_smooth_upsampling_starts_as_a_nearest_neighbour_zoom() -> None:
    network = build_network(NetworkConfig(**{**vars(SMALL), "smooth_upsampling": True}), seed=0)
    for module in network.up:
        enlarge = enlargement(module)
        zoomed = enlarge(torch.rand(1, enlarge.in_channels, 3, 3))
        assert torch.equal(zoomed[..., ::2, ::2].repeat_interleave(2, -1).repeat_interleave(2, -2), zoomed)
    rough = enlargement(build_network(SMALL, seed=0).up[0]).weight
    assert not torch.equal(rough, rough[:, :, :1, :1].expand_as(rough))

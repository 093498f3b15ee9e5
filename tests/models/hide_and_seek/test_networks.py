"""The networks' sizes, the decoder, and how networks are built."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from models.hide_and_seek.decoder import DynamicsDecoder, _moved
from models.hide_and_seek.encoder import Encoder
from models.hide_and_seek.metric_map import as_tensor, egocentric
from models.hide_and_seek.network import build_network, count_parameters
from models.weights import flat_weights, load_flat_weights
from replay.hide_and_seek.unroll import unroll_fields
from tests.models.hide_and_seek.networks import CONFIGS, from_file, observations, tiny


@torch.no_grad()
def test_the_papers_shapes() -> None:
    config = from_file("hide_and_seek", past_versions=0)
    network = build_network(config, 0)
    agent, decoder = network.agent, network.decoder
    seen = observations(config, 2, 1)._replace(new_maps=torch.zeros(2, 1, dtype=torch.bool))
    outputs, state = agent.unroll(seen, agent.initial_state(1), torch.tensor([0]))
    assert outputs.sir.shape == (2, 1, 128, 7, 7)
    assert state.grid.shape == (1, 257, 7, 7) and outputs.change_map.shape == (2, 1, 7, 7)
    assert outputs.core.shape == (2, 1, 512) and state.cell.shape == (1, 512)
    assert config.reading_size == 356 and agent.core.input_size == 256 + 356
    assert state.map.values.shape == (1, 512, 144)
    assert agent.action_embedding.weight.shape == (439, 16) and agent.posture_embedding.weight.shape == (2, 4)
    assert agent.goal_embedding.weight.shape == (5, 16) and agent.target_table.table.shape == (3, 8, 13, 13)
    tensor = as_tensor(state.map)
    height, width = tensor.shape[-2:]
    assert tensor.shape == (1, 4, 2, 144, height, width) and tensor.flatten(1, 3).shape[1] == 1152
    assert egocentric(state.map, seen.locations[0], 13).shape == (1, 4, 2, 144, 13, 13)
    # E&M 3 + 2 + 2 + 49 + 1, OH 2 + 49 + 1 + 147 + 1, OM 6 + 6 + 1 + 49, S as E&M and ClaimVisible.
    sizes = [tuple(head.get_parameter("actor.weight").shape) for head in agent.stage_heads]
    assert sizes == [(57, 512), (200, 512), (62, 512), (58, 512)]

    last = []
    decoder.pixels.register_forward_pre_hook(lambda _, inputs: last.append(inputs[0].shape))
    features = agent.encoder(seen.images[0])
    predictions = decoder(features, seen.images[0], torch.tensor([3]), torch.tensor([True]))
    assert last == [(1, 16, 224, 224)]
    assert [image.shape for image in predictions.images] == [(1, 3, n, n) for n in (14, 28, 56, 112, 224)]
    assert predictions.changed.shape == predictions.confidence.shape == (1, 224, 224)
    assert decoder.inverse(features.sir, features.sir, torch.tensor([True])).shape == (1, 219)
    assert decoder.success(features.sir, torch.tensor([3])).shape == (1,)


def count(module: nn.Module, kind: type[nn.Module]) -> int:
    return sum(isinstance(part, kind) for part in module.modules())


def test_the_papers_numbers_of_convolutions() -> None:
    config = from_file("hide_and_seek")
    assert count(Encoder(config), nn.Conv2d) == 13
    assert count(DynamicsDecoder(config), nn.ConvTranspose2d) == 10


@pytest.mark.parametrize("name", ["hide_and_seek", "hide_and_seek_small"])
def test_a_state_fits_the_record(name: str) -> None:
    config = from_file(name, past_versions=0)
    fields = unroll_fields(config.unroll_shape(3))
    state = build_network(config, 0).agent.initial_state(1)
    for field, value in zip(
        ("grid", "hidden", "cell", "map_values", "map_keys", "map_written"), [*state[:3], *state.map], strict=True
    ):
        assert fields[field][0] == tuple(value.shape[1:])
    assert fields["images"][0] == (4, config.image_size, config.image_size, 3)


@torch.no_grad()
def test_success_is_an_input_of_all_heads_but_its_own() -> None:
    network = build_network(tiny(), 0)
    decoder = network.decoder
    images = observations(network.config, 1, 2).images[0]
    features = network.agent.encoder(images)
    actions, yes, no = torch.tensor([5, 80]), torch.tensor([True, True]), torch.tensor([False, False])
    first, second = decoder(features, images, actions, yes), decoder(features, images, actions, no)
    for one, other in zip((*first.images, first.changed), (*second.images, second.changed), strict=True):
        assert (one - other).abs().amax() > 1e-6
    logits = [decoder.inverse(features.sir, features.sir, success) for success in (yes, no)]
    assert not torch.equal(*logits)


def test_networks_depend_on_the_seed_alone() -> None:
    state = torch.random.get_rng_state()
    first, same, other = (flat_weights(build_network(tiny(), seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other) and torch.equal(state, torch.random.get_rng_state())


@torch.no_grad()
def test_an_earlier_agent_plays_from_its_flat_weights() -> None:
    network, earlier = build_network(tiny(), 1), build_network(tiny(), 2)
    network.past[1] = torch.from_numpy(flat_weights(earlier.agent))
    assert network.past.shape == (2, len(flat_weights(network.agent))) and not network.past[0].any()
    load_flat_weights(network.agent, network.past[1].numpy())
    seen, stages = observations(network.config, 2, 1), torch.tensor([3])
    answers = [n.agent.unroll(seen, n.agent.initial_state(1), stages)[0].logits for n in (network, earlier)]
    assert torch.equal(*answers)


def test_parameters_are_counted_by_part() -> None:
    network = build_network(tiny(), 0)
    counts = count_parameters(network.config)
    assert counts["total"] == sum(weight.numel() for weight in network.parameters())
    assert counts["total"] == counts["agent"] + counts["decoder"] + counts["perspective"]
    # A kernel of 3x3x3 and a bias for 4 channels, and so on.
    stages = (28 * 4 + 37 * 4) + (37 * 6 + 55 * 6) + (55 * 8 + 73 * 8)
    assert counts["agent.encoder"] == stages + 9 * 6 + 9 * 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 56}, "encoder_channels: 3 stages and stem_stride 1 must lead from image_size 56 to 7"),
        ({"decoder_channels": [4]}, "decoder_channels: 1 doublings must lead from 7 to image_size 28"),
        ({"window": 4}, "window must be odd, not 4"),
        ({"tiled_core_size": 11}, "tiled_core_size must be at most core_size"),
        ({"core_size": 0}, "core_size must be greater than 0, not 0"),
        ({"encoder_channels": [4, 0, 4]}, "encoder_channels must be greater than 0"),
        ({"past_versions": -1}, "past_versions must be at least 0, not -1"),
        ({"kind": "unet"}, "kind is hide_and_seek for this model, not unet"),
    ],
)
def test_impossible_sizes_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        tiny(**changes)


def test_a_picture_is_moved_by_the_flow_and_painted() -> None:
    picture = torch.arange(16.0).view(1, 1, 4, 4).expand(1, 3, 4, 4)
    numbers = torch.zeros(1, 6, 4, 4)
    numbers[:, 2] = 100  # all is copied
    same, flow = _moved(picture, numbers, None)
    torch.testing.assert_close(same, picture)
    numbers[:, 0] = 5.0  # each pixel comes from a quarter of the width to the right, which is one pixel
    moved, flow = _moved(picture, numbers, None)
    torch.testing.assert_close(moved[0, 0], picture[0, 0][:, [1, 2, 3, 3]])
    # A finer picture adds to the coarse flow: the two cancel out.
    finer = torch.zeros(1, 6, 8, 8)
    finer[:, 0], finer[:, 2] = -5.0, 100
    torch.testing.assert_close(_moved(picture, finer, flow)[1], torch.zeros(1, 2, 8, 8))
    numbers[:, 2], numbers[:, 3:] = -100, 0.25  # all is painted
    torch.testing.assert_close(_moved(picture, numbers, None)[0], torch.full((1, 3, 4, 4), 0.75))


@torch.no_grad()
def test_predictions_begin_as_copies() -> None:
    network = build_network(tiny(), 0)
    images = observations(network.config, 1, 2).images[0]
    found = network.decoder(network.agent.encoder(images), images, torch.tensor([0, 1]), torch.tensor([True, True]))
    assert (found.images[-1] - images.permute(0, 3, 1, 2) / 255).abs().mean() < 0.05


def test_the_docs_have_the_parameters_of_both_sizes() -> None:
    text = (CONFIGS.parents[1] / "docs/hide_and_seek.md").read_text()
    paper, small = (count_parameters(from_file(name)) for name in ("hide_and_seek", "hide_and_seek_small"))
    headings = {
        "agent.encoder": "encoder",
        "agent.grid": "convolutional GRU",
        "agent": "*agent*",
        "decoder": "decoder",
        "perspective": "perspective simulation",
        "total": "**all**",
    }
    for part, heading in headings.items():
        numbers = " | ".join(f"{counts[part]:,}".replace(",", " ") for counts in (paper, small))
        assert f"| {heading} | {numbers} |" in text, part

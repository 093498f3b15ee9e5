"""The agent: unrolls, shapes, legality and gradients."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from models.hide_and_seek.action_table import CLAIM, HIDE_STAGE, MANIPULATE_STAGE, MASKS, SEEK_STAGE
from models.hide_and_seek.agent import Agent, AgentState, Outputs
from models.hide_and_seek.heads import StageHead
from models.hide_and_seek.inputs import DEVIATION, MEAN, Observations, normalised_images
from models.hide_and_seek.network import build_network
from models.hide_and_seek.recurrent import ConvolutionalGRU, TargetTable
from tests.models.hide_and_seek.networks import observations, tiny

STAGES = torch.tensor([0, 1, 2, 3, 2])


def close(first: Any, second: Any) -> None:
    torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-5)


def rows_of(value: Observations, rows: slice) -> Observations:
    return Observations(*(part[rows] for part in value))


def filled_state(agent: Agent, batch: int) -> AgentState:
    """The state after some steps."""
    seen = observations(agent.config, 4, batch, seed=9)
    return agent.unroll(seen, agent.initial_state(batch), torch.zeros(batch, dtype=torch.long))[1]


@pytest.fixture(scope="module")
def agent() -> Agent:
    agent = build_network(tiny(), 0).agent
    # The first weights of the heads are small; larger ones show more mistakes.
    for head in agent.stage_heads:
        assert isinstance(head, StageHead)
        torch.nn.init.normal_(head.actor.weight)
    return agent


@torch.no_grad()
def test_an_unroll_equals_single_steps(agent: Agent) -> None:
    seen, state = observations(agent.config, 7, 5), filled_state(agent, 5)
    assert seen.firsts[1:].any() and seen.new_maps[1:].any()
    together, last = agent.unroll(seen, state, STAGES)
    single = []
    for step in range(7):
        outputs, state = agent.unroll(rows_of(seen, slice(step, step + 1)), state, STAGES)
        single.append(outputs)
    for name, value in together._asdict().items():
        close(value, torch.cat([getattr(outputs, name) for outputs in single]))
    close(last[:3], state[:3])
    close(last.map.values, state.map.values)
    assert torch.equal(last.map.keys, state.map.keys) and torch.equal(last.map.written, state.map.written)


@torch.no_grad()
def test_the_agents_of_a_batch_do_not_meet(agent: Agent) -> None:
    seen, state = observations(agent.config, 3, 5), filled_state(agent, 5)
    together, _ = agent.unroll(seen, state, STAGES)
    for row in range(5):
        rows = torch.tensor([row])
        own = Observations(*(part[:, rows] for part in seen))
        alone, _ = agent.unroll(own, state.rows(rows), STAGES[rows], agent.encode(seen.images).rows(rows))
        for name, value in alone._asdict().items():
            close(value, getattr(together, name)[:, rows])


@torch.no_grad()
def test_an_episode_begins_with_zeros_and_a_new_map_without_entries(agent: Agent) -> None:
    seen, state = observations(agent.config, 1, 5), filled_state(agent, 5)
    yes, no = torch.ones(1, 5, dtype=torch.bool), torch.zeros(1, 5, dtype=torch.bool)
    fresh = agent.unroll(seen, agent.initial_state(5), STAGES)[0].core
    restarted = agent.unroll(seen._replace(firsts=yes, new_maps=yes), state, STAGES)[0].core
    close(restarted, fresh)
    with_map = agent.unroll(seen._replace(firsts=yes, new_maps=no), state, STAGES)[0].core
    with_past = agent.unroll(seen._replace(firsts=no, new_maps=yes), state, STAGES)[0].core
    assert ((with_map - fresh).abs().amax(-1) > 1e-4).all() and ((with_past - fresh).abs().amax(-1) > 1e-4).all()


@torch.no_grad()
def test_manipulation_reads_the_map_and_does_not_write(agent: Agent) -> None:
    seen, state = observations(agent.config, 3, 5), filled_state(agent, 5)
    seen = seen._replace(new_maps=torch.zeros(3, 5, dtype=torch.bool))
    _, last = agent.unroll(seen, state, STAGES)
    written = (last.map.written != state.map.written).any(1)
    assert (written == (STAGES != MANIPULATE_STAGE)).all()
    same = ~written
    assert torch.equal(last.map.values[same], state.map.values[same])
    assert torch.equal(last.map.keys[same], state.map.keys[same])


@torch.no_grad()
def test_a_step_reads_the_map_before_it_writes(agent: Agent) -> None:
    seen = observations(agent.config, 1, 1)
    stages = torch.tensor([0])
    first, _ = agent.unroll(seen, agent.initial_state(1), stages)
    other = copy.deepcopy(agent)
    for parameter in other.writer.parameters():
        parameter.add_(1)
    second, state = other.unroll(seen, agent.initial_state(1), stages)
    assert state.map.values.any() and torch.equal(first.core, second.core)


@torch.no_grad()
def test_illegal_actions_have_logits_of_minus_infinity(agent: Agent) -> None:
    outputs, _ = agent.unroll(observations(agent.config, 2, 5), agent.initial_state(5), STAGES)
    legal = torch.from_numpy(MASKS.copy())[STAGES].expand(2, -1, -1)
    assert outputs.logits.dtype == torch.float32
    assert torch.equal(outputs.logits > -torch.inf, legal) and outputs.logits[legal].isfinite().all()


@torch.no_grad()
def test_heads_of_other_stages_give_zeros(agent: Agent) -> None:
    outputs, _ = agent.unroll(observations(agent.config, 2, 5), agent.initial_state(5), STAGES)
    for value, stage in (
        (outputs.hittable, MANIPULATE_STAGE),
        (outputs.tried, HIDE_STAGE),
        (outputs.tried_landed, HIDE_STAGE),
    ):
        assert (value.abs().amax((0, 2)) > 0).tolist() == [number == stage for number in STAGES.tolist()]


@torch.no_grad()
def test_claims_trust_the_cell_that_most_surely_shows_the_goal(agent: Agent) -> None:
    assert agent.sighting is not None
    cells = torch.full((1, 2, 5, 14, 14), -9.0)
    cells[0, 0, 3, 6, 7], cells[0, 0, 2, 1, 1] = 5.0, 8.0
    # At the start a logit of -4 adds nothing; another goal's cells do not count.
    assert agent.sighting.claim(cells, torch.tensor([[3, 3]])).tolist() == [[9.0, -5.0]]
    seen = observations(agent.config, 2, 5)
    outputs, _ = agent.unroll(seen, agent.initial_state(5), STAGES)
    before = outputs.logits
    agent.sighting.trust.add_(1.0)
    after = agent.unroll(seen, agent.initial_state(5), STAGES)[0].logits
    agent.sighting.trust.sub_(1.0)
    changed = (before != after).any(0)
    seeks = STAGES == SEEK_STAGE
    assert changed[seeks, CLAIM].all() and changed.sum() == seeks.sum()


def test_without_sightings_the_agent_has_no_such_head() -> None:
    agent = build_network(tiny(sighting_channels=0), 0).agent
    assert agent.sighting is None
    outputs, _ = agent.unroll(observations(agent.config, 2, 5), agent.initial_state(5), STAGES)
    assert outputs.logits[:, STAGES == SEEK_STAGE, CLAIM].isfinite().all()


def test_the_first_policy_draws_cells_or_turns_together_as_often_as_other_actions() -> None:
    agent = build_network(tiny(), 0).agent
    outputs, _ = agent.unroll(observations(agent.config, 3, 5), agent.initial_state(5), STAGES)
    # Explore: 3 moves, 2 turns, 2 postures, CloseObjects and OpenAt; hide: 2 postures, CloseObjects, ReadyForSeeker,
    # OpenAt and 3 PlaceAt; manipulate: 6 moves of the hand, its turns, DropObject, OpenAt; seek: as explore, and
    # ClaimVisible.
    groups = torch.tensor([9.0, 8.0, 9.0, 10.0])[STAGES]
    expected = torch.where(torch.tensor(MASKS)[STAGES], 1 / groups[:, None], 0)
    for cells in (range(20, 69), range(70, 217)):
        expected[:, cells] /= 49
    expected[:, 13:19] /= 6
    torch.testing.assert_close(outputs.logits.softmax(-1), expected.expand(3, -1, -1), rtol=0.15, atol=1e-3)
    assert outputs.value.abs().max() < 0.3


@torch.no_grad()
def test_landings_read_as_successful_place_ats(agent: Agent) -> None:
    seen = observations(agent.config, 1, 1)._replace(landed=torch.tensor([[50]]))
    vectors = agent._embeddings(seen, agent.goal_embedding(seen.goals))[0, 0]
    # Target 50 is ContainedIn(1, 2), so PlaceAt number 70 + 50; its success is entry 1 + 2 * 120 + 1.
    size = agent.config.action_size
    assert torch.equal(vectors[size : 2 * size], agent.action_embedding.weight[242])
    none = agent._embeddings(seen._replace(landed=torch.tensor([[-1]])), agent.goal_embedding(seen.goals))[0, 0]
    assert not none[size : 2 * size].any()


def test_a_target_reads_the_tables_centre_at_its_cell() -> None:
    table = TargetTable(2)
    table.table.data = torch.arange(3 * 2 * 169.0).view(3, 2, 13, 13)
    targets = torch.arange(-1, 147)
    slices = table(targets)
    assert slices.shape == (148, 2, 7, 7) and not slices[0].any()
    for target in range(147):
        modality, row, column = target // 49, target // 7 % 7, target % 7
        # Rows 7 - i to 13 - i, counted from 1, of a row i counted from 0.
        expected = table.table[modality, :, 6 - row : 13 - row, 6 - column : 13 - column]
        assert torch.equal(slices[target + 1], expected)
        assert torch.equal(slices[target + 1, :, row, column], table.table[modality, :, 6, 6])


def test_the_convolutional_gru_is_one_convolution_of_all_inputs() -> None:
    torch.manual_seed(0)
    config = tiny()
    gru = ConvolutionalGRU(config).double()
    sir, vectors, slices, core, grid = (
        torch.randn(2, *shape, dtype=torch.float64) for shape in ((6, 7, 7), (13,), (3, 7, 7), (8,), (7, 7, 7))
    )
    new = gru(gru.inputs(sir, vectors, slices), core, grid)

    kernel = torch.cat([gru.from_sir.weight, gru.from_target.weight], 1)
    cells = functional.conv2d(torch.cat([sir, slices], 1), kernel, gru.from_sir.bias, padding=1)
    tiled = torch.cat([vectors, core], 1)[..., None, None].expand(-1, -1, 7, 7)
    kernel = torch.cat([gru.from_vectors.weight, gru.from_core.weight], 1)[..., None, None]
    x = (cells + functional.conv2d(tiled, kernel)).permute(0, 2, 3, 1).reshape(-1, 21)
    h = gru.from_grid(grid).permute(0, 2, 3, 1).reshape(-1, 21)
    update, reset = torch.sigmoid(x[:, :7] + h[:, :7]), torch.sigmoid(x[:, 7:14] + h[:, 7:14])
    state = torch.tanh(x[:, 14:] + reset * h[:, 14:])
    old = grid.permute(0, 2, 3, 1).reshape(-1, 7)
    expected = (1 - update) * state + update * old
    torch.testing.assert_close(new, expected.view(2, 7, 7, 7).permute(0, 3, 1, 2))


def test_images_are_normalised_by_imagenets_statistics() -> None:
    images = torch.zeros(1, 2, 2, 3, dtype=torch.uint8)
    images[0, 0, 1] = torch.tensor([255, 51, 0])
    pixels = normalised_images(images)
    assert pixels.shape == (1, 3, 2, 2)
    expected = [(value - mean) / scale for value, mean, scale in zip((1, 0.2, 0), MEAN, DEVIATION, strict=True)]
    torch.testing.assert_close(pixels[0, :, 0, 1], torch.tensor(expected))


def loss_of(outputs: Outputs) -> Tensor:
    """A loss that every output decides."""
    parts = [value.masked_fill(value == -torch.inf, 0).square().mean() for value in outputs]
    return torch.stack(parts).sum()


def test_gradients_reach_all_weights() -> None:
    network = build_network(tiny(), 3)
    agent, decoder = network.agent, network.decoder
    seen = observations(agent.config, 8, 5)
    seen.new_maps.fill_(False)
    outputs, _ = agent.unroll(seen, agent.initial_state(5), STAGES)
    actions = torch.arange(40).view(8, 5)
    contrast = (agent.prediction(outputs.core, actions) * agent.next_sir(outputs.sir)).sum(-1)
    features = agent.encoder(seen.images[0])
    succeeded = torch.tensor([True, False, True, False, True])
    predictions = decoder(features, seen.images[0], actions[0], succeeded)
    dynamics = [*predictions.images, predictions.changed, predictions.confidence]
    dynamics += [
        decoder.success(features.sir, actions[0]),
        decoder.inverse(features.sir, features.sir.flip(0), succeeded),
    ]
    assert agent.sighting is not None
    dynamics.append(agent.sighting(features.stages[-2][None], features.sir[None]))
    (loss_of(outputs) + contrast.square().mean() + sum(value.square().mean() for value in dynamics)).backward()
    missing = [
        name
        for part, module in (("agent", agent), ("decoder", decoder))
        for name, weight in ((f"{part}.{name}", weight) for name, weight in module.named_parameters())
        if weight.grad is None or not weight.grad.isfinite().all() or not weight.grad.any()
    ]
    assert not missing

"""Perspective simulation: scores of places and the choice among them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from models.hide_and_seek.mental import FAR, outcome_factors
from models.hide_and_seek.metric_map import MapState, as_tensor
from models.hide_and_seek.perspective import PerspectiveSimulation
from models.hide_and_seek.perspective_config import PerspectiveConfig
from replay.hide_and_seek.memory import NO_OUTCOME
from tests.models.hide_and_seek.perspective_helpers import MAP_SIZE, SETTINGS, both, simulation, walk


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def papers_m1(module: PerspectiveSimulation, map_state: MapState) -> Tensor:
    """(C, h, w) for direction 0: 1x1 convolutions over the map's tensor of 8V x h x w and the distances. Rows run from
    the largest z down, as in `as_tensor`."""
    tensor = as_tensor(map_state)[0].reshape(8 * MAP_SIZE, *as_tensor(map_state).shape[-2:])
    keys = map_state.keys[0][map_state.written[0] >= 0]
    xs = keys[:, 0].min() + torch.arange(tensor.shape[2])
    zs = keys[:, 1].max() - torch.arange(tensor.shape[1])
    distance = torch.sqrt(xs[None, :].float() ** 2 + zs[:, None].float() ** 2) / FAR
    weight = torch.cat([module.first.permute(2, 0, 1).reshape(-1, 8 * MAP_SIZE), module.distance.weight], dim=1)
    total = torch.cat([tensor, distance[None]])[None]
    features = F.conv2d(total, weight[..., None, None], module.distance.bias).relu()
    for block in module.blocks:
        assert isinstance(block, torch.nn.Linear)
        features = F.conv2d(features, block.weight[..., None, None], block.bias).relu()
    return features[0]


def test_m1_is_the_papers_convolution_of_the_maps_tensor() -> None:
    module, (map_state, origin) = simulation(), walk(1)
    expected = papers_m1(module, map_state)
    room = module.encode(map_state, origin)
    height, width = expected.shape[1:]
    keys = map_state.keys[0][map_state.written[0] >= 0]
    left, bottom = (keys[:, :2].amin(dim=0) - room.low).tolist()
    ours = room.features[0, 0, bottom : bottom + height, left : left + width]
    torch.testing.assert_close(ours.flip(0).permute(2, 0, 1), expected)


def test_shapes_of_the_paper() -> None:
    module, (map_state, origin) = simulation(map_size=144), walk(1, map_size=144)
    assert as_tensor(map_state).flatten(1, 3).shape[1] == 1152 == module.first.shape[0] * module.first.shape[1]
    room = module.encode(map_state, origin)
    *_, height, width = as_tensor(map_state).shape
    assert room.features.shape[1:4] == (4, height + 2, width + 2)  # one cell more on each side
    assert module.outcome_logits(room.features).shape[-1] == module.outcome_values(room.features).shape[-1] == 295
    assert NO_OUTCOME + 1 == 295


def test_a_map_turned_about_the_start_has_the_same_scores() -> None:
    module, map_state = simulation(), walk(2)[0]

    def turned(keys: Tensor) -> Tensor:  # clockwise: ahead (0, 1) becomes right (1, 0)
        x, z, rotation, standing = keys.unbind(-1)
        return torch.stack([z, -x, (rotation + 1) % 4, standing], dim=-1)

    keys = map_state.keys[0, :5]
    five = MapState(*(part.expand(5, *part.shape[1:]) for part in map_state))
    before = module.value_of(five, keys)
    after = module.value_of(five._replace(keys=turned(five.keys)), turned(keys))
    torch.testing.assert_close(after, before)
    assert before.std() > 0


def test_the_value_is_the_score_of_the_place_on_the_map() -> None:
    module, (map_state, origin) = simulation(), walk(3)
    room = module.encode(map_state, origin)
    features = module.features_at(room, origin[:, None])[:, 0]
    p, v = module.outcome_logits(features).double().softmax(-1), module.outcome_values(features).double()
    torch.testing.assert_close(module.value_of(map_state, origin).double(), (p * v).sum(-1), atol=1e-5, rtol=0)


def test_maps_of_a_batch_do_not_mix() -> None:
    module, (first, origin), (second, other) = simulation(), walk(4), walk(5, steps=60)
    room = module.encode(both(first, second), torch.cat([origin, other]))
    for map_state, end, index in ((first, origin, 0), (second, other, 1)):
        alone = module.encode(map_state, end)
        x, z = (alone.low - room.low).tolist()
        height, width = alone.visited.shape[1:]
        part = room.features[index, :, z : z + height, x : x + width]
        torch.testing.assert_close(part, alone.features[0])
        assert torch.equal(room.visited[index, z : z + height, x : x + width], alone.visited[0])
        assert room.visited[index].sum() == alone.visited.sum()


def test_candidates_are_visited_places_and_their_neighbours() -> None:
    map_state, origin = walk(6, steps=1)
    for neighbours, expected in ((False, [[0, 0, 0], [0, 1, 0], [0, 0, 0]]), (True, [[0, 1, 0], [1, 1, 1], [0, 1, 0]])):
        module = simulation(neighbours=neighbours)
        room = module.encode(map_state, torch.zeros_like(origin))
        assert module.candidates(room)[0].long().tolist() == expected


def test_places_beyond_the_reach_are_left_out() -> None:
    map_state, origin = walk(7)
    map_state.keys[0, 0, :2] = torch.tensor([11, 0])
    room = simulation(reach=10).encode(map_state, origin)
    assert room.low[0] + room.visited.shape[2] - 1 <= 11  # the border of a box that ends at 10
    location = torch.tensor([[[30, 0, 0]]])
    assert simulation().features_at(room, location).shape == (1, 1, 8)


def test_p_starts_uniform_and_factored_numbers_are_sums_of_terms() -> None:
    module, features = simulation(factored=True), torch.randn(4, 8, generator=generator())
    expected = module.v(features) @ outcome_factors().T
    assert torch.equal(module.outcome_values(features), expected)
    a, b, c, d = (147 * s + 49 * m + 7 * row + column for s, m, row, column in
                  ((0, 1, 2, 3), (1, 1, 2, 3), (0, 1, 2, 5), (1, 1, 2, 5)))  # fmt: skip
    torch.testing.assert_close(expected[:, b] - expected[:, a], expected[:, d] - expected[:, c])
    assert torch.equal(simulation(fresh=True).outcome_logits(features), torch.zeros(4, 295))


def test_equal_generators_make_equal_choices() -> None:
    module, (map_state, origin) = simulation(), walk(8)
    first, again, other = (module.choose(map_state, origin, generator(seed)) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.locations, other.locations)


def test_a_choice_lists_every_candidate_once() -> None:
    module, (map_state, origin) = simulation(), walk(8)
    choice = module.choose(map_state, origin, generator())
    room = module.encode(map_state, origin)
    assert len(choice.locations) == len({tuple(place) for place in choice.locations.tolist()})
    assert len(choice.locations) == 4 * module.candidates(room).sum() == len(choice.scores)
    assert len(choice.mean_lengths) == 10
    torch.testing.assert_close(module.scores(module.features_at(room, choice.locations[None]))[0], choice.scores)
    assert (choice.scores[10:].diff() <= 0).all()
    best = choice.scores.topk(5).values
    assert all((choice.scores[:10] == score).any() for score in best)


def test_places_are_drawn_from_the_softmax_of_mean_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    module, (map_state, origin) = simulation(neighbours=False, best=1, random=1, rollout_steps=1), walk(9)
    evaluate = module.evaluate

    def fixed(*arguments: Any) -> Any:
        evaluation, scores = evaluate(*arguments)
        mean = torch.tensor([[100.0, 100.0 + 25 * torch.log(torch.tensor(3.0))]])  # odds 1 : 3 at 0.04
        return evaluation._replace(mean_lengths=mean), scores

    monkeypatch.setattr(module, "evaluate", fixed)
    draws = generator()
    longer = sum(bool(module.choose(map_state, origin, draws).mean_lengths[0] > 100) for _ in range(300))
    assert abs(longer / 300 - 0.75) < 4 * (0.75 * 0.25 / 300) ** 0.5


def test_few_candidates_are_all_evaluated() -> None:
    module, (map_state, origin) = simulation(neighbours=False), walk(6, steps=1)
    choice = module.choose(map_state, torch.zeros_like(origin), generator())
    assert sorted(map(tuple, choice.locations.tolist())) == [(0, 0, r) for r in range(4)]
    assert len(choice.mean_lengths) == 4


def test_lengths_at_a_place() -> None:
    module, (map_state, origin) = simulation(), walk(8)
    lengths = module.rollout_lengths(map_state, origin, origin[0], generator())
    assert lengths.shape == (20,) and ((lengths <= 12) | (lengths == 500)).all()
    assert torch.equal(lengths, module.rollout_lengths(map_state, origin, origin[0], generator()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": 0}, "models.perspective.channels must be at least 1, not 0"),
        ({"random": -1}, "models.perspective.random must be at least 0, not -1"),
        ({"temperature": -1.0}, "models.perspective.temperature must be at least 0, not -1.0"),
        ({"failure_length": 3}, r"failure_length \(3\) must be at least rollout_steps \(12\)"),
    ],
)
def test_impossible_settings_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(PerspectiveConfig(**SETTINGS), **change)

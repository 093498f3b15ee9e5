"""Losses of perspective simulation."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from learner.hide_and_seek.config import PerspectiveWeights
from learner.hide_and_seek.perspective_losses import (
    binary_loss,
    mental_actions,
    perspective_loss,
    policy_loss,
    ranking_loss,
)
from models.hide_and_seek.mental import CLAIM, NO_ACTION, SEEK_ACTIONS, Hiding, MentalSeeker, Poses, start
from models.hide_and_seek.metric_map import MapState
from models.hide_and_seek.perspective import PerspectiveSimulation
from replay.hide_and_seek.memory import memory_fields
from replay.hide_and_seek.unroll import ACTIONS, UnrollShape
from tests.models.hide_and_seek.perspective_helpers import MAP_SIZE, simulation, walk

ALL = PerspectiveWeights(1.0, 1.0, 1.0, 1.0, 1.0)
NONE = {"outcome": 0.0, "ranking": 0.0, "policy": 0.0, "success": 0.0, "claim": 0.0}
STEPS = 9


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def memories(lengths: list[int]) -> dict[str, Tensor]:
    """Memories with random contents, in the dtypes of the record format."""
    random, rows = np.random.default_rng(0), []
    fields = memory_fields(UnrollShape(1, 7, 1, 1, 80, MAP_SIZE), STEPS)
    for seed, length in enumerate(lengths):
        map_state, origin = walk(seed)
        row = {name: np.zeros(shape, dtype) for name, (shape, dtype) in fields.items()}
        row |= {"map_values": map_state.values[0].numpy(), "map_keys": map_state.keys[0].numpy()}
        row |= {"map_written": map_state.written[0].numpy(), "origin": origin[0].numpy()}
        row["chosen"] = map_state.keys[0, int(random.integers(9))].numpy()
        row["outcome"], row["length"] = np.array(random.integers(295)), np.array(length)
        row["locations"][:length] = map_state.keys[0, :length].numpy()
        row["actions"][:length] = random.choice(SEEK_ACTIONS, size=length)
        row["succeeded"][:length] = random.random(length) < 0.5
        row["claimable"][:length] = random.integers(-1, 2, length)
        row["claimable"] = np.where(row["actions"] == SEEK_ACTIONS[CLAIM], row["succeeded"], row["claimable"])
        policy = np.zeros((STEPS, ACTIONS))
        policy[:, list(SEEK_ACTIONS)] = random.dirichlet(np.full(len(SEEK_ACTIONS), 0.1), STEPS)
        row["policy"][:length] = policy[:length]
        rows.append({name: row[name].astype(dtype) for name, (_, dtype) in fields.items()})
    return {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in fields}


def test_ranking_by_hand() -> None:
    values = torch.tensor([[2.0, 0.5, -1.0]], dtype=torch.float64)
    lengths = torch.tensor([[10.0, 30.0, 20.0]])
    losses = [log(1 + exp(2.0 - 0.5)), log(1 + exp(2.0 + 1.0)), log(1 + exp(-(0.5 + 1.0)))]
    assert ranking_loss(values, lengths).item() == pytest.approx(sum(losses) / 3)


def test_ranking_leaves_out_ties() -> None:
    values = torch.tensor([[2.0, 0.5, -1.0], [1.0, 2.0, 3.0]], dtype=torch.float64, requires_grad=True)
    loss = ranking_loss(values, torch.tensor([[500.0, 500.0, 20.0], [7.0, 7.0, 7.0]]))
    assert loss.tolist() == pytest.approx([(log(1 + exp(-3.0)) + log(1 + exp(-1.5))) / 2, 0])
    loss.sum().backward()
    assert values.grad is not None and not values.grad[1].any()


def test_ranking_has_435_pairs() -> None:
    values = torch.zeros(1, 30, dtype=torch.float64, requires_grad=True)
    loss = ranking_loss(values, torch.arange(30.0)[None])
    loss.sum().backward()
    assert values.grad is not None
    assert loss.item() == pytest.approx(log(2)) and values.grad[0, 29].item() == pytest.approx(-29 / 2 / 435)


def test_policy_by_hand() -> None:
    logits = torch.tensor([[0.0, log(3.0)], [5.0, 1.0]], dtype=torch.float64)
    policy = torch.tensor([[0.5, 0.5], [1.0, 0.0]], dtype=torch.float64)
    loss = policy_loss(logits, policy, torch.tensor([True, False]))
    assert loss.item() == pytest.approx(-0.5 * log(1 / 4) - 0.5 * log(3 / 4))


def test_binary_by_hand() -> None:
    logits = torch.tensor([0.0, log(3.0), -9.0], dtype=torch.float64)
    loss = binary_loss(logits, torch.tensor([True, False, True]), torch.tensor([True, True, False]))
    assert loss.item() == pytest.approx((log(2) + log(4)) / 2)
    assert binary_loss(logits, logits > 0, logits > 9).item() == 0


def test_mental_actions() -> None:
    assert mental_actions(torch.tensor(list(SEEK_ACTIONS))).tolist() == list(range(len(SEEK_ACTIONS)))


def seeker_by_steps(module: PerspectiveSimulation, batch: dict[str, Tensor], index: int) -> tuple[Tensor, Tensor]:
    """(length, 58) logits of policy and of success of one memory, one step at a time."""
    maps = MapState(batch["map_values"], batch["map_keys"].long(), batch["map_written"].long())
    room = module.encode(MapState(*(part[index : index + 1] for part in maps)), batch["origin"][index, None].long())
    seeker: MentalSeeker = module.seeker
    slices, state, zero = seeker.slices(room), None, torch.zeros(1, dtype=torch.long)
    hiding = Hiding(batch["chosen"][index, None, :3].long(), batch["outcome"][index, None].long())
    last, policies, successes = start(1, torch.device("cpu")).last_actions, [], []
    for step in range(int(batch["length"][index])):
        poses = Poses(batch["locations"][index, step, None].long(), last)
        policy, success, state = seeker.unroll(seeker.observe(slices, room.low, zero, hiding, poses)[None], state)
        last = 2 * mental_actions(batch["actions"][index, step, None].long()) + batch["succeeded"][index, step].long()
        policies.append(policy[0, 0])
        successes.append(success[0, 0])
    return torch.stack(policies), torch.stack(successes)


def test_the_mental_seeker_follows_the_real_one() -> None:
    module, batch = simulation(), memories([4, 9, 0])
    with torch.no_grad():
        parts = perspective_loss(module, batch, draws(), ALL)
        policy_terms, success_terms, claim_terms = [], [], []
        for index in (0, 1):
            policies, successes = (part.double() for part in seeker_by_steps(module, batch, index))
            for step, (policy, success) in enumerate(zip(policies, successes, strict=True)):
                target = batch["policy"][index, step, list(SEEK_ACTIONS)].double()
                policy_terms.append(-(target * policy.log_softmax(0)).sum())
                taken = success[SEEK_ACTIONS.index(int(batch["actions"][index, step]))].sigmoid()
                success_terms.append(-(taken if batch["succeeded"][index, step] else 1 - taken).log())
                claim, claimable = success[CLAIM].sigmoid(), int(batch["claimable"][index, step])
                if claimable >= 0:
                    claim_terms.append(-(claim if claimable else 1 - claim).log())
    assert 0 < len(claim_terms) < len(policy_terms) == 13
    for name, terms in (("policy", policy_terms), ("success", success_terms), ("claim", claim_terms)):
        assert parts[name].item() == pytest.approx(torch.stack(terms).mean().item(), rel=1e-4), name


def test_cross_entropy_of_the_actual_outcome() -> None:
    module, batch = simulation(), memories([0, 0])
    loss = perspective_loss(module, batch, draws(), ALL)
    assert set(loss) == {"outcome", "total"}  # no seeker played
    expected = 0.0
    for index in range(2):
        map_state, origin = walk(index)
        room = module.encode(map_state, origin)
        logits = module.outcome_logits(module.features_at(room, batch["chosen"][index, None, None].long()))[0, 0]
        expected -= logits.double().log_softmax(0)[int(batch["outcome"][index])].item() / 2
    assert loss["outcome"].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", list(NONE))
def test_a_part_of_weight_0_is_not_computed(name: str) -> None:
    module, batch = simulation(), memories([4, 9])
    loss = perspective_loss(module, batch, draws(), PerspectiveWeights(**(NONE | {name: 3.0})))
    assert set(loss) == {name, "total"}
    assert loss["total"].item() == pytest.approx(3 * loss[name].item()) and loss[name] > 0


def test_ranking_changes_v_and_not_the_mental_seeker() -> None:
    module, batch = simulation(), memories([4, 9])
    perspective_loss(module, batch, draws(), PerspectiveWeights(**(NONE | {"ranking": 1.0})))["total"].backward()
    assert module.v.weight.grad is not None and module.v.weight.grad.any()
    assert all(parameter.grad is None for parameter in module.seeker.parameters())
    assert module.p.weight.grad is None


def test_detached_outcomes_do_not_train_the_map() -> None:
    for detached in (False, True):
        module, batch = simulation(detached=detached), memories([0, 0])
        perspective_loss(module, batch, draws(), ALL)["total"].backward()
        assert module.p.weight.grad is not None and (module.first.grad is None) == detached


def test_the_loss_depends_only_on_the_generator() -> None:
    module, batch = simulation(), memories([4, 9])
    first, again, other = (perspective_loss(module, batch, draws(seed), ALL)["total"].item() for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize("factored", [False, True])
def test_one_batch_is_learned_by_heart(factored: bool) -> None:
    module, batch = simulation(factored=factored, fresh=True, seeker_size=32, channels=32), memories([9, 9])
    weights = PerspectiveWeights(1.0, 0.0, 1.0, 1.0, 1.0)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
    floor = float(torch.special.entr(batch["policy"].double()).sum(-1).mean())
    for _ in range(150):
        loss = perspective_loss(module, batch, draws(), weights)
        optimizer.zero_grad()
        loss["total"].backward()
        optimizer.step()
    limits: dict[str, Any] = {"outcome": 0.05, "policy": floor + 0.1, "success": 0.05, "claim": 0.05}
    assert {name: loss[name].item() for name in limits if loss[name].item() > limits[name]} == {}


def test_v_learns_the_order_of_the_places() -> None:
    module, batch = simulation(best=2, random=8, channels=32), memories([9])
    lengths = torch.rand(1, 10, 3, generator=draws()) * 500
    evaluation, _ = module.evaluate(
        module.encode(
            MapState(batch["map_values"], batch["map_keys"].long(), batch["map_written"].long()), batch["origin"].long()
        ),
        1,
        draws(),
    )
    module.evaluate = lambda *_: (evaluation._replace(lengths=lengths), None)  # type: ignore[method-assign, assignment]
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    for _ in range(300):
        loss = perspective_loss(module, batch, draws(), PerspectiveWeights(**(NONE | {"ranking": 1.0})))["total"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


def test_the_first_step_has_no_last_action() -> None:
    assert start(3, torch.device("cpu")).last_actions.tolist() == [NO_ACTION] * 3

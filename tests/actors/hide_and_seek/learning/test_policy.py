"""The actor's copy of the agent: draws, and several games at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from actors.hide_and_seek.actions import MASKS, Stage
from actors.hide_and_seek.learning.observed import Observed, action_index, from_key, location_key, shrink, target_index
from actors.hide_and_seek.learning.policy import Decision, Policy, SharedPolicy, to_recurrent
from actors.hide_and_seek.locations import Location
from actors.hide_and_seek.pixels import Modality
from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.network import HideAndSeekNetwork
from replay.hide_and_seek.unroll import STAGES

EXPLORE, SEEK = STAGES.index("explore"), STAGES.index("seek")


def observed(config: AgentConfig, seed: int, first: bool) -> Observed:
    random = np.random.default_rng(seed)
    image = random.integers(256, size=(config.image_size, config.image_size, 3), dtype=np.uint8)
    return Observed(image, seed % 400, True, seed % 5, (seed % 3, 0, seed % 4, 1), -1, -1, first, first)


def play(policy: Policy, config: AgentConfig, game: int, steps: int, stage: int) -> list[Decision]:
    random, state, decisions = np.random.default_rng(game), policy.fresh(), []
    for step in range(steps):
        decision, state = policy.act(observed(config, 10 * game + step, step == 0), state, stage, random)
        decisions.append(decision)
    return decisions


def test_only_legal_actions_are_drawn_as_often_as_the_policy_says(
    network: HideAndSeekNetwork, agent: AgentConfig
) -> None:
    policy, seen, random = Policy(network.agent), observed(agent, 1, True), np.random.default_rng(0)
    state = policy.fresh()
    decision, _ = policy.look(seen, state, SEEK)
    assert (np.isneginf(decision.logits) == ~MASKS[Stage.SEEK]).all()
    exact = torch.tensor(decision.logits, dtype=torch.float64).softmax(0)
    np.testing.assert_allclose(decision.probabilities, exact, rtol=1e-9)
    assert decision.action == int(exact.argmax())
    assert decision.entropy == pytest.approx(float(torch.distributions.Categorical(exact).entropy()))
    counts = np.bincount([policy.act(seen, state, SEEK, random)[0].action for _ in range(400)], minlength=219)
    assert not counts[~MASKS[Stage.SEEK]].any()
    deviation = np.sqrt(400 * exact.numpy() * (1 - exact.numpy()))
    assert (np.abs(counts - 400 * exact.numpy()) <= 5 * deviation + 1e-9).all()


def test_several_games_at_once_are_played_as_each_alone(network: HideAndSeekNetwork, agent: AgentConfig) -> None:
    """Games of different lengths and stages; batches shrink when one ends."""
    games = [(1, 6, EXPLORE), (2, 3, SEEK), (3, 5, EXPLORE)]
    alone = [play(Policy(network.agent), agent, *game) for game in games]
    shared = SharedPolicy(network.agent, len(games), wait=60.0)

    def one(game: tuple[int, int, int]) -> list[Decision]:
        try:
            return play(shared, agent, *game)
        finally:
            shared.leave()

    with ThreadPoolExecutor(len(games)) as pool:
        together = list(pool.map(one, games))
    for expected, found in zip(alone, together, strict=True):
        assert [decision.action for decision in found] == [decision.action for decision in expected]
        for first, second in zip(expected, found, strict=True):
            np.testing.assert_allclose(second.logits, first.logits, atol=1e-4)


def test_a_batch_does_not_wait_for_ever(network: HideAndSeekNetwork, agent: AgentConfig) -> None:
    """Two threads are announced and one plays."""
    shared = SharedPolicy(network.agent, 2, wait=0.01)
    assert len(play(shared, agent, 1, 2, SEEK)) == 2


def test_an_error_reaches_every_thread_of_the_batch(network: HideAndSeekNetwork, agent: AgentConfig) -> None:
    shared, errors = SharedPolicy(network.agent, 2, wait=60.0), []
    wrong = observed(agent, 1, True)._replace(goal=99)

    def one(seen: Observed) -> None:
        try:
            shared.look(seen, shared.fresh(), SEEK)
        except IndexError as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(seen,)) for seen in (wrong, observed(agent, 2, True))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(errors) == 2


def test_a_state_is_copied(network: HideAndSeekNetwork, agent: AgentConfig) -> None:
    policy = Policy(network.agent)
    _, state = policy.look(observed(agent, 4, True), policy.fresh(), EXPLORE)
    kept = to_recurrent(state)
    assert kept.map_keys[kept.map_written >= 0].tolist() == [[1, 0, 0, 1]]
    np.testing.assert_array_equal(kept.hidden, state.hidden[0].numpy())
    pairs = (kept.map_values, state.map.values), (kept.grid, state.grid), (kept.cell, state.cell)
    assert not any(np.shares_memory(copy, tensor.numpy()) for copy, tensor in pairs)


def test_what_the_network_sees() -> None:
    """49 modality + 7 row + column; 1 + 2 action + success; each pixel of a half as large picture is a mean of four."""
    assert target_index((Modality.BEHIND, 3, 4)) == 98 + 21 + 4 and target_index(None) == -1
    assert (action_index(0, False), action_index(218, True)) == (1, 438)
    here = Location(-3, 4, 270, False)
    assert location_key(here) == (-3, 4, 3, 0) and from_key(location_key(here)) == here
    image = np.zeros((4, 4, 3), np.uint8)
    image[0, 0], image[0, 1] = 200, 100
    assert shrink(image, 2)[..., 0].tolist() == [[75, 0], [0, 0]]
    assert shrink(image, 4) is image

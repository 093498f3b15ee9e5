"""What perspective simulation expected of games, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from evaluation.hide_and_seek.whole_games import (
    Played,
    expectations,
    marginal_cross_entropy,
    ranking,
    summarise_games,
)
from models.hide_and_seek.network import build_network
from replay.hide_and_seek.memory import NO_OUTCOME
from tests.models.hide_and_seek.networks import tiny


def test_ranking_by_hand() -> None:
    lengths = torch.tensor([1.0, 2.0, 2.0, 5.0])
    # Pairs with different lengths: all but the two of length 2. Values rank 5 over all others, and 2 over 1 once.
    assert ranking(torch.tensor([0.0, 1.0, -1.0, 9.0]), lengths) == (4, 5)
    assert ranking(torch.zeros(4), lengths) == (0, 5)


def test_the_marginal_leaves_the_game_out() -> None:
    # Two other games and one of all 295 outcomes: 7 has 1 + 1/295 of 3 games, 9 occurred nowhere else.
    expected = [-math.log((1 + 1 / 295) / 3)] * 2 + [-math.log(1 / 295 / 3)]
    assert marginal_cross_entropy([7, 7, 9]) == pytest.approx(expected)


def test_an_untrained_network_expects_each_outcome_equally() -> None:
    network = build_network(tiny(), 1).eval()
    state = network.agent.initial_state(1)
    known = state.map._replace(written=state.map.written.clone(), keys=state.map.keys.clone())
    known.written[0, 0] = 0
    found = expectations(network, known, torch.zeros(1, 4, dtype=torch.long), torch.zeros(4, dtype=torch.long), 3)
    assert found["ps_cross_entropy"] == pytest.approx(math.log(NO_OUTCOME + 1), abs=1e-3)
    assert 0 <= found["ps_right"] <= found["ps_pairs"]


def test_figures_of_games() -> None:
    games = [
        Played(
            {"found": found, "outcome": outcome, "ps_cross_entropy": entropy, "ps_right": right, "ps_pairs": 10}, None
        )
        for found, outcome, entropy, right in ((True, 7, 1.0, 10), (False, 7, 3.0, 5))
    ]
    figures = summarise_games(games)
    assert figures["game_found"].value == 0.5
    assert figures["ps_cross_entropy"].value == 2.0
    assert (figures["ps_ranking_accuracy"].value, figures["ps_ranking_accuracy"].n) == (0.75, 20)
    assert summarise_games([]) == {}

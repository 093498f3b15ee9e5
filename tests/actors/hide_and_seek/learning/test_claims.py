"""A network player's claims: certain ones alone, if it is told so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from actors.hide_and_seek.actions import ACTIONS, INDEX, MASKS, Stage
from actors.hide_and_seek.episode import Step
from actors.hide_and_seek.game import GameObservation
from actors.hide_and_seek.learning.network_player import NetworkPlayer
from actors.hide_and_seek.learning.policy import Decision
from actors.hide_and_seek.locations import Location
from models.hide_and_seek.config import AgentConfig
from models.hide_and_seek.network import HideAndSeekNetwork

CLAIM, AHEAD, LEFT = INDEX["ClaimVisible"], INDEX["MoveAhead"], INDEX["RotateLeft"]


def observation(stage: Stage) -> GameObservation:
    return GameObservation(
        stage, np.zeros((224, 224, 3), np.uint8), MASKS[stage], Location(0, 0, 0, True), "Cup", None, None, False, 0,
        500, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("claim", "threshold", "taken"),
    [(0.6, 0.5, {CLAIM}), (0.4, 0.5, {AHEAD, LEFT}), (0.4, 0.3, {CLAIM}), (0.4, None, {CLAIM, AHEAD, LEFT})],
)
def test_claims_are_taken_above_the_threshold_alone(
    network: HideAndSeekNetwork,
    agent: AgentConfig,
    monkeypatch: pytest.MonkeyPatch,
    claim: float,
    threshold: float | None,
    taken: set[int],
) -> None:
    player = NetworkPlayer(network, agent, claim_above=threshold)
    probabilities = np.zeros(219)
    probabilities[[CLAIM, AHEAD, LEFT]] = claim, 0.75 * (1 - claim), 0.25 * (1 - claim)

    def act(seen: object, state: object, stage: int, random: np.random.Generator) -> tuple[Decision, object]:
        action = int(random.choice(219, p=probabilities))
        return Decision(action, np.zeros(219, np.float32), probabilities, 0.0, np.zeros(147, np.float32)), state

    monkeypatch.setattr(player._policy, "act", act)
    found = [player.act(observation(Stage.SEEK)) for _ in range(300)]
    assert set(found) == taken
    if taken == {AHEAD, LEFT}:
        assert 0.65 < found.count(AHEAD) / 300 < 0.85, "the other actions keep their odds"


def test_a_failed_claim_is_not_repeated_until_something_opens(
    network: HideAndSeekNetwork, agent: AgentConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network is certain of its claim, so without it all other actions are equally likely."""
    player = NetworkPlayer(network, agent, claim_above=0.5)
    certain = np.zeros(219)
    certain[CLAIM] = 1.0
    decision = Decision(CLAIM, np.zeros(219, np.float32), certain, 0.0, np.zeros(147, np.float32))
    monkeypatch.setattr(player._policy, "act", lambda seen, state, stage, random: (decision, state))
    here, seen = Location(0, 0, 0, True), observation(Stage.SEEK)

    def did(name: str, succeeded: bool) -> None:
        player.learn(Step(Stage.SEEK, ACTIONS[INDEX[name]], succeeded, 0.0, here, False))

    assert player.act(seen) == CLAIM
    did("ClaimVisible", False)
    others = {player.act(seen) for _ in range(300)}
    assert CLAIM not in others and {AHEAD, LEFT} <= others and MASKS[Stage.SEEK][list(others)].all()
    assert player.act(replace(seen, location=Location(1, 0, 0, True))) == CLAIM
    did("CloseObjects", False)
    assert player.act(seen) != CLAIM
    did("CloseObjects", True)
    assert player.act(seen) == CLAIM
    did("ClaimVisible", False)
    player.begin(1, None)
    assert player.act(seen) == CLAIM

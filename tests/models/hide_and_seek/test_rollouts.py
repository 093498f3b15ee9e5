"""Mental rollouts: draws without replacement, unbiased weights, and the mental seeker's moves."""

from __future__ import annotations

from itertools import permutations
from math import log

import pytest
import torch

from actors.hide_and_seek.actions import INDEX, MASKS, Stage
from actors.hide_and_seek.locations import Location
from models.hide_and_seek.mental import (
    CLAIM,
    FAR,
    NO_ACTION,
    SEEK_ACTIONS,
    Hiding,
    MentalSeeker,
    Poses,
    moved,
    outcome_factors,
    relative_pose,
)
from models.hide_and_seek.rollouts import best_and_random, draw_without_replacement, outcome_weights, simulate
from tests.models.hide_and_seek.perspective_helpers import simulation, walk


@pytest.mark.parametrize("p", [[0.5, 0.3, 0.2], [0.4, 0.3, 0.2, 0.1], [0.7, 0.1, 0.1, 0.05, 0.05]])
def test_weights_are_unbiased_over_all_draws_without_replacement(p: list[float]) -> None:
    mu = [7.0, 480.0, 33.0, 250.0, 1.0][: len(p)]
    expected = sum(a * b for a, b in zip(p, mu, strict=True))
    total = estimate = 0.0
    for first, second, third in permutations(range(len(p)), 3):
        chance = p[first] * p[second] / (1 - p[first]) * p[third] / (1 - p[first] - p[second])
        w = outcome_weights(torch.tensor(p[first]).double(), torch.tensor(p[second]).double()).tolist()
        assert w == pytest.approx(
            [(1 + 2 * p[first]) / 3, (1 - p[first] + p[second]) / 3, (1 - p[first] - p[second]) / 3], abs=1e-7
        )
        total += chance
        estimate += chance * (w[0] * mu[first] + w[1] * mu[second] + w[2] * mu[third])
    assert total == pytest.approx(1) and estimate == pytest.approx(expected, abs=1e-4)


def test_outcomes_are_drawn_one_after_another_in_proportion_to_p() -> None:
    p, count = [0.6, 0.3, 0.1], 20000
    logits = torch.tensor(p).log().expand(count, 3)
    drawn = draw_without_replacement(logits, 2, torch.Generator().manual_seed(0))
    for first, second in permutations(range(3), 2):
        chance = p[first] * p[second] / (1 - p[first])
        share = ((drawn[:, 0] == first) & (drawn[:, 1] == second)).double().mean().item()
        assert abs(share - chance) < 4 * (chance * (1 - chance) / count) ** 0.5


def test_best_places_come_first_then_random_others() -> None:
    scores = torch.tensor([[0.0, 5, -torch.inf, 4, 1, -torch.inf, 2]]).expand(4000, 7)
    picked = best_and_random(scores, 2, 2, torch.Generator().manual_seed(0))
    assert (picked[:, :2] == torch.tensor([1, 3])).all()
    others = picked[:, 2:]
    assert set(others.unique().tolist()) == {0, 4, 6} and (others[:, 0] != others[:, 1]).all()
    for place in (0, 4, 6):  # 2 of 3
        assert abs((others == place).any(dim=1).double().mean().item() - 2 / 3) < 4 * (2 / 9 / 4000) ** 0.5


def test_mental_actions_are_those_of_seeking() -> None:
    assert list(SEEK_ACTIONS) == MASKS[Stage.SEEK].nonzero()[0].tolist()
    assert SEEK_ACTIONS[CLAIM] == INDEX["ClaimVisible"]


@pytest.mark.parametrize("rotation", range(4))
def test_moves_are_the_games(rotation: int) -> None:
    at = Location(2, -3, 90 * rotation, True)
    expected = {
        "MoveAhead": at.moved(ahead=1),
        "MoveLeft": at.moved(right=-1),
        "MoveRight": at.moved(right=1),
        "RotateLeft": at.turned(-90),
        "RotateRight": at.turned(90),
        "Crouch": at._replace(standing=False),
        "Stand": at,
        "OpenAt(1,1)": at,
        "CloseObjects": at,
        "ClaimVisible": at,
    }
    actions = torch.tensor([SEEK_ACTIONS.index(INDEX[name]) for name in expected])
    poses = Poses(torch.tensor([2, -3, rotation, 1]).repeat(len(actions), 1), torch.full_like(actions, NO_ACTION))
    after = moved(poses, actions, torch.ones_like(actions, dtype=torch.bool))
    assert after.locations.tolist() == [[x, z, angle // 90, int(s)] for x, z, angle, s in expected.values()]
    assert torch.equal(after.last_actions, 2 * actions + 1)
    failed = moved(poses, actions, torch.zeros_like(actions, dtype=torch.bool))
    assert torch.equal(failed.locations, poses.locations) and torch.equal(failed.last_actions, 2 * actions)


def test_places_are_seen_from_a_location_as_the_game_sees_them() -> None:
    place, at = Location(3, 1, 180, True), Location(1, 2, 90, False)
    seen = place.seen_from(at)
    pose = relative_pose(torch.tensor([1, 2, 1, 0]), torch.tensor([3, 1, 2]))
    turn = [float(seen.rotation == angle) for angle in (0, 90, 180, 270)]
    expected = [seen.z / FAR, seen.x / FAR, 5**0.5 / FAR, *turn, 0.0]
    assert pose.tolist() == pytest.approx(expected)


def test_outcomes_by_their_factors() -> None:
    factors = outcome_factors()
    s, m, row, column = 1, 2, 3, 4
    ones = factors[147 * s + 49 * m + 7 * row + column].nonzero()[:, 0].tolist()
    assert ones == [s, 2 + m, 5 + row, 12 + column]
    assert factors[294].nonzero().tolist() == [[19]] and factors.shape == (295, 20)


def lengths(policy: float, success: float, steps: int = 400, count: int = 2000, failure: int = 500) -> torch.Tensor:
    """Lengths if ClaimVisible has probability `policy` and succeeds with probability `success` at each step."""
    module, (map_state, origin) = simulation(), walk(1)
    seeker: MentalSeeker = module.seeker
    with torch.no_grad():
        for head in (seeker.policy, seeker.success):
            head.weight.zero_()
            head.bias.zero_()
        seeker.policy.bias[CLAIM] = log(policy / (1 - policy)) + log(len(SEEK_ACTIONS) - 1)
        seeker.success.bias[CLAIM] = log(success / (1 - success))
    room = module.encode(map_state, origin)
    maps = torch.zeros(count, dtype=torch.long)
    hiding = Hiding(torch.zeros(count, 3, dtype=torch.long), maps)
    draws = torch.Generator().manual_seed(0)
    return simulate(seeker, room, maps, hiding, steps=steps, failure_length=failure, generator=draws)


def test_a_rollout_ends_when_a_claim_succeeds() -> None:
    drawn = lengths(0.5, 0.2)  # geometric with 0.1
    assert drawn.min() >= 1 and drawn.max() < 400
    assert abs(drawn.mean().item() - 10) < 4 * (0.9 / 0.01 / 2000) ** 0.5
    assert abs((drawn == 1).double().mean().item() - 0.1) < 4 * (0.09 / 2000) ** 0.5


def test_a_rollout_that_finds_nothing_counts_as_a_failed_search() -> None:
    drawn = lengths(0.5, 0.2, steps=3)
    assert set(drawn.unique().tolist()) == {1.0, 2.0, 3.0, 500.0}
    assert abs((drawn == 500).double().mean().item() - 0.9**3) < 4 * (0.729 * 0.271 / 2000) ** 0.5


def test_the_mental_seeker_stays_in_the_box() -> None:
    module, (map_state, origin) = simulation(), walk(6, steps=1)
    seeker, seen = module.seeker, []
    observe = seeker.observe

    def noted(*arguments: object) -> torch.Tensor:
        seen.append(arguments[4].locations)  # type: ignore[attr-defined]
        return observe(*arguments)  # type: ignore[arg-type]

    seeker.observe = noted  # type: ignore[method-assign, assignment]
    with torch.no_grad():
        seeker.policy.bias[:3] += 20  # it always moves
        seeker.success.bias[:3] += 20
    room = module.encode(map_state, torch.zeros_like(origin))
    maps = torch.zeros(50, dtype=torch.long)
    hiding = Hiding(torch.zeros(50, 3, dtype=torch.long), maps)
    draws = torch.Generator().manual_seed(0)
    simulate(seeker, room, maps, hiding, steps=20, failure_length=500, generator=draws)
    places = torch.cat(seen)[:, :2]
    assert places.min() == -1 and places.max() == 1

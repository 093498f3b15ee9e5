"""Each branch of the reward algorithms against sums worked by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from actors.hide_and_seek.actions import Kind, Target
from actors.hide_and_seek.pixels import GRID, Landing, Modality
from actors.hide_and_seek.rewards import (
    explore_reward,
    final_hiding_bonus,
    final_hiding_step,
    hide_bonus,
    hide_reward,
    manipulate_reward,
    seek_reward,
)

ON_TOP, CONTAINED_IN, BEHIND = Modality.ON_TOP, Modality.CONTAINED_IN, Modality.BEHIND


def explore(
    succeeded: bool = True,
    opens: bool = False,
    gain: int = 0,
    newly_opened: bool = False,
    new_location: bool = False,
    bonus: float = 0.0,
) -> float:
    return explore_reward(
        succeeded=succeeded,
        opens=opens,
        extrapolated_gain=gain,
        newly_opened=newly_opened,
        new_location=new_location,
        hide_bonus=bonus,
    )


@pytest.mark.parametrize(
    ("reward", "expected"),
    [
        (explore(), -0.01),
        (explore(succeeded=False), -0.01 - 0.02),
        (explore(gain=3, new_location=True), -0.01 + 0.2),
        (explore(gain=1, new_location=True), -0.01 + 0.2 / 3),
        (explore(opens=True, newly_opened=True), -0.01 + 0.4),
        (explore(opens=True, newly_opened=True, bonus=0.2), -0.01 + 0.4 + 0.2),
        (explore(gain=2, new_location=True, bonus=0.05), -0.01 + 0.4 / 3 + 0.05),
        (explore(bonus=0.2), -0.01),
        (explore(succeeded=False, bonus=0.2), -0.03),
        (explore(opens=True, succeeded=False), -0.001),
        (explore(opens=True), -0.001),
    ],
)
def test_explore(reward: float, expected: float) -> None:
    assert reward == pytest.approx(expected, abs=1e-12)


def test_a_loss_of_extrapolated_locations_is_refused() -> None:
    with pytest.raises(ValueError, match="extrapolated_gain must be at least 0, not -3"):
        explore(gain=-3)


@pytest.mark.parametrize(
    ("value", "earlier", "expected"),
    [
        (0.7, [0.1, 0.3], 0.2 * (0.7 - 0.2)),
        (0.1, [0.1, 0.3], 0.0),
        (5.0, [0.1, 0.3], 0.2),
        (1.0, [-0.5, 0.5], 0.2),
        (-0.2, [-0.6], 0.2 * 0.4),
        (0.5, [], 0.1),
    ],
)
def test_hide_bonus(value: float, earlier: Sequence[float], expected: float) -> None:
    assert hide_bonus(value, earlier) == pytest.approx(expected, abs=1e-12)


def hide(
    kind: Kind,
    succeeded: bool = True,
    newly_opened: bool = False,
    placed_before: bool = False,
    probability: float | None = None,
) -> float:
    return hide_reward(
        kind=kind,
        succeeded=succeeded,
        newly_opened=newly_opened,
        placed_before=placed_before,
        manipulator_probability=probability,
    )


@pytest.mark.parametrize(
    ("reward", "expected"),
    [
        (hide(Kind.READY, succeeded=False), -0.01 - 0.1),
        (hide(Kind.READY, placed_before=True), -0.01),
        (hide(Kind.OPEN, newly_opened=True), -0.01 + 0.2),
        (hide(Kind.OPEN), -0.01),
        (hide(Kind.OPEN, succeeded=False), -0.01 - 0.01),
        (hide(Kind.PLACE, succeeded=False, placed_before=True), -0.01 - 0.1),
        (hide(Kind.PLACE, succeeded=False, probability=0.5), -0.01 - 0.01),
        # 1 / 0.5^2 = 4, so half of 4 / 100; 1 / 0.2^2 = 25; 1 / 0.1^2 = 100 is the most.
        (hide(Kind.PLACE, probability=1.0), -0.01 + 0.02 + 0.005),
        (hide(Kind.PLACE), -0.01 + 0.02 + 0.005),
        (hide(Kind.PLACE, probability=0.5), -0.01 + 0.02 + 0.02),
        (hide(Kind.PLACE, probability=0.2), -0.01 + 0.02 + 0.125),
        (hide(Kind.PLACE, probability=0.1), -0.01 + 0.02 + 0.5),
        (hide(Kind.PLACE, probability=0.01), -0.01 + 0.02 + 0.5),
        (hide(Kind.PLACE, probability=0.0), -0.01 + 0.02 + 0.5),
        (hide(Kind.POSTURE), -0.01),
        (hide(Kind.POSTURE, succeeded=False), -0.01 - 0.01),
        (hide(Kind.CLOSE, placed_before=True), -0.01),
        (hide(Kind.CLOSE, succeeded=False, placed_before=True), -0.01 - 0.01),
    ],
)
def test_hide(reward: float, expected: float) -> None:
    assert reward == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("probability", [-0.1, 1.1, float("nan")])
def test_a_wrong_probability_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match=r"manipulator_probability must be in \[0, 1\], not"):
        hide(Kind.PLACE, probability=probability)


def test_a_second_placement_is_refused() -> None:
    with pytest.raises(ValueError, match="a PlaceAt cannot succeed after an earlier one succeeded"):
        hide(Kind.PLACE, placed_before=True)


@pytest.mark.parametrize(
    ("lengths", "steps", "expected"),
    [
        ([100] * 100, 99, -5.0),
        ([100] * 100, 100, 5.0),
        ([10] * 50 + [400] * 50, 200, 0.0),
        # r = -1 + 2 * 80 / 100 = 0.6
        ([10] * 80 + [500] * 20, 499, 3.0),
        ([10] * 80 + [500] * 20, 500, 5.0),
        # r = -1 + 2 / 4
        ([1, 2, 3, 4], 1, -2.5),
    ],
)
def test_final_hiding_bonus(lengths: Sequence[int], steps: int, expected: float) -> None:
    assert final_hiding_bonus(lengths, steps) == pytest.approx(expected, abs=1e-12)
    assert final_hiding_bonus(np.array(lengths), steps) == pytest.approx(expected, abs=1e-12)  # type: ignore[arg-type]


def test_no_rollouts_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one rollout"):
        final_hiding_bonus([], 3)


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([], None),
        ([(Kind.OPEN, True), (Kind.PLACE, False)], None),
        ([(Kind.PLACE, True)], 0),
        ([(Kind.OPEN, True), (Kind.PLACE, True), (Kind.READY, True)], 1),
        ([(Kind.PLACE, True), (Kind.CLOSE, True), (Kind.READY, True)], 1),
        ([(Kind.PLACE, True), (Kind.CLOSE, False), (Kind.PLACE, False)], 0),
        ([(Kind.PLACE, False), (Kind.PLACE, True), (Kind.CLOSE, True), (Kind.POSTURE, True)], 3),
    ],
)
def test_final_hiding_step(actions: Sequence[tuple[Kind, bool]], expected: int | None) -> None:
    assert final_hiding_step(actions) == expected


def landed(entries: dict[Target, int]) -> Landing:
    counts = np.zeros((3, GRID, GRID), dtype=np.int64)
    for entry, pixels in entries.items():
        counts[entry] = pixels
    return Landing(counts)


def manipulate(
    succeeded: bool = True,
    newly_opened: bool = False,
    landing: Landing | None = None,
    target: Target = (ON_TOP, 3, 3),
    last_step: bool = False,
    opens: bool = False,
    any_last_step: bool = True,
) -> float:
    return manipulate_reward(
        succeeded=succeeded,
        newly_opened=newly_opened,
        landing=landing,
        target=target,
        last_step=last_step,
        opens=opens,
        any_last_step=any_last_step,
    )


@pytest.mark.parametrize(
    ("reward", "expected"),
    [
        (manipulate(), -0.01),
        (manipulate(succeeded=False), -0.01 - 0.02),
        (manipulate(opens=True, newly_opened=True), -0.01 + 0.1),
        (manipulate(opens=True), -0.01),
        (manipulate(last_step=True), -0.01 - 1),
        (manipulate(last_step=True, succeeded=False), -0.01 - 0.02 - 1),
        (manipulate(last_step=True, opens=True, newly_opened=True), -0.01 + 0.1 - 1),
        (manipulate(last_step=True, any_last_step=False), -0.01 - 1),
        (manipulate(last_step=True, any_last_step=False, succeeded=False), -0.01 - 0.02),
        (manipulate(last_step=True, any_last_step=False, opens=True, newly_opened=True), -0.01 + 0.1),
        (manipulate(last_step=True, any_last_step=False, opens=True), -0.01),
    ],
)
def test_manipulate_without_a_drop(reward: float, expected: float) -> None:
    assert reward == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("entries", "target", "expected"),
    [
        # At most 10 pixels: lost.
        ({(ON_TOP, 3, 3): 10}, (ON_TOP, 3, 3), -1.0),
        # Exactly at the target: 0.25^0 + 1 for OnTop, and 1 more for the modality otherwise.
        ({(ON_TOP, 3, 3): 11}, (ON_TOP, 3, 3), 1.0 + 1.0),
        ({(BEHIND, 3, 3): 40}, (BEHIND, 3, 3), 1.0 + 1.0 + 1.0),
        ({(ON_TOP, 2, 4): 40, (CONTAINED_IN, 2, 4): 40}, (CONTAINED_IN, 2, 4), 1.0 + 1.0 + 1.0),
        # The right cell in the wrong modality.
        ({(ON_TOP, 3, 3): 40}, (BEHIND, 3, 3), 1.0),
        ({(BEHIND, 3, 3): 40}, (ON_TOP, 3, 3), 1.0),
        # 1 row and 2 columns away: 0.25^3 = 1/64.
        ({(ON_TOP, 2, 5): 40}, (ON_TOP, 3, 3), 1 / 64),
        ({(BEHIND, 2, 5): 40}, (BEHIND, 3, 3), 1 / 64 + 1.0),
        # A row away is no hit, whatever the modality: neighbours do not count.
        ({(CONTAINED_IN, 4, 3): 40, (ON_TOP, 4, 3): 40}, (CONTAINED_IN, 3, 3), 0.25 + 1.0),
        # Modality and cell at different hits: 19 of 20 pixels are a hit, ...
        ({(ON_TOP, 3, 3): 20, (BEHIND, 3, 5): 19}, (BEHIND, 3, 3), 1.0 + 1.0),
        # ... and 18 are not.
        ({(ON_TOP, 3, 3): 20, (BEHIND, 3, 5): 18}, (BEHIND, 3, 3), 1.0),
        # The nearest of several hits counts: 2 and 1 cells away.
        ({(ON_TOP, 3, 5): 20, (ON_TOP, 4, 3): 20}, (ON_TOP, 3, 3), 0.25),
    ],
)
@pytest.mark.parametrize("last_step", [False, True])
def test_a_drop(entries: dict[Target, int], target: Target, expected: float, last_step: bool) -> None:
    reward = manipulate(landing=landed(entries), target=target, last_step=last_step)
    assert reward == pytest.approx(-0.01 + expected, abs=1e-12)


def test_a_failed_action_with_a_landing_is_refused() -> None:
    with pytest.raises(ValueError, match="a failed action must not have a landing"):
        manipulate(succeeded=False, landing=landed({(ON_TOP, 3, 3): 40}))


def seek(
    succeeded: bool = True,
    claims: bool = False,
    in_view: bool = False,
    new_place: bool = False,
    newly_opened: bool = False,
    inner_failure: bool = False,
) -> float:
    return seek_reward(
        succeeded=succeeded,
        claims=claims,
        goal_in_view=in_view,
        new_place=new_place,
        newly_opened=newly_opened,
        inner_failure=inner_failure,
    )


@pytest.mark.parametrize(
    ("reward", "expected"),
    [
        (seek(), -0.01),
        (seek(in_view=True), -0.01),
        (seek(new_place=True), 0.0),
        (seek(newly_opened=True), -0.01 + 0.06),
        (seek(claims=True, in_view=True), -0.01 + 1.0),
        (seek(succeeded=False), -0.01 - 0.02),
        (seek(succeeded=False, in_view=True), -0.01 - 0.02),
        (seek(succeeded=False, claims=True), -0.01 - 0.05),
        (seek(succeeded=False, claims=True, in_view=True), -0.01),
        (seek(succeeded=False, inner_failure=True), -0.01),
        (seek(succeeded=False, claims=True, inner_failure=True), -0.01 - 0.05),
        (seek(succeeded=False, claims=True, in_view=True, inner_failure=True), -0.01 - 0.02),
    ],
)
def test_seek(reward: float, expected: float) -> None:
    assert reward == pytest.approx(expected, abs=1e-12)

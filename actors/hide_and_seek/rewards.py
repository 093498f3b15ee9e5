"""Rewards of the four stages that are learned by reinforcement (Weihs et al., Algorithms 1 to 4).

Each function returns the reward of one action. "Paper" and "ours" say where a number comes from. Quantities that
networks predict are arguments. Where the paper can be read in two ways, the docstring says which reading is taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from actors.hide_and_seek.actions import Kind, Target
from actors.hide_and_seek.pixels import Landing, Modality

STEP = -0.01
"""Every action (paper)."""
FAIL = -0.02
"""A failed action, besides `STEP` (paper)."""

EXPLORE_NEW = 0.2
"""For three new extrapolated locations, as many as one step ahead can add (paper)."""
EXPLORE_OPEN = 0.4
"""For an object that is opened for the first time in the episode (paper)."""
EXPLORE_OPEN_LEAST = -0.001
"""Lower bound of the reward of OpenAt (paper)."""
EXPLORE_HIDE = 0.2
"""Upper bound of `hide_bonus` (paper)."""

HIDE_OPEN = 0.2
"""For an object that is opened for the first time in the episode (paper)."""
HIDE_NOT_READY = -0.1
"""For ReadyForSeeker before the object is hidden (paper)."""
HIDE_PLACED_BEFORE = -0.1
"""For PlaceAt after the object is hidden (paper)."""
HIDE_PLACE = 0.02
"""For a successful PlaceAt (paper)."""
HIDE_DIFFICULT = 0.5
"""For a successful PlaceAt that the manipulator thought it would fail (paper)."""
HIDE_LEAST_PROBABILITY = 1e-4
"""Lower bound of the manipulator's probability (paper)."""
HIDE_MOST_DIFFICULT = 100.0
"""Upper bound of the inverse square of this probability; reached at 0.1 (paper)."""
HIDE_FAIL = -0.01
"""Any other failed action, besides `STEP` (paper)."""
HIDE_FINAL = 5.0
"""Factor of the final bonus, which is therefore between -5 and 5 (paper)."""

MANIPULATE_OPEN = 0.1
"""For an object that is opened for the first time in the episode (paper)."""
MANIPULATE_LOST = -1.0
"""For a drop outside the view (paper)."""
MANIPULATE_NEAR_BASE = 0.25
"""For a drop d cells from the target: this number to the power of d (paper)."""
MANIPULATE_MODALITY = 1.0
"""For a drop with the target's modality, if that is not OnTop (paper)."""
MANIPULATE_HIT = 1.0
"""For a drop at the target (paper)."""
MANIPULATE_NO_DROP = -1.0
"""For the last step of an episode without a drop (paper)."""

SEEK_NEW = 0.01
"""For a new place; it offsets `STEP` (paper)."""
SEEK_OPEN = 0.06
"""For an object that is opened for the first time in the episode (paper)."""
SEEK_FOUND = 1.0
"""For a successful ClaimVisible (paper)."""
SEEK_FALSE_CLAIM = -0.05
"""For ClaimVisible without the object in view, besides `STEP` (paper)."""


def explore_reward(
    *,
    succeeded: bool,
    opens: bool,
    extrapolated_gain: int,
    newly_opened: bool,
    new_location: bool,
    hide_bonus: float = 0.0,
) -> float:
    """Returns the reward of one action of exploration and mapping (Algorithm 1).

    The algorithm as printed subtracts the later set of extrapolated locations from the earlier one, which would punish
    exploring. Its comment and the text say that exploring is rewarded, so growth counts as positive here.

    Args:
        succeeded: whether the action succeeded. If not, only `opens` matters beside it.
        opens: whether the action is an OpenAt. Its reward has a lower bound, so a failed OpenAt costs almost nothing.
        extrapolated_gain: how many locations the action added to the extrapolated ones, at least 0.
        newly_opened: whether the action opened an object that was not opened before in the episode.
        new_location: whether the action led to a location tuple, rotation and posture included, that did not occur
            before in the episode.
        hide_bonus: result of the function of that name. It counts only if the action opened something new or led to a
            new location tuple. 0 in pretraining.

    Raises:
        ValueError: if `extrapolated_gain` is negative. The set only grows, so the arguments were mixed up.
    """
    if extrapolated_gain < 0:
        raise ValueError(f"extrapolated_gain must be at least 0, not {extrapolated_gain}")
    reward = STEP
    if not succeeded:
        reward += FAIL
    else:
        reward += EXPLORE_NEW * extrapolated_gain / 3
        if newly_opened:
            reward += EXPLORE_OPEN
        if newly_opened or new_location:
            reward += hide_bonus
    return max(reward, EXPLORE_OPEN_LEAST) if opens else reward


def hide_bonus(value: float, earlier: Sequence[float]) -> float:
    """Returns 0.2 min(1, max(0, v_{t+1} - V_t)), the bonus for reaching a good hiding place (appendix C.5).

    Args:
        value: v_{t+1}, the value that perspective simulation gives the agent's location after the action.
        earlier: such values of all earlier steps that opened something new or led to a new location tuple. The first
            location of the episode is new and belongs to them. V_t is their mean, and 0 if there are none (ours).

    Returns:
        Between 0 and 0.2.
    """
    mean = math.fsum(earlier) / len(earlier) if len(earlier) else 0.0
    return EXPLORE_HIDE * min(1.0, max(0.0, value - mean))


def hide_reward(
    *,
    kind: Kind,
    succeeded: bool,
    newly_opened: bool,
    placed_before: bool,
    manipulator_probability: float | None = None,
) -> float:
    """Returns the reward of one action of object hiding, without the final bonus (Algorithm 2).

    Args:
        kind: what the action does.
        succeeded: whether the action succeeded.
        newly_opened: whether the action opened an object that was not opened before in the episode.
        placed_before: whether an earlier PlaceAt of the episode succeeded.
        manipulator_probability: the probability with which the manipulator expected the PlaceAt to succeed. Only a
            successful PlaceAt needs it. None stands for 1 (ours), the least reward, for players without a network.

    Raises:
        ValueError: if the probability is not in [0, 1], or if a PlaceAt succeeded after an earlier one, which the game
            rules out.
    """
    reward = STEP
    if kind == Kind.READY:
        return reward if succeeded else reward + HIDE_NOT_READY
    if kind == Kind.PLACE and placed_before:
        if succeeded:
            raise ValueError("a PlaceAt cannot succeed after an earlier one succeeded")
        return reward + HIDE_PLACED_BEFORE
    if not succeeded:
        return reward + HIDE_FAIL
    if kind == Kind.PLACE:
        probability = 1.0 if manipulator_probability is None else manipulator_probability
        if not 0 <= probability <= 1:
            raise ValueError(f"manipulator_probability must be in [0, 1], not {probability}")
        difficulty = min(max(probability, HIDE_LEAST_PROBABILITY) ** -2, HIDE_MOST_DIFFICULT) / HIDE_MOST_DIFFICULT
        return reward + HIDE_PLACE + HIDE_DIFFICULT * difficulty
    return reward + HIDE_OPEN if newly_opened else reward


def final_hiding_bonus(rollout_lengths: Sequence[int], seeker_steps: int) -> float:
    """Returns 5 (-1 + (2 / n) |{i : len_i <= N_S}|), how long the seeker took compared with n mental rollouts.

    The bonus (appendix C.5) is 5 if the seeker took at least as long as in each rollout, and -5 if it was faster than
    in all of them. `final_hiding_step` says which action gets it.

    Args:
        rollout_lengths: (n,) steps of the seeker in each mental rollout at the chosen place; the paper has n = 100.
        seeker_steps: N_S, steps that the seeker took; 500 if it did not find the object.

    Raises:
        ValueError: if there are no rollouts.
    """
    if len(rollout_lengths) == 0:
        raise ValueError("rollout_lengths must hold at least one rollout")
    shorter = sum(length <= seeker_steps for length in rollout_lengths)
    return HIDE_FINAL * (-1 + 2 * shorter / len(rollout_lengths))


def final_hiding_step(actions: Sequence[tuple[Kind, bool]]) -> int | None:
    """Returns the index of the action that gets the final bonus of object hiding (Algorithm 2).

    Args:
        actions: kind and success of each action of the episode.

    Returns:
        The last successful action that is not ReadyForSeeker; None if no PlaceAt succeeded.
    """
    successes = [(index, kind) for index, (kind, succeeded) in enumerate(actions) if succeeded and kind != Kind.READY]
    return successes[-1][0] if any(kind == Kind.PLACE for _, kind in successes) else None


def manipulate_reward(
    *,
    succeeded: bool,
    newly_opened: bool,
    landing: Landing | None,
    target: Target,
    last_step: bool,
    opens: bool,
    any_last_step: bool = True,
) -> float:
    """Returns the reward of one action of object manipulation (Algorithm 3).

    The algorithm counts the pixels of a lost object with all other objects invisible; appendix B.4 counts
    |OnTop| + |Behind|. These are the same up to pixels on the object's border, and `landing.lost` decides for both.

    Args:
        succeeded: whether the action succeeded.
        newly_opened: whether the action opened an object that was not opened before in the episode.
        landing: where the object landed, if the action was a successful DropObject; None otherwise.
        target: modality, row and column at which the object should land. Neighbouring cells do not count here.
        last_step: whether this is the last action that the budget allows.
        opens: whether the action is an OpenAt. It matters only if `any_last_step` is false.
        any_last_step: whether every last step without a drop is punished, also one that failed or opened something.
            False is the algorithm as printed, where the -1 belongs to the last of several alternatives: an agent could
            escape it by a failed action.

    Raises:
        ValueError: if an action that failed has a landing.
    """
    reward = STEP
    if landing is not None:
        if not succeeded:
            raise ValueError("a failed action must not have a landing")
        return reward + _drop_reward(landing, target)
    if not succeeded:
        reward += FAIL
    elif newly_opened:
        reward += MANIPULATE_OPEN
    if last_step and (any_last_step or (succeeded and not opens)):
        reward += MANIPULATE_NO_DROP
    return reward


def _drop_reward(landing: Landing, target: Target) -> float:
    """Returns what DropObject is worth, without the step penalty."""
    if landing.lost:
        return MANIPULATE_LOST
    hits, (modality, row, column) = landing.hits(), target
    reward = MANIPULATE_NEAR_BASE ** min(abs(row - b) + abs(column - c) for _, b, c in hits)
    if modality != Modality.ON_TOP and any(a == modality for a, _, _ in hits):
        reward += MANIPULATE_MODALITY
    if target in hits:
        reward += MANIPULATE_HIT
    return reward


def seek_reward(
    *,
    succeeded: bool,
    claims: bool,
    goal_in_view: bool,
    new_place: bool,
    newly_opened: bool,
    inner_failure: bool = False,
) -> float:
    """Returns the reward of one action of seeking (Algorithm 4).

    Args:
        succeeded: whether the action succeeded.
        claims: whether the action is a ClaimVisible.
        goal_in_view: whether enough pixels of the object are in view for ClaimVisible. It matters for a failed one: an
            object in view is then too far away.
        new_place: whether the action led to a location tuple, rotation ignored, that the seeker had not visited.
        newly_opened: whether the action opened an object that was not opened before in the episode.
        inner_failure: where the algorithm's -0.02 belongs. False: to every failed action but ClaimVisible, as the text
            says that failures cost -0.02; a claim from too far away costs the step alone. True: to a claim from too far
            away, so that other failed actions cost the step alone.
    """
    if not succeeded:
        if claims and not goal_in_view:
            return STEP + SEEK_FALSE_CLAIM
        return STEP + FAIL if claims == inner_failure else STEP
    if new_place:
        return STEP + SEEK_NEW
    if newly_opened:
        return STEP + SEEK_OPEN
    return STEP + SEEK_FOUND if claims else STEP

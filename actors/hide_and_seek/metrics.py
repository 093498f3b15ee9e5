"""Metrics of exploring, hiding and seeking, and their 95 % intervals (Weihs et al., appendices B.1, B.3 and B.5)."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

HARD_PERCENTILE = 5
"""Hard places are seen from at most as many locations as the place at this percentile (paper)."""
MEDIUM_PERCENTILE = 20
"""Medium places are seen from at most as many locations as the place at this percentile, ... (paper)"""
MEDIUM_SHARE = 0.15
"""... and from at most this share of the locations (paper)."""
NORMAL_97_5 = 1.959963984540054
"""The 97.5th percentile of the standard normal distribution."""

LocationTuple = tuple[int, int, int, bool]
"""x, z, rotation and standing, as of `actors.hide_and_seek.locations.Location`."""


def coverage(visited: Iterable[LocationTuple], feasible: Iterable[LocationTuple]) -> float:
    """Returns |visited| / |feasible|, both without rotation (appendix B.1).

    Args:
        visited: the location tuples at which the agent has been, the first one included.
        feasible: the location tuples that the agent can reach.

    Returns:
        The share. It is above 1 if the agent was at more places than are feasible, as the paper's formula has it.

    Raises:
        ValueError: if no location is feasible; such a room cannot be played.
    """
    return len(_unrotated(visited)) / len(_feasible(feasible))


def coverage_plus(extrapolated: Iterable[LocationTuple], feasible: Iterable[LocationTuple]) -> float:
    """Returns |extrapolated and feasible| / |feasible|, both without rotation (appendix B.1).

    Args:
        extrapolated: location tuples one step ahead of a visited one, or beside that, through objects.
        feasible: the location tuples that the agent can reach.

    Returns:
        The share, 0 to 1.

    Raises:
        ValueError: if no location is feasible.
    """
    places = _feasible(feasible)
    return len(_unrotated(extrapolated) & places) / len(places)


def open_share(opened: Iterable[str], openable: Collection[str]) -> float:
    """Returns |opened| / |openable| of object ids (appendix B.1); 0 if the room has no openable object (ours).

    Raises:
        ValueError: if an opened object is not openable.
    """
    opened, openable = set(opened), set(openable)
    if not opened <= openable:
        raise ValueError(f"opened objects must be openable, which {', '.join(sorted(opened - openable))} is not")
    return len(opened) / len(openable) if openable else 0.0


def visible_share(visible_from: int, locations: int) -> float:
    """Returns the share of feasible location tuples from which any pixel of the object is seen (appendix B.3).

    Args:
        visible_from: N_visible_from, the number of these tuples.
        locations: the number of feasible location tuples.

    Raises:
        ValueError: if there is no feasible tuple, or `visible_from` is not in 0 to `locations`.
    """
    return _share("visible_from", visible_from, locations)


def bfs_share(steps: int, places: int) -> float:
    """Returns N_BFS_steps as a share of the feasible places, without rotation and posture (appendix B.3).

    Args:
        steps: the places that a breadth-first search visits until it sees the object; `places` if it never does.
        places: the number of feasible places.

    Raises:
        ValueError: if there is no feasible place, or `steps` is not in 0 to `places`.
    """
    return _share("steps", steps, places)


class Difficulty(StrEnum):
    """How hard an object at a place is to find, by the share of locations from which it is seen."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


def classify(shares: ArrayLike) -> list[Difficulty]:
    """Returns the difficulty of each place among all places of one scene and goal (appendix B.5).

    A place is hard if its share is at most the 5th percentile of all shares, medium if it is not hard and its share is
    at most both 0.15 and the 20th percentile, and easy otherwise. Ours, where the paper does not say:

    - The p-th percentile of n shares is the k-th smallest one, k = p n / 100 rounded up (nearest rank). So at least one
      place is hard, however few there are.
    - A share that equals a limit is within it. So places with the same share have the same difficulty, and the hard
      ones are all those that are seen from nowhere if these are more than 5 %. There is no medium place if these are
      more than 20 %.

    Args:
        shares: (n,) share of the feasible location tuples from which the object is seen, 0 to 1.

    Returns:
        The n difficulties; none if there are no places.

    Raises:
        ValueError: if `shares` is not one list of numbers in [0, 1].
    """
    values = np.asarray(shares, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"shares must have one dimension, not {values.ndim}")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("shares must be in [0, 1]")
    if not values.size:
        return []
    ordered = np.sort(values)
    hard = _nearest_rank(ordered, HARD_PERCENTILE)
    medium = min(_nearest_rank(ordered, MEDIUM_PERCENTILE), MEDIUM_SHARE)
    return [
        Difficulty.HARD if value <= hard else Difficulty.MEDIUM if value <= medium else Difficulty.EASY
        for value in values.tolist()
    ]


@dataclass(frozen=True)
class Estimate:
    """A share or a mean with its 95 % interval."""

    value: float
    low: float | None
    """Lower end of the interval; None if there is none."""
    high: float | None
    """Upper end of the interval; None if there is none."""
    n: int
    """Number of observations."""


def estimate_share(successes: int, n: int) -> Estimate:
    """Returns a share of independent trials with Wilson's 95 % score interval.

    Args:
        successes: trials that succeeded.
        n: all trials.

    Raises:
        ValueError: if there is no trial, or `successes` is not in 0 to `n`.
    """
    share = _share("successes", successes, n)
    z_squared = NORMAL_97_5**2
    centre = share + z_squared / (2 * n)
    reach = NORMAL_97_5 * math.sqrt(share * (1 - share) / n + z_squared / (4 * n * n))
    scale = 1 + z_squared / n
    # At 0 and n the ends are 0 and 1, which rounding misses.
    low = (centre - reach) / scale if successes else 0.0
    high = (centre + reach) / scale if successes < n else 1.0
    return Estimate(share, low, high, n)


def estimate_mean(values: Sequence[float]) -> Estimate:
    """Returns a mean of independent values with its 95 % interval by Student's t distribution.

    Args:
        values: (n,) observations. A single one has no interval.

    Raises:
        ValueError: if there is no value.
    """
    n = len(values)
    if n == 0:
        raise ValueError("values must hold at least one value")
    mean = math.fsum(values) / n
    if n == 1:
        return Estimate(mean, None, None, 1)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    reach = float(stdtrit(n - 1, 0.975)) * deviation / math.sqrt(n)
    return Estimate(mean, mean - reach, mean + reach, n)


def estimate_ratio(parts: Sequence[int], wholes: Sequence[int], resamples: int = 2000) -> Estimate:
    """Returns the share of all parts in all wholes, with a 95 % bootstrap interval over groups.

    Trials within a group, such as a player's attempts in one game, may depend on each other; groups do not.

    Args:
        parts: (n,) successes of each group.
        wholes: (n,) trials of each group.
        resamples: number of resamples; the same groups always give the same interval.

    Returns:
        The estimate, whose n is the number of trials. Without two groups that have trials there is no interval. If
        all trials ended alike, resamples would too; then Wilson's interval for as many trials as groups serves.

    Raises:
        ValueError: if there is no trial, or a group has more successes than trials.
    """
    share = _share("parts", sum(parts), sum(wholes))
    if any(part > whole for part, whole in zip(parts, wholes, strict=True)):
        raise ValueError("parts must not exceed wholes")
    part, whole = (np.array(values)[np.array(wholes) > 0] for values in (parts, wholes))
    if len(whole) < 2:
        return Estimate(share, None, None, sum(wholes))
    if share in (0.0, 1.0):
        alike = estimate_share(len(whole) * round(share), len(whole))
        return Estimate(share, alike.low, alike.high, sum(wholes))
    drawn = np.random.default_rng(0).integers(len(whole), size=(resamples, len(whole)))
    low, high = np.quantile(part[drawn].sum(axis=1) / whole[drawn].sum(axis=1), (0.025, 0.975))
    return Estimate(share, float(low), float(high), sum(wholes))


def _unrotated(locations: Iterable[LocationTuple]) -> set[tuple[int, int, bool]]:
    """Returns the (x, z, standing) that occur in location tuples."""
    return {(x, z, standing) for x, z, _, standing in locations}


def _feasible(locations: Iterable[LocationTuple]) -> set[tuple[int, int, bool]]:
    """Returns the feasible (x, z, standing); refuses a room without any."""
    places = _unrotated(locations)
    if not places:
        raise ValueError("feasible must hold at least one location")
    return places


def _share(name: str, part: int, whole: int) -> float:
    """Returns part / whole; `name` is what an error calls the part."""
    if whole < 1 or not 0 <= part <= whole:
        raise ValueError(f"{name} must be in 0 to the total, which must be at least 1, not {part} of {whole}")
    return part / whole


def _nearest_rank(ordered: np.ndarray, percentile: int) -> float:
    """Returns a percentile of (n,) ascending values, n at least 1: always one of them."""
    rank = -(-percentile * len(ordered) // 100)  # rounded up
    return float(ordered[rank - 1])

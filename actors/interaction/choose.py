"""Chooses which cells to touch, how hard, and in which direction (docs/interaction.md, Observations and touches).

All random draws of a location come from one generator, seeded by (run's seed, running number of the location), in an
order that does not depend on the model. So the random touches and all directions of a location depend neither on the
actor nor on the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from actors.observation import Observation
from replay.interaction.record import GRID_SIZE, MAGNITUDES, MAX_TOUCHES, Choice

if TYPE_CHECKING:  # importing torch takes seconds, and users of the directions alone do not need it
    from models.interaction.inference import InstancePredictor

DIRECTIONS: NDArray[np.float64] = np.array(list(product((-1, 1), (1, 2), (-1, 1))), dtype=np.float64)
"""(8, 3) directions (x right, y up, z ahead in the agent's frame), not normalised: sideways, up, to or fro."""


@dataclass(frozen=True)
class TouchPlan:
    """Number and kind of a location's touches; depends on the phase of training."""

    greedy: int
    """Number of touches that the model chooses."""
    random: int
    """Number of random touches."""
    force_trials: bool
    """Whether several forces are tried (joint phase); otherwise only the largest is used."""

    def __post_init__(self) -> None:
        if min(self.greedy, self.random) < 0 or not 1 <= self.greedy + self.random <= MAX_TOUCHES:
            raise ValueError(
                f"greedy and random touches must be 1 to {MAX_TOUCHES} together, not {self.greedy} and {self.random}"
            )


@dataclass(frozen=True)
class Touch:
    """A planned touch."""

    row: int
    column: int
    magnitude: int
    """Predicted or drawn magnitude index 0, 1, 2."""
    direction: tuple[float, float, float]
    """In the agent's frame."""
    choice: Choice


def choose_touches(
    observation: Observation,
    plan: TouchPlan,
    predictor: InstancePredictor | None,
    rng: np.random.Generator,
    cluster_distance: float,
) -> list[Touch]:
    """Returns the touches of a location: greedy ones, best first, then random ones.

    There are fewer greedy touches than planned if the model finds fewer instances, for example because our network's
    instances fill the whole grid. `cluster_distance` is as in `ActorConfig`.
    """
    cells = rng.integers(GRID_SIZE, size=(plan.random, 2))
    magnitudes = rng.integers(MAGNITUDES, size=plan.random)
    directions = DIRECTIONS[rng.integers(len(DIRECTIONS), size=plan.greedy + plan.random)]
    touches = []
    if plan.greedy:
        assert predictor is not None, "greedy touches need a model"
        (found,) = predictor.predict(observation.image, observation.depth, plan.greedy, cluster_distance)
        for (row, column), force, direction in zip(found.seeds, found.force, directions, strict=False):
            touches.append(Touch(int(row), int(column), int(force), tuple(direction), Choice.GREEDY))
    for (row, column), magnitude, direction in zip(cells, magnitudes, directions[plan.greedy :], strict=True):
        touches.append(Touch(int(row), int(column), int(magnitude), tuple(direction), Choice.RANDOM))
    return touches

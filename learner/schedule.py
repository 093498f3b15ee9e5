"""The schedule of a run, as the coordinator reads it: phases of collecting and training, in rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from replay import limiter


@dataclass
class Phase:
    """One phase of a run: prefill, then rounds that each collect some tasks and train some batches.

    A phase may only collect (no rounds, or rounds without batches) or only train (no tasks).
    """

    name: str
    prefill: int
    """Number of tasks collected before the first batch."""
    tasks_per_round: int
    """Number of tasks that each round adds."""
    batches: tuple[int, ...]
    """Number of batches in each round."""
    minutes: float | None
    """Minutes after which the phase ends even if rounds are left; None: never."""
    fresh: bool
    """Whether the phase starts with empty tables."""
    limits: Mapping[str, limiter.Phase]
    """What the rate limiter of each table enforces; a table that is not named takes no part. A step takes its batch
    from one table (`learner.core.LearnerCore.source`), so the batches of all tables together are the phase's."""
    player_orders: Mapping[str, Any]
    """Orders of the system to its players, sent with each task of the phase."""
    learner_orders: tuple[Mapping[str, Any], ...]
    """Orders of the system to its learner in each round."""

    def __post_init__(self) -> None:
        if (batches := sum(limit.batches for limit in self.limits.values())) != self.total_batches:
            raise ValueError(f"phase {self.name} has {self.total_batches} batches, but its tables give {batches}")

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        return len(self.batches)

    @property
    def total_tasks(self) -> int:
        """Tasks of the whole phase, prefill included."""
        return self.prefill + self.rounds * self.tasks_per_round

    @property
    def total_batches(self) -> int:
        """Batches of the whole phase."""
        return sum(self.batches)

    @property
    def batches_before_round(self) -> list[int]:
        """R + 1 numbers: batches done when round r of the phase begins; the last one is the phase's total."""
        return list(accumulate(self.batches, initial=0))

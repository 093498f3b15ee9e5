"""The schedule of a run: prefill, then rounds of locations and batches, with K batches growing linearly.

Source: supplement of the paper, "Training details"; docs/interaction.md, Schedule. These are pure functions of a
`PhaseConfig`, so the coordinator, the rate limiter and the learner use the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from learner.schedule import Phase
from replay import limiter
from replay.interaction.batch import LOCATIONS


@dataclass
class PhaseConfig:
    """One phase of training. Values and their reasons: conf/learner/interaction.yaml."""

    name: str
    """Name of the phase; the same as its key under learner.phases."""
    prefill: int
    """Locations in the replay buffer before the first batch."""
    rounds: int
    """Rounds of collecting and training; 0 leaves the phase out."""
    locations_per_round: int
    """Locations that one round adds to the replay buffer."""
    batches_first: int
    """K, batches of the first round."""
    batches_last: int
    """K, batches of the last round; K changes linearly between the first and the last round."""
    greedy: int
    """Number of points of a location that the model chooses."""
    random: int
    """Number of random points of a location."""
    force_trials: bool
    """Whether several magnitudes are tried at each point, and the force head is trained."""
    fresh_bank: bool
    """Whether the phase begins with an empty replay buffer."""
    force_head_only_rounds: int
    """Rounds at the beginning in which only the force head is trained."""
    minutes: float | None
    """Minutes after which the phase ends even if rounds are left; null: never. A limit makes runs unrepeatable."""

    def __post_init__(self) -> None:
        where = f"learner.phases.{self.name}"
        for name in ("prefill", "rounds", "batches_first", "batches_last", "greedy", "random"):
            if getattr(self, name) < 0:
                raise ValueError(f"{where}.{name} must be 0 or more, not {getattr(self, name)}")
        if self.minutes is not None and self.minutes <= 0:
            raise ValueError(f"{where}.minutes must be null or above 0, not {self.minutes}")
        if self.locations_per_round < 1:
            raise ValueError(f"{where}.locations_per_round must be at least 1, not {self.locations_per_round}")
        if self.rounds and self.greedy + self.random < 1:
            raise ValueError(f"{where}.greedy and {where}.random must not both be 0, or nothing is ever touched")
        if self.rounds and not 0 <= self.force_head_only_rounds <= self.rounds:
            raise ValueError(
                f"{where}.force_head_only_rounds must be between 0 and rounds ({self.rounds}), "
                f"not {self.force_head_only_rounds}"
            )
        if self.force_head_only_rounds and not self.force_trials:
            raise ValueError(
                f"{where}.force_head_only_rounds needs {where}.force_trials: nothing else would be trained"
            )


def phase_of(config: PhaseConfig, batch_size: int, player_orders: Mapping[str, Any]) -> Phase:
    """Converts a phase into the coordinator's form.

    Args:
        config: settings of a phase with rounds.
        batch_size: number of records in a batch.
        player_orders: fields of `actors.interaction.choose.TouchPlan`.
    """
    batches = tuple(batches_in_round(config, index) for index in range(config.rounds))
    return Phase(
        name=config.name,
        prefill=config.prefill,
        tasks_per_round=config.locations_per_round,
        batches=batches,
        minutes=config.minutes,
        fresh=config.fresh_bank,
        limits={LOCATIONS: limiter.Phase(config.prefill, config.locations_per_round, batches, batch_size)},
        player_orders=player_orders,
        learner_orders=tuple(
            {"force_head_only": index < config.force_head_only_rounds} for index in range(config.rounds)
        ),
    )


def batches_in_round(phase: PhaseConfig, round_index: int) -> int:
    """K of round r = 0 ... R - 1: first + (last - first) * r / (R - 1), rounded to the nearest (halves up).

    The first round has `batches_first` batches and the last one `batches_last`. A single round has `batches_first`.

    Raises:
        ValueError: the phase has no such round.
    """
    if not 0 <= round_index < phase.rounds:
        raise ValueError(f"phase {phase.name} has rounds 0 to {phase.rounds - 1}, not {round_index}")
    steps = max(1, phase.rounds - 1)
    # floor(x + 1/2) in integers, so that the result does not depend on floating-point rounding.
    doubled = 2 * (phase.batches_first * steps + (phase.batches_last - phase.batches_first) * round_index)
    return (doubled + steps) // (2 * steps)


def batches_before_round(phase: PhaseConfig) -> list[int]:
    """R + 1 numbers: batches of the phase done when round r begins; the last one is the phase's total."""
    return list(accumulate((batches_in_round(phase, r) for r in range(phase.rounds)), initial=0))


def total_batches(phase: PhaseConfig) -> int:
    """Batches of the whole phase."""
    return batches_before_round(phase)[-1]


def total_locations(phase: PhaseConfig) -> int:
    """Locations of the whole phase, prefill included; 0 for a phase without rounds."""
    return phase.prefill + phase.rounds * phase.locations_per_round if phase.rounds else 0


def learning_rate(start: float, kind: str, decay_fraction: float, progress: float) -> float:
    """Learning rate after a share of the run.

    Args:
        start: rate at the beginning.
        kind: "constant" (the paper), or "linear" or "cosine": `start` until the last `decay_fraction` of the run
            begins, then falling to 0 at its end.
        decay_fraction: in (0, 1].
        progress: share of the run done, in [0, 1].

    Raises:
        ValueError: progress outside [0, 1], or an unknown kind.
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"progress must be in [0, 1], not {progress}")
    left = min(1.0, (1 - progress) / decay_fraction)
    if kind == "constant":
        return start
    if kind == "linear":
        return start * left
    if kind == "cosine":
        return start * (1 - math.cos(math.pi * left)) / 2
    raise ValueError(f"learner.lr_schedule must be constant, linear or cosine, not '{kind}'")

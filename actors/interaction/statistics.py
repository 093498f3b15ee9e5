"""An actor's report of one location, beside the record."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.core import Statistics


@dataclass
class PlayStatistics(Statistics):
    """Counts and times of one visit to a location; the parts of its time are set_up, inference, simulator (touches),
    masks and push."""

    entry: int = -1
    """Index of the location in its data set file."""
    touches: int = 0
    """Touches made; 0 under full supervision."""
    touches_by_choice: dict[str, int] = field(default_factory=dict)
    """Keys: "greedy", "random", "oracle" (names of `replay.interaction.record.Choice` in lower case)."""
    successes_by_choice: dict[str, int] = field(default_factory=dict)
    """Successful touches, with the same keys."""
    feedback: dict[str, int] = field(default_factory=dict)
    """Touches by their feedback (names of `replay.interaction.record.Feedback` in lower case)."""
    trials: int = 0
    """Touch actions sent to the simulator: force trials add some, cells out of reach need none."""
    out_of_reach: int = 0
    """Touches that were not sent to the simulator because their cell was out of reach."""

"""What an actor reports of one location besides the record: small, and without images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter


@dataclass
class PlayStatistics:
    """Counts and times of one visit to a location."""

    number: int
    """Running number of the location in the run."""
    entry: int
    """Index of the location in its data set file."""
    actor: int
    weights_version: int
    touches: int = 0
    """None if the actor is fully supervised: its record's rows are labelled without touching."""
    touches_by_choice: dict[str, int] = field(default_factory=dict)
    """Keys: "greedy", "random", "oracle" (names of `replay.interaction.record.Choice` in lower case)."""
    successes_by_choice: dict[str, int] = field(default_factory=dict)
    """Likewise, successful touches."""
    feedback: dict[str, int] = field(default_factory=dict)
    """Touches by their feedback (names of `replay.interaction.record.Feedback` in lower case)."""
    trials: int = 0
    """Touches asked of the simulator: force trials make them more, cells out of reach fewer, than `touches`."""
    out_of_reach: int = 0
    """Touches that were not asked of the simulator because their cell was out of reach."""
    stored: bool = True
    """Whether the replay holds the record; it does not take one if the phase is over."""
    restarts: int = 0
    """Simulators that had to be started anew for this location."""
    fault: str = ""
    """What had gone wrong with the simulator before; empty if nothing had."""
    wrong_frame: bool = False
    """Whether that was an answer of another scene or pose."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall-clock seconds by part: set_up, inference, simulator (touches), masks, push (waiting for the replay)."""

    @contextmanager
    def clock(self, part: str) -> Iterator[None]:
        """Adds the time that the body takes to a part."""
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + perf_counter() - start

"""Metrics of the interaction system's actors: touches, their success, and rates."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from actors.core import Statistics
from actors.interaction.statistics import PlayStatistics
from cluster.run.status import number
from cluster.run.tracking import finite

SUCCESS_WINDOW = 100
"""Number of latest locations over which success shares are computed."""


class TouchMeter:
    """Implements `cluster.run.system.Meter`."""

    unit = "location"

    def __init__(self, shown_metrics: Mapping[str, str]) -> None:
        """Starts at zero.

        Args:
            shown_metrics: see `Meter.shown_metrics`.
        """
        self.shown_metrics = shown_metrics
        self.touches = self.locations = 0
        self.recent: deque[PlayStatistics] = deque(maxlen=SUCCESS_WINDOW)
        self.row_locations = self.row_touches = 0
        """Counts since the last row."""

    def add(self, statistics: Statistics) -> None:
        """See `Meter.add`."""
        assert isinstance(statistics, PlayStatistics)
        self.recent.append(statistics)
        self.locations += 1
        self.touches += statistics.touches
        self.row_locations += 1
        self.row_touches += statistics.touches

    def success(self, choice: str) -> float:
        """Share of successful touches at the latest locations; NaN without touches.

        Args:
            choice: "greedy" or "random".
        """
        touches = sum(statistics.touches_by_choice.get(choice, 0) for statistics in self.recent)
        successes = sum(statistics.successes_by_choice.get(choice, 0) for statistics in self.recent)
        return successes / touches if touches else float("nan")

    def progress(self, seconds: float) -> dict[str, float]:
        """Success shares and touch rate."""
        return {
            "touches/s": self.touches / max(1e-9, seconds),
            "greedy": self.success("greedy"),
            "random": self.success("random"),
        }

    def row(self, span: float) -> dict[str, float]:
        """See `Meter.row`."""
        row = {
            "locations": self.locations,
            "touches": self.touches,
            "rate/locations_per_s": self.row_locations / span,
            "rate/touches_per_s": self.row_touches / span,
            "actors/greedy_success": self.success("greedy"),
            "actors/random_success": self.success("random"),
        }
        self.row_locations = self.row_touches = 0
        return row

    def summary(self, row: Mapping[str, float]) -> str:
        """See `Meter.summary`."""
        return (
            f"{number(row, 'locations')} locations ({number(row, 'rate/locations_per_s')}/s), "
            f"{number(row, 'touches')} touches ({number(row, 'rate/touches_per_s')}/s)"
        )

    def results(self) -> dict[str, Any]:
        """See `Meter.results`."""
        return {
            "greedy_success": finite(round(self.success("greedy"), 4)),
            "random_success": finite(round(self.success("random"), 4)),
            "touches": self.touches,
            "locations": self.locations,
        }

    def get_state(self) -> dict[str, Any]:
        """See `Meter.get_state`."""
        return {
            "touches": self.touches,
            "locations": self.locations,
            "recent": [asdict(statistics) for statistics in self.recent],
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """See `Meter.set_state`."""
        self.touches, self.locations = int(state["touches"]), int(state["locations"])
        self.recent.clear()
        self.recent.extend(PlayStatistics(**statistics) for statistics in state["recent"])
        self.row_locations = self.row_touches = 0

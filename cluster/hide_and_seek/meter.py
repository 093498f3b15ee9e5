"""Metrics of the actors of hide and seek: steps, games, and how each stage goes."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from actors.core import Statistics
from actors.hide_and_seek.learning.statistics import LearningStatistics
from cluster.run.status import number
from cluster.run.tracking import finite

WINDOW = 50
"""Number of latest tasks of each kind over which means are taken."""

MEANS = {
    "explore/coverage": ("explore", "coverage", "episodes"),
    "explore/opened": ("explore", "opened", "episodes"),
    "manipulate/hit_on_top": ("manipulate", "hits_on_top", "attempts_on_top"),
    "manipulate/hit_contained_in": ("manipulate", "hits_contained_in", "attempts_contained_in"),
    "manipulate/hit_behind": ("manipulate", "hits_behind", "attempts_behind"),
    "hide/placed": ("hide", "placed", "episodes"),
    "seek/found": ("seek", "found", "sought"),
    "seek/steps": ("seek", "seek_steps", "ended"),
    "seek/claim_precision": ("seek", "true_claims", "claims"),
}
"""Metric -> stage, its sum, and the sum that divides it."""
PER_STEP = {"return_per_step": "return", "entropy": "entropy"}
"""Means over steps that every stage has -> its sum."""


class GameMeter:
    """Implements `cluster.run.system.Meter`."""

    unit = "task"
    shown_metrics: Mapping[str, str] = {
        "entropy": "explore/entropy", "value error": "explore/value_error", "VDR": "dynamics/inverse",
    }  # fmt: skip

    def __init__(self) -> None:
        """Starts at zero."""
        self.totals: Counter[str] = Counter()
        """Tasks, env_steps and games, and episodes of each stage."""
        self.recent: dict[str, deque[dict[str, dict[str, float]]]] = {}
        """By kind of task, the stages' sums of the latest tasks."""
        self.row_steps = self.row_games = 0
        """Counts since the last row."""
        self.seconds = 0.0
        """Sum of the rows' spans: how long the run has trained."""

    def add(self, statistics: Statistics) -> None:
        """See `Meter.add`."""
        assert isinstance(statistics, LearningStatistics)
        self.totals.update(tasks=1, env_steps=statistics.steps, games=statistics.games)
        for stage, sums in statistics.stages.items():
            self.totals[f"{stage}_episodes"] += int(sums.get("episodes", 0))
        self.recent.setdefault(statistics.kind, deque(maxlen=WINDOW)).append(statistics.stages)
        self.row_steps += statistics.steps
        self.row_games += statistics.games

    def _ratio(self, stage: str, part: str, whole: str) -> float:
        sums = [stages[stage] for tasks in self.recent.values() for stages in tasks if stage in stages]
        total = sum(one.get(whole, 0.0) for one in sums)
        return sum(one.get(part, 0.0) for one in sums) / total if total else float("nan")

    def _means(self) -> dict[str, float]:
        stages = sorted({stage for tasks in self.recent.values() for found in tasks for stage in found})
        means = {name: self._ratio(*parts) for name, parts in MEANS.items()}
        for stage in stages:
            for name, part in PER_STEP.items():
                means[f"{stage}/{name}"] = self._ratio(stage, part, "steps")
        return means

    def progress(self, seconds: float) -> dict[str, float]:
        """Steps a second, and how the stages go."""
        shown = {
            "steps/s": self.totals["env_steps"] / max(1e-9, seconds),
            "coverage": self._ratio("explore", "coverage", "episodes"),
            "hits": self._ratio("manipulate", "hits_on_top", "attempts_on_top"),
            "found": self._ratio("seek", "found", "sought"),
        }
        return {name: value for name, value in shown.items() if value == value}

    def row(self, span: float) -> dict[str, float]:
        """See `Meter.row`."""
        self.seconds += span
        row = {
            "env_steps": float(self.totals["env_steps"]),
            "games": float(self.totals["games"]),
            "rate/env_steps_per_s": self.row_steps / span,
            "rate/games_per_s": self.row_games / span,
        }
        row |= {f"episodes/{name.removesuffix('_episodes')}": float(count) for name, count in self.totals.items()
                if name.endswith("_episodes")}  # fmt: skip
        row |= {f"actors/{name}": value for name, value in self._means().items() if value == value}
        self.row_steps = self.row_games = 0
        return row

    def summary(self, row: Mapping[str, float]) -> str:
        """See `Meter.summary`."""
        return (
            f"{number(row, 'env_steps')} steps ({number(row, 'rate/env_steps_per_s')}/s), "
            f"{number(row, 'games')} whole games"
        )

    def results(self) -> dict[str, Any]:
        """See `Meter.results`."""
        means = {name.replace("/", "_"): finite(round(value, 4)) for name, value in self._means().items()}
        return {
            "env_steps": self.totals["env_steps"],
            "games": self.totals["games"],
            "env_steps_per_s": round(self.totals["env_steps"] / max(1e-9, self.seconds), 1),
            "training": {name: value for name, value in means.items() if value is not None},
        }

    def get_state(self) -> dict[str, Any]:
        """See `Meter.get_state`."""
        return {
            "totals": dict(self.totals),
            "seconds": self.seconds,
            "recent": {kind: list(tasks) for kind, tasks in self.recent.items()},
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """See `Meter.set_state`."""
        self.totals = Counter({name: int(value) for name, value in state["totals"].items()})
        self.seconds = float(state["seconds"])
        self.recent = {kind: deque(tasks, maxlen=WINDOW) for kind, tasks in state["recent"].items()}
        self.row_steps = self.row_games = 0

"""A learning player's report of one task, beside the records."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.core import Statistics


@dataclass
class LearningStatistics(Statistics):
    """Sums of one task; the parts of its time are set_up, simulator, policy, labels and push."""

    kind: str = ""
    """Of the task, one of `config.KINDS`."""
    steps: int = 0
    """Environment steps of all stages."""
    games: int = 0
    """Whole games that were finished."""
    stages: dict[str, dict[str, float]] = field(default_factory=dict)
    """By stage, sums over its steps: steps, return, entropy; over its ended episodes: episodes; and

    - explore: coverage (sum of shares), opened (objects);
    - manipulate: attempts_X and hits_X for X = on_top, contained_in, behind;
    - hide: placed, manipulations;
    - seek, without episodes that the expert led: sought and found (episodes, also those that were cut off), ended and
      seek_steps (of those that were not), claims, true_claims;
    - play: with_past (games against past weights), hide_bonus.
    """

    def add(self, stage: str, **values: float) -> None:
        """Adds to a stage's sums."""
        sums = self.stages.setdefault(stage, {})
        for name, value in values.items():
            sums[name] = sums.get(name, 0.0) + value

    def merge(self, other: LearningStatistics) -> None:
        """Adds the sums of another share of the same task; seconds of shares that ran at once add up, too."""
        self.stored &= other.stored
        self.steps += other.steps
        self.games += other.games
        for stage, sums in other.stages.items():
            self.add(stage, **sums)
        for part, seconds in other.seconds.items():
            self.seconds[part] = self.seconds.get(part, 0.0) + seconds

"""The schedule of a run: which stages are practised in a phase, and how steps of the three tables alternate.

A task gives a fixed number of records to each table, so the rate limiter can keep their ratios exactly. These are pure
functions of a `PhaseConfig`, so the coordinator, the rate limiter and the learner use the same numbers.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from learner.schedule import Phase
from replay import limiter
from replay.hide_and_seek.memory import MEMORIES
from replay.hide_and_seek.triplet import TRIPLETS
from replay.hide_and_seek.unroll import UNROLLS


@dataclass
class MixConfig:
    """Weights with which a task's kind is drawn; they need not sum to 1."""

    explore: float
    """Exploration by itself, without the reward of good hiding places."""
    manipulate: float
    """Object manipulation by itself, at plausible targets."""
    seek: float
    """Seeking by itself, at places where an object can lie."""
    play: float
    """Whole games."""

    def __post_init__(self) -> None:
        for name, weight in asdict(self).items():
            if weight < 0:
                raise ValueError(f"a phase's mix.{name} must be 0 or more, not {weight}")


@dataclass
class PhaseConfig:
    """One phase of training. Values: conf/learner/hide_and_seek.yaml and the experiments."""

    name: str
    """Name of the phase; the same as its key under learner.phases."""
    mix: MixConfig
    """What the tasks of the phase practise."""
    rounds: int
    """Rounds of collecting and training; 0 leaves the phase out."""
    prefill: int
    """Tasks before the first step."""
    tasks_per_round: int
    """Tasks that a round adds."""
    unrolls: int
    """Unrolls that each task gives."""
    triplets: int
    """Triplets of visual dynamics replay that each task gives."""
    memories: int
    """Memories of whole games that each task gives; only whole games give any."""
    triplet_batches: int
    """Steps of visual dynamics replay in each round."""
    memory_batches: int
    """Steps of perspective simulation in each round."""
    hide_bonus: bool
    """Whether exploration is rewarded for good hiding places (Algorithm 1's last term)."""
    past_share: float
    """Share of the games that are played against a past version."""
    curriculum: float
    """Share of the seek tasks that take the easiest of several places."""
    minutes: float | None
    """Minutes after which the phase ends even if rounds are left; null: never. A limit makes runs unrepeatable."""

    def __post_init__(self) -> None:
        where = f"learner.phases.{self.name}"
        for name in ("rounds", "prefill", "triplets", "memories", "triplet_batches", "memory_batches"):
            if getattr(self, name) < 0:
                raise ValueError(f"{where}.{name} must be 0 or more, not {getattr(self, name)}")
        for name in ("tasks_per_round", "unrolls"):
            if getattr(self, name) < 1:
                raise ValueError(f"{where}.{name} must be at least 1, not {getattr(self, name)}")
        if self.minutes is not None and self.minutes <= 0:
            raise ValueError(f"{where}.minutes must be null or above 0, not {self.minutes}")
        for name in ("past_share", "curriculum"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{where}.{name} must be between 0 and 1, not {getattr(self, name)}")
        mix = asdict(self.mix)
        if self.rounds and not sum(mix.values()):
            raise ValueError(f"{where}.mix must give a weight above 0 to one of {', '.join(mix)}")
        if self.memories and (not self.mix.play or sum(mix.values()) != self.mix.play):
            raise ValueError(f"{where}.memories needs a mix of whole games only: they alone give memories")
        for name, batches in (("triplets", self.triplet_batches), ("memories", self.memory_batches)):
            if batches and not getattr(self, name):
                raise ValueError(f"{where}.{name} must be at least 1, because the phase learns from them")


@dataclass(frozen=True)
class BatchSizes:
    """Records in the batches of each table, and how often an unroll is used."""

    unrolls: int
    triplets: int
    memories: int
    reuse: int


def pattern(config: PhaseConfig, sizes: BatchSizes) -> tuple[str, ...]:
    """The tables of a round's steps, in order: the tables' steps are spread evenly over the round.

    Raises:
        ValueError: a round's unrolls are no whole number of batches.
    """
    unrolls = config.unrolls * config.tasks_per_round * sizes.reuse
    if unrolls % sizes.unrolls:
        raise ValueError(
            f"learner.phases.{config.name}: a round's unrolls, unrolls x tasks_per_round x learner.unroll_reuse = "
            f"{unrolls}, must be a multiple of learner.batch_unrolls, {sizes.unrolls}"
        )
    counts = {UNROLLS: unrolls // sizes.unrolls, TRIPLETS: config.triplet_batches, MEMORIES: config.memory_batches}
    # Each table's step i is due at (i + 1/2) / count of the round.
    due = [((index + 0.5) / count, table) for table, count in counts.items() for index in range(count)]
    return tuple(table for _, table in sorted(due, key=lambda one: one[0]))


def table_at(step: int, steps: tuple[str, ...]) -> str:
    """The table of step `step` of a run, in a phase whose rounds have the pattern `steps`.

    The pattern repeats over all steps of the run. A phase has whole rounds, so it takes as many batches of each table
    whatever step it begins with.
    """
    return steps[step % len(steps)]


def phase_of(config: PhaseConfig, sizes: BatchSizes, tables: tuple[str, ...]) -> Phase:
    """Converts a phase into the coordinator's form.

    Args:
        config: settings of a phase with rounds.
        sizes: records of the batches.
        tables: names of the replay buffer's tables.
    """
    steps = pattern(config, sizes)
    per_task = {UNROLLS: config.unrolls, TRIPLETS: config.triplets, MEMORIES: config.memories}
    limits = {
        table: limiter.Phase(
            per_task[table] * config.prefill,
            per_task[table] * config.tasks_per_round,
            (steps.count(table),) * config.rounds,
            getattr(sizes, table),
        )
        for table in tables
        if per_task[table]
    }
    return Phase(
        name=config.name,
        prefill=config.prefill,
        tasks_per_round=config.tasks_per_round,
        batches=(len(steps),) * config.rounds,
        minutes=config.minutes,
        fresh=False,
        limits=limits,
        player_orders=player_orders(config),
        learner_orders=({},) * config.rounds,
    )


def player_orders(config: PhaseConfig) -> dict[str, Any]:
    """The phase's orders to players, see `actors.hide_and_seek.learning`."""
    return {
        "mixture": asdict(config.mix),
        "unrolls_per_task": config.unrolls,
        "triplets_per_task": config.triplets,
        "memories_per_task": config.memories,
        "hide_bonus": config.hide_bonus,
        "past_share": config.past_share,
        "curriculum": config.curriculum,
    }
